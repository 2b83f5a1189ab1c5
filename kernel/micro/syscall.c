/*
 * System calls of the current thread.
 *
 * While an invocation is under way the caller is in state restart: if it is preempted, or the caller stops
 * itself, it will make the call again when it runs next. Only a call that has come to its end puts it back to
 * running.
 */
#include "kernel/micro/cspace.h"
#include "kernel/micro/debug.h"
#include "kernel/micro/delete.h"
#include "kernel/micro/ipc.h"
#include "kernel/micro/schedule.h"
#include "kernel/micro/trap.h"

static void raise_cap_fault(u64 cptr, bool receiving, const struct lookup_failure *lookup)
{
    struct fault fault = {
        .type = seL4_Fault_CapFault, .address = cptr, .receiving = receiving, .lookup = *lookup};
    fault_raise(current, &fault);
}

/* ---- Sending: messages and invocations
 * ----------------------------------------------------------------------- */

static enum result endpoint_invoke(struct invocation *in, bool blocking)
{
    struct cap cap = in->cap;

    if (!(cap.rights & RIGHT_WRITE))
        return fail_cap(0);
    endpoint_send(cap_object(cap), in->caller,
                  (struct send){.badge = cap.badge,
                                .blocking = blocking,
                                .call = in->call,
                                .grant = cap.rights & RIGHT_GRANT,
                                .can_call = cap.rights & (RIGHT_GRANT | RIGHT_GRANT_REPLY)});
    return RESULT_OK;
}

static enum result notification_invoke(struct invocation *in)
{
    if (!(in->cap.rights & RIGHT_WRITE))
        return fail_cap(0);
    notification_signal(cap_object(in->cap), in->cap.badge);
    return RESULT_OK;
}

static enum result invoke(struct invocation *in, bool blocking)
{
    switch (in->cap.type) {
    case CAP_ENDPOINT:
        return endpoint_invoke(in, blocking);
    case CAP_NOTIFICATION:
        return notification_invoke(in);
    case CAP_REPLY:
        reply_send(in->caller, in->slot);
        return RESULT_OK;
    case CAP_TCB:
        return tcb_invoke(in);
    case CAP_CNODE:
        return cnode_invoke(in);
    case CAP_UNTYPED:
        return untyped_invoke(in);
    case CAP_FRAME:
        return frame_invoke(in);
    case CAP_PAGE_TABLE:
        return page_table_invoke(in);
    case CAP_ASID_CONTROL:
        return asid_control_invoke(in);
    case CAP_ASID_POOL:
        return asid_pool_invoke(in);
    case CAP_IRQ_CONTROL:
        return irq_control_invoke(in);
    case CAP_IRQ_HANDLER:
        return irq_handler_invoke(in);
    case CAP_DOMAIN:
        return domain_invoke(in);
    default: /* nothing, or a zombie */
        return fail_cap(0);
    }
}

static void answer(struct tcb *caller, u64 label, u64 length)
{
    caller->frame.x[REG_A0] = 0;
    caller->frame.x[REG_A1] = message_info(label, 0, 0, length);
}

static void answer_failure(struct tcb *caller)
{
    seL4_IPCBuffer *buffer = message_buffer(caller, true);
    u32 sent = 0;

    while (sent < failure.count && message_set(caller, buffer, sent, failure.words[sent]))
        sent++;
    answer(caller, failure.error, sent);
}

static void send(bool call, bool blocking)
{
    u64 cptr = current->frame.x[REG_A0], info = current->frame.x[REG_A1];
    struct invocation in = {.caller = current, .call = call};
    struct lookup_failure lookup;

    in.slot = cspace_lookup(current, cptr, &lookup);
    if (!in.slot || !message_lookup_caps(current, in.extra, &in.extra_count, &lookup, &cptr)) {
        if (blocking)
            raise_cap_fault(cptr, false, &lookup);
        return;
    }
    in.cap = in.slot->cap;
    in.label = info >> 12;
    in.buffer = message_buffer(current, false);
    in.length = message_length(info);
    if (!in.buffer)
        in.length = min_u64(in.length, seL4_FastMessageRegisters);

    thread_set_state(current, THREAD_RESTART);
    switch (invoke(&in, blocking)) {
    case RESULT_PREEMPTED:
        trap_handle_interrupt();
        return;
    case RESULT_ERROR:
        debug_failure(&in);
        if (call)
            answer_failure(current);
        thread_set_state(current, THREAD_RUNNING);
        return;
    case RESULT_OK:
        if (current->state != THREAD_RESTART) /* it waits, or has stopped itself */
            return;
        if (call)
            answer(current, seL4_NoError, in.answer_length);
        thread_set_state(current, THREAD_RUNNING);
        return;
    }
}

/* ---- Receiving and replying
 * ---------------------------------------------------------------------------------- */

static void receive(bool blocking)
{
    struct lookup_failure lookup;
    u64 cptr = current->frame.x[REG_A0];
    struct slot *slot = cspace_lookup(current, cptr, &lookup);

    if (slot && (slot->cap.rights & RIGHT_READ)) {
        if (slot->cap.type == CAP_ENDPOINT) {
            struct cap cap = slot->cap;
            slot_delete_simple(&current->slots[TCB_CALLER]);
            endpoint_receive(cap, current, blocking);
            return;
        }
        if (slot->cap.type == CAP_NOTIFICATION) {
            struct notification *notification = cap_object(slot->cap);
            struct tcb *bound = notification_bound(notification);
            if (!bound || bound == current) {
                notification_receive(notification, current, blocking);
                return;
            }
        }
    }
    if (slot)
        lookup = (struct lookup_failure){.type = seL4_MissingCapability};
    raise_cap_fault(cptr, true, &lookup);
}

static void reply(void)
{
    struct slot *caller = &current->slots[TCB_CALLER];

    if (!slot_empty(caller))
        reply_send(current, caller);
}

void syscall_handle(s64 number)
{
    switch (number) {
    case seL4_SysCall:
        send(true, true);
        break;
    case seL4_SysReplyRecv:
        reply();
        receive(true);
        break;
    case seL4_SysSend:
        send(false, true);
        break;
    case seL4_SysNBSend:
        send(false, false);
        break;
    case seL4_SysRecv:
        receive(true);
        break;
    case seL4_SysReply:
        reply();
        break;
    case seL4_SysYield:
        schedule_yield();
        break;
    case seL4_SysNBRecv:
        receive(false);
        break;
    default:
        if (!debug_syscall(number)) {
            struct fault fault = {.type = seL4_Fault_UnknownSyscall, .code = (u64)number};
            fault_raise(current, &fault);
        }
        break;
    }
}
