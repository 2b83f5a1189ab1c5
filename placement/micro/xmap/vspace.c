/*
 * Port vspace on micro: frames, page tables and address spaces as capabilities, in a CNode that outlives this
 * server.
 *
 * Nothing of the API says what is mapped where, so each page table has a shadow here: for each page the
 * frame, its rights and the slot of the capability copy that maps it. Kept memory holds shadows and records;
 * what can be worked out from them (free lists, the tables of a space) is rebuilt in each generation.
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
#define NONE        0xffffffffu
#define ENTRIES     512u
#define PAGE_BITS   12
#define LEVELS      2 /* of tables below a root */

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

/* A root table is made with its space's number and serves every space of that number, one after the other. */
enum made { MADE_NOTHING, MADE_MEMORY, MADE_ROOT };

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
    u8 made[PORT_SPACES];    /* enum made, of its root table */
};

static struct kept *kept;
static struct table *tables;       /* kept, as are the next three: TABLES of them */
static shadow (*shadows)[ENTRIES]; /* one for each table */
static u8 *used;                   /* FRAMES of them: given out */
static u16 *lent;                  /* FRAMES of them: the client whose window shows it, or LENT_* */

/* Rebuilt in each generation. */
static u32 free_frames;  /* made, and not given out */
static u32 unmade;       /* still to be made */
static u32 frame_hint;   /* where the search for one goes on */
static u32 mapping_hint; /* likewise, a word of the next */
static u64 mapping_used[XMAP_MAPPINGS(XMAP_FRAMES_MAX) / 64];
static u64 in_window[XMAP_FRAMES_MAX / 64];
static u32 table_hint; /* no table with a lower number is free */
/* The tables of a space at each level are linked in the order of their addresses. The one last found is where
 * the next search begins, if that is not below it: pages are mostly asked for in ascending order. */
static u32 table_first[PORT_SPACES][LEVELS], table_recent[PORT_SPACES][LEVELS];
static u32 table_next[XMAP_TABLES_MAX];
static u64 present[XMAP_TABLES_MAX * ENTRIES / 64]; /* a bit for each entry of a shadow that is not empty */

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
    return free_frames + unmade;
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
    unmade -= count;
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
    u16 client = (u16)server_record()->client, before = lent[frame];

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

static u32 region_of(u32 level, uaddr address)
{
    return (u32)(address >> region_shift(level));
}

/* The first table of the level that begins at `region` or above. */
static u32 table_from(u32 space, u32 level, u32 region)
{
    u32 t = table_recent[space][level];

    if (t == NONE || tables[t].region > region)
        t = table_first[space][level];
    while (t != NONE && tables[t].region < region)
        t = table_next[t];
    if (t != NONE)
        table_recent[space][level] = t;
    return t;
}

static u32 table_find(u32 space, u32 level, uaddr address)
{
    u32 region = region_of(level, address), t = table_recent[space][level];

    if (t != NONE && tables[t].region == region)
        return t;
    t = table_from(space, level, region);
    return t != NONE && tables[t].region == region ? t : NONE;
}

static void table_link(u32 t)
{
    u32 *place = &table_first[tables[t].space][tables[t].level];

    while (*place != NONE && tables[*place].region < tables[t].region)
        place = &table_next[*place];
    table_next[t] = *place;
    *place = t;
}

static void table_unlink(u32 t)
{
    u32 *place = &table_first[tables[t].space][tables[t].level];

    while (*place != t)
        place = &table_next[*place];
    *place = table_next[t];
    table_recent[tables[t].space][tables[t].level] = NONE;
}

static void table_end(u32 t)
{
    progress();
    step_to(&tables[t].step, STEP_BEGUN);
    if (seL4_RISCV_PageTable_Unmap(CPTR_IN(SLOT_KEPT, SLOT_OF_TABLE(t))) != seL4_NoError)
        port_fatal("xmap: a page table cannot be unmapped");
    step_to(&tables[t].step, STEP_NONE);
    table_hint = table_hint < t ? table_hint : t;
}

/* The place of the lowest bit that is set, of which there is one. */
static u32 lowest_bit(u64 bits)
{
    u32 place = 0;

    for (u32 width = 32; width > 0; width /= 2) {
        if (!(bits & ((1ul << width) - 1))) {
            bits >>= width;
            place += width;
        }
    }
    return place;
}

/* The first entry from `i` on that is not empty; ENTRIES if there is none. */
static u32 entry_next(u32 t, u32 i)
{
    const u64 *words = &present[t * (ENTRIES / 64)];
    u64 bits = words[i / 64] >> i % 64 << i % 64;

    for (i /= 64; bits == 0; bits = words[i]) {
        if (++i == ENTRIES / 64)
            return ENTRIES;
    }
    return i * 64 + lowest_bit(bits);
}

/* After every store that fills or empties an entry. */
static void note_present(const shadow *entry)
{
    u64 i = (u64)(entry - shadows[0]), bit = 1ul << i % 64;

    present[i / 64] = *entry ? present[i / 64] | bit : present[i / 64] & ~bit;
}

static bool table_is_empty(u32 t)
{
    return entry_next(t, 0) == ENTRIES;
}

/* Spaces keep tables whose pages are gone; when there are none left for others, those come back. */
static void tables_reclaim(void)
{
    for (u32 t = 0; t < TABLES; t++) {
        if (tables[t].step == STEP_DONE && tables[t].level == 0 && table_is_empty(t)) {
            table_unlink(t);
            table_end(t);
        }
    }
}

static u32 table_free(void)
{
    while (table_hint < TABLES && tables[table_hint].step != STEP_NONE)
        table_hint++;
    return table_hint;
}

/* A table for the region of `address`, mapped. Tables of the upper level are asked for first, so each call
 * fills exactly the level it names. The shadow of a table not in use is empty. */
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
    table->region = region_of(level, address);
    step_to(&table->step, STEP_BEGUN);
    if (seL4_RISCV_PageTable_Map(CPTR_IN(SLOT_KEPT, SLOT_OF_TABLE(t)),
                                 CPTR_IN(SLOT_KEPT, SLOT_OF_ROOT(space)), address,
                                 seL4_RISCV_Default_VMAttributes) != seL4_NoError)
        port_fatal("xmap: a page table cannot be mapped");
    step_to(&table->step, STEP_DONE);
    table_link(t);
    return ERR_OK;
}

/* ---- Spaces ---- */

bool port_space_exists(u32 space)
{
    return space < PORT_SPACES && kept->spaces[space] == STEP_DONE;
}

/* The root table of a number, with an identifier of its own for translations. A death in between leaves
 * MADE_MEMORY, and space_end() takes the root away. */
static bool root_make(u32 space)
{
    if (kept->made[space] == MADE_ROOT)
        return true;
    if (kept->made[space] == MADE_NOTHING &&
        retype(CPTR_IN(SLOT_KEPT, SLOT_OF_TABLES_MEMORY + 1), seL4_UntypedObject, PAGE_BITS,
               SLOT_OF_ROOT_MEMORY(space), 1))
        return false;
    kept->made[space] = MADE_MEMORY;
    if (retype(CPTR_IN(SLOT_KEPT, SLOT_OF_ROOT_MEMORY(space)), seL4_RISCV_PageTableObject, 0,
               SLOT_OF_ROOT(space), 1) ||
        seL4_RISCV_ASIDPool_Assign(CPTR(SLOT_ASID_POOL), CPTR_IN(SLOT_KEPT, SLOT_OF_ROOT(space)))) {
        slot_delete(SLOT_OF_ROOT(space));
        return false;
    }
    __atomic_store_n(&kept->made[space], MADE_ROOT, __ATOMIC_RELEASE);
    return true;
}

enum err port_space_create(u32 space)
{
    port_assert(space < PORT_SPACES, "space out of range");
    if (kept->spaces[space] != STEP_NONE)
        return ERR_EXISTS;
    step_to(&kept->spaces[space], STEP_BEGUN);
    if (!root_make(space)) {
        step_to(&kept->spaces[space], STEP_NONE);
        return ERR_NO_MEMORY;
    }
    step_to(&kept->spaces[space], STEP_DONE);
    return ERR_OK;
}

/* Revoking the root takes it from every thread that runs in it: they fault. Without its tables it is as new,
 * and the next space of this number has it. */
static void space_end(u32 space)
{
    for (u32 level = 0; level < LEVELS; level++) {
        while (table_first[space][level] != NONE) {
            u32 t = table_first[space][level];

            table_unlink(t);
            table_end(t);
        }
    }
    if (seL4_CNode_Revoke(CNODE_KEPT, SLOT_OF_ROOT(space), CSPACE_SHIFT) != seL4_NoError)
        port_fatal("xmap: a space cannot be revoked");
    if (kept->made[space] != MADE_ROOT)
        slot_delete(SLOT_OF_ROOT(space));
    step_to(&kept->spaces[space], STEP_NONE);
}

void port_space_destroy(u32 space)
{
    port_assert(port_space_exists(space), "space destroyed twice");
    for (u32 t = table_first[space][0]; t != NONE; t = table_next[t])
        port_assert(table_is_empty(t), "space destroyed with pages");
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

        if (~mapping_used[word]) {
            u32 bit = lowest_bit(~mapping_used[word]);

            mapping_used[word] |= 1ul << bit;
            mapping_hint = word;
            return word * 64 + bit;
        }
    }
    return NONE;
}

static enum err tables_make(u32 space, uaddr address)
{
    for (u32 level = LEVELS; level-- > 0;) {
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

    port_assert(port_space_exists(space), "map in no space");
    port_assert(address % PAGE_SIZE == 0 && address < PORT_USER_END, "map outside the user's range");
    port_assert(rights != 0 && frame < kept->fresh, "map of nothing");
    entry = entry_of(space, address);
    if (!entry) {
        enum err err = tables_make(space, address);

        if (err != ERR_OK)
            return err;
        entry = entry_of(space, address);
    }
    port_assert(*entry == 0, "mappages: remap");
    mapping = mapping_take();
    if (mapping == NONE)
        return ERR_NO_MEMORY;
    store(entry, shadow_new(frame, rights, STEP_BEGUN, mapping));
    note_present(entry);
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
    note_present(entry);
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
    u32 t = port_space_exists(space) && from < to ? table_from(space, 0, region_of(0, from)) : NONE;

    progress();
    for (; t != NONE; t = table_next[t]) {
        uaddr base = (u64)tables[t].region << region_shift(0);
        u32 i = entry_next(t, base < from ? (u32)((from - base) >> PAGE_SHIFT) : 0);

        if (i < ENTRIES)
            return base + (u64)i * PAGE_SIZE < to ? base + (u64)i * PAGE_SIZE : to;
        if (base >= to)
            break;
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
        note_present(entry);
    }
}

/* Of a table that was being made or ended, or whose record is damaged, nothing stays. */
static void tables_recover(void)
{
    for (u32 t = 0; t < TABLES; t++) {
        const struct table *table = &tables[t];

        if (table->step != STEP_NONE &&
            (table->step != STEP_DONE || table->space >= PORT_SPACES || table->level >= LEVELS))
            table_end(t);
        if (table->step == STEP_NONE && table->made)
            memset(shadows[t], 0, sizeof(shadows[t]));
        if (table->step != STEP_DONE)
            continue;
        table_link(t);
        if (table->level == 0)
            table_recover(t);
    }
}

static void recover(void)
{
    tables_recover();
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
    lent = (u16 *)(u64)round_up((u64)(used + frames), sizeof(*lent));
    for (u32 space = 0; space < PORT_SPACES; space++) {
        for (u32 level = 0; level < LEVELS; level++)
            table_first[space][level] = table_recent[space][level] = NONE;
    }
    if (server_info()->generation > 1)
        recover();
    for (u32 frame = 0; frame < kept->fresh; frame++)
        free_frames += !used[frame];
    unmade = (u32)server_info()->usable - kept->fresh;
    note_free();
    return ERR_OK;
}
