/*
 * The operations of the file system one by one: what they do, every refusal, every limit.
 */
#include "service/fs/test_world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_mkfs_is_read(void **state)
{
    (void)state;
    assert_consistent(0);
    u64 hello = open_path("hello");
    assert_int_not_equal(hello, 0);
    char text[64] = "";
    assert_int_equal(get_bytes(hello, 0, text, sizeof text), 12);
    assert_string_equal(text, "hello, disk\n");
    u64 attributes, size;
    assert_ok(fs_stat(hello, &attributes, &size));
    assert_int_equal(FS_STAT_TYPE(attributes), FS_TYPE_FILE);
    assert_int_equal(FS_STAT_LINKS(attributes), 1);
    assert_int_equal(size, 12);
    assert_ok(fs_put(hello));
    assert_err(fs_put(hello), ERR_ARGUMENT);
}

static void test_v22_log(void **state)
{
    (void)state;
    world_image("-l 30");
    host_reset();
    assert_ok(fs_start());
    static u8 bytes[20000], back[20000];
    fill(bytes, sizeof bytes, 1);
    u64 f = create(FS_ROOT, "f", FS_TYPE_FILE);
    assert_ok(put_bytes(f, 0, bytes, sizeof bytes));
    assert_int_equal(get_bytes(f, 0, back, sizeof back), sizeof back);
    assert_memory_equal(bytes, back, sizeof bytes);
    assert_consistent(0);
}

static void test_lookup(void **state)
{
    (void)state;
    u64 i;
    assert_err(lookup(FS_ROOT, "absent", &i), ERR_NOT_FOUND);
    assert_err(lookup(FS_ROOT, "", &i), ERR_ARGUMENT);
    assert_err(lookup(FS_ROOT, "a/b", &i), ERR_ARGUMENT);
    assert_err(fs_lookup(FS_ROOT, 'a', (u64)'b' << 48, &i), ERR_ARGUMENT);
    assert_err(fs_lookup(FS_ROOT, 'a' | (u64)'b' << 16, 0, &i), ERR_ARGUMENT);
    assert_err(lookup(0, "hello", &i), ERR_ARGUMENT);
    assert_err(lookup(77, "hello", &i), ERR_ARGUMENT);
    assert_err(lookup(1ul << 40, "hello", &i), ERR_ARGUMENT);
    assert_ok(lookup(FS_ROOT, "..", &i));
    assert_int_equal(i, FS_ROOT);
    assert_ok(fs_put(i));
    assert_err(fs_put(FS_ROOT), ERR_ARGUMENT); /* the root's own reference stays */
    u64 hello = open_path("hello");
    assert_err(lookup(hello, "x", &i), ERR_NOT_DIRECTORY);
    assert_err(fs_create(hello, NAME("x"), FS_TYPE_FILE, 0, &i), ERR_NOT_DIRECTORY);
    assert_err(fs_unlink(hello, NAME("x")), ERR_NOT_DIRECTORY);
    assert_err(fs_link(hello, hello, NAME("x")), ERR_NOT_DIRECTORY);
}

static void test_create(void **state)
{
    (void)state;
    u64 i;
    u64 f = create(FS_ROOT, "fourteen-bytes", FS_TYPE_FILE);
    assert_int_equal(open_path("fourteen-bytes"), f);
    assert_err(fs_create(FS_ROOT, NAME("fourteen-bytes"), FS_TYPE_DIRECTORY, 0, &i), ERR_EXISTS);
    assert_err(fs_create(FS_ROOT, NAME("."), FS_TYPE_FILE, 0, &i), ERR_EXISTS);
    assert_err(fs_create(FS_ROOT, NAME(".."), FS_TYPE_FILE, 0, &i), ERR_EXISTS);
    assert_err(fs_create(FS_ROOT, NAME("x"), 0, 0, &i), ERR_ARGUMENT);
    assert_err(fs_create(FS_ROOT, NAME("x"), 4, 0, &i), ERR_ARGUMENT);
    assert_err(fs_create(FS_ROOT, NAME("x"), FS_TYPE_FILE, 1, &i), ERR_ARGUMENT);
    assert_err(fs_create(FS_ROOT, NAME(""), FS_TYPE_FILE, 0, &i), ERR_ARGUMENT);
    assert_ok(fs_create(FS_ROOT, NAME("console"), FS_TYPE_DEVICE, 1 | 0x7ff0ul << 16, &i));
    u64 attributes, size;
    assert_ok(fs_stat(i, &attributes, &size));
    assert_int_equal(FS_STAT_TYPE(attributes), FS_TYPE_DEVICE);
    assert_int_equal(FS_STAT_MAJOR(attributes), 1);
    assert_int_equal(FS_STAT_MINOR(attributes), 0x7ff0);
    u64 slots, count;
    assert_err(fs_read(i, 0, 1, &slots, &count), ERR_ARGUMENT);
    assert_err(fs_truncate(i), ERR_ARGUMENT);
    u64 d = create(FS_ROOT, "dir", FS_TYPE_DIRECTORY);
    assert_int_equal(links_of(d), 1);
    assert_int_equal(size_of(d), 32);
    assert_int_equal(links_of(FS_ROOT), 2);
    assert_ok(lookup(d, "..", &i));
    assert_int_equal(i, FS_ROOT);
    u64 e = create(d, "deep", FS_TYPE_DIRECTORY);
    assert_int_equal(open_path("dir/deep/.."), d);
    assert_int_equal(open_path("dir/deep"), e);
    assert_consistent(0);
}

static void test_unlink(void **state)
{
    (void)state;
    u64 d = create(FS_ROOT, "dir", FS_TYPE_DIRECTORY);
    u64 f = create(d, "f", FS_TYPE_FILE);
    assert_ok(put_bytes(f, 0, "text", 4));
    assert_err(fs_unlink(FS_ROOT, NAME("dir")), ERR_NOT_EMPTY);
    assert_err(fs_unlink(d, NAME(".")), ERR_ARGUMENT);
    assert_err(fs_unlink(d, NAME("..")), ERR_ARGUMENT);
    assert_err(fs_unlink(d, NAME("g")), ERR_NOT_FOUND);
    u32 free_blocks = walk_disk().free_blocks;
    assert_ok(fs_unlink(d, NAME("f")));
    assert_consistent(1);
    char text[8];
    assert_int_equal(get_bytes(f, 0, text, 8), 4); /* open: still there */
    assert_err(fs_link(f, d, NAME("back")), ERR_NOT_FOUND);
    assert_ok(fs_put(f));
    assert_consistent(0);
    assert_int_equal(walk_disk().free_blocks, free_blocks + 1);
    assert_err(fs_unlink(d, NAME("f")), ERR_NOT_FOUND);

    /* a removed directory that is held: "." works, ".." and creating are refused */
    assert_ok(fs_unlink(FS_ROOT, NAME("dir")));
    assert_int_equal(links_of(FS_ROOT), 1);
    u64 i;
    assert_ok(lookup(d, ".", &i));
    assert_int_equal(i, d);
    assert_ok(fs_put(i));
    assert_err(lookup(d, "..", &i), ERR_NOT_FOUND);
    assert_err(fs_create(d, NAME("x"), FS_TYPE_FILE, 0, &i), ERR_NOT_FOUND);
    u64 hello = open_path("hello");
    assert_err(fs_link(hello, d, NAME("x")), ERR_NOT_FOUND);
    assert_err(fs_link(d, FS_ROOT, NAME("x")), ERR_IS_DIRECTORY);
    assert_ok(fs_put(d));
    assert_consistent(0);

    /* a freed record is used again, the lowest first */
    u64 root_size = size_of(FS_ROOT);
    for (u32 n = 0; n < 5; n++) {
        assert_ok(fs_put(create(FS_ROOT, "again", FS_TYPE_FILE)));
        assert_ok(fs_unlink(FS_ROOT, NAME("again")));
    }
    assert_int_equal(size_of(FS_ROOT), root_size);
    assert_consistent(0);
}

static void test_link(void **state)
{
    (void)state;
    u64 hello = open_path("hello");
    assert_ok(fs_link(hello, FS_ROOT, NAME("bye")));
    assert_err(fs_link(hello, FS_ROOT, NAME("bye")), ERR_EXISTS);
    assert_err(fs_link(hello, 99, NAME("x")), ERR_ARGUMENT);
    assert_err(fs_link(99, FS_ROOT, NAME("x")), ERR_ARGUMENT);
    assert_err(fs_link(FS_ROOT, FS_ROOT, NAME("x")), ERR_IS_DIRECTORY);
    assert_int_equal(links_of(hello), 2);
    assert_ok(fs_unlink(FS_ROOT, NAME("hello")));
    assert_int_equal(open_path("bye"), hello);
    assert_consistent(0);
}

static void test_link_limit(void **state)
{
    (void)state;
    /* 32767 names would take long: the count is set on the disk */
    u64 hello = open_path("hello");
    u32 inode_start = ((u32 *)(host_disk_bytes() + 1024))[6];
    struct xv6fs_inode *inodes = (void *)(host_disk_bytes() + inode_start * 1024ul);
    inodes[hello].nlink = 32766;
    inodes[FS_ROOT].nlink = 32766;
    assert_ok(fs_put(hello));
    host_reset();
    assert_ok(fs_start());
    hello = open_path("hello");
    assert_ok(fs_link(hello, FS_ROOT, NAME("one-more")));
    assert_err(fs_link(hello, FS_ROOT, NAME("too-many")), ERR_NO_SPACE);
    u64 i;
    create(FS_ROOT, "dir", FS_TYPE_DIRECTORY);
    assert_err(fs_create(FS_ROOT, NAME("dir2"), FS_TYPE_DIRECTORY, 0, &i), ERR_NO_SPACE);
    assert_ok(fs_create(FS_ROOT, NAME("file"), FS_TYPE_FILE, 0, &i));
}

static void test_write_read(void **state)
{
    (void)state;
    static u8 bytes[XV6FS_FILE_SIZE], back[XV6FS_FILE_SIZE + 1];
    fill(bytes, sizeof bytes, 7);
    u64 f = create(FS_ROOT, "big", FS_TYPE_FILE);
    for (u64 at = 0; at < sizeof bytes;) { /* lengths of every kind */
        u64 part = 1 + at * 7 % 4999;
        part = part < sizeof bytes - at ? part : sizeof bytes - at;
        assert_ok(put_bytes(f, at, bytes + at, part));
        at += part;
    }
    assert_int_equal(size_of(f), XV6FS_FILE_SIZE);
    assert_int_equal(get_bytes(f, 0, back, sizeof back), sizeof bytes);
    assert_memory_equal(bytes, back, sizeof bytes);
    assert_err(put_bytes(f, XV6FS_FILE_SIZE, "x", 1), ERR_RANGE);
    assert_err(put_bytes(f, XV6FS_FILE_SIZE - 1, "xy", 2), ERR_RANGE);
    assert_consistent(0);

    /* random pieces over what is there, in a cache too small for the file */
    u64 seed = 3;
    for (u32 n = 0; n < 200; n++) {
        u64 at = random_next(&seed) % sizeof bytes;
        u64 part = 1 + random_next(&seed) % 3000;
        part = part < sizeof bytes - at ? part : sizeof bytes - at;
        fill(bytes + at, part, n);
        assert_ok(put_bytes(f, at, bytes + at, part));
        at = random_next(&seed) % sizeof bytes;
        part = 1 + random_next(&seed) % 5000;
        part = part < sizeof bytes - at ? part : sizeof bytes - at;
        assert_int_equal(get_bytes(f, at, back, part), part);
        assert_memory_equal(back, bytes + at, part);
    }
    assert_ok(world_reboot(0));
    f = open_path("big");
    assert_int_equal(get_bytes(f, 0, back, sizeof back), sizeof bytes);
    assert_memory_equal(bytes, back, sizeof bytes);
    u32 free_blocks = walk_disk().free_blocks;
    assert_ok(fs_truncate(f));
    assert_int_equal(size_of(f), 0);
    assert_int_equal(walk_disk().free_blocks, free_blocks + 269);
    assert_consistent(0);
}

static void test_write_refusals(void **state)
{
    (void)state;
    u64 f = create(FS_ROOT, "f", FS_TYPE_FILE);
    u64 slots, fresh;
    assert_ok(fs_slots_lend(&slots));
    assert_err(fs_write(f, 1, 1, slots, 0, &fresh), ERR_RANGE); /* no holes */
    assert_err(fs_write(f, ~0ul, 1, slots, 0, &fresh), ERR_RANGE);
    assert_err(fs_write(f, 1ul << 32, 1, slots, 0, &fresh), ERR_RANGE);
    assert_err(fs_write(f, 0, 0, slots, 0, &fresh), ERR_ARGUMENT);
    assert_err(fs_write(f, 0, 4097, slots, 0, &fresh), ERR_ARGUMENT);
    assert_err(fs_write(f, 1, 4096, slots, 0, &fresh), ERR_ARGUMENT);
    assert_err(fs_write(f, 0, ~0ul, slots, 0, &fresh), ERR_ARGUMENT);
    assert_err(fs_write(f, 0, 1, slots, 2, &fresh), ERR_ARGUMENT);
    assert_err(fs_write(f, 0, 1, ~0ul, 0, &fresh), ERR_ARGUMENT);                 /* no slots */
    assert_err(fs_write(f, 0, 1, slots ^ 0x8000, 0, &fresh), ERR_ARGUMENT);       /* not a slot */
    assert_err(fs_write(f, 0, 1, 0xffffffffffff0005, 0, &fresh), ERR_ARGUMENT);   /* not lent */
    assert_err(fs_write(f, 0, 1025, slots | ~0xfffful, 0, &fresh), ERR_ARGUMENT); /* one slot, two needed */
    assert_err(fs_write(FS_ROOT, 0, 1, slots, 0, &fresh), ERR_IS_DIRECTORY);
    assert_err(fs_write(50, 0, 1, slots, 0, &fresh), ERR_ARGUMENT);
    assert_err(fs_truncate(FS_ROOT), ERR_IS_DIRECTORY);
    assert_err(fs_truncate(50), ERR_ARGUMENT);
    assert_int_equal(size_of(f), 0);
    assert_err(fs_read_done(slots), ERR_ARGUMENT); /* lent for writing */
    assert_err(fs_slots_return((slots & 0xffff) * 0x10001 | 0xffffffff00000000),
               ERR_ARGUMENT); /* twice the same */
    assert_ok(fs_slots_return(slots));
    assert_err(fs_slots_return(slots), ERR_ARGUMENT);
    assert_ok(fs_slots_return(~0ul)); /* nothing */
}

static void test_keep_size(void **state)
{
    (void)state;
    u64 f = create(FS_ROOT, "f", FS_TYPE_FILE);
    assert_ok(put_bytes(f, 0, "abc", 3));
    u64 slots, fresh;
    assert_ok(fs_slots_lend(&slots));
    u32 first = slots & 0xffff;
    port_arena_slot(first)[1] = 'X';
    port_arena_slot(first)[3] = 'Y';
    assert_ok(fs_write(f, 1, 1, slots, 1, &fresh));
    assert_ok(fs_write(f, 3, 1, slots, 1, &fresh));
    assert_int_equal(size_of(f), 3);
    char text[8] = "";
    assert_int_equal(get_bytes(f, 0, text, 8), 3);
    assert_string_equal(text, "aXc");
    static u8 block[1024];
    assert_ok(put_bytes(f, 3, block, 1021));
    struct host_disk_counts before = host_disk_counts();
    assert_ok(fs_write(f, 1024, 10, slots, 1, &fresh)); /* no block there: nowhere */
    assert_int_equal(host_disk_counts().writes, before.writes);
    assert_int_equal(size_of(f), 1024);
    assert_ok(fs_slots_return(slots));
    assert_ok(world_reboot(0));
    f = open_path("f");
    assert_int_equal(get_bytes(f, 0, text, 2), 2);
    assert_memory_equal(text, "aX", 2);
    assert_consistent(0);
}

static void test_read_edges(void **state)
{
    (void)state;
    u64 hello = open_path("hello");
    u64 slots, count;
    assert_ok(fs_read(hello, 12, 1, &slots, &count));
    assert_int_equal(count, 0);
    assert_int_equal(slots, ~0ul);
    assert_ok(fs_read_done(slots));
    assert_ok(fs_read(hello, ~0ul, ~0ul, &slots, &count));
    assert_int_equal(count, 0);
    assert_ok(fs_read(hello, 7, ~0ul, &slots, &count)); /* a length of -1 reads the rest */
    assert_int_equal(count, 5);
    assert_memory_equal(port_arena_slot(slots & 0xffff) + 7, "disk\n", 5);
    assert_err(fs_slots_return(slots), ERR_ARGUMENT);
    assert_ok(fs_read_done(slots));
    assert_err(fs_read_done(slots), ERR_ARGUMENT);
    assert_err(fs_read_done(0xffffffffffff1000), ERR_ARGUMENT);
    assert_ok(fs_read(FS_ROOT, 0, 4096, &slots, &count));
    assert_int_equal(count, 1024); /* mkfs rounds the root up to a block */
    assert_ok(fs_read_done(slots));
}

/* A size of exactly 64 records, rounded up by xv6's own mkfs, covers a second block that is not there. */
static void test_root_hole(void **state)
{
    (void)state;
    u32 inode_start = ((u32 *)(host_disk_bytes() + 1024))[6];
    struct xv6fs_inode *root = (void *)(host_disk_bytes() + inode_start * 1024ul + 64);
    root->size = 2048;
    host_reset();
    assert_ok(fs_start());
    u64 slots, count;
    assert_ok(fs_read(FS_ROOT, 0, 4096, &slots, &count));
    assert_int_equal(count, 2048);
    for (u32 i = 0; i < 1024; i++)
        assert_int_equal(port_arena_slot(slots >> 16 & 0xffff)[i], 0);
    assert_ok(fs_read_done(slots));
    u64 i;
    assert_err(lookup(FS_ROOT, "absent", &i), ERR_NOT_FOUND);
    char name[16];
    for (u32 n = 0; n < 70; n++) {
        snprintf(name, sizeof name, "f%u", n);
        assert_ok(fs_put(create(FS_ROOT, name, FS_TYPE_FILE)));
    }
    assert_int_equal(size_of(FS_ROOT), 2048);
    assert_int_not_equal(open_path("f69"), 0);
    assert_consistent(0);
}

static void test_disk_full(void **state)
{
    (void)state;
    static u8 bytes[4096];
    char name[16];
    u32 files = 0, free_blocks = walk_disk().free_blocks;
    enum err err = ERR_OK;
    for (; err == ERR_OK; files++) {
        snprintf(name, sizeof name, "full%u", files);
        u64 f = create(FS_ROOT, name, FS_TYPE_FILE);
        for (u64 at = 0; at < XV6FS_FILE_SIZE && err == ERR_OK; at += 4096)
            err = put_bytes(f, at, bytes, 4096);
        assert_ok(fs_put(f));
    }
    assert_err(err, ERR_NO_SPACE);
    assert_consistent(0);
    /* one block at a time until nothing is left, then everything is refused cleanly and whole */
    u64 f = create(FS_ROOT, "rest", FS_TYPE_FILE);
    u64 at = 0;
    while (put_bytes(f, at, bytes, 1024) == ERR_OK)
        at += 1024;
    assert_int_equal(walk_disk().free_blocks, 0);
    u64 i;
    assert_err(fs_create(FS_ROOT, NAME("dir"), FS_TYPE_DIRECTORY, 0, &i), ERR_NO_SPACE);
    assert_err(put_bytes(f, at, bytes, 1), ERR_NO_SPACE);
    assert_int_equal(links_of(FS_ROOT), 1);
    assert_consistent(0);
    assert_ok(fs_put(f));
    assert_ok(fs_unlink(FS_ROOT, NAME("rest")));
    while (files-- > 0) {
        snprintf(name, sizeof name, "full%u", files);
        assert_ok(fs_unlink(FS_ROOT, NAME(name)));
    }
    assert_int_equal(walk_disk().free_blocks, free_blocks);
    assert_consistent(0);
    assert_non_null(strstr(host_log_text, "balloc: out of blocks\n"));
}

static void test_out_of_inodes(void **state)
{
    (void)state;
    char name[16];
    u64 i;
    u32 n = 0;
    enum err err = ERR_OK;
    while (err == ERR_OK) {
        snprintf(name, sizeof name, "i%u", n);
        err = fs_create(FS_ROOT, NAME(name), FS_TYPE_FILE, 0, &i);
        if (err == ERR_OK) {
            assert_true(i < 200);
            assert_ok(fs_put(i));
            n++;
        }
    }
    assert_err(err, ERR_NO_SPACE);
    assert_int_equal(n, 197);
    assert_non_null(strstr(host_log_text, "ialloc: no inodes\n"));
    assert_consistent(0);
    while (n-- > 0) {
        snprintf(name, sizeof name, "i%u", n);
        assert_ok(fs_unlink(FS_ROOT, NAME(name)));
    }
    assert_consistent(0);
}

static void test_big_directory(void **state)
{
    (void)state;
    char name[16];
    u64 hello = open_path("hello");
    for (u32 n = 0; n < 500; n++) {
        snprintf(name, sizeof name, "x%u", n);
        assert_ok(fs_link(hello, FS_ROOT, NAME(name)));
    }
    assert_int_equal(links_of(hello), 501);
    assert_consistent(0);
    for (u32 n = 0; n < 500; n++) {
        snprintf(name, sizeof name, "x%u", n * 7 % 500);
        assert_ok(fs_unlink(FS_ROOT, NAME(name)));
    }
    assert_consistent(0);
}

/* A directory is as large as a file can be: then there is no record left. */
static void test_full_directory(void **state)
{
    (void)state;
    char name[16];
    u64 hello = open_path("hello");
    u64 d = create(FS_ROOT, "d", FS_TYPE_DIRECTORY);
    enum err err = ERR_OK;
    u32 n = 0;
    for (; err == ERR_OK; n++) {
        snprintf(name, sizeof name, "y%u", n);
        err = fs_link(hello, d, NAME(name));
    }
    assert_err(err, ERR_NO_SPACE);
    assert_int_equal(n - 1, XV6FS_FILE_SIZE / 16 - 2);
    assert_int_equal(size_of(d), XV6FS_FILE_SIZE);
    assert_consistent(0);
}

static void test_slots_run_out(void **state)
{
    (void)state;
    host_reset();
    host_arena_set(32);
    assert_ok(fs_start());
    u64 slots[32];
    u32 n = 0;
    while (fs_slots_lend(&slots[n]) == ERR_OK)
        n++;
    assert_int_equal(n, 7);         /* 30 of 32, four at a time */
    u64 hello = open_path("hello"); /* two slots are left: enough for this */
    u64 i, read, count;
    assert_err(fs_create(FS_ROOT, NAME("x"), FS_TYPE_DIRECTORY, 0, &i), ERR_NO_MEMORY);
    assert_consistent(0);
    assert_ok(fs_read(hello, 0, 12, &read, &count));
    u64 free_slots;
    assert_err(fs_slots_lend(&free_slots), ERR_NO_MEMORY);
    for (u32 k = 0; k < n; k++)
        assert_ok(fs_slots_return(slots[k]));
    assert_memory_equal(port_arena_slot(read & 0xffff), "hello", 5);
    assert_ok(fs_create(FS_ROOT, NAME("x"), FS_TYPE_DIRECTORY, 0, &i));
    assert_ok(fs_read_done(read));
    assert_consistent(0);

    host_arena_set(8);
    assert_err(fs_start(), ERR_NO_MEMORY);
}

/* A lent block stays where it is while the cache turns over. */
static void test_lent_blocks_stay(void **state)
{
    (void)state;
    host_reset();
    host_arena_set(40);
    assert_ok(fs_start());
    static u8 bytes[100 * 1024], back[100 * 1024];
    fill(bytes, sizeof bytes, 5);
    u64 f = create(FS_ROOT, "f", FS_TYPE_FILE);
    assert_ok(put_bytes(f, 0, bytes, sizeof bytes));
    u64 slots, again, count;
    assert_ok(fs_read(f, 500, 4096, &slots, &count));
    assert_int_equal(count, 4096 - 500);
    assert_ok(fs_read(f, 0, 1024, &again, &count));
    assert_int_equal(again & 0xffff, slots & 0xffff);
    assert_int_equal(get_bytes(f, 0, back, sizeof back), sizeof back);
    assert_memory_equal(bytes, back, sizeof bytes);
    for (u32 k = 0; k < 4; k++)
        assert_memory_equal(port_arena_slot(slots >> 16 * k & 0xffff), bytes + k * 1024, 1024);
    assert_ok(fs_read_done(slots));
    assert_memory_equal(port_arena_slot(again & 0xffff), bytes, 1024);
    assert_ok(fs_read_done(again));
}

static void test_superblocks(void **state)
{
    (void)state;
    u8 *disk = host_disk_bytes();
    u32 *super = (u32 *)(disk + 1024);
    static const struct {
        u32 field, value;
    } bad[] = {{0, 0},   {1, 2001}, {1, 0}, {1, ~0u}, {2, 0},      {2, 2000}, {2, 1999},
               {2, ~0u}, {3, 0},    {3, 1}, {3, ~0u}, {3, 100000}, {4, 0},    {4, 12},
               {4, ~0u}, {4, 32},   {5, 0}, {5, 1},   {5, ~0u},    {5, 1990}, {6, 0},
               {6, 20},  {6, ~0u},  {7, 0}, {7, 35},  {7, ~0u},    {7, 1999}};
    for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
        u32 good = super[bad[i].field];
        super[bad[i].field] = bad[i].value;
        host_reset();
        assert_err(fs_start(), ERR_CORRUPT);
        u64 inode;
        assert_err(lookup(FS_ROOT, "hello", &inode), ERR_ARGUMENT); /* nothing is held, nothing breaks */
        super[bad[i].field] = good;
    }
    host_reset();
    assert_ok(fs_start());
    u32 size = 100;
    u8 *small = malloc(size * 1024);
    memcpy(small, disk, size * 1024);
    host_disk_set(small, size); /* the disk is shorter than its superblock says */
    free(small);
    host_reset();
    assert_err(fs_start(), ERR_CORRUPT);
}

static void test_device_errors(void **state)
{
    (void)state;
    u64 hello = open_path("hello");
    u64 slots, count, i;
    assert_ok(fs_put(hello));
    host_reset();
    assert_ok(fs_start());
    hello = open_path("hello");
    host_disk_fail_reads(1, 1);
    assert_err(fs_read(hello, 0, 12, &slots, &count), ERR_DEVICE);
    assert_ok(fs_read(hello, 0, 12, &slots, &count)); /* the next one succeeds */
    assert_ok(fs_read_done(slots));
    /* every write and every flush of an operation fails in turn, once or for long */
    struct walk before = walk_disk();
    for (u32 kind = 0; kind < 2; kind++) {
        for (u32 n = 1; n < 20; n++) {
            for (u32 many = 0; many < 2; many++) {
                if (kind == 0)
                    host_disk_fail_writes(n, many == 0 ? 1 : 1000000);
                else
                    host_disk_fail_flushes(n, many == 0 ? 1 : 1000000);
                enum err err = fs_create(FS_ROOT, NAME("dir"), FS_TYPE_DIRECTORY, 0, &i);
                bool there = lookup(FS_ROOT, "dir", &hello) == ERR_OK;
                assert_int_equal(there, err == ERR_OK);
                if (there)
                    assert_ok(fs_put(hello));
                if (many != 0 && err != ERR_OK) /* nothing may change while the log cannot be finished */
                    assert_err(fs_create(FS_ROOT, NAME("dir"), FS_TYPE_DIRECTORY, 0, &hello), ERR_DEVICE);
                host_disk_fail_writes(0, 0);
                host_disk_fail_flushes(0, 0);
                if (err == ERR_OK) {
                    assert_ok(fs_put(i));
                    assert_ok(fs_unlink(FS_ROOT, NAME("dir")));
                } else {
                    assert_err(err, ERR_DEVICE);
                    assert_ok(fs_put(create(FS_ROOT, "z", FS_TYPE_FILE)));
                    assert_ok(fs_unlink(FS_ROOT, NAME("z")));
                }
                assert_consistent(0);
                assert_int_equal(walk_disk().free_blocks, before.free_blocks);
                assert_int_equal(walk_disk().free_inodes, before.free_inodes);
            }
        }
    }
}

static u8 *to_mount;
static u64 to_mount_blocks;

/* An image whose mount has a log to bring home. */
static void make_image_to_mount(void)
{
    assert_ok(fs_put(create(FS_ROOT, "dir", FS_TYPE_DIRECTORY)));
    to_mount_blocks = host_disk_blocks();
    to_mount = malloc(to_mount_blocks * 1024);
    memcpy(to_mount, host_disk_bytes(), to_mount_blocks * 1024);
    assert_int_not_equal(*(u32 *)(void *)(to_mount + 2 * 1024), 0); /* the log is not empty */
}

/* The file stays until a mount frees it: it is held. */
static void make_orphan(void)
{
    u64 orphan = create(FS_ROOT, "orphan", FS_TYPE_FILE);
    assert_ok(put_bytes(orphan, 0, "bytes", 5));
    assert_ok(fs_unlink(FS_ROOT, NAME("orphan")));
}

static void (*const fail[])(u64 n, u64 count) = {host_disk_fail_reads, host_disk_fail_writes,
                                                 host_disk_fail_flushes};

static enum err mount_with_failure(u32 kind, u64 n, u64 count)
{
    host_disk_set(to_mount, to_mount_blocks);
    host_reset();
    fail[kind](n, count);
    enum err err = fs_start();
    fail[kind](0, 0);
    return err;
}

static void check_mounted(void)
{
    assert_consistent(0);
    u64 dir = open_path("dir");
    assert_int_not_equal(dir, 0);
    assert_int_equal(open_path("orphan"), 0);
    assert_ok(fs_put(dir));
}

/*
 * The disk fails at any one place, once: the mount is made again, and ends as if nothing had been. A disk
 * that goes on failing is told, and nothing is lost by that.
 */
static void test_failing_mount(void **state)
{
    (void)state;
    make_orphan();
    make_image_to_mount();
    for (u32 kind = 0; kind < ARRAY_SIZE(fail); kind++) {
        for (u64 n = 1; n < 25; n++) {
            assert_ok(mount_with_failure(kind, n, 1));
            check_mounted();
            enum err err = mount_with_failure(kind, n, 1000000);
            assert_true(err == ERR_DEVICE || (err == ERR_OK && n > 2));
            assert_ok(world_reboot(n)); /* it may also have passed over what it could not free */
            check_mounted();
        }
    }
    free(to_mount);
}

/*
 * The flush behind "the log is empty" fails, and the mount is made again. If the second one relied on that
 * header without a flush, copies of the next transaction could reach the medium before it: the former header
 * would then send them to places they do not belong to.
 */
static void test_header_in_doubt(void **state)
{
    (void)state;
    make_image_to_mount();
    for (u64 seed = 1; seed < 40; seed++) {
        u64 inode;
        assert_ok(mount_with_failure(2, 2, 1));
        host_disk_fail_flushes(1, 1000000);
        assert_err(fs_create(FS_ROOT, NAME("new"), FS_TYPE_DIRECTORY, 0, &inode), ERR_DEVICE);
        host_disk_fail_flushes(0, 0);
        assert_ok(world_reboot(seed));
        check_mounted();
    }
    free(to_mount);
}

/* A file whose blocks cannot be freed, since the bitmap says that one of them is free already: it stays, as a
 * whole, whoever asks, and so does what was freed before that was found. */
static void test_damaged_file_stays(void **state)
{
    (void)state;
    static u8 bytes[3000], back[3000];
    fill(bytes, sizeof bytes, 4);
    u64 f = create(FS_ROOT, "f", FS_TYPE_FILE);
    assert_ok(put_bytes(f, 0, bytes, sizeof bytes));
    assert_ok(fs_sync());
    struct xv6fs_inode *inode = (void *)(host_disk_bytes() + 33 * 1024 + f * sizeof *inode);
    u8 *bits = host_disk_bytes() + 46 * 1024;
    u32 last = inode->direct[2];
    bits[last / 8] &= (u8) ~(1u << last % 8);
    host_reset();
    assert_ok(fs_start());
    f = open_path("f");
    assert_err(fs_truncate(f), ERR_CORRUPT);
    assert_ok(fs_put(f));
    assert_err(fs_unlink(FS_ROOT, NAME("f")), ERR_CORRUPT);
    f = open_path("f");
    assert_int_not_equal(f, 0);
    assert_int_equal(get_bytes(f, 0, back, sizeof back), sizeof back);
    assert_memory_equal(bytes, back, sizeof bytes);
    assert_ok(fs_unlink(FS_ROOT, NAME("f"))); /* held: only the name goes */
    assert_err(fs_put(f), ERR_CORRUPT);
    assert_ok(fs_sync());
    inode = (void *)(host_disk_bytes() + 33 * 1024 + f * sizeof *inode);
    assert_int_equal(inode->type, XV6FS_FILE);
    bits = host_disk_bytes() + 46 * 1024;
    bits[last / 8] |= (u8)(1u << last % 8);
    assert_ok(world_reboot(0));
    assert_consistent(0);
}

static void test_mkfs_sizes(void **state)
{
    (void)state;
    world_image("-b 20000 -i 2000 -l 64");
    host_reset();
    assert_ok(fs_start());
    assert_consistent(0);
    static u8 bytes[4096];
    char name[16];
    for (u32 n = 0; n < 33; n++) { /* into the second bitmap block */
        snprintf(name, sizeof name, "f%u", n);
        u64 f = create(FS_ROOT, name, FS_TYPE_FILE);
        for (u64 at = 0; at < XV6FS_FILE_SIZE; at += 4096)
            assert_ok(put_bytes(f, at, bytes, 4096));
        assert_ok(fs_put(f));
    }
    assert_consistent(0);
    for (u32 n = 0; n < 33; n++) {
        snprintf(name, sizeof name, "f%u", n);
        assert_ok(fs_unlink(FS_ROOT, NAME(name)));
    }
    assert_consistent(0);
}

/* The format as xv6 knows it: where things are, which inodes come first, and a header with count 0. */
static void test_layout(void **state)
{
    (void)state;
    const u32 *super = (const u32 *)(host_disk_bytes() + 1024);
    static const u32 v25[8] = {0x10203040, 2000, 1953, 200, 31, 2, 33, 46};
    assert_memory_equal(super, v25, sizeof v25);
    assert_int_equal(create(FS_ROOT, "third", FS_TYPE_FILE), 3);
    const u64 *events;
    assert_ok(fs_sync());
    host_disk_record_clear();
    create(FS_ROOT, "fourth", FS_TYPE_FILE);
    /* two blocks change: the inode's and the root's own; a second operation goes behind them */
    create(FS_ROOT, "fifth", FS_TYPE_FILE);
    static const u64 order[] = {3, 4, HOST_DISK_FLUSH, 2, HOST_DISK_FLUSH,
                                5, 6, HOST_DISK_FLUSH, 2, HOST_DISK_FLUSH};
    assert_int_equal(host_disk_record(&events), ARRAY_SIZE(order));
    assert_memory_equal(events, order, sizeof order);
    const struct xv6fs_log_header *header = (const void *)(host_disk_bytes() + 2048);
    static const u32 homes[] = {33, 47, 33, 47};
    assert_int_equal(header->count, 4);
    assert_memory_equal(header->home, homes, sizeof homes);
    assert_int_equal(header->sequence, 3);
    assert_consistent(0);
    /* each block goes home once */
    host_disk_record_clear();
    assert_ok(fs_sync());
    static const u64 home[] = {33, 47, HOST_DISK_FLUSH, 2, HOST_DISK_FLUSH};
    assert_int_equal(host_disk_record(&events), ARRAY_SIZE(home));
    assert_memory_equal(events, home, sizeof home);
    assert_int_equal(header->count, 0);
    assert_int_equal(header->sequence, 3);
    assert_consistent(0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(test_mkfs_is_read),
        T(test_v22_log),
        T(test_lookup),
        T(test_create),
        T(test_unlink),
        T(test_link),
        T(test_link_limit),
        T(test_write_read),
        T(test_write_refusals),
        T(test_keep_size),
        T(test_read_edges),
        T(test_root_hole),
        T(test_disk_full),
        T(test_out_of_inodes),
        T(test_big_directory),
        T(test_full_directory),
        T(test_slots_run_out),
        T(test_lent_blocks_stay),
        T(test_superblocks),
        T(test_device_errors),
        T(test_failing_mount),
        T(test_header_in_doubt),
        T(test_damaged_file_stays),
        T(test_mkfs_sizes),
        T(test_layout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
