/*
 * The order of sleeping locks, held while the system runs: for the debug build (sync_checked.c).
 *
 * A lock's class is its name. What docs/locking.md says is known from the start; every other pair is learned
 * the first time it is seen, and its reverse is refused from then on, even if the two threads never meet. Two
 * locks of one class are not compared: their service says which comes first.
 */
#ifndef PLACEMENT_MONO_LOCK_ORDER_H
#define PLACEMENT_MONO_LOCK_ORDER_H

#include "lib/types.h"

/* The running thread is about to take a lock. Fatal if that is against the order. */
void lock_order_take(const char *name);

/* It has let go of one. Fatal if it held none of that name. */
void lock_order_drop(const char *name);

/* Its thread ends. Fatal if it holds a lock. */
void lock_order_end(void);

#endif
