/*
 * What placement/common/sync.c asks of a kernel placement: one guard over all wait lists, and threads to
 * block and wake.
 */
#ifndef PLACEMENT_COMMON_SYNC_H
#define PLACEMENT_COMMON_SYNC_H

#include "lib/types.h"

struct sync_thread; /* the placement's; at least 2-byte aligned */

/* A wait list, first come first served. All zero is empty. The placement links its threads in it. */
struct sync_list {
    struct sync_thread *head, *tail;
};

struct sync_thread *sync_self(void);

/* Short sections, never nested, no waiting but sync_block(). The result of one goes to the other. */
bool sync_guard(void);
void sync_unguard(bool token);

/* Under the guard: the caller goes to the end of `list` and waits until woken (true) or until the deadline in
 * nanoseconds (false; PORT_FOREVER: none). The guard is open meanwhile and closed again on return. */
bool sync_block(struct sync_list *list, u64 deadline);

/* Under the guard: takes the first thread off the list and lets it go on. NULL if there is none. */
struct sync_thread *sync_wake(struct sync_list *list);

#endif
