/* The address space a hart is in: for user.c. The rest is in kernel/mono/mono.h. */
#ifndef KERNEL_MONO_SPACE_H
#define KERNEL_MONO_SPACE_H

#include "lib/types.h"

/* Loads the space, if it is not loaded. Interrupts are off, and stay off until user mode. */
void space_enter(u32 space);

#endif
