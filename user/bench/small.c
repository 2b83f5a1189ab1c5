/*
 * A program of four pages (text, data, guard, stack) for the rows that count pages or start a program.
 *
 * Without an argument it ends at once, with a stop marker for the row that counts exec alone. With `fork` it
 * measures fork, child's exit and wait: of itself, and of itself with 64 pages more.
 */
#include "user/bench/mark.h"
#include "user/bench/rows.h"
#include "user/user.h"

#define SAMPLES    24
#define MORE_PAGES 64

static volatile u8 data = 1; /* so that there is a page of data */

static _Noreturn void fail(const char *row, const char *what)
{
    printf("bench: %s: %s\n", row, what);
    exit(1);
}

static int fork_once(void)
{
    int pid = fork();
    if (pid == 0)
        exit(0);
    return pid;
}

static void measure_fork(void)
{
    for (int i = 0; i < SAMPLES; i++) {
        MARK_START(ROW_fork);
        int pid = fork_once();
        int ended = wait(NULL);
        MARK_STOP(ROW_fork);
        if (pid < 0 || ended != pid)
            fail("fork", "fork and wait");
    }
}

static void measure_fork_68(void)
{
    char *more = sbrk(MORE_PAGES * PAGE_SIZE);
    if (more == (char *)-1)
        fail("fork_68", "sbrk");
    for (u64 i = 0; i < MORE_PAGES; i++)
        more[i * PAGE_SIZE] = 1;
    for (int i = 0; i < SAMPLES; i++) {
        MARK_START(ROW_fork_68);
        int pid = fork_once();
        int ended = wait(NULL);
        MARK_STOP(ROW_fork_68);
        if (pid < 0 || ended != pid)
            fail("fork_68", "fork and wait");
    }
}

/* The sample begins in the child, at the store. */
static void measure_fault(void)
{
    for (int i = 0; i < SAMPLES; i++) {
        int pid = fork();
        if (pid == 0) {
            MARK_START(ROW_fault);
            __asm__ volatile("sb zero, 0(zero)" : : : "memory");
            exit(0);
        }
        int status = 0;
        int ended = wait(&status);
        MARK_STOP(ROW_fault);
        if (pid < 0 || ended != pid || status != -1)
            fail("fault", "the store did not end the process");
    }
}

int main(int argc, char **argv)
{
    MARK_STOP(ROW_exec);
    if (argc < 2)
        return data - 1;
    if (strcmp(argv[1], "store") == 0) {
        measure_fault();
        return 0;
    }
    measure_fork();
    measure_fork_68();
    return 0;
}
