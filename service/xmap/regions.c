/*
 * Regions: which addresses of a space are set aside, and how.
 *
 * The regions of a space never overlap and are linked in address order; every search below relies on both,
 * and each ends after XMAP_REGIONS_A_SPACE links at the latest.
 *
 * Called by: the operations (xmap.c), the page work (pages.c), the restart (restart.c).
 * Locking:   xmap_lock, held by the caller.
 * Fails:     ERR_NO_SLOT, before anything has changed.
 * Not here:  the pages of a region (pages.c).
 */
#include "service/xmap/state.h"

u32 xmap_region_below(u32 space, uaddr address)
{
    const struct xmap_region *regions = xmap_kept->regions;
    u32 below = XMAP_NO_REGION;

    for (u32 i = xmap_kept->spaces[space].first; i != XMAP_NO_REGION && regions[i].start < address;
         i = regions[i].next)
        below = i;
    return below;
}

u32 xmap_region_at(u32 space, uaddr address)
{
    if (address >= PORT_USER_END)
        return XMAP_NO_REGION;
    u32 index = xmap_region_below(space, address + 1);

    if (index == XMAP_NO_REGION ||
        address - xmap_kept->regions[index].start >= xmap_kept->regions[index].size)
        return XMAP_NO_REGION;
    return index;
}

u32 xmap_region_starting(u32 space, uaddr start)
{
    u32 index = xmap_region_at(space, start);

    return index != XMAP_NO_REGION && xmap_kept->regions[index].start == start ? index : XMAP_NO_REGION;
}

bool xmap_region_fits(u32 space, uaddr start, u64 size)
{
    u32 below = xmap_region_below(space, start + size);

    return below == XMAP_NO_REGION || xmap_region_end(&xmap_kept->regions[below]) <= start;
}

uaddr xmap_region_hole(u32 space, u64 size)
{
    u64 hole_start = 0;
    u64 found = 0;

    if (size > PORT_USER_END - 2 * PAGE_SIZE)
        return 0;
    for (u32 i = xmap_kept->spaces[space].first;; i = xmap_kept->regions[i].next) {
        u64 hole_end = i == XMAP_NO_REGION ? PORT_USER_END : xmap_kept->regions[i].start;

        if (hole_end - hole_start >= size + 2 * PAGE_SIZE)
            found = hole_end - PAGE_SIZE - size;
        if (i == XMAP_NO_REGION)
            return found;
        hole_start = xmap_region_end(&xmap_kept->regions[i]);
    }
}

/* Makes `index` follow `previous` in the list of the space, or lead it. */
static void region_link(struct xmap_space *record, u32 previous, u32 index)
{
    if (previous == XMAP_NO_REGION)
        record->first = (u16)index;
    else
        xmap_kept->regions[previous].next = (u16)index;
}

enum err xmap_region_insert(u32 space, const struct xmap_region *region)
{
    struct xmap_space *record = &xmap_kept->spaces[space];
    u32 index = xmap_kept->free_region;

    if (index == XMAP_NO_REGION || record->regions >= XMAP_REGIONS_A_SPACE)
        return ERR_NO_SLOT;
    struct xmap_region *fresh = &xmap_kept->regions[index];
    u32 previous = xmap_region_below(space, region->start);

    port_keep_begin(record, sizeof(*record));
    port_keep_begin(fresh, sizeof(*fresh));
    port_keep_begin(&xmap_kept->free_region, sizeof(xmap_kept->free_region));
    if (previous != XMAP_NO_REGION)
        port_keep_begin(&xmap_kept->regions[previous], sizeof(*fresh));
    xmap_kept->free_region = fresh->next;
    *fresh = *region;
    fresh->space = (u8)space;
    fresh->next = previous == XMAP_NO_REGION ? record->first : xmap_kept->regions[previous].next;
    region_link(record, previous, index);
    record->regions++;
    return ERR_OK;
}

void xmap_region_remove(u32 space, u32 index)
{
    struct xmap_space *record = &xmap_kept->spaces[space];
    struct xmap_region *region = &xmap_kept->regions[index];
    u32 previous = xmap_region_below(space, region->start);

    port_keep_begin(region, sizeof(*region));
    port_keep_begin(&xmap_kept->free_region, sizeof(xmap_kept->free_region));
    if (previous != XMAP_NO_REGION)
        port_keep_begin(&xmap_kept->regions[previous], sizeof(*region));
    region_link(record, previous, region->next);
    record->regions--;
    region->state = REGION_FREE;
    region->next = (u16)xmap_kept->free_region;
    xmap_kept->free_region = index;
}
