/*
 * Port vspace on micro: frames, page tables and address spaces as capabilities, in a CNode that outlives this
 * server.
 *
 * Nothing of the API says what is mapped where, so each page table has a shadow here: for each page the
 * frame, its rights and the slot of the capability copy that maps it. Kept memory holds shadows and records;
 * what can be worked out from them (free lists, the hash of tables) is rebuilt in each generation.
 *
 * A death may come between any two instructions. So each capability operation is preceded by a store that
 * says what is about to happen (an intent), and followed by one that says it did; vspace_recover() undoes or
 * finishes what lies between. All operations below may be repeated: a retype or copy into a slot that is full
 * already did happen.
 *
 * The kept CNode:  [0, F) frames; [F, 2F) copies lent to unix; [2F, 4F) copies that map pages in spaces;
 *                  then T tables, then for each space an untyped of one page and the root table made from it;
 *                  the last two are the untypeds all this is made of.
 *
 * Locking: xmap's lock, held by the caller of every function.
 */
#include "port/vspace.h"
#include "lib/string.h"
#include "placement/micro/server/runtime.h"
#include "placement/micro/xmap/server.h"
#include "port/keep.h"
#include "port/log.h"

#define FRAMES_MAX  16384u /* 64 MiB; the slots of the kept CNode are laid out for it */
#define TABLES_MAX  512u
#define MAPPINGS    (2 * FRAMES_MAX)
#define FRESH_BATCH 32u /* frames retyped at once */
#define HASH_SIZE   1024u
#define NONE        0xffffffffu
#define ENTRIES     512u

#define SLOT_OF_FRAME(f)       ((u64)(f))
#define SLOT_OF_LENT(f)        (FRAMES_MAX + (u64)(f))
#define SLOT_OF_MAPPING(m)     (2 * FRAMES_MAX + (u64)(m))
#define SLOT_OF_TABLE(t)       (2 * FRAMES_MAX + MAPPINGS + (u64)(t))
#define SLOT_OF_ROOT(s)        (2 * FRAMES_MAX + MAPPINGS + TABLES_MAX + 2 * (u64)(s))
#define SLOT_OF_ROOT_MEMORY(s) (SLOT_OF_ROOT(s) + 1)
_Static_assert(SLOT_OF_ROOT(PORT_SPACES) <= XMAP_KEPT_POOL, "the kept CNode is large enough");

#define PAGE_BITS 12

enum step { STEP_NONE, STEP_BEGUN, STEP_DONE, STEP_AGAIN };

/* One page of a space, in one word so that a store cannot tear it: frame 0..31, rights 32..34, step 35..36,
 * slot 37.. */
typedef u64 shadow;

struct table {
    u32 space;
    u32 step;   /* STEP_NONE: not in use; BEGUN: being mapped or unmapped; DONE: mapped */
    u32 level;  /* 0: entries are pages; 1: entries are tables of level 0 */
    u32 region; /* the address by the table's reach: address >> region_shift(level) */
};

struct kept {
    u32 fresh;               /* frames ever made: numbers below it exist */
    u8 used[FRAMES_MAX];     /* given out */
    u8 lent[FRAMES_MAX];     /* enum step: in unix's window */
    u32 spaces[PORT_SPACES]; /* enum step; AGAIN: being destroyed */
    struct table tables[TABLES_MAX];
    shadow shadows[TABLES_MAX][ENTRIES];
};

static struct kept *kept;

/* Rebuilt in each generation. */
static u32 free_frames[FRAMES_MAX], free_frame_count;
static u32 free_mappings[MAPPINGS], free_mapping_count;
static u64 mapping_used[MAPPINGS / 64];
static u64 in_window[FRAMES_MAX / 64];
static u32 hash_head[HASH_SIZE], hash_next[TABLES_MAX];

/* ---- Words and slots ---- */

static shadow shadow_new(u32 frame, u32 rights, enum step step, u32 mapping)
{
    return (u64)frame | (u64)rights << 32 | (u64)step << 35 | (u64)mapping << 37;
}

static u32 shadow_frame(shadow s)
{
    return (u32)s;
}

static u32 shadow_rights(shadow s)
{
    return s >> 32 & 7;
}

static enum step shadow_step(shadow s)
{
    return s >> 35 & 3;
}

static u32 shadow_mapping(shadow s)
{
    return (u32)(s >> 37);
}

static void store(shadow *place, shadow value)
{
    __atomic_store_n(place, value, __ATOMIC_RELEASE);
}

static void step_to(u32 *place, enum step step)
{
    __atomic_store_n(place, step, __ATOMIC_RELEASE);
}

static void slot_delete(u64 slot)
{
    if (seL4_CNode_Delete(CNODE_KEPT, slot, CSPACE_SHIFT) != seL4_NoError)
        port_fatal("xmap: a kept capability cannot be deleted");
}

/* Copies a frame's capability. A full slot holds the copy that a dead generation made. */
static void frame_copy(u64 to_cnode, u64 to, u32 frame)
{
    seL4_Error error = seL4_CNode_Copy(to_cnode, to, CSPACE_SHIFT, CNODE_KEPT, SLOT_OF_FRAME(frame),
                                       CSPACE_SHIFT, seL4_ReadWrite);

    if (error != seL4_NoError && error != seL4_DeleteFirst)
        port_fatal("xmap: a frame's capability cannot be copied");
}

static seL4_Error retype(u64 untyped, u64 type, u64 bits, u64 slot, u64 count)
{
    seL4_Error error = seL4_Untyped_Retype(untyped, type, bits, CNODE_KEPT, 0, 0, slot, count);

    return error == seL4_DeleteFirst ? seL4_NoError : error;
}

/* ---- Frames ---- */

static void note_free(void)
{
    server_record()->current_free = port_frames_free();
}

u32 port_frames_total(void)
{
    return (u32)server_info()->frames;
}

u64 port_frames_free(void)
{
    return free_frame_count + (server_info()->frames - kept->fresh);
}

static bool make_frames(void)
{
    u32 count = (u32)min_u64(FRESH_BATCH, server_info()->frames - kept->fresh);

    if (count == 0 || retype(CPTR_IN(SLOT_KEPT, XMAP_KEPT_POOL), seL4_RISCV_4K_Page, PAGE_BITS,
                             SLOT_OF_FRAME(kept->fresh), count))
        return false;
    for (u32 i = 0; i < count; i++)
        free_frames[free_frame_count++] = kept->fresh + count - 1 - i;
    kept->fresh += count;
    return true;
}

enum err port_frame_alloc(u32 *frame)
{
    u32 taken;

    if (free_frame_count == 0 && !make_frames())
        return ERR_NO_MEMORY;
    taken = free_frames[free_frame_count - 1];
    *frame = taken; /* before it counts as given out: the core's record names it then */
    __atomic_store_n(&kept->used[taken], 1, __ATOMIC_RELEASE);
    free_frame_count--;
    note_free();
    return ERR_OK;
}

void port_frame_free(u32 frame)
{
    port_assert(frame < kept->fresh && kept->used[frame], "frame freed twice");
    __atomic_store_n(&kept->used[frame], 0, __ATOMIC_RELEASE);
    free_frames[free_frame_count++] = frame;
    note_free();
}

void *port_frame_bytes(u32 frame)
{
    u64 address = WINDOW_BASE + (u64)frame * PAGE_SIZE;

    if (frame >= kept->fresh)
        return NULL;
    if (!(in_window[frame / 64] >> frame % 64 & 1)) {
        frame_copy(CNODE_PRIVATE, frame, frame);
        if (seL4_RISCV_Page_Map(CPTR_IN(SLOT_PRIVATE, frame), CPTR(SLOT_VSPACE), address, seL4_ReadWrite,
                                seL4_RISCV_ExecuteNever) != seL4_NoError)
            port_fatal("xmap: a frame cannot be mapped in the window");
        in_window[frame / 64] |= 1ul << frame % 64;
    }
    return (void *)address;
}

enum err port_frame_lend(u32 frame)
{
    port_assert(frame < kept->fresh, "lend of no frame");
    if (kept->lent[frame] == STEP_DONE)
        return ERR_OK;
    kept->lent[frame] = STEP_BEGUN;
    frame_copy(CNODE_KEPT, SLOT_OF_LENT(frame), frame);
    if (seL4_RISCV_Page_Map(CPTR_IN(SLOT_KEPT, SLOT_OF_LENT(frame)), CPTR(SLOT_UNIX_VSPACE),
                            WINDOW_BASE + (u64)frame * PAGE_SIZE, seL4_ReadWrite,
                            seL4_RISCV_ExecuteNever) != seL4_NoError) {
        slot_delete(SLOT_OF_LENT(frame));
        kept->lent[frame] = STEP_NONE;
        return ERR_NO_MEMORY;
    }
    kept->lent[frame] = STEP_DONE;
    return ERR_OK;
}

/* ---- Tables ---- */

static u32 region_shift(u32 level)
{
    return PAGE_SHIFT + 9 * (level + 1);
}

static u32 hash(u32 space, u32 level, u32 region)
{
    return (region * 31 + space * 7 + level) % HASH_SIZE;
}

static u32 table_find(u32 space, u32 level, uaddr address)
{
    u32 region = (u32)(address >> region_shift(level));
    u32 t = hash_head[hash(space, level, region)];

    while (t != NONE && (kept->tables[t].space != space || kept->tables[t].level != level ||
                         kept->tables[t].region != region))
        t = hash_next[t];
    return t;
}

static void hash_insert(u32 t)
{
    u32 *head = &hash_head[hash(kept->tables[t].space, kept->tables[t].level, kept->tables[t].region)];

    hash_next[t] = *head;
    *head = t;
}

static void hash_remove(u32 t)
{
    u32 *place = &hash_head[hash(kept->tables[t].space, kept->tables[t].level, kept->tables[t].region)];

    while (*place != t)
        place = &hash_next[*place];
    *place = hash_next[t];
}

/* A table for the region of `address`, mapped. Tables of the upper level are asked for first, so each call
 * fills exactly the level it names. */
static enum err table_make(u32 space, u32 level, uaddr address)
{
    struct table *table;
    u32 t = 0;

    while (t < TABLES_MAX && kept->tables[t].step != STEP_NONE)
        t++;
    if (t == TABLES_MAX ||
        retype(CPTR_IN(SLOT_KEPT, XMAP_KEPT_TABLES), seL4_RISCV_PageTableObject, 0, SLOT_OF_TABLE(t), 1))
        return ERR_NO_MEMORY;
    table = &kept->tables[t];
    table->space = space;
    table->level = level;
    table->region = (u32)(address >> region_shift(level));
    memset(kept->shadows[t], 0, sizeof(kept->shadows[t]));
    step_to(&table->step, STEP_BEGUN);
    if (seL4_RISCV_PageTable_Map(CPTR_IN(SLOT_KEPT, SLOT_OF_TABLE(t)),
                                 CPTR_IN(SLOT_KEPT, SLOT_OF_ROOT(space)), address,
                                 seL4_RISCV_Default_VMAttributes) != seL4_NoError)
        port_fatal("xmap: a page table cannot be mapped");
    step_to(&table->step, STEP_DONE);
    hash_insert(t);
    return ERR_OK;
}

static void table_end(u32 t)
{
    step_to(&kept->tables[t].step, STEP_BEGUN);
    if (seL4_RISCV_PageTable_Unmap(CPTR_IN(SLOT_KEPT, SLOT_OF_TABLE(t))) != seL4_NoError)
        port_fatal("xmap: a page table cannot be unmapped");
    step_to(&kept->tables[t].step, STEP_NONE);
}

/* ---- Spaces ---- */

bool port_space_exists(u32 space)
{
    return space < PORT_SPACES && kept->spaces[space] == STEP_DONE;
}

enum err port_space_create(u32 space)
{
    port_assert(space < PORT_SPACES, "space out of range");
    if (kept->spaces[space] != STEP_NONE)
        return ERR_EXISTS;
    step_to(&kept->spaces[space], STEP_BEGUN);
    if (retype(CPTR_IN(SLOT_KEPT, XMAP_KEPT_TABLES), seL4_UntypedObject, PAGE_BITS,
               SLOT_OF_ROOT_MEMORY(space), 1) ||
        retype(CPTR_IN(SLOT_KEPT, SLOT_OF_ROOT_MEMORY(space)), seL4_RISCV_PageTableObject, 0,
               SLOT_OF_ROOT(space), 1) ||
        seL4_RISCV_ASIDPool_Assign(CPTR(SLOT_ASID_POOL), CPTR_IN(SLOT_KEPT, SLOT_OF_ROOT(space)))) {
        slot_delete(SLOT_OF_ROOT(space));
        step_to(&kept->spaces[space], STEP_NONE);
        return ERR_NO_MEMORY;
    }
    step_to(&kept->spaces[space], STEP_DONE);
    return ERR_OK;
}

/* Revoking the root takes it from every thread that runs in it: they fault. Deleting it frees the identifier.
 */
static void space_end(u32 space)
{
    for (u32 level = 0; level < 2; level++) {
        for (u32 t = 0; t < TABLES_MAX; t++) {
            if (kept->tables[t].step != STEP_NONE && kept->tables[t].space == space &&
                kept->tables[t].level == level)
                table_end(t);
        }
    }
    if (seL4_CNode_Revoke(CNODE_KEPT, SLOT_OF_ROOT(space), CSPACE_SHIFT) != seL4_NoError)
        port_fatal("xmap: a space cannot be revoked");
    slot_delete(SLOT_OF_ROOT(space));
    step_to(&kept->spaces[space], STEP_NONE);
}

void port_space_destroy(u32 space)
{
    port_assert(port_space_exists(space), "space destroyed twice");
    for (u32 t = 0; t < TABLES_MAX; t++) {
        if (kept->tables[t].step != STEP_DONE || kept->tables[t].space != space)
            continue;
        for (u32 i = 0; i < ENTRIES; i++)
            port_assert(kept->shadows[t][i] == 0, "space destroyed with pages");
        hash_remove(t);
    }
    step_to(&kept->spaces[space], STEP_AGAIN);
    space_end(space);
}

u64 vspace_root_cap(u32 space)
{
    return port_space_exists(space) ? CPTR_IN(SLOT_KEPT, SLOT_OF_ROOT(space)) : 0;
}

/* ---- Pages ---- */

static shadow *entry_of(u32 space, uaddr address)
{
    u32 t = table_find(space, 0, address);

    return t == NONE ? NULL : &kept->shadows[t][address >> PAGE_SHIFT & (ENTRIES - 1)];
}

static seL4_Error map_as(u32 space, uaddr address, u32 mapping, u32 rights)
{
    seL4_CapRights_t access = rights & PORT_WRITE ? seL4_ReadWrite : seL4_CanRead;
    seL4_Word attributes = rights & PORT_EXEC ? seL4_RISCV_Default_VMAttributes : seL4_RISCV_ExecuteNever;

    return seL4_RISCV_Page_Map(CPTR_IN(SLOT_KEPT, SLOT_OF_MAPPING(mapping)),
                               CPTR_IN(SLOT_KEPT, SLOT_OF_ROOT(space)), address, access, attributes);
}

static void mapping_free(u32 mapping)
{
    mapping_used[mapping / 64] &= ~(1ul << mapping % 64);
    free_mappings[free_mapping_count++] = mapping;
}

static enum err tables_make(u32 space, uaddr address)
{
    for (u32 level = 2; level-- > 0;) {
        if (table_find(space, level, address) == NONE) {
            enum err err = table_make(space, level, address);

            if (err != ERR_OK)
                return err;
        }
    }
    return ERR_OK;
}

enum err port_map(u32 space, uaddr address, u32 frame, u32 rights)
{
    shadow *entry;
    u32 mapping;
    enum err err;

    port_assert(port_space_exists(space), "map in no space");
    port_assert(address % PAGE_SIZE == 0 && address < PORT_USER_END, "map outside the user's range");
    port_assert(rights != 0 && frame < kept->fresh, "map of nothing");
    err = tables_make(space, address);
    if (err != ERR_OK)
        return err;
    entry = entry_of(space, address);
    port_assert(*entry == 0, "mappages: remap");
    if (free_mapping_count == 0)
        return ERR_NO_MEMORY;
    mapping = free_mappings[--free_mapping_count];
    mapping_used[mapping / 64] |= 1ul << mapping % 64;
    store(entry, shadow_new(frame, rights, STEP_BEGUN, mapping));
    frame_copy(CNODE_KEPT, SLOT_OF_MAPPING(mapping), frame);
    if (map_as(space, address, mapping, rights) != seL4_NoError)
        port_fatal("xmap: a page cannot be mapped");
    store(entry, shadow_new(frame, rights, STEP_DONE, mapping));
    return ERR_OK;
}

enum err port_unmap(u32 space, uaddr address, u32 *frame)
{
    shadow *entry = port_space_exists(space) ? entry_of(space, address) : NULL;
    shadow page;

    if (!entry || !*entry)
        return ERR_NOT_MAPPED;
    page = *entry;
    *frame = shadow_frame(page);
    store(entry, shadow_new(shadow_frame(page), shadow_rights(page), STEP_BEGUN, shadow_mapping(page)));
    slot_delete(SLOT_OF_MAPPING(shadow_mapping(page)));
    store(entry, 0);
    mapping_free(shadow_mapping(page));
    return ERR_OK;
}

enum err port_protect(u32 space, uaddr address, u32 rights)
{
    shadow *entry = port_space_exists(space) ? entry_of(space, address) : NULL;
    u32 mapping;

    port_assert(rights != 0, "protect to nothing");
    if (!entry || !*entry)
        return ERR_NOT_MAPPED;
    mapping = shadow_mapping(*entry);
    store(entry, shadow_new(shadow_frame(*entry), rights, STEP_AGAIN, mapping));
    if (map_as(space, address, mapping, rights) != seL4_NoError)
        port_fatal("xmap: a page's rights cannot be changed");
    store(entry, shadow_new(shadow_frame(*entry), rights, STEP_DONE, mapping));
    return ERR_OK;
}

enum err port_lookup(u32 space, uaddr address, u32 *frame, u32 *rights)
{
    shadow *entry = port_space_exists(space) && address < PORT_USER_END ? entry_of(space, address) : NULL;

    if (!entry || !*entry)
        return ERR_NOT_MAPPED;
    *frame = shadow_frame(*entry);
    *rights = shadow_rights(*entry);
    return ERR_OK;
}

uaddr port_next_mapped(u32 space, uaddr from, uaddr to)
{
    uaddr address = from;

    while (port_space_exists(space) && address < to) {
        u64 reach = PAGE_SIZE;

        if (table_find(space, 1, address) == NONE)
            reach = 1ul << region_shift(1);
        else if (table_find(space, 0, address) == NONE)
            reach = 1ul << region_shift(0);
        else if (*entry_of(space, address))
            return address;
        address = round_down(address, reach) + reach;
    }
    return to;
}

/* ---- The beginning of a generation ---- */

/* After a death, of one table's pages: a copy half made or half deleted goes; changed rights are set again.
 */
static void table_recover(u32 t)
{
    const struct table *table = &kept->tables[t];

    for (u32 i = 0; i < ENTRIES; i++) {
        shadow *entry = &kept->shadows[t][i];
        uaddr address = ((u64)table->region << region_shift(0)) + (u64)i * PAGE_SIZE;

        if (*entry == 0)
            continue;
        if (shadow_mapping(*entry) >= MAPPINGS || shadow_frame(*entry) >= kept->fresh) {
            port_log("xmap: a damaged page record of space %u is dropped\n", table->space);
            store(entry, 0);
        } else if (shadow_step(*entry) == STEP_BEGUN) {
            slot_delete(SLOT_OF_MAPPING(shadow_mapping(*entry)));
            store(entry, 0);
        } else {
            if (shadow_step(*entry) == STEP_AGAIN)
                map_as(table->space, address, shadow_mapping(*entry), shadow_rights(*entry));
            store(entry,
                  shadow_new(shadow_frame(*entry), shadow_rights(*entry), STEP_DONE, shadow_mapping(*entry)));
            mapping_used[shadow_mapping(*entry) / 64] |= 1ul << shadow_mapping(*entry) % 64;
        }
    }
}

static void recover(void)
{
    for (u32 t = 0; t < TABLES_MAX; t++) {
        struct table *table = &kept->tables[t];

        if (table->step == STEP_BEGUN)
            table_end(t);
        if (table->step == STEP_DONE && table->level == 0)
            table_recover(t);
    }
    for (u32 space = 0; space < PORT_SPACES; space++) {
        if (kept->spaces[space] == STEP_BEGUN || kept->spaces[space] == STEP_AGAIN)
            space_end(space);
    }
    for (u32 frame = 0; frame < kept->fresh; frame++) {
        if (kept->lent[frame] == STEP_BEGUN) {
            slot_delete(SLOT_OF_LENT(frame));
            kept->lent[frame] = STEP_NONE;
        }
    }
}

enum err vspace_begin(void)
{
    kept = port_keep_memory(sizeof(struct kept));
    if (!kept || server_info()->frames > FRAMES_MAX)
        return ERR_NO_MEMORY;
    if (server_info()->generation > 1)
        recover();
    for (u32 i = 0; i < HASH_SIZE; i++)
        hash_head[i] = NONE;
    for (u32 t = 0; t < TABLES_MAX; t++) {
        if (kept->tables[t].step == STEP_DONE)
            hash_insert(t);
    }
    for (u32 frame = kept->fresh; frame-- > 0;) {
        if (!kept->used[frame])
            free_frames[free_frame_count++] = frame;
    }
    for (u32 mapping = MAPPINGS; mapping-- > 0;) {
        if (!(mapping_used[mapping / 64] >> mapping % 64 & 1))
            free_mappings[free_mapping_count++] = mapping;
    }
    note_free();
    return ERR_OK;
}
