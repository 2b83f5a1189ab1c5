/* The words and caps of a message. The contract is in ipc.h. */
#include "kernel/micro/cdt.h"
#include "kernel/micro/cspace.h"
#include "kernel/micro/ipc.h"

bool message_find_caps(const struct tcb *tcb, struct slot *slots[seL4_MsgMaxExtraCaps], u32 *count,
                       struct lookup_failure *lookup, u64 *cptr)
{
    const seL4_IPCBuffer *buffer = message_buffer(tcb, false);
    u32 wanted = buffer ? message_extra_caps(tcb->frame.x[REG_A1]) : 0;

    for (*count = 0; *count < wanted; (*count)++) {
        *cptr = buffer->caps_or_badges[*count];
        slots[*count] = cspace_lookup(tcb, *cptr, lookup);
        if (!slots[*count])
            return false;
    }
    return true;
}

/* The empty slot the receiver offers for a cap, NULL if there is none. */
static struct slot *receive_slot(const struct tcb *tcb, const seL4_IPCBuffer *buffer)
{
    struct lookup_failure lookup;
    struct slot *cnode = cspace_lookup(tcb, buffer->receiveCNode, &lookup);

    if (!cnode)
        return NULL;
    struct slot *slot = cnode_try_lookup(&cnode->cap, buffer->receiveIndex, buffer->receiveDepth);
    return slot && slot_empty(slot) ? slot : NULL;
}

/* Hands over the extra caps of `from`. Returns their number and, as a mask, which arrived as badges. */
static u32 transfer_caps(struct tcb *from, const struct endpoint *endpoint, struct tcb *to,
                         seL4_IPCBuffer *buffer, u64 *unwrapped)
{
    struct slot *slots[seL4_MsgMaxExtraCaps];
    struct lookup_failure lookup;
    struct cap copy;
    u32 count, done;
    u64 cptr;

    if (!buffer || !message_lookup_caps(from, slots, &count, &lookup, &cptr) || count == 0)
        return 0;
    struct slot *destination = receive_slot(to, buffer);
    for (done = 0; done < count; done++) {
        struct cap cap = slots[done]->cap;
        if (endpoint && cap.type == CAP_ENDPOINT && cap_object(cap) == endpoint) {
            buffer->caps_or_badges[done] = cap.badge;
            *unwrapped |= 1ul << done;
            continue;
        }
        if (!destination || cap_derive(slots[done], cap, &copy) || copy.type == CAP_NULL)
            break;
        cdt_insert(destination, copy, slots[done]);
        destination = NULL;
    }
    return done;
}

void message_transfer(struct tcb *from, const struct endpoint *endpoint, u64 badge, bool grant,
                      struct tcb *to)
{
    seL4_IPCBuffer *to_buffer = message_buffer(to, true);
    u64 info = from->frame.x[REG_A1], unwrapped = 0, label = info >> 12;
    u32 extra_caps = 0, length = 0;

    if (from->fault.type) {
        label = from->fault.type;
        length = fault_message(from, to, to_buffer);
    } else {
        const seL4_IPCBuffer *from_buffer = message_buffer(from, false);
        u32 wanted = (u32)message_length(info);
        if (wanted > seL4_FastMessageRegisters && !(from_buffer && to_buffer))
            wanted = seL4_FastMessageRegisters;
        for (; length < wanted; length++)
            message_set(to, to_buffer, length, message_get(from, from_buffer, length));
        if (grant && message_extra_caps(info))
            extra_caps = transfer_caps(from, endpoint, to, to_buffer, &unwrapped);
    }
    to->frame.x[REG_A0] = badge;
    to->frame.x[REG_A1] = message_info(label, unwrapped, extra_caps, length);
}
