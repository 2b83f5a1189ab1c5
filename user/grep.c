/*
 * grep: the lines in which a pattern (lib/match.h) occurs. Exits 0 if there was one, 1 if none, 2 on an
 * error.
 *
 * A line longer than the buffer is looked at in pieces, each as if it were a line.
 */
#include "abi/xv6/fcntl.h"
#include "user/lib/match.h"
#include "user/user.h"

static struct pattern pattern;
static bool found;

static void look_at(char *line, u64 length)
{
    if (!pattern_matches(&pattern, line, length))
        return;
    found = true;
    line[length] = '\n'; /* there is room for one byte behind every line */
    write(1, line, (int)length + 1);
}

/* False if reading fails. */
static bool search(int fd)
{
    static char buffer[4096 + 1];
    u64 held = 0; /* bytes of an unfinished line, at the start of the buffer */
    for (;;) {
        int n = read(fd, buffer + held, (int)(sizeof(buffer) - 1 - held));
        if (n <= 0) {
            if (held > 0)
                look_at(buffer, held);
            return n == 0;
        }
        u64 end = held + (u64)n;
        u64 start = 0;
        for (u64 i = held; i < end; i++) {
            if (buffer[i] == '\n') {
                look_at(buffer + start, i - start);
                start = i + 1;
            }
        }
        held = end - start;
        if (held == sizeof(buffer) - 1) {
            look_at(buffer, held);
            held = 0;
        }
        memmove(buffer, buffer + start, held);
    }
}

int main(int argc, char **argv)
{
    if (argc <= 1) {
        fprintf(2, "usage: grep pattern [file ...]\n");
        return 2;
    }
    if (!pattern_compile(&pattern, argv[1])) {
        fprintf(2, "grep: the pattern is too long\n");
        return 2;
    }
    bool wrong = false;
    if (argc == 2)
        wrong = !search(0);
    for (int i = 2; i < argc; i++) {
        int fd = open(argv[i], O_RDONLY);
        if (fd < 0 || !search(fd)) {
            fprintf(2, "grep: cannot %s %s\n", fd < 0 ? "open" : "read", argv[i]);
            wrong = true;
        }
        close(fd);
    }
    return wrong ? 2 : found ? 0 : 1;
}
