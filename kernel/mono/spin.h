/*
 * Spinlocks: short sections with interrupts off.
 *
 * There are two implementations of this header: spin.c, and for the debug build spin_checked.c, which also
 * holds the order below, knows who holds a lock, and counts how often a lock was not free.
 *
 * Order: a lock may be taken while locks of a lower rank are held. Never across a call into a service.
 */
#ifndef KERNEL_MONO_SPIN_H
#define KERNEL_MONO_SPIN_H

#include "lib/types.h"

enum spin_rank {
    RANK_WAIT = 1, /* thread.c: wait lists, deadlines, interrupt lines */
    RANK_READY,    /* thread.c: who runs next, and the switch to it */
    RANK_FRAMES,   /* frames.c: the free frames of all */
};

struct mono_spin {
    u32 held; /* 1 while taken */
    enum spin_rank rank;
    const char *name;
    u64 owner; /* debug: the address behind the call that took it, and how often it was taken and awaited */
    u64 hart;
    u64 taken, awaited;
};

#define MONO_SPIN(rank_, name_)                                                                              \
    {                                                                                                        \
        .rank = (rank_), .name = (name_)                                                                     \
    }

/* Interrupts off, lock taken; returns whether interrupts were on, for the unlock. Not recursive. */
bool mono_spin_lock(struct mono_spin *spin);
void mono_spin_unlock(struct mono_spin *spin, bool interrupts);

/* The same where interrupts are off already, and stay off. */
void spin_take(struct mono_spin *spin);
void spin_drop(struct mono_spin *spin);

#endif
