/* Page tables, frames, ASIDs. */
#include "test/conformance/conformance.h"

#define AT 0x40000000ul

static void map_errors(void)
{
    seL4_CPtr frame = object_new(seL4_RISCV_4K_Page, 0), mega = object_new(seL4_RISCV_Mega_Page, 0);
    seL4_CPtr table = object_new(seL4_RISCV_PageTableObject, 0),
              second = object_new(seL4_RISCV_PageTableObject, 0);

    EQUAL(seL4_RISCV_Page_Map(frame, CNODE, AT, seL4_AllRights, 0), seL4_InvalidCapability);
    EQUAL(seL4_GetMR(0), 1);
    EQUAL(seL4_RISCV_Page_Map(frame, table, AT, seL4_AllRights, 0), seL4_InvalidCapability);
    EQUAL(seL4_RISCV_Page_Map(frame, VSPACE, seL4_UserTop, seL4_AllRights, 0), seL4_InvalidArgument);
    EQUAL(seL4_RISCV_Page_Map(frame, VSPACE, AT + 8, seL4_AllRights, 0), seL4_AlignmentError);
    EQUAL(seL4_RISCV_Page_Map(frame, VSPACE, AT, seL4_AllRights, 0), seL4_FailedLookup);
    EQUAL(seL4_GetMR(0), 0);
    EQUAL(seL4_GetMR(1), seL4_MissingCapability);
    EQUAL(seL4_GetMR(2), 30);
    EQUAL(seL4_RISCV_PageTable_Map(table, VSPACE, seL4_UserTop, 0), seL4_InvalidArgument);
    EQUAL(seL4_CNode_Copy(CNODE, slot_new(), 64, CNODE, table, 64, seL4_AllRights), seL4_IllegalOperation);
    OK(seL4_RISCV_PageTable_Map(table, VSPACE, AT + 4097, 0));
    EQUAL(seL4_RISCV_PageTable_Map(table, VSPACE, AT, 0), seL4_InvalidCapability);
    EQUAL(seL4_GetMR(0), 0);
    EQUAL(seL4_RISCV_PageTable_Map(second, table, AT, 0), seL4_InvalidCapability);
    EQUAL(seL4_GetMR(0), 1);
    EQUAL(seL4_RISCV_Page_Map(frame, VSPACE, AT, seL4_AllRights, 0), seL4_FailedLookup);
    EQUAL(seL4_GetMR(2), 21);
    OK(seL4_RISCV_Page_Map(mega, VSPACE, AT, seL4_AllRights, 0));
    EQUAL(seL4_RISCV_PageTable_Map(second, VSPACE, AT, 0), seL4_DeleteFirst);
    OK(seL4_RISCV_Page_Unmap(mega));
    OK(seL4_RISCV_PageTable_Map(second, VSPACE, AT, 0));
    EQUAL(seL4_RISCV_Page_Map(mega, VSPACE, AT, seL4_AllRights, 0), seL4_FailedLookup);
    EQUAL(seL4_GetMR(2), 12);
    OK(seL4_RISCV_Page_Map(frame, VSPACE, AT, seL4_AllRights, 0));
    OK(seL4_RISCV_Page_Map(frame, VSPACE, AT, seL4_CanRead, 0));
    EQUAL(seL4_RISCV_Page_Map(frame, VSPACE, AT + 4096, seL4_AllRights, 0), seL4_InvalidArgument);
    seL4_CPtr copy = cap_copy(frame, 15);
    EQUAL(seL4_RISCV_Page_Map(copy, VSPACE, AT, seL4_AllRights, 0), seL4_DeleteFirst);
    EQUAL(seL4_RISCV_PageTable_Unmap(VSPACE), seL4_RevokeFirst);
    seL4_CPtr table_copy = cap_copy(second, 15);
    EQUAL(seL4_RISCV_PageTable_Unmap(second), seL4_RevokeFirst);
    OK(seL4_CNode_Delete(CNODE, table_copy, 64));
    OK(seL4_RISCV_PageTable_Unmap(second));
    OK(seL4_RISCV_PageTable_Unmap(second));
    EQUAL(sel4_invoke(second, 0, 0, 0, 0, 0, 0, 0), seL4_IllegalOperation);
}

/* One frame seen at two addresses through two caps; deleting one cap unmaps its own mapping only. */
static void shared_frame(void)
{
    seL4_CPtr fault = object_new(seL4_EndpointObject, 0), frame = page_new(VSPACE, AT),
              copy = cap_copy(frame, 15);

    OK(seL4_RISCV_Page_Map(copy, VSPACE, AT + 4096, seL4_AllRights, 0));
    *(volatile u64 *)AT = 42;
    EQUAL(*(volatile u64 *)(AT + 4096), 42);
    OK(seL4_CNode_Delete(CNODE, frame, 64));
    EQUAL(*(volatile u64 *)(AT + 4096), 42);
    OK(seL4_RISCV_Page_Map(cap_copy(copy, 15), VSPACE, AT, seL4_AllRights, 0)); /* AT is free again */
    EQUAL(*(volatile u64 *)AT, 42);
    (void)fault;
}

static void large_pages(void)
{
    seL4_CPtr mega = object_new(seL4_RISCV_Mega_Page, 0), table = object_new(seL4_RISCV_PageTableObject, 0);

    OK(seL4_RISCV_PageTable_Map(table, VSPACE, AT, 0));
    EQUAL(seL4_RISCV_Page_Map(mega, VSPACE, AT + 4096, seL4_AllRights, 0), seL4_AlignmentError);
    OK(seL4_RISCV_Page_Map(mega, VSPACE, AT + (2ul << 20), seL4_AllRights, 0));
    volatile u64 *last = (volatile u64 *)(AT + (4ul << 20) - 8);
    EQUAL(*last, 0);
    *last = 1;
    EQUAL(*last, 1);
    OK(seL4_CNode_Delete(CNODE, table,
                         64)); /* the table goes, the record of the page stays and is harmless */
    OK(seL4_RISCV_Page_Unmap(mega));
}

static void asid_pools(void)
{
    seL4_CPtr small = object_new(seL4_UntypedObject, 12), wrong = object_new(seL4_UntypedObject, 13);
    seL4_CPtr new_pool = slot_new(), space = object_new(seL4_RISCV_PageTableObject, 0);
    seL4_CPtr frame = object_new(seL4_RISCV_4K_Page, 0);

    EQUAL(seL4_RISCV_ASIDControl_MakePool(seL4_CapASIDControl, wrong, CNODE, new_pool, 64),
          seL4_InvalidCapability);
    EQUAL(seL4_GetMR(0), 1);
    EQUAL(seL4_RISCV_ASIDControl_MakePool(seL4_CapASIDControl, small, CNODE, TCB, 64), seL4_DeleteFirst);
    OK(seL4_RISCV_ASIDControl_MakePool(seL4_CapASIDControl, small, CNODE, new_pool, 64));
    EQUAL(seL4_RISCV_ASIDControl_MakePool(seL4_CapASIDControl, small, CNODE, slot_new(), 64),
          seL4_RevokeFirst);
    EQUAL(seL4_RISCV_ASIDPool_Assign(new_pool, VSPACE), seL4_InvalidCapability);
    OK(seL4_RISCV_ASIDPool_Assign(new_pool, space));
    EQUAL(seL4_RISCV_ASIDPool_Assign(new_pool, space), seL4_InvalidCapability);
    tables_new(space, AT);
    OK(seL4_RISCV_Page_Map(frame, space, AT, seL4_AllRights, 0));
    EQUAL(seL4_RISCV_Page_Map(frame, VSPACE, AT, seL4_AllRights, 0), seL4_FailedLookup);
    OK(seL4_CNode_Delete(CNODE, new_pool, 64));
    EQUAL(seL4_RISCV_Page_Map(frame, space, AT, seL4_AllRights, 0), seL4_FailedLookup);
    EQUAL(seL4_GetMR(1), seL4_InvalidRoot);
    OK(seL4_RISCV_PageTable_Unmap(space));
    OK(seL4_RISCV_ASIDPool_Assign(seL4_CapInitThreadASIDPool, space));
}

/* All 127 further pools, then one too many; afterwards their numbers are free again. */
static void all_asid_pools(void)
{
    for (int round = 0; round < 2; round++) {
        seL4_CPtr untyped = object_new(seL4_UntypedObject, 20);
        for (int i = 0; i < 128; i++) {
            seL4_CPtr small = slot_new();
            OK(seL4_Untyped_Retype(untyped, seL4_UntypedObject, 12, CNODE, 0, 0, small, 1));
            EQUAL(seL4_RISCV_ASIDControl_MakePool(seL4_CapASIDControl, small, CNODE, slot_new(), 64),
                  i == 127 ? seL4_DeleteFirst : seL4_NoError);
        }
        OK(seL4_CNode_Revoke(CNODE, untyped, 64));
    }
}

const struct test vspace_tests[] = {
    {"vspace: map and unmap, errors in order", map_errors},
    {"vspace: one frame, two mappings", shared_frame},
    {"vspace: large pages", large_pages},
    {"vspace: ASID pools", asid_pools},
    {"vspace: all ASID pools", all_asid_pools},
    {NULL, NULL},
};
