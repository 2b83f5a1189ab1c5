/*
 * The kernel's invariants, walked through. For debug builds and for the tests on the developer's computer.
 *
 * Each function returns NULL, or the name of the first invariant found broken.
 */
#ifndef KERNEL_MICRO_CHECK_H
#define KERNEL_MICRO_CHECK_H

#include "kernel/micro/objects.h"

/* The derivation list that begins at `head`: links, order, the memory of untyped caps; that what its caps
 * name is there, and that what lies in its memory and is pointed to has a cap. `threads`: all there are. */
const char *check_list(const struct slot *head, const struct tcb *threads);

/* One thread: its state against the queues and reply caps. */
const char *check_thread(const struct tcb *tcb, const struct tcb *running);

/* Every mapping in every address space, after check_list() of all lists. */
const char *check_mappings(void);

/* All threads, all slots in their TCBs and in the CNodes that can be reached from them, and the lists of
 * those. */
const char *check_kernel(const struct tcb *threads, const struct tcb *running);

#endif
