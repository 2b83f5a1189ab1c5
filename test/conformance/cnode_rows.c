/* Each row of the tables of CNode operations. The names say section and row. */
#include "test/conformance/conformance.h"

static void common_1(void)
{
    EQUAL(sel4_invoke(CNODE, CNodeRevoke - 1, 0, 2, 1, 64, 0, 0), seL4_IllegalOperation);
    EQUAL(sel4_invoke(CNODE, CNodeSaveCaller + 1, 0, 2, 1, 64, 0, 0), seL4_IllegalOperation);
}

static void common_2(void)
{
    for (u64 label = CNodeRevoke; label <= CNodeSaveCaller; label++)
        EQUAL(sel4_invoke(CNODE, label, 0, 1, 1, 64, 0, 0), seL4_TruncatedMessage);
}

static void copy_ok(void)
{
    seL4_CPtr from = cap_copy(TCB, 15), to = slot_new();
    OK(seL4_CNode_Copy(CNODE, to, 64, CNODE, from, 64, seL4_AllRights));
    EQUAL(seL4_DebugCapIdentify(to), 12);
    EQUAL(slot_is_empty(from), 0);
}

static void copy_1(void)
{
    seL4_CPtr to = slot_new();
    EQUAL(sel4_invoke(CNODE, CNodeCopy, 0, 5, TCB, 64, 1, 64), seL4_TruncatedMessage);
    seL4_SetCap(0, CNODE);
    EQUAL(sel4_invoke(CNODE, CNodeCopy, 1, 3, to, 64, 1, 64), seL4_TruncatedMessage);
}

static void copy_2(void)
{
    EQUAL(seL4_CNode_Copy(CNODE, TCB, 64, TCB, slot_new(), 64, seL4_AllRights), seL4_DeleteFirst);
}

static void copy_3(void)
{
    FAILS2(seL4_CNode_Copy(CNODE, slot_new(), 64, TCB, 1, 64, seL4_AllRights), seL4_FailedLookup, 1,
           seL4_InvalidRoot);
}

static void copy_4(void)
{
    FAILS2(seL4_CNode_Copy(CNODE, slot_new(), 64, CNODE, slot_new(), 64, seL4_AllRights), seL4_FailedLookup,
           1, seL4_MissingCapability);
    EQUAL(seL4_GetMR(2), 64);
}

static void copy_5(void)
{
    seL4_SetCap(0, CNODE);
    EQUAL(sel4_invoke(CNODE, CNodeCopy, 1, 4, slot_new(), 64, TCB, 64), seL4_TruncatedMessage);
}

static void copy_6(void)
{
    seL4_CPtr untyped = object_new(seL4_UntypedObject, 12), table = object_new(seL4_RISCV_PageTableObject, 0);
    OK(seL4_Untyped_Retype(untyped, seL4_EndpointObject, 0, CNODE, 0, 0, slot_new(), 1));
    EQUAL(seL4_CNode_Copy(CNODE, slot_new(), 64, CNODE, untyped, 64, seL4_AllRights), seL4_RevokeFirst);
    EQUAL(seL4_CNode_Copy(CNODE, slot_new(), 64, CNODE, table, 64, seL4_AllRights), seL4_IllegalOperation);
}

static void copy_7(void)
{
    EQUAL(seL4_CNode_Copy(CNODE, slot_new(), 64, CNODE, seL4_CapIRQControl, 64, seL4_AllRights),
          seL4_IllegalOperation);
}

static void mint_ok(void)
{
    seL4_CPtr from = cap_copy(TCB, 15), to = slot_new();
    OK(seL4_CNode_Mint(CNODE, to, 64, CNODE, from, 64, seL4_AllRights, 0));
    EQUAL(seL4_DebugCapIdentify(to), 12);
    EQUAL(slot_is_empty(from), 0);
}

static void mint_1(void)
{
    seL4_CPtr to = slot_new();
    EQUAL(sel4_invoke(CNODE, CNodeMint, 0, 6, TCB, 64, 1, 64), seL4_TruncatedMessage);
    seL4_SetCap(0, CNODE);
    EQUAL(sel4_invoke(CNODE, CNodeMint, 1, 3, to, 64, 1, 64), seL4_TruncatedMessage);
}

static void mint_2(void)
{
    EQUAL(seL4_CNode_Mint(CNODE, TCB, 64, TCB, slot_new(), 64, seL4_AllRights, 0), seL4_DeleteFirst);
}

static void mint_3(void)
{
    FAILS2(seL4_CNode_Mint(CNODE, slot_new(), 64, TCB, 1, 64, seL4_AllRights, 0), seL4_FailedLookup, 1,
           seL4_InvalidRoot);
}

static void mint_4(void)
{
    FAILS2(seL4_CNode_Mint(CNODE, slot_new(), 64, CNODE, slot_new(), 64, seL4_AllRights, 0),
           seL4_FailedLookup, 1, seL4_MissingCapability);
    EQUAL(seL4_GetMR(2), 64);
}

static void mint_5(void)
{
    seL4_SetCap(0, CNODE);
    EQUAL(sel4_invoke(CNODE, CNodeMint, 1, 5, slot_new(), 64, TCB, 64), seL4_TruncatedMessage);
}

static void mint_6(void)
{
    seL4_CPtr untyped = object_new(seL4_UntypedObject, 12), table = object_new(seL4_RISCV_PageTableObject, 0);
    OK(seL4_Untyped_Retype(untyped, seL4_EndpointObject, 0, CNODE, 0, 0, slot_new(), 1));
    EQUAL(seL4_CNode_Mint(CNODE, slot_new(), 64, CNODE, untyped, 64, seL4_AllRights, 0), seL4_RevokeFirst);
    EQUAL(seL4_CNode_Mint(CNODE, slot_new(), 64, CNODE, table, 64, seL4_AllRights, 0), seL4_IllegalOperation);
}

static void mint_7(void)
{
    EQUAL(seL4_CNode_Mint(CNODE, slot_new(), 64, CNODE, seL4_CapIRQControl, 64, seL4_AllRights, 0),
          seL4_IllegalOperation);
}

static void move_ok(void)
{
    seL4_CPtr from = cap_copy(TCB, 15), to = slot_new();
    OK(seL4_CNode_Move(CNODE, to, 64, CNODE, from, 64));
    EQUAL(seL4_DebugCapIdentify(to), 12);
    EQUAL(slot_is_empty(from), 1);
}

static void move_1(void)
{
    seL4_CPtr to = slot_new();
    EQUAL(sel4_invoke(CNODE, CNodeMove, 0, 4, TCB, 64, 1, 64), seL4_TruncatedMessage);
    seL4_SetCap(0, CNODE);
    EQUAL(sel4_invoke(CNODE, CNodeMove, 1, 3, to, 64, 1, 64), seL4_TruncatedMessage);
}

static void move_2(void)
{
    EQUAL(seL4_CNode_Move(CNODE, TCB, 64, TCB, slot_new(), 64), seL4_DeleteFirst);
}

static void move_3(void)
{
    FAILS2(seL4_CNode_Move(CNODE, slot_new(), 64, TCB, 1, 64), seL4_FailedLookup, 1, seL4_InvalidRoot);
}

static void move_4(void)
{
    FAILS2(seL4_CNode_Move(CNODE, slot_new(), 64, CNODE, slot_new(), 64), seL4_FailedLookup, 1,
           seL4_MissingCapability);
    EQUAL(seL4_GetMR(2), 64);
}

static void mutate_ok(void)
{
    seL4_CPtr from = cap_copy(TCB, 15), to = slot_new();
    OK(seL4_CNode_Mutate(CNODE, to, 64, CNODE, from, 64, 0));
    EQUAL(seL4_DebugCapIdentify(to), 12);
    EQUAL(slot_is_empty(from), 1);
}

static void mutate_1(void)
{
    seL4_CPtr to = slot_new();
    EQUAL(sel4_invoke(CNODE, CNodeMutate, 0, 5, TCB, 64, 1, 64), seL4_TruncatedMessage);
    seL4_SetCap(0, CNODE);
    EQUAL(sel4_invoke(CNODE, CNodeMutate, 1, 3, to, 64, 1, 64), seL4_TruncatedMessage);
}

static void mutate_2(void)
{
    EQUAL(seL4_CNode_Mutate(CNODE, TCB, 64, TCB, slot_new(), 64, 0), seL4_DeleteFirst);
}

static void mutate_3(void)
{
    FAILS2(seL4_CNode_Mutate(CNODE, slot_new(), 64, TCB, 1, 64, 0), seL4_FailedLookup, 1, seL4_InvalidRoot);
}

static void mutate_4(void)
{
    FAILS2(seL4_CNode_Mutate(CNODE, slot_new(), 64, CNODE, slot_new(), 64, 0), seL4_FailedLookup, 1,
           seL4_MissingCapability);
    EQUAL(seL4_GetMR(2), 64);
}

static void mutate_5(void)
{
    seL4_SetCap(0, CNODE);
    EQUAL(sel4_invoke(CNODE, CNodeMutate, 1, 4, slot_new(), 64, TCB, 64), seL4_TruncatedMessage);
}

static void mint_badge(void)
{
    seL4_CPtr badged = cap_mint(object_new(seL4_EndpointObject, 0), 15, 7);
    EQUAL(seL4_CNode_Mint(CNODE, slot_new(), 64, CNODE, badged, 64, seL4_AllRights, 0),
          seL4_IllegalOperation);
    seL4_CPtr cnode = object_new(seL4_CapTableObject, 4);
    EQUAL(seL4_CNode_Mint(CNODE, slot_new(), 64, CNODE, cnode, 64, seL4_AllRights, 61),
          seL4_IllegalOperation);
    OK(seL4_CNode_Mint(CNODE, slot_new(), 64, CNODE, cnode, 64, seL4_AllRights, 60));
}

static void mutate_7(void)
{
    EQUAL(seL4_CNode_Mutate(CNODE, slot_new(), 64, CNODE, object_new(seL4_EndpointObject, 0), 64, 0),
          seL4_IllegalOperation);
    EQUAL(seL4_CNode_Mutate(CNODE, slot_new(), 64, CNODE, object_new(seL4_NotificationObject, 0), 64, 0),
          seL4_IllegalOperation);
}

static void move_irq(void)
{
    seL4_CPtr to = slot_new();
    OK(seL4_CNode_Move(CNODE, to, 64, CNODE, seL4_CapIRQControl, 64));
    OK(seL4_CNode_Move(CNODE, seL4_CapIRQControl, 64, CNODE, to, 64));
}

static void delete_ok(void)
{
    seL4_CPtr slot = cap_copy(TCB, 15);
    OK(seL4_CNode_Delete(CNODE, slot, 64));
    CHECK(slot_is_empty(slot));
    OK(seL4_CNode_Delete(CNODE, slot, 64));
}

static void revoke_ok(void)
{
    seL4_CPtr original = object_new(seL4_EndpointObject, 0), copy = cap_copy(original, 15),
              badged = cap_mint(copy, 15, 3);
    OK(seL4_CNode_Revoke(CNODE, original, 64));
    CHECK(slot_is_empty(copy) && slot_is_empty(badged) && !slot_is_empty(original));
    OK(seL4_CNode_Revoke(CNODE, copy, 64));
}

static void cancel_ok(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    OK(seL4_CNode_CancelBadgedSends(CNODE, endpoint, 64));
    OK(seL4_CNode_CancelBadgedSends(CNODE, cap_mint(endpoint, 15, 3), 64));
}

static void cancel_1(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    EQUAL(seL4_CNode_CancelBadgedSends(CNODE, TCB, 64), seL4_IllegalOperation);
    EQUAL(seL4_CNode_CancelBadgedSends(CNODE, slot_new(), 64), seL4_IllegalOperation);
    for (u64 right = 1; right <= 8; right *= 2)
        EQUAL(seL4_CNode_CancelBadgedSends(CNODE, cap_mint(endpoint, 15 & ~right, 3), 64),
              seL4_IllegalOperation);
}

static void save_ok(void)
{
    seL4_CPtr slot = slot_new();
    OK(seL4_CNode_SaveCaller(CNODE, slot, 64));
    CHECK(slot_is_empty(slot));
}

static void save_1(void)
{
    EQUAL(seL4_CNode_SaveCaller(CNODE, TCB, 64), seL4_DeleteFirst);
}

static void rotate_ok(void)
{
    seL4_CPtr source = cap_copy(TCB, 15), pivot = cap_copy(VSPACE, 15), to = slot_new();
    OK(seL4_CNode_Rotate(CNODE, to, 64, 0, CNODE, pivot, 64, 0, CNODE, source, 64));
    CHECK(slot_is_empty(source));
    EQUAL(seL4_DebugCapIdentify(pivot), 12);
    EQUAL(seL4_DebugCapIdentify(to), 3);
    OK(seL4_CNode_Rotate(CNODE, to, 64, 0, CNODE, pivot, 64, 0, CNODE, to, 64));
    EQUAL(seL4_DebugCapIdentify(pivot), 3);
    EQUAL(seL4_DebugCapIdentify(to), 12);
}

static void rotate_1(void)
{
    seL4_SetCap(0, CNODE);
    seL4_SetCap(1, CNODE);
    EQUAL(sel4_invoke(CNODE, CNodeRotate, 2, 7, slot_new(), 64, 0, TCB), seL4_TruncatedMessage);
    EQUAL(sel4_invoke(CNODE, CNodeRotate, 1, 8, slot_new(), 64, 0, TCB), seL4_TruncatedMessage);
}

static void rotate_2(void)
{
    FAILS2(seL4_CNode_Rotate(CNODE, slot_new(), 64, 0, TCB, 1, 64, 0, TCB, 1, 64), seL4_FailedLookup, 1,
           seL4_InvalidRoot);
}

static void rotate_3(void)
{
    FAILS2(seL4_CNode_Rotate(CNODE, slot_new(), 64, 0, TCB, 1, 64, 0, CNODE, TCB, 64), seL4_FailedLookup, 1,
           seL4_InvalidRoot);
}

static void rotate_4(void)
{
    seL4_CPtr a = cap_copy(TCB, 15), b = cap_copy(TCB, 15);
    EQUAL(seL4_CNode_Rotate(CNODE, slot_new(), 64, 0, CNODE, a, 64, 0, CNODE, a, 64), seL4_IllegalOperation);
    EQUAL(seL4_CNode_Rotate(CNODE, a, 64, 0, CNODE, a, 64, 0, CNODE, b, 64), seL4_IllegalOperation);
}

static void rotate_5(void)
{
    EQUAL(seL4_CNode_Rotate(CNODE, TCB, 64, 0, CNODE, slot_new(), 64, 0, CNODE, slot_new(), 64),
          seL4_DeleteFirst);
}

static void rotate_6(void)
{
    FAILS2(seL4_CNode_Rotate(CNODE, slot_new(), 64, 0, CNODE, TCB, 64, 0, CNODE, slot_new(), 64),
           seL4_FailedLookup, 1, seL4_MissingCapability);
    EQUAL(seL4_GetMR(2), 64);
}

static void rotate_7(void)
{
    seL4_CPtr source = cap_copy(TCB, 15);
    FAILS2(seL4_CNode_Rotate(CNODE, slot_new(), 64, 0, CNODE, slot_new(), 64, 0, CNODE, source, 64),
           seL4_FailedLookup, 0, seL4_MissingCapability);
    EQUAL(seL4_GetMR(2), 64);
}

static void rotate_8(void)
{
    seL4_CPtr pivot = cap_copy(TCB, 15);
    EQUAL(seL4_CNode_Rotate(CNODE, slot_new(), 64, 0, CNODE, pivot, 64, 0, CNODE,
                            object_new(seL4_EndpointObject, 0), 64),
          seL4_IllegalOperation);
}

static void rotate_9(void)
{
    seL4_CPtr source = cap_copy(TCB, 15);
    EQUAL(seL4_CNode_Rotate(CNODE, slot_new(), 64, 0, CNODE, object_new(seL4_EndpointObject, 0), 64, 0, CNODE,
                            source, 64),
          seL4_IllegalOperation);
}

const struct test cnode_rows[] = {
    {"6.3 label out of range", common_1},
    {"6.3 message too short for a slot", common_2},
    {"6.3 Copy succeeds", copy_ok},
    {"6.3 Copy 1: message too short, no cap", copy_1},
    {"6.3 Copy 2: the destination is occupied", copy_2},
    {"6.3 Copy 3: the source is not found", copy_3},
    {"6.3 Copy 4: the source is empty", copy_4},
    {"6.3 Copy 5: message too short for its own words", copy_5},
    {"6.3 Copy 6: what cannot be derived now", copy_6},
    {"6.3 Copy 7: what can never be derived", copy_7},
    {"6.3 Mint succeeds", mint_ok},
    {"6.3 Mint 1: message too short, no cap", mint_1},
    {"6.3 Mint 2: the destination is occupied", mint_2},
    {"6.3 Mint 3: the source is not found", mint_3},
    {"6.3 Mint 4: the source is empty", mint_4},
    {"6.3 Mint 5: message too short for its own words", mint_5},
    {"6.3 Mint 6: what cannot be derived now", mint_6},
    {"6.3 Mint 7: what can never be derived", mint_7},
    {"6.3 Move succeeds", move_ok},
    {"6.3 Move 1: message too short, no cap", move_1},
    {"6.3 Move 2: the destination is occupied", move_2},
    {"6.3 Move 3: the source is not found", move_3},
    {"6.3 Move 4: the source is empty", move_4},
    {"6.3 Mutate succeeds", mutate_ok},
    {"6.3 Mutate 1: message too short, no cap", mutate_1},
    {"6.3 Mutate 2: the destination is occupied", mutate_2},
    {"6.3 Mutate 3: the source is not found", mutate_3},
    {"6.3 Mutate 4: the source is empty", mutate_4},
    {"6.3 Mutate 5: message too short for its own words", mutate_5},
    {"6.3 Mint 7: a badge is given once, a guard must fit", mint_badge},
    {"6.3 Mutate 7: endpoints and notifications never", mutate_7},
    {"6.3 Move takes what cannot be copied", move_irq},
    {"6.3 Delete empties a slot, an empty one too", delete_ok},
    {"6.3 Revoke deletes what descends and keeps the cap; an empty slot is fine", revoke_ok},
    {"6.3 CancelBadgedSends succeeds, also without a badge", cancel_ok},
    {"6.3 CancelBadgedSends: not an endpoint, or not all rights", cancel_1},
    {"6.3 SaveCaller without a caller leaves the slot empty", save_ok},
    {"6.3 SaveCaller: the slot is occupied", save_1},
    {"6.3 Rotate: pivot to destination, source to pivot; and a swap", rotate_ok},
    {"6.3 Rotate 1: message too short, too few caps", rotate_1},
    {"6.3 Rotate 2: the source is not found", rotate_2},
    {"6.3 Rotate 3: the pivot is not found", rotate_3},
    {"6.3 Rotate 4: the pivot is source or destination", rotate_4},
    {"6.3 Rotate 5: the destination is occupied", rotate_5},
    {"6.3 Rotate 6: the source is empty", rotate_6},
    {"6.3 Rotate 7: the pivot is empty", rotate_7},
    {"6.3 Rotate 8: the source cannot be changed", rotate_8},
    {"6.3 Rotate 9: the pivot cannot be changed", rotate_9},
    {NULL, NULL},
};
