/* The floating-point unit. The contract is in fpu.h. */
#include "kernel/micro/fpu.h"

struct tcb *fpu_owner;

bool fpu_claim(struct tcb *tcb)
{
    struct tcb *before = fpu_owner;

    if (tcb == before || (tcb->flags & seL4_TCBFlag_fpuDisabled))
        return false;
    fpu_owner = tcb;
    if (before) {
        arch_fpu_save(&before->fpu);
        fpu_update(before);
    }
    arch_fpu_load(&tcb->fpu);
    fpu_update(tcb);
    return true;
}

void fpu_release(const struct tcb *tcb)
{
    if (fpu_owner == tcb)
        fpu_owner = NULL;
}
