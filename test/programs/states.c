/*
 * states SERVICE: says each state of the service that is seen, while a child uses the disk without end. The
 * one that looks needs no disk for it. It ends when the service is given up.
 */
#include "abi/xv6/fcntl.h"
#include "lib/string.h"
#include "user/user.h"

static _Noreturn void use_disk(void)
{
    static char block[4096];

    for (u32 round = 0;; round++) {
        int file = open("states", O_CREATE | O_RDWR | O_TRUNC);

        memset(block, (int)round, sizeof(block));
        (void)write(file, block, sizeof(block)); /* which may fail: the disk's service is what dies */
        (void)close(file);
    }
}

static bool look(const char *name, struct service_status *status)
{
    for (int n = 0; service_info(n, status) == 0; n++) {
        if (strcmp(status->name, name) == 0)
            return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    static const char *const words[SERVICE_STATES] = {
        [SERVICE_RUNNING] = "running",         [SERVICE_RESTARTING] = "restarting", [SERVICE_HELD] = "held",
        [SERVICE_BACKING_OFF] = "backing off", [SERVICE_GAVE_UP] = "gave up",
    };
    static struct service_status status;
    int said = SERVICE_STATES, child;

    if (argc != 2 || !look(argv[1], &status)) {
        fprintf(2, "usage: states SERVICE\n");
        return 2;
    }
    child = fork();
    if (child == 0)
        use_disk();
    while (said != SERVICE_GAVE_UP && look(argv[1], &status)) {
        if (status.state != said)
            printf("states: %s, generation %u\n", words[status.state], status.generation);
        said = status.state;
    }
    kill(child);
    wait(NULL);
    return 0;
}
