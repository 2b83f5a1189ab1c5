/*
 * xmap: the operations of port/xmap.def.
 *
 * Each asks every question first, then announces what takes many pages, does it, and closes the announcement
 * in the step that changes the regions. So whatever instruction it dies at, it has happened or it has not.
 *
 * Called by: the placement, on any number of threads.
 * Locking:   each operation takes xmap_lock for its whole length, after inject_point(); the functions named
 *            _locked run inside.
 * Fails:     as port/xmap.def says; a refused operation has changed nothing that its caller can see.
 * Not here:  the start and what follows a death (restart.c), regions.c, pages.c, frames.c.
 */
#include "service/inject.h"
#include "service/xmap/backing.h"
#include "service/xmap/state.h"

struct xmap_state *xmap_kept;
struct port_lock xmap_lock;

static void enter(void)
{
    inject_point(SERVICE_XMAP);
    port_lock_acquire(&xmap_lock);
}

static enum err leave(enum err err)
{
    port_lock_release(&xmap_lock);
    return err;
}

/* ---- Questions ---- */

static bool space_is_live(u64 space)
{
    return space < PORT_SPACES && xmap_kept->spaces[space].state == SPACE_LIVE;
}

static enum err range_check(u64 start, u64 size)
{
    if (start % PAGE_SIZE != 0 || size % PAGE_SIZE != 0)
        return ERR_ALIGN;
    if (size == 0 || size > PORT_USER_END || start > PORT_USER_END - size)
        return ERR_RANGE;
    return ERR_OK;
}

/* The region that starts at `start` and is of the kind the caller means. */
static enum err region_find(u64 space, u64 start, u64 kind, u32 *index)
{
    if (kind > XMAP_KIND_CALL)
        return ERR_ARGUMENT;
    if (!space_is_live(space))
        return ERR_NOT_FOUND;
    if (start % PAGE_SIZE != 0)
        return ERR_ALIGN;
    *index = xmap_region_starting((u32)space, start);
    if (*index == XMAP_NO_REGION)
        return ERR_NOT_FOUND;
    return xmap_kept->regions[*index].kind == kind ? ERR_OK : ERR_DENIED;
}

/* RISC-V has no pages that can be written and not read (privileged specification 4.3.1); nor have we. */
static u8 rights_of(u64 rights)
{
    return (u8)(rights & XMAP_RIGHT_WRITE ? rights | XMAP_RIGHT_READ : rights);
}

/* One step: the region becomes `changed`, and the space's intent this one. */
static void region_change(u32 space, u32 index, const struct xmap_region *changed, struct xmap_intent intent)
{
    struct xmap_region *region = &xmap_kept->regions[index];
    struct xmap_space *record = &xmap_kept->spaces[space];

    port_keep_begin(record, sizeof(*record));
    port_keep_begin(region, sizeof(*region));
    *region = *changed;
    record->intent = intent;
    port_keep_commit();
}

static const struct xmap_intent no_intent = {.kind = INTENT_NONE};

/* ---- Spaces ---- */

static u32 space_unused(void)
{
    u32 space = 0;

    while (space < PORT_SPACES && xmap_kept->spaces[space].state != SPACE_FREE)
        space++;
    return space;
}

void xmap_space_clear(u32 space, bool pins_too)
{
    struct xmap_space *record = &xmap_kept->spaces[space];

    record->intent.kind = INTENT_NONE;
    if (port_space_exists(space)) {
        xmap_pages_drop(space, 0, PORT_USER_END, pins_too);
        port_space_destroy(space);
    }
    xmap_regions_clear(space);
}

/* A space under construction: no region, not named to anybody. */
static enum err space_begin(u32 *space)
{
    *space = space_unused();
    if (*space == PORT_SPACES)
        return ERR_NO_SLOT;
    if (xmap_frames_available() == 0)
        return ERR_NO_MEMORY;
    xmap_kept->spaces[*space].state = SPACE_BUILDING;
    enum err err = port_space_create(*space);

    if (err != ERR_OK)
        xmap_kept->spaces[*space].state = SPACE_FREE;
    return err;
}

/* It is finished, and its maker will be told; one step, so that a maker who asks again is told the same. */
static void space_name(u32 space, u64 identity)
{
    struct xmap_space *record = &xmap_kept->spaces[space];

    port_keep_begin(record, sizeof(*record));
    xmap_request_begin(identity, space);
    record->state = SPACE_LIVE;
    port_keep_commit();
}

static enum err space_create_locked(u64 *space)
{
    u64 identity = port_request_identity();
    u32 fresh;

    if (xmap_request_done(identity, space))
        return ERR_OK;
    enum err err = space_begin(&fresh);

    if (err != ERR_OK)
        return err;
    space_name(fresh, identity);
    *space = fresh;
    return ERR_OK;
}

static enum err fork_regions(u32 parent, u32 child)
{
    u32 last = XMAP_NO_REGION;

    for (u32 i = xmap_kept->spaces[parent].first; i != XMAP_NO_REGION; i = xmap_kept->regions[i].next) {
        enum err err = xmap_region_insert(child, last, &xmap_kept->regions[i]);

        if (err == ERR_OK)
            err = xmap_pages_share(parent, child, i);
        if (err != ERR_OK)
            return err;
        last = last == XMAP_NO_REGION ? xmap_kept->spaces[child].first : xmap_kept->regions[last].next;
    }
    return ERR_OK;
}

static enum err space_fork_locked(u64 parent, u64 *child)
{
    u64 identity = port_request_identity();
    u32 fresh;

    if (xmap_request_done(identity, child))
        return ERR_OK;
    if (!space_is_live(parent))
        return ERR_NOT_FOUND;
    enum err err = space_begin(&fresh);

    if (err != ERR_OK)
        return err;
    err = fork_regions((u32)parent, fresh);
    if (err != ERR_OK) {
        xmap_space_clear(fresh, true);
        xmap_kept->spaces[fresh].state = SPACE_FREE;
        return err;
    }
    space_name(fresh, identity);
    *child = fresh;
    return ERR_OK;
}

/* With the last space go the pins that nobody will take back: those of a caller that died. */
static void pins_forget(void)
{
    for (u32 space = 0; space < PORT_SPACES; space++) {
        if (xmap_kept->spaces[space].state != SPACE_FREE)
            return;
    }
    for (u32 frame = 0; frame < xmap_kept->frame_count && xmap_kept->used > 0; frame++) {
        xmap_kept->frames[frame].pins = 0;
        if (xmap_kept->frames[frame].use == FRAME_PROGRAM)
            xmap_frame_give(frame);
    }
}

static enum err space_destroy_locked(u64 space)
{
    if (space >= PORT_SPACES)
        return ERR_NOT_FOUND;
    struct xmap_space *record = &xmap_kept->spaces[space];

    if (record->state != SPACE_LIVE && record->state != SPACE_LOST)
        return ERR_NOT_FOUND;
    record->state = SPACE_ENDING;
    xmap_space_clear((u32)space, true);
    record->state = SPACE_FREE;
    pins_forget();
    return ERR_OK;
}

/* ---- Regions ---- */

/* Programs of kind PROGRAM begin at address 0, so there 0 is an address, and only calls may ask for any. */
static enum err reserve_locked(u64 space, u64 address, u64 size, u64 kind, u64 *start)
{
    u32 below;

    if (kind > XMAP_KIND_CALL)
        return ERR_ARGUMENT;
    if (!space_is_live(space))
        return ERR_NOT_FOUND;
    enum err err = range_check(address, size);

    if (err != ERR_OK)
        return err;
    if (kind == XMAP_KIND_CALL && address == XMAP_ANYWHERE) {
        address = xmap_region_hole((u32)space, size, &below);
        if (address == 0)
            return ERR_NO_MEMORY;
    } else if (!xmap_region_fits((u32)space, address, size, &below)) {
        return ERR_OVERLAP;
    }

    struct xmap_region region = {
        .start = address,
        .size = size,
        .state = REGION_RESERVED,
        .kind = (u8)kind,
        .backing = BACKING_ZERO,
    };
    err = xmap_region_insert((u32)space, below, &region);
    if (err == ERR_OK)
        *start = address;
    return err;
}

static enum err map_locked(u64 space, u64 start, u64 kind, u64 rights, u64 fill)
{
    u32 index;

    if (rights == 0 || rights > XMAP_RIGHTS_ALL || fill > XMAP_FILL_LAZY)
        return ERR_ARGUMENT;
    enum err err = region_find(space, start, kind, &index);

    if (err != ERR_OK)
        return err;
    struct xmap_region mapped = xmap_kept->regions[index];

    if (mapped.state == REGION_MAPPED && !port_fault_fires(FAULT_XMAP_DOUBLE_MAP))
        return ERR_MAPPED;
    mapped.state = REGION_MAPPED;
    mapped.rights = rights_of(rights);
    mapped.fill = (u8)fill;
    if (fill == XMAP_FILL_NOW)
        err = xmap_pages_fill((u32)space, &mapped, start, xmap_region_end(&mapped));
    if (err == ERR_OK)
        region_change((u32)space, index, &mapped, no_intent);
    return err;
}

static enum err unmap_locked(u64 space, u64 start, u64 kind)
{
    u32 index;
    enum err err = region_find(space, start, kind, &index);

    if (err != ERR_OK)
        return err;
    struct xmap_region reserved = xmap_kept->regions[index];

    if (reserved.state != REGION_MAPPED)
        return ERR_NOT_MAPPED;
    reserved.state = REGION_RESERVED;
    reserved.rights = 0;
    reserved.fill = XMAP_FILL_NOW;
    region_change((u32)space, index, &reserved,
                  (struct xmap_intent){start, xmap_region_end(&reserved), INTENT_DROP});
    xmap_pages_drop_finish((u32)space);
    return ERR_OK;
}

static enum err release_locked(u64 space, u64 start, u64 kind)
{
    u32 index;
    enum err err = region_find(space, start, kind, &index);

    if (err != ERR_OK)
        return err;
    struct xmap_space *record = &xmap_kept->spaces[space];

    port_keep_begin(record, sizeof(*record));
    record->intent = (struct xmap_intent){start, xmap_region_end(&xmap_kept->regions[index]), INTENT_DROP};
    xmap_region_remove((u32)space, index);
    xmap_pages_drop_finish((u32)space);
    return ERR_OK;
}

static enum err protect_locked(u64 space, u64 start, u64 kind, u64 rights)
{
    u32 index;

    if (rights > XMAP_RIGHTS_ALL)
        return ERR_ARGUMENT;
    enum err err = region_find(space, start, kind, &index);

    if (err != ERR_OK)
        return err;
    struct xmap_region changed = xmap_kept->regions[index];

    if (changed.state != REGION_MAPPED)
        return ERR_NOT_MAPPED;
    changed.rights = rights_of(rights);
    if (rights == 0) {
        /* No page table can hold a page that nobody may touch: a guard gives its pages back. */
        changed.fill = XMAP_FILL_LAZY;
        region_change((u32)space, index, &changed,
                      (struct xmap_intent){start, xmap_region_end(&changed), INTENT_DROP});
        xmap_pages_drop_finish((u32)space);
    } else {
        region_change((u32)space, index, &changed, no_intent);
        xmap_pages_protect((u32)space, index);
    }
    return ERR_OK;
}

static enum err grow_locked(u32 space, u32 index, struct xmap_region *grown, u64 size)
{
    uaddr end = xmap_region_end(grown);
    u64 more = size - grown->size;
    enum err err = ERR_OK;
    u32 below;

    if (!xmap_region_fits(space, end, more, &below))
        return ERR_OVERLAP;
    if (grown->fill == XMAP_FILL_NOW)
        err = xmap_pages_fill(space, grown, end, end + more);
    if (err != ERR_OK)
        return err;
    /* A region of which any page may be absent is a lazy one. */
    grown->fill = grown->fill > xmap_kept->regions[index].fill ? grown->fill : xmap_kept->regions[index].fill;
    grown->size = size;
    region_change(space, index, grown, no_intent);
    return ERR_OK;
}

static enum err resize_locked(u64 space, u64 start, u64 size, u64 fill)
{
    u32 index;

    if (fill > XMAP_FILL_LAZY)
        return ERR_ARGUMENT;
    enum err err = region_find(space, start, XMAP_KIND_PROGRAM, &index);

    if (err == ERR_OK)
        err = range_check(start, size);
    if (err != ERR_OK)
        return err;
    struct xmap_region changed = xmap_kept->regions[index];

    if (changed.state != REGION_MAPPED)
        return ERR_NOT_MAPPED;
    if (size > changed.size) {
        changed.fill = changed.rights == 0 ? XMAP_FILL_LAZY : (u8)fill;
        return grow_locked((u32)space, index, &changed, size);
    }
    uaddr end = xmap_region_end(&changed);

    changed.size = size;
    region_change((u32)space, index, &changed, (struct xmap_intent){start + size, end, INTENT_DROP});
    xmap_pages_drop_finish((u32)space);
    return ERR_OK;
}

static enum err cut_locked(u64 space, u64 from, u64 to)
{
    if (!space_is_live(space))
        return ERR_NOT_FOUND;
    if (from % PAGE_SIZE != 0 || to % PAGE_SIZE != 0)
        return ERR_ALIGN;
    if (from >= to || to > PORT_USER_END)
        return ERR_RANGE;
    struct xmap_space *record = &xmap_kept->spaces[space];

    port_keep_begin(record, sizeof(*record));
    record->intent = (struct xmap_intent){from, to, INTENT_CUT};
    port_keep_commit();
    xmap_pages_cut_finish((u32)space);
    return ERR_OK;
}

static enum err query_locked(u64 space, u64 address, u64 *start, u64 *size, u64 *state)
{
    u32 index = space_is_live(space) ? xmap_region_at((u32)space, address) : XMAP_NO_REGION;

    if (index == XMAP_NO_REGION)
        return ERR_NOT_FOUND;
    const struct xmap_region *region = &xmap_kept->regions[index];
    u64 mapped = region->state == REGION_MAPPED;

    *start = region->start;
    *size = region->size;
    *state = region->kind | (u64)region->rights << 8 | mapped << 16 | (u64)region->fill << 24;
    return ERR_OK;
}

/* ---- Pages ---- */

/* The page of `address` is there for `access`, whose bits in `asked` the region must allow. A guard allows
 * nothing. `*frame` is what it shows. */
static enum err touch_locked(u64 space, u64 address, u64 access, u64 asked, u32 *frame)
{
    if (!space_is_live(space))
        return ERR_NOT_FOUND;
    u32 index = xmap_region_at((u32)space, address);

    if (index == XMAP_NO_REGION)
        return ERR_DENIED;
    const struct xmap_region *region = &xmap_kept->regions[index];

    if (region->state != REGION_MAPPED || region->rights == 0 || (region->rights & asked) != asked)
        return ERR_DENIED;
    return xmap_page_ready((u32)space, index, round_down(address, PAGE_SIZE), (u32)access, frame);
}

static enum err fault_locked(u64 space, u64 address, u64 access)
{
    if (access != XMAP_RIGHT_READ && access != XMAP_RIGHT_WRITE && access != XMAP_RIGHT_EXEC)
        return ERR_ARGUMENT;
    u32 frame;

    return touch_locked(space, address, access, access, &frame);
}

/* A step, unless one store is all: of somebody who never asks again. */
static void pins_change(u64 frame, u16 pins, u64 identity)
{
    struct xmap_frame *record = &xmap_kept->frames[frame];

    if (identity == 0) {
        record->pins = pins;
        return;
    }
    port_keep_begin(record, sizeof(*record));
    xmap_request_begin(identity, frame);
    record->pins = pins;
    port_keep_commit();
}

static enum err pin_locked(u64 space, u64 address, u64 access, u64 *frame)
{
    u64 identity = port_request_identity();
    u32 found;

    if (xmap_request_done(identity, frame))
        return ERR_OK;

    if (access != XMAP_RIGHT_READ && access != XMAP_RIGHT_WRITE && access != XMAP_RIGHTS_ALL)
        return ERR_ARGUMENT;
    enum err err = touch_locked(space, address, access, access == XMAP_RIGHTS_ALL ? 0 : access, &found);

    if (err != ERR_OK)
        return err;
    u16 pins = xmap_kept->frames[found].pins;

    if (pins == XMAP_PINS_MAX)
        return ERR_BUSY;
    err = port_frame_lend(found);
    if (err != ERR_OK)
        return err;
    pins_change(found, pins + 1, identity);
    *frame = found;
    return ERR_OK;
}

static enum err unpin_locked(u64 frame)
{
    u64 identity = port_request_identity();
    u64 done;

    if (xmap_request_done(identity, &done))
        return ERR_OK;
    if (frame >= xmap_kept->frame_count || xmap_kept->frames[frame].pins == 0)
        return ERR_ARGUMENT;
    struct xmap_frame *record = &xmap_kept->frames[frame];

    /* A frame that nothing holds from here on is given back by a restart, if not below. */
    pins_change(frame, record->pins - 1, identity);
    if (record->pins == 0 && record->references == 0)
        xmap_frame_give((u32)frame);
    return ERR_OK;
}

/* ---- The operations ---- */

enum err xmap_space_create(u64 *space)
{
    enter();
    return leave(space_create_locked(space));
}

enum err xmap_space_fork(u64 parent, u64 *child)
{
    enter();
    return leave(space_fork_locked(parent, child));
}

enum err xmap_space_destroy(u64 space)
{
    enter();
    return leave(space_destroy_locked(space));
}

enum err xmap_reserve(u64 space, u64 address, u64 size, u64 kind, u64 *start)
{
    enter();
    return leave(reserve_locked(space, address, size, kind, start));
}

enum err xmap_map(u64 space, u64 start, u64 kind, u64 rights, u64 fill)
{
    enter();
    return leave(map_locked(space, start, kind, rights, fill));
}

enum err xmap_unmap(u64 space, u64 start, u64 kind)
{
    enter();
    return leave(unmap_locked(space, start, kind));
}

enum err xmap_release(u64 space, u64 start, u64 kind)
{
    enter();
    return leave(release_locked(space, start, kind));
}

enum err xmap_protect(u64 space, u64 start, u64 kind, u64 rights)
{
    enter();
    return leave(protect_locked(space, start, kind, rights));
}

enum err xmap_resize(u64 space, u64 start, u64 size, u64 fill)
{
    enter();
    return leave(resize_locked(space, start, size, fill));
}

enum err xmap_cut(u64 space, u64 from, u64 to)
{
    enter();
    return leave(cut_locked(space, from, to));
}

enum err xmap_query(u64 space, u64 address, u64 *start, u64 *size, u64 *state)
{
    enter();
    return leave(query_locked(space, address, start, size, state));
}

enum err xmap_fault(u64 space, u64 address, u64 access)
{
    enter();
    return leave(fault_locked(space, address, access));
}

enum err xmap_pin(u64 space, u64 address, u64 access, u64 *frame)
{
    enter();
    return leave(pin_locked(space, address, access, frame));
}

enum err xmap_unpin(u64 frame)
{
    enter();
    return leave(unpin_locked(frame));
}

enum err xmap_usage(u64 *free, u64 *total, u64 *committed)
{
    enter();
    *free = port_frames_free();
    *total = xmap_kept->total;
    *committed = xmap_kept->used + xmap_kept->debt;
    return leave(ERR_OK);
}
