/* Between the files of the xmap server, and for the supervisor that prepares its memory and capabilities. */
#ifndef PLACEMENT_MICRO_XMAP_SERVER_H
#define PLACEMENT_MICRO_XMAP_SERVER_H

#include "lib/err.h"
#include "lib/types.h"
#include "port/vspace.h"

/* For F frames of programs: copies of their capabilities that can map pages at one time, a multiple of 64. */
#define XMAP_MAPPINGS(frames) ((2 * (frames) + 63) / 64 * 64)
#define XMAP_FRAMES_MAX       230400u /* 900 MiB: xv6's tests want less than 1000 to be had */
#define XMAP_TABLES_MAX       640u

/* Slots of the kept CNode: frames, lent copies, mappings, tables, roots, the untyped of tables, those of
 * frames (layout.h, info_pool); in this order. */
#define XMAP_KEPT_TABLES(frames, tables) (2 * (frames) + XMAP_MAPPINGS(frames) + (tables) + 2 * PORT_SPACES)
#define XMAP_KEPT_POOL(frames, tables)   (XMAP_KEPT_TABLES(frames, tables) + 1)

/* Bytes of kept memory: this port's, and room for the core's, which is 8 bytes a frame and its fixed tables.
 */
#define XMAP_PORT_KEPT(frames, tables) ((tables) * (4096 + 16) + 512 + 2 * (frames))
#define XMAP_CORE_KEPT(frames)         (8 * (frames) + 64 * 1024)

/* Finds the kept records, and after a death repairs them. Before anything else of port/vspace.h.
 * ERR_NO_MEMORY. */
enum err vspace_begin(void);

/* The root table's capability, to be given to unix; 0 if there is no such space. */
u64 vspace_root_cap(u32 space);

#endif
