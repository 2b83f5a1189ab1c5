/* echo: its arguments, one line. One write for the whole line, so that it is not mixed with others'. A write
 * that fails, on a full disk or into a pipe that nobody reads, is told and is the status. */
#include "user/user.h"

static char line[512];

static void put(u64 length)
{
    if (write(1, line, (int)length) != (int)length) {
        fprintf(2, "echo: write error\n");
        exit(1);
    }
}

int main(int argc, char **argv)
{
    u64 length = 0;
    for (int i = 1; i < argc; i++) {
        for (const char *from = argv[i];; from++) {
            char c = *from != '\0' ? *from : i + 1 < argc ? ' ' : '\n';
            line[length++] = c;
            if (length == sizeof(line)) {
                put(length);
                length = 0;
            }
            if (*from == '\0')
                break;
        }
    }
    if (argc <= 1)
        line[length++] = '\n';
    if (length > 0)
        put(length);
    return 0;
}
