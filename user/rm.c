/* rm: removes files and empty directories. */
#include "user/user.h"

int main(int argc, char **argv)
{
    if (argc <= 1) {
        fprintf(2, "usage: rm file ...\n");
        return 1;
    }
    int result = 0;
    for (int i = 1; i < argc; i++) {
        if (unlink(argv[i]) < 0) {
            fprintf(2, "rm: %s failed to delete\n", argv[i]);
            result = 1;
        }
    }
    return result;
}
