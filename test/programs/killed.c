/*
 * killed N: programs that are killed while their calls are inside the services. N children, one after the
 * other, work without end on files, on memory or on what they print, which is points, and each is killed at
 * another moment of it; of those that print two at a time, so that one waits for the other when the console
 * waits for its device. What the services had lent them must come back: fs has fewer buffers to lend than N
 * children could take along. The last line is `killed: N`, or says what failed.
 */
#include "abi/xv6/fcntl.h"
#include "user/user.h"

#define ORPHANS_END 100 /* ticks */

#define PRINTING 64   /* rounds: one of three of them prints */
#define POINTS   8000 /* of each: together many times what waits between the console and who reads */

static char block[3000];

static _Noreturn void use_files(void)
{
    for (;;) {
        int file = open("killed-file", O_CREATE | O_RDWR);

        write(file, block, sizeof(block));
        close(file);
        link("killed-file", "killed-link");
        file = open("killed-link", O_RDONLY);
        read(file, block, sizeof(block));
        unlink("killed-file");
        close(file);
        unlink("killed-link");
        mkdir("killed-dir");
        unlink("killed-dir");
        sbrk(8192);
        sbrk(-8192);
    }
}

/* Regions of each kind, in use while the child ends: mapped at once, on first use, and shared with a child of
 * its own. */
static _Noreturn void use_memory(void)
{
    for (;;) {
        xmap_region_t region, lazy;
        char *grown = sbrk(3 * 4096);
        bool reserved = xmap_reserve(4 * 4096, &region) == 0 && xmap_reserve(4 * 4096, &lazy) == 0;

        if (grown == (char *)-1 || !reserved || xmap_map(&region, XMAP_READ | XMAP_WRITE) < 0 ||
            xmap_map(&lazy, XMAP_READ | XMAP_WRITE | XMAP_LAZY) < 0)
            exit(1);
        grown[4096] = *(char *)region.start = *(char *)(lazy.start + 8192) = 1;
        if (fork() == 0) {
            grown[4096] = *(char *)region.start = 2;
            exit(0);
        }
        wait(NULL);
        xmap_protect(&region, XMAP_READ);
        xmap_unmap(&region);
        xmap_release(&region);
        xmap_unmap(&lazy);
        xmap_release(&lazy);
        sbrk(-3 * 4096);
    }
}

static _Noreturn void use_console(void)
{
    for (int i = 0; i < POINTS; i++)
        write(1, ".", 1);
    for (;;)
        pause(1000);
}

static void (*const uses[])(void) = {use_files, use_memory, use_console};

static bool prints(int round)
{
    return round < PRINTING && round % 3 == 2;
}

/* Few use memory: the time that servers work for a program is not on its account, and the killer's turn comes
 * late. */
static int begin(int round)
{
    int pid = fork();

    if (pid == 0)
        uses[prints(round) ? 2 : round % 16 == 1]();
    if (pid < 0) {
        printf("killed: FAILED: no process, round %d\n", round);
        exit(1);
    }
    return pid;
}

static void end(int pid, int round)
{
    int status;

    kill(pid);
    if (wait(&status) != pid || status != -1) {
        printf("killed: FAILED: the child has not been killed, round %d\n", round);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    int rounds = argc == 2 ? atoi(argv[1]) : 0;
    unsigned long before[3], after[3] = {0};

    xmap_usage(before);
    for (int round = 0; round < rounds; round++) {
        int pid = begin(round), other = prints(round) ? begin(round) : 0;

        for (volatile int i = 0; i < round * 977 % 200000; i++)
            ;
        if (round % 8 < 2 || prints(round))
            pause(1);
        end(pid, round);
        if (other != 0)
            end(other, round);
    }
    unlink("killed-file");
    unlink("killed-link");
    unlink("killed-dir");
    /* children of killed ones end by themselves, when it is their turn */
    for (int i = 0; i < ORPHANS_END && (xmap_usage(after), after[0] != before[0]); i++)
        pause(1);
    if (after[0] != before[0]) {
        printf("killed: FAILED: %lu pages free before, %lu after\n", before[0], after[0]);
        exit(1);
    }
    printf("\nkilled: %d\n", rounds);
    exit(0);
}
