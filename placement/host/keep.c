/*
 * port/keep.h on the host: memory that outlives a "death" (host.h), with a real undo record.
 *
 * Several services may live in one test program, each with one structure. The port does not say whose call it
 * is, so a structure is found again by its size; two services with structures of the same size need a test
 * program each. The undo record belongs to the structure; a thread remembers which one it has open.
 */
#include "port/keep.h"
#include "placement/host/host.h"
#include "port/log.h"
#include <stdlib.h>
#include <string.h>

#define STRUCTURES 5

struct range {
    u8 *at;
    u64 size;
    u64 saved_at; /* index into saved */
};

struct kept {
    u8 *memory;
    u64 size;
    bool open;
    u32 ranges;
    u64 saved_bytes;
    struct range range[PORT_KEEP_RANGES];
    u8 saved[PORT_KEEP_BYTES];
};

static struct kept structures[STRUCTURES];
static __thread struct kept *mine; /* whose step this thread has open */

jmp_buf host_death;
void (*host_on_instant)(void);
static u64 instants_left;

void host_death_after(u64 instants)
{
    instants_left = instants;
}

void host_instant(void)
{
    if (host_on_instant != NULL)
        host_on_instant();
    if (instants_left == 0 || --instants_left > 0)
        return;
    host_keep_undo();
    longjmp(host_death, 1);
}

void *port_keep_memory(u64 size)
{
    for (u32 i = 0; i < STRUCTURES; i++) {
        struct kept *k = &structures[i];
        if (k->memory != NULL && k->size != size)
            continue;
        if (k->memory == NULL) {
            u64 whole = round_up(size, PAGE_SIZE);
            k->memory = aligned_alloc(PAGE_SIZE, whole);
            k->size = size;
            if (k->memory != NULL)
                memset(k->memory, 0, whole);
        }
        return k->memory;
    }
    return NULL;
}

static struct kept *structure_of(const u8 *at, u64 size)
{
    for (u32 i = 0; i < STRUCTURES; i++) {
        struct kept *k = &structures[i];
        if (k->memory == NULL || at < k->memory)
            continue;
        u64 offset = (u64)(at - k->memory);
        if (offset <= k->size && size <= k->size - offset)
            return k;
    }
    return NULL;
}

void port_keep_begin(void *range, u64 size)
{
    struct kept *k = structure_of(range, size);
    port_assert(k != NULL, "kept step outside the kept structure");
    port_assert(!k->open || mine == k, "kept step opened twice");
    port_assert(k->ranges < PORT_KEEP_RANGES && size <= PORT_KEEP_BYTES - k->saved_bytes,
                "kept step too long");
    k->open = true;
    mine = k;
    k->range[k->ranges++] = (struct range){.at = range, .size = size, .saved_at = k->saved_bytes};
    memcpy(k->saved + k->saved_bytes, range, size);
    k->saved_bytes += size;
    host_instant();
}

static void close_step(struct kept *k)
{
    k->open = false;
    k->ranges = 0;
    k->saved_bytes = 0;
}

void port_keep_commit(void)
{
    port_assert(mine != NULL && mine->open, "kept step not open");
    host_instant(); /* a death here undoes the step */
    close_step(mine);
    mine = NULL;
    host_instant(); /* and here it stays */
}

/* Latest range first, so that a byte saved twice gets its oldest value. */
void host_keep_undo(void)
{
    for (u32 i = 0; i < STRUCTURES; i++) {
        struct kept *k = &structures[i];
        for (u32 r = k->ranges; r-- > 0;)
            memcpy(k->range[r].at, k->saved + k->range[r].saved_at, k->range[r].size);
        close_step(k);
    }
    mine = NULL;
}

void host_keep_reset(void)
{
    for (u32 i = 0; i < STRUCTURES; i++) {
        free(structures[i].memory);
        structures[i] = (struct kept){0};
    }
    mine = NULL;
    instants_left = 0;
}
