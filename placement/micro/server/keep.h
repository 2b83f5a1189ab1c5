/* The start of a server that keeps state. */
#ifndef PLACEMENT_MICRO_SERVER_KEEP_H
#define PLACEMENT_MICRO_SERVER_KEEP_H

#include "lib/types.h"

/* Undoes the step that a death left open. False if the undo record itself is damaged. Called once, first of
 * all. */
bool server_keep_recover(void);

#endif
