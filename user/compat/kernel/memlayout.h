/* For programs written for xv6: addresses that its tests use to be refused. */
#ifndef USER_COMPAT_MEMLAYOUT_H
#define USER_COMPAT_MEMLAYOUT_H

#define KERNBASE   0x80000000L
#define TRAMPOLINE 0x3ffffff000L /* the last two pages below 2^38 are never a program's */
#define TRAPFRAME  0x3fffffe000L

#endif
