/*
 * Interrupts. The contract is in irq.h.
 *
 * Each source has a slot of the kernel's with a copy of the notification cap a driver bound. An interrupt is
 * completed as soon as it is claimed, so the next one of the same source is delivered without waiting for the
 * driver; several merge in the notification. Ack therefore has nothing to do.
 */
#include "kernel/micro/irq.h"
#include "kernel/micro/cdt.h"
#include "kernel/micro/cspace.h"
#include "kernel/micro/debug.h"
#include "kernel/micro/delete.h"
#include "kernel/micro/ipc.h"
#include "machine/board.h"
#include "machine/panic.h"

static struct irq {
    bool active; /* has a handler cap */
    struct slot binding;
} irqs[IRQ_MAX + 1];

void irq_handle(void)
{
    u32 source = board_irq_claim();

    if (source == 0)
        return;
    board_irq_complete(source);
    if (source >= IRQ_TIMER || !irqs[source].active) {
        board_irq_disable(source);
        debug_print("interrupt %u has no handler: disabled\n", source);
        return;
    }
    struct cap cap = irqs[source].binding.cap;
    if (cap.type == CAP_NOTIFICATION && (cap.rights & RIGHT_WRITE))
        notification_signal(cap_object(cap), cap.badge);
    else
        debug_print("interrupt %u has no notification: dropped\n", source);
}

struct slot *irq_binding(u64 irq)
{
    return &irqs[irq].binding;
}

void irq_release(u64 irq)
{
    kernel_assert(slot_empty(irq_binding(irq)), "an interrupt's binding goes before its handler");
    irqs[irq].active = false;
    board_irq_disable((u32)irq);
}

enum result irq_control_invoke(struct invocation *in)
{
    bool trigger = in->label == RISCVIRQIssueIRQHandlerTrigger;
    u32 at = trigger ? 2 : 1; /* where index and depth are: GetTrigger has the trigger mode before them */
    struct slot *slot;

    if (!trigger && in->label != IRQIssueIRQHandler)
        return fail(seL4_IllegalOperation);
    if (in->length < at + 2 || in->extra_count < 1)
        return fail(seL4_TruncatedMessage);
    u64 irq = invocation_word(in, 0);
    if (irq == 0 || irq > IRQ_MAX)
        return fail_range(1, IRQ_MAX);
    if (irq == IRQ_TIMER || irqs[irq].active)
        return fail(seL4_RevokeFirst);
    enum result result =
        cnode_lookup(&in->extra[0]->cap, invocation_word(in, at), invocation_word(in, at + 1), false, &slot);
    if (result)
        return result;
    if (!slot_empty(slot))
        return fail(seL4_DeleteFirst);

    struct cap cap = cap_make(CAP_IRQ_HANDLER, 0, 0);
    cap.irq = irq;
    irqs[irq].active = true;
    cdt_insert(slot, cap, in->slot);
    board_irq_enable((u32)irq);
    return RESULT_OK;
}

enum result irq_handler_invoke(struct invocation *in)
{
    struct slot *binding = irq_binding(in->cap.irq);

    switch (in->label) {
    case IRQAckIRQ:
        return RESULT_OK;
    case IRQSetIRQHandler:
        if (in->extra_count < 1)
            return fail(seL4_TruncatedMessage);
        if (in->extra[0]->cap.type != CAP_NOTIFICATION || !(in->extra[0]->cap.rights & RIGHT_WRITE))
            return fail_cap(0);
        /* The old binding is another cap than the source, so deleting it leaves the source alone. */
        if (slot_delete(binding))
            return RESULT_PREEMPTED;
        cdt_insert(binding, in->extra[0]->cap, in->extra[0]);
        return RESULT_OK;
    case IRQClearIRQHandler:
        return slot_delete(binding);
    default:
        return fail(seL4_IllegalOperation);
    }
}
