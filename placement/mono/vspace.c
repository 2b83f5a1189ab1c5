/*
 * Port vspace on mono: frames are the kernel's, page tables are written here, every byte of memory is in
 * sight.
 *
 * A space's number names its root table and, plus one, its address-space identifier. The kernel's half is
 * shared, so a trap switches nothing and unix reads a program's frames through the direct map.
 *
 * Locking: none of its own: xmap's lock guards all calls but port_space_root(), which unix's threads make for
 * a space that cannot go away under them.
 */
#include "port/vspace.h"
#include "kernel/mono/mono.h"
#include "lib/string.h"
#include "machine/arch.h"
#include "placement/mono/mono_ports.h"
#include "port/log.h"
#include "port/program.h"

static u64 *roots[PORT_SPACES];

u32 port_frames_total(void)
{
    return mono_frames_total();
}

u64 port_frames_free(void)
{
    return mono_frames_free();
}

enum err port_frame_alloc(u32 *frame)
{
    return mono_frame_alloc(frame);
}

void port_frame_free(u32 frame)
{
    mono_frame_free(frame);
}

void *port_frame_bytes(u32 frame)
{
    return frame < mono_frames_total() ? arch_direct(mono_frame_address(frame)) : NULL;
}

u8 *port_program_bytes(u64 frame)
{
    return frame < mono_frames_total() ? arch_direct(mono_frame_address((u32)frame)) : NULL;
}

enum err port_frame_lend(u32 frame)
{
    (void)frame; /* the direct map shows every frame to every service */
    return ERR_OK;
}

static u64 *table_new(void)
{
    u32 frame;
    u64 *table;

    if (mono_frame_alloc(&frame) != ERR_OK)
        return NULL;
    table = arch_direct(mono_frame_address(frame));
    page_zero(table);
    return table;
}

static u64 *table_of(u64 pte)
{
    return arch_direct(arch_pte_address(pte));
}

static void table_free(u64 *table)
{
    mono_frame_free(mono_frame_number(arch_physical(table)));
}

bool port_space_exists(u32 space)
{
    return space < PORT_SPACES && roots[space];
}

u64 mono_space_asid(u32 space)
{
    return space + 1;
}

paddr mono_space_root(u32 space)
{
    return arch_physical(roots[space]);
}

enum err port_space_create(u32 space)
{
    u64 *root;

    port_assert(space < PORT_SPACES, "space out of range");
    if (roots[space])
        return ERR_EXISTS;
    root = table_new();
    if (!root)
        return ERR_NO_MEMORY;
    arch_root_init(root);
    arch_tlb_flush_asid(mono_space_asid(space));
    roots[space] = root;
    return ERR_OK;
}

/* Frees a table of `level` and those below it; nothing may be mapped any more. */
static void free_leaf_table(u64 *table)
{
    for (u32 i = 0; i < ARCH_TABLE_ENTRIES; i++)
        port_assert(!table[i], "space destroyed with pages");
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

void port_space_destroy(u32 space)
{
    u64 *root;

    port_assert(port_space_exists(space), "space destroyed twice");
    root = roots[space];
    roots[space] = NULL;
    mono_space_leave(space);
    for (u32 i = 0; i < ARCH_TABLE_ENTRIES / 2; i++) {
        if (root[i])
            free_middle_table(table_of(root[i]));
    }
    arch_tlb_flush_asid(mono_space_asid(space));
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

    if (rights & (PORT_READ | PORT_WRITE))
        flags |= PTE_R;
    if (rights & PORT_WRITE)
        flags |= PTE_W;
    if (rights & PORT_EXEC)
        flags |= PTE_X;
    return flags;
}

static u32 rights_of(u64 pte)
{
    return (pte & PTE_R ? PORT_READ : 0) | (pte & PTE_W ? PORT_WRITE : 0) | (pte & PTE_X ? PORT_EXEC : 0);
}

enum err port_map(u32 space, uaddr address, u32 frame, u32 rights)
{
    u64 *leaf;

    port_assert(port_space_exists(space), "map in no space");
    port_assert(address % PAGE_SIZE == 0 && address < PORT_USER_END, "map outside the user's range");
    port_assert(rights != 0 && frame < mono_frames_total(), "map of nothing");
    leaf = leaf_of_or_new(space, address);
    if (!leaf)
        return ERR_NO_MEMORY;
    port_assert(!(*leaf & PTE_V), "mappages: remap");
    *leaf = arch_pte(mono_frame_address(frame), leaf_flags(rights));
    arch_tlb_flush_page(address, mono_space_asid(space));
    return ERR_OK;
}

enum err port_unmap(u32 space, uaddr address, u32 *frame)
{
    u64 *leaf = port_space_exists(space) ? leaf_of(space, address) : NULL;

    if (!leaf || !*leaf)
        return ERR_NOT_MAPPED;
    *frame = mono_frame_number(arch_pte_address(*leaf));
    *leaf = 0;
    arch_tlb_flush_page(address, mono_space_asid(space));
    return ERR_OK;
}

enum err port_protect(u32 space, uaddr address, u32 rights)
{
    u64 *leaf = port_space_exists(space) ? leaf_of(space, address) : NULL;

    port_assert(rights != 0, "protect to nothing");
    if (!leaf || !*leaf)
        return ERR_NOT_MAPPED;
    *leaf = arch_pte(arch_pte_address(*leaf), leaf_flags(rights));
    arch_tlb_flush_page(address, mono_space_asid(space));
    return ERR_OK;
}

enum err port_lookup(u32 space, uaddr address, u32 *frame, u32 *rights)
{
    u64 *leaf = port_space_exists(space) && address < PORT_USER_END ? leaf_of(space, address) : NULL;

    if (!leaf || !*leaf)
        return ERR_NOT_MAPPED;
    *frame = mono_frame_number(arch_pte_address(*leaf));
    *rights = rights_of(*leaf);
    return ERR_OK;
}

uaddr port_next_mapped(u32 space, uaddr from, uaddr to)
{
    uaddr address = from;

    while (port_space_exists(space) && address < to) {
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
