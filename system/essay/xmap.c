/*
 * xmap in user space: a table of regions, a table of frames, and the kernel's calls.
 *
 * Frame i of the table is the capability in slot first_slot + i; an entry not in use is an empty slot. A
 * frame's memory returns to the untyped only together with all the rest of it, so what is unmapped is not
 * used again.
 *
 * Called by: the allocator, the worker, main. One thread in each address space, hence no lock.
 * Fails:     XMAP_EINVAL, XMAP_EUNMAPPED, XMAP_ENOMEM; never XMAP_EMAPPED, which is the bug.
 */
#include "system/essay/xmap.h"

#define REGIONS_MAX 8
#define FRAMES_MAX  128
#define AREA_START  0x40000000ul /* away from any root task's image, which is below 1 GiB */
#define AREA_SIZE   0x10000000ul

struct region {
    u64 start;
    u64 length; /* 0: the entry is free */
    bool mapped;
};

struct frame {
    u64 address; /* where it was to be mapped; whether it is, only the kernel knows */
    bool in_use;
};

static struct authority *owner;
static seL4_CPtr first_slot;
static u64 next_address = AREA_START;
static struct region regions[REGIONS_MAX];
static struct frame frames[FRAMES_MAX];
static seL4_Error page_answers[FRAMES_MAX];

void xmap_init(struct authority *authority)
{
    owner = authority;
    first_slot = slots_take(authority, FRAMES_MAX);
}

seL4_Error xmap_page_answer(u64 page)
{
    return page < FRAMES_MAX ? page_answers[page] : seL4_RangeError;
}

u64 xmap_frames_held(void)
{
    u64 count = 0;
    for (u64 i = 0; i < FRAMES_MAX; i++)
        count += frames[i].in_use;
    return count;
}

/* NULL: r is no region. */
static struct region *region_of(const xmap_region_t *r)
{
    if (r == NULL)
        return NULL;
    for (u64 i = 0; i < REGIONS_MAX; i++) {
        if (regions[i].length != 0 && regions[i].start == r->start && regions[i].length == r->length)
            return &regions[i];
    }
    return NULL;
}

/* A new frame meant for `address`; FRAMES_MAX if there is none. */
static u64 frame_take(u64 address)
{
    for (u64 i = 0; i < FRAMES_MAX; i++) {
        if (frames[i].in_use)
            continue;
        if (object_create(owner, first_slot + i, seL4_RISCV_4K_Page, 0) != seL4_NoError)
            return FRAMES_MAX;
        frames[i] = (struct frame){.address = address, .in_use = true};
        return i;
    }
    return FRAMES_MAX;
}

/* Gives one frame back for each page that has one: deleting its last capability unmaps it. A second frame
 * meant for the same page is never looked for, since there cannot be one: this is where the leak stays a
 * leak. */
static void frames_drop(const struct region *region)
{
    for (u64 offset = 0; offset < region->length; offset += PAGE_SIZE) {
        u64 i = 0;
        while (i < FRAMES_MAX && !(frames[i].in_use && frames[i].address == region->start + offset))
            i++;
        if (i < FRAMES_MAX) {
            seL4_CNode_Delete(owner->cnode, first_slot + i, SLOT_DEPTH);
            frames[i].in_use = false;
        }
    }
}

int xmap_reserve(unsigned long size, xmap_region_t *r)
{
    if (r == NULL || size == 0)
        return XMAP_EINVAL;
    u64 left = AREA_START + AREA_SIZE - next_address;
    if (size > left || round_up(size, PAGE_SIZE) > left)
        return XMAP_ENOMEM;
    for (u64 i = 0; i < REGIONS_MAX; i++) {
        if (regions[i].length != 0)
            continue;
        regions[i] = (struct region){.start = next_address, .length = round_up(size, PAGE_SIZE)};
        next_address += regions[i].length;
        *r = (xmap_region_t){.start = regions[i].start, .length = regions[i].length};
        return 0;
    }
    return XMAP_ENOMEM;
}

int xmap_map(xmap_region_t *r, int prot)
{
    struct region *region = region_of(r);
    if (region == NULL)
        return XMAP_EINVAL;
    if ((prot & ~(XMAP_READ | XMAP_WRITE | XMAP_EXEC)) != 0 || (prot & XMAP_READ) == 0)
        return XMAP_EINVAL;
    if (first_slot == seL4_CapNull || region->length / PAGE_SIZE > FRAMES_MAX)
        return XMAP_ENOMEM;

    /* The essay's bug: region->mapped is not looked at, and below, the kernel's answer changes nothing. */
    seL4_CapRights_t rights = prot & XMAP_WRITE ? seL4_ReadWrite : seL4_CanRead;
    seL4_RISCV_VMAttributes attributes =
        prot & XMAP_EXEC ? seL4_RISCV_Default_VMAttributes : seL4_RISCV_ExecuteNever;
    for (u64 page = 0; page < region->length / PAGE_SIZE; page++) {
        u64 address = region->start + page * PAGE_SIZE;
        u64 i = frame_take(address);
        if (i == FRAMES_MAX)
            return XMAP_ENOMEM;
        page_answers[page] = frame_map(owner, owner->vspace, first_slot + i, address, rights, attributes);
    }
    region->mapped = true;
    r->prot = prot;
    return 0;
}

int xmap_unmap(xmap_region_t *r)
{
    struct region *region = region_of(r);
    if (region == NULL)
        return XMAP_EINVAL;
    if (!region->mapped)
        return XMAP_EUNMAPPED;
    frames_drop(region);
    region->mapped = false;
    r->prot = 0;
    return 0;
}

int xmap_release(xmap_region_t *r)
{
    struct region *region = region_of(r);
    if (region == NULL)
        return XMAP_EINVAL;
    frames_drop(region);
    *region = (struct region){0};
    *r = (xmap_region_t){0};
    return 0;
}
