/* Which thread runs. The contract is in schedule.h. */
#include "kernel/micro/schedule.h"
#include "kernel/micro/bits.h"
#include "machine/panic.h"

struct tcb *current = &idle_thread;
/* "Nobody": never queued. No thread counts as less urgent than it, so whoever wakes up runs if it is the
 * best. */
struct tcb idle_thread = {.state = THREAD_IDLE, .priority = seL4_MaxPrio};

static struct ready_queue {
    struct tcb *head, *tail;
} ready[CONFIG_NUM_PRIORITIES];
static u64 ready_bits[CONFIG_NUM_PRIORITIES / 64]; /* bit p: ready[p] is not empty */

int schedule_limit = -1;

struct tcb *schedule_woken;
bool schedule_requested;

void schedule_init(void)
{
    idle_thread.slice = CONFIG_TIME_SLICE;
}

int schedule_highest(void)
{
    if (schedule_limit < 0 || ready[schedule_limit].head)
        return schedule_limit;
    schedule_limit = -1;
    for (int i = ARRAY_SIZE(ready_bits) - 1; i >= 0 && schedule_limit < 0; i--) {
        if (ready_bits[i])
            schedule_limit = i * 64 + (int)bit_highest(ready_bits[i]);
    }
    return schedule_limit;
}

/* What both ways to join a queue have in common. */
static void joined(struct tcb *tcb)
{
    tcb->queued = true;
    ready_bits[tcb->priority / 64] |= 1ul << tcb->priority % 64;
    if (schedule_limit < tcb->priority)
        schedule_limit = tcb->priority;
}

void schedule_enqueue(struct tcb *tcb)
{
    struct ready_queue *queue = &ready[tcb->priority];

    if (tcb->queued)
        return;
    tcb->ready_prev = NULL;
    tcb->ready_next = queue->head;
    if (queue->head)
        queue->head->ready_prev = tcb;
    else
        queue->tail = tcb;
    queue->head = tcb;
    joined(tcb);
}

static void enqueue_at_tail(struct tcb *tcb)
{
    struct ready_queue *queue = &ready[tcb->priority];

    if (tcb->queued)
        return;
    tcb->ready_next = NULL;
    tcb->ready_prev = queue->tail;
    if (queue->tail)
        queue->tail->ready_next = tcb;
    else
        queue->head = tcb;
    queue->tail = tcb;
    joined(tcb);
}

void schedule_dequeue(struct tcb *tcb)
{
    struct ready_queue *queue = &ready[tcb->priority];

    if (!tcb->queued)
        return;
    tcb->queued = false;
    if (tcb->ready_prev)
        tcb->ready_prev->ready_next = tcb->ready_next;
    else
        queue->head = tcb->ready_next;
    if (tcb->ready_next)
        tcb->ready_next->ready_prev = tcb->ready_prev;
    else
        queue->tail = tcb->ready_prev;
    if (!queue->head)
        ready_bits[tcb->priority / 64] &= ~(1ul << tcb->priority % 64);
}

void schedule_request(void)
{
    if (schedule_woken)
        schedule_enqueue(schedule_woken);
    schedule_woken = NULL;
    schedule_requested = true;
}

void schedule_wake_further(struct tcb *tcb)
{
    schedule_request();
    schedule_enqueue(tcb);
}

void schedule_wake_later(struct tcb *tcb)
{
    schedule_enqueue(tcb);
    schedule_request();
}

void schedule_yield(void)
{
    enqueue_at_tail(current);
    schedule_request();
}

void schedule_tick(void)
{
    if (current->state != THREAD_RUNNING)
        return;
    if (current->slice > 1) {
        current->slice--;
        return;
    }
    current->slice = CONFIG_TIME_SLICE;
    schedule_yield();
}

void schedule_set_priority(struct tcb *tcb, u8 priority)
{
    schedule_dequeue(tcb);
    tcb->priority = priority;
    if (!thread_runnable(tcb))
        return;
    if (tcb == current)
        schedule_request();
    else
        schedule_wake(tcb);
}

/* One thread was woken and the current one can go on: returns who runs. No queued thread has a higher
 * priority than the current one, so the choice is between the two. */
static struct tcb *current_or_woken(void)
{
    struct tcb *woken = schedule_woken;

    if (woken->priority > current->priority) {
        schedule_enqueue(current);
        schedule_dequeue(woken);
        return woken;
    }
    if (woken->priority == current->priority)
        enqueue_at_tail(woken);
    else
        schedule_enqueue(woken);
    return current;
}

/* The current thread cannot go on, or everything is to be looked at anew. */
static struct tcb *best(void)
{
    struct tcb *next = schedule_woken;

    if (thread_runnable(current))
        schedule_enqueue(current);
    if (next && !schedule_prefers(next)) {
        schedule_enqueue(next);
        next = NULL;
    }
    if (!next) {
        int priority = schedule_highest();
        next = priority < 0 ? &idle_thread : ready[priority].head;
    }
    if (next->queued)
        schedule_dequeue(next);
    return next;
}

void schedule_decide(void)
{
    if (schedule_woken || schedule_requested) {
        struct tcb *next = schedule_woken && thread_runnable(current) ? current_or_woken() : best();
        schedule_woken = NULL;
        schedule_requested = false;
        current = next;
    }
    if (current->state == THREAD_RESTART) {
        current->frame.pc = current->fault_pc;
        current->state = THREAD_RUNNING;
    }
    kernel_assert(current->state == THREAD_RUNNING || current->state == THREAD_IDLE,
                  "the current thread runs");
}
