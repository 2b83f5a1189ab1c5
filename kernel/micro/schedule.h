/*
 * Which thread runs: one ready queue a priority, a time slice a thread.
 *
 * The running thread is in no queue. During a trap, code that makes threads runnable or stops the current one
 * only notes it here; schedule() draws the conclusion at the end. What is noted is either nothing, or one
 * woken thread that may run next, or that everything must be looked at anew. So where a thread joins its
 * queue, head or tail, follows from what else happened in the same trap:
 *
 *   woken, higher priority than the current one     runs at once; the current one goes to the head of its
 * queue woken, equal, the current one stays runnable    tail woken, lower head woken with others, or by
 * schedule_wake_later()  head the current one stops, one was woken            it runs at once, unless a ready
 * one has a higher priority end of slice, yield                             tail
 */
#ifndef KERNEL_MICRO_SCHEDULE_H
#define KERNEL_MICRO_SCHEDULE_H

#include "kernel/micro/objects.h"

extern struct tcb *current; /* the running thread; &idle_thread if none */
extern struct tcb idle_thread;

void schedule_init(void);

/* Changes a thread's state. If the current thread stops, somebody else will run. */
void thread_set_state(struct tcb *tcb, enum thread_state state);

/* `tcb`, runnable and perhaps queued, should run now if its priority allows. */
void schedule_wake(struct tcb *tcb);

/* `tcb`, runnable, joins the head of its queue; everything will be looked at anew. */
void schedule_wake_later(struct tcb *tcb);

/* `tcb` joins the head of its queue; nothing else happens. */
void schedule_enqueue(struct tcb *tcb);

/* `tcb` leaves its queue, if it is in one. */
void schedule_dequeue(struct tcb *tcb);

/* Everything will be looked at anew. */
void schedule_request(void);

void schedule_yield(void);

/* One tick of the timer for the current thread. */
void schedule_tick(void);

/* A thread's priority; moves it to the right queue. */
void schedule_set_priority(struct tcb *tcb, u8 priority);

/* The short way (fastpath.c): true if `tcb`, woken now by the current thread that stops, would run next. */
bool schedule_prefers(const struct tcb *tcb);

/* Makes `tcb`, running and in no queue, the current thread, nothing else being noted. */
void schedule_switch(struct tcb *tcb);

/* Chooses the next thread; afterwards it is `current`, in state running or idle, its pc set. */
void schedule(void);

#endif
