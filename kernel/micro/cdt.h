/*
 * The derivation order: which cap was derived from which.
 *
 * It is one ordered list through all non-empty slots (in practice many short ones: each boot-time cap and
 * each thread's master reply cap begins its own). A cap is inserted directly behind the one it came from, so
 * the descendants of a cap are the slots that follow it, as far as slot_is_parent() holds. Two flags make
 * that test exact:
 *
 *   original      may be a parent: the first cap to its object, or a cap that got a new badge
 *   first_badged  begins a run of caps with one badge: a cap of equal badge before it is not its parent
 *
 * All functions take constant time and cannot fail.
 * (seL4 Reference Manual, "Capability Spaces": deletion and revocation.)
 */
#ifndef KERNEL_MICRO_CDT_H
#define KERNEL_MICRO_CDT_H

#include "kernel/micro/cap.h"

/* Puts a cap nobody gave birth to into an empty slot, with a list of its own. */
void cdt_insert_root(struct slot *slot, struct cap cap);

/* A new object's cap (Retype) behind the untyped's. */
void cdt_insert_new(struct slot *slot, struct cap cap, struct slot *untyped);

/* A cap derived from the one in `source`. A copied untyped takes all of its source's memory with it. */
void cdt_insert(struct slot *slot, struct cap cap, struct slot *source);

/* Moves the cap of `from` to the empty slot `to`, as `cap` (the same one, or with another guard). */
void cdt_move(struct slot *to, struct cap cap, struct slot *from);

/* Exchanges two slots' places; each cap becomes the one given with it. */
void cdt_swap(struct slot *a, struct cap cap_for_b, struct slot *b, struct cap cap_for_a);

/* Empties a slot. Finalising is the caller's business. */
void cdt_remove(struct slot *slot);

/* True if `child`, a slot somewhere behind `parent` in the list, descends from it (given that all between
 * do). */
bool slot_is_parent(const struct slot *parent, const struct slot *child);

/* True if the next slot descends from this one. */
bool slot_has_children(const struct slot *slot);

/* True if no other cap to the same object exists. Equal objects are always neighbours. */
bool slot_is_final(const struct slot *slot);

#endif
