/*
 * The pulse of a priority: proof that every thread of it that could run did.
 *
 * Guest time goes on while the host does not run the guest, so time alone says nothing against a thread that
 * has not moved. A round does: for each watched server there is a thread of the supervisor's with the
 * server's priority, which yields once when asked. Threads of one priority take turns, so when it runs again
 * all the others that could run have come to wait, or have used up a slice.
 */
#ifndef PLACEMENT_MICRO_ROOT_PULSE_H
#define PLACEMENT_MICRO_ROOT_PULSE_H

#include "lib/types.h"

/* Once for each server that is watched, before the first of them starts. */
void pulse_prepare(u32 service, u64 priority);

/* Begins a round, unless one is under way. Returns how many rounds must be over until a whole one has passed
 * since now. */
u64 pulse_ask(u32 service);

/* How many rounds are over. */
u64 pulse_rounds(u32 service);

#endif
