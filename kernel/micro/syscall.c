/*
 * System calls of the current thread.
 *
 * While an invocation is under way the caller is in state restart: if it is preempted, or the caller stops
 * itself, it will make the call again when it runs next. Only a call that has come to its end puts it back to
 * running.
 * (seL4 Reference Manual, "Kernel Services and Objects": system calls.)
 */
#include "kernel/micro/cspace.h"
#include "kernel/micro/debug.h"
#include "kernel/micro/delete.h"
#include "kernel/micro/ipc.h"
#include "kernel/micro/schedule.h"
#include "kernel/micro/trap.h"

static void raise_cap_fault(u64 cptr, bool receiving, const struct lookup_failure *lookup)
{
    current->fault = (struct fault){
        .type = seL4_Fault_CapFault, .address = cptr, .receiving = receiving, .lookup = *lookup};
    fault_raise(current);
}

/* ---- Sending: messages and invocations -------------------------------------------------------------- */

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

/* Sends to what is no object of the kernel's own: an endpoint, a notification, a waiting caller. */
static enum result send_message(struct slot *slot, bool call, bool blocking)
{
    struct cap cap = slot->cap;

    if (cap.type == CAP_REPLY) {
        reply_send(current, slot);
    } else if (!(cap.rights & RIGHT_WRITE)) {
        return fail_cap(0);
    } else if (cap.type == CAP_NOTIFICATION) {
        notification_signal(cap_object(cap), cap.badge);
    } else {
        endpoint_send(cap_object(cap), current,
                      (struct send){.badge = cap.badge,
                                    .blocking = blocking,
                                    .call = call,
                                    .grant = cap.rights & RIGHT_GRANT,
                                    .can_call = cap.rights & (RIGHT_GRANT | RIGHT_GRANT_REPLY)});
        return RESULT_OK; /* a caller does not go on */
    }
    if (call)
        answer(current, seL4_NoError, 0);
    return RESULT_OK;
}

static enum result invoke(struct invocation *in)
{
    switch (in->cap.type) {
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

/* Invokes an object of the kernel's own. Returns RESULT_OK also if the caller does not go on. */
static enum result invoke_object(struct invocation *in)
{
    thread_set_state(current, THREAD_RESTART);
    enum result result = invoke(in);
    if (result == RESULT_PREEMPTED)
        return result;
    if (current->state == THREAD_RESTART) { /* else it has stopped itself */
        thread_set_state(current, THREAD_RUNNING);
        if (result == RESULT_OK && in->call)
            answer(current, seL4_NoError, in->answer_length);
    }
    return result;
}

static bool is_message(u32 type)
{
    return type == CAP_ENDPOINT || type == CAP_NOTIFICATION || type == CAP_REPLY;
}

/* `slot`: the one invoked, if it is known already. */
static void send(struct slot *slot, bool call, bool blocking)
{
    u64 cptr = current->frame.x[REG_A0], info = current->frame.x[REG_A1];
    struct invocation in;
    struct lookup_failure lookup;
    enum result result;

    in.slot = slot ? slot : cspace_lookup(current, cptr, &lookup);
    if (!in.slot || !message_lookup_caps(current, in.extra, &in.extra_count, &lookup, &cptr)) {
        if (blocking)
            raise_cap_fault(cptr, false, &lookup);
        return;
    }
    in.cap = in.slot->cap;
    in.caller = current;
    in.call = call;
    in.label = info >> 12;
    if (is_message(in.cap.type)) {
        result = send_message(in.slot, call, blocking);
    } else {
        in.buffer = message_buffer(current, false);
        in.length = message_length(info);
        if (!in.buffer)
            in.length = min_u64(in.length, seL4_FastMessageRegisters);
        in.answer_length = 0;
        result = invoke_object(&in);
    }
    if (result == RESULT_PREEMPTED) {
        trap_handle_interrupt();
    } else if (result == RESULT_ERROR) {
        debug_failure(&in);
        if (call)
            answer_failure(current);
    }
}

/* ---- Receiving and replying ------------------------------------------------------------------------- */

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

void syscall_call(struct slot *slot)
{
    send(slot, true, true);
    trap_return();
}

void syscall_handle(s64 number)
{
    switch (number) {
    case seL4_SysCall:
        send(NULL, true, true);
        break;
    case seL4_SysReplyRecv:
        reply();
        receive(true);
        break;
    case seL4_SysSend:
        send(NULL, false, true);
        break;
    case seL4_SysNBSend:
        send(NULL, false, false);
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
            current->fault.type = seL4_Fault_UnknownSyscall;
            current->fault.code = (u64)number;
            fault_raise(current);
        }
        break;
    }
    trap_return();
}
