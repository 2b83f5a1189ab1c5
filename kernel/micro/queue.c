/* Queues of waiting threads, in order of arrival. */
#include "kernel/micro/ipc.h"

void queue_append(struct wait_queue *queue, struct tcb *tcb)
{
    tcb->wait_next = NULL;
    tcb->wait_prev = queue->tail;
    if (queue->tail)
        queue->tail->wait_next = tcb;
    else
        queue->head = tcb;
    queue->tail = tcb;
}

void queue_remove(struct wait_queue *queue, struct tcb *tcb)
{
    if (tcb->wait_prev)
        tcb->wait_prev->wait_next = tcb->wait_next;
    else
        queue->head = tcb->wait_next;
    if (tcb->wait_next)
        tcb->wait_next->wait_prev = tcb->wait_prev;
    else
        queue->tail = tcb->wait_prev;
    tcb->wait_next = tcb->wait_prev = NULL;
}
