/*
 * Port vspace on micro: frames, page tables and address spaces as capabilities, in a CNode that outlives this
 * server.
 *
 * Nothing of the API says what is mapped where, so each page table has a shadow here: for each page the
 * frame, its rights and the slot of the capability copy that maps it. Kept memory holds shadows and records;
 * what can be worked out from them (free lists, the tables of a space) is rebuilt in each generation.
 *
 * A death may come between any two instructions. So each capability operation is preceded by a store that
 * says what is about to happen (an intent), and followed by one that says it did; recover() undoes or
 * finishes what lies between. All operations below may be repeated: a retype or copy into a slot that is full
 * already did happen.
 *
 * A dying server may have written anywhere, so recover() checks each record before it trusts it. A page whose
 * record is damaged becomes one that shows FRAME_DAMAGED, which is no frame: the core finds it, and gives up
 * the space. What a damaged record of a table tells of whom, see table_drop(). In both cases copies stay in
 * slots that no record names any more; while such a slot is full its page is still shown, and it would pass
 * for a copy of the next frame. mappings_sweep() empties them before anything is mapped or freed again.
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

/*
 * One page of a space, in one word so that a store cannot tear it: the fields below. No such word is 0, which
 * is an absent page. It names its space, though its table does too: so a table's pages tell whose it was. The
 * check is over all the other bits.
 */
typedef u64 shadow;

#define FRAME_SHIFT   0
#define FRAME_WIDTH   20
#define RIGHTS_SHIFT  20
#define RIGHTS_WIDTH  3
#define STEP_SHIFT    23
#define STEP_WIDTH    2
#define MAPPING_SHIFT 25
#define MAPPING_WIDTH 20
#define SPACE_SHIFT   45
#define SPACE_WIDTH   7
#define CHECK_SHIFT   52
#define CHECK_WIDTH   12

#define FRAME_DAMAGED ((1u << FRAME_WIDTH) - 1) /* in place of a frame: what was here, nobody knows */

_Static_assert(RIGHTS_SHIFT == FRAME_SHIFT + FRAME_WIDTH && STEP_SHIFT == RIGHTS_SHIFT + RIGHTS_WIDTH &&
                   MAPPING_SHIFT == STEP_SHIFT + STEP_WIDTH && SPACE_SHIFT == MAPPING_SHIFT + MAPPING_WIDTH &&
                   CHECK_SHIFT == SPACE_SHIFT + SPACE_WIDTH && CHECK_SHIFT + CHECK_WIDTH == 64,
               "the fields of a shadow follow each other");
_Static_assert(XMAP_FRAMES_MAX <= FRAME_DAMAGED && XMAP_MAPPINGS(XMAP_FRAMES_MAX) <= 1u << MAPPING_WIDTH &&
                   PORT_SPACES <= 1u << SPACE_WIDTH && STEP_AGAIN < 1u << STEP_WIDTH &&
                   (PORT_READ | PORT_WRITE | PORT_EXEC) < 1u << RIGHTS_WIDTH,
               "all numbers fit a shadow");

/* Once made it exists for ever, and is used again after it was unmapped. Where it is or was, is under a check
 * of its own. */
struct table {
    u16 space;
    u16 level;  /* 0: entries are pages; 1: entries are tables of level 0 */
    u32 region; /* the address by the table's reach: address >> region_shift(level) */
    u16 check;  /* of the above, CHECK_UNUSED, or 0: never made */
    u16 pages;  /* entries of its shadow; whether it counts one with STEP_BEGUN is open */
    u32 step;   /* STEP_NONE: not in use; BEGUN: being mapped or unmapped; DONE: mapped */
};

#define CHECK_UNUSED 0x5eedu

struct kept {
    u32 fresh;               /* frames ever made: numbers below it exist */
    u32 tables;              /* tables ever made, likewise */
    u32 damaged;             /* some slots of mappings may be full that no record names */
    u32 spaces[PORT_SPACES]; /* enum step; AGAIN: being destroyed */
    u8 made[PORT_SPACES];    /* enum made, of its root table */
};

_Static_assert(XMAP_PORT_KEPT(0, 1) >=
                   sizeof(shadow) * ENTRIES + sizeof(struct table) + sizeof(struct kept) + 1,
               "kept memory holds all this");

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

/* The sum without carry of a word's pieces: one bit that changes anywhere changes it. */
static u64 shadow_check(u64 fields)
{
    u64 sum = fields ^ fields >> 2 * CHECK_WIDTH ^ fields >> 4 * CHECK_WIDTH;

    return sum ^ sum >> CHECK_WIDTH;
}

static shadow shadow_new(u32 space, u32 frame, u32 rights, enum step step, u32 mapping)
{
    u64 fields = (u64)frame << FRAME_SHIFT | (u64)rights << RIGHTS_SHIFT | (u64)step << STEP_SHIFT |
                 (u64)mapping << MAPPING_SHIFT | (u64)space << SPACE_SHIFT;

    return fields | shadow_check(fields) << CHECK_SHIFT;
}

#define FIELD(word, field) ((u32)((word) >> field##_SHIFT & ((1ul << field##_WIDTH) - 1)))

static u32 shadow_frame(shadow s)
{
    return FIELD(s, FRAME);
}

static u32 shadow_rights(shadow s)
{
    return FIELD(s, RIGHTS);
}

static enum step shadow_step(shadow s)
{
    return FIELD(s, STEP);
}

static u32 shadow_mapping(shadow s)
{
    return FIELD(s, MAPPING);
}

static u32 shadow_space(shadow s)
{
    return FIELD(s, SPACE);
}

/* The same page with other rights or at another step. */
static shadow shadow_changed(shadow s, u32 rights, enum step step)
{
    return shadow_new(shadow_space(s), shadow_frame(s), rights, step, shadow_mapping(s));
}

/* Whether the check is right, and each number in its range: there are words that pass by chance. */
static bool shadow_is_sound(shadow s)
{
    u64 fields = s & ((1ul << CHECK_SHIFT) - 1);

    return s >> CHECK_SHIFT == (shadow_check(fields) & ((1ul << CHECK_WIDTH) - 1)) &&
           (shadow_frame(s) < kept->fresh || shadow_frame(s) == FRAME_DAMAGED) &&
           shadow_mapping(s) < MAPPINGS && shadow_space(s) < PORT_SPACES;
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

/* One bit that changes anywhere in the place changes it, or is out of range. */
static u16 table_check(const struct table *table)
{
    u32 place = table->space ^ (u32)table->level << 8 ^ table->region ^ table->region >> 16;

    return (u16)~place;
}

static void table_end(u32 t)
{
    progress();
    step_to(&tables[t].step, STEP_BEGUN);
    if (seL4_RISCV_PageTable_Unmap(CPTR_IN(SLOT_KEPT, SLOT_OF_TABLE(t))) != seL4_NoError)
        port_fatal("xmap: a page table cannot be unmapped");
    tables[t].check = CHECK_UNUSED;
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
    u64 bits = words[i / 64] >> i % 64;

    if (bits & 1) /* as mostly */
        return i;
    bits <<= i % 64;
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

/* The object of a table, if it is not there yet. */
static bool table_object(u32 t)
{
    return retype(CPTR_IN(SLOT_KEPT, SLOT_OF_TABLES_MEMORY + t / XMAP_TABLES_FIRST),
                  seL4_RISCV_PageTableObject, 0, SLOT_OF_TABLE(t), 1) == seL4_NoError;
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
    if (t >= kept->tables && !table_object(t))
        return ERR_NO_MEMORY;
    table->space = (u16)space;
    table->level = (u16)level;
    table->region = region_of(level, address);
    table->pages = 0;
    table->check = table_check(table);
    if (t >= kept->tables) /* the lowest free one: all below it are made */
        kept->tables = t + 1;
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
 * MADE_MEMORY, and space_end() takes the root away; one that damage made us forget goes here. */
static bool root_make(u32 space)
{
    if (kept->made[space] == MADE_ROOT)
        return true;
    slot_delete(SLOT_OF_ROOT(space));
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

/* The table whose entry it is. */
static struct table *table_of(const shadow *entry)
{
    return &tables[(u64)(entry - shadows[0]) / ENTRIES];
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
    store(entry, shadow_new(space, frame, rights, STEP_BEGUN, mapping));
    note_present(entry);
    table_of(entry)->pages++;
    frame_copy(CNODE_KEPT, SLOT_OF_MAPPING(mapping), frame);
    if (map_as(space, address, mapping, rights) != seL4_NoError)
        port_fatal("xmap: a page cannot be mapped");
    store(entry, shadow_new(space, frame, rights, STEP_DONE, mapping));
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
    if (*frame != FRAME_DAMAGED) { /* that one has no slot */
        store(entry, shadow_changed(page, shadow_rights(page), STEP_BEGUN));
        slot_delete(SLOT_OF_MAPPING(shadow_mapping(page)));
        mapping_free(shadow_mapping(page));
    }
    table_of(entry)->pages--;
    store(entry, 0);
    note_present(entry);
    return ERR_OK;
}

enum err port_protect(u32 space, uaddr address, u32 rights)
{
    shadow *entry = port_space_exists(space) ? entry_of(space, address) : NULL;

    port_assert(rights != 0, "protect to nothing");
    if (!entry || !*entry || shadow_frame(*entry) == FRAME_DAMAGED)
        return ERR_NOT_MAPPED;
    store(entry, shadow_changed(*entry, rights, STEP_AGAIN));
    if (map_as(space, address, shadow_mapping(*entry), rights) != seL4_NoError)
        port_fatal("xmap: a page's rights cannot be changed");
    store(entry, shadow_changed(*entry, rights, STEP_DONE));
    return ERR_OK;
}

/* A page whose record is damaged shows FRAME_DAMAGED, which is beyond port_frames_total(). */
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

/* ---- The beginning of a generation: the records are checked, and what was begun is undone or finished ---- */

static bool frame_exists(u32 frame)
{
    return seL4_RISCV_Page_GetAddress(CPTR_IN(SLOT_KEPT, SLOT_OF_FRAME(frame))).error == seL4_NoError;
}

/* The kernel knows how many frames were made: they fill the slots from the first on. More than are counted is
 * nothing bad: the dead generation had just made some. */
static void fresh_recover(void)
{
    u32 usable = (u32)server_info()->usable, low = 0, high = usable;

    if (kept->fresh <= usable && (kept->fresh == 0 || frame_exists(kept->fresh - 1)) &&
        (kept->fresh == usable || !frame_exists(kept->fresh)))
        return;
    while (low < high) {
        u32 middle = low + (high - low) / 2;

        if (frame_exists(middle))
            low = middle + 1;
        else
            high = middle;
    }
    if (low < kept->fresh)
        port_log("xmap: of %u frames there are %u\n", kept->fresh, low);
    kept->fresh = low;
}

/* A space is ended, now or by a later generation, and the core finds it gone. */
static void space_lose(u32 space)
{
    kept->damaged = true; /* before anything is forgotten */
    if (kept->spaces[space] == STEP_AGAIN)
        return;
    port_log("xmap: space %u is ended: damaged page table\n", space);
    step_to(&kept->spaces[space], STEP_AGAIN);
}

static bool shadows_are_empty(u32 t)
{
    const shadow *s = shadows[t];
    u64 any = 0;

    for (u32 i = 0; i < ENTRIES; i += 4)
        any |= s[i] | s[i + 1] | s[i + 2] | s[i + 3];
    return any == 0;
}

static bool table_is_sound(const struct table *table)
{
    return table->space < PORT_SPACES && table->level < LEVELS &&
           table->region <= region_of(table->level, PORT_USER_END - 1) && table->check == table_check(table);
}

/*
 * Of a table that was being made or ended nothing stays, and that costs nobody anything: it was empty. If it
 * was not, or if it was in use and its record cannot be believed, those spaces are lost that its record names
 * (if it can be believed) and that its pages name. If one of these cannot be believed either, nobody can say
 * whose pages they were, and every space is lost: a program must not find zeros where its data was. A table
 * that nothing names was empty, or of the upper level: then parents_check() finds whose it was.
 */
static void table_drop(u32 t)
{
    bool empty = shadows_are_empty(t), unknown = false;

    if (!empty || tables[t].step >= STEP_DONE) {
        kept->damaged = true;
        port_log("xmap: the damaged record of page table %u is dropped\n", t);
        if (table_is_sound(&tables[t]))
            space_lose(tables[t].space);
    }
    for (u32 i = 0; i < ENTRIES && !empty; i++) {
        shadow page = shadows[t][i];

        if (page != 0 && shadow_is_sound(page))
            space_lose(shadow_space(page));
        unknown |= page != 0 && !shadow_is_sound(page);
    }
    for (u32 space = 0; space < PORT_SPACES && unknown; space++) {
        if (kept->spaces[space] != STEP_NONE)
            space_lose(space);
    }
    memset(shadows[t], 0, sizeof(shadows[t]));
    if (!table_object(t))
        port_fatal("xmap: a page table cannot be made");
    table_end(t);
}

static bool table_was_made(u32 t)
{
    return t < TABLES && (tables[t].step != STEP_NONE || tables[t].check != 0);
}

/* Those that were ever made have the lowest numbers. One too many does no harm. */
static void tables_count(void)
{
    if (kept->tables <= TABLES && !table_was_made(kept->tables))
        return;
    kept->tables = 0;
    for (u32 t = 0; t < TABLES; t++) {
        if (table_was_made(t))
            kept->tables = t + 1;
    }
}

/* Links the tables that are mapped. No two of them are for the same place. */
static void tables_recover(void)
{
    tables_count();
    for (u32 t = 0; t < kept->tables; t++) {
        const struct table *table = &tables[t];

        if (table->step == STEP_DONE && table_is_sound(table) &&
            table_find(table->space, table->level, (u64)table->region << region_shift(table->level)) == NONE)
            table_link(t);
        else if (table->step != STEP_NONE || table->check != CHECK_UNUSED || !shadows_are_empty(t))
            table_drop(t);
    }
}

/* Below an upper table that is gone the tables are out of the hart's reach. Upper ones are made first and
 * ended last, and only while the space exists. */
static void parents_check(void)
{
    for (u32 space = 0; space < PORT_SPACES; space++) {
        bool any = table_first[space][0] != NONE || table_first[space][1] != NONE;
        u32 step = kept->spaces[space];

        if (step > STEP_AGAIN || (any && step != STEP_DONE && step != STEP_AGAIN))
            space_lose(space);
        for (u32 t = table_first[space][0]; t != NONE; t = table_next[t]) {
            if (table_find(space, 1, (u64)tables[t].region << region_shift(0)) == NONE)
                space_lose(space);
        }
        if (step == STEP_DONE)
            kept->made[space] = MADE_ROOT;
        else if (kept->made[space] > MADE_ROOT)
            kept->made[space] = MADE_NOTHING; /* it is made again in any case */
    }
}

static void page_damaged(u32 t, u32 i)
{
    kept->damaged = true; /* before the slot's number is forgotten */
    port_log("xmap: a page record of space %u is damaged\n", tables[t].space);
    store(&shadows[t][i], shadow_new(tables[t].space, FRAME_DAMAGED, PORT_READ, STEP_DONE, 0));
}

/* After a death, of one page: a copy half made or half deleted goes with its entry, which the caller empties;
 * changed rights are set again. False: it is damaged. */
static bool page_recover(u32 space, uaddr address, shadow *entry)
{
    shadow page = *entry;
    u32 mapping = shadow_mapping(page), frame = shadow_frame(page);
    u64 bit = 1ul << mapping % 64;

    if (!shadow_is_sound(page) || shadow_space(page) != space || frame == FRAME_DAMAGED ||
        mapping_used[mapping / 64] & bit)
        return false;
    if (shadow_step(page) == STEP_BEGUN) {
        slot_delete(SLOT_OF_MAPPING(mapping));
        return true;
    }
    if (shadow_step(page) == STEP_AGAIN) {
        map_as(space, address, mapping, shadow_rights(page));
        store(entry, shadow_changed(page, shadow_rights(page), STEP_DONE));
    }
    mapping_used[mapping / 64] |= bit;
    if (!used[frame])
        used[frame] = true; /* it must not be given out */
    return true;
}

/* One entry at most is at STEP_BEGUN. A table that lacks pages has a damaged one in the place of its first. */
static void table_recover(u32 t)
{
    struct table *table = &tables[t];
    uaddr base = (u64)table->region << region_shift(0);
    u32 space = table->space, pages = 0;
    shadow *begun = NULL;
    bool damaged = false;

    progress();
    for (u32 i = 0; i < ENTRIES; i++) {
        shadow *entry = &shadows[t][i];

        if (*entry == 0)
            continue;
        if (!page_recover(space, base + (u64)i * PAGE_SIZE, entry) ||
            (shadow_step(*entry) == STEP_BEGUN && begun)) {
            page_damaged(t, i);
            damaged = true;
        }
        if (shadow_step(*entry) == STEP_BEGUN)
            begun = entry;
        else
            pages++;
        present[t * (ENTRIES / 64) + i / 64] |= 1ul << i % 64;
    }
    if (!damaged && table->pages != pages && !(begun && table->pages == pages + 1)) {
        if (shadows[t][0] == 0 || begun == &shadows[t][0])
            pages++;
        else
            mapping_free(shadow_mapping(shadows[t][0]));
        page_damaged(t, 0);
        note_present(&shadows[t][0]);
        begun = begun == &shadows[t][0] ? NULL : begun;
    }
    table->pages = (u16)pages;
    if (begun) {
        store(begun, 0);
        note_present(begun);
    }
}

static void pages_recover(void)
{
    for (u32 t = 0; t < kept->tables; t++) {
        if (tables[t].step != STEP_DONE || tables[t].level != 0)
            continue;
        if (kept->spaces[tables[t].space] == STEP_DONE)
            table_recover(t);
        else /* it is to be ended */
            memset(shadows[t], 0, sizeof(shadows[t]));
    }
}

/* Empties each slot that no record names. Only after damage: otherwise they are empty. */
static void mappings_sweep(void)
{
    for (u32 mapping = 0; mapping < MAPPINGS; mapping++) {
        progress();
        if (!(mapping_used[mapping / 64] >> mapping % 64 & 1))
            slot_delete(SLOT_OF_MAPPING(mapping));
    }
    __atomic_store_n(&kept->damaged, false, __ATOMIC_RELEASE);
}

static void recover(void)
{
    fresh_recover();
    tables_recover();
    parents_check();
    pages_recover();
    for (u32 space = 0; space < PORT_SPACES; space++) {
        if (kept->spaces[space] == STEP_BEGUN || kept->spaces[space] == STEP_AGAIN)
            space_end(space);
    }
    for (u32 frame = 0; frame < kept->fresh; frame++) {
        if (lent[frame] >= LENT_BEGUN) { /* or it is no client's number at all */
            slot_delete(SLOT_OF_LENT(frame));
            lent[frame] = LENT_NEVER;
        }
    }
    if (kept->damaged)
        mappings_sweep();
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
