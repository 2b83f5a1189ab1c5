/* Between the files of this placement: how a space's number becomes what the hart needs. */
#ifndef PLACEMENT_MONO_PORTS_H
#define PLACEMENT_MONO_PORTS_H

#include "lib/types.h"

paddr mono_space_root(u32 space);
u64 mono_space_asid(u32 space);

/* The space is about to end: no hart stays in it. */
void mono_space_leave(u32 space);

/* Makes arena, transfer pages and fault counters; at boot. */
void mono_memory_init(void);

#endif
