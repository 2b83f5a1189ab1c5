/*
 * The first process: gives the shell a console, starts it again whenever it ends, and collects orphans.
 *
 * It must not end while the system runs. Whether the console exists yet depends on the disk image: a fresh
 * one has none.
 */
#include "abi/xv6/fcntl.h"
#include "abi/xv6/limits.h"
#include "user/user.h"

static void open_console(void)
{
    int fd = open("console", O_RDWR);
    if (fd < 0) {
        mknod("console", CONSOLE_MAJOR, 0);
        fd = open("console", O_RDWR);
    }
    while (fd >= 0 && fd < 2)
        fd = dup(fd);
    if (fd > 2) /* the three were open from the start */
        close(fd);
}

static int start_shell(void)
{
    printf("init: starting sh\n");
    int pid = fork();
    if (pid == 0) {
        static char name[] = "sh";
        char *argv[] = {name, NULL};
        exec(name, argv);
        printf("init: exec sh failed\n");
        exit(1);
    }
    if (pid < 0)
        printf("init: fork failed\n");
    return pid;
}

int main(void)
{
    open_console();
    int shell = -1;
    for (;;) {
        while (shell < 0) {
            shell = start_shell();
            if (shell < 0)
                pause(10);
        }
        int pid = wait(NULL);
        if (pid < 0) {
            printf("init: wait returned an error\n");
            pause(10);
        }
        if (pid < 0 || pid == shell)
            shell = -1;
    }
}
