/*
 * The model of xmap and its player: see test_model.h.
 *
 * The model knows regions as an unordered list and the content of each page as one byte; it knows no frame,
 * no sharing and no table. It tells what an operation must return and what a space must look like afterwards;
 * only ERR_NO_MEMORY is left to the service, which then must have changed nothing. An operation that a death
 * has cut short must have happened or not happened, as a whole. Those that unix repeats as the same request
 * are repeated here, and must then have happened once.
 */
#include "service/xmap/test_model.h"
#include "placement/host/host.h"
#include "placement/host/vspace.h"
#include "service/xmap/state.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPACES  5u
#define REGIONS 48u
#define LOW     48u /* pages looked at, from address 0 upward */
#define HIGH    72u /* and from PORT_USER_END downward */
#define HELD    4u

struct region {
    u64 start, size, kind, rights, fill;
    bool mapped;
};

struct space {
    bool live;
    u32 count;
    struct region region[REGIONS];
    u8 content[LOW + HIGH];
};

struct model {
    struct space space[SPACES];
};

enum operation {
    CREATE,
    FORK,
    DESTROY,
    RESERVE,
    MAP,
    UNMAP,
    RELEASE,
    PROTECT,
    RESIZE,
    CUT,
    FAULT,
    WRITE,  /* fault and pin for a store, the page filled with the call's value */
    LOAD,   /* the same as exec's loader */
    HOLD,   /* a pin for a store that is kept */
    LET_GO, /* and used and given back later */
    WILD,   /* arguments that must all be refused */
    OPERATIONS,
};

/* One operation with its arguments; what an operation does not need is ignored. */
struct call {
    enum operation operation;
    u64 space, address, size, kind, rights, fill, to;
    u8 value;
};

struct held {
    bool used;
    u64 space, address, frame;
};

static struct {
    struct model_options options;
    const u8 *at;
    u64 left;
    struct model before, after;
    struct held held[HELD];
    struct call call;
    enum err expected, got;
    bool died;
    u64 identity; /* of the latest request */
    u64 frame;    /* which the call has pinned, if it has come so far */
    bool pinned;
} play;

u64 model_operations, model_deaths, model_refusals;

static _Noreturn void differ(const char *what)
{
    const struct call *c = &play.call;
    fprintf(stderr,
            "difference: %s\n  operation %d space %lu address 0x%lx size 0x%lx to 0x%lx kind %lu rights %lu "
            "fill %lu: "
            "expected %s, got %s%s\n",
            what, (int)c->operation, c->space, c->address, c->size, c->to, c->kind, c->rights, c->fill,
            err_text(play.expected), err_text(play.got), play.died ? ", died" : "");
    abort();
}

/* ---- The model ---- */

static u64 page_address(u32 page)
{
    return page < LOW ? page * PAGE_SIZE : PORT_USER_END - (LOW + HIGH - page) * PAGE_SIZE;
}

/* The page's index, LOW + HIGH if it is not one that is looked at. */
static u32 page_index(u64 address)
{
    if (address < LOW * PAGE_SIZE)
        return (u32)(address / PAGE_SIZE);
    if (address >= PORT_USER_END || address < PORT_USER_END - HIGH * PAGE_SIZE)
        return LOW + HIGH;
    return LOW + (u32)((address - (PORT_USER_END - HIGH * PAGE_SIZE)) / PAGE_SIZE);
}

static struct region *region_at(struct space *s, u64 address)
{
    for (u32 i = 0; i < s->count; i++) {
        if (address >= s->region[i].start && address - s->region[i].start < s->region[i].size)
            return &s->region[i];
    }
    return NULL;
}

static bool range_is_free(const struct space *s, u64 start, u64 size)
{
    for (u32 i = 0; i < s->count; i++) {
        if (s->region[i].start < start + size && start < s->region[i].start + s->region[i].size)
            return false;
    }
    return true;
}

/* Candidates lie one page below a region or the end; the highest that leaves a page on both sides wins. */
static u64 hole(const struct space *s, u64 size)
{
    u64 best = 0;
    for (u32 i = 0; i <= s->count; i++) {
        u64 top = i < s->count ? s->region[i].start : PORT_USER_END;
        if (top < size + 2 * PAGE_SIZE)
            continue;
        u64 start = top - PAGE_SIZE - size;
        if (start > best && range_is_free(s, start - PAGE_SIZE, size + 2 * PAGE_SIZE))
            best = start;
    }
    return best;
}

static void content_clear(struct space *s, u64 from, u64 to)
{
    for (u32 page = 0; page < LOW + HIGH; page++) {
        if (page_address(page) >= from && page_address(page) < to)
            s->content[page] = 0;
    }
}

static void region_end(struct space *s, struct region *r)
{
    content_clear(s, r->start, r->start + r->size);
    *r = s->region[--s->count];
}

static enum err model_map(struct space *s, const struct call *c)
{
    struct region *r = region_at(s, c->address);
    if (r == NULL || r->start != c->address)
        return ERR_NOT_FOUND;
    if (r->kind != c->kind)
        return ERR_DENIED;
    if (r->mapped)
        return ERR_MAPPED;
    r->mapped = true;
    r->rights = c->rights & XMAP_RIGHT_WRITE ? c->rights | XMAP_RIGHT_READ : c->rights;
    r->fill = c->fill;
    return ERR_OK;
}

static enum err model_resize(struct space *s, const struct call *c)
{
    struct region *r = region_at(s, c->address);
    if (r == NULL || r->start != c->address)
        return ERR_NOT_FOUND;
    if (r->kind != XMAP_KIND_PROGRAM)
        return ERR_DENIED;
    if (c->size == 0 || c->size > PORT_USER_END - c->address)
        return ERR_RANGE;
    if (!r->mapped)
        return ERR_NOT_MAPPED;
    if (c->size > r->size && !range_is_free(s, r->start + r->size, c->size - r->size))
        return ERR_OVERLAP;
    if (c->size > r->size && c->fill == XMAP_FILL_LAZY)
        r->fill = XMAP_FILL_LAZY;
    content_clear(s, r->start + c->size, r->start + r->size);
    r->size = c->size;
    return ERR_OK;
}

static enum err model_cut(struct space *s, const struct call *c)
{
    if (c->address >= c->to)
        return ERR_RANGE;
    for (u32 i = s->count; i-- > 0;) {
        struct region *r = &s->region[i];
        u64 end = r->start + r->size;
        if (r->kind != XMAP_KIND_PROGRAM || r->start >= c->to || end <= c->address)
            continue;
        if (r->start < c->address) {
            content_clear(s, c->address, end);
            r->size = c->address - r->start;
        } else if (end > c->to) {
            content_clear(s, r->start, c->to);
            r->start = c->to;
            r->size = end - c->to;
        } else {
            region_end(s, r);
        }
    }
    return ERR_OK;
}

static enum err model_reserve(struct space *s, struct call *c)
{
    if (c->kind == XMAP_KIND_CALL && c->address == XMAP_ANYWHERE)
        c->to = hole(s, c->size);
    else
        c->to = c->address;
    if (c->to > PORT_USER_END - c->size)
        return ERR_RANGE;
    if (!range_is_free(s, c->to, c->size))
        return ERR_OVERLAP;
    s->region[s->count++] = (struct region){.start = c->to, .size = c->size, .kind = c->kind};
    return ERR_OK;
}

/* unmap, release and protect begin alike. */
static enum err model_change(struct space *s, const struct call *c)
{
    struct region *r = region_at(s, c->address);
    if (r == NULL || r->start != c->address)
        return ERR_NOT_FOUND;
    if (r->kind != c->kind)
        return ERR_DENIED;
    if (c->operation != RELEASE && !r->mapped)
        return ERR_NOT_MAPPED;
    if (c->operation == RELEASE) {
        region_end(s, r);
    } else if (c->operation == UNMAP) {
        content_clear(s, r->start, r->start + r->size);
        r->mapped = false;
        r->rights = r->fill = 0;
    } else {
        r->rights = c->rights & XMAP_RIGHT_WRITE ? c->rights | XMAP_RIGHT_READ : c->rights;
        if (r->rights == 0) {
            content_clear(s, r->start, r->start + r->size);
            r->fill = XMAP_FILL_LAZY;
        }
    }
    return ERR_OK;
}

/* Whether a fault or a pin would be granted; a fetch depends on more than the model knows. */
static enum err model_touch(struct space *s, const struct call *c, u64 asked)
{
    struct region *r = region_at(s, c->address);
    if (r == NULL || !r->mapped || r->rights == 0 || (r->rights & asked) != asked)
        return ERR_DENIED;
    if (c->operation == WRITE || c->operation == LOAD)
        s->content[page_index(c->address)] = c->value;
    return ERR_OK;
}

static enum err model_spaces(struct model *m, struct call *c)
{
    u32 fresh = 0;
    if (c->operation == DESTROY) {
        m->space[c->space].live = false;
        return ERR_OK;
    }
    while (m->space[fresh].live)
        fresh++;
    c->to = fresh;
    if (c->operation == FORK)
        m->space[fresh] = m->space[c->space];
    else
        m->space[fresh] = (struct space){.live = true};
    return ERR_OK;
}

static enum err model_apply(struct model *m, struct call *c)
{
    struct space *s = &m->space[c->space];
    if (c->operation == MAP && c->rights == 0)
        return ERR_ARGUMENT;
    if (c->operation < LET_GO && c->operation != CREATE && !s->live)
        return ERR_NOT_FOUND;
    switch (c->operation) {
    case CREATE:
    case FORK:
    case DESTROY:
        return model_spaces(m, c);
    case RESERVE:
        return model_reserve(s, c);
    case MAP:
        return model_map(s, c);
    case UNMAP:
    case RELEASE:
    case PROTECT:
        return model_change(s, c);
    case RESIZE:
        return model_resize(s, c);
    case CUT:
        return model_cut(s, c);
    case FAULT:
        return model_touch(s, c, c->rights);
    case WRITE:
    case HOLD:
        return model_touch(s, c, XMAP_RIGHT_WRITE);
    case LOAD:
        return model_touch(s, c, 0);
    case LET_GO:
    case WILD:
    case OPERATIONS:
        break;
    }
    return ERR_OK;
}

/* ---- The service ---- */

static void next_request(void)
{
    play.identity += PORT_REQUEST_CALLERS;
    host_request(play.identity);
}

/* Two requests. If the second is ended by a death, only that is repeated. */
static enum err pin_and_write(const struct call *c, u64 access)
{
    if (!play.pinned) {
        enum err err = xmap_pin(c->space, c->address, access, &play.frame);
        if (err != ERR_OK)
            return err;
        memset(port_frame_bytes((u32)play.frame), c->value, PAGE_SIZE);
        play.pinned = true;
        next_request();
    }
    return xmap_unpin(play.frame);
}

static bool is_repeated(enum operation operation)
{
    return operation == CREATE || operation == FORK || operation == RESIZE || operation == CUT ||
           operation == FAULT || operation == WRITE || operation == LOAD || operation == HOLD;
}

static struct held *held_free(void)
{
    for (u32 i = 0; i < HELD; i++) {
        if (!play.held[i].used)
            return &play.held[i];
    }
    return NULL;
}

static enum err hold(const struct call *c)
{
    struct held *h = held_free();
    u64 frame;
    if (h == NULL)
        return xmap_fault(c->space, c->address, XMAP_RIGHT_WRITE);
    enum err err = xmap_pin(c->space, c->address, XMAP_RIGHT_WRITE, &frame);
    if (err == ERR_OK)
        *h = (struct held){true, c->space, c->address, frame};
    return err;
}

/* Writes through the pin if its page still shows the frame, and gives it back. */
static void let_go(struct held *h)
{
    u32 frame, rights;
    bool live = play.after.space[h->space].live;
    memset(port_frame_bytes((u32)h->frame), play.call.value, 1);
    if (live && port_lookup((u32)h->space, h->address, &frame, &rights) == ERR_OK && frame == h->frame) {
        memset(port_frame_bytes(frame), play.call.value, PAGE_SIZE);
        play.after.space[h->space].content[page_index(h->address)] = play.call.value;
        play.before.space[h->space].content[page_index(h->address)] = play.call.value;
    }
    h->used = false;
    (void)xmap_unpin(h->frame);
}

/* Arguments no caller with a sound mind gives: all must be refused. */
static enum err wild(const struct call *c)
{
    u64 out, out2, out3;
    u64 odd = c->address + 1 + c->value % 7;
    enum err errs[] = {
        xmap_space_fork(PORT_SPACES + c->value, &out),
        xmap_space_destroy(~(u64)c->value),
        xmap_reserve(c->space, odd, c->size, c->kind, &out),
        xmap_reserve(c->space, c->address, c->size + 1, c->kind, &out),
        xmap_reserve(c->space, c->address, 0, c->kind, &out),
        xmap_reserve(c->space, PAGE_SIZE, ~0ul << 12, c->kind, &out),
        xmap_reserve(c->space, ~0ul << 12, c->size, c->kind, &out),
        xmap_reserve(c->space, c->address, c->size, 2 + c->kind, &out),
        xmap_map(c->space, odd, c->kind, XMAP_RIGHT_READ, c->fill),
        xmap_map(c->space, c->address, c->kind, 8ul << c->rights, c->fill),
        xmap_map(c->space, c->address, c->kind, XMAP_RIGHT_READ, 2 + c->fill),
        xmap_unmap(c->space, ~(u64)c->value, c->kind),
        xmap_release(c->space, odd, c->kind),
        xmap_protect(c->space, c->address, c->kind, 8),
        xmap_resize(c->space, c->address, ~0ul << 12, c->fill),
        xmap_resize(c->space, c->address, c->size, 2),
        xmap_cut(c->space, c->address, c->address),
        xmap_cut(c->space, c->address, ~0ul << 12),
        xmap_query(c->space, PORT_USER_END, &out, &out2, &out3),
        xmap_query(c->space, ~0ul, &out, &out2, &out3),
        xmap_fault(c->space, ~0ul, XMAP_RIGHT_READ),
        xmap_fault(c->space, c->address, 3 + 5 * (c->rights & 1)),
        xmap_pin(c->space, c->address, XMAP_RIGHT_EXEC, &out),
        xmap_pin(c->space, PORT_USER_END, XMAP_RIGHTS_ALL, &out),
        xmap_unpin(~0ul - c->value),
    };
    for (u32 i = 0; i < ARRAY_SIZE(errs); i++) {
        if (errs[i] == ERR_OK)
            differ("a wild argument was accepted");
    }
    return ERR_OK;
}

static enum err service_apply(const struct call *c)
{
    u64 out = c->to;
    enum err err = ERR_OK;
    switch (c->operation) {
    case CREATE:
        err = xmap_space_create(&out);
        break;
    case FORK:
        err = xmap_space_fork(c->space, &out);
        break;
    case DESTROY:
        return xmap_space_destroy(c->space);
    case RESERVE:
        err = xmap_reserve(c->space, c->address, c->size, c->kind, &out);
        break;
    case MAP:
        return xmap_map(c->space, c->address, c->kind, c->rights, c->fill);
    case UNMAP:
        return xmap_unmap(c->space, c->address, c->kind);
    case RELEASE:
        return xmap_release(c->space, c->address, c->kind);
    case PROTECT:
        return xmap_protect(c->space, c->address, c->kind, c->rights);
    case RESIZE:
        return xmap_resize(c->space, c->address, c->size, c->fill);
    case CUT:
        return xmap_cut(c->space, c->address, c->to);
    case FAULT:
        return xmap_fault(c->space, c->address, c->rights);
    case WRITE:
        err = xmap_fault(c->space, c->address, XMAP_RIGHT_WRITE);
        return err == ERR_OK ? pin_and_write(c, XMAP_RIGHT_WRITE) : err;
    case LOAD:
        return pin_and_write(c, XMAP_RIGHTS_ALL);
    case HOLD:
        return hold(c);
    case LET_GO:
        if (play.held[c->value % HELD].used)
            let_go(&play.held[c->value % HELD]);
        return ERR_OK;
    case WILD:
        return wild(c);
    case OPERATIONS:
        break;
    }
    if (err == ERR_OK && out != c->to)
        differ("another number or address than the model's");
    return err;
}

/* ---- Comparison ---- */

static const char *compare_page(u32 number, struct space *s, u32 page)
{
    u64 address = page_address(page);
    const struct region *r = region_at(s, address);
    u64 start, size, state;
    u32 frame, rights;
    enum err err = xmap_query(number, address + page % PAGE_SIZE, &start, &size, &state);

    if (r == NULL)
        return err == ERR_NOT_FOUND ? NULL : "a region where none should be";
    if (err != ERR_OK || start != r->start || size != r->size)
        return "a region is missing, moved or resized";
    if (state != (r->kind | r->rights << 8 | (u64)r->mapped << 16 | r->fill << 24))
        return "a region's state";
    if (port_lookup(number, address, &frame, &rights) != ERR_OK)
        return r->mapped && (r->fill == XMAP_FILL_NOW || s->content[page] != 0) ? "a page is missing" : NULL;
    if (!r->mapped)
        return "a page of a reserved region";
    const u8 *bytes = port_frame_bytes(frame);
    if (bytes[0] != s->content[page] || memcmp(bytes, bytes + 1, PAGE_SIZE - 1) != 0)
        return "the content of a page";
    return NULL;
}

static const char *compare(struct model *m)
{
    for (u32 i = 0; i < SPACES; i++) {
        struct space *s = &m->space[i];
        if (s->live != (xmap_kept->spaces[i].state == SPACE_LIVE))
            return "a space lives that should not, or the reverse";
        for (u32 page = 0; s->live && page < LOW + HIGH; page++) {
            const char *difference = compare_page(i, s, page);
            if (difference != NULL)
                return difference;
        }
    }
    return NULL;
}

/* ---- The player ---- */

static u8 take(void)
{
    if (play.left == 0)
        return 0;
    play.left--;
    return *play.at++;
}

/* Mostly the start of a region, sometimes any page looked at. */
static u64 take_address(u64 space)
{
    u8 a = take(), b = take();
    const struct space *s = &play.before.space[space];
    if (a % 4 != 0 && s->live && s->count > 0)
        return s->region[b % s->count].start + (a % 4 == 1 ? (u64)(a >> 4) * PAGE_SIZE : 0);
    return page_address(b % (LOW + HIGH));
}

static u32 spaces_live(void)
{
    u32 count = 0;
    for (u32 i = 0; i < SPACES; i++)
        count += play.before.space[i].live;
    return count;
}

/* How often what is asked for: building and using more often than ending, so that there is something to go
 * wrong. */
static const u8 weighted[] = {
    CREATE, FORK,  FORK,    RESERVE, RESERVE, RESERVE, RESERVE, MAP,    MAP,    MAP,   MAP,
    MAP,    UNMAP, RELEASE, PROTECT, PROTECT, RESIZE,  RESIZE,  RESIZE, FAULT,  FAULT, WRITE,
    WRITE,  WRITE, WRITE,   LOAD,    LOAD,    HOLD,    HOLD,    LET_GO, LET_GO,
};

static enum operation operation_choose(u8 b)
{
    if (b >= 8 * ARRAY_SIZE(weighted))
        return b & 4 ? CUT : b & 2 ? WILD : DESTROY;
    return weighted[b % ARRAY_SIZE(weighted)];
}

/* Mostly one that lives. */
static u64 space_choose(u8 b)
{
    u64 space = b % SPACES;
    for (u32 i = 0; b < 240 && i < SPACES && !play.before.space[space].live; i++)
        space = (space + 1) % SPACES;
    return space;
}

static void call_choose(struct call *c)
{
    u8 b = take();
    *c = (struct call){.operation = operation_choose(b), .value = b};
    c->space = space_choose(take());
    c->address = take_address(c->space);
    b = take();
    c->size = (1 + b % 6) * PAGE_SIZE;
    c->kind = b >> 6 & 1;
    c->fill = b >> 7;
    struct region *r = region_at(&play.before.space[c->space], c->address);
    if (r != NULL && b % 16 != 0)
        c->kind = r->kind;
    b = take();
    c->rights = b & 7;
    c->value ^= b;
    c->to = c->address + (b >> 3) % 12 * PAGE_SIZE;
    if (c->to > PORT_USER_END)
        c->to = PORT_USER_END;
    if (c->operation == RESERVE && b & 64)
        c->address = 0;
    if (c->operation == MAP && b % 16 < 10)
        c->rights |= XMAP_RIGHT_WRITE;
    if (c->operation == FAULT)
        c->rights = c->rights & 1 ? XMAP_RIGHT_WRITE : XMAP_RIGHT_READ;
}

/* Whether the model can follow the call: not too many of anything, nothing outside the pages looked at. */
static bool call_is_followed(struct call *c)
{
    struct space *s = &play.before.space[c->space];
    if ((c->operation == CREATE || c->operation == FORK) && spaces_live() == SPACES)
        return false;
    if (c->operation == RESERVE && s->count == REGIONS)
        return false;
    if (c->operation == RESERVE && c->kind == XMAP_KIND_CALL && c->address == XMAP_ANYWHERE)
        return page_index(hole(s, c->size)) < LOW + HIGH;
    u64 last = c->address + c->size - PAGE_SIZE;
    return page_index(c->address) < LOW + HIGH && (last >= PORT_USER_END || page_index(last) < LOW + HIGH);
}

static void must_hold(const char *broken)
{
    if (broken != NULL)
        differ(broken);
}

static const char *compare_pins(void)
{
    for (u32 frame = 0; frame < xmap_kept->frame_count; frame++) {
        u32 ours = 0;
        for (u32 i = 0; i < HELD; i++)
            ours += play.held[i].used && play.held[i].frame == frame;
        if (xmap_kept->frames[frame].pins != ours)
            return "a pin too many or too few";
    }
    return NULL;
}

/* The service has died: it starts again, and dies again on the way as often as the bytes say. */
static void restart(void)
{
    model_deaths++;
    static u64 rounds;
    rounds = 0;
    if (setjmp(host_death) != 0)
        rounds++;
    u8 b = take();
    host_death_after(rounds < 4 && b % 3 == 0 ? 1 + b : 0);
    if (xmap_restart() != ERR_OK)
        differ("no restart");
    host_death_after(0);
    must_hold(xmap_check());
    for (u32 i = 0; i < PORT_SPACES; i++) {
        if (xmap_kept->spaces[i].state == SPACE_LOST)
            differ("a space was lost");
    }
}

static void settle(void)
{
    if (play.died)
        restart();
    if (play.died && is_repeated(play.call.operation)) {
        play.got = service_apply(&play.call);
        play.died = false;
    }
    if (play.died) {
        if (compare(&play.before) == NULL)
            play.after = play.before;
    } else if (play.got == ERR_NO_MEMORY && play.expected == ERR_OK) {
        model_refusals++;
        play.after = play.before;
    } else if (play.got != play.expected) {
        differ("result");
    }
    must_hold(xmap_check());
    must_hold(compare(&play.after));
    must_hold(compare_pins());
    play.before = play.after;
}

static void held_release(u64 space)
{
    for (u32 i = 0; i < HELD; i++) {
        if (play.held[i].used && play.held[i].space == space)
            let_go(&play.held[i]);
    }
}

static void step(void)
{
    struct call *c = &play.call;
    call_choose(c);
    u8 trouble = take();
    if (!call_is_followed(c))
        return;
    if (c->operation == DESTROY)
        held_release(c->space);
    model_operations++;
    play.died = false;
    play.after = play.before;
    play.expected = model_apply(&play.after, c);
    play.got = ERR_OK;
    if (play.options.failures && trouble % 4 == 1)
        host_vspace_fail(1 + trouble / 4 % 8, 1 + trouble / 64);
    if (play.options.deaths && trouble % 4 == 2 && c->operation != LET_GO && c->operation != WILD)
        host_death_after(trouble < 128 ? 1 + trouble / 4 : 1 + trouble / 4 % 8);
    play.pinned = false;
    next_request();
    if (setjmp(host_death) == 0)
        play.got = service_apply(c);
    else
        play.died = true;
    host_death_after(0);
    host_vspace_fail(0, 0);
    settle();
    host_request(0);
}

void model_play(const struct model_options *options, const u8 *bytes, u64 length)
{
    u64 free_now, total, committed;

    memset(&play, 0, sizeof play);
    play.options = *options;
    play.at = bytes;
    play.left = length;
    host_reset();
    host_vspace_reset(options->frames);
    if (xmap_start() != ERR_OK)
        differ("no start");
    while (play.left > 0)
        step();
    for (u32 i = 0; i < SPACES; i++) {
        held_release(i);
        if (play.before.space[i].live && xmap_space_destroy(i) != ERR_OK)
            differ("a space cannot be destroyed");
    }
    must_hold(xmap_check());
    if (xmap_usage(&free_now, &total, &committed) != ERR_OK || free_now != total || committed != 0)
        differ("frames are missing at the end");
}
