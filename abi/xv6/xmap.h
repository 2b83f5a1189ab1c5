/*
 * xmap and Duo's other calls, for programs: the system calls from number 64 on.
 * What regions promise: port/xmap.def.
 *
 * Results: 0 or more is success; a negative value says what is wrong (xv6's own calls only ever return -1).
 */
#ifndef ABI_XV6_XMAP_H
#define ABI_XV6_XMAP_H

#include <stddef.h>

/* a region of the caller's memory, as in the essay */
typedef struct {
    unsigned long start;  /* page-aligned */
    unsigned long length; /* bytes; a multiple of the page size */
    int prot;             /* XMAP_READ | ... while mapped, 0 while only reserved */
} xmap_region_t;

_Static_assert(sizeof(xmap_region_t) == 24, "programs reserve 24 bytes");
_Static_assert(offsetof(xmap_region_t, length) == 8 && offsetof(xmap_region_t, prot) == 16,
               "programs know these offsets");

#define XMAP_READ  1
#define XMAP_WRITE 2
#define XMAP_EXEC  4
#define XMAP_LAZY  8 /* xmap_map: pages appear, zeroed, at their first touch instead of at once */

#define XMAP_EINVAL    (-1) /* bad argument: no such region, foreign bits, a size of zero, a bad pointer */
#define XMAP_EMAPPED   (-2) /* the region is mapped already */
#define XMAP_EUNMAPPED (-3) /* the region is not mapped */
#define XMAP_ENOMEM    (-4) /* no memory, no room in the address space, or over quota */
#define XMAP_EOVERLAP  (-5) /* the range overlaps a region */
#define XMAP_ERESTART  (-6) /* the memory service died during this call and was restarted; ask again */

/* Numbers in a7. Those of xv6 are 1..21; labs use 22 and up. */
#define SYS_xmap_reserve    64 /* (unsigned long size, xmap_region_t *r): r->start chosen, r->prot 0 */
#define SYS_xmap_map        65 /* (xmap_region_t *r, int prot): sets r->prot */
#define SYS_xmap_unmap      66 /* (xmap_region_t *r): sets r->prot 0; stays reserved */
#define SYS_xmap_release    67 /* (xmap_region_t *r): ends the region */
#define SYS_xmap_protect    68 /* (xmap_region_t *r, int prot) */
#define SYS_xmap_reserve_at 69 /* (xmap_region_t *r): at r->start, r->length */
#define SYS_xmap_query      70 /* (void *address, xmap_region_t *r): the region that holds address */
#define SYS_xmap_usage      71 /* (unsigned long pages[3]): free, total, committed */
#define SYS_fault_arm       80 /* (const char *service_colon_name, long n, int always): n 0 disarms */
#define SYS_power_off       81 /* (int code): ends the machine; code 0 clean, else 11 */

#endif
