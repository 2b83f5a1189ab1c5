/* Between the files of the xmap server, and for the supervisor that prepares its memory and capabilities. */
#ifndef PLACEMENT_MICRO_XMAP_SERVER_H
#define PLACEMENT_MICRO_XMAP_SERVER_H

#include "lib/err.h"
#include "lib/types.h"
#include "port/vspace.h"

/* For F frames of programs: copies of their capabilities that can map pages at one time, a multiple of 64. */
#define XMAP_MAPPINGS(frames) ((2 * (frames) + 63) / 64 * 64)
#define XMAP_FRAMES_MAX       230400u /* 900 MiB: xv6's tests want less than 1000 to be had */
/* Page tables of programs: as many as a program needs that touches a gigabyte here and there, and some for
 * the others. Their memory is an untyped for the first 512, and one for the rest and the roots. */
#define XMAP_TABLES_MAX   568u
#define XMAP_TABLES_FIRST 512u
#define XMAP_TABLES_BITS  21
#define XMAP_ROOTS_BITS   19

/* Slots of the kept CNode: frames, lent copies, mappings, tables, roots, the untypeds of tables, those of
 * frames (layout.h, info_pool); in this order. */
#define XMAP_KEPT_TABLES(frames, tables) (2 * (frames) + XMAP_MAPPINGS(frames) + (tables) + 2 * PORT_SPACES)
#define XMAP_KEPT_POOL(frames, tables)   (XMAP_KEPT_TABLES(frames, tables) + 2)

/* Bytes of kept memory: this port's, and room for the core's, which is 8 bytes a frame and its fixed tables.
 */
#define XMAP_PORT_KEPT(frames, tables) ((tables) * (4096 + 16) + 512 + 3 * (frames))
#define XMAP_CORE_KEPT(frames)         (8 * (frames) + 64 * 1024)

_Static_assert((XMAP_TABLES_MAX - XMAP_TABLES_FIRST + PORT_SPACES) << 12 <= 1u << XMAP_ROOTS_BITS,
               "tables and roots fit");

/* Finds the kept records, and after a death repairs them. Before anything else of port/vspace.h.
 * ERR_NO_MEMORY. */
enum err vspace_begin(void);

/* The root table's capability, to be given to unix; 0 if there is no such space. */
u64 vspace_root_cap(u32 space);

#endif
