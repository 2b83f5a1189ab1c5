/* wc: lines, words and bytes of each file, or of standard input. */
#include "abi/xv6/fcntl.h"
#include "user/user.h"

static bool count(int fd, const char *name)
{
    static char buffer[1024];
    u64 lines = 0;
    u64 words = 0;
    u64 bytes = 0;
    bool in_word = false;
    int n;
    while ((n = read(fd, buffer, sizeof(buffer))) > 0) {
        bytes += (u64)n;
        for (int i = 0; i < n; i++) {
            char c = buffer[i];
            bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v';
            if (!blank && !in_word)
                words++;
            in_word = !blank;
            if (c == '\n')
                lines++;
        }
    }
    if (n < 0) {
        fprintf(2, "wc: cannot read %s\n", name);
        return false;
    }
    printf("%lu %lu %lu %s\n", lines, words, bytes, name);
    return true;
}

int main(int argc, char **argv)
{
    if (argc <= 1)
        return count(0, "") ? 0 : 1;
    int result = 0;
    for (int i = 1; i < argc; i++) {
        int fd = open(argv[i], O_RDONLY);
        if (fd < 0) {
            fprintf(2, "wc: cannot open %s\n", argv[i]);
            result = 1;
            continue;
        }
        if (!count(fd, argv[i]))
            result = 1;
        close(fd);
    }
    return result;
}
