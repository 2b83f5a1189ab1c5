/*
 * The state of xmap: spaces, their regions, and what is known of every frame. Private to service/xmap.
 *
 * One kept structure (port/keep.h), fixed arrays, indices in place of pointers: it means the same to every
 * generation of the service, wherever it is mapped.
 *
 * What is believed after a death:
 *   - The region tables say what a space consists of. They change by single aligned stores, or else inside a
 *     step of port/keep.h, so they are never seen torn.
 *   - The page tables (port/vspace.h) say who holds which frame. References, `used` and `debt` are kept
 *     beside them for speed, and are counted afresh at a restart.
 *   - What takes many pages is announced in the space's intent before its first page, so that a restart can
 *     finish it or take it back; what moves a frame between the port and the table is announced in `hand`.
 *
 * Commitment: `used` frames hold data; `debt` more may be asked for by writes to pages that a fork has shared
 * (a frame with n references owes n - 1 copies). Every frame given out for another reason leaves `debt` and
 * XMAP_TABLES free ones behind; hence a write to a shared page always finds its frame, and a fork that cannot
 * be honoured is refused.
 *
 * Locking: xmap_lock guards everything here; each operation takes it first and holds it to its end. Its
 * holder waits for nothing, and takes no other lock. All functions below are called with it held.
 */
#ifndef SERVICE_XMAP_STATE_H
#define SERVICE_XMAP_STATE_H

#include "port/keep.h"
#include "port/log.h"
#include "port/request.h"
#include "port/sync.h"
#include "port/vspace.h"
#include "port/xmap.h"

#define XMAP_REGIONS         1536u /* in all spaces together */
#define XMAP_REGIONS_A_SPACE 256u  /* so that one program cannot take them all */
#define XMAP_NO_REGION       0xffffu
#define XMAP_NO_FRAME        0xffffffffu
#define XMAP_TABLES          2u /* page tables that port_map() may take besides the frame, where they share memory */
#define XMAP_PINS_MAX        0xffffu
#define XMAP_MAGIC           0x786d617020763102ul

enum xmap_region_state {
    REGION_FREE,     /* in the free list */
    REGION_RESERVED, /* no page, no rights */
    REGION_MAPPED,   /* every page is there, or with XMAP_FILL_LAZY some may be absent until touched */
};

/* A range of addresses of one space. */
struct xmap_region {
    u64 start;
    u64 size; /* bytes, > 0 */
    u16 next; /* the next one of the space in address order, or of the free list; XMAP_NO_REGION at the end */
    u8 space; /* witness: the space in whose list it is */
    u8 state; /* enum xmap_region_state */
    u8 kind;  /* XMAP_KIND_* */
    u8 rights;
    u8 fill;
    u8 backing; /* row of the table in backing.h */
};

enum xmap_intent_kind {
    INTENT_NONE,
    INTENT_FILL,  /* [from, to) is being filled for a region that does not hold it yet: taken back at a
                     restart. The last page of the range is the operation's own only if it holds the frame in
                     hand. */
    INTENT_DROP,  /* pages in [from, to) belong to no mapped region any more: finished at a restart */
    INTENT_CUT,   /* xmap_cut() of [from, to): finished at a restart */
    INTENT_BREAK, /* the page at `from` is replaced by the frame in hand, which holds its copy: finished at a
                     restart */
};

struct xmap_intent {
    u64 from;
    u64 to;
    u64 kind; /* enum xmap_intent_kind */
};

enum xmap_space_state {
    SPACE_FREE,
    SPACE_BUILDING, /* by create or fork, not named to anybody yet: ended at a restart */
    SPACE_LIVE,
    SPACE_ENDING, /* by destroy: finished at a restart */
    SPACE_LOST,   /* given up at a restart; its number is not used again before its owner destroys it */
};

struct xmap_space {
    u32 state;   /* enum xmap_space_state */
    u16 first;   /* lowest region; regions of a space never overlap and are linked in address order */
    u16 regions; /* how many; one fewer than there are if an insert died at its end */
    struct xmap_intent intent;
};

enum xmap_frame_use {
    FRAME_FREE,    /* the port's */
    FRAME_PROGRAM, /* holds a program's data */
};

struct xmap_frame {
    u16 references; /* pages that show it; more than one: copied before one of them is written */
    u16 seen;       /* scratch of the count in check.c */
    u16 pins;       /* a frame without references lives until its last pin is gone */
    u8 use;         /* enum xmap_frame_use */
    u8 reserved;
};

enum xmap_hand_state {
    HAND_EMPTY,
    HAND_TAKING, /* port_frame_alloc() stores into `frame`; it took place if fewer than `free` frames are free
                    now */
    HAND_GIVING, /* port_frame_free(frame); it took place if more than `free` frames are free now */
};

/* The latest move of a frame between the port and the table. */
struct xmap_hand {
    u32 state; /* enum xmap_hand_state */
    u32 frame;
    u64 free; /* port_frames_free() before the move */
};

/* The last request of one caller that must not be applied twice (requests.c). */
struct xmap_request {
    u64 identity; /* 0: none */
    u64 answer;   /* what it was given: a space, a frame */
};

struct xmap_state {
    u64 magic; /* XMAP_MAGIC once the rest is initialised */
    u64 total; /* frames programs may use: those free at the first start */
    u64 used;
    u64 debt;
    u32 frame_count; /* port_frames_total() */
    u32 free_region; /* head of the free list */
    struct xmap_hand hand;
    struct xmap_space spaces[PORT_SPACES];
    struct xmap_region regions[XMAP_REGIONS];
    struct xmap_request requests[PORT_REQUEST_CALLERS]; /* by identity */
    struct xmap_frame frames[];                         /* frame_count of them */
};

extern struct xmap_state *xmap_kept;
extern struct port_lock xmap_lock;

static inline u64 xmap_region_end(const struct xmap_region *region)
{
    return region->start + region->size;
}

/* ---- regions.c: the tables of regions ---- */

/* The region that holds `address`, that starts at `start`, that lies highest among those that start below
 * `address`; XMAP_NO_REGION if there is none. */
u32 xmap_region_at(u32 space, uaddr address);
u32 xmap_region_starting(u32 space, uaddr start);
u32 xmap_region_below(u32 space, uaddr address);

/* Whether [start, start + size), which lies below PORT_USER_END, touches no region. `*below`: the one it
 * would follow. */
bool xmap_region_fits(u32 space, uaddr start, u64 size, u32 *below);

/* The start of the highest hole for `size` bytes with an unused page on either side, and the region below it;
 * 0 if there is none. */
uaddr xmap_region_hole(u32 space, u64 size, u32 *below);

/* Enters a copy of `region`, which fits behind the region `below` (XMAP_NO_REGION: it leads); `next` and
 * `space` are filled in. ERR_NO_SLOT: nothing changed. */
enum err xmap_region_insert(u32 space, u32 below, const struct xmap_region *region);

/* Takes it out of the space. The caller has opened a step with the space's record in it; this closes it. */
void xmap_region_remove(u32 space, u32 index);

/* Takes all out of a space that is not live. */
void xmap_regions_clear(u32 space);

/* How many its list has; more than XMAP_REGIONS_A_SPACE if it does not end. */
u32 xmap_regions_count(u32 space);

/* ---- frames.c: references, pins, commitment ---- */

/* How many frames may be given out without breaking a promise. */
u64 xmap_frames_available(void);

/* A frame with one reference, its bytes undefined. `owed`: one of those in debt. ERR_NO_MEMORY. */
enum err xmap_frame_take(bool owed, u32 *frame);

/* One more reference, and a copy owed. The caller has asked xmap_frames_available(). */
void xmap_frame_share(u32 frame);

/* One reference fewer. Gives the frame back after the last, unless it is pinned; `pins_too` forgets the pins
 * then. */
void xmap_frame_drop(u32 frame, bool pins_too);

/* Gives back a frame without references and pins. */
void xmap_frame_give(u32 frame);

/* ---- requests.c: what was answered, for those who ask again. Identity 0: the caller never does ---- */

/* Whether this request was applied already, and what it was answered. */
bool xmap_request_done(u64 identity, u64 *answer);

/* Opens a step, or widens the open one, in which the request is answered. */
void xmap_request_begin(u64 identity, u64 answer);

/* ---- pages.c: pages of a space, and the many-page work announced in its intent ---- */

/* The page is there and allows `access` (XMAP_RIGHTS_ALL: is private), which the caller has found permitted
 * by the mapped region `index`; it shows `*frame`. ERR_NO_MEMORY; ERR_DENIED for a fetch from a page not yet
 * touched. */
enum err xmap_page_ready(u32 space, u32 index, uaddr page, u32 access, u32 *frame);

/* Fills [from, to), which belongs to no mapped region, for a region like `like`. On OK the intent is still
 * open: the caller closes it in the step that gives the range to a region. ERR_NO_MEMORY: nothing has
 * changed. */
enum err xmap_pages_fill(u32 space, const struct xmap_region *like, uaddr from, uaddr to);

/* Takes an open INTENT_FILL back as far as it is this operation's. First half: turns it into an INTENT_DROP.
 */
void xmap_pages_fill_undo(u32 space);

/* Finishes an INTENT_DROP, an INTENT_CUT, an INTENT_BREAK. */
void xmap_pages_drop_finish(u32 space);
void xmap_pages_cut_finish(u32 space);
void xmap_pages_break_finish(u32 space);

/* Removes the pages in [from, to). */
void xmap_pages_drop(u32 space, uaddr from, uaddr to, bool pins_too);

/* Makes the rights of all pages of a mapped region what they ought to be. */
void xmap_pages_protect(u32 space, u32 index);

/* Shows the pages of the parent's region to the child, whose region is the same. ERR_NO_MEMORY. */
enum err xmap_pages_share(u32 parent, u32 child, u32 index);

/* ---- xmap.c ---- */

/* Frees pages, page tables and regions of a space that is not live; `pins_too` forgets the pins of its pages.
 * May be repeated. */
void xmap_space_clear(u32 space, bool pins_too);

/* ---- check.c ---- */

/* The first broken invariant of everything, in words, or NULL. For tests. */
const char *xmap_check(void);

/* The same of one space's list of regions alone, trusting nothing; and of a live space's pages against its
 * regions. */
const char *xmap_check_regions(u32 space);
const char *xmap_check_pages(u32 space);

#endif
