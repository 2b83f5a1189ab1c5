/*
 * The backings: see backing.h.
 *
 * Called by: pages.c, for each page at its birth.
 * Not here:  which pages are born when (pages.c), and the copies made by writes after a fork (pages.c).
 */
#include "service/xmap/backing.h"
#include "lib/string.h"

static enum err fill_zero(u64 offset, void *page)
{
    (void)offset;
    page_zero(page);
    return ERR_OK;
}

const struct xmap_backing xmap_backings[BACKING_COUNT] = {
    [BACKING_ZERO] = {"zero", fill_zero},
};
