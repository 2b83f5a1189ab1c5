/*
 * Address spaces: Sv39 page tables made of frames, one root a space.
 *
 * A space's number names its root and, plus one, its address-space identifier. The kernel's half is the same
 * in every root, so a trap switches nothing. A space the hart has left stays loaded until another one runs:
 * only user mode cares.
 *
 * Called by: the placement, under its own lock for each space; mono_user_run() through space_enter().
 * Locking:   none here. Nothing waits.
 */
#include "kernel/mono/space.h"
#include "kernel/mono/thread.h"
#include "lib/string.h"
#include "machine/arch.h"
#include "machine/panic.h"

#define NO_SPACE (~0u)

static u64 *roots[MONO_SPACES];
static u32 loaded = NO_SPACE; /* the space this hart is in */

static u64 *table_new(void)
{
    u32 frame;
    u64 *table;

    if (mono_frame_alloc(&frame) != ERR_OK)
        return NULL;
    table = arch_direct(frame_address(frame));
    page_zero(table);
    return table;
}

static u64 *table_of(u64 pte)
{
    return arch_direct(arch_pte_address(pte));
}

static void table_free(u64 *table)
{
    mono_frame_free(frame_number(arch_physical(table)));
}

bool mono_space_exists(u32 space)
{
    return space < MONO_SPACES && roots[space];
}

static u64 asid_of(u32 space)
{
    return space + 1;
}

/* Before a root table ends, the hart must not be in it. */
static void space_leave(u32 space)
{
    bool interrupts = arch_irq_disable();

    if (loaded == space) {
        arch_space_switch(arch_physical(arch_kernel_root), 0);
        loaded = NO_SPACE;
    }
    arch_irq_restore(interrupts);
}

void space_enter(u32 space)
{
    if (loaded != space) {
        arch_space_switch(arch_physical(roots[space]), asid_of(space));
        loaded = space;
    }
}

enum err mono_space_create(u32 space)
{
    u64 *root;

    if (space >= MONO_SPACES)
        return ERR_RANGE;
    if (roots[space])
        return ERR_EXISTS;
    root = table_new();
    if (!root)
        return ERR_NO_MEMORY;
    arch_root_init(root);
    arch_tlb_flush_asid(asid_of(space));
    roots[space] = root;
    return ERR_OK;
}

/* Frees a table of `level` and those below it; nothing may be mapped any more. */
static void free_leaf_table(u64 *table)
{
    for (u32 i = 0; i < ARCH_TABLE_ENTRIES; i++)
        kernel_assert(!table[i], "space destroyed with pages");
    table_free(table);
}

static void free_middle_table(u64 *table)
{
    for (u32 i = 0; i < ARCH_TABLE_ENTRIES; i++) {
        if (table[i])
            free_leaf_table(table_of(table[i]));
    }
    table_free(table);
}

void mono_space_destroy(u32 space)
{
    u64 *root;

    root = roots[space];
    roots[space] = NULL;
    space_leave(space);
    for (u32 i = 0; i < ARCH_TABLE_ENTRIES / 2; i++) {
        if (root[i])
            free_middle_table(table_of(root[i]));
    }
    arch_tlb_flush_asid(asid_of(space));
    table_free(root);
}

/* The leaf entry for `address`, or NULL where a table is missing. */
static u64 *leaf_of(u32 space, uaddr address)
{
    u64 *table = roots[space];

    for (u32 level = ARCH_TABLE_LEVELS - 1; level > 0; level--) {
        u64 pte = table[arch_table_index(address, level)];

        if (!pte)
            return NULL;
        table = table_of(pte);
    }
    return &table[arch_table_index(address, 0)];
}

static u64 *leaf_of_or_new(u32 space, uaddr address)
{
    u64 *table = roots[space];

    for (u32 level = ARCH_TABLE_LEVELS - 1; level > 0; level--) {
        u64 *pte = &table[arch_table_index(address, level)];

        if (!*pte) {
            u64 *fresh = table_new();

            if (!fresh)
                return NULL;
            *pte = arch_pte(arch_physical(fresh), PTE_V);
        }
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
    if (*leaf & PTE_V)
        return ERR_MAPPED;
    *leaf = arch_pte(frame_address(frame), leaf_flags(rights));
    arch_tlb_flush_page(address, asid_of(space));
    return ERR_OK;
}

enum err mono_page_unmap(u32 space, uaddr address, u32 *frame)
{
    u64 *leaf = mono_space_exists(space) ? leaf_of(space, address) : NULL;

    if (!leaf || !*leaf)
        return ERR_NOT_MAPPED;
    *frame = frame_number(arch_pte_address(*leaf));
    *leaf = 0;
    arch_tlb_flush_page(address, asid_of(space));
    return ERR_OK;
}

enum err mono_page_protect(u32 space, uaddr address, u32 rights)
{
    u64 *leaf = mono_space_exists(space) ? leaf_of(space, address) : NULL;

    if (!leaf || !*leaf)
        return ERR_NOT_MAPPED;
    *leaf = arch_pte(arch_pte_address(*leaf), leaf_flags(rights));
    arch_tlb_flush_page(address, asid_of(space));
    return ERR_OK;
}

enum err mono_page_lookup(u32 space, uaddr address, u32 *frame, u32 *rights)
{
    u64 *leaf = mono_space_exists(space) ? leaf_of(space, address) : NULL;

    if (!leaf || !*leaf)
        return ERR_NOT_MAPPED;
    *frame = frame_number(arch_pte_address(*leaf));
    *rights = rights_of(*leaf);
    return ERR_OK;
}

uaddr mono_page_next(u32 space, uaddr from, uaddr to)
{
    uaddr address = from;

    while (mono_space_exists(space) && address < to) {
        u64 *table = roots[space];
        u32 level = ARCH_TABLE_LEVELS - 1;

        while (level > 0 && table[arch_table_index(address, level)]) {
            table = table_of(table[arch_table_index(address, level)]);
            level--;
        }
        if (level == 0 && table[arch_table_index(address, 0)])
            return address;
        /* Nothing here: on to the next entry of the table where the walk ended. */
        address = round_down(address, 1ul << (PAGE_SHIFT + 9 * level)) + (1ul << (PAGE_SHIFT + 9 * level));
    }
    return to;
}
