/*
 * Which thread runs: one ready queue a priority, a time slice a thread.
 *
 * The running thread is in no queue. During a trap, code that makes threads runnable or stops the current one
 * only notes it here; schedule() draws the conclusion at the end. What is noted is either nothing, or one
 * woken thread that may run next, or that everything must be looked at anew. So where a thread joins its
 * queue, head or tail, follows from what else happened in the same trap:
 *
 *   | what happened to a thread                       | where it goes                                    |
 *   | ----------------------------------------------- | ------------------------------------------------ |
 *   | woken, higher than the current one              | runs at once; the current one goes to the head   |
 *   | woken, equal, and the current one stays         | tail                                             |
 *   | woken, lower, and the current one stays         | head                                             |
 *   | woken with others, or by schedule_wake_later()  | head                                             |
 *   | woken, and the current one stops                | runs at once, unless a ready one is higher: head |
 *   | end of its slice, yield                         | tail                                             |
 *
 * (seL4 Reference Manual, "Threads and Execution"; it leaves the order within a priority open.)
 */
#ifndef KERNEL_MICRO_SCHEDULE_H
#define KERNEL_MICRO_SCHEDULE_H

#include "kernel/micro/vspace.h"

extern struct tcb idle_thread;

void schedule_init(void);

/* What a trap has noted so far; see above. Written only by this header and schedule.c. */
extern struct tcb *schedule_woken;
extern bool schedule_requested; /* then schedule_woken is NULL */

/* Changes a thread's state. If the current thread stops, somebody else will run. */
static inline void thread_set_state(struct tcb *tcb, enum thread_state state)
{
    tcb->state = state;
    if (tcb == current && !thread_runnable(tcb) && !schedule_woken)
        schedule_requested = true;
}

/* The second thread woken in one trap, or one woken after a request: see schedule_wake(). */
void schedule_wake_further(struct tcb *tcb);

/* `tcb`, runnable and perhaps queued, should run now if its priority allows. */
static inline void schedule_wake(struct tcb *tcb)
{
    if (schedule_requested || schedule_woken)
        schedule_wake_further(tcb);
    else if (tcb != current)
        schedule_woken = tcb;
}

/* `tcb`, runnable, joins the head of its queue; everything will be looked at anew. */
void schedule_wake_later(struct tcb *tcb);

/* `tcb` joins the head of its queue; nothing else happens. */
void schedule_enqueue(struct tcb *tcb);

/* `tcb` leaves its queue, if it is in one. */
void schedule_dequeue(struct tcb *tcb);

/* Everything will be looked at anew. */
void schedule_request(void);

/* The current thread, which is running, joins the tail of its queue; everything will be looked at anew, so
 * schedule() may choose the same thread again. */
void schedule_yield(void);

/* One tick of the timer for the current thread. */
void schedule_tick(void);

/* A thread's priority; moves it to the right queue. */
void schedule_set_priority(struct tcb *tcb, u8 priority);

/* No queued thread has a higher priority; may be too high. -1: none is queued. */
extern int schedule_limit;

/* The highest priority of the queued threads, -1 if there are none; corrects schedule_limit. */
int schedule_highest(void);

/* True if `tcb`, woken now by the current thread that stops, would run next. */
static inline bool schedule_prefers(const struct tcb *tcb)
{
    int priority = tcb->priority;
    return priority >= current->priority || priority >= schedule_limit || priority >= schedule_highest();
}

/* True if something was noted, or the current thread is not simply running. */
static inline bool schedule_is_due(void)
{
    return schedule_woken || schedule_requested || current->state != THREAD_RUNNING;
}

/* The part of schedule() for then. */
void schedule_decide(void);

/* Chooses the next thread; afterwards it is `current`, in state running or idle, its pc set. Its address
 * space is still to be activated. */
static inline void schedule(void)
{
    if (schedule_is_due())
        schedule_decide();
}

#endif
