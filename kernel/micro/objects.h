/*
 * The objects behind capabilities. Their sizes are part of the API: programs cut untyped memory into exactly
 * these.
 *
 * The kernel runs on one hart with interrupts off and finishes (or unwinds) each trap before the next, so
 * nothing here has a lock. New objects lie on zeroed memory, and zero is a valid initial state of each.
 */
#ifndef KERNEL_MICRO_OBJECTS_H
#define KERNEL_MICRO_OBJECTS_H

#include "kernel/micro/cap.h"

struct tcb;

/* Threads waiting in order of arrival, linked through tcb.wait_next and wait_prev. */
struct wait_queue {
    struct tcb *head, *tail;
};

/* Whether senders or receivers wait is told by the state of the first of them. */
struct endpoint {
    struct wait_queue queue;
};

/* Active: signalled, nobody has taken it yet. Waiting: threads are queued. Else idle. Never both. */
struct notification {
    struct wait_queue queue;
    u64 badge; /* if active */
    u64 active : 1;
    u64 bound_bits : 63; /* the bound TCB's address without its lowest bit */
};

static inline struct tcb *notification_bound(const struct notification *notification)
{
    return (struct tcb *)((u64)notification->bound_bits << 1);
}

enum thread_state {
    THREAD_INACTIVE,
    THREAD_RUNNING,
    THREAD_RESTART, /* runnable; repeats the instruction at fault_pc */
    THREAD_BLOCKED_ON_RECEIVE,
    THREAD_BLOCKED_ON_SEND,
    THREAD_BLOCKED_ON_REPLY,
    THREAD_BLOCKED_ON_NOTIFICATION,
    THREAD_IDLE, /* only the kernel's own placeholder for "nobody" */
};

/* Why a CSpace lookup failed; the words are those the API reports, in its order. */
struct lookup_failure {
    u64 type; /* seL4_LookupFailureType */
    u64 bits_left;
    u64 found; /* depth mismatch: bits; guard mismatch: the guard */
    u64 guard_size;
};

/* A fault not yet answered. */
struct fault {
    u64 type;    /* seL4_FaultType */
    u64 address; /* VM fault, cap fault */
    u64 code; /* VM fault: status (5 load, 7 store, 1 fetch); user exception, unknown system call: number */
    bool receiving; /* cap fault: in the receive phase */
    struct lookup_failure lookup;
};

/* A search of an endpoint's queue for senders with a badge (CancelBadgedSends). */
struct scan {
    struct endpoint *endpoint;
    u64 badge;
    u64 number; /* no two have the same */
};

/* The five cap slots of a thread. Deletion empties them from the last to the first. */
enum tcb_slot {
    TCB_CSPACE,
    TCB_VSPACE,
    TCB_REPLY,  /* the master reply cap: the reply cap others hold is its only child */
    TCB_CALLER, /* the reply cap to whoever called this thread last */
    TCB_BUFFER,
    TCB_SLOTS,
};

#define TCB_NAME_MAX 64

struct tcb {
    struct slot slots[TCB_SLOTS];
    struct arch_frame frame; /* frame.pc: where it goes on */
    u64 fault_pc;            /* the instruction that trapped last; where a restart goes on */
    u64 space;               /* the hart's word for its address space, */
    u64 space_known;         /* true as long as this equals vspace_changes (vspace.h) */

    u8 state; /* enum thread_state */
    u8 priority;
    u8 max_priority; /* the highest this thread may give to others */
    u8 slice;        /* ticks left */
    bool queued;     /* in a ready queue */
    u8 flags;        /* seL4_TCBFlag */
    struct tcb *ready_next, *ready_prev;

    /* Waiting: for which object, its queue's links, and what the cap used for it said. */
    void *waiting_for; /* struct endpoint or notification, as the state says */
    struct tcb *wait_next, *wait_prev;
    u64 wait_badge;     /* sender */
    bool wait_grant;    /* sender and receiver */
    bool wait_can_call; /* sender: a reply cap may be made */
    bool wait_call;     /* sender: expects a reply */
    u64 passed_by;      /* sender: the last scan of the queue that let it wait on */
    struct scan scan;   /* the one this thread was preempted in, of number 0 if none */

    struct fault fault; /* type 0: none */
    u64 fault_handler;  /* CPtr in the thread's own CSpace */
    u64 buffer_address; /* of the IPC buffer, in the thread's own addresses */
    struct notification *bound;

    struct arch_fpu fpu; /* valid unless the thread owns the unit (fpu.c) */

    struct tcb *all_next, *all_prev; /* debug builds: every TCB there is */
    char name[TCB_NAME_MAX];         /* debug builds: from seL4_DebugNameThread */
};

struct asid_pool {
    u64 *root[1u << seL4_ASIDPoolIndexBits]; /* root table of each ASID, NULL if free */
};

_Static_assert(sizeof(struct endpoint) == 1u << seL4_EndpointBits, "endpoint");
_Static_assert(sizeof(struct notification) == 1u << seL4_NotificationBits, "notification");
_Static_assert(sizeof(struct tcb) <= 1u << seL4_TCBBits, "TCB");
_Static_assert(sizeof(struct asid_pool) == 1u << seL4_ASIDPoolBits, "ASID pool");
_Static_assert(_Alignof(struct slot) >= 8, "the two lowest bits of a slot's address are 0");

extern struct tcb *current; /* the running thread; &idle_thread if none (schedule.c) */

#define USER_TABLE_ENTRIES (ARCH_TABLE_ENTRIES / 2) /* of a root table; the rest is the kernel's */

static inline bool thread_runnable(const struct tcb *tcb)
{
    return tcb->state == THREAD_RUNNING || tcb->state == THREAD_RESTART;
}

static inline struct cap thread_cap(const struct tcb *tcb, enum tcb_slot slot)
{
    return tcb->slots[slot].cap;
}

#endif
