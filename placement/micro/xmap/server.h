/* Between the files of the xmap server, and for the supervisor that prepares its capabilities. */
#ifndef PLACEMENT_MICRO_XMAP_SERVER_H
#define PLACEMENT_MICRO_XMAP_SERVER_H

#include "lib/err.h"
#include "lib/types.h"

#define XMAP_KEPT_RADIX 17 /* slots of the kept CNode, log2: see vspace.c */
/* Its last two: untypeds of programs' frames and of their page tables. A copy cannot be made of them once
 * they are in use: they are put here once, and stay. */
#define XMAP_KEPT_POOL     ((1u << XMAP_KEPT_RADIX) - 2)
#define XMAP_KEPT_TABLES   ((1u << XMAP_KEPT_RADIX) - 1)
#define XMAP_PRIVATE_RADIX 14 /* a copy of each frame's capability, for the window */

/* Finds the kept records, and after a death repairs them. Before anything else of port/vspace.h.
 * ERR_NO_MEMORY. */
enum err vspace_begin(void);

/* The root table's capability, to be given to unix; 0 if there is no such space. */
u64 vspace_root_cap(u32 space);

#endif
