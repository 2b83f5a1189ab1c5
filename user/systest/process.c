/* fork, exit, wait, pause, uptime, and calls in general [1.1, 1.3]. */
#include "user/systest/systest.h"

/* Only the low half of a7 counts [1.1]. */
static void call_numbers(void)
{
    static const u64 unknown[] = {0, 22, 63, 100, 1000, 0x7fffffff, 1ul << 32};
    for (u32 i = 0; i < ARRAY_SIZE(unknown); i++)
        equal(raw_call(unknown[i], 0, 0, 0), -1, "an unknown call");
    equal(raw_call((1ul << 32) + SYS_getpid, 0, 0, 0), getpid(), "the high half of a call's number");
}

/* Every register but a0 is preserved [1.1]: those that C may use freely are
 * given values, and read back. */
static void registers_kept(void)
{
    u64 failures;
    __asm__ volatile("li t0, 105\n li t1, 106\n li t2, 107\n li t3, 128\n li t4, "
                     "129\n li t5, 130\n li t6, 131\n"
                     "li a1, 111\n li a2, 112\n li a3, 113\n li a4, 114\n li a5, "
                     "115\n li a6, 116\n li a7, 11\n"
                     "li s2, 118\n li s3, 119\n li s4, 120\n li s11, 127\n"
                     "ecall\n"
                     "addi t0, t0, -105\n addi t1, t1, -106\n addi t2, t2, "
                     "-107\n addi t3, t3, -128\n"
                     "addi t4, t4, -129\n addi t5, t5, -130\n addi t6, t6, -131\n"
                     "addi a1, a1, -111\n addi a2, a2, -112\n addi a3, a3, "
                     "-113\n addi a4, a4, -114\n"
                     "addi a5, a5, -115\n addi a6, a6, -116\n addi a7, a7, -11\n"
                     "addi s2, s2, -118\n addi s3, s3, -119\n addi s4, s4, "
                     "-120\n addi s11, s11, -127\n"
                     "or t0, t0, t1\n or t0, t0, t2\n or t0, t0, t3\n or t0, t0, "
                     "t4\n or t0, t0, t5\n"
                     "or t0, t0, t6\n or t0, t0, a1\n or t0, t0, a2\n or t0, t0, "
                     "a3\n or t0, t0, a4\n"
                     "or t0, t0, a5\n or t0, t0, a6\n or t0, t0, a7\n or t0, t0, "
                     "s2\n or t0, t0, s3\n"
                     "or t0, t0, s4\n or %0, t0, s11\n"
                     : "=r"(failures)
                     :
                     : "t0", "t1", "t2", "t3", "t4", "t5", "t6", "a0", "a1", "a2", "a3", "a4", "a5", "a6",
                       "a7", "s2", "s3", "s4", "s11", "memory");
    equal((s64)failures, 0, "bits that differ in the registers after a call");
}

static void exit_with(u64 status)
{
    exit((int)status);
}

/* A status is 32 bits wide [1.3, exit]. */
static void exit_status(void)
{
    static const int statuses[] = {0, 1, 747, 255, 256, 0x12345678, -7, -2147483647 - 1};
    for (u32 i = 0; i < ARRAY_SIZE(statuses); i++)
        equal(fate_of(exit_with, (u64)statuses[i]), statuses[i], "an exit status");
}

static void pids_grow(void)
{
    int last = getpid();
    require(last > 0, "a pid is positive");
    for (u32 i = 0; i < 5; i++) {
        int pid = spawn(exit_with, 0);
        require(pid > last, "pids grow");
        last = pid;
        end_of(pid);
    }
}

static volatile int shared_in_vain;

static void change_and_check(u64 unused)
{
    (void)unused;
    equal(shared_in_vain, 1, "what the child finds in its memory");
    shared_in_vain = 2;
}

/* Memory is copied, not shared, in both directions [1.3, fork]. */
static void fork_copies_memory(void)
{
    int pid;
    shared_in_vain = 1;
    pid = spawn(change_and_check, 0);
    pause(1);
    equal(end_of(pid), 0, "the child's status");
    equal(shared_in_vain, 1, "what the parent finds in its memory");
}

static void read_three(u64 fd)
{
    char bytes[3];
    equal(read((int)fd, bytes, 3), 3, "bytes read by the child");
    require(memcmp(bytes, "abc", 3) == 0, "the child's bytes");
}

/* Open files are shared, with their offset; the directory is inherited [1.3,
 * fork]. */
static void fork_shares_files(void)
{
    char byte;
    int fd;
    make_file("f", "abcdef", 6);
    fd = open_well("f", O_RDONLY);
    equal(fate_of(read_three, (u64)fd), 0, "the child's status");
    equal(read(fd, &byte, 1), 1, "bytes read by the parent");
    equal(byte, 'd', "the byte behind those the child has read");
    close(fd);
    unlink("f");
}

static void make_and_leave(u64 unused)
{
    (void)unused;
    make_file("here", "x", 1);
    require(chdir("/") == 0, "chdir");
}

/* A child's chdir is its own. */
static void fork_inherits_directory(void)
{
    equal(fate_of(make_and_leave, 0), 0, "the child's status");
    equal(unlink("here"), 0, "unlink of the file the child made in our directory");
}

static void wait_refused(void)
{
    int status = 5;
    equal(wait(&status), -1, "wait without children");
    equal(status, 5, "the status of nobody");
    equal(wait(NULL), -1, "wait(0) without children");
}

/* A null pointer discards the status [1.3, wait]. */
static void wait_discards(void)
{
    int pid = spawn(exit_with, 3);
    equal(wait(NULL), pid, "wait(0)");
    equal(wait(NULL), -1, "wait(0) after the only child");
}

/* If the status cannot be stored the zombie stays, and can still be had [1.3,
 * wait]. */
static void wait_keeps_zombie(void)
{
    int pid = spawn(exit_with, 4);
    for (u32 i = 0; i < BAD_ADDRESSES; i++)
        equal(wait((int *)bad_addresses[i]), -1, "wait with a bad pointer");
    equal(wait(pointer_to(64)), -1, "wait with a pointer to text");
    equal(end_of(pid), 4, "the status of the zombie that stayed");
}

/* Statuses of many children, whatever the order they come in, are each right.
 */
static void wait_many(void)
{
    static int pids[20];
    for (u32 i = 0; i < ARRAY_SIZE(pids); i++)
        pids[i] = spawn(exit_with, i);
    for (u32 i = 0; i < ARRAY_SIZE(pids); i++) {
        int status = -1;
        int pid = wait(&status);
        require(status >= 0 && status < (int)ARRAY_SIZE(pids), "the status is one of those given");
        equal(pid, pids[status], "the child that ended with that status");
        pids[status] = 0;
    }
}

/* What a child held is back when wait returns [1.3, wait]. */
static void take_pages(u64 pages)
{
    require(sbrk((int)(pages * PAGE_SIZE)) != (char *)-1, "sbrk in the child");
}

static void wait_returns_memory(void)
{
    u64 before = free_pages();
    for (u32 i = 0; i < 20; i++) {
        equal(fate_of(take_pages, 200), 0, "the child's status");
        equal((s64)free_pages(), (s64)before, "free pages when wait returns");
    }
}

static void orphan_and_exit(u64 fd)
{
    if (fork() == 0) {
        pause(2);
        write((int)fd, "o", 1);
        exit(5);
    }
}

/* The orphan lives on; nobody else's wait sees it [1.3, orphans]. */
static void orphan_lives(void)
{
    char byte;
    int fds[2];
    equal(pipe(fds), 0, "pipe");
    equal(fate_of(orphan_and_exit, (u64)fds[1]), 0, "the parent's status");
    close(fds[1]);
    equal(wait(NULL), -1, "wait for a grandchild");
    equal(read(fds[0], &byte, 1), 1, "bytes from the orphan");
    equal(read(fds[0], &byte, 1), 0, "the end of the orphan");
    close(fds[0]);
    pause(1); /* its memory is back only now: nobody waits for an orphan */
}

static void many_orphans(u64 unused)
{
    (void)unused;
    for (u32 i = 0; i < 4; i++)
        fork();
}

/* Zombies whose parent has gone take no process away for long: 40 rounds of 15
 * [1.3, orphans]. */
static void orphans_are_reaped(void)
{
    for (u32 i = 0; i < 40; i++) {
        int pid = spawn(many_orphans, 0);
        equal(end_of(pid), 0, "the parent's status");
    }
    pause(2);
}

/* 0 and negative numbers return at once with 0 [1.3, pause; 2 row 3]. */
static void pause_bounds(void)
{
    int begin = uptime();
    equal(pause(0), 0, "pause(0)");
    equal(pause(-1), 0, "pause(-1)");
    equal(pause(-2147483647 - 1), 0, "pause of the most negative number");
    require(uptime() - begin < 20, "pauses of nothing take no time");
}

static void pause_lasts(void)
{
    int begin = uptime();
    int end;
    equal(pause(5), 0, "pause(5)");
    end = uptime();
    require(end - begin >= 5, "pause(5) lasts five ticks");
    require(end - begin < 60, "pause(5) does not last for ever");
}

static void spin(u64 unused)
{
    (void)unused;
    for (;;)
        __asm__ volatile("");
}

/* A program that makes no call does not keep others from running [3.4]. */
static void preemption(void)
{
    int first = spawn(spin, 0);
    int second = spawn(spin, 0);
    int begin = uptime();
    equal(pause(3), 0, "pause beside two programs that spin");
    require(uptime() - begin < 50, "the pause ends in time");
    equal(kill(first), 0, "kill of the first");
    equal(kill(second), 0, "kill of the second");
    equal(wait(NULL) + wait(NULL), first + second, "the pids that end");
}

const struct test process_tests[] = {
    {"call-numbers", call_numbers, NEEDS_NOTHING},
    {"registers-kept", registers_kept, NEEDS_NOTHING},
    {"exit-status", exit_status, NEEDS_NOTHING},
    {"pids-grow", pids_grow, NEEDS_NOTHING},
    {"fork-copies-memory", fork_copies_memory, NEEDS_NOTHING},
    {"fork-shares-files", fork_shares_files, NEEDS_DISK},
    {"fork-inherits-directory", fork_inherits_directory, NEEDS_DISK},
    {"wait-refused", wait_refused, NEEDS_NOTHING},
    {"wait-discards", wait_discards, NEEDS_NOTHING},
    {"wait-keeps-zombie", wait_keeps_zombie, NEEDS_NOTHING},
    {"wait-many", wait_many, NEEDS_NOTHING},
    {"wait-returns-memory", wait_returns_memory, NEEDS_NOTHING},
    {"orphan-lives", orphan_lives, NEEDS_NOTHING},
    {"orphans-are-reaped", orphans_are_reaped, NEEDS_NOTHING},
    {"pause-bounds", pause_bounds, NEEDS_NOTHING},
    {"pause-lasts", pause_lasts, NEEDS_NOTHING},
    {"preemption", preemption, NEEDS_NOTHING},
    {NULL, NULL, 0},
};
