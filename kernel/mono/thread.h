/*
 * The kernel's own: threads from the inside, interrupts, frames. What the placement may ask for is in
 * kernel/mono/mono.h.
 */
#ifndef KERNEL_MONO_THREAD_H
#define KERNEL_MONO_THREAD_H

#include "kernel/mono/mono.h"
#include "machine/arch.h"

/* ---- Threads ---- */

#define MONO_STACK_PAGES 4

enum mono_thread_state {
    THREAD_FREE,    /* its slot may be taken */
    THREAD_READY,   /* in a run queue */
    THREAD_RUNNING, /* on a hart */
    THREAD_BLOCKED, /* in a wait list, or until its deadline, or both */
    THREAD_ENDED,   /* has left; becomes FREE once its hart is off its stack */
};

struct mono_thread {
    struct mono_thread_head head;
    struct arch_switch context; /* under the ready lock, which is held across the switch */
    enum mono_thread_state state;
    struct mono_thread *next, *prev; /* run queue: ready lock; wait list: wait lock; free list: ready lock */
    struct mono_list *list;          /* the wait list it waits in, NULL if none: wait lock */
    struct mono_thread *later;       /* in deadline order: wait lock, as the next two */
    u64 deadline;                    /* board time; ~0 none */
    bool timed_out;
    enum mono_thread_class class; /* its own, or its starter's before it is ready */
    u64 stack_low, stack_top;     /* fixed at boot */
    const char *name;
    void (*entry)(void *);
    void *argument;
};

void threads_init(void);

/* After an interrupt, which is off still: wakes whose deadline has come, and lets another thread run if it
 * should come before the running one. */
void thread_interrupted(void);

/* The running thread serves a program from now on: those of services come before it. */
void thread_serves_program(void);

/* What every hart ends in: runs when nobody else does. Interrupts on. */
_Noreturn void thread_idle(void);

/* For a panic: the running thread's name (NULL: none), and the bounds of its stack if `sp` lies on it. */
const char *thread_name(void);
bool thread_stack(u64 sp, u64 *low, u64 *high);

/* ---- Interrupts and frames ---- */

/* Handles an interrupt; may switch threads, and the thread may be on another hart afterwards. Interrupts off
 * on entry and return. */
void interrupt_handle(u64 cause);

void frames_init(void);
paddr frame_address(u32 frame);
u32 frame_number(paddr address);

/* Like mono_frame_alloc() and mono_frame_free(), for a frame that is all 0. */
enum err frame_alloc_zeroed(u32 *frame);
void frame_free_zeroed(u32 frame);

#endif
