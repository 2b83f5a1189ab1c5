/* Notifications: a word of collected badges that threads wait for. The contract is in ipc.h. */
#include "kernel/micro/ipc.h"
#include "kernel/micro/schedule.h"

/* A thread that waited, for a message or a signal, goes on with the badge. */
static void deliver(struct tcb *tcb, u64 badge)
{
    tcb->frame.x[REG_A0] = badge;
    thread_set_state(tcb, THREAD_RUNNING);
    schedule_wake(tcb);
}

void notification_signal(struct notification *notification, u64 badge)
{
    struct tcb *bound = notification_bound(notification);
    struct tcb *waiting = notification->queue.head;

    if (waiting) {
        queue_remove(&notification->queue, waiting);
        deliver(waiting, badge);
    } else if (notification->active) {
        notification->badge |= badge;
    } else if (bound && bound->state == THREAD_BLOCKED_ON_RECEIVE) {
        ipc_cancel(bound);
        deliver(bound, badge);
    } else {
        notification->active = true;
        notification->badge = badge;
    }
}

void notification_take(struct notification *notification, struct tcb *receiver)
{
    receiver->frame.x[REG_A0] = notification->badge;
    notification->active = false;
}

void notification_receive(struct notification *notification, struct tcb *receiver, bool blocking)
{
    if (notification->active) {
        notification_take(notification, receiver);
    } else if (blocking) {
        receiver->waiting_for = notification;
        thread_set_state(receiver, THREAD_BLOCKED_ON_NOTIFICATION);
        queue_append(&notification->queue, receiver);
    } else {
        receiver->frame.x[REG_A0] = 0;
    }
}

void notification_bind(struct notification *notification, struct tcb *tcb)
{
    notification->bound_bits = (u64)tcb >> 1;
    tcb->bound = notification;
}

void notification_unbind(struct tcb *tcb)
{
    if (!tcb || !tcb->bound)
        return;
    tcb->bound->bound_bits = 0;
    tcb->bound = NULL;
}
