/*
 * xv6's system calls: the number goes to a7, arguments to a0..a5, the result comes in a0; -1 is the only
 * error.
 *
 * The numbers have never changed. 13 was `sleep` and 12 had one argument before 2025; the newest names are
 * used here. Duo's own calls start at 64 (abi/xv6/xmap.h). Only definitions: assembly may include this
 * header.
 */
#ifndef ABI_XV6_SYSCALL_H
#define ABI_XV6_SYSCALL_H

#define SYS_fork   1
#define SYS_exit   2  /* (int status) */
#define SYS_wait   3  /* (int *status, or 0) */
#define SYS_pipe   4  /* (int fd[2]): read end, write end */
#define SYS_read   5  /* (fd, void *, int n) */
#define SYS_kill   6  /* (int pid) */
#define SYS_exec   7  /* (path, char **argv) */
#define SYS_fstat  8  /* (fd, struct stat *) */
#define SYS_chdir  9  /* (path) */
#define SYS_dup    10 /* (fd): the lowest free descriptor */
#define SYS_getpid 11
#define SYS_sbrk   12 /* (int n, int mode): the previous break */
#define SYS_pause  13 /* (int ticks) */
#define SYS_uptime 14 /* ticks of 100 ms since boot */
#define SYS_open   15 /* (path, int flags of fcntl.h) */
#define SYS_write  16 /* (fd, const void *, int n) */
#define SYS_mknod  17 /* (path, short major, short minor) */
#define SYS_unlink 18 /* (path) */
#define SYS_link   19 /* (old, new) */
#define SYS_mkdir  20 /* (path) */
#define SYS_close  21 /* (fd) */
#define SYS_LAST   21

/* The mode of sbrk. Programs of before 2025 leave a1 as it was: only exactly SBRK_LAZY means lazy. */
#define SBRK_EAGER 1
#define SBRK_LAZY  2

#endif
