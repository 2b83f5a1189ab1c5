/* Which of two errors is reported: each test makes neighbours in a table of section 6 of the sheet true at
 * once. The names say section and invocation. Pairs that the other files have are not here. */
#include "test/conformance/conformance.h"

#define AT     0x40000000ul
#define RADIX  CONFIG_ROOT_CNODE_SIZE_BITS
#define DEVICE (info->untyped.start)

/* An untyped that has a child: what cannot be derived now. */
static seL4_CPtr used_untyped(u64 bits)
{
    seL4_CPtr untyped = object_new(seL4_UntypedObject, bits);
    OK(seL4_Untyped_Retype(untyped, seL4_EndpointObject, 0, CNODE, 0, 0, slot_new(), 1));
    return untyped;
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
    seL4_CPtr space = object_new(seL4_RISCV_PageTableObject, 0), gone = slot_new();

    OK(seL4_RISCV_ASIDControl_MakePool(seL4_CapASIDControl, object_new(seL4_UntypedObject, 12), CNODE, gone,
                                       64));
    OK(seL4_RISCV_ASIDPool_Assign(gone, space));
    OK(seL4_CNode_Delete(CNODE, gone, 64));
    return space;
}

static void retype_early(void)
{
    EQUAL(sel4_invoke(pool, TCBResume, 0, 0, 99, 99, 0, 0), seL4_IllegalOperation);
    seL4_SetCap(0, CNODE);
    EQUAL(sel4_invoke(pool, UntypedRetype, 1, 5, 99, 99, 0, 0), seL4_TruncatedMessage);
    FAILS1(seL4_Untyped_Retype(pool, 9, 99, TCB, 0, 65, 0, 0), seL4_InvalidArgument, 0);
    FAILS2(seL4_Untyped_Retype(pool, seL4_EndpointObject, 64, TCB, 0, 65, 0, 0), seL4_RangeError, 0, 38);
    FAILS1(seL4_Untyped_Retype(pool, seL4_CapTableObject, 0, TCB, 0, 65, 0, 0), seL4_InvalidArgument, 1);
    FAILS1(seL4_Untyped_Retype(pool, seL4_UntypedObject, 3, TCB, 0, 65, 0, 0), seL4_InvalidArgument, 1);
}

static void retype_destination(void)
{
    FAILS2(seL4_Untyped_Retype(pool, seL4_EndpointObject, 0, TCB, 0, 65, ~0ul, 0), seL4_FailedLookup, 0,
           seL4_InvalidRoot);
    FAILS2(seL4_Untyped_Retype(pool, seL4_EndpointObject, 0, CNODE, 0, 65, ~0ul, 0), seL4_RangeError, 1, 64);
    FAILS2(seL4_Untyped_Retype(pool, seL4_EndpointObject, 0, CNODE, TCB, 64, ~0ul, 0), seL4_FailedLookup, 0,
           seL4_MissingCapability);
    FAILS2(seL4_Untyped_Retype(pool, seL4_EndpointObject, 0, CNODE, 0, 0, ~0ul, 0), seL4_RangeError, 0,
           (1ul << RADIX) - 1);
}

static void retype_window(void)
{
    seL4_CPtr small = object_new(seL4_CapTableObject, 4);

    OK(seL4_CNode_Copy(small, 14, 4, CNODE, TCB, 64, seL4_AllRights));
    FAILS2(seL4_Untyped_Retype(pool, seL4_EndpointObject, 0, small, 0, 0, 14, 257), seL4_RangeError, 1, 256);
    FAILS2(seL4_Untyped_Retype(pool, seL4_EndpointObject, 0, small, 0, 0, 14, 3), seL4_RangeError, 1, 2);
    EQUAL(seL4_Untyped_Retype(pool, seL4_UntypedObject, 38, small, 0, 0, 13, 2), seL4_DeleteFirst);
    EQUAL(seL4_Untyped_Retype(DEVICE, seL4_EndpointObject, 0, small, 0, 0, 13, 2), seL4_DeleteFirst);
}

static void retype_device(void)
{
    seL4_CPtr device = slot_new();

    OK(seL4_Untyped_Retype(DEVICE, seL4_UntypedObject, 12, CNODE, 0, 0, device, 1));
    slot_new();
    slot_new();
    FAILS1(seL4_Untyped_Retype(device, seL4_TCBObject, 0, CNODE, 0, 0, device + 1, 3), seL4_NotEnoughMemory,
           4096);
    FAILS1(seL4_Untyped_Retype(device, seL4_TCBObject, 0, CNODE, 0, 0, device + 1, 2), seL4_InvalidArgument,
           1);
    OK(seL4_CNode_Delete(CNODE, device, 64));
}

static void cnode_early(void)
{
    EQUAL(sel4_invoke(CNODE, CNodeRevoke - 1, 0, 0, 0, 0, 0, 0), seL4_IllegalOperation);
    for (u64 label = CNodeRevoke; label <= CNodeSaveCaller; label++) {
        EQUAL(sel4_invoke(CNODE, label, 0, 1, TCB, 65, 0, 0), seL4_TruncatedMessage);
        FAILS2(sel4_invoke(CNODE, label, 0, 2, TCB, 65, 0, 0), seL4_RangeError, 1, 64);
    }
}

/* Too short for what all four need, or without a root: before the destination's state. Too short only for
 * their own words: after the source's. */
static void cnode_length(void)
{
    static const u64 labels[] = {CNodeCopy, CNodeMint, CNodeMove, CNodeMutate};
    seL4_CPtr used = used_untyped(12), empty = slot_new();

    for (u32 i = 0; i < ARRAY_SIZE(labels); i++) {
        seL4_SetCap(0, TCB);
        EQUAL(sel4_invoke(CNODE, labels[i], 0, 8, TCB, 64, TCB, 64), seL4_TruncatedMessage);
        EQUAL(sel4_invoke(CNODE, labels[i], 1, 3, TCB, 64, TCB, 64), seL4_TruncatedMessage);
        EQUAL(sel4_invoke(CNODE, labels[i], 1, 4, TCB, 64, TCB, 64), seL4_DeleteFirst);
        EQUAL(sel4_invoke(CNODE, labels[i], 1, 4, empty, 64, TCB, 64), seL4_FailedLookup);
        seL4_SetCap(0, CNODE);
        FAILS2(sel4_invoke(CNODE, labels[i], 1, 4, empty, 64, TCB, 65), seL4_RangeError, 1, 64);
        FAILS2(sel4_invoke(CNODE, labels[i], 1, 4, empty, 64, empty, 64), seL4_FailedLookup, 1,
               seL4_MissingCapability);
    }
    EQUAL(sel4_invoke(CNODE, CNodeCopy, 1, 4, empty, 64, used, 64), seL4_TruncatedMessage);
    EQUAL(sel4_invoke(CNODE, CNodeMint, 1, 5, empty, 64, used, 64), seL4_TruncatedMessage);
    EQUAL(sel4_invoke(CNODE, CNodeMutate, 1, 4, empty, 64, object_new(seL4_EndpointObject, 0), 64),
          seL4_TruncatedMessage);
    EQUAL(seL4_CNode_Copy(CNODE, empty, 64, CNODE, used, 64, seL4_AllRights), seL4_RevokeFirst);
    EQUAL(seL4_CNode_Mint(CNODE, empty, 64, CNODE, used, 64, seL4_AllRights, 5), seL4_RevokeFirst);
    CHECK(slot_is_empty(empty));
}

static void cnode_rotate(void)
{
    seL4_CPtr a = cap_copy(TCB, 15), empty = slot_new(), endpoint = object_new(seL4_EndpointObject, 0);

    seL4_SetCap(0, TCB);
    seL4_SetCap(1, TCB);
    seL4_SetMR(4, 65);
    EQUAL(sel4_invoke(CNODE, CNodeRotate, 2, 7, TCB, 64, 0, a), seL4_TruncatedMessage);
    /* the source, though named last, before the pivot */
    FAILS2(seL4_CNode_Rotate(CNODE, TCB, 64, 0, CNODE, a, 65, 0, TCB, a, 64), seL4_FailedLookup, 1,
           seL4_InvalidRoot);
    FAILS2(seL4_CNode_Rotate(CNODE, TCB, 64, 0, TCB, a, 64, 0, CNODE, a, 65), seL4_RangeError, 1, 64);
    /* the pivot's way before what is compared and what is there */
    FAILS2(seL4_CNode_Rotate(CNODE, TCB, 64, 0, TCB, a, 64, 0, CNODE, empty, 64), seL4_FailedLookup, 1,
           seL4_InvalidRoot);
    EQUAL(seL4_CNode_Rotate(CNODE, TCB, 64, 0, CNODE, empty, 64, 0, CNODE, empty, 64), seL4_IllegalOperation);
    EQUAL(seL4_CNode_Rotate(CNODE, TCB, 64, 0, CNODE, TCB, 64, 0, CNODE, empty, 64), seL4_IllegalOperation);
    EQUAL(seL4_CNode_Rotate(CNODE, TCB, 64, 0, CNODE, a, 64, 0, CNODE, empty, 64), seL4_DeleteFirst);
    FAILS2(seL4_CNode_Rotate(CNODE, empty, 64, 0, CNODE, slot_new(), 64, 0, CNODE, slot_new(), 64),
           seL4_FailedLookup, 1, seL4_MissingCapability);
    FAILS2(seL4_CNode_Rotate(CNODE, empty, 64, 0, CNODE, slot_new(), 64, 0, CNODE, endpoint, 64),
           seL4_FailedLookup, 0, seL4_MissingCapability);
    /* a swap with a destination that is empty: the source is, too */
    FAILS2(seL4_CNode_Rotate(CNODE, empty, 64, 0, CNODE, a, 64, 0, CNODE, empty, 64), seL4_FailedLookup, 1,
           seL4_MissingCapability);
}

static void read_registers(void)
{
    EQUAL(sel4_invoke(TCB, TCBReadRegisters, 0, 1, 0, 0, 0, 0), seL4_TruncatedMessage);
    FAILS2(sel4_invoke(TCB, TCBReadRegisters, 0, 2, 0, 0, 0, 0), seL4_RangeError, 1, 32);
    FAILS2(sel4_invoke(TCB, TCBReadRegisters, 0, 2, 0, 1ul << 32, 0, 0), seL4_RangeError, 1, 32);
}

static void write_registers(void)
{
    EQUAL(sel4_invoke(TCB, TCBWriteRegisters, 0, 1, 0, 0, 0, 0), seL4_TruncatedMessage);
    EQUAL(sel4_invoke(TCB, TCBWriteRegisters, 0, 3, 0, 2, 0, 0), seL4_TruncatedMessage);
    EQUAL(sel4_invoke(object_new(seL4_TCBObject, 0), TCBWriteRegisters, 0, 3, 0, ~0ul, 0, 0),
          seL4_TruncatedMessage);
}

static void copy_registers(void)
{
    seL4_SetCap(0, CNODE);
    EQUAL(sel4_invoke(TCB, TCBCopyRegisters, 1, 0, 0, 0, 0, 0), seL4_TruncatedMessage);
}

static void configure(void)
{
    seL4_CPtr tcb = object_new(seL4_TCBObject, 0), used = used_untyped(12), device = slot_new();
    seL4_CPtr frame = object_new(seL4_RISCV_4K_Page, 0), cnode = object_new(seL4_CapTableObject, 4);
    seL4_CPtr table = object_new(seL4_RISCV_PageTableObject, 0);

    OK(seL4_Untyped_Retype(DEVICE, seL4_RISCV_4K_Page, 0, CNODE, 0, 0, device, 1));
    seL4_SetCap(0, used);
    seL4_SetCap(1, used);
    seL4_SetCap(2, used);
    EQUAL(sel4_invoke(tcb, TCBConfigure, 2, 4, 0, 0, 0, 8), seL4_TruncatedMessage);
    EQUAL(sel4_invoke(tcb, TCBConfigure, 3, 3, 0, 0, 0, 8), seL4_TruncatedMessage);
    /* the buffer: whether it can be derived, what it is, where it is */
    EQUAL(seL4_TCB_Configure(tcb, 0, TCB, 0, TCB, 0, 8, used), seL4_RevokeFirst);
    EQUAL(seL4_TCB_Configure(tcb, 0, used, 0, used, 0, 8, device), seL4_IllegalOperation);
    EQUAL(seL4_TCB_Configure(tcb, 0, used, 0, used, 0, 8, CNODE), seL4_IllegalOperation);
    EQUAL(seL4_TCB_Configure(tcb, 0, used, 0, used, 0, 8, frame), seL4_AlignmentError);
    /* the CSpace before the VSpace */
    EQUAL(seL4_TCB_Configure(tcb, 0, used, 0, table, 0, 0, used), seL4_RevokeFirst);
    EQUAL(seL4_TCB_Configure(tcb, 0, TCB, 0, used, 0, 0, used), seL4_IllegalOperation);
    EQUAL(seL4_TCB_Configure(tcb, 0, CNODE, 0, used, 0, 0, used), seL4_RevokeFirst);
    /* a target that is busy: behind the buffer, before the spaces */
    OK(seL4_TCB_SetSpace(tcb, 0, cnode, 0, VSPACE, 0));
    OK(seL4_CNode_Delete(CNODE, cnode, 64));
    EQUAL(seL4_TCB_Configure(tcb, 0, used, 0, used, 0, 8, frame), seL4_AlignmentError);
    EQUAL(seL4_TCB_Configure(tcb, 0, used, 0, used, 0, 0, frame), seL4_IllegalOperation);
    OK(seL4_CNode_Delete(CNODE, device, 64));
}

static void set_space(void)
{
    seL4_CPtr tcb = object_new(seL4_TCBObject, 0), used = used_untyped(12);
    seL4_CPtr cnode = object_new(seL4_CapTableObject, 4);

    seL4_SetCap(0, used);
    EQUAL(sel4_invoke(tcb, TCBSetSpace, 1, 3, 0, 0, 0, 0), seL4_TruncatedMessage);
    EQUAL(seL4_TCB_SetSpace(tcb, 0, used, 0, TCB, 0), seL4_RevokeFirst);
    EQUAL(seL4_TCB_SetSpace(tcb, 0, TCB, 0, used, 0), seL4_IllegalOperation);
    EQUAL(seL4_TCB_SetSpace(tcb, 0, CNODE, 0, used, 0), seL4_RevokeFirst);
    OK(seL4_TCB_SetSpace(tcb, 0, cnode, 0, VSPACE, 0));
    OK(seL4_CNode_Delete(CNODE, cnode, 64));
    EQUAL(seL4_TCB_SetSpace(tcb, 0, used, 0, used, 0), seL4_IllegalOperation);
}

static void set_ipc_buffer(void)
{
    seL4_CPtr tcb = object_new(seL4_TCBObject, 0), device = slot_new();

    OK(seL4_Untyped_Retype(DEVICE, seL4_RISCV_4K_Page, 0, CNODE, 0, 0, device, 1));
    seL4_SetCap(0, used_untyped(12));
    EQUAL(sel4_invoke(tcb, TCBSetIPCBuffer, 1, 0, 8, 0, 0, 0), seL4_TruncatedMessage);
    EQUAL(seL4_TCB_SetIPCBuffer(tcb, 8, used_untyped(12)), seL4_RevokeFirst);
    EQUAL(seL4_TCB_SetIPCBuffer(tcb, 8, device), seL4_IllegalOperation);
    OK(seL4_CNode_Delete(CNODE, device, 64));
}

static void priorities(void)
{
    seL4_CPtr tcb = object_new(seL4_TCBObject, 0);
    static const u64 labels[] = {TCBSetPriority, TCBSetMCPriority, TCBSetSchedParams};

    for (u32 i = 0; i < ARRAY_SIZE(labels); i++) {
        u64 length = labels[i] == TCBSetSchedParams ? 2 : 1;
        seL4_SetCap(0, CNODE);
        EQUAL(sel4_invoke(tcb, labels[i], 1, length - 1, 256, 256, 0, 0), seL4_TruncatedMessage);
        EQUAL(sel4_invoke(tcb, labels[i], 0, length, 256, 256, 0, 0), seL4_TruncatedMessage);
        FAILS1(sel4_invoke(tcb, labels[i], 1, length, 256, 256, 0, 0), seL4_InvalidCapability, 1);
    }
}

static void bind(void)
{
    seL4_CPtr tcb = object_new(seL4_TCBObject, 0);

    OK(seL4_TCB_BindNotification(tcb, object_new(seL4_NotificationObject, 0)));
    EQUAL(sel4_invoke(tcb, TCBBindNotification, 0, 0, 0, 0, 0, 0), seL4_TruncatedMessage);
}

static void interrupts(void)
{
    static const u64 labels[] = {IRQIssueIRQHandler, RISCVIRQIssueIRQHandlerTrigger};

    OK(seL4_IRQControl_Get(seL4_CapIRQControl, IRQ_UNUSED, CNODE, slot_new(), 64));
    for (u32 i = 0; i < ARRAY_SIZE(labels); i++) {
        u64 taken = IRQ_UNUSED;
        seL4_SetCap(0, TCB);
        EQUAL(sel4_invoke(seL4_CapIRQControl, labels[i], 1, 2 + i, 0, 0, 65, 65), seL4_TruncatedMessage);
        EQUAL(sel4_invoke(seL4_CapIRQControl, labels[i], 0, 3 + i, 0, 0, 65, 65), seL4_TruncatedMessage);
        FAILS2(sel4_invoke(seL4_CapIRQControl, labels[i], 1, 3 + i, 1ul << 32, 0, 65, 65), seL4_RangeError, 1,
               96);
        EQUAL(sel4_invoke(seL4_CapIRQControl, labels[i], 1, 3 + i, taken, 0, 65, 65), seL4_RevokeFirst);
    }
}

static void handlers(void)
{
    seL4_CPtr handler = slot_new();

    OK(seL4_IRQControl_Get(seL4_CapIRQControl, IRQ_UNUSED, CNODE, handler, 64));
    FAILS1(seL4_IRQHandler_SetNotification(handler, slot_new()), seL4_InvalidCapability, 0);
}

static void page_table(void)
{
    seL4_CPtr table = object_new(seL4_RISCV_PageTableObject, 0), mapped, lower;

    mapped = object_new(seL4_RISCV_PageTableObject, 0);
    OK(seL4_RISCV_PageTable_Map(mapped, VSPACE, AT, 0));
    lower = object_new(seL4_RISCV_PageTableObject, 0);
    OK(seL4_RISCV_PageTable_Map(lower, VSPACE, AT, 0));
    seL4_SetCap(0, CNODE);
    EQUAL(sel4_invoke(mapped, RISCVPageTableMap, 1, 1, ~0ul, 0, 0, 0), seL4_TruncatedMessage);
    FAILS1(seL4_RISCV_PageTable_Map(mapped, CNODE, ~0ul, 0), seL4_InvalidCapability, 0);
    FAILS1(seL4_RISCV_PageTable_Map(table, CNODE, ~0ul, 0), seL4_InvalidCapability, 1);
    FAILS1(seL4_RISCV_PageTable_Map(table, lost_space(), ~0ul, 0), seL4_InvalidArgument, 0);
    FAILS1(seL4_RISCV_PageTable_Map(table, lower, ~0ul, 0), seL4_InvalidArgument, 0);
    FAILS1(seL4_RISCV_PageTable_Map(table, lower, AT, 0), seL4_InvalidCapability, 1);
    EQUAL(seL4_RISCV_PageTable_Map(table, VSPACE, AT, 0), seL4_DeleteFirst);
}

static void page_table_unmap(void)
{
    seL4_CPtr space = space_new();

    cap_copy(space, 15);
    EQUAL(seL4_RISCV_PageTable_Unmap(space), seL4_RevokeFirst);
    /* another label is illegal even with a copy */
    EQUAL(sel4_invoke(space, RISCVPageMap, 0, 0, 0, 0, 0, 0), seL4_IllegalOperation);
}

static void page_early(void)
{
    seL4_CPtr frame = object_new(seL4_RISCV_4K_Page, 0), lower = object_new(seL4_RISCV_PageTableObject, 0);

    OK(seL4_RISCV_PageTable_Map(lower, VSPACE, AT, 0));
    seL4_SetCap(0, CNODE);
    EQUAL(sel4_invoke(frame, RISCVPageMap, 1, 2, ~0ul, 3, 0, 0), seL4_TruncatedMessage);
    FAILS1(seL4_RISCV_Page_Map(frame, CNODE, ~0ul, seL4_AllRights, 0), seL4_InvalidCapability, 1);
    FAILS2(seL4_RISCV_Page_Map(frame, lost_space(), ~0ul, seL4_AllRights, 0), seL4_FailedLookup, 0,
           seL4_InvalidRoot);
    FAILS1(seL4_RISCV_Page_Map(frame, lower, seL4_UserTop, seL4_AllRights, 0), seL4_InvalidCapability, 1);
    FAILS1(seL4_RISCV_Page_Map(frame, VSPACE, seL4_UserTop + 8, seL4_AllRights, 0), seL4_InvalidArgument, 0);
    EQUAL(seL4_RISCV_Page_Map(frame, VSPACE, 0x50000008, seL4_AllRights, 0), seL4_AlignmentError);
}

/* The end of the range is computed with 64 bits, so an address near the top of all wraps round and is caught
 * as not aligned or not mapped there. */
static void page_wraps(void)
{
    seL4_CPtr frame = object_new(seL4_RISCV_4K_Page, 0);

    FAILS1(seL4_RISCV_Page_Map(frame, VSPACE, ~0ul << 12, seL4_AllRights, 0), seL4_InvalidArgument, 0);
    EQUAL(seL4_RISCV_Page_Map(frame, VSPACE, (~0ul << 12) + 8, seL4_AllRights, 0), seL4_AlignmentError);
}

static void page_late(void)
{
    seL4_CPtr frame = page_new(VSPACE, AT), space = space_new();

    /* mapped elsewhere, but the walk comes first */
    FAILS2(seL4_RISCV_Page_Map(frame, space, AT + PAGE_SIZE, seL4_AllRights, 0), seL4_FailedLookup, 0,
           seL4_MissingCapability);
    EQUAL(seL4_GetMR(2), 30);
    tables_new(space, AT);
    FAILS1(seL4_RISCV_Page_Map(frame, space, AT + PAGE_SIZE, seL4_AllRights, 0), seL4_InvalidCapability, 1);
    page_new(VSPACE, AT + PAGE_SIZE);
    FAILS1(seL4_RISCV_Page_Map(frame, VSPACE, AT + PAGE_SIZE, seL4_AllRights, 0), seL4_InvalidArgument, 0);
}

static void make_pool(void)
{
    seL4_CPtr big = used_untyped(13);

    EQUAL(sel4_invoke(seL4_CapASIDControl, RISCVASIDPoolAssign, 0, 0, 0, 0, 0, 0), seL4_IllegalOperation);
    seL4_SetCap(0, TCB);
    seL4_SetCap(1, TCB);
    EQUAL(sel4_invoke(seL4_CapASIDControl, RISCVASIDControlMakePool, 2, 1, 1, 65, 0, 0),
          seL4_TruncatedMessage);
    FAILS1(seL4_RISCV_ASIDControl_MakePool(seL4_CapASIDControl, big, TCB, 1, 65), seL4_InvalidCapability, 1);
    EQUAL(seL4_RISCV_ASIDControl_MakePool(seL4_CapASIDControl, used_untyped(12), TCB, 1, 65),
          seL4_RevokeFirst);
}

/* 6.10 row 3: no number is left, which comes before everything that is wrong with the caps. */
static void no_pool_left(void)
{
    seL4_CPtr untyped = object_new(seL4_UntypedObject, 19), small = slot_new();

    for (int i = 0; i < 127; i++) {
        if (!slot_is_empty(small))
            small = slot_new();
        OK(seL4_Untyped_Retype(untyped, seL4_UntypedObject, 12, CNODE, 0, 0, small, 1));
        OK(seL4_RISCV_ASIDControl_MakePool(seL4_CapASIDControl, small, CNODE, slot_new(), 64));
    }
    EQUAL(seL4_RISCV_ASIDControl_MakePool(seL4_CapASIDControl, TCB, TCB, 1, 65), seL4_DeleteFirst);
    EQUAL(seL4_RISCV_ASIDControl_MakePool(seL4_CapASIDControl, small, TCB, 1, 65), seL4_DeleteFirst);
    seL4_SetCap(0, TCB);
    EQUAL(sel4_invoke(seL4_CapASIDControl, RISCVASIDControlMakePool, 1, 2, 0, 0, 0, 0),
          seL4_TruncatedMessage);
    OK(seL4_CNode_Revoke(CNODE, small, 64));
    OK(seL4_RISCV_ASIDControl_MakePool(seL4_CapASIDControl, small, CNODE, slot_new(), 64));
}

/* A pool without a free ASID still looks at the table first. */
static void full_pool(void)
{
    seL4_CPtr new_pool = slot_new(), tables = slot_new();

    for (u64 i = 0; i < 512; i++)
        slot_new();
    OK(seL4_RISCV_ASIDControl_MakePool(seL4_CapASIDControl, object_new(seL4_UntypedObject, 12), CNODE,
                                       new_pool, 64));
    OK(seL4_Untyped_Retype(pool, seL4_RISCV_PageTableObject, 0, CNODE, 0, 0, tables, 256));
    OK(seL4_Untyped_Retype(pool, seL4_RISCV_PageTableObject, 0, CNODE, 0, 0, tables + 256, 256));
    for (u64 i = 0; i < 512; i++)
        OK(seL4_RISCV_ASIDPool_Assign(new_pool, tables + i));
    FAILS1(seL4_RISCV_ASIDPool_Assign(new_pool, TCB), seL4_InvalidCapability, 1);
    FAILS1(seL4_RISCV_ASIDPool_Assign(new_pool, tables), seL4_InvalidCapability, 1);
    EQUAL(seL4_RISCV_ASIDPool_Assign(new_pool, object_new(seL4_RISCV_PageTableObject, 0)), seL4_DeleteFirst);
}

static void domains(void)
{
    seL4_SetCap(0, CNODE);
    EQUAL(sel4_invoke(seL4_CapDomain, DomainSetSet, 1, 0, 1, 0, 0, 0), seL4_TruncatedMessage);
    FAILS1(sel4_invoke(seL4_CapDomain, DomainSetSet, 1, 1, 1, 0, 0, 0), seL4_InvalidArgument, 0);
    FAILS1(sel4_invoke(seL4_CapDomain, DomainSetSet, 1, 1, 0, 0, 0, 0), seL4_InvalidArgument, 1);
    EQUAL(sel4_invoke(seL4_CapDomain, DomainSetScheduleConfigure, 0, 2, 9, 9, ~0ul, 0),
          seL4_TruncatedMessage);
    FAILS2(sel4_invoke(seL4_CapDomain, DomainSetScheduleConfigure, 0, 3, 9, 9, ~0ul, 0), seL4_RangeError, 0,
           0);
    FAILS2(sel4_invoke(seL4_CapDomain, DomainSetScheduleConfigure, 0, 3, 0, 9, ~0ul, 0), seL4_RangeError, 0,
           0);
    FAILS1(sel4_invoke(seL4_CapDomain, DomainSetScheduleConfigure, 0, 3, 0, 0, ~0ul, 0), seL4_InvalidArgument,
           2);
}

const struct test order_rows[] = {
    {"6.2 Retype: label, length, type, size, then the destination", retype_early},
    {"6.2 Retype: the destination before the window", retype_destination},
    {"6.2 Retype: the window's count, its end, its slots, then the memory", retype_window},
    {"6.2 Retype: memory before what a device can be", retype_device},
    {"6.3 label, length, destination", cnode_early},
    {"6.3 Copy, Mint, Move, Mutate: two lengths and what is between", cnode_length},
    {"6.3 Rotate: all neighbours", cnode_rotate},
    {"6.4 ReadRegisters: length, count, oneself", read_registers},
    {"6.4 WriteRegisters: length, count, oneself", write_registers},
    {"6.4 CopyRegisters: length, source", copy_registers},
    {"6.4 Configure: length, buffer, busy, CSpace, VSpace", configure},
    {"6.4 SetSpace: length, busy, CSpace, VSpace", set_space},
    {"6.4 SetIPCBuffer: length, derivation, kind, alignment", set_ipc_buffer},
    {"6.4 priorities: length, authority, value", priorities},
    {"6.4 BindNotification: length before what is bound", bind},
    {"6.6 Get, GetTrigger: length, number, taken, slot", interrupts},
    {"6.7 SetNotification: an empty slot is no notification", handlers},
    {"6.8 PageTable Map: all neighbours", page_table},
    {"6.8 PageTable Unmap: both reasons, and another label", page_table_unmap},
    {"6.9 Page Map: length, space, range, alignment", page_early},
    {"6.9 Page Map: a range that wraps round", page_wraps},
    {"6.9 Page Map: walk, space, address, entry", page_late},
    {"6.10 MakePool: all neighbours", make_pool},
    {"6.10 MakePool 3: all pools exist, before what is wrong with the caps", no_pool_left},
    {"6.11 Assign: the table before the pool's room", full_pool},
    {"6.12 DomainSet: all neighbours", domains},
    {NULL, NULL},
};
