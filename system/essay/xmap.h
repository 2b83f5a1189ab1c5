/*
 * The essay's xmap in user space, with its bug: mapping a region twice is not refused.
 *
 * A library: whoever links it, has it in its own memory and gives it its own authority. Calls and results are
 * those of abi/xv6/xmap.h, so that the page allocator (user/lib/arena.c) runs on it unchanged; prot needs
 * XMAP_READ, and XMAP_LAZY is refused.
 */
#ifndef SYSTEM_ESSAY_XMAP_H
#define SYSTEM_ESSAY_XMAP_H

#include "abi/xv6/xmap.h"
#include "system/essay/objects.h"

/* Before anything else. `authority` is kept and used; it needs slots for 128 frames and some page tables. */
void xmap_init(struct authority *authority);

int xmap_reserve(unsigned long size, xmap_region_t *r);

/* An incomplete map (XMAP_ENOMEM) leaves pages behind: xmap_release gives them back. */
int xmap_map(xmap_region_t *r, int prot);
int xmap_unmap(xmap_region_t *r);
int xmap_release(xmap_region_t *r);

/* What the essay drops: the kernel's answer to the mapping of page `page` in the last xmap_map. */
seL4_Error xmap_page_answer(u64 page);

/* Frames that xmap holds, mapped or not. */
u64 xmap_frames_held(void);

#endif
