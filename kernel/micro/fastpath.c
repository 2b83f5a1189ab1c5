/* The short way for Call, faults and ReplyRecv. The contract is in fastpath.h. */
#include "kernel/micro/fastpath.h"
#include "kernel/micro/cspace.h"
#include "kernel/micro/debug.h"
#include "kernel/micro/ipc.h"
#include "kernel/micro/schedule.h"
#include "kernel/micro/trap.h"

/* True if `cap` is an endpoint's and allows to send and to be replied to. */
ALWAYS_INLINE bool may_call(const struct cap *cap)
{
    return cap->type == CAP_ENDPOINT && (cap->rights & RIGHT_WRITE) &&
           (cap->rights & (RIGHT_GRANT | RIGHT_GRANT_REPLY));
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

/* The message of `info` and the registers `mr` becomes that of `to`. */
ALWAYS_INLINE void hand_over(struct tcb *to, u64 badge, u64 info, const u64 mr[seL4_FastMessageRegisters],
                             const struct buffers *buffers)
{
    u64 length = message_length(info);

    to->frame.x[REG_A0] = badge;
    to->frame.x[REG_A1] = message_info(info >> 12, 0, 0, length);
    if (length > 0)
        to->frame.x[REG_A2] = mr[0];
    if (length > 1)
        to->frame.x[REG_A2 + 1] = mr[1];
    if (length > 2)
        to->frame.x[REG_A2 + 2] = mr[2];
    if (length > 3)
        to->frame.x[REG_A2 + 3] = mr[3];
    for (u64 i = seL4_FastMessageRegisters; i < length; i++)
        buffers->to->msg[i] = buffers->from->msg[i];
}

/* `tcb`, which waited, runs. */
ALWAYS_INLINE void run(struct tcb *tcb)
{
    tcb->state = THREAD_RUNNING;
    current = tcb;
    if (debug_checking || !vspace_is_active(&tcb->slots[TCB_VSPACE].cap))
        trap_resume();
    else
        entry_return(&tcb->frame);
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

/* True if the server's reply to a thread that has faulted lets that go on. */
static inline bool resumes(const struct tcb *faulted, u64 info)
{
    return faulted->fault.type == seL4_Fault_VMFault ||
           (faulted->fault.type == seL4_Fault_UnknownSyscall && info >> 12 == 0);
}

/* The rest of a ReplyRecv if the client has faulted. */
static __attribute__((noinline)) void reply_to_fault(struct tcb *server, struct endpoint *endpoint,
                                                     bool grant, struct tcb *client)
{
    fault_apply_reply(client, server);
    client->fault.type = 0;
    client->frame.pc = client->fault_pc;
    wait_for_message(server, endpoint, grant, client);
}

static void reply_receive(u64 cptr, u64 info, u64 mr0, u64 mr1, u64 mr2, u64 mr3)
{
    struct tcb *server = current;
    const struct cap *reply = &server->slots[TCB_CALLER].cap;
    const struct slot *slot = cspace_direct(server, cptr);
    const u64 mr[] = {mr0, mr1, mr2, mr3};
    struct buffers buffers = {NULL, NULL};

    if (!slot || slot->cap.type != CAP_ENDPOINT || !(slot->cap.rights & RIGHT_READ) ||
        reply->type == CAP_NULL || (server->bound && server->bound->active)) {
        syscall_handle(seL4_SysReplyRecv);
        return;
    }
    bool grant = slot->cap.rights & RIGHT_GRANT;
    struct tcb *client = arch_direct(reply->address);
    struct endpoint *endpoint = arch_direct(slot->cap.address);
    if ((endpoint->queue.head && endpoint->queue.head->state != THREAD_BLOCKED_ON_RECEIVE) ||
        !runs_next(client, server) ||
        (client->fault.type ? !resumes(client, info) : !find_buffers(server, client, info, &buffers))) {
        syscall_handle(seL4_SysReplyRecv);
        return;
    }
    if (client->fault.type) {
        reply_to_fault(server, endpoint, grant, client);
        return;
    }
    hand_over(client, 0, info, mr, &buffers);
    wait_for_message(server, endpoint, grant, client);
}

void fastpath_system_call(u64 cptr, u64 info, u64 mr0, u64 mr1, u64 mr2, u64 mr3, u64 a6, s64 number)
{
    struct tcb *caller = current, *receiver;
    const u64 mr[] = {mr0, mr1, mr2, mr3};
    struct buffers buffers = {NULL, NULL};

    (void)a6;
    if (number != seL4_SysCall) {
        if (number == seL4_SysReplyRecv)
            reply_receive(cptr, info, mr0, mr1, mr2, mr3);
        else if (number >=
                 0) /* never the API's: it belongs to the program of another system, hosted by its handler */
            fastpath_fault(seL4_Fault_UnknownSyscall, 0, (u64)number);
        else
            syscall_handle(number);
        return;
    }
    struct slot *slot = cspace_direct(caller, cptr);
    if (!slot || !may_call(&slot->cap)) {
        syscall_call(slot);
        return;
    }
    struct endpoint *endpoint = arch_direct(slot->cap.address);
    receiver = find_receiver(endpoint, caller);
    if (!receiver || !find_buffers(caller, receiver, info, &buffers)) {
        syscall_call(slot);
        return;
    }
    hand_over(receiver, slot->cap.badge, info, mr, &buffers);
    wait_for_reply(caller, endpoint, receiver);
}

void fastpath_fault(u64 type, u64 address, u64 code)
{
    struct tcb *faulted = current, *receiver;
    const struct slot *slot = cspace_direct(faulted, faulted->fault_handler);

    faulted->fault.type = type;
    faulted->fault.address = address;
    faulted->fault.code = code;
    if (!slot || !may_call(&slot->cap)) {
        trap_fault();
        return;
    }
    struct endpoint *endpoint = arch_direct(slot->cap.address);
    receiver = find_receiver(endpoint, faulted);
    if (!receiver) {
        trap_fault();
        return;
    }
    u64 length = fault_message(faulted, receiver, message_buffer(receiver, true));
    receiver->frame.x[REG_A0] = slot->cap.badge;
    receiver->frame.x[REG_A1] = message_info(type, 0, 0, length);
    wait_for_reply(faulted, endpoint, receiver);
}
