/*
 * CSpace lookups: from a number a program uses to a slot.
 *
 * Two kinds differ in what happens when a path ends early at a cap that is no CNode: a thread's own lookups
 * take that slot, operations on CNodes refuse it.
 */
#ifndef KERNEL_MICRO_CSPACE_H
#define KERNEL_MICRO_CSPACE_H

#include "kernel/micro/invoke.h"

/* The general case of cspace_lookup(). */
struct slot *cspace_walk(const struct tcb *tcb, u64 cptr, struct lookup_failure *lookup);

/* The slot that the first CNode of a lookup of 64 bits leads to, NULL if `root` is none or its guard does not
 * agree. Guards of no bits are left to the general case. *left bits of the path remain. */
static inline struct slot *cspace_first(const struct cap *root, u64 cptr, u32 *left)
{
    u32 guard_size = root->guard_size, radix = (u32)root->size - seL4_SlotBits;

    if (root->type != CAP_CNODE || guard_size == 0 || cptr >> (seL4_WordBits - guard_size) != root->guard)
        return NULL;
    *left = seL4_WordBits - guard_size - radix;
    return (struct slot *)arch_direct(root->address) + (cptr << guard_size >> (seL4_WordBits - radix));
}

/* The slot if the first CNode decides it, as in most lookups: what it holds there is no further CNode to go
 * on with. Else NULL. */
static inline struct slot *cspace_direct(const struct tcb *tcb, u64 cptr)
{
    u32 left;
    struct slot *slot = cspace_first(&tcb->slots[TCB_CSPACE].cap, cptr, &left);

    return slot && left && slot->cap.type == CAP_CNODE ? NULL : slot;
}

/* Looks up `cptr` in the CSpace of `tcb`, 64 bits. NULL: *lookup says why. */
static inline struct slot *cspace_lookup(const struct tcb *tcb, u64 cptr, struct lookup_failure *lookup)
{
    struct slot *slot = cspace_direct(tcb, cptr);
    return slot ? slot : cspace_walk(tcb, cptr, lookup);
}

/* Looks up exactly `depth` bits of `index` below `root`. `source`: how a failure is reported. */
enum result cnode_lookup(const struct cap *root, u64 index, u64 depth, bool source, struct slot **out);

/* The same without a report, for a receiver's slot. NULL if it cannot be used. */
struct slot *cnode_try_lookup(const struct cap *root, u64 index, u64 depth);

/* Number of words that follow the type of a lookup failure when it is reported. */
u32 lookup_failure_details(const struct lookup_failure *lookup);

#endif
