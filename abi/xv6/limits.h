/* Limits that a program of xv6 can meet, under xv6's names. */
#ifndef ABI_XV6_LIMITS_H
#define ABI_XV6_LIMITS_H

#define NPROC     64  /* processes, zombies included */
#define NOFILE    16  /* descriptors of a process */
#define NFILE     128 /* open-file objects of the system; xv6 has 100 */
#define NDEV      10  /* majors of devices: 0..9 */
#define ROOTDEV   1   /* the only disk's number */
#define MAXARG    32  /* slots of exec's argument vector, its NULL included */
#define MAXPATH   128 /* bytes of a path, its NUL included */
#define USERSTACK 1   /* pages of a program's stack */

#define CONSOLE_MAJOR 1

#endif
