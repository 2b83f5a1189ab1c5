/*
 * What mono keeps for each hart. Only the hart itself writes its structure, with interrupts off; others may
 * read what is marked "read by others".
 */
#ifndef KERNEL_MONO_HART_H
#define KERNEL_MONO_HART_H

#include "kernel/mono/thread.h"
#include "machine/arch.h"

#define NO_SPACE (~0ul)

/* A program's registers, and what its thread should know before it goes on: see user.c. */
struct mono_user {
    struct arch_frame frame; /* first: arch_user_run() gives it back */
    u32 attention;           /* bits; taken by the thread that serves the program */
    u64 space;               /* where it runs, while a hart's `active` names it */
    struct mono_trap *trap;  /* where mono_user_run() puts its answer */
};

struct mono_hart {
    struct arch_hart *arch;
    u64 slice_end; /* until when its thread may run while others wait */
    u64 timer;     /* what its timer is set to */
    u64 kick;      /* harts to interrupt once the lock on the wait lists is released: bits by index */
    struct mono_thread *ended; /* gave the hart away for ever; its stack is free once it has been left */
    struct mono_thread idle;   /* runs when nobody else does */

    /* space.c and user.c */
    u64 space;                         /* whose tables are loaded. Read by others */
    struct mono_user *volatile active; /* the program in user mode, or NULL. Read by others */
    u64 seen[MONO_SPACES];             /* the generation of each space that this hart's translations are of */
    const u64 *generation;             /* of the loaded space: what it is now, */
    u64 generation_seen;               /* and seen[] of it */
};

extern struct mono_hart mono_harts[ARCH_HARTS_MAX];
extern u32 mono_hart_count; /* constant once harts_start() is through */

/* With interrupts off. */
static inline struct mono_hart *hart_self(void)
{
    return arch_kernel_data();
}

/* Sets up the boot hart's structure; then, later, starts the others. */
void harts_init(void);
void harts_start(void);

/* Interrupts the hart with this index. */
void hart_kick(u32 index);

/* For a panic. */
void harts_stop_others(void);

#endif
