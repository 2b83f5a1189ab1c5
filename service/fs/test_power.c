/*
 * Power cut: whatever a disk with a volatile cache keeps of the writes since its last flush, what had
 * returned is there, and of each operation under way all or nothing.
 *
 * Each worker changes a directory of its own, step by step, and marks in the disk's trace when a step has
 * returned. From the trace every image is made that a cut could have left: all that was flushed, and of the
 * writes up to the next flush a subset. Up to EXHAUSTIVE of them every subset; above that every prefix,
 * every single loss, every single survivor, and SEEDED subsets at random. Each image is mounted; it must be
 * consistent, and each worker's directory as after the last step it was told of, or the one after.
 *
 * POWER_ROUNDS: how often several workers run, each time in another order.
 */
#include "port/thread.h"
#include "service/fs/test_world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORKERS   3u
#define STEPS_MAX 40u

#define EXHAUSTIVE 10u
#define SEEDED     1000u

struct worker {
    u32 number;
    u64 directory;
    u32 steps;
    void (*each_step)(struct worker *);
    u64 digests[STEPS_MAX + 1]; /* after each step, learnt alone */
};
static struct worker workers[WORKERS];
static u32 running;

static void name_of(const struct worker *w, char *name)
{
    snprintf(name, 16, "w%u", w->number);
}

static u64 digest_now(const struct worker *w)
{
    char name[16];
    name_of(w, name);
    return walk_subtree(host_disk_bytes(), host_disk_blocks(), name);
}

static void learn_step(struct worker *w)
{
    assert_true(w->steps <= STEPS_MAX);
    w->digests[w->steps] = digest_now(w);
}

static void mark_step(struct worker *w)
{
    host_disk_mark((u64)w->number << 32 | w->steps);
}

static void step(struct worker *w)
{
    w->steps++;
    w->each_step(w);
}

static void written(struct worker *w, u64 inode, u64 offset, const u8 *bytes, u64 length)
{
    assert_ok(put_bytes(inode, offset, bytes, length));
    step(w);
}

/* Creating, writing, renaming by link and unlink, directories, removing, truncating. Each step but those of
 * put changes the directory visibly. */
static void work(struct worker *w)
{
    static u8 bytes[WORKERS][16384];
    u8 *b = bytes[w->number];
    u64 d = w->directory;
    fill(b, sizeof bytes[0], 100 + w->number);
    u64 f = create(d, "file", FS_TYPE_FILE);
    step(w);
    for (u32 at = 0; at < 12288; at += 3072)
        written(w, f, at, b + at, 3072);
    written(w, f, 12288, b + 12288, 1500); /* through the indirect block */
    written(w, f, 500, b + 7000, 1000 + w->number * 600);
    assert_ok(fs_link(f, d, NAME("renamed")));
    step(w);
    assert_ok(fs_unlink(d, NAME("file")));
    step(w);
    u64 e = create(d, "sub", FS_TYPE_DIRECTORY);
    step(w);
    u64 g = create(e, "inner", FS_TYPE_FILE);
    step(w);
    written(w, g, 0, b, 700);
    assert_err(fs_unlink(d, NAME("sub")), ERR_NOT_EMPTY);
    assert_ok(fs_unlink(e, NAME("inner")));
    step(w);
    assert_ok(fs_put(g));
    step(w);
    assert_ok(fs_unlink(d, NAME("sub")));
    step(w);
    assert_ok(fs_put(e));
    step(w);
    assert_ok(fs_truncate(f));
    step(w);
    written(w, f, 0, b + 3000, 2048);
    assert_ok(fs_unlink(d, NAME("renamed")));
    step(w);
    assert_ok(fs_put(f));
    step(w);
}

static void work_in_thread(void *argument)
{
    work(argument);
    __atomic_sub_fetch(&running, 1, __ATOMIC_SEQ_CST);
    port_thread_exit();
}

/* A small disk with a short log, and each worker's directory. */
static void fresh_disk(void)
{
    static u8 *image;
    static u64 blocks;
    host_reset();
    host_arena_set(128);
    host_log_quiet = true;
    if (image == NULL) {
        world_image("-b 220 -i 64 -l 25");
        blocks = host_disk_blocks();
        image = malloc(blocks * 1024);
        memcpy(image, host_disk_bytes(), blocks * 1024);
    }
    host_disk_set(image, blocks);
    assert_ok(fs_start());
    for (u32 i = 0; i < WORKERS; i++) {
        char name[16];
        workers[i].number = i;
        workers[i].steps = 0;
        name_of(&workers[i], name);
        workers[i].directory = create(FS_ROOT, name, FS_TYPE_DIRECTORY);
    }
}

static void learn(void)
{
    fresh_disk();
    for (u32 i = 0; i < WORKERS; i++) {
        workers[i].digests[0] = digest_now(&workers[i]);
        workers[i].each_step = learn_step;
        work(&workers[i]);
    }
    assert_consistent(0);
}

/* ---- Images from the trace ---- */

struct cuts {
    const struct host_disk_event *event;
    u64 count, blocks;
    u8 *base;      /* what was flushed before the interval */
    u8 *candidate; /* base and a subset */
    u64 at[4096];  /* the interval's writes */
    u32 writes;
    u64 end;                /* its end: a flush, or the end of all */
    u32 told[WORKERS];      /* steps by the beginning of the interval */
    u32 told_last[WORKERS]; /* and by its end */
    u64 images;
};

/* Whether the directory is as after step `told` or the next. */
static bool is_after(const struct worker *w, u64 digest, u32 told)
{
    return digest == w->digests[told] || (told < STEPS_MAX && digest == w->digests[told + 1]);
}

/* The image in `candidate`, of which the last write is event `last`: the cut was after that, and before the
 * interval's end. */
static void check_candidate(struct cuts *c, u64 last)
{
    c->images++;
    host_disk_set(c->candidate, c->blocks);
    host_reset();
    assert_ok(fs_start());
    assert_consistent(0);
    for (u32 i = 0; i < WORKERS; i++) {
        u32 told = c->told[i];
        for (u64 e = 0; e < last; e++)
            if (c->event[e].kind == HOST_DISK_MARK && c->event[e].value >> 32 == i)
                told = (u32)c->event[e].value;
        u64 digest = digest_now(&workers[i]);
        if (!is_after(&workers[i], digest, told) || !is_after(&workers[i], digest, c->told_last[i]))
            fail_msg("cut after event %lu of %lu, worker %u: not as after step %u to %u", last, c->end, i,
                     told, c->told_last[i] + 1);
    }
}

static void try_subset(struct cuts *c, bool (*keeps)(u64 argument, u32 i), u64 argument)
{
    u64 last = c->writes > 0 ? c->at[0] : c->end;
    memcpy(c->candidate, c->base, c->blocks * 1024);
    for (u32 i = 0; i < c->writes; i++) {
        if (!keeps(argument, i))
            continue;
        const struct host_disk_event *e = &c->event[c->at[i]];
        memcpy(c->candidate + e->value * 1024, e->bytes, 1024);
        last = c->at[i];
    }
    check_candidate(c, last);
}

static bool keeps_bit(u64 bits, u32 i)
{
    return (bits >> i & 1) != 0;
}

static bool keeps_prefix(u64 count, u32 i)
{
    return i < count;
}

static bool keeps_all_but(u64 lost, u32 i)
{
    return i != lost;
}

static bool keeps_only(u64 kept, u32 i)
{
    return i == kept;
}

static bool keeps_seeded(u64 seed, u32 i)
{
    u64 state = seed * 0x9e3779b97f4a7c15ul + i * 0xbf58476d1ce4e5b9ul;
    (void)random_next(&state);
    return (random_next(&state) & 1) != 0;
}

static void try_interval(struct cuts *c)
{
    if (c->writes <= EXHAUSTIVE) {
        for (u64 bits = 0; bits < 1ul << c->writes; bits++)
            try_subset(c, keeps_bit, bits);
        return;
    }
    for (u32 n = 0; n <= c->writes; n++)
        try_subset(c, keeps_prefix, n);
    for (u32 n = 0; n < c->writes; n++) {
        try_subset(c, keeps_all_but, n);
        try_subset(c, keeps_only, n);
    }
    for (u32 n = 0; n < SEEDED; n++)
        try_subset(c, keeps_seeded, n);
}

/* Goes through the trace, interval by interval. The events outlive the disk they are from. */
static void try_all(u8 *base, const struct host_disk_event *event, u64 count)
{
    struct cuts *c = calloc(1, sizeof *c);
    c->event = event;
    c->count = count;
    c->blocks = host_disk_blocks();
    c->base = base;
    c->candidate = malloc(c->blocks * 1024);
    for (u64 e = 0; e <= count; e++) {
        if (e < count && event[e].kind == HOST_DISK_MARK)
            c->told_last[event[e].value >> 32] = (u32)event[e].value;
        if (e < count && event[e].kind == HOST_DISK_WRITE) {
            assert_true(c->writes < ARRAY_SIZE(c->at));
            c->at[c->writes++] = e;
        }
        if (e < count && event[e].kind != HOST_DISK_FLUSHED)
            continue;
        c->end = e;
        try_interval(c);
        for (u32 i = 0; i < c->writes; i++)
            memcpy(base + event[c->at[i]].value * 1024, event[c->at[i]].bytes, 1024);
        memcpy(c->told, c->told_last, sizeof c->told);
        c->writes = 0;
    }
    printf("%lu images from %lu events\n", c->images, count);
    assert_true(c->images > 200);
    free(c->candidate);
    free(c);
}

/* The events with bytes of their own, since a new disk forgets the trace. */
static struct host_disk_event *copy_events(u64 *count)
{
    const struct host_disk_event *events;
    *count = host_disk_events(&events);
    struct host_disk_event *copy = malloc(*count * sizeof *copy);
    for (u64 i = 0; i < *count; i++) {
        copy[i] = events[i];
        if (events[i].bytes != NULL) {
            copy[i].bytes = malloc(1024);
            memcpy((void *)copy[i].bytes, events[i].bytes, 1024);
        }
    }
    return copy;
}

static void run_and_cut(u32 count)
{
    learn();
    u32 steps = workers[0].steps;
    fresh_disk();
    assert_ok(fs_sync());
    u8 *base = malloc(host_disk_blocks() * 1024);
    memcpy(base, host_disk_bytes(), host_disk_blocks() * 1024);
    u64 before = host_disk_counts().flushes;
    host_disk_trace();
    for (u32 i = 0; i < WORKERS; i++)
        workers[i].each_step = mark_step;
    if (count == 1) {
        work(&workers[0]);
    } else {
        host_disk_slow(1000000);
        host_disk_hold(true); /* until all are there */
        running = count;
        for (u32 i = 0; i < count; i++)
            assert_ok(port_thread_start("worker", work_in_thread, &workers[i]));
        host_disk_held(1);
        usleep(50000);
        host_disk_hold(false);
        while (__atomic_load_n(&running, __ATOMIC_SEQ_CST) > 0)
            usleep(1000);
        host_disk_slow(0);
        /* alone each step has two flushes, and there are those of emptying the log */
        assert_true(host_disk_counts().flushes - before < 2ul * steps * count);
    }
    u64 events;
    struct host_disk_event *event = copy_events(&events);
    try_all(base, event, events);
    for (u64 i = 0; i < events; i++)
        free((void *)event[i].bytes);
    free(event);
    free(base);
}

static void test_one_worker(void **state)
{
    (void)state;
    run_and_cut(1);
}

static void test_several_workers(void **state)
{
    (void)state;
    const char *rounds = getenv("POWER_ROUNDS");
    for (u64 n = rounds != NULL ? strtoul(rounds, NULL, 0) : 1; n > 0; n--)
        run_and_cut(WORKERS);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {T(test_one_worker), T(test_several_workers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
