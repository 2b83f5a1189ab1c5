/* sbrk, the layout of a program, copy-on-write [1.3 sbrk, 3.2, 4]. */
#include "user/systest/systest.h"

#define FAILED_SBRK ((char *)-1)

static void sbrk_bytes(void)
{
    char *start = sbrk(0);
    for (u32 i = 0; i < 5000; i++) {
        char *byte = sbrk(1);
        require(byte == start + i, "successive sbrk(1) give consecutive addresses");
        *byte = (char)i;
    }
    for (u32 i = 0; i < 5000; i++)
        equal(start[i], (char)i, "a byte of the heap");
    require(sbrk(-5000) == start + 5000 && sbrk(0) == start, "sbrk(-5000) undoes them");
}

/* The break begins at the top of the stack, on a page's boundary [3.2]. */
static void break_at_stack(void)
{
    require((u64)sbrk(0) == stack_page() + PAGE_SIZE, "the first break is the top of the stack");
}

/* New pages are zero, also where there was something before [1.3; 11 point 9].
 */
static void sbrk_zeroes(void)
{
    char *start = sbrk(10 * PAGE_SIZE);
    require(start != FAILED_SBRK, "sbrk");
    for (u32 round = 0; round < 3; round++) {
        for (u64 i = 0; i < 10 * PAGE_SIZE; i += 512) {
            equal(start[i], 0, "a byte of fresh memory");
            start[i] = 99;
        }
        require(sbrk(-10 * (int)PAGE_SIZE) == start + 10 * PAGE_SIZE, "shrinking");
        require(sbrk(10 * PAGE_SIZE) == start, "growing again");
    }
}

/* Shrinking gives the pages back at once; growing inside a page takes none. */
static void sbrk_counts(void)
{
    u64 before = free_pages();
    char *start = sbrk(64 * PAGE_SIZE);
    u64 grown = free_pages();
    require(start != FAILED_SBRK, "sbrk");
    require(before - grown >= 64, "eager pages are taken at once, not at their first touch");
    sbrk(-1);
    sbrk(1);
    equal((s64)free_pages(), (s64)grown, "free pages after moves inside a page");
    sbrk(-63 * (int)PAGE_SIZE);
    equal((s64)free_pages(), (s64)grown + 63, "free pages after shrinking by 63");
    sbrk(-(int)PAGE_SIZE);
    require(free_pages() >= grown + 64, "the last page is back, too");
}

/* More than there is below the break cannot be taken off: nothing happens, and
 * that is no error [1.3]. */
static void sbrk_overshrink(void)
{
    char *top = sbrk(0);
    require(sbrk(-(int)(u64)top - 1) == top, "sbrk(-(break + 1)) returns the break");
    require(sbrk((int)0x80000004u) == top, "sbrk(0x80000004) returns the break");
    require(sbrk(0) == top, "and the break stays");
}

/* What is past the break in its page can be used by the program and by the
 * system [1.2]. */
static void break_is_by_pages(void)
{
    char *start = sbrk(1);
    int fds[2];
    require((u64)start % PAGE_SIZE == 0, "the break was on a page's boundary");
    start[PAGE_SIZE - 1] = 'y';
    equal(pipe(fds), 0, "pipe");
    equal(write(fds[1], start + PAGE_SIZE - 1, 1), 1, "write from past the break");
    equal(read(fds[0], start + PAGE_SIZE - 2, 1), 1, "read to past the break");
    equal(start[PAGE_SIZE - 2], 'y', "the byte that went through the pipe");
    equal(write(fds[1], start + PAGE_SIZE, 1), 0, "write from the page behind");
}

/* More than any machine gives: refused, with nothing changed [1.3; 4: below
 * 1000 MiB, however large the machine; larger memory is xmap's]. */
static void sbrk_too_much(void)
{
    u64 before = free_pages();
    char *top = sbrk(0);
    require(sbrk(1000 * 1024 * 1024) == FAILED_SBRK, "sbrk of 1000 MiB is refused");
    require(sbrk(0x7fffffff) == FAILED_SBRK, "sbrk of the largest number is refused");
    require(sbrk(0) == top, "the break stays");
    equal((s64)free_pages(), (s64)before, "free pages after refusals");
}

/* The limit holds for many small steps as it does for a large one. */
static void sbrk_in_steps(void)
{
    u64 all = 0;
    while (sbrk(16 * 1024 * 1024) != FAILED_SBRK)
        all += 16;
    require(all < 1000, "less than 1000 MiB can be had in steps");
    require(all >= 16 || free_pages() < 4096, "16 MiB can be had if they are free");
}

static void take_all(u64 unused)
{
    u64 pages = 0;
    char *top;
    (void)unused;
    for (u64 step = 1024; step > 0; step /= 2) {
        for (;;) {
            char *start = sbrk((int)(step * PAGE_SIZE));
            if (start == FAILED_SBRK)
                break;
            for (u64 i = 0; i < step; i++)
                start[i * PAGE_SIZE] = 1;
            pages += step;
        }
    }
    top = sbrk(0);
    require(pages > 100, "a hundred pages can be had");
    require(sbrk(PAGE_SIZE) == FAILED_SBRK && sbrk(0) == top, "a refused sbrk changes nothing");
    require(sbrk(-(int)PAGE_SIZE) == top, "shrinking never fails");
    require(sbrk(PAGE_SIZE) != FAILED_SBRK, "what was given back can be had again");
}

/* All memory can be taken, used, and is back at the end [4]. */
static void sbrk_all(void)
{
    u64 before = free_pages();
    equal(fate_of(take_all, 0), 0, "the child's status");
    equal((s64)free_pages(), (s64)before, "free pages afterwards");
}

static void shrink_to(u64 size)
{
    sbrk((int)size - (int)(u64)sbrk(0));
    exit(0);
}

/* The break may go to 0, and the program ends at its next instruction [1.3]. */
static void break_to_0(void)
{
    u64 before = free_pages();
    int status;
    equal(fate_of(shrink_to, 0), ENDED, "the status with a break of 0");
    status = fate_of(shrink_to, 1);
    require(status == ENDED || status == 0, "with a break in page 0 the program ends, one way or the other");
    equal((s64)free_pages(), (s64)before, "free pages afterwards");
}

static void shrink_below_stack(u64 unused)
{
    (void)unused;
    __asm__ volatile("mv a0, %0\n li a1, 1\n li a7, 12\n ecall\n"
                     "li a0, 17\n li a7, 2\n ecall\n"
                     :
                     : "r"(-2 * (long)PAGE_SIZE)
                     : "a0", "a1", "a7", "memory");
}

/* A process without a stack goes on as long as it does not touch it [4; 11
 * point 35]. */
static void no_stack(void)
{
    require((u64)sbrk(0) % PAGE_SIZE == 0, "the break is on a page's boundary");
    equal(fate_of(shrink_below_stack, 0), 17, "the status of a program that cut its stack off");
}

/* ---- Copy-on-write ---- */

static char *heap;

static void write_half(u64 parent_half)
{
    for (u64 i = parent_half; i < 16; i += 2)
        heap[i * PAGE_SIZE] = 'c';
    for (u64 i = 0; i < 16; i++)
        equal(heap[i * PAGE_SIZE], i % 2 == parent_half ? 'c' : 'p', "the child's byte");
}

static void see_x(u64 unused)
{
    (void)unused;
    equal(heap[0], 'x', "what the grandchild inherits");
}

static void change_and_fork(u64 unused)
{
    (void)unused;
    heap[0] = 'x';
    equal(fate_of(see_x, 0), 0, "the grandchild's status");
}

static void copy_on_write(void)
{
    heap = sbrk(16 * PAGE_SIZE);
    for (u64 i = 0; i < 16; i++)
        heap[i * PAGE_SIZE] = 'p';
    equal(fate_of(write_half, 0), 0, "the status of the first child");
    equal(fate_of(write_half, 1), 0, "the status of the second child");
    equal(fate_of(change_and_fork, 0), 0, "the status of the third child");
    for (u64 i = 0; i < 16; i++)
        equal(heap[i * PAGE_SIZE], 'p', "the parent's byte");
}

static void read_into(u64 fd)
{
    equal(read((int)fd, heap, 1), 1, "bytes read into a shared page");
    equal(heap[0], 'k', "the byte that was read");
}

/* The system's copies break sharing as the program's stores do [11 point 25].
 */
static void copy_on_write_by_calls(void)
{
    int fds[2];
    heap = sbrk(PAGE_SIZE);
    heap[0] = 'p';
    equal(pipe(fds), 0, "pipe");
    equal(write(fds[1], "k", 1), 1, "write");
    equal(fate_of(read_into, (u64)fds[0]), 0, "the child's status");
    equal(heap[0], 'p', "the parent's byte");
}

static void touch_all(u64 pages)
{
    for (u64 i = 0; i < pages; i++)
        heap[i * PAGE_SIZE]++;
}

static void fork_with(u64 pages)
{
    u64 held;
    int pid;
    heap = sbrk((int)(pages * PAGE_SIZE));
    if (heap == FAILED_SBRK)
        return; /* a large machine: sbrk gives no more than a part of it */
    touch_all(pages);
    held = free_pages();
    pid = fork();
    if (pid == 0) {
        touch_all(pages);
        exit(0);
    }
    if (pid < 0)
        equal((s64)free_pages(), (s64)held, "free pages after a fork that failed");
    else
        equal(end_of(pid), 0, "the status of a child that needs all it was promised");
}

/* fork promises the memory that its child may need: it fails if there is not so much, and then nothing
 * remains; if it succeeds, the child can write to all of it [4, 11 point 10]. */
static void fork_commits(void)
{
    u64 before = free_pages();
    u64 some = min_u64(before, 300000); /* sbrk counts in ints */
    equal(fate_of(fork_with, some / 3), 0, "the status with a third of memory");
    equal(fate_of(fork_with, some * 2 / 3), 0, "the status with two thirds of memory");
    equal((s64)free_pages(), (s64)before, "free pages afterwards");
}

/* ---- malloc, which is the library's ---- */

static void heap_of_library(void)
{
    static char *blocks[64];
    for (u32 i = 0; i < ARRAY_SIZE(blocks); i++) {
        blocks[i] = malloc(100 + i * 7);
        require(blocks[i] != NULL, "malloc");
        memset(blocks[i], (int)i, 100 + i * 7);
    }
    for (u32 i = 0; i < ARRAY_SIZE(blocks); i += 2)
        free(blocks[i]);
    for (u32 i = 1; i < ARRAY_SIZE(blocks); i += 2) {
        equal(blocks[i][99 + i * 7], (char)i, "a byte of a block");
        free(blocks[i]);
    }
    free(NULL);
    blocks[0] = malloc(2000000000ul);
    require(blocks[0] == NULL, "malloc of two gigabytes is refused");
}

const struct test memory_tests[] = {
    {"break-at-stack", break_at_stack, NEEDS_NOTHING},
    {"sbrk-bytes", sbrk_bytes, NEEDS_NOTHING},
    {"sbrk-zeroes", sbrk_zeroes, NEEDS_NOTHING},
    {"sbrk-counts", sbrk_counts, NEEDS_NOTHING},
    {"sbrk-overshrink", sbrk_overshrink, NEEDS_NOTHING},
    {"break-is-by-pages", break_is_by_pages, NEEDS_NOTHING},
    {"sbrk-too-much", sbrk_too_much, NEEDS_NOTHING},
    {"sbrk-in-steps", sbrk_in_steps, NEEDS_NOTHING},
    {"sbrk-all", sbrk_all, NEEDS_NOTHING},
    {"break-to-0", break_to_0, NEEDS_NOTHING},
    {"no-stack", no_stack, NEEDS_NOTHING},
    {"copy-on-write", copy_on_write, NEEDS_NOTHING},
    {"copy-on-write-by-calls", copy_on_write_by_calls, NEEDS_NOTHING},
    {"fork-commits", fork_commits, IS_SLOW},
    {"heap-of-library", heap_of_library, NEEDS_NOTHING},
    {NULL, NULL, 0},
};
