/* The floating-point unit. The contract is in fpu.h. */
#include "kernel/micro/fpu.h"

struct tcb *fpu_owner;

bool fpu_claim(struct tcb *tcb)
{
    if (tcb == fpu_owner || (tcb->flags & seL4_TCBFlag_fpuDisabled))
        return false;
    if (fpu_owner)
        arch_fpu_save(&fpu_owner->fpu);
    arch_fpu_load(&tcb->fpu);
    fpu_owner = tcb;
    return true;
}

void fpu_release(struct tcb *tcb)
{
    if (fpu_owner == tcb)
        fpu_owner = NULL;
}
