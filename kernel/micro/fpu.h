/*
 * The floating-point unit, shared lazily.
 *
 * The unit keeps the registers of the thread that used it last, its owner. Everybody else runs with the unit
 * off; the first floating-point instruction then traps as illegal, and fpu_claim() exchanges the registers.
 * Threads that never compute with it cost nothing.
 */
#ifndef KERNEL_MICRO_FPU_H
#define KERNEL_MICRO_FPU_H

#include "kernel/micro/objects.h"

extern struct tcb *fpu_owner; /* NULL if nobody's registers are in the unit */

/* After an illegal-instruction trap: true if the unit was off and is the thread's now, so that the
 * instruction is to be repeated. False if the thread owns the unit already or may not use it. */
bool fpu_claim(struct tcb *tcb);

/* Sets the unit on or off in the thread's frame: after every change of the owner or of the flag. */
static inline void fpu_update(struct tcb *tcb)
{
    bool on = tcb == fpu_owner && !(tcb->flags & seL4_TCBFlag_fpuDisabled);
    tcb->frame.status = (tcb->frame.status & ~ARCH_STATUS_FS) | (on ? ARCH_STATUS_FS_CLEAN : 0);
}

/* Forgets the registers of a thread that ends. */
void fpu_release(const struct tcb *tcb);

#endif
