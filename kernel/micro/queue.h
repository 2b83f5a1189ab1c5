/* Queues of waiting threads, in order of arrival, linked through tcb.wait_next and wait_prev. */
#ifndef KERNEL_MICRO_QUEUE_H
#define KERNEL_MICRO_QUEUE_H

#include "kernel/micro/objects.h"

static inline void queue_append(struct wait_queue *queue, struct tcb *tcb)
{
    tcb->wait_next = NULL;
    tcb->wait_prev = queue->tail;
    if (queue->tail)
        queue->tail->wait_next = tcb;
    else
        queue->head = tcb;
    queue->tail = tcb;
}

/* Takes the first thread off; there is one. */
static inline void queue_remove_first(struct wait_queue *queue)
{
    struct tcb *next = queue->head->wait_next;

    queue->head = next;
    if (next)
        next->wait_prev = NULL;
    else
        queue->tail = NULL;
}

static inline void queue_remove(struct wait_queue *queue, struct tcb *tcb)
{
    if (tcb->wait_prev)
        tcb->wait_prev->wait_next = tcb->wait_next;
    else
        queue->head = tcb->wait_next;
    if (tcb->wait_next)
        tcb->wait_next->wait_prev = tcb->wait_prev;
    else
        queue->tail = tcb->wait_prev;
}

#endif
