/*
 * Regions: which addresses of a space are set aside, and how.
 *
 * The regions of a space never overlap and are linked in address order; every search below relies on both,
 * and each ends after XMAP_REGIONS_A_SPACE links at the latest.
 *
 * A region that no space's list reaches is free, whatever it says: so a restart finds it. The free list and
 * the state of regions outside all lists need no step of port/keep.h therefore.
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

bool xmap_region_fits(u32 space, uaddr start, u64 size, u32 *below)
{
    *below = xmap_region_below(space, start + size);
    return *below == XMAP_NO_REGION || xmap_region_end(&xmap_kept->regions[*below]) <= start;
}

uaddr xmap_region_hole(u32 space, u64 size, u32 *below)
{
    const struct xmap_region *regions = xmap_kept->regions;
    u64 room = size + 2 * PAGE_SIZE;
    u64 hole_start = 0;
    u64 found = 0;
    u32 last = XMAP_NO_REGION;

    *below = XMAP_NO_REGION;
    if (size > PORT_USER_END - 2 * PAGE_SIZE)
        return 0;
    for (u32 i = xmap_kept->spaces[space].first; i != XMAP_NO_REGION;) {
        const struct xmap_region *region = &regions[i];

        if (region->start - hole_start >= room) {
            found = region->start - PAGE_SIZE - size;
            *below = last;
        }
        hole_start = xmap_region_end(region);
        last = i;
        i = region->next;
    }
    if (PORT_USER_END - hole_start < room)
        return found;
    *below = last;
    return PORT_USER_END - PAGE_SIZE - size;
}

u32 xmap_regions_count(u32 space)
{
    u32 count = 0;

    for (u32 i = xmap_kept->spaces[space].first; i < XMAP_REGIONS && count <= XMAP_REGIONS_A_SPACE;
         i = xmap_kept->regions[i].next)
        count++;
    return count;
}

static void region_free(u32 index)
{
    xmap_kept->regions[index].state = REGION_FREE;
    xmap_kept->regions[index].next = (u16)xmap_kept->free_region;
    xmap_kept->free_region = index;
}

/* What a death must find in this order is stored in this order. */
static inline void then(void)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* No step: the region is complete before one store of 16 bits makes it part of the list. Before that store it
 * is one that no list reaches, which a restart frees; after it only the count is behind. */
enum err xmap_region_insert(u32 space, u32 below, const struct xmap_region *region)
{
    struct xmap_space *record = &xmap_kept->spaces[space];
    u32 index = xmap_kept->free_region;
    u16 *link = below == XMAP_NO_REGION ? &record->first : &xmap_kept->regions[below].next;

    if (index == XMAP_NO_REGION || record->regions >= XMAP_REGIONS_A_SPACE)
        return ERR_NO_SLOT;
    struct xmap_region *fresh = &xmap_kept->regions[index];

    xmap_kept->free_region = fresh->next;
    *fresh = *region;
    fresh->space = (u8)space;
    fresh->next = *link;
    then();
    *link = (u16)index;
    then();
    record->regions++;
    return ERR_OK;
}

/* The region stays what it is until the step is closed, in which it may still be taken back. */
void xmap_region_remove(u32 space, u32 index)
{
    struct xmap_space *record = &xmap_kept->spaces[space];
    u32 below = xmap_region_below(space, xmap_kept->regions[index].start);
    u16 *link = below == XMAP_NO_REGION ? &record->first : &xmap_kept->regions[below].next;

    if (below != XMAP_NO_REGION)
        port_keep_begin(link, sizeof(*link));
    *link = xmap_kept->regions[index].next;
    record->regions--;
    port_keep_commit();
    region_free(index);
}

void xmap_regions_clear(u32 space)
{
    struct xmap_space *record = &xmap_kept->spaces[space];
    u32 next = record->first;

    if (next == XMAP_NO_REGION)
        return;
    port_keep_begin(record, sizeof(*record));
    record->first = XMAP_NO_REGION;
    record->regions = 0;
    port_keep_commit();
    while (next != XMAP_NO_REGION) {
        u32 index = next;

        next = xmap_kept->regions[index].next;
        region_free(index);
    }
}
