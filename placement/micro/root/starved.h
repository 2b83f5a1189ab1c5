/*
 * A server that keeps all below it from running, whatever its record says of its threads: one in a loop while
 * it is said to wait, or to have nothing to do.
 */
#ifndef PLACEMENT_MICRO_ROOT_STARVED_H
#define PLACEMENT_MICRO_ROOT_STARVED_H

#include "placement/micro/root/process.h"

/* Once, after the pulses of the servers. */
void starved_prepare(void);

/* To be called at each look of watch.c. The server to blame, or NULL. */
struct server *starved_look(void);

#endif
