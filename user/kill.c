/* kill: ends processes. */
#include "user/user.h"

int main(int argc, char **argv)
{
    if (argc <= 1) {
        fprintf(2, "usage: kill pid ...\n");
        return 1;
    }
    int result = 0;
    for (int i = 1; i < argc; i++) {
        if (kill(atoi(argv[i])) < 0) {
            fprintf(2, "kill: %s failed\n", argv[i]);
            result = 1;
        }
    }
    return result;
}
