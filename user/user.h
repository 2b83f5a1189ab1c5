/*
 * Everything a program may call, under the names that programs for xv6 expect.
 *
 * System calls return -1 for every error; the xmap calls say what is wrong (abi/xv6/xmap.h). The stack is one
 * page: large buffers are static.
 */
#ifndef USER_USER_H
#define USER_USER_H

#include "abi/xv6/control.h"
#include "abi/xv6/stat.h"
#include "abi/xv6/xmap.h"
#include "lib/string.h"

/* System calls (lib/syscalls.c): what each does is said in abi/xv6/syscall.h and docs. */
int fork(void);
int exit(int status) __attribute__((__noreturn__));
int wait(int *status);
int pipe(int fds[2]);
int read(int fd, void *buffer, int n);
int kill(int pid);
int exec(const char *path, char **argv);
int fstat(int fd, struct stat *st);
int chdir(const char *path);
int dup(int fd);
int getpid(void);
char *sys_sbrk(int n, int mode);
int pause(int ticks);
int sleep(int ticks); /* the former name of pause */
int uptime(void);
int open(const char *path, int flags);
int write(int fd, const void *buffer, int n);
int mknod(const char *path, short major, short minor);
int unlink(const char *path);
int link(const char *old_path, const char *new_path);
int mkdir(const char *path);
int close(int fd);

/* Duo's own calls. */
int xmap_reserve(unsigned long size, xmap_region_t *region);
int xmap_map(xmap_region_t *region, int prot);
int xmap_unmap(xmap_region_t *region);
int xmap_release(xmap_region_t *region);
int xmap_protect(xmap_region_t *region, int prot);
int xmap_reserve_at(xmap_region_t *region);
int xmap_query(const void *address, xmap_region_t *region);
int xmap_usage(unsigned long pages[3]);
int fault_arm(const char *service_colon_name, long n, int always);
int power_off(int code);
int service_info(int n, struct service_status *status);
int service_control(int n, int verb, int ms);
int fault_info(int n, struct fault_status *status);
int process_info(int n, struct process_status *status);

/* The break (lib/memory.c). Both return the previous break, or (char *)-1. */
char *sbrk(int n);
char *sbrklazy(int n); /* pages appear at their first touch */

/* The heap (lib/heap.c). NULL when there is no memory; free(NULL) does nothing. */
void *malloc(size_t n);
void free(void *memory);

/* Formatting (lib/print.c) as in lib/format.h. One call is one write unless the text is long. */
void fprintf(int fd, const char *format, ...) __attribute__((__format__(__printf__, 2, 3)));
void printf(const char *format, ...) __attribute__((__format__(__printf__, 1, 2)));

/* Strings and files (lib/text.c). */
char *strcpy(char *to, const char *from);
char *strchr(const char *s, char c); /* NULL if c is not in s; c is not NUL */
int atoi(const char *s);             /* digits only; stops at the first other character */
char *gets(char *buffer, int max);   /* a line of standard input with its newline; empty at the end */
int stat(const char *path, struct stat *st);

#endif
