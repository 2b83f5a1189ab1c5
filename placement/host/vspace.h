/*
 * What placement/host/vspace.c offers to unit tests beside port/vspace.h.
 */
#ifndef HOST_VSPACE_H
#define HOST_VSPACE_H

#include "lib/types.h"

#define HOST_FRAMES_MAX 65536u

/* No space, and `frames` free frames (at most HOST_FRAMES_MAX). Page tables are counted against the same
 * memory, as on mono: each takes one from port_frames_free(). Called in each test's set-up, with
 * host_reset(); a program that never calls it has 4096 frames. */
void host_vspace_reset(u32 frames);

/* The n-th allocation from now (1: the next; a frame, a table or a loan) and the count - 1 after it fail with
 * ERR_NO_MEMORY. n = 0: none. */
void host_vspace_fail(u64 n, u64 count);

/* How many allocations have been asked for since host_vspace_reset(). */
u64 host_vspace_allocations(void);

#endif
