/*
 * Operations of several threads at once: who waits for whom, who shares a commit, and what becomes of the
 * others when one of them fails. The disk's flushes are held back where the order matters.
 */
#include "port/thread.h"
#include "service/fs/test_world.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A thread that makes one call; `done` once it has returned. */
struct call {
    enum err (*function)(struct call *);
    u64 inode, value;
    const char *name;
    enum err err;
    bool begun, done;
};

static void run_call(void *argument)
{
    struct call *call = argument;
    __atomic_store_n(&call->begun, true, __ATOMIC_SEQ_CST);
    call->err = call->function(call);
    __atomic_store_n(&call->done, true, __ATOMIC_SEQ_CST);
    port_thread_exit();
}

/* Begins it and gives it the time to come as far as it can. */
static void start(struct call *call)
{
    assert_ok(port_thread_start("call", run_call, call));
    while (!__atomic_load_n(&call->begun, __ATOMIC_SEQ_CST))
        usleep(100);
    usleep(50000);
}

static bool is_done(struct call *call)
{
    return __atomic_load_n(&call->done, __ATOMIC_SEQ_CST);
}

static void join(struct call *call)
{
    while (!is_done(call))
        usleep(100);
}

static enum err do_create(struct call *c)
{
    return fs_create(FS_ROOT, NAME(c->name), FS_TYPE_FILE, 0, &c->inode);
}

static enum err do_lookup(struct call *c)
{
    return fs_lookup(FS_ROOT, NAME(c->name), &c->inode);
}

static enum err do_unlink(struct call *c)
{
    return fs_unlink(FS_ROOT, NAME(c->name));
}

static enum err do_write(struct call *c)
{
    static u8 bytes[4096];
    return put_bytes(c->inode, c->value, bytes, sizeof bytes);
}

static enum err do_put(struct call *c)
{
    return fs_put(c->inode);
}

static enum err do_forget_all(struct call *c)
{
    (void)c;
    return fs_forget_all();
}

static u64 commits(void)
{
    return ((const struct xv6fs_log_header *)(const void *)(host_disk_bytes() + 2048))->sequence;
}

static void test_readers_do_not_wait_for_a_commit(void **state)
{
    (void)state;
    u64 hello = open_path("hello");
    char text[16] = "";
    u64 slots, count, i, attributes, size;
    assert_int_equal(get_bytes(hello, 0, text, sizeof text), 12);
    host_disk_hold(true);
    struct call create = {.function = do_create, .name = "a"};
    start(&create);
    host_disk_held(1);
    alarm(20); /* each of these would wait for ever */
    assert_ok(fs_read(hello, 0, 12, &slots, &count));
    assert_ok(fs_read_done(slots));
    assert_ok(fs_stat(hello, &attributes, &size));
    assert_ok(fs_get(hello));
    assert_ok(fs_put(hello));
    assert_ok(lookup(FS_ROOT, "hello", &i));
    assert_ok(fs_put(i));
    assert_ok(fs_slots_lend(&slots));
    assert_ok(fs_slots_return(slots));
    assert_ok(fs_put(hello)); /* the last reference to a file with a name */
    assert_false(is_done(&create));
    alarm(0);
    host_disk_hold(false);
    join(&create);
    assert_ok(create.err);
}

static void test_operations_share_a_commit(void **state)
{
    (void)state;
    struct call calls[6] = {{.name = "a"}, {.name = "b"}, {.name = "c"},
                            {.name = "d"}, {.name = "e"}, {.name = "f"}};
    u64 before = commits();
    host_disk_hold(true);
    for (u32 i = 0; i < ARRAY_SIZE(calls); i++) {
        calls[i].function = do_create;
        start(&calls[i]);
    }
    u64 flushes = host_disk_counts().flushes;
    host_disk_hold(false);
    for (u32 i = 0; i < ARRAY_SIZE(calls); i++) {
        join(&calls[i]);
        assert_ok(calls[i].err);
        assert_int_equal(open_path(calls[i].name), calls[i].inode);
    }
    assert_int_equal(commits() - before, 2); /* the first alone, the others together */
    assert_int_equal(host_disk_counts().flushes - flushes, 4);
    assert_consistent(0);
    assert_ok(world_reboot(7)); /* each had returned */
    for (u32 i = 0; i < ARRAY_SIZE(calls); i++)
        assert_int_not_equal(open_path(calls[i].name), 0);
}

/* One that fails in the middle of its change takes nothing of the others' along. */
static void test_failure_in_a_shared_transaction(void **state)
{
    (void)state;
    static u8 bytes[4096];
    u64 f = create(FS_ROOT, "big", FS_TYPE_FILE);
    u64 g = create(FS_ROOT, "other", FS_TYPE_FILE);
    u32 files = 0;
    enum err err = ERR_OK;
    while (err == ERR_OK) { /* fill the disk but for two blocks */
        char name[16];
        snprintf(name, sizeof name, "x%u", files++);
        u64 x = create(FS_ROOT, name, FS_TYPE_FILE);
        for (u64 at = 0; at < XV6FS_FILE_SIZE && err == ERR_OK && walk_disk().free_blocks > 2;) {
            u32 part = walk_disk().free_blocks > 8 ? 4096 : 1024;
            err = put_bytes(x, at, bytes, part);
            at += part;
        }
        if (walk_disk().free_blocks <= 2)
            break;
    }
    assert_int_equal(walk_disk().free_blocks, 2);
    host_disk_hold(true);
    struct call first = {.function = do_create, .name = "first"};
    struct call made = {.function = do_create, .name = "made"};
    struct call failing = {.function = do_write, .inode = f}; /* two of four blocks, then no more */
    struct call last = {.function = do_unlink, .name = "other"};
    start(&first);
    start(&made);
    start(&failing);
    start(&last);
    host_disk_hold(false);
    join(&first);
    join(&made);
    join(&failing);
    join(&last);
    assert_ok(first.err);
    assert_ok(made.err);
    assert_err(failing.err, ERR_NO_SPACE);
    assert_ok(last.err);
    assert_int_equal(size_of(f), 0);
    assert_int_equal(walk_disk().free_blocks, 2);
    assert_consistent(1); /* `other` is held */
    assert_ok(fs_put(g));
    assert_ok(world_reboot(0));
    assert_int_not_equal(open_path("made"), 0);
    assert_int_equal(open_path("other"), 0);
    assert_consistent(0);
}

/* The disk refuses the commit: all that share it are told, and nothing of them is left, though others may
 * have seen it. */
static void test_shared_commit_fails(void **state)
{
    (void)state;
    host_disk_hold(true);
    struct call first = {.function = do_create, .name = "first"};
    struct call second = {.function = do_create, .name = "second"};
    struct call third = {.function = do_unlink, .name = "hello"};
    start(&first);
    host_disk_held(1);
    start(&second);
    start(&third);
    host_disk_fail_flushes(3, 1); /* the first one's two, then theirs */
    host_disk_hold(false);
    join(&first);
    join(&second);
    join(&third);
    assert_ok(first.err);
    assert_err(second.err, ERR_DEVICE);
    assert_err(third.err, ERR_DEVICE);
    u64 i;
    assert_err(lookup(FS_ROOT, "second", &i), ERR_NOT_FOUND);
    assert_int_not_equal(open_path("hello"), 0);
    assert_int_not_equal(open_path("first"), 0);
    assert_consistent(0);
    assert_ok(fs_put(create(FS_ROOT, "second", FS_TYPE_FILE)));
    assert_ok(fs_sync());
    assert_consistent(0);
}

/* Nobody is given a file before it is on the disk: a failure, or a death, would take it from him again, and
 * give his inode to another. */
static void test_not_seen_before_it_is_there(void **state)
{
    (void)state;
    for (u32 fails = 0; fails < 2; fails++) {
        host_disk_hold(true);
        struct call create_it = {.function = do_create, .name = "seen"};
        struct call look_it_up = {.function = do_lookup, .name = "seen"};
        start(&create_it);
        host_disk_held(1);
        start(&look_it_up);
        assert_false(is_done(&look_it_up));
        if (fails == 0)
            host_disk_fail_flushes(1, 1);
        host_disk_hold(false);
        join(&create_it);
        join(&look_it_up);
        assert_err(create_it.err, fails == 0 ? ERR_DEVICE : ERR_OK);
        assert_err(look_it_up.err, fails == 0 ? ERR_NOT_FOUND : ERR_OK);
        if (fails != 0)
            assert_int_equal(look_it_up.inode, create_it.inode);
        assert_consistent(0);
    }
}

/* An inode is held until the commit that frees it is done, and an allocation meanwhile passes over it: later
 * ones must find it. */
static void test_freed_while_others_allocate(void **state)
{
    (void)state;
    struct call freed = {.function = do_put, .inode = create(FS_ROOT, "freed", FS_TYPE_FILE)};
    struct call first = {.function = do_create, .name = "first"};
    struct call above = {.function = do_create, .name = "above"};
    assert_ok(fs_unlink(FS_ROOT, NAME("freed")));
    host_disk_hold(true);
    start(&first);
    host_disk_held(1);
    start(&freed);
    start(&above);
    host_disk_hold(false);
    join(&first);
    join(&freed);
    join(&above);
    assert_ok(freed.err);
    assert_int_not_equal(above.inode, freed.inode);
    assert_int_equal(create(FS_ROOT, "again", FS_TYPE_FILE), freed.inode);
    assert_consistent(0);
}

/* Names and inodes come and go under readers, in a cache that holds little: whoever is told OK sees a file's
 * own bytes. */
static u32 running;
static u32 wrong, lookers;

static void churn(void *argument)
{
    u64 me = (u64)argument;
    static u8 bytes[4][9000];
    char name[16];
    memset(bytes[me], (int)(0x41 + me), sizeof bytes[me]);
    snprintf(name, sizeof name, "churn%lu", me);
    for (u32 n = 0; n < 60; n++) {
        u64 f;
        if (fs_create(FS_ROOT, NAME(name), FS_TYPE_FILE, 0, &f) != ERR_OK ||
            put_bytes(f, 0, bytes[me], sizeof bytes[me]) != ERR_OK ||
            (n % 3 == 0 && fs_truncate(f) != ERR_OK) || fs_unlink(FS_ROOT, NAME(name)) != ERR_OK ||
            fs_put(f) != ERR_OK)
            __atomic_add_fetch(&wrong, 1, __ATOMIC_SEQ_CST);
    }
    __atomic_sub_fetch(&running, 1, __ATOMIC_SEQ_CST);
    port_thread_exit();
}

static void look(void *argument)
{
    u64 seed = (u64)argument;
    char name[16];
    while (__atomic_load_n(&running, __ATOMIC_SEQ_CST) > 0) {
        u64 whose = random_next(&seed) % 4, f, slots, count;
        snprintf(name, sizeof name, "churn%lu", whose);
        if (lookup(FS_ROOT, name, &f) != ERR_OK)
            continue;
        enum err err = fs_read(f, random_next(&seed) % 9000, 4096, &slots, &count);
        if (err == ERR_OK && fs_read_done(slots) != ERR_OK)
            __atomic_add_fetch(&wrong, 1, __ATOMIC_SEQ_CST);
        if (err != ERR_OK || fs_put(f) != ERR_OK)
            __atomic_add_fetch(&wrong, 1, __ATOMIC_SEQ_CST);
    }
    __atomic_sub_fetch(&lookers, 1, __ATOMIC_SEQ_CST);
    port_thread_exit();
}

static void test_churn(void **state)
{
    (void)state;
    host_reset();
    host_arena_set(72);
    assert_ok(fs_start());
    u32 free_blocks = walk_disk().free_blocks, free_inodes = walk_disk().free_inodes;
    running = 4;
    wrong = 0;
    lookers = 2;
    for (u64 i = 0; i < 4; i++)
        assert_ok(port_thread_start("churn", churn, (void *)i));
    for (u64 i = 0; i < 2; i++)
        assert_ok(port_thread_start("look", look, (void *)(i + 5)));
    alarm(60);
    while (__atomic_load_n(&running, __ATOMIC_SEQ_CST) > 0)
        usleep(1000);
    while (__atomic_load_n(&lookers, __ATOMIC_SEQ_CST) > 0)
        usleep(1000);
    alarm(0);
    assert_int_equal(wrong, 0);
    assert_consistent(0);
    assert_int_equal(walk_disk().free_blocks, free_blocks);
    assert_int_equal(walk_disk().free_inodes, free_inodes);
}

/* A caller dies and begins anew: nothing is held or lent any more, and what has no name is gone. */
static void test_forget_all(void **state)
{
    (void)state;
    static u8 bytes[4096];
    u64 slots, count, lent, i;
    u32 free_blocks = walk_disk().free_blocks;
    u64 f = create(FS_ROOT, "f", FS_TYPE_FILE);
    assert_ok(put_bytes(f, 0, bytes, 4096));
    assert_ok(fs_get(f));
    assert_ok(fs_get(FS_ROOT));
    assert_ok(fs_unlink(FS_ROOT, NAME("f")));
    u64 hello = open_path("hello");
    assert_ok(fs_read(hello, 0, 12, &slots, &count));
    assert_ok(fs_slots_lend(&lent));
    assert_consistent(1);
    /* an operation of the former life is waited for */
    host_disk_hold(true);
    struct call late = {.function = do_create, .name = "late"};
    struct call forget = {.function = do_forget_all};
    start(&late);
    start(&forget);
    assert_false(is_done(&forget));
    host_disk_hold(false);
    join(&forget);
    join(&late); /* it says so a moment after fs let it go; that it was waited for shows in its reference
                    below */
    assert_ok(forget.err);
    assert_consistent(0);
    assert_int_equal(walk_disk().free_blocks, free_blocks);
    assert_err(fs_put(f), ERR_ARGUMENT);
    assert_err(fs_put(hello), ERR_ARGUMENT);
    assert_err(fs_put(late.inode), ERR_ARGUMENT);
    assert_err(fs_put(FS_ROOT), ERR_ARGUMENT);
    assert_err(fs_read_done(slots), ERR_ARGUMENT);
    assert_err(fs_slots_return(lent), ERR_ARGUMENT);
    assert_ok(lookup(FS_ROOT, "late", &i));
    assert_ok(fs_put(i));
    assert_ok(fs_forget_all()); /* nothing to forget */
}

/* Whole files are read several blocks at a time, whole directories too. */
static void test_read_ahead(void **state)
{
    (void)state;
    static u8 bytes[60 * 1024], back[60 * 1024];
    fill(bytes, sizeof bytes, 9);
    u64 f = create(FS_ROOT, "f", FS_TYPE_FILE);
    assert_ok(put_bytes(f, 0, bytes, sizeof bytes));
    assert_ok(world_reboot(0));
    f = open_path("f");
    u64 instants = host_disk_requests();
    assert_int_equal(get_bytes(f, 0, back, sizeof back), sizeof back);
    assert_memory_equal(bytes, back, sizeof back);
    assert_true(host_disk_requests() - instants <= 60 / 5 + 3);
    /* not sequential: no more than was asked for */
    assert_ok(world_reboot(0));
    f = open_path("f");
    u64 reads = host_disk_counts().reads;
    assert_int_equal(get_bytes(f, 5 * 1024, back, 10), 10);
    assert_int_equal(host_disk_counts().reads - reads, 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(test_readers_do_not_wait_for_a_commit),
        T(test_operations_share_a_commit),
        T(test_failure_in_a_shared_transaction),
        T(test_shared_commit_fails),
        T(test_not_seen_before_it_is_there),
        T(test_freed_while_others_allocate),
        T(test_churn),
        T(test_forget_all),
        T(test_read_ahead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
