/* cat: copies files, or standard input, to standard output. */
#include "abi/xv6/fcntl.h"
#include "user/user.h"

static bool copy(int fd, const char *name)
{
    static char buffer[1024];
    int n;
    while ((n = read(fd, buffer, sizeof(buffer))) > 0) {
        if (write(1, buffer, n) != n) {
            fprintf(2, "cat: write error\n");
            return false;
        }
    }
    if (n < 0)
        fprintf(2, "cat: cannot read %s\n", name);
    return n == 0;
}

int main(int argc, char **argv)
{
    if (argc <= 1)
        return copy(0, "standard input") ? 0 : 1;
    int result = 0;
    for (int i = 1; i < argc; i++) {
        int fd = open(argv[i], O_RDONLY);
        if (fd < 0) {
            fprintf(2, "cat: cannot open %s\n", argv[i]);
            result = 1;
            continue;
        }
        if (!copy(fd, argv[i]))
            result = 1;
        close(fd);
    }
    return result;
}
