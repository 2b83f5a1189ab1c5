/*
 * The first process: gives the shell a console, starts it again whenever it ends, and collects orphans.
 *
 * It must not end while the system runs. Whether the console exists yet depends on the disk image: a fresh
 * one has none. A shell that cannot be started is tried again, each time after a longer pause: it may be
 * memory or the disk that is lacking, and may come back.
 */
#include "abi/xv6/fcntl.h"
#include "abi/xv6/limits.h"
#include "user/user.h"

#define NO_SHELL  127 /* the status of a child that found no shell to become */
#define PAUSE_MIN 10  /* ticks: one second */
#define PAUSE_MAX 300

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
        exit(NO_SHELL);
    }
    if (pid < 0)
        printf("init: fork failed\n");
    return pid;
}

int main(void)
{
    open_console();
    int shell = -1;
    int delay = PAUSE_MIN;
    for (;;) {
        while (shell < 0) {
            shell = start_shell();
            if (shell < 0)
                pause(PAUSE_MIN);
        }
        int status = 0;
        int pid = wait(&status);
        if (pid < 0) {
            printf("init: wait returned an error\n");
            pause(PAUSE_MIN);
        }
        if (pid >= 0 && pid != shell) /* an orphan */
            continue;
        shell = -1;
        if (pid >= 0 && status == NO_SHELL) {
            pause(delay);
            delay = delay * 2 < PAUSE_MAX ? delay * 2 : PAUSE_MAX;
        } else {
            delay = PAUSE_MIN;
        }
    }
}
