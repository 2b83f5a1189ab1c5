/* The floating-point unit. The contract is in fpu.h. */
#include "kernel/micro/fpu.h"

static struct tcb *owner;

bool fpu_claim(struct tcb *tcb)
{
    if (tcb == owner || (tcb->flags & seL4_TCBFlag_fpuDisabled))
        return false;
    if (owner)
        arch_fpu_save(&owner->fpu);
    arch_fpu_load(&tcb->fpu);
    owner = tcb;
    return true;
}

void fpu_prepare(struct tcb *tcb)
{
    bool on = tcb == owner && !(tcb->flags & seL4_TCBFlag_fpuDisabled);
    tcb->frame.status = (tcb->frame.status & ~ARCH_STATUS_FS) | (on ? ARCH_STATUS_FS_CLEAN : 0);
}

void fpu_release(struct tcb *tcb)
{
    if (owner == tcb)
        owner = NULL;
}
