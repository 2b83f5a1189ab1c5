/*
 * The kernel's own: spinlocks, threads from the inside, interrupts. What the placement may ask for is in
 * kernel/mono/mono.h.
 */
#ifndef KERNEL_MONO_THREAD_H
#define KERNEL_MONO_THREAD_H

#include "kernel/mono/mono.h"
#include "machine/arch.h"

/* ---- Spinlocks: short sections, interrupts off ---- */

struct mono_spin {
    u32 held;
};

/* Interrupts off, lock taken; returns whether interrupts were on, for the unlock. Not recursive. */
bool mono_spin_lock(struct mono_spin *spin);
void mono_spin_unlock(struct mono_spin *spin, bool interrupts);

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
    struct arch_switch context;
    enum mono_thread_state state; /* the rest of this structure: under the scheduler's lock */
    enum mono_thread_class class;
    struct mono_thread *next, *prev; /* run queue or wait list */
    struct mono_list *list;          /* the list it waits in, NULL if none */
    struct mono_thread *later;       /* in deadline order */
    u64 deadline;                    /* board time; ~0 none */
    bool timed_out;
    u64 stack_low, stack_top; /* fixed at boot */
    const char *name;
    void (*entry)(void *);
    void *argument;
    u32 index; /* fixed */
};

void threads_init(void);

/* Lets others of the same class run. */
void thread_yield(void);

/* The timer has fired, interrupts are off: wakes whose deadline has come. True if the running thread should
 * yield. */
bool thread_timer(void);

/* The boot stack's end: runs when nobody else does. */
_Noreturn void thread_idle(void);

/* For a panic: the running thread's name (NULL: none), and the bounds of its stack if `sp` lies on it. */
const char *thread_name(void);
bool thread_stack(u64 sp, u64 *low, u64 *high);

/* ---- Interrupts and frames ---- */

/* Handles a timer or external interrupt; may switch threads. Interrupts off on entry and return. */
void interrupt_handle(u64 cause);

void frames_init(void);
paddr frame_address(u32 frame);
u32 frame_number(paddr address);

#endif
