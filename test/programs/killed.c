/*
 * killed N: programs that are killed while their calls are inside the services. N children, one after the
 * other, work on files and memory without end, and each is killed at another moment of it. What the services
 * had lent them must come back: fs has fewer buffers to lend than N children could take along. The last line
 * is `killed: N`, or says what failed.
 */
#include "abi/xv6/fcntl.h"
#include "user/user.h"

static char block[3000];

static _Noreturn void work(void)
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

int main(int argc, char **argv)
{
    int rounds = argc == 2 ? atoi(argv[1]) : 0;
    unsigned long before[3], after[3];

    xmap_usage(before);
    for (int round = 0; round < rounds; round++) {
        int status, pid = fork();

        if (pid == 0)
            work();
        if (pid < 0) {
            printf("killed: FAILED: no process, round %d\n", round);
            exit(1);
        }
        for (volatile int i = 0; i < round * 977 % 200000; i++)
            ;
        if (round % 8 == 0)
            pause(1);
        kill(pid);
        if (wait(&status) != pid || status != -1) {
            printf("killed: FAILED: the child has not been killed, round %d\n", round);
            exit(1);
        }
    }
    unlink("killed-file");
    unlink("killed-link");
    unlink("killed-dir");
    xmap_usage(after);
    if (after[0] != before[0]) {
        printf("killed: FAILED: %lu pages free before, %lu after\n", before[0], after[0]);
        exit(1);
    }
    printf("killed: %d\n", rounds);
    exit(0);
}
