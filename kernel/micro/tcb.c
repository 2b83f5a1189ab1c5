/*
 * Invocations of threads: registers, priorities, spaces, notifications.
 *
 * Replacing a CSpace or VSpace deletes the old cap, which may be preempted; the invocation is then repeated
 * as a whole. A slot whose deletion could take long is refused beforehand, so that happens only between the
 * parts.
 * (seL4 Reference Manual, "Threads and Execution", and the methods of TCBs in "seL4 API Reference".)
 */
#include "kernel/micro/cdt.h"
#include "kernel/micro/delete.h"
#include "kernel/micro/fpu.h"
#include "kernel/micro/ipc.h"
#include "kernel/micro/schedule.h"
#include "kernel/micro/thread.h"
#include "kernel/micro/vspace.h"

static struct tcb *target(const struct invocation *in)
{
    return cap_object(in->cap);
}

/* ---- Registers -------------------------------------------------------------------------------------- */

/* Register numbers in the order of seL4_UserContext, behind the pc: s0, s1 are x8, x9, the others x18 to x27.
 */
static const u8 context[] = {0,  1,  2,  3,  8,  9,  18, 19, 20, 21, 22, 23, 24, 25, 26, 27,
                             10, 11, 12, 13, 14, 15, 16, 17, 5,  6,  7,  28, 29, 30, 31, 4};

#define CONTEXT_WORDS       ARRAY_SIZE(context)
#define CONTEXT_FRAME_WORDS 16 /* the "frame" group; the rest is the "integer" group */

static u64 *context_word(struct tcb *tcb, u32 i)
{
    return i == 0 ? &tcb->fault_pc : &tcb->frame.x[context[i]];
}

/* With other registers, the thread's next call is no longer the one it was preempted in. */
static void forget_call(struct tcb *tcb)
{
    tcb->scan.number = 0;
}

static enum result read_registers(struct invocation *in)
{
    struct tcb *tcb = target(in);
    u64 words[CONTEXT_WORDS];

    if (in->length < 2)
        return fail(seL4_TruncatedMessage);
    u64 suspend = invocation_word(in, 0) & 1, count = invocation_word(in, 1);
    if (count < 1 || count > CONTEXT_WORDS)
        return fail_range(1, CONTEXT_WORDS);
    if (tcb == current)
        return fail(seL4_IllegalOperation);

    if (suspend)
        thread_suspend(tcb);
    for (u32 i = 0; i < count; i++)
        words[i] = *context_word(tcb, i);
    invocation_answer(in, words, (u32)count);
    return RESULT_OK;
}

static enum result write_registers(struct invocation *in)
{
    struct tcb *tcb = target(in);

    if (in->length < 2)
        return fail(seL4_TruncatedMessage);
    u64 resume = invocation_word(in, 0) & 1, count = invocation_word(in, 1);
    if (in->length - 2 < count)
        return fail(seL4_TruncatedMessage);
    if (tcb == current)
        return fail(seL4_IllegalOperation);

    for (u32 i = 0; i < min_u64(count, CONTEXT_WORDS); i++)
        *context_word(tcb, i) = invocation_word(in, i + 2);
    tcb->frame.pc = tcb->fault_pc;
    forget_call(tcb);
    if (resume)
        thread_resume(tcb);
    return RESULT_OK;
}

static enum result copy_registers(struct invocation *in)
{
    struct tcb *tcb = target(in);

    if (in->length < 1 || in->extra_count < 1)
        return fail(seL4_TruncatedMessage);
    if (in->extra[0]->cap.type != CAP_TCB)
        return fail_cap(1);

    struct tcb *source = cap_object(in->extra[0]->cap);
    u64 flags = invocation_word(in, 0);
    if (flags & 1)
        thread_suspend(source);
    if (flags & 2)
        thread_resume(tcb);
    if (flags & 4) {
        for (u32 i = 0; i < CONTEXT_FRAME_WORDS; i++)
            *context_word(tcb, i) = *context_word(source, i);
        tcb->frame.pc = tcb->fault_pc;
    }
    if (flags & 8) {
        for (u32 i = CONTEXT_FRAME_WORDS; i < CONTEXT_WORDS; i++)
            *context_word(tcb, i) = *context_word(source, i);
    }
    forget_call(tcb);
    return RESULT_OK;
}

/* ---- Priorities ------------------------------------------------------------------------------------- */

/* SetPriority (one word), SetMCPriority (one) and SetSchedParams (both, MCP first). */
static enum result set_priorities(struct invocation *in, bool set_mcp, bool set_priority)
{
    struct tcb *tcb = target(in);
    u32 words = set_mcp + set_priority;

    if (in->length < words || in->extra_count < 1)
        return fail(seL4_TruncatedMessage);
    if (in->extra[0]->cap.type != CAP_TCB)
        return fail_cap(1);
    u64 limit = ((struct tcb *)cap_object(in->extra[0]->cap))->max_priority;
    for (u32 i = 0; i < words; i++) {
        if (invocation_word(in, i) > limit)
            return fail_range(0, limit);
    }

    if (set_mcp)
        tcb->max_priority = (u8)invocation_word(in, 0);
    if (set_priority)
        schedule_set_priority(tcb, (u8)invocation_word(in, set_mcp));
    return RESULT_OK;
}

/* ---- Spaces and IPC buffer -------------------------------------------------------------------------- */

/* A cap to be put into a slot of the TCB, and the slot it is derived from. */
struct install {
    struct cap cap;
    struct slot *source;
};

static enum result check_cspace(struct install *install, struct slot *source, u64 data)
{
    struct cap cap = data ? cap_with_data(source->cap, data, false) : source->cap;

    install->source = source;
    enum result result = cap_derive(source, cap, &install->cap);
    if (result)
        return result;
    return install->cap.type == CAP_CNODE ? RESULT_OK : fail(seL4_IllegalOperation);
}

static enum result check_vspace(struct install *install, struct slot *source)
{
    install->source = source;
    enum result result = cap_derive(source, source->cap, &install->cap);
    if (result)
        return result;
    return cap_is_vspace(install->cap) ? RESULT_OK : fail(seL4_IllegalOperation);
}

/* Address 0: no buffer, and the cap does not matter. */
static enum result check_buffer(struct install *install, struct slot *source, u64 address)
{
    install->source = NULL;
    if (address == 0)
        return RESULT_OK;
    enum result result = cap_derive(source, source->cap, &install->cap);
    if (result)
        return result;
    if (install->cap.type != CAP_FRAME || install->cap.device)
        return fail(seL4_IllegalOperation);
    if (address & ((1ul << seL4_IPCBufferSizeBits) - 1))
        return fail(seL4_AlignmentError);
    install->source = source;
    return RESULT_OK;
}

/* Replaces the cap in a slot of the TCB. Deleting the old one may have taken the new one's source, or the
 * TCB, with it; then the slot stays empty. */
static enum result install_cap(struct invocation *in, enum tcb_slot which, const struct install *install)
{
    struct tcb *tcb = target(in);
    struct slot *slot = &tcb->slots[which];

    if (slot_delete(slot))
        return RESULT_PREEMPTED;
    if (install->source && cap_same_object(install->cap, install->source->cap) &&
        cap_same_object(in->cap, in->slot->cap))
        cdt_insert(slot, install->cap, install->source);
    return RESULT_OK;
}

static enum result install_buffer(struct invocation *in, u64 address, const struct install *buffer)
{
    if (slot_delete(&target(in)->slots[TCB_BUFFER]))
        return RESULT_PREEMPTED;
    target(in)->buffer_address = address;
    return install_cap(in, TCB_BUFFER, buffer);
}

/* What Configure and SetSpace have in common. MR0 handler, MR1 CSpace data, MR2 VSpace data (without effect).
 */
static enum result check_spaces(struct invocation *in, struct install *cspace, struct install *vspace)
{
    struct tcb *tcb = target(in);

    if (slot_delete_is_long(&tcb->slots[TCB_CSPACE]) || slot_delete_is_long(&tcb->slots[TCB_VSPACE]))
        return fail(seL4_IllegalOperation);
    enum result result = check_cspace(cspace, in->extra[0], invocation_word(in, 1));
    return result ? result : check_vspace(vspace, in->extra[1]);
}

static enum result install_spaces(struct invocation *in, const struct install *cspace,
                                  const struct install *vspace)
{
    target(in)->fault_handler = invocation_word(in, 0);
    enum result result = install_cap(in, TCB_CSPACE, cspace);
    if (!result)
        result = install_cap(in, TCB_VSPACE, vspace);
    return result;
}

static enum result configure(struct invocation *in)
{
    struct install cspace, vspace, buffer;

    if (in->length < 4 || in->extra_count < 3)
        return fail(seL4_TruncatedMessage);
    u64 address = invocation_word(in, 3);
    enum result result = check_buffer(&buffer, in->extra[2], address);
    if (!result)
        result = check_spaces(in, &cspace, &vspace);
    if (!result)
        result = install_spaces(in, &cspace, &vspace);
    return result ? result : install_buffer(in, address, &buffer);
}

static enum result set_space(struct invocation *in)
{
    struct install cspace, vspace;

    if (in->length < 3 || in->extra_count < 2)
        return fail(seL4_TruncatedMessage);
    enum result result = check_spaces(in, &cspace, &vspace);
    return result ? result : install_spaces(in, &cspace, &vspace);
}

static enum result set_ipc_buffer(struct invocation *in)
{
    struct install buffer;

    if (in->length < 1 || in->extra_count < 1)
        return fail(seL4_TruncatedMessage);
    enum result result = check_buffer(&buffer, in->extra[0], invocation_word(in, 0));
    return result ? result : install_buffer(in, invocation_word(in, 0), &buffer);
}

/* ---- The rest --------------------------------------------------------------------------------------- */

static enum result bind_notification(struct invocation *in)
{
    struct tcb *tcb = target(in);

    if (in->extra_count < 1)
        return fail(seL4_TruncatedMessage);
    struct cap cap = in->extra[0]->cap;
    if (tcb->bound || cap.type != CAP_NOTIFICATION || !(cap.rights & RIGHT_READ))
        return fail(seL4_IllegalOperation);
    struct notification *notification = cap_object(cap);
    if (notification->queue.head || notification_bound(notification))
        return fail(seL4_IllegalOperation);
    notification_bind(notification, tcb);
    return RESULT_OK;
}

static enum result unbind_notification(struct invocation *in)
{
    if (!target(in)->bound)
        return fail(seL4_IllegalOperation);
    notification_unbind(target(in));
    return RESULT_OK;
}

static enum result set_tls_base(struct invocation *in)
{
    if (in->length < 1)
        return fail(seL4_TruncatedMessage);
    target(in)->frame.x[REG_TP] = invocation_word(in, 0);
    return RESULT_OK;
}

static enum result set_flags(struct invocation *in)
{
    struct tcb *tcb = target(in);

    if (in->length < 2)
        return fail(seL4_TruncatedMessage);
    u64 flags = (tcb->flags & ~invocation_word(in, 0)) | (invocation_word(in, 1) & seL4_TCBFlag_MASK);
    tcb->flags = (u8)flags;
    fpu_update(tcb);
    invocation_answer(in, &flags, 1);
    return RESULT_OK;
}

enum result tcb_invoke(struct invocation *in)
{
    switch (in->label) {
    case TCBReadRegisters:
        return read_registers(in);
    case TCBWriteRegisters:
        return write_registers(in);
    case TCBCopyRegisters:
        return copy_registers(in);
    case TCBConfigure:
        return configure(in);
    case TCBSetPriority:
        return set_priorities(in, false, true);
    case TCBSetMCPriority:
        return set_priorities(in, true, false);
    case TCBSetSchedParams:
        return set_priorities(in, true, true);
    case TCBSetIPCBuffer:
        return set_ipc_buffer(in);
    case TCBSetSpace:
        return set_space(in);
    case TCBSuspend:
        thread_suspend(target(in));
        return RESULT_OK;
    case TCBResume:
        thread_resume(target(in));
        return RESULT_OK;
    case TCBBindNotification:
        return bind_notification(in);
    case TCBUnbindNotification:
        return unbind_notification(in);
    case TCBSetTLSBase:
        return set_tls_base(in);
    case TCBSetFlags:
        return set_flags(in);
    default:
        return fail(seL4_IllegalOperation);
    }
}
