/*
 * Messages between threads: endpoints, notifications, reply caps, faults.
 *
 * A message is read from the sender's registers and buffer at the moment it is handed over. MR0..3 are
 * registers a2..a5; the words behind them are in the thread's IPC buffer, if it has one.
 * (seL4 Reference Manual, "Message Passing (IPC)", "Notifications", and for faults "Threads and Execution".)
 */
#ifndef KERNEL_MICRO_IPC_H
#define KERNEL_MICRO_IPC_H

#include "kernel/micro/queue.h"

/* ---- The words of a message (message.c) ------------------------------------------------------------- */

/* The thread's IPC buffer, NULL if it has none the kernel may read, with `write` also write. */
static inline seL4_IPCBuffer *message_buffer(const struct tcb *tcb, bool write)
{
    const struct cap *frame = &tcb->slots[TCB_BUFFER].cap;

    if (!cap_is_buffer(frame, write))
        return NULL;
    return (seL4_IPCBuffer *)arch_direct(frame->address + (tcb->buffer_address & ((1ul << frame->size) - 1)));
}

/* Word `i`; with no buffer, 0 for words that would be there. */
static inline u64 message_get(const struct tcb *tcb, const seL4_IPCBuffer *buffer, u32 i)
{
    if (i < seL4_FastMessageRegisters)
        return tcb->frame.x[REG_A2 + i];
    return buffer ? buffer->msg[i] : 0;
}

/* Sets word `i`; false if that needs a buffer and there is none. */
static inline bool message_set(struct tcb *tcb, seL4_IPCBuffer *buffer, u32 i, u64 value)
{
    if (i < seL4_FastMessageRegisters)
        tcb->frame.x[REG_A2 + i] = value;
    else if (buffer)
        buffer->msg[i] = value;
    else
        return false;
    return true;
}

/* Length and number of extra caps a message-info word claims, within the API's limits. */
static inline u64 message_length(u64 info)
{
    return min_u64(info & 127, seL4_MsgMaxLength);
}

static inline u32 message_extra_caps(u64 info)
{
    return info >> 7 & 3;
}

/* What receivers find in a1. */
static inline u64 message_info(u64 label, u64 unwrapped, u64 extra_caps, u64 length)
{
    return label << 12 | unwrapped << 9 | extra_caps << 7 | length;
}

/* The slots of the message's extra caps. NULL in *lookup's way: false, *cptr is the one that failed. */
bool message_find_caps(const struct tcb *tcb, struct slot *slots[seL4_MsgMaxExtraCaps], u32 *count,
                       struct lookup_failure *lookup, u64 *cptr);

static inline bool message_lookup_caps(const struct tcb *tcb, struct slot *slots[seL4_MsgMaxExtraCaps],
                                       u32 *count, struct lookup_failure *lookup, u64 *cptr)
{
    *count = 0;
    return message_extra_caps(tcb->frame.x[REG_A1]) == 0 ||
           message_find_caps(tcb, slots, count, lookup, cptr);
}

/* Hands the message (or the pending fault) of `from` to `to`. `endpoint`: the one used, NULL for a reply. */
void message_transfer(struct tcb *from, const struct endpoint *endpoint, u64 badge, bool grant,
                      struct tcb *to);

/* ---- Endpoints (endpoint.c) ------------------------------------------------------------------------- */

/* How a sender sends: what its cap and its system call say. */
struct send {
    u64 badge;
    bool blocking;
    bool call;     /* expects a reply */
    bool grant;    /* may transfer caps */
    bool can_call; /* may be replied to (grant or grant-reply) */
};

/*
 * `sender`, which is runnable or has a pending fault, sends its message. If a receiver waits, that one has
 * the message, is running, and schedule() will consider it. The sender then keeps its state, unless it calls:
 * then it is blocked on reply, or inactive if nobody may reply. If none waits, a blocking sender is blocked
 * on send at the end of the queue; for any other nothing happens.
 */
void endpoint_send(struct endpoint *endpoint, struct tcb *sender, struct send send);

/*
 * `receiver`, which is runnable and whose caller slot is empty, receives through an endpoint's cap. It keeps
 * its state if its bound notification is active (then it has the badge) or a sender waits: that one has sent,
 * as above, and is running, blocked on reply or inactive. Else it is blocked on receive, or finds the badge 0
 * if it does not block.
 */
void endpoint_receive(struct cap cap, struct tcb *receiver, bool blocking);

/* The first thread in an endpoint's or notification's queue repeats its system call; false if there is none.
 */
bool queue_restart_first(struct wait_queue *queue);

/* Takes a thread off what it waits for, and forgets a fault not yet answered. Its state is then inactive. */
void ipc_cancel(struct tcb *tcb);

/* ---- Notifications (notification.c) ----------------------------------------------------------------- */

/* The first waiting thread has the badge and is running; else the bound thread, if it is blocked on receive.
 * Else the badge is added to what is there, and the notification is active. The signaller's state is as it
 * was; schedule() will consider who was woken. */
void notification_signal(struct notification *notification, u64 badge);

/* `receiver`, which is runnable, has the badge of an active notification and keeps its state. Else it is
 * blocked on notification at the end of the queue, or finds the badge 0 if it does not block. */
void notification_receive(struct notification *notification, struct tcb *receiver, bool blocking);
/* Takes the badge of an active notification. */
void notification_take(struct notification *notification, struct tcb *receiver);
/* Neither is bound yet; states stay as they are. */
void notification_bind(struct notification *notification, struct tcb *tcb);
/* Nothing happens if `tcb` is NULL or has no binding. */
void notification_unbind(struct tcb *tcb);

/* ---- Replies (reply.c) ------------------------------------------------------------------------------ */

/* Puts the cap to reply to `caller` into the receiver's caller slot: a child of the caller's master cap. Both
 * slots have no other: a caller that runs has no reply cap out, and receiving empties the caller slot. */
static inline void reply_give(struct tcb *caller, struct tcb *receiver, bool grant)
{
    struct slot *master = &caller->slots[TCB_REPLY], *slot = &receiver->slots[TCB_CALLER];

    slot->cap =
        (struct cap){.type = CAP_REPLY, .rights = grant ? RIGHT_GRANT : 0, .address = master->cap.address};
    slot->prev = master;
    slot_set_next(master, slot);
}

/* Deletes a reply cap. It was the only child of its master, which begins a list of its own. */
static inline void reply_take(struct slot *slot)
{
    slot_set_next(slot->prev, NULL);
    *slot = (struct slot){0};
}

/* `caller` waits for a reply; the cap for it goes into the receiver's caller slot. */
void reply_expect(struct tcb *caller, struct tcb *receiver, bool grant);
/* Answers the caller recorded in the reply cap of `slot`, and empties the slot. */
void reply_send(struct tcb *sender, struct slot *slot);
/* Gives the thread its master reply cap, which those of others are derived from. */
void reply_prepare(struct tcb *tcb);
/* Deletes the reply cap that names `tcb`, wherever it is. */
void reply_revoke(struct tcb *tcb);

/* ---- Faults (fault.c) ------------------------------------------------------------------------------- */

/* Sends the pending fault of `tcb` to its handler. Without a usable handler the thread becomes inactive. */
void fault_raise(struct tcb *tcb);
/* Writes the message of the pending fault of `from` into `to`; returns its length. */
u32 fault_message(const struct tcb *from, struct tcb *to, seL4_IPCBuffer *buffer);

/* The same for the two faults that hosted programs live on. A system call's message is all registers it could
 * mean, as far as `buffer` is there for them. */
ALWAYS_INLINE u32 fault_unknown_message(const struct tcb *from, struct tcb *to, seL4_IPCBuffer *buffer)
{
    u64 *mr = &to->frame.x[REG_A2];
    const u64 *x = from->frame.x;

    mr[seL4_UnknownSyscall_FaultIP] = from->fault_pc;
    mr[seL4_UnknownSyscall_SP] = x[REG_SP];
    mr[seL4_UnknownSyscall_RA] = x[REG_RA];
    mr[seL4_UnknownSyscall_A0] = x[REG_A0];
    if (!buffer)
        return seL4_FastMessageRegisters;
    buffer->msg[seL4_UnknownSyscall_A1] = x[REG_A1];
    buffer->msg[seL4_UnknownSyscall_A2] = x[REG_A2];
    buffer->msg[seL4_UnknownSyscall_A3] = x[REG_A2 + 1];
    buffer->msg[seL4_UnknownSyscall_A4] = x[REG_A2 + 2];
    buffer->msg[seL4_UnknownSyscall_A5] = x[REG_A2 + 3];
    buffer->msg[seL4_UnknownSyscall_A6] = x[REG_A6];
    buffer->msg[seL4_UnknownSyscall_Syscall] = from->fault.code;
    return seL4_UnknownSyscall_Length;
}

ALWAYS_INLINE u32 fault_vm_message(const struct tcb *from, struct tcb *to)
{
    u64 *mr = &to->frame.x[REG_A2];

    mr[seL4_VMFault_IP] = from->fault_pc;
    mr[seL4_VMFault_Addr] = from->fault.address;
    mr[seL4_VMFault_PrefetchFault] = from->fault.code == CAUSE_FETCH_ACCESS;
    mr[seL4_VMFault_FSR] = from->fault.code;
    return seL4_VMFault_Length;
}

/* Applies the reply of `handler` to the faulted thread; true if that goes on. */
bool fault_apply_reply(struct tcb *tcb, const struct tcb *handler);

#endif
