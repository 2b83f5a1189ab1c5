/*
 * A request that was cut off by a death and is repeated under its identity takes effect once, and is answered
 * as if nothing had been.
 *
 * Each operation with an effect is ended at each instant in turn, the service restarted, and the operation
 * repeated. Then tree, references and lent slots are those of an undisturbed run. The same for several
 * requests that share a commit: what a death would leave is copied at each instant of their run, and begun
 * from again. And after two deaths the caller asks what became of the request, and knows for sure.
 */
#include "port/thread.h"
#include "service/fs/core.h"
#include "service/fs/test_world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ME    (7 + 5 * PORT_REQUEST_CALLERS)
#define OTHER (8 + 9 * PORT_REQUEST_CALLERS)

/* What the operations work on, made by prepare() without an identity. */
static u64 directory, file, gone, slots, lent;
static u8 bytes[8192];

static void prepare(void)
{
    u64 count;
    assert_int_equal(world_setup(NULL), 0);
    fill(bytes, sizeof bytes, 5);
    directory = create(FS_ROOT, "d", FS_TYPE_DIRECTORY);
    file = create(directory, "file", FS_TYPE_FILE);
    assert_ok(put_bytes(file, 0, bytes, 5000));
    gone = create(FS_ROOT, "gone", FS_TYPE_FILE);
    assert_ok(put_bytes(gone, 0, bytes, 3000));
    assert_ok(fs_unlink(FS_ROOT, NAME("gone")));
    assert_ok(fs_put(create(directory, "victim", FS_TYPE_FILE)));
    assert_ok(fs_slots_lend(&slots));
    for (u32 i = 0; i < FS_SLOTS; i++)
        memcpy(port_arena_slot(slots >> 16 * i & 0xffff), bytes + 3000 + 1024 * i, 1024);
    assert_ok(fs_read(file, 0, 4096, &lent, &count));
}

static enum err do_create(u64 *value)
{
    return fs_create(directory, NAME("new"), FS_TYPE_FILE, 0, value);
}

static enum err do_mkdir(u64 *value)
{
    return fs_create(directory, NAME("new"), FS_TYPE_DIRECTORY, 0, value);
}

static enum err do_link(u64 *value)
{
    *value = 0;
    return fs_link(file, FS_ROOT, NAME("again"));
}

static enum err do_unlink(u64 *value)
{
    *value = 0;
    return fs_unlink(directory, NAME("victim"));
}

static enum err do_truncate(u64 *value)
{
    *value = 0;
    return fs_truncate(file);
}

static enum err do_write(u64 *value)
{
    return fs_write(file, 5000, 3000, slots, 0, value);
}

static enum err do_lookup(u64 *value)
{
    return fs_lookup(directory, NAME("file"), value);
}

static enum err do_get(u64 *value)
{
    *value = 0;
    return fs_get(file);
}

static enum err do_put(u64 *value)
{
    *value = 0;
    return fs_put(file);
}

static enum err do_put_last(u64 *value) /* frees it */
{
    *value = 0;
    return fs_put(gone);
}

static enum err do_read(u64 *value)
{
    u64 which, count;
    enum err err = fs_read(file, 1024, 3000, &which, &count);
    *value = count;
    if (err == ERR_OK)
        assert_memory_equal(port_arena_slot(which & 0xffff), bytes + 1024, 1024);
    return err;
}

static enum err do_read_done(u64 *value)
{
    *value = 0;
    return fs_read_done(lent);
}

static enum err do_lend(u64 *value)
{
    u64 which;
    *value = 0;
    return fs_slots_lend(&which);
}

static enum err do_return(u64 *value)
{
    *value = 0;
    return fs_slots_return(slots);
}

/* The operations again, as who asks what became of one names them. */
static enum err ask_create(u64 *value)
{
    return fs_create(FS_NO_INODE, NAME("new"), FS_TYPE_FILE, 0, value);
}

static enum err ask_link(u64 *value)
{
    *value = 0;
    return fs_link(FS_NO_INODE, FS_ROOT, NAME("again"));
}

static enum err ask_unlink(u64 *value)
{
    *value = 0;
    return fs_unlink(FS_NO_INODE, NAME("victim"));
}

static enum err ask_truncate(u64 *value)
{
    *value = 0;
    return fs_truncate(FS_NO_INODE);
}

static enum err ask_write(u64 *value)
{
    return fs_write(FS_NO_INODE, 5000, 3000, slots, 0, value);
}

static enum err ask_lookup(u64 *value)
{
    return fs_lookup(FS_NO_INODE, NAME("file"), value);
}

static enum err ask_get(u64 *value)
{
    *value = 0;
    return fs_get(FS_NO_INODE);
}

static enum err ask_read(u64 *value)
{
    u64 which, count;
    *value = 0;
    return fs_read(FS_NO_INODE, 1024, 3000, &which, &count);
}

static const struct operation {
    const char *name;
    enum err (*call)(u64 *value);
    u32 instants; /* at which it must have been ended, at least: else the test has missed its subject */
    /* NULL: nobody asks, what gives back is repeated until it is answered, and so is lend */
    enum err (*ask)(u64 *value);
} all[] = {
    {"create", do_create, 12, ask_create},
    {"mkdir", do_mkdir, 12, ask_create},
    {"link", do_link, 10, ask_link},
    {"unlink", do_unlink, 10, ask_unlink},
    {"write", do_write, 10, ask_write},
    {"truncate", do_truncate, 10, ask_truncate},
    {"lookup", do_lookup, 3, ask_lookup},
    {"get", do_get, 3, ask_get},
    {"put", do_put, 3, NULL},
    {"put_last", do_put_last, 12, NULL},
    {"read", do_read, 3, ask_read},
    {"read_done", do_read_done, 3, NULL},
    {"lend", do_lend, 3, NULL},
    {"return", do_return, 3, NULL},
};

/* What is to be the same whether or not a death was in between. */
struct world {
    enum err err;
    u64 value, digest;
    u64 lent_to_readers, lent_to_writers;
    u16 references[64];
};

static struct world look(enum err err, u64 value)
{
    struct world world = {.err = err, .value = value, .digest = walk_disk().digest};
    assert_consistent((u32)(fs_held(gone) ? 1 : 0));
    for (u32 slot = 0; slot < FS_BUFFERS_MAX; slot++) {
        if (fs_kept->lent[slot] == FS_LENT_TO_WRITER)
            world.lent_to_writers++;
        else
            world.lent_to_readers += fs_kept->lent[slot];
    }
    memcpy(world.references, fs_kept->references, sizeof world.references);
    return world;
}

static void assert_same(const struct operation *o, u64 n, const struct world *is, const struct world *was)
{
    const char *wrong = is->err != was->err                           ? "result"
                        : is->value != was->value                     ? "answer"
                        : is->digest != was->digest                   ? "tree"
                        : is->lent_to_readers != was->lent_to_readers ? "slots lent to readers"
                        : is->lent_to_writers != was->lent_to_writers ? "slots lent to writers"
                                                                      : NULL;
    if (wrong == NULL && memcmp(is->references, was->references, sizeof is->references) != 0)
        wrong = "references";
    if (wrong != NULL)
        fail_msg("%s, ended at instant %lu and repeated: another %s (%s)", o->name, n, wrong,
                 err_text(is->err));
}

/* Somebody else's change between the death and the repetition: commits a transaction, and with it a number
 * that the one that was lost might have had. */
static void others_change(void)
{
    u64 hello = open_path("hello");
    host_request(OTHER);
    assert_ok(put_bytes(hello, 0, "HELLO", 5));
    host_request(0);
    assert_ok(fs_put(hello));
}

/* Runs the operation until it is ended at the n-th instant; false: it was not. */
static bool end_at(const struct operation *o, u64 n, struct world *result)
{
    u64 value = 0;
    prepare();
    host_request(ME);
    host_death_after(n);
    if (setjmp(host_death) != 0)
        return true;
    enum err err = o->call(&value);
    host_death_after(0);
    host_request(0);
    others_change();
    *result = look(err, value);
    return false;
}

static void try_operation(const struct operation *o, u32 restarts, bool others)
{
    struct world was, is;
    u64 n = 1;
    assert_false(end_at(o, 0, &was));
    assert_err(was.err, ERR_OK);
    for (; end_at(o, n, &is); n++) {
        u64 value = 0;
        host_request(0);
        for (u32 i = 0; i < restarts; i++)
            assert_ok(fs_restart());
        if (others)
            others_change();
        host_request(ME);
        enum err err = o->call(&value);
        host_request(0);
        if (!others)
            others_change();
        is = look(err, value);
        assert_same(o, n, &is, &was);
    }
    if (n - 1 < o->instants)
        fail_msg("%s: only %lu instants", o->name, n - 1);
}

static void test_repeated_after_a_death(void **state)
{
    (void)state;
    for (u32 i = 0; i < ARRAY_SIZE(all); i++)
        try_operation(&all[i], 1, false);
}

static void test_others_come_first(void **state)
{
    (void)state;
    for (u32 i = 0; i < ARRAY_SIZE(all); i++)
        try_operation(&all[i], 1, true);
}

static void test_several_restarts(void **state)
{
    (void)state;
    for (u32 i = 0; i < ARRAY_SIZE(all); i++)
        try_operation(&all[i], 3, true);
}

/* Restarts, and dies at the m-th instant of it. Returns whether it did. */
static bool restart_ends_at(u64 m)
{
    host_death_after(m);
    if (setjmp(host_death) != 0)
        return true;
    assert_ok(fs_restart());
    host_death_after(0);
    return false;
}

/* The service dies at the n-th instant of the operation, and at each of its recovery. */
static void try_recovery(const struct operation *o, u64 n, const struct world *was)
{
    bool died = true;
    for (u64 m = 1; died; m += 3) {
        struct world is;
        u64 value = 0;
        assert_true(end_at(o, n, &is));
        host_request(0);
        died = restart_ends_at(m);
        if (died)
            assert_ok(fs_restart());
        host_request(ME);
        enum err err = o->call(&value);
        host_request(0);
        others_change();
        is = look(err, value);
        assert_same(o, n, &is, was);
    }
}

static void test_death_in_recovery(void **state)
{
    (void)state;
    for (u32 i = 0; i < ARRAY_SIZE(all); i++) {
        struct world was, is;
        assert_false(end_at(&all[i], 0, &was));
        for (u64 n = 1; end_at(&all[i], n, &is); n += 2)
            try_recovery(&all[i], n, &was);
    }
}

/* ---- Asked about, after two deaths ---- */

/* The repeated request, until the service dies at the n-th instant of it; false: it does not. */
static bool repeat_ends_at(const struct operation *o, u64 n)
{
    u64 value = 0;
    host_request(ME);
    host_death_after(n);
    if (setjmp(host_death) != 0)
        return true;
    (void)o->call(&value);
    host_death_after(0);
    return false;
}

/* The question, with `deaths` in it, the k-th at its k-th instant, until it is answered. */
static enum err ask(const struct operation *o, u32 deaths, u64 *value)
{
    for (volatile u32 k = 1;; k++) {
        host_request(0);
        assert_ok(fs_restart());
        host_request(ME);
        host_death_after(k <= deaths ? k : 0);
        if (setjmp(host_death) != 0)
            continue;
        enum err err = o->ask(value);
        host_death_after(0);
        host_request(0);
        return err;
    }
}

/* Dies at the n-th instant of the operation and at the m-th of its repetition, or when that has ended, and is
 * asked then. Counts the answers by whether it was done. */
static void try_asking(const struct operation *o, u64 n, u32 deaths, const struct world *done,
                       const struct world *not_done, u64 *answers)
{
    bool died = true;
    for (u64 m = 1; died; m++) {
        struct world is;
        u64 value = 0;
        assert_true(end_at(o, n, &is));
        host_request(0);
        assert_ok(fs_restart());
        died = repeat_ends_at(o, m);
        enum err err = ask(o, deaths, &value);
        others_change();
        is = look(err, value);
        answers[err == ERR_OK]++;
        if (!died && o->ask != ask_read)
            assert_ok(err);
        if (err == ERR_OK) {
            assert_same(o, n, &is, done);
            continue;
        }
        assert_err(err, ERR_ARGUMENT);
        is.err = not_done->err;
        is.value = not_done->value;
        assert_same(o, n, &is, not_done);
        host_request(ME + PORT_REQUEST_CALLERS); /* the caller's next request is served as ever */
        is.err = o->call(&value);
        host_request(0);
        is = look(is.err, value);
        assert_same(o, n, &is, done);
    }
}

static enum err do_nothing(u64 *value)
{
    *value = 0;
    return ERR_OK;
}

static void test_asked_about(void **state)
{
    static const struct operation nothing = {"nothing", do_nothing, 0, NULL};
    struct world done, not_done, unused;
    (void)state;
    assert_false(end_at(&nothing, 0, &not_done));
    for (const struct operation *o = all; o < all + ARRAY_SIZE(all); o++) {
        u64 answers[2] = {0, 0}; /* not done, done */
        if (o->ask == NULL)
            continue;
        assert_false(end_at(o, 0, &done));
        for (u64 n = 1; end_at(o, n, &unused); n += 2)
            for (u32 deaths = 0; deaths <= 2; deaths += 2)
                try_asking(o, n, deaths, &done, &not_done, answers);
        assert_true(answers[0] > 2);
        assert_true(o->ask == ask_read ? answers[1] == 0 : answers[1] > 2);
    }
}

/* The next request of the same caller is another one, though it looks the same. */
static void test_next_request_is_another(void **state)
{
    u64 inode;
    (void)state;
    host_request(ME);
    assert_ok(fs_create(FS_ROOT, NAME("a"), FS_TYPE_FILE, 0, &inode));
    assert_ok(fs_restart());
    host_request(ME + PORT_REQUEST_CALLERS);
    assert_err(fs_create(FS_ROOT, NAME("a"), FS_TYPE_FILE, 0, &inode), ERR_EXISTS);
    host_request(OTHER);
    assert_err(fs_create(FS_ROOT, NAME("a"), FS_TYPE_FILE, 0, &inode), ERR_EXISTS);
    host_request(0);
    assert_ok(fs_forget_all()); /* a new generation of callers begins to count anew */
    host_request(ME);
    assert_err(fs_create(FS_ROOT, NAME("a"), FS_TYPE_FILE, 0, &inode), ERR_EXISTS);
    host_request(0);
}

/* A request whose commit the disk refused was told so; should the service die after that, it is done again.
 */
static void test_failed_commit_is_not_done(void **state)
{
    u64 inode = 0;
    (void)state;
    for (u64 flush = 1; flush <= 2; flush++) { /* of the copies; of the header, which may be there or not */
        assert_int_equal(world_setup(NULL), 0);
        host_request(ME);
        host_disk_fail_flushes(flush, 1);
        assert_err(fs_create(FS_ROOT, NAME("a"), FS_TYPE_FILE, 0, &inode), ERR_DEVICE);
        host_request(0);
        assert_ok(put_bytes(open_path("hello"), 0, "x", 1));
        assert_int_equal(open_path("a"), 0);
        assert_ok(fs_restart());
        host_request(ME);
        assert_ok(fs_create(FS_ROOT, NAME("a"), FS_TYPE_FILE, 0, &inode));
        host_request(0);
        assert_int_equal(open_path("a"), inode);
        assert_consistent(0);
    }
}

/* ---- Several at once ---- */

#define SHARERS    6
#define LEFT_MAX   200
#define REQUEST(i) (10 + (i) + 3 * PORT_REQUEST_CALLERS)

static struct left {
    u8 *image;
    struct fs_kept kept;
} left[LEFT_MAX]; /* what a death would leave, at each instant */
static u32 left_count;

/* The thread that is at an instant of the disk has let go of the lock; so nobody is within a kept step. */
static void copy_what_is_left(void)
{
    if (port_lock_held(&fs_lock))
        return;
    port_lock_acquire(&fs_lock);
    if (left_count < LEFT_MAX) {
        struct left *l = &left[left_count++];
        l->image = malloc(host_disk_blocks() * 1024);
        assert_non_null(l->image);
        memcpy(l->image, host_disk_bytes(), host_disk_blocks() * 1024);
        l->kept = *fs_kept;
    }
    port_lock_release(&fs_lock);
}

struct sharer {
    u32 number;
    enum err err;
    u64 value;
    bool done;
};

/* Creates, links, unlinks: none of them can be done twice. */
static enum err share(struct sharer *s)
{
    char name[16];
    snprintf(name, sizeof name, "s%u", s->number);
    host_request(REQUEST(s->number));
    switch (s->number % 3) {
    case 0:
        s->err = fs_create(FS_ROOT, NAME(name), FS_TYPE_FILE, 0, &s->value);
        break;
    case 1:
        s->err = fs_link(file, FS_ROOT, NAME(name));
        break;
    default:
        s->err = fs_unlink(directory, NAME(name));
    }
    host_request(0);
    return s->err;
}

static void run_sharer(void *argument)
{
    (void)share(argument);
    __atomic_store_n(&((struct sharer *)argument)->done, true, __ATOMIC_SEQ_CST);
    port_thread_exit();
}

static void prepare_sharers(void)
{
    prepare();
    for (u32 i = 2; i < SHARERS; i += 3) {
        char name[16];
        snprintf(name, sizeof name, "s%u", i);
        assert_ok(fs_put(create(directory, name, FS_TYPE_FILE)));
    }
}

static void check_sharers(u32 instant, struct sharer *sharers)
{
    for (u32 i = 0; i < SHARERS; i++) {
        char name[16];
        u64 inode;
        snprintf(name, sizeof name, "s%u", i);
        if (sharers[i].err != ERR_OK)
            fail_msg("instant %u, %s: %s", instant, name, err_text(sharers[i].err));
        if (i % 3 == 2) {
            assert_err(lookup(directory, name, &inode), ERR_NOT_FOUND);
            continue;
        }
        assert_ok(lookup(FS_ROOT, name, &inode));
        assert_int_equal(inode, i % 3 == 0 ? sharers[i].value : file);
        assert_ok(fs_put(inode));
        if (i % 3 == 0) {
            assert_int_equal(fs_kept->references[inode], 1);
            assert_ok(fs_put(inode));
        }
    }
    assert_int_equal(links_of(file), 1 + SHARERS / 3);
    assert_consistent(1); /* `gone` is held */
}

static void test_requests_that_share_a_commit(void **state)
{
    struct sharer sharers[SHARERS];
    (void)state;
    prepare_sharers();
    left_count = 0;
    host_on_instant = copy_what_is_left;
    host_disk_hold(true);
    for (u32 i = 0; i < SHARERS; i++) {
        sharers[i] = (struct sharer){.number = i};
        assert_ok(port_thread_start("sharer", run_sharer, &sharers[i]));
        usleep(20000); /* the first is in its commit, the others wait for it */
    }
    host_disk_hold(false);
    for (u32 i = 0; i < SHARERS; i++)
        while (!__atomic_load_n(&sharers[i].done, __ATOMIC_SEQ_CST))
            usleep(100);
    host_on_instant = NULL;
    check_sharers(0, sharers);
    u64 blocks = host_disk_blocks();
    assert_in_range(left_count, 8, LEFT_MAX - 1);
    for (u32 n = 0; n < left_count; n++) {
        host_disk_set(left[n].image, blocks);
        *fs_kept = left[n].kept;
        assert_ok(fs_restart());
        for (u32 i = SHARERS; i-- > 0;) {
            sharers[i] = (struct sharer){.number = i};
            (void)share(&sharers[i]);
        }
        check_sharers(n + 1, sharers);
        free(left[n].image);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(test_repeated_after_a_death),
        T(test_others_come_first),
        T(test_several_restarts),
        T(test_death_in_recovery),
        T(test_asked_about),
        T(test_next_request_is_another),
        T(test_failed_commit_is_not_done),
        T(test_requests_that_share_a_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
