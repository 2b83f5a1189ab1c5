/* For programs written for xv6: what they may know of pages and of their address space. */
#ifndef USER_COMPAT_RISCV_H
#define USER_COMPAT_RISCV_H

#define PGSIZE         4096
#define PGROUNDUP(n)   (((n) + PGSIZE - 1) & ~(PGSIZE - 1))
#define PGROUNDDOWN(n) ((n) & ~(PGSIZE - 1))

#define MAXVA (1L << 38) /* every address from here on faults */

#endif
