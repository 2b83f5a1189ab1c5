/*
 * restarts SERVICE N: asks the supervisor for N new generations of the service, one after the other, and uses
 * files and memory in between. The last line is `restarts: N done`, or says what failed.
 */
#include "abi/xv6/fcntl.h"
#include "lib/string.h"
#include "user/user.h"

static _Noreturn void fail(const char *what, int round)
{
    printf("restarts: FAILED: %s, round %d\n", what, round);
    exit(1);
}

/* The service's number, and how it is. */
static int look(const char *name, struct service_status *status)
{
    for (int n = 0; service_info(n, status) == 0; n++) {
        if (strcmp(status->name, name) == 0)
            return n;
    }
    fail("no such service", 0);
}

static void use(int round)
{
    int got = 0, file = open("restarted", O_CREATE | O_RDWR | O_TRUNC);

    if (file < 0 || write(file, &round, sizeof(round)) != sizeof(round) || close(file) != 0)
        fail("a file is not written", round);
    file = open("restarted", O_RDONLY);
    if (file < 0 || read(file, &got, sizeof(got)) != sizeof(got) || got != round || close(file) != 0)
        fail("a file is not what was written", round);
    if (unlink("restarted") != 0)
        fail("a file is not removed", round);
    char *page = sbrk(4096);
    if (page == (char *)-1 || page[0] != 0)
        fail("no fresh memory", round);
    page[0] = 1;
    if (sbrk(-4096) == (char *)-1)
        fail("memory is not given back", round);
}

int main(int argc, char **argv)
{
    struct service_status status;
    int rounds = argc == 3 ? atoi(argv[2]) : 0, n = argc == 3 ? look(argv[1], &status) : 0;

    if (rounds == 0) {
        fprintf(2, "usage: restarts SERVICE N\n");
        exit(2);
    }
    for (int round = 1; round <= rounds; round++) {
        do {
            look(argv[1], &status);
        } while (status.state != SERVICE_RUNNING);
        if (service_control(n, SERVICE_RESTART, 0) != 0)
            fail("no restart", round);
        use(round);
    }
    printf("restarts: %d done\n", rounds);
    exit(0);
}
