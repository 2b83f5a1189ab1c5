/* Which thread runs. The contract is in schedule.h. */
#include "kernel/micro/schedule.h"
#include "kernel/micro/bits.h"
#include "kernel/micro/vspace.h"
#include "machine/panic.h"

struct tcb *current = &idle_thread;
/* "Nobody": never queued. No thread counts as less urgent than it, so whoever wakes up runs if it is the
 * best. */
struct tcb idle_thread = {.state = THREAD_IDLE, .priority = seL4_MaxPrio};

static struct ready_queue {
    struct tcb *head, *tail;
} ready[CONFIG_NUM_PRIORITIES];
static u64 ready_bits[CONFIG_NUM_PRIORITIES / 64]; /* bit p: ready[p] is not empty */

static struct tcb *woken; /* may run next */
static bool requested;    /* look at everything anew; then woken is NULL */

void schedule_init(void)
{
    idle_thread.slice = CONFIG_TIME_SLICE;
}

/* The highest priority with a ready thread, -1 if there is none. */
static int ready_highest(void)
{
    for (int i = ARRAY_SIZE(ready_bits) - 1; i >= 0; i--) {
        if (ready_bits[i])
            return i * 64 + (int)bit_highest(ready_bits[i]);
    }
    return -1;
}

void schedule_enqueue(struct tcb *tcb)
{
    struct ready_queue *queue = &ready[tcb->priority];

    if (tcb->queued)
        return;
    tcb->queued = true;
    tcb->ready_prev = NULL;
    tcb->ready_next = queue->head;
    if (queue->head)
        queue->head->ready_prev = tcb;
    else
        queue->tail = tcb;
    queue->head = tcb;
    ready_bits[tcb->priority / 64] |= 1ul << tcb->priority % 64;
}

static void enqueue_at_tail(struct tcb *tcb)
{
    struct ready_queue *queue = &ready[tcb->priority];

    if (tcb->queued)
        return;
    tcb->queued = true;
    tcb->ready_next = NULL;
    tcb->ready_prev = queue->tail;
    if (queue->tail)
        queue->tail->ready_next = tcb;
    else
        queue->head = tcb;
    queue->tail = tcb;
    ready_bits[tcb->priority / 64] |= 1ul << tcb->priority % 64;
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
    if (woken)
        schedule_enqueue(woken);
    woken = NULL;
    requested = true;
}

void thread_set_state(struct tcb *tcb, enum thread_state state)
{
    tcb->state = state;
    if (tcb == current && !thread_runnable(tcb) && !woken)
        requested = true;
}

void schedule_wake(struct tcb *tcb)
{
    if (requested || woken) {
        schedule_request();
        schedule_enqueue(tcb);
    } else if (tcb != current) {
        woken = tcb;
    }
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

/* Decides between the one woken thread and the rest. Returns true if the woken thread runs. */
static bool woken_runs(bool current_stays)
{
    if (woken->priority < current->priority && (int)woken->priority < ready_highest()) {
        schedule_enqueue(woken);
        return false;
    }
    if (current_stays && woken->priority == current->priority) {
        enqueue_at_tail(woken);
        return false;
    }
    return true;
}

bool schedule_prefers(const struct tcb *tcb)
{
    return tcb->priority >= current->priority || (int)tcb->priority >= ready_highest();
}

void schedule_switch(struct tcb *tcb)
{
    current = tcb;
    vspace_activate();
}

void schedule(void)
{
    struct tcb *next = current;

    if (woken || requested) {
        bool stays = thread_runnable(current);
        if (stays)
            schedule_enqueue(current);
        if (woken && woken_runs(stays)) {
            next = woken;
        } else {
            int priority = ready_highest();
            next = priority < 0 ? &idle_thread : ready[priority].head;
        }
        schedule_dequeue(next);
        woken = NULL;
        requested = false;
        if (next != current)
            schedule_switch(next);
    }
    if (current->state == THREAD_RESTART) {
        current->frame.pc = current->fault_pc;
        current->state = THREAD_RUNNING;
    }
    kernel_assert(current->state == THREAD_RUNNING || current->state == THREAD_IDLE,
                  "the current thread runs");
}
