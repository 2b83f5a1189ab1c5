/*
 * Pages: the page tables of a space, kept in agreement with its regions.
 *
 * A page of a mapped region shows a frame with the region's rights; while the frame is shown by other spaces
 * too, without XMAP_RIGHT_WRITE, so that the first write comes here and gets a copy. A page that has lost the
 * right and is alone again gets it back at its next write. A region without rights, a guard, has no pages.
 *
 * Called by: the operations (xmap.c), the restart (restart.c).
 * Locking:   xmap_lock, held by the caller.
 * Fails:     ERR_NO_MEMORY, and then what the function had done is taken back.
 * Not here:  which region a page belongs to (regions.c), references (frames.c), the bytes (backing.c).
 */
#include "lib/string.h"
#include "service/xmap/backing.h"
#include "service/xmap/state.h"

/* What a page of the region may be used for now. */
static u32 page_rights(const struct xmap_region *region, u32 frame)
{
    u32 shared = xmap_kept->frames[frame].references > 1;

    return shared ? region->rights & ~XMAP_RIGHT_WRITE : region->rights;
}

/* A page appears where none is. */
static enum err page_new(u32 space, const struct xmap_region *region, uaddr page, u32 *frame)
{
    enum err err = xmap_frame_take(false, frame);

    if (err != ERR_OK)
        return err;
    err = xmap_backings[region->backing].fill(page - region->start, port_frame_bytes(*frame));
    if (err == ERR_OK)
        err = port_map(space, page, *frame, region->rights);
    if (err != ERR_OK)
        xmap_frame_drop(*frame, false);
    return err;
}

static void intent_set(u32 space, enum xmap_intent_kind kind, uaddr from, uaddr to)
{
    struct xmap_intent *intent = &xmap_kept->spaces[space].intent;

    port_keep_begin(intent, sizeof(*intent));
    *intent = (struct xmap_intent){from, to, kind};
    port_keep_commit();
}

/* Gives the page a copy of its shared frame, and says which. The copy is complete before the page is touched,
 * and the frame was promised at the fork. */
static enum err page_break(u32 space, const struct xmap_region *region, uaddr page, u32 *frame)
{
    struct xmap_intent *intent = &xmap_kept->spaces[space].intent;
    u32 shared = *frame, was;
    enum err err = xmap_frame_take(true, frame);

    if (err != ERR_OK)
        return err;
    page_copy(port_frame_bytes(*frame), port_frame_bytes(shared));
    intent_set(space, INTENT_BREAK, page, page);
    err = port_unmap(space, page, &was);
    port_assert(err == ERR_OK && was == shared, "xmap: page changed under its copy");
    err = port_map(space, page, *frame, region->rights);
    port_assert(err == ERR_OK, "xmap: table lost under a page");
    intent->kind = INTENT_NONE;
    xmap_frame_drop(shared, false);
    return ERR_OK;
}

/* Trusts neither the intent nor the hand: what does not fit together is left to the checks that follow. */
void xmap_pages_break_finish(u32 space)
{
    struct xmap_intent *intent = &xmap_kept->spaces[space].intent;
    u32 index = xmap_region_at(space, intent->from);
    u32 copy = xmap_kept->hand.frame;
    u32 frame, rights;

    if (index != XMAP_NO_REGION && xmap_kept->regions[index].rights != 0 && copy < xmap_kept->frame_count &&
        xmap_kept->frames[copy].use == FRAME_PROGRAM &&
        port_lookup(space, intent->from, &frame, &rights) == ERR_NOT_MAPPED)
        (void)port_map(space, intent->from, copy, xmap_kept->regions[index].rights);
    intent->kind = INTENT_NONE;
}

enum err xmap_page_ready(u32 space, u32 index, uaddr page, u32 access, u32 *frame)
{
    const struct xmap_region *region = &xmap_kept->regions[index];
    u32 rights;

    if (port_lookup(space, page, frame, &rights) != ERR_OK) {
        port_assert(region->fill == XMAP_FILL_LAZY, "xmap: page of an eager region is absent");
        return access == XMAP_RIGHT_EXEC ? ERR_DENIED : page_new(space, region, page, frame);
    }
    if (!(access & XMAP_RIGHT_WRITE))
        return ERR_OK;
    if (xmap_kept->frames[*frame].references > 1)
        return page_break(space, region, page, frame);
    return rights == region->rights ? ERR_OK : port_protect(space, page, region->rights);
}

enum err xmap_pages_fill(u32 space, const struct xmap_region *like, uaddr from, uaddr to)
{
    struct xmap_intent *intent = &xmap_kept->spaces[space].intent;
    struct xmap_hand *hand = &xmap_kept->hand;

    if ((to - from) / PAGE_SIZE > xmap_frames_available())
        return ERR_NO_MEMORY;
    port_keep_begin(hand, sizeof(*hand));
    *hand = (struct xmap_hand){HAND_EMPTY, XMAP_NO_FRAME, 0};
    intent_set(space, INTENT_FILL, from, from);
    for (uaddr page = from; page < to; page += PAGE_SIZE) {
        u32 frame;

        intent->to = page + PAGE_SIZE;
        enum err err = page_new(space, like, page, &frame);

        if (err != ERR_OK) {
            xmap_pages_fill_undo(space);
            xmap_pages_drop_finish(space);
            return err;
        }
    }
    return ERR_OK;
}

void xmap_pages_fill_undo(u32 space)
{
    const struct xmap_intent *intent = &xmap_kept->spaces[space].intent;
    uaddr to = intent->to;
    u32 frame, rights;

    if (to > intent->from &&
        (port_lookup(space, to - PAGE_SIZE, &frame, &rights) != ERR_OK || frame != xmap_kept->hand.frame))
        to -= PAGE_SIZE;
    intent_set(space, INTENT_DROP, intent->from, to);
}

void xmap_pages_drop(u32 space, uaddr from, uaddr to, bool pins_too)
{
    for (uaddr page = port_next_mapped(space, from, to); page < to;
         page = port_next_mapped(space, page + PAGE_SIZE, to)) {
        u32 frame;
        enum err err = port_unmap(space, page, &frame);

        port_assert(err == ERR_OK, "xmap: page gone while it was removed");
        xmap_frame_drop(frame, pins_too);
    }
}

void xmap_pages_drop_finish(u32 space)
{
    struct xmap_intent *intent = &xmap_kept->spaces[space].intent;

    xmap_pages_drop(space, intent->from, intent->to, false);
    intent->kind = INTENT_NONE;
}

/* Removes from the region what it has in [from, to), or all above `from` if it reaches beyond on both sides.
 * Pages go first: until the region has changed, the whole can be repeated. */
static void region_cut(u32 space, u32 index, uaddr from, uaddr to)
{
    struct xmap_region *region = &xmap_kept->regions[index];
    uaddr end = xmap_region_end(region);

    if (region->start < from) {
        xmap_pages_drop(space, from, end, false);
        region->size = from - region->start;
    } else if (end > to) {
        xmap_pages_drop(space, region->start, to, false);
        port_keep_begin(region, sizeof(*region));
        region->start = to;
        region->size = end - to;
        port_keep_commit();
    } else {
        xmap_pages_drop(space, region->start, end, false);
        port_keep_begin(&xmap_kept->spaces[space], sizeof(struct xmap_space));
        xmap_region_remove(space, index);
    }
}

void xmap_pages_cut_finish(u32 space)
{
    struct xmap_space *record = &xmap_kept->spaces[space];
    u32 next;

    for (u32 i = record->first; i != XMAP_NO_REGION; i = next) {
        const struct xmap_region *region = &xmap_kept->regions[i];

        next = region->next;
        if (region->kind == XMAP_KIND_PROGRAM && region->start < record->intent.to &&
            record->intent.from < xmap_region_end(region))
            region_cut(space, i, record->intent.from, record->intent.to);
    }
    record->intent.kind = INTENT_NONE;
}

void xmap_pages_protect(u32 space, u32 index)
{
    const struct xmap_region *region = &xmap_kept->regions[index];
    uaddr end = xmap_region_end(region);

    for (uaddr page = port_next_mapped(space, region->start, end); page < end;
         page = port_next_mapped(space, page + PAGE_SIZE, end)) {
        u32 frame, rights;
        enum err err = port_lookup(space, page, &frame, &rights);

        if (err == ERR_OK && rights != page_rights(region, frame))
            err = port_protect(space, page, page_rights(region, frame));
        port_assert(err == ERR_OK, "xmap: page gone while it was protected");
    }
}

/* A pinned page may be written behind its back: the child gets its copy now. Not so where the frame is shared
 * already: then it was pinned to be read only, since a pin to write gives the page a frame of its own. */
static enum err page_copy_now(u32 child, const struct xmap_region *region, uaddr page, u32 from)
{
    u32 frame;
    enum err err = xmap_frame_take(false, &frame);

    if (err != ERR_OK)
        return err;
    page_copy(port_frame_bytes(frame), port_frame_bytes(from));
    err = port_map(child, page, frame, region->rights);
    if (err != ERR_OK)
        xmap_frame_drop(frame, false);
    return err;
}

/* The parent loses its right to write before the child sees the frame. */
static enum err page_share(u32 parent, u32 child, const struct xmap_region *region, uaddr page)
{
    u32 frame, rights;
    enum err err = port_lookup(parent, page, &frame, &rights);

    port_assert(err == ERR_OK, "xmap: page gone while it was shared");
    if (xmap_frames_available() == 0)
        return ERR_NO_MEMORY;
    if (xmap_kept->frames[frame].pins > 0 && xmap_kept->frames[frame].references == 1)
        return page_copy_now(child, region, page, frame);
    if (rights & PORT_WRITE)
        err = port_protect(parent, page, rights & ~PORT_WRITE);
    port_assert(err == ERR_OK, "xmap: page gone while it was shared");
    xmap_frame_share(frame);
    err = port_map(child, page, frame, region->rights & ~XMAP_RIGHT_WRITE);
    if (err != ERR_OK)
        xmap_frame_drop(frame, false);
    return err;
}

enum err xmap_pages_share(u32 parent, u32 child, u32 index)
{
    const struct xmap_region *region = &xmap_kept->regions[index];
    uaddr end = xmap_region_end(region);

    for (uaddr page = port_next_mapped(parent, region->start, end); page < end;
         page = port_next_mapped(parent, page + PAGE_SIZE, end)) {
        enum err err = page_share(parent, child, region, page);

        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}
