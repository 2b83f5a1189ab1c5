/*
 * mono: what the monolithic kernel supplies to the ports. Published for placement/mono; what the kernel's
 * files share among themselves is in kernel/mono/thread.h and space.h.
 *
 * Kernel threads run with interrupts on and may be preempted anywhere but under a spinlock, and go on
 * on any hart. Lock order: sleeping locks (placement/common/sync.c) before spinlocks (kernel/mono/spin.h).
 * Times named `deadline` are board time, as mono_time_of() makes it.
 */
#ifndef KERNEL_MONO_MONO_H
#define KERNEL_MONO_MONO_H

#include "lib/err.h"
#include "lib/types.h"
#include "machine/arch.h"
#include <stdarg.h>

/* ---- Threads ---- */

#define MONO_THREADS 96

/* Who runs first: services before programs' threads; within a class in turn. */
enum mono_thread_class { CLASS_SERVICE, CLASS_PROGRAM, CLASS_COUNT };

struct mono_thread;

/* First come, first served; all zero is empty. */
struct mono_list {
    struct mono_thread *head, *tail;
};

/* The beginning of struct mono_thread. */
struct mono_thread_head {
    u32 index; /* fixed; below MONO_THREADS */
};

static inline struct mono_thread *mono_current(void)
{
    return arch_current();
}

/* Of the running thread. */
static inline u32 mono_thread_index(void)
{
    return ((const struct mono_thread_head *)arch_current())->index;
}

/* ERR_NO_SLOT when all MONO_THREADS exist. The thread is ready at once; `name` is kept, not copied. */
enum err mono_thread_start(const char *name, enum mono_thread_class class, void (*entry)(void *),
                           void *argument);
_Noreturn void mono_thread_exit(void);
u32 mono_threads_free(void);

/* The wait lock guards the placement's wait lists. Not recursive; no call into a service under it. */
bool mono_schedule_lock(void);
void mono_schedule_unlock(bool interrupts);

/*
 * With the wait lock held: the running thread goes to the end of `list` (NULL: waits for the deadline
 * alone) and gives up its hart until mono_wake() or the deadline. The lock is held again on return. Returns
 * false on the deadline.
 */
bool mono_block(struct mono_list *list, u64 deadline);

/* With the wait lock held: the first thread of `list` becomes ready. NULL if there was none. */
struct mono_thread *mono_wake(struct mono_list *list);

/* ---- Frames: all memory that is not the kernel's image, numbered from the start of memory ---- */

u32 mono_frames_total(void);
u64 mono_frames_free(void);
u64 mono_memory_size(void);            /* bytes of the machine */
enum err mono_frame_alloc(u32 *frame); /* ERR_NO_MEMORY; its bytes are whatever they were */
void mono_frame_free(u32 frame);       /* panics if it is free already */
void *mono_frame_bytes(u32 frame);     /* NULL for a number out of range */

/* Contiguous zeroed memory for good, page-aligned; at boot only. NULL if there is no such room. */
void *mono_boot_alloc(u64 size);
void *mono_boot_alloc_raw(u64 size); /* the same, its bytes are whatever they were: for what is large */
paddr mono_physical(const void *memory);

/* ---- Address spaces, by number below MONO_SPACES; the caller's lock guards each ---- */

#define MONO_SPACES 72u
#define MONO_READ   1u
#define MONO_WRITE  2u
#define MONO_EXEC   4u

/*
 * The placement may hold sleeping locks here, no spinlock; nothing waits but for the other harts, which drop
 * what they remember of a changed page before the function returns. `space` is below MONO_SPACES; in one that
 * does not exist nothing is mapped, and mapping fails with ERR_NO_MEMORY.
 */
bool mono_space_exists(u32 space);
enum err mono_space_create(u32 space); /* ERR_EXISTS, ERR_RANGE, ERR_NO_MEMORY */
void mono_space_destroy(u32 space);    /* it exists and maps nothing (panics otherwise) */

/* One page at a page-aligned user address. ERR_MAPPED, ERR_NO_MEMORY; ERR_NOT_MAPPED from the other three. */
enum err mono_page_map(u32 space, uaddr address, u32 frame, u32 rights);
enum err mono_page_unmap(u32 space, uaddr address, u32 *frame);
enum err mono_page_protect(u32 space, uaddr address, u32 rights);
enum err mono_page_lookup(u32 space, uaddr address, u32 *frame, u32 *rights);

/* The lowest mapped page in [from, to), or `to`. */
uaddr mono_page_next(u32 space, uaddr from, uaddr to);

/* ---- User mode: the registers of programs ---- */

#define MONO_USERS 64u

struct mono_user;
struct mono_user *mono_user(u32 number); /* below MONO_USERS */

enum mono_trap_kind {
    MONO_TRAP_CALL,
    MONO_TRAP_PAGE_FAULT,
    MONO_TRAP_EXCEPTION,
    MONO_TRAP_INTERRUPTED, /* by mono_user_interrupt() */
};

/* Why a program came back; the fields that say nothing about its kind are left as they were. */
struct mono_trap {
    enum mono_trap_kind kind;
    u64 pc;     /* of the instruction; after a call the program resumes behind its ecall */
    u64 number; /* CALL: a7, and a0..a5 */
    u64 argument[6];
    u64 cause; /* PAGE_FAULT, EXCEPTION: scause and stval */
    u64 address;
    u32 access; /* PAGE_FAULT: MONO_READ, MONO_WRITE or MONO_EXEC */
};

/* All of these but mono_user_interrupt() are called by the one thread that serves the program, or, before
 * that thread runs, by the program's maker. No spinlock is held. */
void mono_user_reset(struct mono_user *user);
void mono_user_enter(struct mono_user *user, u64 pc, u64 sp, u64 a0, u64 a1); /* every other register zero */
void mono_user_copy(struct mono_user *to, const struct mono_user *from);
void mono_user_result(struct mono_user *user, u64 value); /* a0 */

/* Continues the program in `space`, which exists, until its next trap or mono_user_interrupt(). No lock of
 * any kind is held: the program may run for ever. */
void mono_user_run(struct mono_user *user, u64 space, struct mono_trap *trap);
void mono_user_interrupt(struct mono_user *user); /* from any thread */

/* ---- Devices and interrupts ---- */

/* The n-th device of this kind: its registers, their size in bytes, its interrupt (0 none). */
bool mono_device_find(const char *compatible, u32 n, void **window, u64 *size, u32 *irq);
void mono_device_fence(void);

/* Opens the line, waits for the next interrupt or the deadline (false), leaves the line masked. */
bool mono_irq_wait(u32 irq, u64 deadline);

/* ---- The machine ---- */

u64 mono_nanoseconds(void);        /* since power-on */
u64 mono_time_of(u64 nanoseconds); /* the board time at which that moment comes; ~0 for ~0 */

const char *mono_boot_arguments(void);
void mono_log(const char *format, va_list arguments);
_Noreturn void mono_panic(const char *text);
_Noreturn void mono_power_off(u32 code);

/* Defined by the placement: starts the services, in a thread of its own. */
void placement_start(void *unused);

#endif
