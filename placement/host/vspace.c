/*
 * port/vspace.h on the host: page tables of the shape of Sv39 in plain memory, frames with real bytes.
 *
 * A frame's bytes are junk when it is given out, and poisoned for the address sanitizer while it is free, so
 * that whoever keeps a pointer too long is found. Calls that a service may die at are instants of death
 * (host.h): on entry, where nothing has happened yet, and on return.
 *
 * Locking: none; the core's lock is enough.
 * Not here: port/keep.h; pages and tables survive a death of the service as they would on micro.
 */
#include "placement/host/vspace.h"
#include "placement/host/host.h"
#include "port/log.h"
#include "port/program.h"
#include "port/vspace.h"
#include <sanitizer/asan_interface.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES        512u
#define LEVELS         3
#define DEFAULT_FRAMES 4096u
#define RIGHTS_ALL     (PORT_READ | PORT_WRITE | PORT_EXEC)

struct page {
    u32 frame;
    u8 present;
    u8 rights;
};

union table {
    union table *next[ENTRIES]; /* levels 2 and 1 */
    struct page page[ENTRIES];  /* level 0 */
};

struct frame {
    bool used;
    u32 mapped; /* by how many pages */
};

static struct {
    u8 *bytes;
    struct frame *frames;
    u32 total;
    u32 used;
    u32 tables;
    u32 next; /* where the search for a free frame goes on */
    u64 allocations;
    u64 fail_at, fail_count;
    union table *roots[PORT_SPACES];
} pool;

/* ---- The pool ---- */

static void table_free(union table *table, int level)
{
    for (u32 i = 0; level > 0 && i < ENTRIES; i++) {
        if (table->next[i] != NULL)
            table_free(table->next[i], level - 1);
    }
    free(table);
    pool.tables--;
}

void host_vspace_reset(u32 frames)
{
    for (u32 i = 0; i < PORT_SPACES; i++) {
        if (pool.roots[i] != NULL)
            table_free(pool.roots[i], LEVELS - 1);
    }
    if (pool.bytes != NULL)
        ASAN_UNPOISON_MEMORY_REGION(pool.bytes, pool.total * PAGE_SIZE);
    free(pool.bytes);
    free(pool.frames);
    memset(&pool, 0, sizeof pool);
    pool.total = frames < HOST_FRAMES_MAX ? frames : HOST_FRAMES_MAX;
    pool.bytes = aligned_alloc(PAGE_SIZE, (pool.total + 1) * PAGE_SIZE);
    pool.frames = calloc(pool.total + 1, sizeof *pool.frames);
    if (pool.bytes == NULL || pool.frames == NULL)
        abort();
    ASAN_POISON_MEMORY_REGION(pool.bytes, pool.total * PAGE_SIZE);
}

static void pool_begin(void)
{
    if (pool.bytes == NULL)
        host_vspace_reset(DEFAULT_FRAMES);
}

void host_vspace_fail(u64 n, u64 count)
{
    pool.fail_at = n > 0 ? pool.allocations + n : 0;
    pool.fail_count = count;
}

u64 host_vspace_allocations(void)
{
    return pool.allocations;
}

/* Whether the next allocation may succeed. */
static bool allocation_succeeds(void)
{
    pool.allocations++;
    return pool.fail_at == 0 || pool.allocations < pool.fail_at ||
           pool.allocations - pool.fail_at >= pool.fail_count;
}

static union table *table_new(void)
{
    if (!allocation_succeeds() || port_frames_free() == 0)
        return NULL;
    union table *table = calloc(1, sizeof *table);
    if (table != NULL)
        pool.tables++;
    return table;
}

/* ---- Frames ---- */

u32 port_frames_total(void)
{
    pool_begin();
    return pool.total;
}

u64 port_frames_free(void)
{
    pool_begin();
    return pool.total - pool.used - pool.tables;
}

enum err port_frame_alloc(u32 *frame)
{
    host_instant();
    if (!allocation_succeeds() || port_frames_free() == 0)
        return ERR_NO_MEMORY;
    while (pool.frames[pool.next % pool.total].used)
        pool.next++;
    u32 found = pool.next % pool.total;
    /* The number is out before the frame is: a death between the two leaves the frame free. */
    *frame = found;
    host_instant();
    pool.frames[found] = (struct frame){.used = true};
    pool.used++;
    ASAN_UNPOISON_MEMORY_REGION(pool.bytes + found * PAGE_SIZE, PAGE_SIZE);
    memset(pool.bytes + found * PAGE_SIZE, 0xa5, PAGE_SIZE);
    host_instant();
    return ERR_OK;
}

void port_frame_free(u32 frame)
{
    host_instant();
    port_assert(frame < pool.total && pool.frames[frame].used, "frame freed twice");
    port_assert(pool.frames[frame].mapped == 0, "frame freed while mapped");
    ASAN_POISON_MEMORY_REGION(pool.bytes + frame * PAGE_SIZE, PAGE_SIZE);
    pool.frames[frame].used = false;
    pool.used--;
    host_instant();
}

void *port_frame_bytes(u32 frame)
{
    return frame < pool.total ? pool.bytes + frame * PAGE_SIZE : NULL;
}

enum err port_frame_lend(u32 frame)
{
    host_instant();
    port_assert(frame < pool.total && pool.frames[frame].used, "free frame lent");
    return allocation_succeeds() ? ERR_OK : ERR_NO_MEMORY;
}

u8 *port_program_bytes(u64 frame)
{
    return frame < pool.total ? pool.bytes + frame * PAGE_SIZE : NULL;
}

/* ---- Spaces ---- */

enum err port_space_create(u32 space)
{
    host_instant();
    port_assert(space < PORT_SPACES, "space out of range");
    if (pool.roots[space] != NULL)
        return ERR_EXISTS;
    pool.roots[space] = table_new();
    host_instant();
    return pool.roots[space] != NULL ? ERR_OK : ERR_NO_MEMORY;
}

void port_space_destroy(u32 space)
{
    host_instant();
    port_assert(port_space_exists(space), "space does not exist");
    port_assert(port_next_mapped(space, 0, PORT_USER_END) == PORT_USER_END, "space destroyed with pages");
    table_free(pool.roots[space], LEVELS - 1);
    pool.roots[space] = NULL;
    host_instant();
}

bool port_space_exists(u32 space)
{
    return space < PORT_SPACES && pool.roots[space] != NULL;
}

/* ---- Pages ---- */

static u32 entry_index(uaddr address, int level)
{
    return (address >> (PAGE_SHIFT + 9 * level)) % ENTRIES;
}

/* The entry of the page; NULL if a table is absent, which `create` says to allocate. */
static struct page *page_entry(u32 space, uaddr address, bool create)
{
    port_assert(port_space_exists(space), "space does not exist");
    port_assert(address < PORT_USER_END, "page out of range");
    union table *table = pool.roots[space];
    for (int level = LEVELS - 1; level > 0; level--) {
        union table **next = &table->next[entry_index(address, level)];
        if (*next == NULL && create)
            *next = table_new();
        if (*next == NULL)
            return NULL;
        table = *next;
    }
    return &table->page[entry_index(address, 0)];
}

static struct page *page_present(u32 space, uaddr address)
{
    struct page *page = page_entry(space, address, false);
    return page != NULL && page->present ? page : NULL;
}

enum err port_map(u32 space, uaddr address, u32 frame, u32 rights)
{
    host_instant();
    port_assert(address % PAGE_SIZE == 0, "page not aligned");
    port_assert(rights != 0 && (rights & ~RIGHTS_ALL) == 0, "page without rights");
    port_assert(frame < pool.total && pool.frames[frame].used, "free frame mapped");
    struct page *page = page_entry(space, address, true);
    if (page == NULL)
        return ERR_NO_MEMORY;
    port_assert(!page->present, "mappages: remap");
    *page = (struct page){.frame = frame, .present = 1, .rights = (u8)rights};
    pool.frames[frame].mapped++;
    host_instant();
    return ERR_OK;
}

enum err port_unmap(u32 space, uaddr address, u32 *frame)
{
    host_instant();
    struct page *page = page_present(space, address);
    if (page == NULL)
        return ERR_NOT_MAPPED;
    *frame = page->frame;
    pool.frames[page->frame].mapped--;
    page->present = 0;
    host_instant();
    return ERR_OK;
}

enum err port_protect(u32 space, uaddr address, u32 rights)
{
    host_instant();
    port_assert(rights != 0 && (rights & ~RIGHTS_ALL) == 0, "page without rights");
    struct page *page = page_present(space, address);
    if (page == NULL)
        return ERR_NOT_MAPPED;
    page->rights = (u8)rights;
    host_instant();
    return ERR_OK;
}

enum err port_lookup(u32 space, uaddr address, u32 *frame, u32 *rights)
{
    const struct page *page = page_present(space, address);
    if (page == NULL)
        return ERR_NOT_MAPPED;
    *frame = page->frame;
    *rights = page->rights;
    return ERR_OK;
}

/* The lowest mapped page of `table`, which begins at `base`, in [from, to). */
static uaddr table_next(const union table *table, int level, uaddr base, uaddr from, uaddr to)
{
    u64 span = PAGE_SIZE << (9 * level);
    for (u32 i = from > base ? (u32)((from - base) / span) : 0; i < ENTRIES && base + i * span < to; i++) {
        uaddr at = base + i * span;
        if (level == 0 && table->page[i].present)
            return at;
        if (level == 0 || table->next[i] == NULL)
            continue;
        uaddr found = table_next(table->next[i], level - 1, at, from, to);
        if (found < to)
            return found;
    }
    return to;
}

uaddr port_next_mapped(u32 space, uaddr from, uaddr to)
{
    port_assert(port_space_exists(space), "space does not exist");
    return table_next(pool.roots[space], LEVELS - 1, 0, from, to);
}
