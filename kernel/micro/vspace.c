/* Address spaces: page tables and frames. The contract is in vspace.h; ASIDs are in asid.c. */
#include "kernel/micro/vspace.h"
#include "kernel/micro/cdt.h"
#include "kernel/micro/invoke.h"
#include "kernel/micro/schedule.h"
#include "kernel/micro/trap.h"
#include "lib/string.h"

u64 vspace_active;
u64 vspace_changes = 1;

/* An entry of a table and the level of that table: the end of a walk. */
struct place {
    u64 *entry;
    u32 level;
};

static bool is_table(u64 entry)
{
    return (entry & PTE_V) && !(entry & PTE_LEAF);
}

static u64 *entry_in(u64 *table, uaddr address, u32 level)
{
    return &table[arch_table_index(address, level)];
}

/* Walks as deep as tables reach. */
static struct place walk(u64 *root, uaddr address)
{
    struct place place = {entry_in(root, address, ARCH_TABLE_LEVELS - 1), ARCH_TABLE_LEVELS - 1};

    while (place.level > 0 && is_table(*place.entry)) {
        place.level--;
        place.entry = entry_in(arch_direct(arch_pte_address(*place.entry)), address, place.level);
    }
    return place;
}

/* log2 of what one entry of a table of `level` covers */
static u32 level_bits(u32 level)
{
    return PAGE_SHIFT + seL4_PageTableIndexBits * level;
}

void vspace_activate(void)
{
    struct cap cap = thread_cap(current, TCB_VSPACE);
    bool usable = cap_is_vspace(cap) && asid_root(cap.asid) == cap_object(cap);

    if (usable)
        arch_space_switch(cap.address, cap.asid);
    else
        arch_space_switch(arch_physical(arch_kernel_root), 0);
    vspace_active = entry_space();
    current->space = vspace_active;
    current->space_known = usable ? vspace_changes : 0;
}

void vspace_reload(void)
{
    vspace_changes++;
    vspace_activate();
}

/* ---- Frames ----------------------------------------------------------------------------------------- */

u64 *frame_entry(struct cap frame)
{
    u64 *root = asid_root(frame.asid);

    if (!root)
        return NULL;
    struct place place = walk(root, frame.vaddr);
    if (level_bits(place.level) != frame.size || !(*place.entry & PTE_V) || is_table(*place.entry) ||
        arch_pte_address(*place.entry) != frame.address)
        return NULL;
    return place.entry;
}

void frame_unmap(struct cap frame)
{
    u64 *entry = frame_entry(frame);

    if (!entry)
        return;
    *entry = 0;
    arch_tlb_flush_page(frame.vaddr, frame.asid);
}

/* The leaf entry for a frame. Without any access it is no entry at all. */
static u64 leaf(struct cap frame, u64 rights, u64 attributes)
{
    u32 allowed = (u32)cap_mask(frame, rights).rights;
    u64 flags = 0;

    if (allowed & RIGHT_READ)
        flags |= PTE_R;
    if (allowed & RIGHT_WRITE)
        flags |= PTE_W;
    if (!(attributes & seL4_RISCV_ExecuteNever))
        flags |= PTE_X;
    return flags ? arch_pte(frame.address, flags | PTE_V | PTE_U | PTE_A | PTE_D) : 0;
}

/* Questions 5 and 6 of Map (of a table) and 3 and 4 (of a page): the space of `vspace`, still assigned. */
static enum result space_root(struct cap vspace, u64 **root)
{
    struct lookup_failure lookup = {.type = seL4_InvalidRoot};

    *root = asid_root(vspace.asid);
    if (!*root)
        return fail_lookup(false, &lookup);
    return *root == cap_object(vspace) ? RESULT_OK : fail_cap(1);
}

static enum result frame_map(struct invocation *in)
{
    struct cap frame = in->cap;
    u64 *root;

    if (in->length < 3 || in->extra_count < 1)
        return fail(seL4_TruncatedMessage);
    struct cap vspace = in->extra[0]->cap;
    u64 address = invocation_word(in, 0);
    if (!cap_is_vspace(vspace))
        return fail_cap(1);
    enum result result = space_root(vspace, &root);
    if (result)
        return result;
    if (address + cap_bytes(frame) - 1 >= seL4_UserTop)
        return fail_argument(0);
    if (address & (cap_bytes(frame) - 1))
        return fail(seL4_AlignmentError);
    struct place place = walk(root, address);
    if (level_bits(place.level) != frame.size || is_table(*place.entry))
        return fail_missing(false, level_bits(place.level));
    if (frame.asid && frame.asid != vspace.asid)
        return fail_cap(1);
    if (frame.asid && frame.vaddr != address)
        return fail_argument(0);
    if (!frame.asid && (*place.entry & PTE_V))
        return fail(seL4_DeleteFirst);

    in->slot->cap.asid = vspace.asid;
    in->slot->cap.vaddr = address;
    *place.entry = leaf(frame, invocation_word(in, 1), invocation_word(in, 2));
    arch_tlb_flush_page(address, vspace.asid);
    return RESULT_OK;
}

enum result frame_invoke(struct invocation *in)
{
    u64 address = in->cap.address;

    switch (in->label) {
    case RISCVPageMap:
        return frame_map(in);
    case RISCVPageUnmap:
        if (in->cap.asid)
            frame_unmap(in->cap);
        in->slot->cap.asid = 0;
        in->slot->cap.vaddr = 0;
        return RESULT_OK;
    case RISCVPageGetAddress:
        invocation_answer(in, &address, 1);
        return RESULT_OK;
    default:
        return fail(seL4_IllegalOperation);
    }
}

/* ---- Page tables ------------------------------------------------------------------------------------ */

void page_table_unmap(struct cap table)
{
    u64 *root = asid_root(table.asid);

    if (!root)
        return;
    u64 *entry = entry_in(root, table.vaddr, ARCH_TABLE_LEVELS - 1);
    for (u32 level = ARCH_TABLE_LEVELS - 1; level > 0 && is_table(*entry); level--) {
        paddr next = arch_pte_address(*entry);
        if (next == table.address) {
            *entry = 0;
            arch_tlb_flush_asid(table.asid);
            return;
        }
        entry = entry_in(arch_direct(next), table.vaddr, level - 1);
    }
}

static enum result page_table_map(struct invocation *in)
{
    u64 *root;

    if (in->length < 2 || in->extra_count < 1)
        return fail(seL4_TruncatedMessage);
    struct cap vspace = in->extra[0]->cap;
    u64 address = invocation_word(in, 0);
    if (in->cap.asid)
        return fail_cap(0);
    if (!cap_is_vspace(vspace))
        return fail_cap(1);
    if (address >= seL4_UserTop)
        return fail_argument(0);
    enum result result = space_root(vspace, &root);
    if (result)
        return result;
    struct place place = walk(root, address);
    if (place.level == 0 || (*place.entry & PTE_V))
        return fail(seL4_DeleteFirst);

    in->slot->cap.asid = vspace.asid;
    in->slot->cap.vaddr = round_down(address, 1ul << level_bits(place.level));
    *place.entry = arch_pte(in->cap.address, PTE_V);
    arch_tlb_flush_page(address, vspace.asid);
    return RESULT_OK;
}

enum result page_table_invoke(struct invocation *in)
{
    if (in->label == RISCVPageTableMap)
        return page_table_map(in);
    if (in->label != RISCVPageTableUnmap)
        return fail(seL4_IllegalOperation);
    if (!slot_is_final(in->slot))
        return fail(seL4_RevokeFirst);
    if (in->cap.asid && asid_root(in->cap.asid) == cap_object(in->cap))
        return fail(seL4_RevokeFirst);

    if (in->cap.asid) {
        page_table_unmap(in->cap);
        page_zero(cap_object(in->cap));
    }
    in->slot->cap.asid = 0;
    in->slot->cap.vaddr = 0;
    return RESULT_OK;
}

void vspace_boot_map(u64 *root, uaddr address, paddr page, u64 flags)
{
    *walk(root, address).entry = arch_pte(page, flags | PTE_V);
}
