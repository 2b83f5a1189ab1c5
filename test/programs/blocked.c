/*
 * blocked none|SERVICE:FAULT...: processes that wait for ever are gone at once when they are killed, also if
 * a service has died under them meanwhile; and one whose wait can end goes on.
 *
 * For each argument: seven children begin to wait, two of them for the console and the others each in another
 * place. The fault, unless it is none, is armed, calls provoke it, and some time is given for the restart.
 * Then all but the last child are killed, and that one gets what it waits for; all must end within GONE
 * ticks. The last line is `blocked: all gone`, or says what failed.
 */
#include "abi/xv6/fcntl.h"
#include "user/user.h"

#define RESTART 15 /* ticks of 100 ms: also enough for the supervisor to forget the death before the next */
#define GONE    3
#define FED     7 /* the status of the one that goes on */
#define KILLED  (-1)

static int empty[2], full[2], fed[2], told[2];
static char filling[512]; /* what a pipe holds */

static _Noreturn void fail(const char *what)
{
    printf("blocked: FAILED: %s\n", what);
    exit(1);
}

static void read_pipe(void)
{
    char byte;

    read(empty[0], &byte, 1);
}

static void write_pipe(void)
{
    write(full[1], filling, 1);
}

static void read_console(void)
{
    char byte;

    read(0, &byte, 1);
}

static void sleep_long(void)
{
    pause(1 << 30);
}

/* The child's child is told to the first process, which ends it. */
static void wait_for_child(void)
{
    int pid = fork();

    if (pid == 0)
        sleep_long();
    write(told[1], &pid, sizeof(pid));
    wait(NULL);
}

static void read_fed_pipe(void)
{
    char byte = 0;

    if (read(fed[0], &byte, 1) == 1 && byte == 'x')
        exit(FED);
}

static void (*const waits[])(void) = {read_pipe,  write_pipe,     read_console, read_console,
                                      sleep_long, wait_for_child, read_fed_pipe};
#define WAITS 7

/* Calls that need every service. They may fail: one of them meets the fault. */
static void provoke(void)
{
    char byte;
    int fd = open("README", O_RDONLY);

    read(fd, &byte, 1);
    close(fd);
    fd = open("blocked.tmp", O_CREATE | O_RDWR);
    write(fd, filling, sizeof(filling));
    close(fd);
    unlink("blocked.tmp");
    if (sbrk(4096) != (char *)-1)
        sbrk(-4096);
    printf("blocked: provoked\n");
}

static void end_all(const int *pids, int grandchild)
{
    int begin = uptime(), ended = 0, were_fed = 0, status, pid;

    for (u32 i = 0; i + 1 < WAITS; i++) {
        if (kill(pids[i]) < 0)
            fail("kill");
    }
    if (kill(grandchild) < 0 || write(fed[1], "x", 1) != 1)
        fail("what ends the others");
    while ((pid = wait(&status)) >= 0) {
        if (status != KILLED && (status != FED || pid != pids[WAITS - 1]))
            fail("a child went on");
        were_fed += status == FED;
        ended++;
    }
    if (ended != WAITS || were_fed != 1)
        fail("a child is missing");
    if (uptime() - begin > GONE)
        fail("they took too long");
}

static void round_with(const char *fault)
{
    int pids[WAITS], grandchild;

    for (u32 i = 0; i < WAITS; i++) {
        pids[i] = fork();
        if (pids[i] < 0)
            fail("fork");
        if (pids[i] == 0) {
            waits[i]();
            exit(1);
        }
    }
    if (read(told[0], &grandchild, sizeof(grandchild)) != sizeof(grandchild))
        fail("the child's child");
    pause(2);
    if (strcmp(fault, "none") != 0) {
        if (fault_arm(fault, 1, 0) < 0)
            fail(fault);
        provoke();
        pause(RESTART);
    }
    end_all(pids, grandchild);
    printf("blocked: %s: gone\n", fault);
}

int main(int argc, char **argv)
{
    if (pipe(empty) < 0 || pipe(full) < 0 || pipe(fed) < 0 || pipe(told) < 0 ||
        write(full[1], filling, sizeof(filling)) != sizeof(filling))
        fail("pipe");
    for (int i = 1; i < argc; i++)
        round_with(argv[i]);
    printf("blocked: all gone\n");
    return 0;
}
