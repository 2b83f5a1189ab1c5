/* Endpoints: where a sender and a receiver meet. The contract is in ipc.h. */
#include "kernel/micro/invoke.h"
#include "kernel/micro/schedule.h"
#include "kernel/micro/trap.h"

/* The sender's message has been received: it waits for the reply, goes on, or (nobody may reply) stops. */
static void sent(struct tcb *sender, bool call, bool can_call, struct tcb *receiver, bool reply_grant)
{
    if (call && can_call)
        reply_expect(sender, receiver, reply_grant);
    else if (call)
        thread_set_state(sender, THREAD_INACTIVE);
}

void endpoint_send(struct endpoint *endpoint, struct tcb *sender, struct send send)
{
    struct tcb *receiver = endpoint->queue.head;

    if (receiver && receiver->state == THREAD_BLOCKED_ON_RECEIVE) {
        queue_remove(&endpoint->queue, receiver);
        message_transfer(sender, endpoint, send.badge, send.grant, receiver);
        thread_set_state(receiver, THREAD_RUNNING);
        schedule_wake(receiver);
        sent(sender, send.call, send.can_call, receiver, receiver->wait_grant);
    } else if (send.blocking) {
        sender->waiting_for = endpoint;
        sender->wait_badge = send.badge;
        sender->passed_by = 0;
        sender->wait_call = send.call;
        sender->wait_grant = send.grant;
        sender->wait_can_call = send.can_call;
        thread_set_state(sender, THREAD_BLOCKED_ON_SEND);
        queue_append(&endpoint->queue, sender);
    }
}

void endpoint_receive(struct cap cap, struct tcb *receiver, bool blocking)
{
    struct endpoint *endpoint = cap_object(cap);
    struct tcb *sender = endpoint->queue.head;
    bool grant = cap.rights & RIGHT_GRANT;

    if (receiver->bound && receiver->bound->active) {
        notification_take(receiver->bound, receiver);
    } else if (sender && sender->state == THREAD_BLOCKED_ON_SEND) {
        queue_remove(&endpoint->queue, sender);
        message_transfer(sender, endpoint, sender->wait_badge, sender->wait_grant, receiver);
        if (!sender->wait_call) {
            thread_set_state(sender, THREAD_RUNNING);
            schedule_wake(sender);
        }
        sent(sender, sender->wait_call, sender->wait_can_call, receiver, grant);
    } else if (blocking) {
        receiver->waiting_for = endpoint;
        receiver->wait_grant = grant;
        thread_set_state(receiver, THREAD_BLOCKED_ON_RECEIVE);
        queue_append(&endpoint->queue, receiver);
    } else {
        receiver->frame.x[REG_A0] = 0;
    }
}

bool queue_restart_first(struct wait_queue *queue)
{
    struct tcb *tcb = queue->head;

    if (!tcb)
        return false;
    queue_remove_first(queue);
    tcb->fault.type = 0;
    thread_set_state(tcb, THREAD_RESTART);
    schedule_wake_later(tcb);
    return true;
}

/*
 * Looks at the head of the queue, again and again: who has another badge goes to the end, marked as passed
 * by. A marked one at the head means that all are. The queue has its old order then, but for senders that
 * came while the scan was preempted: they may have got in front of others.
 *
 * A preempted thread makes the same call again, and goes on by its number. Were its registers changed in
 * between, it would have none (tcb.c).
 */
enum result endpoint_cancel_badged(struct endpoint *endpoint, u64 badge)
{
    static u64 scans;
    struct scan *scan = &current->scan;
    struct tcb *tcb;

    if (!scan->number || scan->endpoint != endpoint || scan->badge != badge)
        *scan = (struct scan){endpoint, badge, ++scans};
    while ((tcb = endpoint->queue.head) && tcb->state == THREAD_BLOCKED_ON_SEND &&
           tcb->passed_by != scan->number) {
        if (tcb->wait_badge == badge) {
            queue_restart_first(&endpoint->queue);
        } else {
            tcb->passed_by = scan->number;
            queue_remove_first(&endpoint->queue);
            queue_append(&endpoint->queue, tcb);
        }
        if (preemption_point(1))
            return RESULT_PREEMPTED;
    }
    scan->number = 0;
    return RESULT_OK;
}

void ipc_cancel(struct tcb *tcb)
{
    switch (tcb->state) {
    case THREAD_BLOCKED_ON_SEND:
    case THREAD_BLOCKED_ON_RECEIVE:
        queue_remove(&((struct endpoint *)tcb->waiting_for)->queue, tcb);
        break;
    case THREAD_BLOCKED_ON_NOTIFICATION:
        queue_remove(&((struct notification *)tcb->waiting_for)->queue, tcb);
        break;
    case THREAD_BLOCKED_ON_REPLY:
        reply_revoke(tcb);
        break;
    default:
        return;
    }
    tcb->fault.type = 0;
    thread_set_state(tcb, THREAD_INACTIVE);
}
