/* Lazy growth: pages that appear at their first touch [1.2, 1.3 sbrk, 2 rows 1,
 * 2, 5]. */
#include "user/systest/systest.h"

#define FAILED_SBRK ((char *)-1)
#define GIB         (1 << 30)

static void lazy_takes_nothing(void)
{
    u64 before = free_pages();
    char *start = sbrklazy(GIB);
    require(start != FAILED_SBRK, "a lazy gibibyte can be had");
    require(before - free_pages() < 16, "it takes no memory");
    for (u64 i = 0; i < 64; i++) {
        volatile char *byte = start + i * (GIB / 64);
        equal(*byte, 0, "a byte of an untouched page");
        *byte = (char)i;
    }
    require(before - free_pages() >= 64, "touched pages do");
    for (u64 i = 0; i < 64; i++)
        equal(start[i * (GIB / 64)], (char)i, "a byte written");
    before = free_pages();
    require(sbrk(-GIB) == start + GIB, "shrinking");
    require(free_pages() - before >= 64, "shrinking gives them back");
}

/* Lazy is the mode of exactly 2, in all 64 bits; whatever else is there was
 * left by an old program [2 row 1]. */
static void lazy_only_by_2(void)
{
    static const u64 eager[] = {0, 1, 3, 0x100000002ul, ~0ul};
    for (u32 i = 0; i < ARRAY_SIZE(eager); i++) {
        u64 before = free_pages();
        require(raw_call(SYS_sbrk, 32 * PAGE_SIZE, eager[i], 0) > 0, "sbrk");
        require(before - free_pages() >= 32, "the pages are there at once");
        raw_call(SYS_sbrk, -(32 * PAGE_SIZE), 2, 0);
        require(before - free_pages() < 4, "a negative number shrinks in any mode");
    }
}

/* The system's copies touch lazy pages in both directions, strings included. */
static void lazy_by_calls(void)
{
    char *start = sbrklazy(64 * PAGE_SIZE);
    int fds[2];
    equal(pipe(fds), 0, "pipe");
    equal(write(fds[1], start, 2), 2, "write from an untouched page");
    equal(read(fds[0], start + 10 * PAGE_SIZE - 1, 2), 2, "read across two untouched pages");
    equal(xmap_usage((u64 *)(start + 20 * PAGE_SIZE)), 0, "a structure stored in an untouched page");
    equal(wait((int *)(start + 30 * PAGE_SIZE)), -1, "wait without children");
}

static void lazy_string(void)
{
    char *start = sbrklazy(4 * PAGE_SIZE);
    int fd;
    start[PAGE_SIZE - 1] = '/'; /* its NUL is in the next page, which is untouched */
    fd = open(start + PAGE_SIZE - 1, O_RDONLY);
    require(fd >= 0, "open of a path whose NUL lies in an untouched page");
    close(fd);
    equal(open(start + 2 * PAGE_SIZE, O_CREATE), -1, "creation of an empty name from an untouched page");
}

static void jump(u64 address)
{
    ((void (*)(void))address)();
}

static void store(u64 address)
{
    *(volatile char *)address = 1;
}

/* A fetch touches nothing. Nor is there anything behind the break [11 point
 * 25]. */
static void lazy_not_by_fetch(void)
{
    char *start = sbrklazy(4 * PAGE_SIZE);
    equal(fate_of(jump, (u64)start), ENDED, "the status after a jump to an untouched page");
    equal(fate_of(store, (u64)start + 4 * PAGE_SIZE), ENDED, "the status after a store behind the break");
    equal(fate_of(store, (u64)start + 4 * PAGE_SIZE - 1), 0, "the status after a store before the break");
}

/* Each child shrinks, then touches what is no longer there. */
static void shrink_and_store(u64 address)
{
    *(volatile char *)address = 1;
    sbrk(-GIB);
    *(volatile char *)address = 1;
}

static void lazy_shrink(void)
{
    char *start = sbrklazy(GIB);
    require(start != FAILED_SBRK, "a lazy gibibyte can be had");
    for (u64 i = 0; i < 8; i++)
        equal(fate_of(shrink_and_store, (u64)start + i * (GIB / 8)), ENDED, "the status");
}

/* Up to the two top pages, and not a byte further, in either mode [1.3]. */
static void lazy_limit(void)
{
    u64 limit = 0x3fffffe000ul;
    while (limit - (u64)sbrk(0) > GIB)
        require(sbrklazy(GIB) != FAILED_SBRK, "a lazy gibibyte below the limit");
    require(sbrklazy((int)(limit - PAGE_SIZE - (u64)sbrk(0))) != FAILED_SBRK, "all but the last page");
    require((u64)sbrk(PAGE_SIZE) == limit - PAGE_SIZE, "the last page, eagerly");
    *(volatile char *)(limit - 1) = 1;
    require((u64)sbrk(0) == limit, "the break is at the limit");
    require(sbrk(1) == FAILED_SBRK, "a byte more is refused");
    require(sbrklazy(1) == FAILED_SBRK, "also lazily");
    equal(fate_of(store, limit), ENDED, "the status after a store behind the limit");
}

static void check_and_change(u64 address)
{
    volatile char *bytes = (volatile char *)address;
    equal(bytes[0], 'p', "the touched page");
    equal(bytes[PAGE_SIZE], 0, "the untouched page");
    bytes[0] = 'c';
    bytes[PAGE_SIZE] = 'c';
}

/* Pages that nobody touched are neither copied nor shared by fork. */
static void lazy_fork(void)
{
    char *start = sbrklazy(GIB);
    u64 before;
    start[0] = 'p';
    before = free_pages();
    equal(fate_of(check_and_change, (u64)start), 0, "the child's status");
    equal((s64)free_pages(), (s64)before, "free pages after the child");
    equal(start[0], 'p', "the parent's touched page");
    equal(start[PAGE_SIZE], 0, "the parent's untouched page");
}

static void touch_all(u64 address)
{
    for (u64 i = 0; i < GIB; i += PAGE_SIZE)
        *(volatile char *)(address + i) = 1;
}

/* No memory at a touch: the program is ended, and all of it is back [1.3, 11
 * point 26]. */
static void lazy_exhausted(void)
{
    u64 before = free_pages();
    char *start;
    if (before >= GIB / PAGE_SIZE)
        return; /* a machine so large that a gibibyte is not too much */
    start = sbrklazy(GIB);
    require(start != FAILED_SBRK, "a lazy gibibyte can be had");
    equal(fate_of(touch_all, (u64)start), ENDED, "the status of a program that touches more than there is");
    require(free_pages() + 16 >= before, "its pages are back");
}

const struct test lazy_tests[] = {
    {"lazy-takes-nothing", lazy_takes_nothing, NEEDS_NOTHING},
    {"lazy-only-by-2", lazy_only_by_2, NEEDS_NOTHING},
    {"lazy-by-calls", lazy_by_calls, NEEDS_NOTHING},
    {"lazy-string", lazy_string, NEEDS_DISK},
    {"lazy-not-by-fetch", lazy_not_by_fetch, NEEDS_NOTHING},
    {"lazy-shrink", lazy_shrink, NEEDS_NOTHING},
    {"lazy-limit", lazy_limit, NEEDS_NOTHING},
    {"lazy-fork", lazy_fork, NEEDS_NOTHING},
    {"lazy-exhausted", lazy_exhausted, NEEDS_NOTHING},
    {NULL, NULL, 0},
};
