/* Kernel objects and mappings. The contract is in objects.h. */
#include "system/essay/objects.h"

/* A mapping fails for want of at most two tables, one for a region of 2^30 bytes and one for 2^21 in it. */
#define TABLE_LEVELS 2

seL4_CPtr slots_take(struct authority *by, u64 count)
{
    if (count > by->end_slot - by->next_slot)
        return seL4_CapNull;
    seL4_CPtr first = by->next_slot;
    by->next_slot += count;
    return first;
}

seL4_Error object_create(struct authority *by, seL4_CPtr slot, seL4_Word type, seL4_Word size_bits)
{
    return seL4_Untyped_Retype(by->untyped, type, size_bits, by->cnode, 0, 0, slot, 1);
}

/* After a failed Page_Map: is the reason a missing table? The words are those of a failed lookup. */
static bool table_is_missing(seL4_Error error)
{
    return error == seL4_FailedLookup && seL4_GetMR(1) == seL4_MissingCapability &&
           (seL4_GetMR(2) == seL4_HugePageBits || seL4_GetMR(2) == seL4_LargePageBits);
}

seL4_Error frame_map(struct authority *by, seL4_CPtr vspace, seL4_CPtr frame, u64 address,
                     seL4_CapRights_t rights, seL4_RISCV_VMAttributes attributes)
{
    seL4_Error error = seL4_RISCV_Page_Map(frame, vspace, address, rights, attributes);
    for (int level = 0; level < TABLE_LEVELS && table_is_missing(error); level++) {
        seL4_CPtr table = slots_take(by, 1);
        if (table == seL4_CapNull)
            return seL4_NotEnoughMemory;
        error = object_create(by, table, seL4_RISCV_PageTableObject, 0);
        if (error == seL4_NoError)
            error = seL4_RISCV_PageTable_Map(table, vspace, address, seL4_RISCV_Default_VMAttributes);
        if (error == seL4_NoError)
            error = seL4_RISCV_Page_Map(frame, vspace, address, rights, attributes);
    }
    return error;
}
