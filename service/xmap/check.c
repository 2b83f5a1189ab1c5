/*
 * The invariants of xmap as code: one walker for the tests, the fuzzer and the restart.
 *
 * Called by: restart.c for one space at a time, and tests for everything, between operations.
 * Locking:   xmap_lock, held by the caller, except in tests of one thread.
 * Fails:     never; a broken invariant is returned as a text. Loops end on any contents of the tables.
 * Not here:  what is done about it (restart.c).
 */
#include "service/xmap/backing.h"
#include "service/xmap/state.h"

/* Of a region by itself, but for its place in the list. */
static const char *check_region(const struct xmap_region *region, u32 space)
{
    if (region->space != space)
        return "region in the list of another space";
    if (region->state != REGION_RESERVED && region->state != REGION_MAPPED)
        return "region state unknown";
    if (region->kind > XMAP_KIND_CALL || region->fill > XMAP_FILL_LAZY || region->backing >= BACKING_COUNT)
        return "region kind, fill or backing unknown";
    if (region->rights > XMAP_RIGHTS_ALL || (region->state == REGION_RESERVED && region->rights != 0))
        return "region rights impossible";
    if (region->rights & XMAP_RIGHT_WRITE && !(region->rights & XMAP_RIGHT_READ))
        return "region can be written and not read";
    if (region->state == REGION_MAPPED && region->rights == 0 && region->fill != XMAP_FILL_LAZY)
        return "region without rights said to have pages";
    if (region->start % PAGE_SIZE != 0 || region->size % PAGE_SIZE != 0)
        return "region not aligned";
    if (region->size == 0 || region->size > PORT_USER_END || region->start > PORT_USER_END - region->size)
        return "region out of range";
    return NULL;
}

const char *xmap_check_regions(u32 space)
{
    const struct xmap_space *record = &xmap_kept->spaces[space];
    uaddr limit = 0;
    u32 count = 0;

    for (u32 i = record->first; i != XMAP_NO_REGION; i = xmap_kept->regions[i].next) {
        if (i >= XMAP_REGIONS || count == XMAP_REGIONS_A_SPACE)
            return "region list damaged";
        const char *broken = check_region(&xmap_kept->regions[i], space);

        if (broken)
            return broken;
        if (xmap_kept->regions[i].start < limit)
            return "regions overlap or are out of order";
        limit = xmap_region_end(&xmap_kept->regions[i]);
        count++;
    }
    return count == record->regions ? NULL : "region count wrong";
}

static const char *check_page(const struct xmap_region *region, u32 frame, u32 rights)
{
    if (region->state != REGION_MAPPED)
        return "page in a region that is only reserved";
    if (frame >= xmap_kept->frame_count || xmap_kept->frames[frame].use != FRAME_PROGRAM)
        return "page shows a frame that is not the program's";
    if (rights & ~(u32)region->rights)
        return "page allows more than its region";
    if (rights & XMAP_RIGHT_WRITE && xmap_kept->frames[frame].references != 1)
        return "page of a shared frame can be written";
    if ((rights ^ region->rights) & ~XMAP_RIGHT_WRITE)
        return "page allows less than its region";
    return NULL;
}

/* All pages in [from, end) belong to the region; `*mapped` of them. */
static const char *check_region_pages(u32 space, const struct xmap_region *region, u64 *mapped)
{
    uaddr end = xmap_region_end(region);

    *mapped = 0;
    for (uaddr page = port_next_mapped(space, region->start, end); page < end;
         page = port_next_mapped(space, page + PAGE_SIZE, end)) {
        u32 frame = XMAP_NO_FRAME, rights = 0;
        const char *broken = port_lookup(space, page, &frame, &rights) == ERR_OK
                                 ? check_page(region, frame, rights)
                                 : "page vanished";

        if (broken)
            return broken;
        ++*mapped;
    }
    return NULL;
}

const char *xmap_check_pages(u32 space)
{
    uaddr limit = 0;

    for (u32 i = xmap_kept->spaces[space].first; i != XMAP_NO_REGION; i = xmap_kept->regions[i].next) {
        const struct xmap_region *region = &xmap_kept->regions[i];
        u64 mapped;
        const char *broken = check_region_pages(space, region, &mapped);

        if (broken)
            return broken;
        if (port_next_mapped(space, limit, region->start) != region->start)
            return "page outside any region";
        if (region->state == REGION_MAPPED && region->fill == XMAP_FILL_NOW &&
            mapped != region->size / PAGE_SIZE)
            return "page of an eager region is absent";
        limit = xmap_region_end(region);
    }
    return port_next_mapped(space, limit, PORT_USER_END) == PORT_USER_END ? NULL : "page above all regions";
}

static const char *check_space(u32 space)
{
    const struct xmap_space *record = &xmap_kept->spaces[space];
    const char *broken = xmap_check_regions(space);

    if (broken)
        return broken;
    if (record->intent.kind != INTENT_NONE)
        return "intent left open";
    if (record->state == SPACE_LIVE)
        return port_space_exists(space) ? xmap_check_pages(space) : "space without its page table";
    if (record->state != SPACE_FREE && record->state != SPACE_LOST)
        return "space left half made";
    if (port_space_exists(space) || record->first != XMAP_NO_REGION)
        return "dead space with a page table or regions";
    return NULL;
}

/* Every region is in exactly one list: those of the spaces hold only their own, so counting is enough. */
static const char *check_free_regions(void)
{
    u32 count = 0;

    for (u32 i = xmap_kept->free_region; i != XMAP_NO_REGION; i = xmap_kept->regions[i].next) {
        if (i >= XMAP_REGIONS || count == XMAP_REGIONS || xmap_kept->regions[i].state != REGION_FREE)
            return "free list of regions damaged";
        count++;
    }
    for (u32 space = 0; space < PORT_SPACES; space++)
        count += xmap_kept->spaces[space].regions;
    return count == XMAP_REGIONS ? NULL : "region lost";
}

static void count_references(void)
{
    for (u32 frame = 0; frame < xmap_kept->frame_count; frame++)
        xmap_kept->frames[frame].seen = 0;
    for (u32 space = 0; space < PORT_SPACES; space++) {
        if (!port_space_exists(space))
            continue;
        for (uaddr page = port_next_mapped(space, 0, PORT_USER_END); page < PORT_USER_END;
             page = port_next_mapped(space, page + PAGE_SIZE, PORT_USER_END)) {
            u32 frame, rights;

            if (port_lookup(space, page, &frame, &rights) == ERR_OK)
                xmap_kept->frames[frame].seen++;
        }
    }
}

static const char *check_frames(void)
{
    u64 used = 0;
    u64 debt = 0;

    count_references();
    for (u32 i = 0; i < xmap_kept->frame_count; i++) {
        const struct xmap_frame *frame = &xmap_kept->frames[i];

        if (frame->seen != frame->references)
            return "references of a frame counted wrongly";
        if (frame->use == FRAME_FREE && (frame->references != 0 || frame->pins != 0))
            return "free frame in use";
        if (frame->use == FRAME_PROGRAM && frame->references == 0 && frame->pins == 0)
            return "frame leaked";
        used += frame->use == FRAME_PROGRAM;
        debt += frame->references > 1 ? frame->references - 1u : 0;
    }
    if (used != xmap_kept->used || debt != xmap_kept->debt)
        return "used or owed frames counted wrongly";
    return used + debt <= xmap_kept->total && debt <= port_frames_free() ? NULL
                                                                         : "more promised than there is";
}

const char *xmap_check(void)
{
    if (xmap_kept->magic != XMAP_MAGIC || xmap_kept->frame_count != port_frames_total())
        return "header damaged";
    for (u32 space = 0; space < PORT_SPACES; space++) {
        const char *broken = check_space(space);

        if (broken)
            return broken;
    }
    const char *broken = check_free_regions();

    return broken ? broken : check_frames();
}
