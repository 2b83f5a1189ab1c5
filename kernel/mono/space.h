/* The address space a hart is in: for user.c. The rest is in kernel/mono/mono.h. */
#ifndef KERNEL_MONO_SPACE_H
#define KERNEL_MONO_SPACE_H

#include "kernel/mono/hart.h"

void spaces_init(void);

/* Loads the space on this hart, and drops what the hart remembers of an older generation of it. */
void space_load(struct mono_hart *hart, u32 space);

/*
 * Makes the space the one this hart translates by. Interrupts are off, and stay off until user mode.
 * hart->active names the space already, so that a change on another hart from here on finds this one.
 */
static inline void space_enter(struct mono_hart *hart, u64 space)
{
    if (hart->space != space || hart->generation_seen != __atomic_load_n(hart->generation, __ATOMIC_RELAXED))
        space_load(hart, (u32)space);
}

/* The text of programs in the space has been written: no hart runs on with instructions fetched before. */
void space_text_changed(u32 space);

#endif
