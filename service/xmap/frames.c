/*
 * Frames: how many pages show each, who has pinned it, and how many are promised.
 *
 * Every frame that is not the port's is FRAME_PROGRAM here. A frame that comes or goes is announced in `hand`
 * first, and the announcement decides after a death whether the port's half took place.
 *
 * Called by: pages.c, the pin operations (xmap.c), the restart (restart.c).
 * Locking:   xmap_lock, held by the caller.
 * Fails:     ERR_NO_MEMORY, before anything has changed.
 */
#include "service/xmap/state.h"

u64 xmap_frames_available(void)
{
    u64 free = port_frames_free();
    u64 promised = xmap_kept->debt + XMAP_TABLES;

    return free > promised ? free - promised : 0;
}

enum err xmap_frame_take(bool owed, u32 *frame)
{
    struct xmap_hand *hand = &xmap_kept->hand;

    if (!owed && xmap_frames_available() == 0)
        return ERR_NO_MEMORY;
    port_keep_begin(hand, sizeof(*hand));
    *hand = (struct xmap_hand){HAND_TAKING, XMAP_NO_FRAME, port_frames_free()};
    port_keep_commit();
    if (port_frame_alloc(&hand->frame) != ERR_OK)
        return ERR_NO_MEMORY;
    port_assert(hand->frame < xmap_kept->frame_count, "xmap: frame number out of range");
    xmap_kept->frames[hand->frame] = (struct xmap_frame){.references = 1, .use = FRAME_PROGRAM};
    xmap_kept->used++;
    *frame = hand->frame;
    return ERR_OK;
}

void xmap_frame_share(u32 frame)
{
    port_assert(xmap_kept->frames[frame].references < PORT_SPACES, "xmap: frame shared too often");
    xmap_kept->frames[frame].references++;
    xmap_kept->debt++;
}

void xmap_frame_give(u32 frame)
{
    struct xmap_hand *hand = &xmap_kept->hand;
    struct xmap_frame *record = &xmap_kept->frames[frame];

    port_assert(record->references == 0 && record->pins == 0, "xmap: frame given back in use");
    port_keep_begin(hand, sizeof(*hand));
    port_keep_begin(record, sizeof(*record));
    *hand = (struct xmap_hand){HAND_GIVING, frame, port_frames_free()};
    record->use = FRAME_FREE;
    port_keep_commit();
    port_frame_free(frame);
    hand->state = HAND_EMPTY;
    xmap_kept->used--;
}

void xmap_frame_drop(u32 frame, bool pins_too)
{
    struct xmap_frame *record = &xmap_kept->frames[frame];

    port_assert(frame < xmap_kept->frame_count && record->references > 0, "xmap: page of an unknown frame");
    record->references--;
    if (record->references > 0) {
        xmap_kept->debt--;
        return;
    }
    if (pins_too)
        record->pins = 0;
    if (record->pins == 0)
        xmap_frame_give(frame);
}
