/* Ways through CNodes: the errors of each invocation that looks up a slot (SLOT in section 6.0 of the sheet),
 * and the rules of section 7 for threads. The names say section and subject. */
#include "test/conformance/conformance.h"

#define GUARDED(guard, bits) ((guard) << 6 | (bits))

/* ---- Slots that invocations name ----------------------------------------------------------------------- */

/* An invocation with `index` and `depth` below `root` as one of its ways; all else in it is right. */
typedef u64 (*slot_user)(u64 root, u64 index, u64 depth);

static seL4_CPtr free_slot, full_slot, spare_untyped;

static void expect_lookup(u64 error, bool source, u64 type, u64 bits_left)
{
    EQUAL(error, seL4_FailedLookup);
    EQUAL(seL4_GetMR(0), source);
    EQUAL(seL4_GetMR(1), type);
    if (type != seL4_InvalidRoot)
        EQUAL(seL4_GetMR(2), bits_left);
}

/* Rows 2 to 4 of SLOT: a depth out of range, ways that do not resolve, ways that end early at a cap or at an
 * empty slot. `zero`: a depth of 0 is out of range too. */
static void slot_rows(slot_user use, bool source, bool zero)
{
    seL4_CPtr small = object_new(seL4_CapTableObject, 4), guarded;

    free_slot = slot_new();
    full_slot = cap_copy(TCB, 15);
    spare_untyped = object_new(seL4_UntypedObject, 12);
    OK(seL4_CNode_Copy(small, 3, 4, CNODE, TCB, 64, seL4_AllRights));
    guarded = cap_mint(small, 15, GUARDED(5ul, 8ul));
    if (zero)
        FAILS2(use(CNODE, TCB, 0), seL4_RangeError, 1, 64);
    FAILS2(use(CNODE, TCB, 65), seL4_RangeError, 1, 64);
    FAILS2(use(CNODE, TCB, 255), seL4_RangeError, 1, 64);
    expect_lookup(use(CNODE, TCB, 13), source, seL4_GuardMismatch, 13); /* the guard is longer */
    EQUAL(seL4_GetMR(3), 0);
    EQUAL(seL4_GetMR(4), 51);
    expect_lookup(use(CNODE, 1ul << 40, 64), source, seL4_GuardMismatch, 64); /* the guard is another */
    expect_lookup(use(guarded, 0x63, 12), source, seL4_GuardMismatch, 12);
    EQUAL(seL4_GetMR(3), 5);
    EQUAL(seL4_GetMR(4), 8);
    expect_lookup(use(guarded, 0x53, 11), source, seL4_GuardMismatch, 11);
    expect_lookup(use(small, 1, 3), source, seL4_DepthMismatch, 3);
    EQUAL(seL4_GetMR(3), 4);
    expect_lookup(use(small, 0x30, 8), source, seL4_DepthMismatch, 4);
    EQUAL(seL4_GetMR(3), 0);
    expect_lookup(use(small, 0x200, 12), source, seL4_DepthMismatch, 8);
    EQUAL(seL4_GetMR(3), 0);
}

/* Row 1 as well: the root, given as an extra cap, is no CNode; not even the depth is looked at then. */
static void slot_rows_of_root(slot_user use, bool source, bool zero)
{
    slot_rows(use, source, zero);
    expect_lookup(use(TCB, TCB, 65), source, seL4_InvalidRoot, 0);
    expect_lookup(use(slot_new(), TCB, 64), source, seL4_InvalidRoot, 0);
}

static u64 use_delete(u64 root, u64 index, u64 depth)
{
    return sel4_invoke(root, CNodeDelete, 0, 2, index, depth, 0, 0);
}

static void slot_of_delete(void)
{
    slot_rows(use_delete, false, true);
}

static u64 use_revoke(u64 root, u64 index, u64 depth)
{
    return sel4_invoke(root, CNodeRevoke, 0, 2, index, depth, 0, 0);
}

static void slot_of_revoke(void)
{
    slot_rows(use_revoke, false, true);
}

static u64 use_cancel(u64 root, u64 index, u64 depth)
{
    return sel4_invoke(root, CNodeCancelBadgedSends, 0, 2, index, depth, 0, 0);
}

static void slot_of_cancel(void)
{
    slot_rows(use_cancel, false, true);
}

static u64 use_save(u64 root, u64 index, u64 depth)
{
    return sel4_invoke(root, CNodeSaveCaller, 0, 2, index, depth, 0, 0);
}

static void slot_of_save(void)
{
    slot_rows(use_save, false, true);
}

static u64 use_copy_to(u64 root, u64 index, u64 depth)
{
    return seL4_CNode_Copy(root, index, (u8)depth, CNODE, full_slot, 64, seL4_AllRights);
}

static void slot_of_copy_to(void)
{
    slot_rows(use_copy_to, false, true);
}

static u64 use_copy_from(u64 root, u64 index, u64 depth)
{
    return seL4_CNode_Copy(CNODE, free_slot, 64, root, index, (u8)depth, seL4_AllRights);
}

static void slot_of_copy_from(void)
{
    slot_rows_of_root(use_copy_from, true, true);
}

static u64 use_mint_to(u64 root, u64 index, u64 depth)
{
    return seL4_CNode_Mint(root, index, (u8)depth, CNODE, full_slot, 64, seL4_AllRights, 0);
}

static void slot_of_mint_to(void)
{
    slot_rows(use_mint_to, false, true);
}

static u64 use_mint_from(u64 root, u64 index, u64 depth)
{
    return seL4_CNode_Mint(CNODE, free_slot, 64, root, index, (u8)depth, seL4_AllRights, 0);
}

static void slot_of_mint_from(void)
{
    slot_rows_of_root(use_mint_from, true, true);
}

static u64 use_move_to(u64 root, u64 index, u64 depth)
{
    return seL4_CNode_Move(root, index, (u8)depth, CNODE, full_slot, 64);
}

static void slot_of_move_to(void)
{
    slot_rows(use_move_to, false, true);
}

static u64 use_move_from(u64 root, u64 index, u64 depth)
{
    return seL4_CNode_Move(CNODE, free_slot, 64, root, index, (u8)depth);
}

static void slot_of_move_from(void)
{
    slot_rows_of_root(use_move_from, true, true);
}

static u64 use_mutate_to(u64 root, u64 index, u64 depth)
{
    return seL4_CNode_Mutate(root, index, (u8)depth, CNODE, full_slot, 64, 0);
}

static void slot_of_mutate_to(void)
{
    slot_rows(use_mutate_to, false, true);
}

static u64 use_mutate_from(u64 root, u64 index, u64 depth)
{
    return seL4_CNode_Mutate(CNODE, free_slot, 64, root, index, (u8)depth, 0);
}

static void slot_of_mutate_from(void)
{
    slot_rows_of_root(use_mutate_from, true, true);
}

static u64 use_rotate_to(u64 root, u64 index, u64 depth)
{
    return seL4_CNode_Rotate(root, index, (u8)depth, 0, CNODE, full_slot, 64, 0, CNODE, TCB, 64);
}

static void slot_of_rotate_to(void)
{
    slot_rows(use_rotate_to, false, true);
}

static u64 use_rotate_pivot(u64 root, u64 index, u64 depth)
{
    return seL4_CNode_Rotate(CNODE, free_slot, 64, 0, root, index, (u8)depth, 0, CNODE, TCB, 64);
}

static void slot_of_rotate_pivot(void)
{
    slot_rows_of_root(use_rotate_pivot, true, true);
}

static u64 use_rotate_from(u64 root, u64 index, u64 depth)
{
    return seL4_CNode_Rotate(CNODE, free_slot, 64, 0, CNODE, full_slot, 64, 0, root, index, (u8)depth);
}

static void slot_of_rotate_from(void)
{
    slot_rows_of_root(use_rotate_from, true, true);
}

static u64 use_retype(u64 root, u64 index, u64 depth)
{
    return seL4_Untyped_Retype(pool, seL4_EndpointObject, 0, root, index, depth, 0, 1);
}

static void slot_of_retype(void)
{
    slot_rows_of_root(use_retype, false, false);
}

static u64 use_make_pool(u64 root, u64 index, u64 depth)
{
    return seL4_RISCV_ASIDControl_MakePool(seL4_CapASIDControl, spare_untyped, root, index, (u8)depth);
}

static void slot_of_make_pool(void)
{
    slot_rows_of_root(use_make_pool, false, true);
}

static u64 use_get(u64 root, u64 index, u64 depth)
{
    return seL4_IRQControl_Get(seL4_CapIRQControl, IRQ_UNUSED, root, index, (u8)depth);
}

static void slot_of_get(void)
{
    slot_rows_of_root(use_get, false, true);
}

static u64 use_get_trigger(u64 root, u64 index, u64 depth)
{
    return seL4_IRQControl_GetTrigger(seL4_CapIRQControl, IRQ_UNUSED, 0, root, index, (u8)depth);
}

static void slot_of_get_trigger(void)
{
    slot_rows_of_root(use_get_trigger, false, true);
}

/* A depth is a whole word. */
static void wide_depth(void)
{
    FAILS2(sel4_invoke(CNODE, CNodeRevoke, 0, 2, slot_new(), 1ul << 32 | 64, 0, 0), seL4_RangeError, 1, 64);
    seL4_SetMR(4, 0);
    seL4_SetMR(5, 1);
    seL4_SetCap(0, CNODE);
    FAILS2(sel4_invoke(pool, UntypedRetype, 1, 6, seL4_EndpointObject, 0, TCB, 1ul << 32 | 64),
           seL4_RangeError, 1, 64);
}

/* Bits of an index above its depth do not count. */
static void high_bits(void)
{
    seL4_CPtr small = object_new(seL4_CapTableObject, 4);

    OK(seL4_CNode_Copy(small, 0xabc3, 4, CNODE, TCB, 64, seL4_AllRights));
    EQUAL(seL4_CNode_Copy(small, 3, 4, CNODE, TCB, 64, seL4_AllRights), seL4_DeleteFirst);
    OK(seL4_CNode_Delete(small, ~0ul << 4 | 3, 4));
    OK(seL4_CNode_Copy(small, 3, 4, CNODE, TCB, 64, seL4_AllRights));
}

/* ---- Levels -------------------------------------------------------------------------------------------- */

/* A CNode of 16 slots; its slot 1 leads through a guard of 8 bits, 0x5a, to a second one, and that one's slot
 * 2 to a third without a guard. */
struct levels {
    seL4_CPtr first, second, third;
};

static struct levels levels_new(void)
{
    struct levels l = {object_new(seL4_CapTableObject, 4), object_new(seL4_CapTableObject, 4),
                       object_new(seL4_CapTableObject, 4)};

    OK(seL4_CNode_Mint(l.first, 1, 4, CNODE, l.second, 64, seL4_AllRights, GUARDED(0x5aul, 8ul)));
    OK(seL4_CNode_Copy(l.second, 2, 4, CNODE, l.third, 64, seL4_AllRights));
    return l;
}

static void three_levels(void)
{
    struct levels l = levels_new();

    OK(seL4_CNode_Copy(l.first, 0x15a2c, 20, CNODE, TCB, 64, seL4_AllRights));
    OK(seL4_CNode_Delete(l.third, 0xc, 4));
    /* The depth decides where a way ends: here at the caps of the CNodes themselves. */
    EQUAL(seL4_CNode_Copy(l.first, 0x15a2, 16, CNODE, TCB, 64, seL4_AllRights), seL4_DeleteFirst);
    EQUAL(seL4_CNode_Copy(l.first, 0x1, 4, CNODE, TCB, 64, seL4_AllRights), seL4_DeleteFirst);
    OK(seL4_CNode_Delete(l.first, 0x15a2, 16));
    CHECK(!slot_is_empty(l.third));
}

/* Failures at the second and third level say how many bits were left there. */
static void failures_below(void)
{
    struct levels l = levels_new();

    expect_lookup(seL4_CNode_Delete(l.first, 0x15b2c, 20), false, seL4_GuardMismatch, 16);
    EQUAL(seL4_GetMR(3), 0x5a);
    EQUAL(seL4_GetMR(4), 8);
    expect_lookup(seL4_CNode_Delete(l.first, 0x15, 8), false, seL4_GuardMismatch, 4);
    expect_lookup(seL4_CNode_Delete(l.first, 0x15a, 12), false, seL4_DepthMismatch, 8);
    EQUAL(seL4_GetMR(3), 12);
    expect_lookup(seL4_CNode_Delete(l.first, 0x56, 10), false, seL4_GuardMismatch, 6);
    expect_lookup(seL4_CNode_Delete(l.first, 0x15a2 << 2, 18), false, seL4_DepthMismatch, 2);
    EQUAL(seL4_GetMR(3), 4);
    expect_lookup(seL4_CNode_Delete(l.first, 0x15a3c, 20), false, seL4_DepthMismatch, 4);
    EQUAL(seL4_GetMR(3), 0);
}

/* A thread's lookup ignores what is left of the CPtr behind the slot it has reached. */
static void leftover_bits(void)
{
    seL4_CPtr fault = object_new(seL4_EndpointObject, 0), endpoint = object_new(seL4_EndpointObject, 0);
    struct levels l = levels_new();
    struct helper *helper = helper_new(0, 254, 0);
    static const u64 ways[] = {0x15a2c00000000000, 0x15a2c12345678abc, 0x15a2cfffffffffff};

    OK(seL4_CNode_Copy(l.first, 0xf, 4, CNODE, fault, 64, seL4_AllRights));
    OK(seL4_CNode_Copy(l.first, 0x15a2c, 20, CNODE, endpoint, 64, seL4_AllRights));
    OK(seL4_TCB_SetSpace(helper->tcb, 0xfedcba9876543210, l.first, 0, VSPACE, 0));
    for (u32 i = 0; i < ARRAY_SIZE(ways); i++) {
        helper_start(helper, enter_call, ways[i], 5);
        EQUAL(seL4_MessageInfo_get_label(seL4_Recv(endpoint, NULL)), 5);
    }
    /* It ends at an empty slot: no fault, but no capability either. */
    steps = 0;
    helper_start(helper, enter_call, 0x15a2d12345678abc, 5);
    let_run();
    EQUAL(steps, 100 + seL4_InvalidCapability);
    helper_start(helper, enter_wait, 0x25a2d12345678abc, 5);
    EQUAL(seL4_Recv(fault, NULL).words[0], (u64)seL4_Fault_CapFault << 12 | 5);
    EQUAL(seL4_GetMR(3), seL4_MissingCapability);
    EQUAL(seL4_GetMR(4), 0);
    /* Faults of the way itself, in a thread's lookup. */
    helper_start(helper, enter_send, 0x15b2c00000000000, 5);
    EQUAL(seL4_Recv(fault, NULL).words[0], (u64)seL4_Fault_CapFault << 12 | 7);
    EQUAL(seL4_GetMR(3), seL4_GuardMismatch);
    EQUAL(seL4_GetMR(4), 60);
    EQUAL(seL4_GetMR(5), 0x5a);
    EQUAL(seL4_GetMR(6), 8);
}

/* An extra cap is looked up in the same way. */
static void leftover_bits_of_extra(void)
{
    seL4_CPtr fault = object_new(seL4_EndpointObject, 0), target = slot_new();
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    struct levels l = levels_new();
    struct helper *helper = helper_new(0, 254, 0);

    OK(seL4_CNode_Copy(l.first, 0xf, 4, CNODE, fault, 64, seL4_AllRights));
    OK(seL4_CNode_Copy(l.first, 2, 4, CNODE, endpoint, 64, seL4_AllRights));
    OK(seL4_CNode_Copy(l.first, 0x15a2c, 20, CNODE, TCB, 64, seL4_AllRights));
    OK(seL4_TCB_SetSpace(helper->tcb, 0xful << 60, l.first, 0, VSPACE, 0));
    seL4_SetCapReceivePath(CNODE, target, 64);
    helper->buffer->msg[0] = 0x15a2c12345678abc;
    helper_start(helper, enter_call_with_caps, 2ul << 60, 1);
    EQUAL(seL4_Recv(endpoint, NULL).words[0], 1ul << 7);
    EQUAL(seL4_DebugCapIdentify(target), 12);
    helper->buffer->msg[0] = 0x15b2c12345678abc;
    helper_start(helper, enter_call_with_caps, 2ul << 60, 1);
    EQUAL(seL4_Recv(fault, NULL).words[0], (u64)seL4_Fault_CapFault << 12 | 7);
    EQUAL(seL4_GetMR(1), 0x15b2c12345678abc);
    EQUAL(seL4_GetMR(2), 0);
}

/* The data word of SetSpace gives the thread's CSpace a guard of its own. */
static void guard_of_space(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0), cnode = object_new(seL4_CapTableObject, 4);
    struct helper *helper = helper_new(0, 254, 0);

    OK(seL4_CNode_Copy(cnode, 7, 4, CNODE, endpoint, 64, seL4_AllRights));
    OK(seL4_TCB_SetSpace(helper->tcb, 0xab7, cnode, GUARDED(0xabul, 60ul), VSPACE, 0));
    helper_start(helper, enter_call, 0xab7, 5);
    EQUAL(seL4_MessageInfo_get_label(seL4_Recv(endpoint, NULL)), 5);
    helper_start(helper, enter_send, 0xac7, 5);
    EQUAL(seL4_Recv(endpoint, NULL).words[0], (u64)seL4_Fault_CapFault << 12 | 7);
    EQUAL(seL4_GetMR(5), 0xab);
    EQUAL(seL4_GetMR(6), 60);
    /* The cap the guard was given to is a copy: the original has none still. */
    OK(seL4_CNode_Delete(cnode, 0, 4));
}

const struct test lookup_rows[] = {
    {"6.0 SLOT in Delete", slot_of_delete},
    {"6.0 SLOT in Revoke", slot_of_revoke},
    {"6.0 SLOT in CancelBadgedSends", slot_of_cancel},
    {"6.0 SLOT in SaveCaller", slot_of_save},
    {"6.0 SLOT in Copy, destination", slot_of_copy_to},
    {"6.0 SLOT in Copy, source", slot_of_copy_from},
    {"6.0 SLOT in Mint, destination", slot_of_mint_to},
    {"6.0 SLOT in Mint, source", slot_of_mint_from},
    {"6.0 SLOT in Move, destination", slot_of_move_to},
    {"6.0 SLOT in Move, source", slot_of_move_from},
    {"6.0 SLOT in Mutate, destination", slot_of_mutate_to},
    {"6.0 SLOT in Mutate, source", slot_of_mutate_from},
    {"6.0 SLOT in Rotate, destination", slot_of_rotate_to},
    {"6.0 SLOT in Rotate, pivot", slot_of_rotate_pivot},
    {"6.0 SLOT in Rotate, source", slot_of_rotate_from},
    {"6.0 SLOT in Retype", slot_of_retype},
    {"6.0 SLOT in MakePool", slot_of_make_pool},
    {"6.0 SLOT in Get", slot_of_get},
    {"6.0 SLOT in GetTrigger", slot_of_get_trigger},
    {"6.0 SLOT: a depth is a whole word", wide_depth},
    {"7.1 bits above the depth do not count", high_bits},
    {"7.1 three levels with a guard between", three_levels},
    {"7.1 failures at the lower levels", failures_below},
    {"7.2 a thread's lookup ignores bits that are left", leftover_bits},
    {"7.2 so does that of an extra cap", leftover_bits_of_extra},
    {"4.3 a thread's CSpace with a guard of its own", guard_of_space},
    {NULL, NULL},
};
