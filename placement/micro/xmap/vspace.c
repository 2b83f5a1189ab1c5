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
 * The kept CNode:  [0, F) frames; [F, 2F) copies lent to unix; then M copies that map pages in spaces;
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

#define FRESH_BATCH 32u /* frames retyped at once */
#define HASH_SIZE   1024u
#define NONE        0xffffffffu
#define ENTRIES     512u
#define PAGE_BITS   12

#define FRAMES   ((u32)server_info()->frames)
#define TABLES   ((u32)server_info()->tables)
#define MAPPINGS (XMAP_MAPPINGS(FRAMES))

#define SLOT_OF_FRAME(f)       ((u64)(f))
#define SLOT_OF_LENT(f)        (FRAMES + (u64)(f))
#define SLOT_OF_MAPPING(m)     (2 * (u64)FRAMES + (u64)(m))
#define SLOT_OF_TABLE(t)       (SLOT_OF_MAPPING(MAPPINGS) + (u64)(t))
#define SLOT_OF_ROOT(s)        (SLOT_OF_TABLE(TABLES) + 2 * (u64)(s))
#define SLOT_OF_ROOT_MEMORY(s) (SLOT_OF_ROOT(s) + 1)
#define SLOT_OF_TABLES_MEMORY                                                                                \
    SLOT_OF_ROOT(PORT_SPACES) /* of the first XMAP_TABLES_FIRST; the next one: of the rest and the roots */
#define SLOT_OF_POOL(p) (SLOT_OF_TABLES_MEMORY + 2 + (u64)(p))

/* Beside the numbers of clients (layout.h), in `lent`. */
enum { LENT_NEVER = 0, LENT_BEGUN = LEND_MAX + 1 };

enum step { STEP_NONE, STEP_BEGUN, STEP_DONE, STEP_AGAIN };

/* One page of a space, in one word so that a store cannot tear it: frame 0..31, rights 32..34, step 35..36,
 * slot 37.. */
typedef u64 shadow;

struct table {
    u32 space;
    u32 step;   /* STEP_NONE: not in use; BEGUN: being mapped or unmapped; DONE: mapped */
    u16 level;  /* 0: entries are pages; 1: entries are tables of level 0 */
    u16 made;   /* its object exists, and is used again after it was unmapped */
    u32 region; /* the address by the table's reach: address >> region_shift(level) */
};

struct kept {
    u32 fresh;               /* frames ever made: numbers below it exist */
    u32 spaces[PORT_SPACES]; /* enum step; AGAIN: being destroyed */
    u8 made[PORT_SPACES];    /* the untyped of its root table exists */
};

static struct kept *kept;
static struct table *tables;       /* kept, as are the next three: TABLES of them */
static shadow (*shadows)[ENTRIES]; /* one for each table */
static u8 *used;                   /* FRAMES of them: given out */
static u8 *lent;                   /* FRAMES of them: the client whose window shows it, or LENT_* */

/* Rebuilt in each generation. */
static u32 free_frames;  /* made, and not given out */
static u32 frame_hint;   /* where the search for one goes on */
static u32 mapping_hint; /* likewise, a word of the next */
static u64 mapping_used[XMAP_MAPPINGS(XMAP_FRAMES_MAX) / 64];
static u64 in_window[XMAP_FRAMES_MAX / 64];
static u32 hash_head[HASH_SIZE], hash_next[XMAP_TABLES_MAX];

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

/* Steps of long work: copying or ending a large space takes long, and is no hang. */
static void progress(void)
{
    server_record()->progress++;
}

static void store(shadow *place, shadow value)
{
    __atomic_store_n(place, value, __ATOMIC_RELEASE);
    progress();
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
    return FRAMES;
}

u64 port_frames_free(void)
{
    return free_frames + (server_info()->usable - kept->fresh);
}

static const struct info_pool *pool_of(u32 frame, u32 *n)
{
    const struct server_info *info = server_info();

    for (*n = 0; *n + 1 < info->pools; (*n)++) {
        if (frame < info->pool[*n].first + info->pool[*n].count)
            break;
    }
    return &info->pool[*n];
}

/* Frames are made as they are first needed, a few at a time, in the order of their numbers. */
static bool make_frames(void)
{
    u32 n, first = kept->fresh, count;
    const struct info_pool *pool = pool_of(first, &n);

    if (first == server_info()->usable)
        return false;
    count = (u32)min_u64(FRESH_BATCH, pool->first + pool->count - first);
    if (retype(CPTR_IN(SLOT_KEPT, SLOT_OF_POOL(n)), seL4_RISCV_4K_Page, PAGE_BITS, SLOT_OF_FRAME(first),
               count))
        return false;
    kept->fresh = first + count;
    free_frames += count;
    frame_hint = first;
    return true;
}

enum err port_frame_alloc(u32 *frame)
{
    u32 taken;

    if (free_frames == 0 && !make_frames())
        return ERR_NO_MEMORY;
    for (taken = frame_hint; used[taken]; taken = taken + 1 < kept->fresh ? taken + 1 : 0)
        ;
    *frame = taken; /* before it counts as given out: the core's record names it then */
    __atomic_store_n(&used[taken], 1, __ATOMIC_RELEASE);
    frame_hint = taken + 1 < kept->fresh ? taken + 1 : 0;
    free_frames--;
    note_free();
    return ERR_OK;
}

void port_frame_free(u32 frame)
{
    port_assert(frame < kept->fresh && used[frame], "frame freed twice");
    __atomic_store_n(&used[frame], 0, __ATOMIC_RELEASE);
    free_frames++;
    frame_hint = frame; /* the warmest first */
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

/* What was lent to a unix that has died is mapped nowhere any more; the copy is, for its new generation. */
enum err port_frame_lend(u32 frame)
{
    u64 slot = SLOT_OF_LENT(frame);
    u8 client = (u8)server_record()->client, before = lent[frame];

    port_assert(frame < kept->fresh, "lend of no frame");
    if (before == client)
        return ERR_OK;
    __atomic_store_n(&lent[frame], LENT_BEGUN, __ATOMIC_RELEASE);
    if (before == LENT_NEVER)
        frame_copy(CNODE_KEPT, slot, frame);
    else
        seL4_RISCV_Page_Unmap(CPTR_IN(SLOT_KEPT, slot));
    if (seL4_RISCV_Page_Map(CPTR_IN(SLOT_KEPT, slot), CPTR(SLOT_UNIX_VSPACE),
                            WINDOW_BASE + (u64)frame * PAGE_SIZE, seL4_ReadWrite,
                            seL4_RISCV_ExecuteNever) != seL4_NoError) {
        slot_delete(slot);
        __atomic_store_n(&lent[frame], LENT_NEVER, __ATOMIC_RELEASE);
        return ERR_NO_MEMORY;
    }
    __atomic_store_n(&lent[frame], client, __ATOMIC_RELEASE);
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

    while (t != NONE && (tables[t].space != space || tables[t].level != level || tables[t].region != region))
        t = hash_next[t];
    return t;
}

static void hash_insert(u32 t)
{
    u32 *head = &hash_head[hash(tables[t].space, tables[t].level, tables[t].region)];

    hash_next[t] = *head;
    *head = t;
}

static void hash_remove(u32 t)
{
    u32 *place = &hash_head[hash(tables[t].space, tables[t].level, tables[t].region)];

    while (*place != t)
        place = &hash_next[*place];
    *place = hash_next[t];
}

static void table_end(u32 t)
{
    progress();
    step_to(&tables[t].step, STEP_BEGUN);
    if (seL4_RISCV_PageTable_Unmap(CPTR_IN(SLOT_KEPT, SLOT_OF_TABLE(t))) != seL4_NoError)
        port_fatal("xmap: a page table cannot be unmapped");
    step_to(&tables[t].step, STEP_NONE);
}

static bool table_is_empty(u32 t)
{
    for (u32 i = 0; i < ENTRIES; i++) {
        if (shadows[t][i])
            return false;
    }
    return true;
}

/* Spaces keep tables whose pages are gone; when there are none left for others, those come back. */
static void tables_reclaim(void)
{
    for (u32 t = 0; t < TABLES; t++) {
        if (tables[t].step == STEP_DONE && tables[t].level == 0 && table_is_empty(t)) {
            hash_remove(t);
            table_end(t);
        }
    }
}

static u32 table_free(void)
{
    u32 t = 0;

    while (t < TABLES && tables[t].step != STEP_NONE)
        t++;
    return t;
}

/* A table for the region of `address`, mapped. Tables of the upper level are asked for first, so each call
 * fills exactly the level it names. */
static enum err table_make(u32 space, u32 level, uaddr address)
{
    struct table *table;
    u32 t = table_free();

    if (t == TABLES) {
        tables_reclaim();
        t = table_free();
    }
    if (t == TABLES)
        return ERR_NO_MEMORY;
    table = &tables[t];
    if (!table->made && retype(CPTR_IN(SLOT_KEPT, SLOT_OF_TABLES_MEMORY + t / XMAP_TABLES_FIRST),
                               seL4_RISCV_PageTableObject, 0, SLOT_OF_TABLE(t), 1))
        return ERR_NO_MEMORY;
    table->made = true;
    table->space = space;
    table->level = (u16)level;
    table->region = (u32)(address >> region_shift(level));
    memset(shadows[t], 0, sizeof(shadows[t]));
    step_to(&table->step, STEP_BEGUN);
    if (seL4_RISCV_PageTable_Map(CPTR_IN(SLOT_KEPT, SLOT_OF_TABLE(t)),
                                 CPTR_IN(SLOT_KEPT, SLOT_OF_ROOT(space)), address,
                                 seL4_RISCV_Default_VMAttributes) != seL4_NoError)
        port_fatal("xmap: a page table cannot be mapped");
    step_to(&table->step, STEP_DONE);
    hash_insert(t);
    return ERR_OK;
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
    if ((!kept->made[space] && retype(CPTR_IN(SLOT_KEPT, SLOT_OF_TABLES_MEMORY + 1), seL4_UntypedObject,
                                      PAGE_BITS, SLOT_OF_ROOT_MEMORY(space), 1)) ||
        retype(CPTR_IN(SLOT_KEPT, SLOT_OF_ROOT_MEMORY(space)), seL4_RISCV_PageTableObject, 0,
               SLOT_OF_ROOT(space), 1) ||
        seL4_RISCV_ASIDPool_Assign(CPTR(SLOT_ASID_POOL), CPTR_IN(SLOT_KEPT, SLOT_OF_ROOT(space)))) {
        slot_delete(SLOT_OF_ROOT(space));
        step_to(&kept->spaces[space], STEP_NONE);
        return ERR_NO_MEMORY;
    }
    kept->made[space] = true;
    step_to(&kept->spaces[space], STEP_DONE);
    return ERR_OK;
}

/* Revoking the root takes it from every thread that runs in it: they fault. Deleting it frees the identifier.
 */
static void space_end(u32 space)
{
    for (u32 level = 0; level < 2; level++) {
        for (u32 t = 0; t < TABLES; t++) {
            if (tables[t].step != STEP_NONE && tables[t].space == space && tables[t].level == level)
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
    for (u32 t = 0; t < TABLES; t++) {
        if (tables[t].step != STEP_DONE || tables[t].space != space)
            continue;
        port_assert(tables[t].level > 0 || table_is_empty(t), "space destroyed with pages");
        hash_remove(t);
        progress();
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

    return t == NONE ? NULL : &shadows[t][address >> PAGE_SHIFT & (ENTRIES - 1)];
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
    mapping_hint = mapping / 64;
}

/* A slot for one more copy; NONE if all are taken. */
static u32 mapping_take(void)
{
    u32 words = MAPPINGS / 64;

    for (u32 i = 0; i < words; i++) {
        u32 word = (mapping_hint + i) % words;

        for (u32 bit = 0; ~mapping_used[word] && bit < 64; bit++) {
            if (mapping_used[word] >> bit & 1)
                continue;
            mapping_used[word] |= 1ul << bit;
            mapping_hint = word;
            return word * 64 + bit;
        }
    }
    return NONE;
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
    mapping = mapping_take();
    if (mapping == NONE)
        return ERR_NO_MEMORY;
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
        progress();
    }
    return to;
}

/* ---- The beginning of a generation ---- */

/* After a death, of one table's pages: a copy half made or half deleted goes; changed rights are set again.
 */
static void table_recover(u32 t)
{
    const struct table *table = &tables[t];

    for (u32 i = 0; i < ENTRIES; i++) {
        shadow *entry = &shadows[t][i];
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
    for (u32 t = 0; t < TABLES; t++) {
        struct table *table = &tables[t];

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
        if (lent[frame] == LENT_BEGUN) {
            slot_delete(SLOT_OF_LENT(frame));
            lent[frame] = LENT_NEVER;
        }
    }
}

enum err vspace_begin(void)
{
    u64 frames = FRAMES, count = TABLES;
    u8 *memory = port_keep_memory(XMAP_PORT_KEPT(frames, count));

    if (!memory || frames > XMAP_FRAMES_MAX || count > XMAP_TABLES_MAX)
        return ERR_NO_MEMORY;
    shadows = (shadow(*)[ENTRIES])memory;
    tables = (struct table *)(memory + count * sizeof(*shadows));
    kept = (struct kept *)(tables + count);
    used = (u8 *)(kept + 1);
    lent = used + frames;
    if (server_info()->generation > 1)
        recover();
    for (u32 i = 0; i < HASH_SIZE; i++)
        hash_head[i] = NONE;
    for (u32 t = 0; t < TABLES; t++) {
        if (tables[t].step == STEP_DONE)
            hash_insert(t);
    }
    for (u32 frame = 0; frame < kept->fresh; frame++)
        free_frames += !used[frame];
    note_free();
    return ERR_OK;
}
