/*
 * The two beginnings of xmap: with nothing, and after a death.
 *
 * A restart trusts the page tables for what is mapped, and of its own tables what passes the checks of
 * check.c. Each part below may be repeated, because the restarting generation can die as well: what the later
 * parts need of `hand` is settled before anything moves a frame again.
 *
 *   1 lists of regions: a space whose list is damaged is lost; unreachable regions become free
 *   2 the frame in hand, a page that was being replaced, pages that were being filled
 *   3 references, used and owed frames are counted
 *   4 what was announced is finished; spaces not live are cleared; pages get their region's rights
 *   5 pages against regions: a space that fails is lost
 *   6 frames that nothing shows and nobody has pinned go back to the port
 *
 * Called by: the placement, once, before any operation.
 * Locking:   xmap_lock, taken here; nobody else is there yet.
 * Fails:     ERR_NO_MEMORY: no kept memory.
 */
#include "lib/string.h"
#include "service/xmap/state.h"

/* ---- Nothing there ---- */

static void regions_init(void)
{
    memset(xmap_kept->regions, 0, sizeof(xmap_kept->regions));
    for (u32 i = 0; i < XMAP_REGIONS; i++)
        xmap_kept->regions[i].next = (u16)(i + 1 < XMAP_REGIONS ? i + 1 : XMAP_NO_REGION);
    xmap_kept->free_region = 0;
}

/* A space the port knows has an owner who must not be given another's by its number. */
static void spaces_init(void)
{
    memset(xmap_kept->spaces, 0, sizeof(xmap_kept->spaces));
    for (u32 space = 0; space < PORT_SPACES; space++) {
        xmap_kept->spaces[space].state = port_space_exists(space) ? SPACE_LOST : SPACE_FREE;
        xmap_kept->spaces[space].first = XMAP_NO_REGION;
    }
}

static void state_init(void)
{
    u32 frames = port_frames_total();

    xmap_kept->magic = 0;
    spaces_init();
    regions_init();
    memset(xmap_kept->requests, 0, sizeof(xmap_kept->requests));
    memset(xmap_kept->frames, 0, frames * sizeof(struct xmap_frame));
    xmap_kept->used = 0;
    xmap_kept->debt = 0;
    xmap_kept->total = port_frames_free();
    xmap_kept->hand = (struct xmap_hand){HAND_EMPTY, XMAP_NO_FRAME, 0};
    xmap_kept->frame_count = frames;
}

static enum err memory_get(void)
{
    u64 frames = port_frames_total();

    port_lock_init(&xmap_lock, "xmap");
    xmap_kept = port_keep_memory(sizeof(struct xmap_state) + frames * sizeof(struct xmap_frame));
    return xmap_kept ? ERR_OK : ERR_NO_MEMORY;
}

enum err xmap_start(void)
{
    enum err err = memory_get();

    if (err != ERR_OK)
        return err;
    port_lock_acquire(&xmap_lock);
    state_init();
    xmap_kept->magic = XMAP_MAGIC;
    port_lock_release(&xmap_lock);
    return ERR_OK;
}

/* ---- 1: lists of regions ---- */

static void space_lose(u32 space, const char *why)
{
    if (xmap_kept->spaces[space].state == SPACE_LOST)
        return;
    xmap_kept->spaces[space].state = SPACE_LOST;
    port_log("xmap: space %u is lost: %s\n", space, why);
}

static const char *check_record(u32 space)
{
    const struct xmap_space *record = &xmap_kept->spaces[space];

    if (record->state > SPACE_LOST || record->intent.kind > INTENT_BREAK)
        return "space record damaged";
    if (record->intent.to > PORT_USER_END || record->intent.from > record->intent.to ||
        record->intent.from % PAGE_SIZE != 0 || record->intent.to % PAGE_SIZE != 0)
        return "intent out of range";
    if (record->state == SPACE_LIVE && !port_space_exists(space))
        return "space without its page table";
    return xmap_check_regions(space);
}

/* A region belongs to the space whose list reaches it; what none reaches is free. */
static void regions_reclaim(void)
{
    u32 head = XMAP_NO_REGION;

    for (u32 i = XMAP_REGIONS; i-- > 0;) {
        struct xmap_region *region = &xmap_kept->regions[i];
        u32 j = region->state != REGION_FREE && region->space < PORT_SPACES
                    ? xmap_kept->spaces[region->space].first
                    : XMAP_NO_REGION;

        while (j != XMAP_NO_REGION && j != i)
            j = xmap_kept->regions[j].next;
        if (j == i)
            continue;
        region->state = REGION_FREE;
        region->next = (u16)head;
        head = i;
    }
    xmap_kept->free_region = head;
}

static void spaces_check(void)
{
    for (u32 space = 0; space < PORT_SPACES; space++) {
        struct xmap_space *record = &xmap_kept->spaces[space];

        if (xmap_regions_count(space) == record->regions + 1u)
            record->regions++; /* the latest insert was just not counted yet */
        const char *broken = check_record(space);

        if (!broken)
            continue;
        space_lose(space, broken); /* and its list, which nobody can walk, is emptied at once */
        record->intent = (struct xmap_intent){.kind = INTENT_NONE};
        record->first = XMAP_NO_REGION;
        record->regions = 0;
    }
    regions_reclaim();
}

/* ---- 2: what was in the dead one's hand ---- */

/* From here on the latest move has happened or not. The number stays: it is the witness of pages_settle(). */
static void hand_settle(void)
{
    struct xmap_hand *hand = &xmap_kept->hand;
    bool known = hand->frame < xmap_kept->frame_count;
    bool taken = hand->state == HAND_TAKING && port_frames_free() < hand->free;
    bool kept = hand->state == HAND_GIVING && port_frames_free() <= hand->free;

    if (known && kept)
        port_frame_free(hand->frame);
    if (!known && taken)
        port_log("xmap: a frame is lost: taken, and its number unknown\n");
    port_keep_begin(hand, sizeof(*hand));
    if (known && taken) {
        port_keep_begin(&xmap_kept->frames[hand->frame], sizeof(struct xmap_frame));
        xmap_kept->frames[hand->frame].use = FRAME_PROGRAM;
    }
    hand->state = HAND_EMPTY;
    port_keep_commit();
}

static void pages_settle(void)
{
    for (u32 space = 0; space < PORT_SPACES; space++) {
        if (xmap_kept->spaces[space].state != SPACE_LIVE)
            continue;
        if (xmap_kept->spaces[space].intent.kind == INTENT_BREAK)
            xmap_pages_break_finish(space);
        if (xmap_kept->spaces[space].intent.kind == INTENT_FILL)
            xmap_pages_fill_undo(space);
    }
}

/* ---- 3: references ---- */

/* `adopt`: the records are gone, so a mapped frame is taken for the program's; else one they do not know is
 * taken away from the page, and kept from everybody, since nobody can say whose it is. */
static void page_count(u32 space, uaddr page, bool adopt)
{
    u32 frame = XMAP_NO_FRAME, rights;
    enum err err = port_lookup(space, page, &frame, &rights);

    if (err == ERR_OK && frame < xmap_kept->frame_count) {
        struct xmap_frame *record = &xmap_kept->frames[frame];

        if (adopt)
            record->use = FRAME_PROGRAM;
        if (record->use == FRAME_PROGRAM && record->references < PORT_SPACES) {
            record->references++;
            return;
        }
    }
    space_lose(space, "page shows a frame that is not the program's");
    (void)port_unmap(space, page, &frame);
}

static void frames_count(bool adopt)
{
    for (u32 frame = 0; frame < xmap_kept->frame_count; frame++)
        xmap_kept->frames[frame].references = 0;
    for (u32 space = 0; space < PORT_SPACES; space++) {
        if (!port_space_exists(space))
            continue;
        for (uaddr page = port_next_mapped(space, 0, PORT_USER_END); page < PORT_USER_END;
             page = port_next_mapped(space, page + PAGE_SIZE, PORT_USER_END))
            page_count(space, page, adopt);
    }
    xmap_kept->used = 0;
    xmap_kept->debt = 0;
    for (u32 frame = 0; frame < xmap_kept->frame_count; frame++) {
        const struct xmap_frame *record = &xmap_kept->frames[frame];

        xmap_kept->used += record->use == FRAME_PROGRAM;
        xmap_kept->debt += record->references > 1 ? record->references - 1u : 0;
    }
}

/* ---- 4, 5, 6: repairs ---- */

static void space_finish(u32 space)
{
    const struct xmap_space *record = &xmap_kept->spaces[space];

    if (record->intent.kind == INTENT_DROP)
        xmap_pages_drop_finish(space);
    if (record->intent.kind == INTENT_CUT)
        xmap_pages_cut_finish(space);
    for (u32 i = record->first; i != XMAP_NO_REGION; i = xmap_kept->regions[i].next) {
        if (xmap_kept->regions[i].state == REGION_MAPPED && xmap_kept->regions[i].rights != 0)
            xmap_pages_protect(space, i);
    }
    const char *broken = xmap_check_pages(space);

    if (broken)
        space_lose(space, broken);
}

static void spaces_repair(void)
{
    for (u32 space = 0; space < PORT_SPACES; space++) {
        struct xmap_space *record = &xmap_kept->spaces[space];

        if (record->state == SPACE_LIVE)
            space_finish(space);
        if (record->state == SPACE_LIVE)
            continue;
        /* The owner of a lost space may be in the middle of a copy: what it has pinned stays its own until it
         * lets go, or destroys the space. */
        xmap_space_clear(space, record->state != SPACE_LOST);
        if (record->state != SPACE_LOST)
            record->state = SPACE_FREE;
    }
}

static void frames_sweep(void)
{
    for (u32 frame = 0; frame < xmap_kept->frame_count; frame++) {
        const struct xmap_frame *record = &xmap_kept->frames[frame];

        if (record->use == FRAME_PROGRAM && record->references == 0 && record->pins == 0)
            xmap_frame_give(frame);
    }
}

static void spaces_report(void)
{
    u32 live = 0;
    u32 lost = 0;

    for (u32 space = 0; space < PORT_SPACES; space++) {
        live += xmap_kept->spaces[space].state == SPACE_LIVE;
        lost += xmap_kept->spaces[space].state == SPACE_LOST;
    }
    port_log("xmap: restarted, %u spaces kept, %u lost\n", live, lost);
}

enum err xmap_restart(void)
{
    enum err err = memory_get();

    if (err != ERR_OK)
        return err;
    bool adopt = xmap_kept->magic != XMAP_MAGIC || xmap_kept->frame_count != port_frames_total();

    port_lock_acquire(&xmap_lock);
    if (adopt)
        state_init();
    spaces_check();
    hand_settle();
    pages_settle();
    frames_count(adopt);
    spaces_repair();
    frames_sweep();
    if (adopt)
        xmap_kept->total = port_frames_free();
    xmap_kept->magic = XMAP_MAGIC;
    spaces_report();
    port_lock_release(&xmap_lock);
    return ERR_OK;
}
