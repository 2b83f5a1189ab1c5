/*
 * CSpace lookups: from a number a program uses to a slot.
 *
 * Two kinds differ in what happens when a path ends early at a cap that is no CNode: a thread's own lookups
 * take that slot, operations on CNodes refuse it.
 * (seL4 Reference Manual, "Capability Spaces".)
 */
#ifndef KERNEL_MICRO_CSPACE_H
#define KERNEL_MICRO_CSPACE_H

#include "kernel/micro/invoke.h"

/* The general case of cspace_lookup(). */
struct slot *cspace_walk(const struct tcb *tcb, u64 cptr, struct lookup_failure *lookup);

/*
 * One step of a lookup: the slot that the CNode leads to, NULL if `cnode` is none, its guard does not agree
 * or the path is too short. Guards of no bits are left to the general case. `path` has *left bits, which
 * stand highest; the step takes its own off. (No CNode translates more than a word has.)
 */
ALWAYS_INLINE struct slot *cspace_enter(const struct cap *cnode, u64 *path, u32 *left)
{
    u32 guard_size = cnode->guard_size, radix = (u32)cnode->size - seL4_SlotBits;

    if (cnode->type != CAP_CNODE || guard_size == 0 || *path >> (seL4_WordBits - guard_size) != cnode->guard)
        return NULL;
    if (*left != seL4_WordBits && guard_size + radix > *left)
        return NULL;
    u64 index = *path << guard_size >> (seL4_WordBits - radix);
    *left -= guard_size + radix;
    *path = *left ? *path << (guard_size + radix) : 0;
    return (struct slot *)arch_direct(cnode->address) + index;
}

/* True if a lookup with so many bits left ends at the slot: there is no further CNode to go on with. */
static inline bool cspace_is_end(const struct slot *slot, u32 left)
{
    return left == 0 || slot->cap.type != CAP_CNODE;
}

/* The slot if the first CNode decides it, as in most lookups. Else NULL. */
static inline struct slot *cspace_direct(const struct tcb *tcb, u64 cptr)
{
    u32 left = seL4_WordBits;
    struct slot *slot = cspace_enter(&tcb->slots[TCB_CSPACE].cap, &cptr, &left);

    return slot && cspace_is_end(slot, left) ? slot : NULL;
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
