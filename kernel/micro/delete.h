/*
 * Deleting capabilities, and what happens to an object when its last one goes.
 *
 * Deleting the last cap to a CNode or TCB deletes all caps in it, and so on; deleting the last cap to an
 * endpoint or notification restarts all threads that wait there. Both may take long, so the work is cut into
 * short steps: between two of them the slot holds a zombie cap, which says what is left to do, and the
 * operation may stop there. Deleting the slot again, by the same thread or any other, continues it.
 * (seL4 Reference Manual, "Capability Spaces": deletion and revocation.)
 */
#ifndef KERNEL_MICRO_DELETE_H
#define KERNEL_MICRO_DELETE_H

#include "kernel/micro/invoke.h"

/* Deletes the cap of a slot; RESULT_PREEMPTED: not finished. An empty slot is fine. */
enum result slot_delete(struct slot *slot);

/* Deletes the descendants of a slot's cap; RESULT_PREEMPTED: not finished. */
enum result slot_revoke(struct slot *slot);

/* Deletes a cap whose deletion is one step: no zombie, nor the last cap to what makes one. */
void slot_delete_simple(struct slot *slot);

/* True if deleting the slot's cap might take many steps. */
bool slot_delete_is_long(const struct slot *slot);

#endif
