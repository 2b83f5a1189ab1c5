/* The rest of what programs for xv6 expect of their library: a few strings, a line of input, stat by name. */
#include "abi/xv6/fcntl.h"
#include "user/user.h"

char *strcpy(char *to, const char *from)
{
    memcpy(to, from, strlen(from) + 1);
    return to;
}

char *strchr(const char *s, char c)
{
    for (; *s != '\0'; s++) {
        if (*s == c)
            return (char *)(u64)s;
    }
    return NULL;
}

int atoi(const char *s)
{
    u32 value = 0; /* unsigned: a number too large wraps instead of being undefined */
    for (; *s >= '0' && *s <= '9'; s++)
        value = value * 10 + (u32)(*s - '0');
    return (int)value;
}

char *gets(char *buffer, int max)
{
    int length = 0;
    while (length + 1 < max && read(0, buffer + length, 1) == 1) {
        length++;
        if (buffer[length - 1] == '\n' || buffer[length - 1] == '\r')
            break;
    }
    buffer[length] = '\0';
    return buffer;
}

int stat(const char *path, struct stat *st)
{
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return -1;
    int result = fstat(fd, st);
    close(fd);
    return result;
}
