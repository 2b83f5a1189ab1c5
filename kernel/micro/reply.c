/*
 * Reply caps: the right to answer one Call, once. The contract is in ipc.h.
 *
 * The reply cap is the only child of a hidden master cap in the caller's TCB. So it can be found from there,
 * wherever its holder has put it, and there is never more than one.
 */
#include "kernel/micro/cdt.h"
#include "kernel/micro/ipc.h"
#include "kernel/micro/schedule.h"
#include "machine/panic.h"

void reply_prepare(struct tcb *tcb)
{
    struct cap master = cap_make(CAP_REPLY, arch_physical(tcb), 0);

    master.rights = REPLY_MASTER | RIGHT_GRANT;
    if (slot_empty(&tcb->slots[TCB_REPLY]))
        cdt_insert_root(&tcb->slots[TCB_REPLY], master);
}

void reply_expect(struct tcb *caller, struct tcb *receiver, bool grant)
{
    kernel_assert(!slot_next(&caller->slots[TCB_REPLY]), "a caller has at most one reply cap");
    kernel_assert(slot_empty(&receiver->slots[TCB_CALLER]), "a receiver has given up its last caller");
    thread_set_state(caller, THREAD_BLOCKED_ON_REPLY);
    reply_give(caller, receiver, grant);
}

void reply_revoke(struct tcb *tcb)
{
    struct slot *reply = slot_next(&tcb->slots[TCB_REPLY]);
    if (reply)
        reply_take(reply);
}

void reply_send(struct tcb *sender, struct slot *slot)
{
    struct tcb *caller = cap_object(slot->cap);
    bool grant = slot->cap.rights & RIGHT_GRANT, restarts;

    kernel_assert(caller->state == THREAD_BLOCKED_ON_REPLY, "a reply cap names a thread that waits for it");
    if (!caller->fault.type) {
        message_transfer(sender, NULL, 0, grant, caller);
        reply_take(slot);
        thread_set_state(caller, THREAD_RUNNING);
        schedule_wake(caller);
        return;
    }
    reply_take(slot);
    restarts = fault_apply_reply(caller, sender);
    caller->fault.type = 0;
    thread_set_state(caller, restarts ? THREAD_RESTART : THREAD_INACTIVE);
    if (restarts)
        schedule_wake(caller);
}
