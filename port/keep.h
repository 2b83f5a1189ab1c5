/*
 * Port: state that outlives a death of the service. Needed by xmap, fs and console.
 *
 * A service keeps one structure. It changes in steps that a death cannot tear: port_keep_begin() saves what
 * the next stores will overwrite, port_keep_commit() forgets what was saved. After a death between the two
 * the placement writes the saved bytes back before the new generation starts. On mono nothing survives, and
 * both calls only check that they are paired.
 */
#ifndef PORT_KEEP_H
#define PORT_KEEP_H

#include "lib/types.h"

/* The service's kept structure, page-aligned; `size` must be the same in each generation. All zero at the
 * very first start. Called once, at start; lives as long as the system. NULL if the placement lacks the
 * memory. */
void *port_keep_memory(u64 size);

/* Opens a step, or widens the open one by this range inside the kept structure. The caller holds the lock
 * that guards the range. At most PORT_KEEP_BYTES a step in at most PORT_KEEP_RANGES ranges (fatal: "kept step
 * too long"). */
#define PORT_KEEP_BYTES  512
#define PORT_KEEP_RANGES 8
void port_keep_begin(void *range, u64 size);

/* Closes the step: from here on the stores stay. Fatal if no step is open. One step at a time per service. */
void port_keep_commit(void);

#endif
