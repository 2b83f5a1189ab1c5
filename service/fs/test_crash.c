/*
 * Whatever ends the service, at whatever instant, an operation has happened as a whole or not at all.
 *
 * A small workload touches every operation that changes the disk. It is run once undisturbed, which gives a
 * digest of the tree after each step; then again and again, ended at each place in turn: power cut after each
 * single write, with the unflushed writes kept in order or lost at random; death of the service at each
 * instant, kept state surviving. After the start that follows, the image is consistent and its digest is that
 * of the last completed step or, for the step that was under way, of that one.
 */
#include "service/fs/test_world.h"
#include <stdio.h>
#include <string.h>

#define STEPS_MAX 32

static u8 bytes[30000];
static u64 held_file, held_directory; /* 0: not held */
static volatile u32 steps;            /* completed */
static u64 digests[STEPS_MAX + 1];
static bool learning; /* take digests */

static void step(void)
{
    steps++;
    if (learning) {
        assert_true(steps <= STEPS_MAX);
        digests[steps] = walk_disk().digest;
    }
}

static u64 made(u64 directory, const char *name, u64 type)
{
    u64 inode = create(directory, name, type);
    step();
    return inode;
}

static void written(u64 inode, u64 offset, const u8 *from, u64 length)
{
    assert_true(offset % 1024 + length <= 4096);
    assert_ok(put_bytes(inode, offset, from, length));
    step();
}

static void workload(void)
{
    fill(bytes, sizeof bytes, 11);
    u64 d = made(FS_ROOT, "d", FS_TYPE_DIRECTORY);
    u64 f = made(d, "file", FS_TYPE_FILE);
    written(f, 0, bytes, 4096);
    written(f, 4096, bytes, 4096);
    written(f, 8192, bytes, 4096);
    written(f, 12288, bytes, 3000); /* through the indirect block */
    written(f, 700, bytes + 5000, 2500);
    assert_ok(fs_link(f, FS_ROOT, NAME("second")));
    step();
    assert_ok(fs_unlink(d, NAME("file")));
    step();
    u64 e = made(d, "e", FS_TYPE_DIRECTORY);
    held_directory = e;
    assert_ok(fs_unlink(d, NAME("e")));
    step();
    u64 g = made(FS_ROOT, "g", FS_TYPE_FILE);
    held_file = g;
    written(g, 0, bytes, 2000);
    assert_ok(fs_unlink(FS_ROOT, NAME("g")));
    step();
    assert_ok(fs_put(f));
    assert_ok(fs_put(d));
    assert_ok(fs_put(g)); /* frees it */
    held_file = 0;
    step();
    assert_ok(fs_put(e));
    held_directory = 0;
    step();
    assert_ok(fs_sync());
    f = open_path("second");
    for (u64 at = 0; at < 28672; at += 4096) /* the log is emptied on the way */
        written(f, at, bytes + at % 8192, 4096);
    assert_ok(fs_truncate(f));
    step();
    assert_ok(fs_put(f));
    assert_ok(fs_unlink(FS_ROOT, NAME("second")));
    step();
}

static void learn(void)
{
    steps = 0;
    learning = true;
    digests[0] = walk_disk().digest;
    workload();
    learning = false;
    assert_consistent(0);
}

/* The workload from a fresh image, until it ends or dies. Returns whether it died. */
static bool run_until_death(u64 after_writes, u64 after_instants)
{
    assert_int_equal(world_setup(NULL), 0);
    steps = 0;
    held_file = held_directory = 0;
    host_disk_stop_after_writes(after_writes);
    host_death_after(after_instants);
    if (setjmp(host_death) != 0)
        return true;
    workload();
    host_death_after(0);
    host_disk_stop_after_writes(0);
    return false;
}

static void check_tree(const char *what, u64 n, u64 seed)
{
    u64 digest = walk_disk().digest;
    if (digest != digests[steps] && digest != digests[steps + 1])
        fail_msg("%s %lu (seed %lu): the tree is neither that before nor that after step %u", what, n, seed,
                 steps + 1);
}

static void test_power_cut(void **state)
{
    (void)state;
    learn();
    u64 n = 1;
    while (run_until_death(n, 0)) {
        assert_ok(world_reboot(0));
        assert_consistent(0);
        check_tree("write", n, 0);
        n++;
    }
    assert_true(n > 100);
}

static void test_power_cut_reordered(void **state)
{
    (void)state;
    learn();
    for (u64 n = 1; run_until_death(n, 0); n++) {
        for (u64 seed = 1; seed <= 4; seed++) {
            if (seed > 1)
                run_until_death(n, 0);
            assert_ok(world_reboot(seed * 1000003 + n));
            assert_consistent(0);
            check_tree("write", n, seed);
        }
    }
}

/* fs_start() until the disk has seen that many writes. Returns whether it died. */
static bool start_until_death(u64 after_writes)
{
    host_disk_stop_after_writes(after_writes);
    if (setjmp(host_death) != 0)
        return true;
    assert_ok(fs_start());
    host_disk_stop_after_writes(0);
    return false;
}

/* Power fails again while the start after a power cut recovers. */
static void test_power_cut_in_recovery(void **state)
{
    (void)state;
    learn();
    for (u64 n = 1; run_until_death(n, 0); n += 3) {
        bool died = true;
        for (u64 m = 1; died; m++) {
            run_until_death(n, 0);
            host_disk_power_cut(0);
            host_disk_stop_after_writes(0);
            host_reset();
            died = start_until_death(m);
            assert_ok(world_reboot(m));
            assert_consistent(0);
            check_tree("write", n, m);
        }
    }
}

/* What was held is held still, its bytes are there; but a put that was under way may have been done. Returns
 * 1 for an inode without links. */
static u32 still_held(u64 inode, u64 full_size)
{
    u64 attributes, size;
    if (inode == 0 || fs_stat(inode, &attributes, &size) == ERR_ARGUMENT)
        return 0;
    assert_true(size == full_size || size == 0);
    static u8 back[2000];
    assert_int_equal(get_bytes(inode, 0, back, sizeof back), size);
    if (inode == held_file && size != 0)
        assert_memory_equal(back, bytes, size);
    return FS_STAT_LINKS(attributes) == 0;
}

static void test_death(void **state)
{
    (void)state;
    learn();
    u64 n = 1;
    while (run_until_death(0, n)) {
        assert_ok(fs_restart());
        check_tree("instant", n, 0);
        u32 orphans = still_held(held_file, 2000) + still_held(held_directory, 32);
        assert_consistent(orphans);
        if (held_file != 0)
            (void)fs_put(held_file);
        if (held_directory != 0)
            (void)fs_put(held_directory);
        assert_consistent(0);
        n++;
    }
    assert_true(n > 400);
}

/* Lent slots are left alone by the next generation until they come back. */
static void test_death_with_lent_slots(void **state)
{
    (void)state;
    u64 f = create(FS_ROOT, "f", FS_TYPE_FILE);
    fill(bytes, sizeof bytes, 3);
    assert_ok(put_bytes(f, 0, bytes, 20000));
    u64 read, count, mine, fresh;
    assert_ok(fs_read(f, 1024, 4096, &read, &count));
    assert_ok(fs_slots_lend(&mine));
    for (u32 k = 0; k < 4; k++)
        memcpy(port_arena_slot(mine >> 16 * k & 0xffff), bytes + 9000 + k * 1024, 1024);
    host_death_after(3);
    if (setjmp(host_death) == 0) {
        (void)fs_write(f, 8192, 4096, mine, 0, &fresh);
        fail();
    }
    assert_ok(fs_restart());
    /* turn the cache over */
    u64 g = create(FS_ROOT, "g", FS_TYPE_FILE);
    static u8 zeros[4096];
    for (u64 at = 0; at < 260 * 1024; at += 4096)
        assert_ok(put_bytes(g, at, zeros, 4096));
    for (u32 k = 0; k < 4; k++)
        assert_memory_equal(port_arena_slot(read >> 16 * k & 0xffff), bytes + 1024 + k * 1024, 1024);
    assert_ok(fs_write(f, 8192, 4096, mine, 0, &fresh)); /* the repeated request */
    static u8 back[4096];
    assert_int_equal(get_bytes(f, 8192, back, 4096), 4096);
    assert_memory_equal(back, bytes + 9000, 4096);
    assert_ok(fs_read_done(read));
    assert_ok(fs_slots_return(fresh));
    assert_err(fs_slots_return(fresh), ERR_ARGUMENT);
    assert_consistent(0);
}

static void test_orphans_are_reclaimed(void **state)
{
    (void)state;
    u64 f = create(FS_ROOT, "f", FS_TYPE_FILE);
    u64 d = create(FS_ROOT, "d", FS_TYPE_DIRECTORY);
    assert_ok(put_bytes(f, 0, bytes, 20000));
    assert_ok(fs_unlink(FS_ROOT, NAME("f")));
    assert_ok(fs_unlink(FS_ROOT, NAME("d")));
    assert_consistent(2);
    assert_ok(world_reboot(0));
    assert_consistent(0);
    char line[64];
    snprintf(line, sizeof line, "ireclaim: orphaned inode %lu\n", f);
    assert_non_null(strstr(host_log_text, line));
    snprintf(line, sizeof line, "ireclaim: orphaned inode %lu\n", d);
    assert_non_null(strstr(host_log_text, line));
    assert_err(fs_put(f), ERR_ARGUMENT);
}

/* A log made by hand: what a crash of xv6 leaves, and what damage can make of it. */
static void test_hand_made_log(void **state)
{
    (void)state;
    u8 *disk = host_disk_bytes();
    u32 *header = (u32 *)(disk + 2048);
    memset(disk + 3 * 1024, 0xab, 1024);
    memset(disk + 4 * 1024, 0xcd, 1024);
    memset(disk + 5 * 1024, 0xef, 1024);
    header[0] = 3;
    header[1] = 1500;
    header[2] = 1999;
    header[3] = 1500; /* twice: the later copy stays */
    host_reset();
    assert_ok(fs_start());
    assert_int_equal(disk[1500 * 1024], 0xef);
    assert_int_equal(disk[1999 * 1024], 0xcd);
    assert_int_equal(header[0], 0);
    assert_non_null(
        strstr(host_log_text, "recovering tail 0 dst 1500\nrecovering tail 1 dst 1999\nrecovering tail 2"));
    static const u32 bad[][2] = {{31, 1500}, {~0u, 1500}, {0x80000001, 1500}, {1, 0},  {1, 1},
                                 {1, 2},     {1, 32},     {1, 2000},          {1, ~0u}};
    for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
        header[0] = bad[i][0];
        header[1] = bad[i][1];
        host_reset();
        u64 writes = host_disk_counts().writes;
        assert_err(fs_start(), ERR_CORRUPT);
        assert_int_equal(host_disk_counts().writes, writes);
    }
    header[0] = 30; /* the longest that is right */
    for (u32 i = 0; i < 30; i++)
        header[1 + i] = 1900 + i;
    host_reset();
    assert_ok(fs_start());
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(test_power_cut),     T(test_power_cut_reordered),   T(test_power_cut_in_recovery),
        T(test_death),         T(test_death_with_lent_slots), T(test_orphans_are_reclaimed),
        T(test_hand_made_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
