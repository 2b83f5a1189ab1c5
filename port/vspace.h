/*
 * Port: frames, page tables and address spaces. Needed by xmap alone, which owns them.
 *
 * A frame is named by a number in [0, port_frames_total()). A space is named by the number the core gives it,
 * in [0, PORT_SPACES). Nothing here waits. The core calls for one space from one thread at a time (its own
 * lock).
 */
#ifndef PORT_VSPACE_H
#define PORT_VSPACE_H

#include "lib/err.h"
#include "lib/types.h"

#define PORT_SPACES 72u /* 64 processes, and spaces being built or torn down by exec */

#define PORT_READ  1u
#define PORT_WRITE 2u
#define PORT_EXEC  4u

/* First address no program may have. The page that begins here and the one behind it are xv6's trapframe and
 * trampoline: they stay empty. */
#define PORT_USER_END 0x3fffffe000ul

/* ---- Frames ---- */

u32 port_frames_total(void); /* upper bound of frame numbers */
u64 port_frames_free(void);  /* how many port_frame_alloc() could still give, tables not counted */

/* A frame of the caller's; its bytes are whatever they were. `*frame` is stored before the frame counts as
 * given out, and port_frames_free() is the same number before and after a death: so a restart can tell
 * whether this took place. ERR_NO_MEMORY. */
enum err port_frame_alloc(u32 *frame);
/* Gives it back. Fatal if it is free already ("frame freed twice"). It must be mapped nowhere. */
void port_frame_free(u32 frame);

/* The frame's bytes as this service sees them (page-aligned); NULL for a number out of range. On micro the
 * frame is mapped here on first use and stays so as long as this generation lives, freed or not. */
void *port_frame_bytes(u32 frame);

/* ---- Spaces ---- */

/* An empty space. ERR_NO_MEMORY (root table), ERR_EXISTS. */
enum err port_space_create(u32 space);
/* Ends it and frees its tables. All pages must be unmapped before (fatal: "space destroyed with pages").
 * Threads still running in it fault at once. */
void port_space_destroy(u32 space);
bool port_space_exists(u32 space);

/*
 * Maps one page. Fatal if a page is mapped there already ("mappages: remap"): the core must know what it
 * mapped. ERR_NO_MEMORY when a table is lacking; then nothing has changed but tables, which the space keeps.
 * `address` is page-aligned and below PORT_USER_END, rights at least one bit (fatal otherwise).
 */
enum err port_map(u32 space, uaddr address, u32 frame, u32 rights);

/* Removes the page and says which frame was there; the frame is not freed. ERR_NOT_MAPPED. */
enum err port_unmap(u32 space, uaddr address, u32 *frame);

/* Changes the rights of a mapped page to at least one bit (fatal otherwise). ERR_NOT_MAPPED. */
enum err port_protect(u32 space, uaddr address, u32 rights);

/* What is mapped at the page of `address`. ERR_NOT_MAPPED. */
enum err port_lookup(u32 space, uaddr address, u32 *frame, u32 *rights);

/* The lowest mapped page in [from, to), or `to` if there is none. Skips absent tables, so that a sparse space
 * of many gigabytes costs little. Both page-aligned. */
uaddr port_next_mapped(u32 space, uaddr from, uaddr to);

/* Which service's view port_frame_lend() makes: only unix copies to and from programs. Makes the frame
 * visible to unix (micro: maps it there on first use; mono: nothing to do). ERR_NO_MEMORY. */
enum err port_frame_lend(u32 frame);

#endif
