/* The scheduler's doors for the rest of the kernel; the ports' are in kernel/mono/mono.h. */
#ifndef KERNEL_MONO_THREAD_H
#define KERNEL_MONO_THREAD_H

#include "lib/types.h"

/* The timer has fired, interrupts are off: wakes whose deadline has come. True if the running thread should
 * yield. */
bool thread_timer(void);

/* The boot stack's end: runs when nobody else does. */
_Noreturn void thread_idle(void);

/* The bounds of the running thread's stack, if `sp` lies on it. */
bool thread_stack(u64 sp, u64 *low, u64 *high);

#endif
