/*
 * The short way for Call, faults and ReplyRecv. The contract is in fastpath.h.
 *
 * Call and ReplyRecv are written once and compiled twice: NARROW for what most messages are, at most four
 * words without caps, which needs neither buffers nor a stack frame; and WIDE for the others, and for servers
 * whose endpoint is in a second CNode.
 */
#include "kernel/micro/fastpath.h"
#include "kernel/micro/cspace.h"
#include "kernel/micro/debug.h"
#include "kernel/micro/ipc.h"
#include "kernel/micro/schedule.h"
#include "kernel/micro/trap.h"

enum breadth { NARROW, WIDE };

/* The part of a message-info word behind the label: length, and two numbers that are 0 if there are no caps.
 */
#define INFO_SHAPE 0xffful

/* True if NARROW will do for a message. Its info word is then the one the receiver gets, too. */
ALWAYS_INLINE bool is_narrow(u64 info)
{
    return (info & INFO_SHAPE) <= seL4_FastMessageRegisters;
}

static __attribute__((noinline)) void reply_receive_wide(u64 cptr, u64 info);

/* True if the endpoint's cap allows to send and to be replied to. */
ALWAYS_INLINE bool may_call(struct cap cap)
{
    return (cap.rights & RIGHT_WRITE) && (cap.rights & (RIGHT_GRANT | RIGHT_GRANT_REPLY));
}

/* True if `tcb` would run next if `stopping`, the current thread, stopped. False also if that takes a search
 * to know. */
ALWAYS_INLINE bool runs_next(const struct tcb *tcb, const struct tcb *stopping)
{
    return tcb->priority >= stopping->priority || (int)tcb->priority >= schedule_limit;
}

/* The first thread that waits for a message on the endpoint, if it would run as soon as `sender` waited. */
ALWAYS_INLINE struct tcb *find_receiver(const struct endpoint *endpoint, const struct tcb *sender)
{
    struct tcb *receiver = endpoint->queue.head;

    if (receiver && receiver->state == THREAD_BLOCKED_ON_RECEIVE && runs_next(receiver, sender))
        return receiver;
    return NULL;
}

/* The buffers of a message too long for registers. */
struct buffers {
    const seL4_IPCBuffer *from;
    seL4_IPCBuffer *to;
};

/* False if the message has caps, or needs a buffer that is not there. */
ALWAYS_INLINE bool find_buffers(const struct tcb *from, const struct tcb *to, u64 info,
                                struct buffers *buffers)
{
    if (message_extra_caps(info))
        return false;
    if (message_length(info) <= seL4_FastMessageRegisters)
        return true;
    buffers->from = message_buffer(from, false);
    buffers->to = message_buffer(to, true);
    return buffers->from && buffers->to;
}

/* The message of `from`, with the info word `info`, becomes that of `to`. */
ALWAYS_INLINE void hand_over(const struct tcb *from, struct tcb *to, u64 badge, u64 info,
                             const struct buffers *buffers, enum breadth breadth)
{
    u64 length = breadth == NARROW ? info & INFO_SHAPE : message_length(info);

    to->frame.x[REG_A0] = badge;
    to->frame.x[REG_A1] = breadth == NARROW ? info : message_info(info >> 12, 0, 0, length);
    if (length > 0)
        to->frame.x[REG_A2] = from->frame.x[REG_A2];
    if (length > 1)
        to->frame.x[REG_A2 + 1] = from->frame.x[REG_A2 + 1];
    if (length > 2)
        to->frame.x[REG_A2 + 2] = from->frame.x[REG_A2 + 2];
    if (length > 3)
        to->frame.x[REG_A2 + 3] = from->frame.x[REG_A2 + 3];
    for (u64 i = seL4_FastMessageRegisters; breadth == WIDE && i < length; i++)
        buffers->to->msg[i] = buffers->from->msg[i];
}

/* `tcb`, which waited, runs. */
ALWAYS_INLINE void run(struct tcb *tcb)
{
    tcb->state = THREAD_RUNNING;
    current = tcb;
    trap_continue(tcb);
}

/* `sender` has sent to `receiver`, the first in the endpoint's queue, and waits for the reply; the receiver
 * runs. */
ALWAYS_INLINE void wait_for_reply(struct tcb *sender, struct endpoint *endpoint, struct tcb *receiver)
{
    queue_remove_first(&endpoint->queue);
    sender->state = THREAD_BLOCKED_ON_REPLY;
    reply_give(sender, receiver, receiver->wait_grant);
    run(receiver);
}

/* `server`, with its reply sent, waits for the next message; `client` runs. */
ALWAYS_INLINE void wait_for_message(struct tcb *server, struct endpoint *endpoint, bool grant,
                                    struct tcb *client)
{
    reply_take(&server->slots[TCB_CALLER]);
    server->waiting_for = endpoint;
    server->wait_grant = grant;
    server->state = THREAD_BLOCKED_ON_RECEIVE;
    queue_append(&endpoint->queue, server);
    run(client);
}

/* ---- Call ------------------------------------------------------------------------------------------- */

ALWAYS_INLINE void call(u64 cptr, u64 info, enum breadth breadth)
{
    struct tcb *caller = current;
    u32 left = seL4_WordBits;
    struct slot *slot = cspace_enter(&caller->slots[TCB_CSPACE].cap, &cptr, &left);
    struct buffers buffers = {NULL, NULL};

    if (!slot || slot->cap.type != CAP_ENDPOINT) {
        syscall_call(slot && cspace_is_end(slot, left) ? slot : NULL);
        return;
    }
    if (!may_call(slot->cap)) {
        syscall_call(slot);
        return;
    }
    struct endpoint *endpoint = arch_direct(slot->cap.address);
    struct tcb *receiver = find_receiver(endpoint, caller);
    if (!receiver || (breadth == WIDE && !find_buffers(caller, receiver, info, &buffers))) {
        syscall_call(slot);
        return;
    }
    hand_over(caller, receiver, slot->cap.badge, info, &buffers, breadth);
    wait_for_reply(caller, endpoint, receiver);
}

static __attribute__((noinline)) void call_wide(u64 cptr, u64 info)
{
    call(cptr, info, WIDE);
}

/* ---- ReplyRecv -------------------------------------------------------------------------------------- */

/* The server's endpoint, NULL if what `cptr` names is none, or too far away. */
ALWAYS_INLINE const struct slot *find_endpoint(const struct tcb *server, u64 cptr, enum breadth breadth)
{
    u32 left = seL4_WordBits;
    const struct slot *slot = cspace_enter(&server->slots[TCB_CSPACE].cap, &cptr, &left);

    if (breadth == WIDE && slot && !cspace_is_end(slot, left))
        slot = cspace_enter(&slot->cap, &cptr, &left);
    return slot && slot->cap.type == CAP_ENDPOINT ? slot : NULL;
}

/* True if the reply to a client that has faulted lets it go on, and is one for answer_fault(). */
ALWAYS_INLINE bool is_plain_answer(const struct tcb *client, u64 info)
{
    return client->fault.type == seL4_Fault_VMFault ||
           (client->fault.type == seL4_Fault_UnknownSyscall && info <= seL4_FastMessageRegisters);
}

/* The client goes on: after a system call with registers from the reply, else as it was. */
ALWAYS_INLINE void answer_fault(struct tcb *client, const struct tcb *server, u64 info)
{
    u64 length = client->fault.type == seL4_Fault_UnknownSyscall ? info : 0;
    const u64 *mr = &server->frame.x[REG_A2];

    if (length > seL4_UnknownSyscall_FaultIP)
        client->fault_pc = mr[seL4_UnknownSyscall_FaultIP];
    if (length > seL4_UnknownSyscall_SP)
        client->frame.x[REG_SP] = mr[seL4_UnknownSyscall_SP];
    if (length > seL4_UnknownSyscall_RA)
        client->frame.x[REG_RA] = mr[seL4_UnknownSyscall_RA];
    if (length > seL4_UnknownSyscall_A0)
        client->frame.x[REG_A0] = mr[seL4_UnknownSyscall_A0];
    client->fault.type = 0;
    client->frame.pc = client->fault_pc;
}

ALWAYS_INLINE void reply_receive(u64 cptr, u64 info, enum breadth breadth)
{
    struct tcb *server = current;
    struct cap reply = server->slots[TCB_CALLER].cap;
    const struct slot *slot = find_endpoint(server, cptr, breadth);
    struct buffers buffers = {NULL, NULL};

    if (!slot) {
        if (breadth == NARROW)
            reply_receive_wide(cptr, info);
        else
            syscall_handle(seL4_SysReplyRecv);
        return;
    }
    if (!(slot->cap.rights & RIGHT_READ) || reply.type == CAP_NULL ||
        (server->bound && server->bound->active)) {
        syscall_handle(seL4_SysReplyRecv);
        return;
    }
    bool grant = slot->cap.rights & RIGHT_GRANT;
    struct tcb *client = arch_direct(reply.address);
    struct endpoint *endpoint = arch_direct(slot->cap.address);
    bool suits = client->fault.type ? is_plain_answer(client, info)
                                    : breadth == NARROW || find_buffers(server, client, info, &buffers);
    if ((endpoint->queue.head && endpoint->queue.head->state != THREAD_BLOCKED_ON_RECEIVE) ||
        !runs_next(client, server) || !suits) {
        syscall_handle(seL4_SysReplyRecv);
        return;
    }
    if (client->fault.type)
        answer_fault(client, server, info);
    else
        hand_over(server, client, 0, info, &buffers, breadth);
    wait_for_message(server, endpoint, grant, client);
}

static void reply_receive_wide(u64 cptr, u64 info)
{
    reply_receive(cptr, info, WIDE);
}

static __attribute__((noinline)) void reply_receive_narrow(u64 cptr, u64 info)
{
    reply_receive(cptr, info, NARROW);
}

/* ---- Faults ----------------------------------------------------------------------------------------- */

/* Who handles the faults of `faulted`: fills in the endpoint's slot and its first receiver; false if that
 * takes the long way. */
ALWAYS_INLINE bool find_handler(const struct tcb *faulted, const struct slot **slot, struct tcb **receiver)
{
    u64 cptr = faulted->fault_handler;
    u32 left = seL4_WordBits;

    *slot = cspace_enter(&faulted->slots[TCB_CSPACE].cap, &cptr, &left);
    if (!*slot || (*slot)->cap.type != CAP_ENDPOINT || !may_call((*slot)->cap))
        return false;
    *receiver = find_receiver(arch_direct((*slot)->cap.address), faulted);
    return *receiver != NULL;
}

ALWAYS_INLINE void deliver_fault(struct tcb *faulted, const struct slot *slot, struct tcb *receiver, u64 type,
                                 u64 length)
{
    receiver->frame.x[REG_A0] = slot->cap.badge;
    receiver->frame.x[REG_A1] = message_info(type, 0, 0, length);
    wait_for_reply(faulted, arch_direct(slot->cap.address), receiver);
}

static __attribute__((noinline)) void unknown_call(u64 number)
{
    struct tcb *faulted = current, *receiver;
    const struct slot *slot;

    faulted->fault.type = seL4_Fault_UnknownSyscall;
    faulted->fault.code = number;
    if (!find_handler(faulted, &slot, &receiver)) {
        trap_fault();
        return;
    }
    u64 length = fault_unknown_message(faulted, receiver, message_buffer(receiver, true));
    deliver_fault(faulted, slot, receiver, seL4_Fault_UnknownSyscall, length);
}

void fastpath_vm_fault(u64 address, u64 code)
{
    struct tcb *faulted = current, *receiver;
    const struct slot *slot;

    faulted->fault.type = seL4_Fault_VMFault;
    faulted->fault.address = address;
    faulted->fault.code = code;
    if (!find_handler(faulted, &slot, &receiver)) {
        trap_fault();
        return;
    }
    u64 length = fault_vm_message(faulted, receiver);
    deliver_fault(faulted, slot, receiver, seL4_Fault_VMFault, length);
}

/* ---- Where system calls begin ----------------------------------------------------------------------- */

void fastpath_system_call(u64 cptr, u64 info, s64 number)
{
    if (number == seL4_SysCall) {
        if (is_narrow(info))
            call(cptr, info, NARROW);
        else
            call_wide(cptr, info);
    } else if (number == seL4_SysReplyRecv) {
        if (is_narrow(info))
            reply_receive_narrow(cptr, info);
        else
            reply_receive_wide(cptr, info);
    } else if (number >= 0) { /* never the API's: it belongs to the program of another system */
        unknown_call((u64)number);
    } else {
        syscall_handle(number);
    }
}
