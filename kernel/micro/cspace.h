/*
 * CSpace lookups: from a number a program uses to a slot.
 *
 * Two kinds differ in what happens when a path ends early at a cap that is no CNode: a thread's own lookups
 * take that slot, operations on CNodes refuse it.
 */
#ifndef KERNEL_MICRO_CSPACE_H
#define KERNEL_MICRO_CSPACE_H

#include "kernel/micro/invoke.h"

/* Looks up `cptr` in the CSpace of `tcb`, 64 bits. NULL: *lookup says why. */
struct slot *cspace_lookup(const struct tcb *tcb, u64 cptr, struct lookup_failure *lookup);

/* Looks up exactly `depth` bits of `index` below `root`. `source`: how a failure is reported. */
enum result cnode_lookup(struct cap root, u64 index, u64 depth, bool source, struct slot **out);

/* The same without a report, for a receiver's slot. NULL if it cannot be used. */
struct slot *cnode_try_lookup(struct cap root, u64 index, u64 depth);

/* Number of words that follow the type of a lookup failure when it is reported. */
u32 lookup_failure_details(const struct lookup_failure *lookup);

#endif
