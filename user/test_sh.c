/*
 * The shell's surroundings on the developer's computer: calls of xv6 by those of the host, for test_user.c.
 *
 * sh.c is compiled with these names in the place of the original ones; what is alike on both (fork, pipe,
 * dup, wait ...) it takes from the host directly. Programs are the host's.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int host_read(int fd, void *buffer, int n);
int host_write(int fd, const void *buffer, int n);
int host_open(const char *path, int flags);
int host_exec(const char *path, char **argv);
int host_fstat(int fd, void *st);
void host_fprintf(int fd, const char *format, ...);

int host_read(int fd, void *buffer, int n)
{
    return (int)read(fd, buffer, (size_t)n);
}

int host_write(int fd, const void *buffer, int n)
{
    return (int)write(fd, buffer, (size_t)n);
}

/* The access modes are the same numbers; O_CREATE is 0x200 and O_TRUNC 0x400 in abi/xv6/fcntl.h. */
int host_open(const char *path, int flags)
{
    return open(path, (flags & 3) | (flags & 0x200 ? O_CREAT : 0) | (flags & 0x400 ? O_TRUNC : 0), 0644);
}

int host_exec(const char *path, char **argv)
{
    return execvp(path, argv);
}

/* Only the type is asked for: 2 bytes at offset 8, T_FILE being 2. */
int host_fstat(int fd, void *st)
{
    struct stat host;
    if (fstat(fd, &host) < 0)
        return -1;
    ((short *)st)[4] = S_ISREG(host.st_mode) ? 2 : 3;
    return 0;
}

void host_fprintf(int fd, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vdprintf(fd, format, arguments);
    va_end(arguments);
}
