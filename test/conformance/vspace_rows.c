/* Each row of the tables of page tables, frames and ASIDs. The names say section and row. */
#include "test/conformance/conformance.h"

#define AT 0x40000000ul

static void store_to(u64 address, u64 b)
{
    (void)b;
    *(volatile u64 *)address = 1;
    helper_stop();
}

static seL4_CPtr space_new(void)
{
    seL4_CPtr space = object_new(seL4_RISCV_PageTableObject, 0);
    OK(seL4_RISCV_ASIDPool_Assign(seL4_CapInitThreadASIDPool, space));
    return space;
}

/* A space whose ASID pool is gone. */
static seL4_CPtr lost_space(void)
{
    seL4_CPtr space = object_new(seL4_RISCV_PageTableObject, 0), small = object_new(seL4_UntypedObject, 12);
    seL4_CPtr gone = slot_new();

    OK(seL4_RISCV_ASIDControl_MakePool(seL4_CapASIDControl, small, CNODE, gone, 64));
    OK(seL4_RISCV_ASIDPool_Assign(gone, space));
    OK(seL4_CNode_Delete(CNODE, gone, 64));
    return space;
}

static void table_ok(void)
{
    seL4_CPtr table = object_new(seL4_RISCV_PageTableObject, 0);
    for (int i = 0; i < 2; i++) {
        OK(seL4_RISCV_PageTable_Map(table, VSPACE, AT + 4097, 0));
        OK(seL4_RISCV_PageTable_Unmap(table));
        OK(seL4_RISCV_PageTable_Unmap(table));
    }
}

static void table_1(void)
{
    seL4_CPtr table = object_new(seL4_RISCV_PageTableObject, 0);
    EQUAL(sel4_invoke(table, RISCVPageTableMap, 0, 2, AT, 0, 0, 0), seL4_TruncatedMessage);
    seL4_SetCap(0, VSPACE);
    EQUAL(sel4_invoke(table, RISCVPageTableMap, 1, 1, AT, 0, 0, 0), seL4_TruncatedMessage);
}

static void table_2(void)
{
    seL4_CPtr table = object_new(seL4_RISCV_PageTableObject, 0);
    OK(seL4_RISCV_PageTable_Map(table, VSPACE, AT, 0));
    FAILS1(seL4_RISCV_PageTable_Map(table, CNODE, AT, 0), seL4_InvalidCapability, 0);
    FAILS1(seL4_RISCV_PageTable_Map(VSPACE, CNODE, AT, 0), seL4_InvalidCapability, 0);
}

static void table_3(void)
{
    seL4_CPtr table = object_new(seL4_RISCV_PageTableObject, 0);
    FAILS1(seL4_RISCV_PageTable_Map(table, CNODE, AT, 0), seL4_InvalidCapability, 1);
    FAILS1(seL4_RISCV_PageTable_Map(table, object_new(seL4_RISCV_PageTableObject, 0), seL4_UserTop, 0),
           seL4_InvalidCapability, 1);
}

static void table_4(void)
{
    seL4_CPtr table = object_new(seL4_RISCV_PageTableObject, 0);
    FAILS1(seL4_RISCV_PageTable_Map(table, VSPACE, seL4_UserTop, 0), seL4_InvalidArgument, 0);
}

static void table_5(void)
{
    seL4_CPtr table = object_new(seL4_RISCV_PageTableObject, 0);
    FAILS2(seL4_RISCV_PageTable_Map(table, lost_space(), AT, 0), seL4_FailedLookup, 0, seL4_InvalidRoot);
}

static void table_6(void)
{
    seL4_CPtr table = object_new(seL4_RISCV_PageTableObject, 0);
    seL4_CPtr lower = object_new(seL4_RISCV_PageTableObject, 0);
    OK(seL4_RISCV_PageTable_Map(lower, VSPACE, AT, 0));
    FAILS1(seL4_RISCV_PageTable_Map(table, lower, AT, 0), seL4_InvalidCapability, 1);
}

static void table_7(void)
{
    seL4_CPtr table = object_new(seL4_RISCV_PageTableObject, 0);
    seL4_CPtr mega = object_new(seL4_RISCV_Mega_Page, 0);
    tables_new(VSPACE, AT);
    EQUAL(seL4_RISCV_PageTable_Map(table, VSPACE, AT, 0), seL4_DeleteFirst);
    OK(seL4_RISCV_Page_Map(mega, VSPACE, AT + (2ul << 20), seL4_AllRights, 0));
    EQUAL(seL4_RISCV_PageTable_Map(table, VSPACE, AT + (2ul << 20), 0), seL4_DeleteFirst);
}

static void table_u1(void)
{
    seL4_CPtr table = object_new(seL4_RISCV_PageTableObject, 0);
    OK(seL4_RISCV_PageTable_Map(table, VSPACE, AT, 0));
    cap_copy(table, 15);
    EQUAL(seL4_RISCV_PageTable_Unmap(table), seL4_RevokeFirst);
}

static void table_u2(void)
{
    seL4_CPtr space = space_new();
    EQUAL(seL4_RISCV_PageTable_Unmap(space), seL4_RevokeFirst);
    space = lost_space();
    OK(seL4_RISCV_PageTable_Unmap(space));
    OK(seL4_RISCV_ASIDPool_Assign(seL4_CapInitThreadASIDPool, space));
}

static void page_ok(void)
{
    seL4_CPtr frame = object_new(seL4_RISCV_4K_Page, 0);
    tables_new(VSPACE, AT);
    OK(seL4_RISCV_Page_Map(frame, VSPACE, AT, seL4_AllRights, 0));
    *(volatile u64 *)AT = 5;
    OK(seL4_RISCV_Page_Map(frame, VSPACE, AT, seL4_AllRights, 0));
    EQUAL(*(volatile u64 *)AT, 5);
    OK(seL4_RISCV_Page_Unmap(frame));
    OK(seL4_RISCV_Page_Unmap(frame));
    EQUAL(seL4_RISCV_Page_GetAddress(frame).paddr & 4095, 0);
    CHECK(seL4_RISCV_Page_GetAddress(frame).paddr > 0x80000000);
}

static void page_1(void)
{
    seL4_CPtr frame = object_new(seL4_RISCV_4K_Page, 0);
    EQUAL(sel4_invoke(frame, RISCVPageMap, 0, 3, AT, 3, 0, 0), seL4_TruncatedMessage);
    seL4_SetCap(0, VSPACE);
    EQUAL(sel4_invoke(frame, RISCVPageMap, 1, 2, AT, 3, 0, 0), seL4_TruncatedMessage);
}

static void page_2(void)
{
    seL4_CPtr frame = object_new(seL4_RISCV_4K_Page, 0);
    FAILS1(seL4_RISCV_Page_Map(frame, CNODE, AT, seL4_AllRights, 0), seL4_InvalidCapability, 1);
    FAILS1(seL4_RISCV_Page_Map(frame, object_new(seL4_RISCV_PageTableObject, 0), seL4_UserTop, seL4_AllRights,
                               0),
           seL4_InvalidCapability, 1);
}

static void page_3(void)
{
    seL4_CPtr frame = object_new(seL4_RISCV_4K_Page, 0);
    FAILS2(seL4_RISCV_Page_Map(frame, lost_space(), seL4_UserTop, seL4_AllRights, 0), seL4_FailedLookup, 0,
           seL4_InvalidRoot);
}

static void page_4(void)
{
    seL4_CPtr frame = object_new(seL4_RISCV_4K_Page, 0);
    seL4_CPtr table = object_new(seL4_RISCV_PageTableObject, 0);
    OK(seL4_RISCV_PageTable_Map(table, VSPACE, AT, 0));
    FAILS1(seL4_RISCV_Page_Map(frame, table, seL4_UserTop, seL4_AllRights, 0), seL4_InvalidCapability, 1);
}

static void page_5(void)
{
    seL4_CPtr frame = object_new(seL4_RISCV_4K_Page, 0);
    FAILS1(seL4_RISCV_Page_Map(frame, VSPACE, seL4_UserTop + 1, seL4_AllRights, 0), seL4_InvalidArgument, 0);
    FAILS1(seL4_RISCV_Page_Map(object_new(seL4_RISCV_Mega_Page, 0), VSPACE, seL4_UserTop - 4096,
                               seL4_AllRights, 0),
           seL4_InvalidArgument, 0);
}

static void page_6(void)
{
    seL4_CPtr frame = object_new(seL4_RISCV_4K_Page, 0);
    EQUAL(seL4_RISCV_Page_Map(frame, VSPACE, AT + 8, seL4_AllRights, 0), seL4_AlignmentError);
    EQUAL(seL4_RISCV_Page_Map(object_new(seL4_RISCV_Mega_Page, 0), VSPACE, AT + 4096, seL4_AllRights, 0),
          seL4_AlignmentError);
}

static void page_7(void)
{
    seL4_CPtr frame = object_new(seL4_RISCV_4K_Page, 0);
    seL4_CPtr mega = object_new(seL4_RISCV_Mega_Page, 0);
    FAILS2(seL4_RISCV_Page_Map(frame, VSPACE, AT, seL4_AllRights, 0), seL4_FailedLookup, 0,
           seL4_MissingCapability);
    EQUAL(seL4_GetMR(2), 30);
    OK(seL4_RISCV_PageTable_Map(object_new(seL4_RISCV_PageTableObject, 0), VSPACE, AT, 0));
    FAILS2(seL4_RISCV_Page_Map(frame, VSPACE, AT, seL4_AllRights, 0), seL4_FailedLookup, 0,
           seL4_MissingCapability);
    EQUAL(seL4_GetMR(2), 21);
    OK(seL4_RISCV_PageTable_Map(object_new(seL4_RISCV_PageTableObject, 0), VSPACE, AT, 0));
    FAILS2(seL4_RISCV_Page_Map(mega, VSPACE, AT, seL4_AllRights, 0), seL4_FailedLookup, 0,
           seL4_MissingCapability);
    EQUAL(seL4_GetMR(2), 12);
    OK(seL4_RISCV_Page_Map(mega, VSPACE, AT + (2ul << 20), seL4_AllRights, 0));
    FAILS2(seL4_RISCV_Page_Map(frame, VSPACE, AT + (2ul << 20), seL4_AllRights, 0), seL4_FailedLookup, 0,
           seL4_MissingCapability);
    EQUAL(seL4_GetMR(2), 21);
}

static void page_8(void)
{
    seL4_CPtr frame = page_new(VSPACE, AT), space = space_new();
    tables_new(space, AT);
    FAILS1(seL4_RISCV_Page_Map(frame, space, AT, seL4_AllRights, 0), seL4_InvalidCapability, 1);
}

static void page_9(void)
{
    seL4_CPtr frame = page_new(VSPACE, AT);
    FAILS1(seL4_RISCV_Page_Map(frame, VSPACE, AT + 4096, seL4_AllRights, 0), seL4_InvalidArgument, 0);
}

static void page_10(void)
{
    seL4_CPtr frame = object_new(seL4_RISCV_4K_Page, 0);
    page_new(VSPACE, AT);
    EQUAL(seL4_RISCV_Page_Map(frame, VSPACE, AT, seL4_AllRights, 0), seL4_DeleteFirst);
}

static void giga(void)
{
    seL4_CPtr frame = slot_new(), untyped = 0;
    for (u64 i = 0; i < info->untyped.end - info->untyped.start; i++) {
        if (info->untypedList[i].isDevice && info->untypedList[i].sizeBits >= seL4_HugePageBits)
            untyped = info->untyped.start + i;
    }
    CHECK(untyped);
    OK(seL4_Untyped_Retype(untyped, seL4_RISCV_Giga_Page, 0, CNODE, 0, 0, frame, 1));
    EQUAL(seL4_RISCV_Page_Map(frame, VSPACE, AT + (2ul << 20), seL4_AllRights, 0), seL4_AlignmentError);
    OK(seL4_RISCV_Page_Map(frame, VSPACE, AT, seL4_AllRights, 0));
    FAILS2(seL4_RISCV_Page_Map(object_new(seL4_RISCV_4K_Page, 0), VSPACE, AT, seL4_AllRights, 0),
           seL4_FailedLookup, 0, seL4_MissingCapability);
    EQUAL(seL4_GetMR(2), 30);
    OK(seL4_CNode_Revoke(CNODE, untyped, 64));
}

static void rights(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0), frame = page_new(VSPACE, AT);
    struct helper *helper = helper_new(0, 254, endpoint);
    *(volatile u32 *)AT = 0x9002;         /* c.ebreak */
    __asm__ volatile(".word 0x0000100f"); /* fence.i */
    OK(seL4_RISCV_Page_Map(frame, VSPACE, AT, seL4_CanRead, 0));
    helper_start(helper, store_to, AT, 0);
    EQUAL(seL4_MessageInfo_get_label(seL4_Recv(endpoint, NULL)), seL4_Fault_VMFault);
    EQUAL(seL4_GetMR(seL4_VMFault_FSR), 7);
    OK(seL4_RISCV_Page_Map(frame, VSPACE, AT, seL4_AllRights, seL4_RISCV_ExecuteNever));
    helper_start(helper, (void (*)(u64, u64))AT, 0, 0);
    EQUAL(seL4_MessageInfo_get_label(seL4_Recv(endpoint, NULL)), seL4_Fault_VMFault);
    EQUAL(seL4_GetMR(seL4_VMFault_FSR), 1);
    EQUAL(seL4_GetMR(seL4_VMFault_PrefetchFault), 1);
    OK(seL4_RISCV_Page_Map(frame, VSPACE, AT, seL4_NoRights, 0));
    helper_start(helper, (void (*)(u64, u64))AT, 0, 0);
    EQUAL(seL4_MessageInfo_get_label(seL4_Recv(endpoint, NULL)), seL4_Fault_UserException);
    EQUAL(seL4_GetMR(seL4_UserException_Number), 3);
}

/* Without any access there is no entry, but the cap counts as mapped. To write alone is no access. */
static void no_access(void)
{
    for (u64 rights = 0; rights < 2; rights++) {
        seL4_CPtr frame = object_new(seL4_RISCV_4K_Page, 0), other = object_new(seL4_RISCV_4K_Page, 0);
        tables_new(VSPACE, AT);
        OK(seL4_RISCV_Page_Map(frame, VSPACE, AT, (seL4_CapRights_t){{rights}}, seL4_RISCV_ExecuteNever));
        FAILS1(seL4_RISCV_Page_Map(frame, VSPACE, AT + PAGE_SIZE, seL4_AllRights, 0), seL4_InvalidArgument,
               0);
        OK(seL4_RISCV_Page_Map(other, VSPACE, AT, seL4_AllRights, 0));
        *(volatile u64 *)AT = 3;
        OK(seL4_RISCV_Page_Unmap(frame)); /* the entry is not its own */
        EQUAL(*(volatile u64 *)AT, 3);
        OK(seL4_RISCV_Page_Unmap(other));
    }
}

/* Unmap takes away what maps exactly the frame, with its size: not what has come to its place since. */
static void other_size(void)
{
    seL4_CPtr table = object_new(seL4_RISCV_PageTableObject, 0),
              lower = object_new(seL4_RISCV_PageTableObject, 0), untyped = object_new(seL4_UntypedObject, 21);
    seL4_CPtr frame = slot_new(), mega = object_new(seL4_RISCV_Mega_Page, 0);

    OK(seL4_Untyped_Retype(untyped, seL4_RISCV_4K_Page, 0, CNODE, 0, 0, frame, 1));
    OK(seL4_RISCV_PageTable_Map(table, VSPACE, AT, 0));
    OK(seL4_RISCV_PageTable_Map(lower, VSPACE, AT, 0));
    OK(seL4_RISCV_Page_Map(frame, VSPACE, AT, seL4_AllRights, 0));
    OK(seL4_RISCV_PageTable_Unmap(lower));
    OK(seL4_RISCV_Page_Map(mega, VSPACE, AT, seL4_AllRights, 0));
    *(volatile u64 *)AT = 3;
    OK(seL4_RISCV_Page_Unmap(frame));
    EQUAL(*(volatile u64 *)AT, 3);
    OK(seL4_RISCV_Page_Unmap(mega));
    OK(seL4_RISCV_PageTable_Map(lower, VSPACE, AT, 0));
    OK(seL4_RISCV_Page_Map(frame, VSPACE, AT, seL4_AllRights, 0));
    *(volatile u64 *)AT = 4;
    OK(seL4_RISCV_Page_Unmap(mega));
    EQUAL(*(volatile u64 *)AT, 4);
}

/* Rights and attributes change when a page is mapped again, in the translations the hart remembers as well.
 */
static void rights_change(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0), frame = page_new(VSPACE, AT);
    struct helper *helper = helper_new(0, 254, endpoint);

    for (u64 round = 0; round < 3; round++) {
        OK(seL4_RISCV_Page_Map(frame, VSPACE, AT, seL4_AllRights, 0));
        *(volatile u64 *)AT = round + 5; /* now it is remembered as writable */
        OK(seL4_RISCV_Page_Map(frame, VSPACE, AT, seL4_CanRead, 0));
        EQUAL(*(volatile u64 *)AT, round + 5);
        helper_start(helper, store_to, AT, 0);
        EQUAL(seL4_MessageInfo_get_label(seL4_Recv(endpoint, NULL)), seL4_Fault_VMFault);
        EQUAL(seL4_GetMR(seL4_VMFault_FSR), 7);
        EQUAL(*(volatile u64 *)AT, round + 5);
        OK(seL4_RISCV_Page_Unmap(frame));
        helper_start(helper, enter_load, AT, 1);
        EQUAL(seL4_MessageInfo_get_label(seL4_Recv(endpoint, NULL)), seL4_Fault_VMFault);
        EQUAL(seL4_GetMR(seL4_VMFault_FSR), 5);
    }
}

/* The caps of the boot know where they are mapped. */
static void boot_frames(void)
{
    const u64 buffer = (u64)info->ipcBuffer;

    FAILS1(seL4_RISCV_Page_Map(info->userImageFrames.start, VSPACE, AT, seL4_AllRights, 0), seL4_FailedLookup,
           0);
    tables_new(VSPACE, AT);
    FAILS1(seL4_RISCV_Page_Map(info->userImageFrames.start, VSPACE, AT, seL4_AllRights, 0),
           seL4_InvalidArgument, 0);
    FAILS1(seL4_RISCV_Page_Map(seL4_CapInitThreadIPCBuffer, VSPACE, AT, seL4_AllRights, 0),
           seL4_InvalidArgument, 0);
    OK(seL4_RISCV_Page_Map(seL4_CapInitThreadIPCBuffer, VSPACE, buffer, seL4_AllRights, 0));
    FAILS1(seL4_RISCV_Page_Map(seL4_CapBootInfoFrame, VSPACE, AT, seL4_AllRights, 0), seL4_InvalidArgument,
           0);
    OK(seL4_RISCV_Page_Map(seL4_CapBootInfoFrame, VSPACE, (u64)info, seL4_AllRights, 0));
    FAILS1(seL4_RISCV_PageTable_Map(info->userImagePaging.start, VSPACE, AT, 0), seL4_InvalidCapability, 0);
}

static void pool_ok(void)
{
    seL4_CPtr small = object_new(seL4_UntypedObject, 12), new_pool = slot_new();
    OK(seL4_RISCV_ASIDControl_MakePool(seL4_CapASIDControl, small, CNODE, new_pool, 64));
    EQUAL(seL4_DebugCapIdentify(new_pool), 13);
    OK(seL4_RISCV_ASIDPool_Assign(new_pool, object_new(seL4_RISCV_PageTableObject, 0)));
}

static void pool_1(void)
{
    EQUAL(sel4_invoke(seL4_CapASIDControl, RISCVASIDPoolAssign, 0, 2, 0, 0, 0, 0), seL4_IllegalOperation);
}

static void pool_2(void)
{
    seL4_SetCap(0, CNODE);
    seL4_SetCap(1, CNODE);
    EQUAL(sel4_invoke(seL4_CapASIDControl, RISCVASIDControlMakePool, 2, 1, 0, 0, 0, 0),
          seL4_TruncatedMessage);
    EQUAL(sel4_invoke(seL4_CapASIDControl, RISCVASIDControlMakePool, 1, 2, 0, 0, 0, 0),
          seL4_TruncatedMessage);
}

static void pool_4(void)
{
    seL4_CPtr device = slot_new();
    FAILS1(seL4_RISCV_ASIDControl_MakePool(seL4_CapASIDControl, TCB, TCB, TCB, 64), seL4_InvalidCapability,
           1);
    FAILS1(seL4_RISCV_ASIDControl_MakePool(seL4_CapASIDControl, object_new(seL4_UntypedObject, 13), TCB, TCB,
                                           64),
           seL4_InvalidCapability, 1);
    OK(seL4_Untyped_Retype(info->untyped.start, seL4_UntypedObject, 12, CNODE, 0, 0, device, 1));
    FAILS1(seL4_RISCV_ASIDControl_MakePool(seL4_CapASIDControl, device, TCB, TCB, 64), seL4_InvalidCapability,
           1);
    OK(seL4_CNode_Delete(CNODE, device, 64));
}

static void pool_5(void)
{
    seL4_CPtr small = object_new(seL4_UntypedObject, 12), new_pool = slot_new();
    (void)new_pool;
    OK(seL4_Untyped_Retype(small, seL4_EndpointObject, 0, CNODE, 0, 0, slot_new(), 1));
    EQUAL(seL4_RISCV_ASIDControl_MakePool(seL4_CapASIDControl, small, TCB, TCB, 64), seL4_RevokeFirst);
}

static void pool_6(void)
{
    seL4_CPtr small = object_new(seL4_UntypedObject, 12), new_pool = slot_new();
    (void)new_pool;
    FAILS2(seL4_RISCV_ASIDControl_MakePool(seL4_CapASIDControl, small, TCB, 1, 64), seL4_FailedLookup, 0,
           seL4_InvalidRoot);
}

static void pool_7(void)
{
    seL4_CPtr small = object_new(seL4_UntypedObject, 12), new_pool = slot_new();
    (void)new_pool;
    EQUAL(seL4_RISCV_ASIDControl_MakePool(seL4_CapASIDControl, small, CNODE, TCB, 64), seL4_DeleteFirst);
}

static void assign_1(void)
{
    EQUAL(sel4_invoke(seL4_CapInitThreadASIDPool, RISCVASIDControlMakePool, 0, 0, 0, 0, 0, 0),
          seL4_IllegalOperation);
}

static void assign_2(void)
{
    EQUAL(sel4_invoke(seL4_CapInitThreadASIDPool, RISCVASIDPoolAssign, 0, 0, 0, 0, 0, 0),
          seL4_TruncatedMessage);
}

static void assign_3(void)
{
    FAILS1(seL4_RISCV_ASIDPool_Assign(seL4_CapInitThreadASIDPool, TCB), seL4_InvalidCapability, 1);
    FAILS1(seL4_RISCV_ASIDPool_Assign(seL4_CapInitThreadASIDPool, VSPACE), seL4_InvalidCapability, 1);
    seL4_CPtr table = object_new(seL4_RISCV_PageTableObject, 0);
    OK(seL4_RISCV_PageTable_Map(table, VSPACE, AT, 0));
    FAILS1(seL4_RISCV_ASIDPool_Assign(seL4_CapInitThreadASIDPool, table), seL4_InvalidCapability, 1);
}

static void assign_6(void)
{
    seL4_CPtr small = object_new(seL4_UntypedObject, 12), new_pool = slot_new();
    seL4_CPtr tables = slot_new();
    OK(seL4_RISCV_ASIDControl_MakePool(seL4_CapASIDControl, small, CNODE, new_pool, 64));
    for (u64 i = 0; i < 513; i++)
        slot_new();
    OK(seL4_Untyped_Retype(pool, seL4_RISCV_PageTableObject, 0, CNODE, 0, 0, tables, 256));
    OK(seL4_Untyped_Retype(pool, seL4_RISCV_PageTableObject, 0, CNODE, 0, 0, tables + 256, 256));
    OK(seL4_Untyped_Retype(pool, seL4_RISCV_PageTableObject, 0, CNODE, 0, 0, tables + 512, 1));
    for (u64 i = 0; i < 512; i++)
        OK(seL4_RISCV_ASIDPool_Assign(new_pool, tables + i));
    EQUAL(seL4_RISCV_ASIDPool_Assign(new_pool, tables + 512), seL4_DeleteFirst);
    OK(seL4_CNode_Delete(CNODE, tables + 77, 64));
    OK(seL4_RISCV_ASIDPool_Assign(new_pool, tables + 512));
}

const struct test vspace_rows[] = {
    {"6.8 PageTable Map and Unmap succeed, and again", table_ok},
    {"6.8 PageTable Map 1: message too short, no cap", table_1},
    {"6.8 PageTable Map 2: mapped already, or a root", table_2},
    {"6.8 PageTable Map 3: no page table, or an unmapped one, as space", table_3},
    {"6.8 PageTable Map 4: address out of user space", table_4},
    {"6.8 PageTable Map 5: the space has lost its ASID", table_5},
    {"6.8 PageTable Map 6: a table of a lower level as space", table_6},
    {"6.8 PageTable Map 7: nothing is missing, or a large page is there", table_7},
    {"6.8 PageTable Unmap 1: another cap to it exists", table_u1},
    {"6.8 PageTable Unmap 2: a root in use", table_u2},
    {"6.9 Page Map, Unmap and GetAddress succeed", page_ok},
    {"6.9 Page Map 1: message too short, no cap", page_1},
    {"6.9 Page Map 2: no space", page_2},
    {"6.9 Page Map 3: the space has lost its ASID", page_3},
    {"6.9 Page Map 4: a table of a lower level as space", page_4},
    {"6.9 Page Map 5: address out of user space", page_5},
    {"6.9 Page Map 6: not aligned", page_6},
    {"6.9 Page Map 7: the walk ends at another level", page_7},
    {"6.9 Page Map 8: mapped in another space", page_8},
    {"6.9 Page Map 9: mapped at another address", page_9},
    {"6.9 Page Map 10: another page is there", page_10},
    {"11.1 a giga page of device memory", giga},
    {"11.2 rights of a mapping: read-only, execute-only, execute-never", rights},
    {"11.2 a mapping without any access is no entry", no_access},
    {"6.9 Page Unmap leaves alone what is not the frame's", other_size},
    {"11.5 a page mapped again with other rights, and unmapped", rights_change},
    {"2.3 the frames and tables of the boot are mapped", boot_frames},
    {"6.10 MakePool and 6.11 Assign succeed", pool_ok},
    {"6.10 MakePool 1: another label", pool_1},
    {"6.10 MakePool 2: message too short, too few caps", pool_2},
    {"6.10 MakePool 4: not an untyped of 4 KiB of memory", pool_4},
    {"6.10 MakePool 5: the untyped has children", pool_5},
    {"6.10 MakePool 6: the slot is not found", pool_6},
    {"6.10 MakePool 7: the slot is occupied", pool_7},
    {"6.11 Assign 1: another label", assign_1},
    {"6.11 Assign 2: no cap", assign_2},
    {"6.11 Assign 3: no page table, or one in use", assign_3},
    {"6.11 Assign 6: no ASID is left in the pool, then one is", assign_6},
    {NULL, NULL},
};
