/*
 * mono: what the monolithic kernel supplies to the ports. Published for placement/mono; the kernel's files
 * share it too.
 *
 * Kernel threads run with interrupts on and may be preempted anywhere but under a spinlock. Lock order: a
 * sleeping lock (placement/mono/sync.c) before `spin` locks; of those, only one at a time is held.
 */
#ifndef KERNEL_MONO_MONO_H
#define KERNEL_MONO_MONO_H

#include "lib/err.h"
#include "lib/types.h"
#include "machine/arch.h"

/* ---- Spinlocks: short sections, interrupts off. ---- */

struct mono_spin {
    u32 held;
};

/* Interrupts off, lock taken; returns whether interrupts were on, for the unlock. Not recursive. */
bool mono_spin_lock(struct mono_spin *spin);
void mono_spin_unlock(struct mono_spin *spin, bool interrupts);

/* ---- Threads ---- */

#define MONO_THREADS     96
#define MONO_STACK_PAGES 4

enum mono_thread_state {
    THREAD_FREE,    /* its slot may be taken */
    THREAD_READY,   /* in a run queue */
    THREAD_RUNNING, /* on a hart */
    THREAD_BLOCKED, /* in a wait list, or until its deadline, or both */
    THREAD_ENDED,   /* has left; becomes FREE once its hart is off its stack */
};

/* Who runs first: services before programs' threads; within a class in turn. */
enum mono_thread_class { CLASS_SERVICE, CLASS_PROGRAM, CLASS_COUNT };

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

struct mono_list {
    struct mono_thread *head, *tail;
};

struct mono_thread *mono_current(void);

/* ERR_NO_SLOT when all MONO_THREADS exist. The thread is ready at once. */
enum err mono_thread_start(const char *name, enum mono_thread_class class, void (*entry)(void *),
                           void *argument);
_Noreturn void mono_thread_exit(void);
u32 mono_threads_free(void);

/* The scheduler's lock guards all lists of threads, the placement's wait lists included. */
bool mono_schedule_lock(void);
void mono_schedule_unlock(bool interrupts);

/*
 * With the scheduler's lock held: the running thread goes to the end of `list` (NULL: waits for the deadline
 * alone) and gives up its hart until mono_wake() or the deadline. The lock is held again on return. Returns
 * false on the deadline.
 */
bool mono_block(struct mono_list *list, u64 deadline);

/* With the scheduler's lock held: the first thread of `list` becomes ready. NULL if there was none. */
struct mono_thread *mono_wake(struct mono_list *list);

/* Lets others of the same class run. */
void mono_yield(void);

/* For who() of a panic. */
const char *mono_thread_name(void);

/* ---- Interrupts ---- */

/* Handles a timer or external interrupt; may switch threads. Interrupts off on entry and return. */
void mono_interrupt(u64 cause);

/* Opens the line, waits for the next interrupt or the deadline (false), leaves the line masked. */
bool mono_irq_wait(u32 irq, u64 deadline);

/* ---- Frames: all memory that is not the kernel's image, numbered from the start of memory ---- */

void mono_frames_init(void);
u32 mono_frames_total(void);
u64 mono_frames_free(void);
enum err mono_frame_alloc(u32 *frame);
void mono_frame_free(u32 frame); /* panics if it is free already */
paddr mono_frame_address(u32 frame);
u32 mono_frame_number(paddr address);

/* Contiguous zeroed memory for good, page-aligned; at boot only. NULL if there is no such room. */
void *mono_boot_alloc(u64 size);

/* ---- Time ---- */

u64 mono_nanoseconds(void);        /* since power-on */
u64 mono_time_of(u64 nanoseconds); /* the board time at which that moment comes; ~0 for ~0 */

/* ---- Start ---- */

/* Defined by the placement: starts the services, in a thread of its own. */
void placement_start(void *unused);

void mono_threads_init(void);

#endif
