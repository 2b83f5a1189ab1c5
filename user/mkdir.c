/* mkdir: makes directories. */
#include "user/user.h"

int main(int argc, char **argv)
{
    if (argc <= 1) {
        fprintf(2, "usage: mkdir directory ...\n");
        return 1;
    }
    int result = 0;
    for (int i = 1; i < argc; i++) {
        if (mkdir(argv[i]) < 0) {
            fprintf(2, "mkdir: %s failed to create\n", argv[i]);
            result = 1;
        }
    }
    return result;
}
