/* echo: its arguments, one line. One write for the whole line, so that it is not mixed with others'. */
#include "user/user.h"

int main(int argc, char **argv)
{
    static char line[512];
    u64 length = 0;
    for (int i = 1; i < argc; i++) {
        for (const char *from = argv[i];; from++) {
            char c = *from != '\0' ? *from : i + 1 < argc ? ' ' : '\n';
            line[length++] = c;
            if (length == sizeof(line)) {
                write(1, line, (int)length);
                length = 0;
            }
            if (*from == '\0')
                break;
        }
    }
    if (argc <= 1)
        line[length++] = '\n';
    if (length > 0)
        write(1, line, (int)length);
    return 0;
}
