/*
 * Address spaces: Sv39 page tables made of frames, one root a space.
 *
 * A space's number names its root and, plus one, its address-space identifier. Roots are set aside at boot,
 * with the kernel's half in place, and never freed: so a hart may stay in a space that has ended, and a trap
 * switches nothing. The tables below a root are chained, in `next_table`, so that they are found again
 * without a search.
 *
 * Translations that harts remember: every change of a space's tables gives it a new generation. A hart that
 * enters user mode compares it with the one it has seen, and flushes if they differ: one flush for all the
 * changes of a system call, and none on harts that never run the program again. A hart that is in user mode
 * in the space at the moment of the change is told at once. The two do not miss each other: one writes
 * `active` and then reads the generation, the other writes the generation and then reads `active`, with a
 * fence between.
 *
 * Called by: the placement, under its own lock for each space; mono_user_run() through space_enter().
 * Locking:   none here. Nothing waits.
 */
#include "kernel/mono/space.h"
#include "kernel/mono/thread.h"
#include "lib/string.h"
#include "machine/arch.h"
#include "machine/panic.h"

#define NO_TABLE 0x7fffffffu /* a frame that does not exist */

static struct space {
    u64 *root; /* fixed at boot */
    bool exists;
    u32 pages;     /* mapped */
    u32 roots;     /* entries of the root that may be in use: the first ones */
    u32 tables;    /* the tables below the root: the first link of the chain */
    uaddr changed; /* the page that the newest generation is about, or ALL_PAGES */
} spaces[MONO_SPACES];

#define ALL_PAGES (~0ul)

static u64 space_generations[MONO_SPACES]; /* each changes with every change of the space's tables */

/* By frame, for frames that are tables: LINK() of the next one of the same space, and whether this one is a
 * leaf. */
static u32 *links;

#define LINK(frame, is_leaf) ((frame) << 1 | (is_leaf))
#define LINK_FRAME(link)     ((link) >> 1)

static u64 *table_of(u64 pte)
{
    return arch_direct(arch_pte_address(pte));
}

void spaces_init(void)
{
    links = mono_boot_alloc_raw(mono_frames_total() * sizeof(u32));
    for (u32 i = 0; i < MONO_SPACES; i++) {
        spaces[i].root = mono_boot_alloc(PAGE_SIZE);
        kernel_assert(links && spaces[i].root, "memory too small");
        arch_root_init(spaces[i].root);
        space_generations[i] = 1; /* no hart has seen it */
    }
}

bool mono_space_exists(u32 space)
{
    return space < MONO_SPACES && spaces[space].exists;
}

static u64 asid_of(u32 space)
{
    return space + 1;
}

/* The other harts that have the space loaded, or that run a program in it now, flush what they remember of
 * it, before this returns. */
static void flush_others(u32 space, bool active_only)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    for (u32 i = 0; i < mono_hart_count; i++) {
        struct mono_hart *hart = &mono_harts[i];
        const struct mono_user *active = hart->active;
        bool inside = active_only ? active && __atomic_load_n(&active->space, __ATOMIC_RELAXED) == space
                                  : __atomic_load_n(&hart->space, __ATOMIC_RELAXED) == space;

        if (inside && hart->arch != arch_hart())
            arch_tlb_flush_remote(hart->arch, asid_of(space));
    }
}

/* The tables have changed for one page, or for ALL_PAGES. */
static void changed(u32 space, uaddr page)
{
    spaces[space].changed = page;
    __atomic_store_n(&space_generations[space], space_generations[space] + 1, __ATOMIC_RELEASE);
    if (mono_hart_count > 1)
        flush_others(space, true);
}

void space_text_changed(u32 space)
{
    changed(space, ALL_PAGES);
}

void space_load(struct mono_hart *hart, u32 space)
{
    u64 generation = __atomic_load_n(&space_generations[space], __ATOMIC_ACQUIRE);

    if (hart->space != space) {
        __atomic_store_n(&hart->space, space, __ATOMIC_RELAXED);
        arch_space_switch(arch_physical(spaces[space].root), asid_of(space));
        hart->generation = &space_generations[space];
    }
    hart->generation_seen = generation;
    if (hart->seen[space] == generation)
        return;
    if (hart->seen[space] + 1 == generation && spaces[space].changed != ALL_PAGES)
        arch_tlb_flush_page(spaces[space].changed, asid_of(space));
    else
        arch_tlb_flush_asid(asid_of(space));
    arch_fence_i(); /* what is new may be text, written as data, perhaps by another hart */
    hart->seen[space] = generation;
}

enum err mono_space_create(u32 space)
{
    if (space >= MONO_SPACES)
        return ERR_RANGE;
    if (spaces[space].exists)
        return ERR_EXISTS;
    spaces[space].exists = true;
    spaces[space].tables = NO_TABLE;
    changed(space, ALL_PAGES);
    return ERR_OK;
}

void mono_space_destroy(u32 space)
{
    struct space *s = &spaces[space];

    kernel_assert(s->pages == 0, "space destroyed with pages");
    s->exists = false;
    if (s->tables == NO_TABLE)
        return;
    memset(s->root, 0, s->roots * sizeof(u64));
    s->roots = 0;
    changed(space, ALL_PAGES);
    /* No hart may walk on through tables that are about to become something else, not even ahead of its
     * program. */
    if (mono_hart_count > 1)
        flush_others(space, false);
    arch_tlb_flush_asid(asid_of(space));
    while (s->tables != NO_TABLE) {
        u32 table = s->tables, link = links[table];

        s->tables = LINK_FRAME(link);
        if (link & 1)
            frame_free_zeroed(table); /* no page is mapped, so every entry is 0 */
        else
            mono_frame_free(table);
    }
}

/* The leaf entry for `address`, or NULL where a table is missing. */
static inline u64 *leaf_of(u32 space, uaddr address)
{
    u64 pte = spaces[space].root[arch_table_index(address, 2)];

    if (pte)
        pte = table_of(pte)[arch_table_index(address, 1)];
    return pte ? &table_of(pte)[arch_table_index(address, 0)] : NULL;
}

/* Gives an entry of a higher table the table it lacks. */
static enum err table_add(struct space *s, u64 *pte, bool is_leaf)
{
    u32 frame;

    if (frame_alloc_zeroed(&frame) != ERR_OK)
        return ERR_NO_MEMORY;
    links[frame] = LINK(s->tables, is_leaf);
    s->tables = frame;
    *pte = arch_pte(frame_address(frame), PTE_V);
    return ERR_OK;
}

static u64 *leaf_of_or_new(u32 space, uaddr address)
{
    struct space *s = &spaces[space];
    u64 *table = s->root;

    s->roots = (u32)max_u64(s->roots, arch_table_index(address, ARCH_TABLE_LEVELS - 1) + 1);
    for (u32 level = ARCH_TABLE_LEVELS - 1; level > 0; level--) {
        u64 *pte = &table[arch_table_index(address, level)];

        if (!*pte && table_add(s, pte, level == 1) != ERR_OK)
            return NULL;
        table = table_of(*pte);
    }
    return &table[arch_table_index(address, 0)];
}

/* Accessed and dirty are preset: no hart need trap to set them. A page that may be written may be read
 * (SPEC 4.3.1). */
static u64 leaf_flags(u32 rights)
{
    u64 flags = PTE_V | PTE_U | PTE_A | PTE_D;

    if (rights & (MONO_READ | MONO_WRITE))
        flags |= PTE_R;
    if (rights & MONO_WRITE)
        flags |= PTE_W;
    if (rights & MONO_EXEC)
        flags |= PTE_X;
    return flags;
}

static u32 rights_of(u64 pte)
{
    return (pte & PTE_R ? MONO_READ : 0) | (pte & PTE_W ? MONO_WRITE : 0) | (pte & PTE_X ? MONO_EXEC : 0);
}

enum err mono_page_map(u32 space, uaddr address, u32 frame, u32 rights)
{
    u64 *leaf = mono_space_exists(space) ? leaf_of_or_new(space, address) : NULL;

    if (!leaf)
        return ERR_NO_MEMORY;
    if (*leaf)
        return ERR_MAPPED;
    *leaf = arch_pte(frame_address(frame), leaf_flags(rights));
    spaces[space].pages++;
    changed(space, address);
    return ERR_OK;
}

enum err mono_page_unmap(u32 space, uaddr address, u32 *frame)
{
    u64 *leaf = mono_space_exists(space) ? leaf_of(space, address) : NULL;

    if (!leaf || !*leaf)
        return ERR_NOT_MAPPED;
    *frame = frame_number(arch_pte_address(*leaf));
    *leaf = 0;
    spaces[space].pages--;
    changed(space, address);
    return ERR_OK;
}

enum err mono_page_protect(u32 space, uaddr address, u32 rights)
{
    u64 *leaf = mono_space_exists(space) ? leaf_of(space, address) : NULL;

    if (!leaf || !*leaf)
        return ERR_NOT_MAPPED;
    *leaf = arch_pte(arch_pte_address(*leaf), leaf_flags(rights));
    changed(space, address);
    return ERR_OK;
}

__attribute__((optimize("omit-frame-pointer"))) enum err mono_page_lookup(u32 space, uaddr address,
                                                                          u32 *frame, u32 *rights)
{
    u64 *leaf = mono_space_exists(space) ? leaf_of(space, address) : NULL;

    if (!leaf || !*leaf)
        return ERR_NOT_MAPPED;
    *frame = frame_number(arch_pte_address(*leaf));
    *rights = rights_of(*leaf);
    return ERR_OK;
}

/* The first address above `address` that an entry of `level` does not cover. */
static uaddr behind(uaddr address, u32 level)
{
    u64 size = 1ul << (PAGE_SHIFT + 9 * level);

    return round_down(address, size) + size;
}

uaddr mono_page_next(u32 space, uaddr from, uaddr to)
{
    if (!mono_space_exists(space) || spaces[space].pages == 0)
        return to;
    for (uaddr address = from; address < to;) {
        u64 *table = spaces[space].root;
        u32 level = ARCH_TABLE_LEVELS - 1;
        u64 pte = table[arch_table_index(address, level)];

        while (pte && --level > 0) {
            table = table_of(pte);
            pte = table[arch_table_index(address, level)];
        }
        if (!pte) { /* no table: on to the next entry of the one above */
            address = behind(address, level);
            continue;
        }
        table = table_of(pte);
        for (uaddr end = min_u64(behind(address, 1), to); address < end; address += PAGE_SIZE) {
            if (table[arch_table_index(address, 0)])
                return address;
        }
    }
    return to;
}
