/*
 * Backings: where the bytes of a region come from. Private to service/xmap.
 *
 * A row of the table in backing.c is all that the rest of xmap knows of one.
 */
#ifndef SERVICE_XMAP_BACKING_H
#define SERVICE_XMAP_BACKING_H

#include "lib/err.h"
#include "lib/types.h"

enum xmap_backing_number {
    BACKING_ZERO, /* memory of the program's own: zeroes at first */
    BACKING_COUNT,
};

struct xmap_backing {
    const char *name;
    /* Puts the content of the page at `offset` of its region into a fresh frame. Does not wait.
     * ERR_NO_MEMORY. */
    enum err (*fill)(u64 offset, void *page);
};

extern const struct xmap_backing xmap_backings[BACKING_COUNT];

#endif
