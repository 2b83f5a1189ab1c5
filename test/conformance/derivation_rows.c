/* Which capabilities can be copied, what copies are, who descends from whom, and what goes with the last:
 * section 8 of the sheet. The names say section and subject. */
#include "test/conformance/conformance.h"

#define AT                   0x40000000ul
#define GUARDED(guard, bits) ((guard) << 6 | (bits))

static seL4_Error copy_of(seL4_CPtr source, seL4_CPtr to)
{
    return seL4_CNode_Copy(CNODE, to, 64, CNODE, source, 64, seL4_AllRights);
}

static seL4_CPtr handler_new(void)
{
    seL4_CPtr handler = slot_new();
    OK(seL4_IRQControl_Get(seL4_CapIRQControl, IRQ_UNUSED, CNODE, handler, 64));
    return handler;
}

/* ---- 8.1 and 8.2: copies ------------------------------------------------------------------------------- */

static void copyable(void)
{
    seL4_CPtr untyped = object_new(seL4_UntypedObject, 12), table = object_new(seL4_RISCV_PageTableObject, 0),
              to = slot_new();

    OK(seL4_RISCV_PageTable_Map(table, VSPACE, AT, 0));
    const seL4_CPtr caps[] = {seL4_CapInitThreadIPCBuffer,
                              untyped,
                              table,
                              VSPACE,
                              object_new(seL4_EndpointObject, 0),
                              object_new(seL4_NotificationObject, 0),
                              CNODE,
                              seL4_CapASIDControl,
                              TCB,
                              seL4_CapInitThreadASIDPool,
                              handler_new(),
                              seL4_CapDomain};
    for (u32 i = 0; i < ARRAY_SIZE(caps); i++) {
        OK(copy_of(caps[i], to));
        EQUAL(seL4_DebugCapIdentify(to), seL4_DebugCapIdentify(caps[i]));
        OK(seL4_CNode_Delete(CNODE, to, 64));
        OK(seL4_CNode_Mint(CNODE, to, 64, CNODE, caps[i], 64, seL4_NoRights, 0));
        OK(seL4_CNode_Delete(CNODE, to, 64));
    }
}

/* Any cap at all can be moved, and comes back as it was. */
static void movable(void)
{
    seL4_CPtr to = slot_new(), used = object_new(seL4_UntypedObject, 12);

    OK(seL4_Untyped_Retype(used, seL4_EndpointObject, 0, CNODE, 0, 0, slot_new(), 1));
    const seL4_CPtr caps[] = {used,
                              object_new(seL4_RISCV_PageTableObject, 0),
                              seL4_CapIRQControl,
                              seL4_CapASIDControl,
                              seL4_CapDomain,
                              CNODE};
    for (u32 i = 0; i < ARRAY_SIZE(caps); i++) {
        u64 type = seL4_DebugCapIdentify(caps[i]);
        OK(seL4_CNode_Move(CNODE, to, 64, CNODE, caps[i], 64));
        EQUAL(seL4_DebugCapIdentify(to), type);
        CHECK(slot_is_empty(caps[i]));
        /* By way of the copy in our TCB, or the CNode's slot would be found no more. */
        OK(seL4_CNode_Move(caps[i] == CNODE ? to : CNODE, caps[i], 64, caps[i] == CNODE ? to : CNODE, to,
                           64));
        EQUAL(seL4_DebugCapIdentify(caps[i]), type);
    }
    EQUAL(copy_of(used, to), seL4_RevokeFirst); /* it is still the parent */
}

/* Rights only shrink: a copy of a copy has none that the first copy lacks. */
static void endpoint_rights(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);

    helper_start(helper_new(0, 254, 0), enter_waits, endpoint, 0);
    let_run();
    for (u64 rights = 0; rights < 16; rights++) {
        seL4_CPtr again = cap_mint(cap_copy(endpoint, rights), 15, 5);
        EQUAL(seL4_CNode_CancelBadgedSends(CNODE, again, 64),
              rights == 15 ? seL4_NoError : seL4_IllegalOperation);
        steps = 0;
        seL4_NBSend(again, seL4_MessageInfo_new(0, 0, 0, 0));
        let_run();
        EQUAL(steps, rights & 1 ? 5 : 0);
        if (!(rights & 1))
            FAILS1(sel4_invoke(again, 0, 0, 0, 0, 0, 0, 0), seL4_InvalidCapability, 0);
    }
}

static void frame_rights(void)
{
    seL4_CPtr fault = object_new(seL4_EndpointObject, 0), frame = object_new(seL4_RISCV_4K_Page, 0);
    struct helper *helper = helper_new(0, 254, fault);
    /* the mask of the copy, the mask of the mapping, and whether one can then read and write */
    static const struct {
        u8 copy, map, read, write;
    } rows[] = {{15, 15, 1, 1}, {3, 3, 1, 1},  {2, 15, 1, 0}, {15, 2, 1, 0}, {1, 15, 0, 0},
                {15, 1, 0, 0},  {0, 15, 0, 0}, {12, 3, 0, 0}, {2, 1, 0, 0},  {2, 2, 1, 0}};

    tables_new(VSPACE, AT);
    for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
        seL4_CPtr copy = cap_copy(cap_copy(frame, rows[i].copy), 15);
        OK(seL4_RISCV_Page_Map(copy, VSPACE, AT, (seL4_CapRights_t){{rows[i].map}}, 0));
        steps = 0;
        helper_start(helper, enter_load, AT, 1);
        let_run();
        EQUAL(steps, rows[i].read);
        if (!rows[i].read) {
            EQUAL(seL4_Recv(fault, NULL).words[0], (u64)seL4_Fault_VMFault << 12 | 4);
            EQUAL(seL4_GetMR(1), AT);
        }
        helper_start(helper, enter_spin, AT, 0); /* counts there, for ever or not at all */
        OK(seL4_TCB_SetPriority(helper->tcb, TCB, LOW));
        OK(seL4_TCB_SetPriority(TCB, TCB, LOW));
        seL4_Yield();
        OK(seL4_TCB_SetPriority(TCB, TCB, seL4_MaxPrio));
        OK(seL4_TCB_SetPriority(helper->tcb, TCB, 254));
        if (!rows[i].write) {
            EQUAL(seL4_Recv(fault, NULL).words[0], (u64)seL4_Fault_VMFault << 12 | 4);
            EQUAL(seL4_GetMR(3), rows[i].read ? 7 : 5);
        }
        OK(seL4_TCB_Suspend(helper->tcb));
        OK(seL4_CNode_Delete(CNODE, copy, 64));
    }
}

static void notification_rights(void)
{
    seL4_CPtr notification = object_new(seL4_NotificationObject, 0),
              fault = object_new(seL4_EndpointObject, 0);
    struct helper *helper = helper_new(0, 254, fault);

    for (u64 rights = 0; rights < 16; rights++) {
        seL4_CPtr less = cap_copy(cap_copy(notification, rights), 15);
        EQUAL(sel4_invoke(less, 0, 0, 0, 0, 0, 0, 0), rights & 1 ? seL4_NoError : seL4_InvalidCapability);
        seL4_Signal(notification);
        steps = 0;
        helper_start(helper, enter_wait, less, 1);
        let_run();
        EQUAL(steps, rights & 2 ? 1 : 0);
        seL4_Poll(notification, NULL);
        OK(seL4_TCB_Suspend(helper->tcb));
    }
}

/* Mint gives a badge once, to a copy; Copy passes it on. */
static void badges(void)
{
    static const u8 types[] = {seL4_EndpointObject, seL4_NotificationObject};
    seL4_CPtr to = slot_new();

    for (u32 i = 0; i < ARRAY_SIZE(types); i++) {
        seL4_CPtr object = object_new(types[i], 0), badged = cap_mint(object, 15, 1ul << 63);
        EQUAL(seL4_CNode_Mint(CNODE, to, 64, CNODE, badged, 64, seL4_AllRights, 0), seL4_IllegalOperation);
        EQUAL(seL4_CNode_Mint(CNODE, to, 64, CNODE, badged, 64, seL4_AllRights, 1ul << 63),
              seL4_IllegalOperation);
        EQUAL(seL4_CNode_Mint(CNODE, to, 64, CNODE, cap_copy(badged, 15), 64, seL4_AllRights, 5),
              seL4_IllegalOperation);
        OK(seL4_CNode_Mint(CNODE, to, 64, CNODE, cap_mint(object, 15, 0), 64, seL4_AllRights, 5));
        EQUAL(seL4_CNode_Mutate(CNODE, slot_new(), 64, CNODE, to, 64, 0), seL4_IllegalOperation);
        OK(seL4_CNode_Delete(CNODE, to, 64));
    }
}

/* A CNode's data word: the guard replaced, cut to its size; 0 is no guard. */
static void guards(void)
{
    seL4_CPtr cnode = object_new(seL4_CapTableObject, 4), guarded, mutated = slot_new();

    guarded = cap_mint(cnode, 15, GUARDED(0xff5ul, 4ul));
    OK(seL4_CNode_Copy(guarded, 0x53, 8, CNODE, TCB, 64, seL4_AllRights));
    OK(seL4_CNode_Delete(cap_copy(guarded, 0), 0x53, 8)); /* Copy leaves the guard alone */
    OK(seL4_CNode_Copy(cap_mint(guarded, 15, 0), 3, 4, CNODE, TCB, 64, seL4_AllRights));
    OK(seL4_CNode_Delete(cnode, 3, 4));
    EQUAL(seL4_CNode_Mint(CNODE, mutated, 64, CNODE, guarded, 64, seL4_AllRights, GUARDED(0ul, 61ul)),
          seL4_IllegalOperation);
    EQUAL(seL4_CNode_Mutate(CNODE, mutated, 64, CNODE, guarded, 64, GUARDED(0ul, 61ul)),
          seL4_IllegalOperation);
    CHECK(!slot_is_empty(guarded));
    OK(seL4_CNode_Mutate(CNODE, mutated, 64, CNODE, guarded, 64, GUARDED(7ul, 60ul)));
    OK(seL4_CNode_Copy(mutated, 0x73, 64, CNODE, TCB, 64, seL4_AllRights));
    OK(seL4_CNode_Delete(cnode, 3, 4));
    /* Rotate gives each of the two its own. */
    seL4_CPtr other = object_new(seL4_CapTableObject, 4), to = slot_new();
    OK(seL4_CNode_Rotate(CNODE, to, 64, GUARDED(1ul, 4ul), CNODE, other, 64, GUARDED(2ul, 4ul), CNODE,
                         mutated, 64));
    OK(seL4_CNode_Copy(to, 0x15, 8, CNODE, TCB, 64, seL4_AllRights));    /* was `other` */
    OK(seL4_CNode_Copy(other, 0x26, 8, CNODE, TCB, 64, seL4_AllRights)); /* was `mutated` */
    OK(seL4_CNode_Delete(cnode, 6, 4));
    EQUAL(seL4_CNode_Rotate(CNODE, slot_new(), 64, GUARDED(0ul, 61ul), CNODE, to, 64, 0, CNODE, other, 64),
          seL4_IllegalOperation);
    EQUAL(seL4_CNode_Rotate(CNODE, slot_new(), 64, 0, CNODE, to, 64, GUARDED(0ul, 61ul), CNODE, other, 64),
          seL4_IllegalOperation);
}

/* For other types the data word says nothing. */
static void data_ignored(void)
{
    seL4_CPtr to = slot_new();
    const seL4_CPtr caps[] = {TCB,
                              VSPACE,
                              object_new(seL4_RISCV_4K_Page, 0),
                              seL4_CapDomain,
                              handler_new(),
                              object_new(seL4_UntypedObject, 12)};

    for (u32 i = 0; i < ARRAY_SIZE(caps); i++) {
        OK(seL4_CNode_Mint(CNODE, to, 64, CNODE, caps[i], 64, seL4_AllRights, ~0ul));
        EQUAL(seL4_DebugCapIdentify(to), seL4_DebugCapIdentify(caps[i]));
        OK(seL4_CNode_Mutate(CNODE, slot_new(), 64, CNODE, to, 64, ~0ul));
    }
}

/* ---- 8.3: who descends from whom ----------------------------------------------------------------------- */

/* The first cap of an object is parent of all copies, however far; a copy is of none. */
static void first_and_copies(void)
{
    seL4_CPtr table = object_new(seL4_RISCV_PageTableObject, 0);
    OK(seL4_RISCV_PageTable_Map(table, VSPACE, AT, 0));
    const seL4_CPtr caps[] = {table,
                              object_new(seL4_EndpointObject, 0),
                              object_new(seL4_NotificationObject, 0),
                              object_new(seL4_CapTableObject, 3),
                              object_new(seL4_TCBObject, 0),
                              object_new(seL4_RISCV_4K_Page, 0),
                              handler_new()};
    for (u32 i = 0; i < ARRAY_SIZE(caps); i++) {
        seL4_CPtr copy = cap_copy(caps[i], 15), grandchild = cap_copy(copy, 15), moved = slot_new();
        OK(seL4_CNode_Revoke(CNODE, copy, 64));
        CHECK(!slot_is_empty(grandchild) && !slot_is_empty(caps[i]));
        OK(seL4_CNode_Revoke(CNODE, grandchild, 64));
        CHECK(!slot_is_empty(copy));
        OK(seL4_CNode_Move(CNODE, moved, 64, CNODE, grandchild, 64));
        OK(seL4_CNode_Revoke(CNODE, caps[i], 64));
        CHECK(slot_is_empty(copy) && slot_is_empty(moved) && !slot_is_empty(caps[i]));
        /* With the first gone, a copy is the only cap, and parent of nothing it makes. */
        copy = cap_copy(caps[i], 15);
        if (i == 0)
            continue; /* deleting a table's cap does nothing while there are others; shown above */
        OK(seL4_CNode_Delete(CNODE, caps[i], 64));
        grandchild = cap_copy(copy, 15);
        OK(seL4_CNode_Revoke(CNODE, copy, 64));
        CHECK(!slot_is_empty(grandchild));
    }
}

/* Moved, mutated or rotated, the first cap is still the parent. */
static void parent_moves(void)
{
    seL4_CPtr first = object_new(seL4_CapTableObject, 3), copy = cap_copy(first, 15), a = slot_new(),
              b = slot_new(), c = slot_new(), pivot = cap_copy(TCB, 15);

    OK(seL4_CNode_Move(CNODE, a, 64, CNODE, first, 64));
    OK(seL4_CNode_Mutate(CNODE, b, 64, CNODE, a, 64, 5));
    OK(seL4_CNode_Rotate(CNODE, c, 64, 0, CNODE, pivot, 64, 0, CNODE, b, 64));
    OK(seL4_CNode_Revoke(CNODE, c, 64)); /* the TCB's copy */
    CHECK(!slot_is_empty(copy));
    OK(seL4_CNode_Revoke(CNODE, pivot, 64));
    CHECK(slot_is_empty(copy) && !slot_is_empty(pivot));
}

/* Boot caps are nobody's children; IRQ handlers are those of the IRQ control. */
static void boot_caps(void)
{
    seL4_CPtr handler = handler_new(), copy = cap_copy(handler, 15),
              control = cap_copy(seL4_CapASIDControl, 15);
    seL4_CPtr domain = cap_copy(seL4_CapDomain, 15);

    OK(seL4_CNode_Revoke(CNODE, copy, 64));
    CHECK(!slot_is_empty(handler));
    OK(seL4_CNode_Revoke(CNODE, handler, 64));
    CHECK(slot_is_empty(copy) && !slot_is_empty(handler));
    copy = cap_copy(handler, 15);
    OK(seL4_CNode_Revoke(CNODE, seL4_CapIRQControl, 64));
    CHECK(slot_is_empty(copy) && slot_is_empty(handler));
    OK(seL4_CNode_Revoke(CNODE, seL4_CapASIDControl, 64));
    CHECK(slot_is_empty(control));
    OK(seL4_CNode_Revoke(CNODE, seL4_CapDomain, 64));
    CHECK(slot_is_empty(domain));
}

/* A pool's cap is the untyped's child, but no parent. */
static void pool_caps(void)
{
    seL4_CPtr untyped = object_new(seL4_UntypedObject, 12), first = slot_new(), copy;

    OK(seL4_RISCV_ASIDControl_MakePool(seL4_CapASIDControl, untyped, CNODE, first, 64));
    copy = cap_copy(first, 15);
    OK(seL4_CNode_Revoke(CNODE, first, 64));
    CHECK(!slot_is_empty(copy));
    FAILS1(seL4_Untyped_Retype(untyped, seL4_EndpointObject, 0, CNODE, 0, 0, slot_new(), 1),
           seL4_NotEnoughMemory, 0);
    OK(seL4_CNode_Delete(CNODE, first, 64));
    OK(seL4_RISCV_ASIDPool_Assign(copy, object_new(seL4_RISCV_PageTableObject, 0))); /* the pool lives */
    OK(seL4_CNode_Revoke(CNODE, untyped, 64));
    CHECK(slot_is_empty(copy));
    OK(seL4_Untyped_Retype(untyped, seL4_EndpointObject, 0, CNODE, 0, 0, copy, 1));
}

/* Untypeds nest; deleting one leaves its children to the one above. */
static void untyped_tree(void)
{
    seL4_CPtr outer = object_new(seL4_UntypedObject, 14), middle = slot_new(), inner = slot_new(),
              object = slot_new();

    OK(seL4_Untyped_Retype(outer, seL4_UntypedObject, 13, CNODE, 0, 0, middle, 1));
    OK(seL4_Untyped_Retype(middle, seL4_UntypedObject, 12, CNODE, 0, 0, inner, 1));
    OK(seL4_Untyped_Retype(inner, seL4_EndpointObject, 0, CNODE, 0, 0, object, 1));
    OK(seL4_CNode_Revoke(CNODE, inner, 64));
    CHECK(slot_is_empty(object) && !slot_is_empty(inner));
    OK(seL4_Untyped_Retype(inner, seL4_EndpointObject, 0, CNODE, 0, 0, object, 1));
    OK(seL4_CNode_Delete(CNODE, inner, 64));
    CHECK(!slot_is_empty(object));
    EQUAL(copy_of(middle, inner), seL4_RevokeFirst); /* the endpoint is its child now */
    OK(seL4_CNode_Delete(CNODE, middle, 64));
    OK(seL4_CNode_Revoke(CNODE, outer, 64));
    CHECK(slot_is_empty(object));
}

/* Badged copies of one badge have the first of them as parent, and the unbadged first cap above. */
static void badge_tree(void)
{
    static const u8 types[] = {seL4_EndpointObject, seL4_NotificationObject};

    for (u32 i = 0; i < ARRAY_SIZE(types); i++) {
        seL4_CPtr first = object_new(types[i], 0), one = cap_mint(first, 15, 1), two = cap_mint(first, 15, 2);
        seL4_CPtr one_copy = cap_copy(one, 15), two_copy = cap_copy(two, 15), plain = cap_copy(first, 15);
        OK(seL4_CNode_Revoke(CNODE, one_copy, 64));
        OK(seL4_CNode_Revoke(CNODE, plain, 64));
        CHECK(!slot_is_empty(one) && !slot_is_empty(two) && !slot_is_empty(two_copy));
        OK(seL4_CNode_Revoke(CNODE, one, 64));
        CHECK(slot_is_empty(one_copy) && !slot_is_empty(two_copy) && !slot_is_empty(plain));
        /* minted from a plain copy, it is a parent as well */
        seL4_CPtr three = cap_mint(plain, 15, 3), three_copy = cap_copy(three, 15);
        OK(seL4_CNode_Revoke(CNODE, three, 64));
        CHECK(slot_is_empty(three_copy) && !slot_is_empty(three));
        OK(seL4_CNode_Revoke(CNODE, first, 64));
        CHECK(slot_is_empty(one) && slot_is_empty(two) && slot_is_empty(two_copy) && slot_is_empty(plain) &&
              slot_is_empty(three));
    }
}

/* A badge minted anew is no parent of what is left of the first time, though it stands beside it. */
static void badge_anew(void)
{
    static const u8 types[] = {seL4_EndpointObject, seL4_NotificationObject};

    for (u32 i = 0; i < ARRAY_SIZE(types); i++) {
        seL4_CPtr first = object_new(types[i], 0), badged = cap_mint(first, 15, 5),
                  copy = cap_copy(badged, 15);
        OK(seL4_CNode_Delete(CNODE, badged, 64));
        OK(seL4_CNode_Mint(CNODE, badged, 64, CNODE, first, 64, seL4_AllRights, 5));
        OK(seL4_CNode_Revoke(CNODE, badged, 64));
        CHECK(!slot_is_empty(copy));
        OK(seL4_CNode_Revoke(CNODE, first, 64));
        CHECK(slot_is_empty(copy) && slot_is_empty(badged));
    }
}

/* The caps in a thread's slots descend from those they were made of. */
static void thread_slots(void)
{
    seL4_CPtr fault = object_new(seL4_EndpointObject, 0), endpoint = object_new(seL4_EndpointObject, 0);
    seL4_CPtr cnode = object_new(seL4_CapTableObject, 4);
    struct helper *helper = helper_new(0, 254, 0);

    OK(seL4_CNode_Copy(cnode, 1, 4, CNODE, fault, 64, seL4_AllRights));
    OK(seL4_CNode_Copy(cnode, 2, 4, CNODE, endpoint, 64, seL4_AllRights));
    OK(seL4_TCB_SetSpace(helper->tcb, 1ul << 60, cnode, 0, VSPACE, 0));
    helper_start(helper, enter_call, 2ul << 60, 4);
    EQUAL(seL4_MessageInfo_get_label(seL4_Recv(endpoint, NULL)), 4);
    OK(seL4_CNode_Revoke(CNODE, cnode, 64));
    /* Without a CSpace it has no handler either: another can be given, and only that is seen. */
    OK(seL4_TCB_SetSpace(helper->tcb, fault, CNODE, 0, VSPACE, 0));
    seL4_Reply(seL4_MessageInfo_new(0, 0, 0, 0));
    helper_start(helper, enter_wait, 2ul << 60, 0);
    EQUAL(seL4_Recv(fault, NULL).words[0], (u64)seL4_Fault_CapFault << 12 | 7);
}

/* ---- 8.5: what goes with the last cap ------------------------------------------------------------------ */

/* Deleting a mapped frame's cap unmaps, whichever cap it is; revoking the first unmaps the copies. */
static void frames_unmap(void)
{
    seL4_CPtr fault = object_new(seL4_EndpointObject, 0), frame = page_new(VSPACE, AT);
    seL4_CPtr copy = cap_copy(frame, 15);
    struct helper *helper = helper_new(0, 254, fault);

    OK(seL4_RISCV_Page_Map(copy, VSPACE, AT + PAGE_SIZE, seL4_AllRights, 0));
    OK(seL4_CNode_Revoke(CNODE, frame, 64));
    steps = 0;
    helper_start(helper, enter_load, AT, 1);
    let_run();
    EQUAL(steps, 1);
    helper_start(helper, enter_load, AT + PAGE_SIZE, 1);
    EQUAL(seL4_Recv(fault, NULL).words[0], (u64)seL4_Fault_VMFault << 12 | 4);
    OK(seL4_CNode_Delete(CNODE, frame, 64));
    helper_start(helper, enter_load, AT, 1);
    EQUAL(seL4_Recv(fault, NULL).words[0], (u64)seL4_Fault_VMFault << 12 | 4);
}

/* A moved frame stays mapped, and its record with it. */
static void frame_moves(void)
{
    seL4_CPtr frame = page_new(VSPACE, AT), to = slot_new();

    *(volatile u64 *)AT = 7;
    OK(seL4_CNode_Move(CNODE, to, 64, CNODE, frame, 64));
    EQUAL(*(volatile u64 *)AT, 7);
    FAILS1(seL4_RISCV_Page_Map(to, VSPACE, AT + PAGE_SIZE, seL4_AllRights, 0), seL4_InvalidArgument, 0);
    OK(seL4_RISCV_Page_Unmap(to));
    OK(seL4_RISCV_Page_Map(to, VSPACE, AT + PAGE_SIZE, seL4_AllRights, 0));
    EQUAL(*(volatile u64 *)(AT + PAGE_SIZE), 7);
}

/* A cap that remembers a mapping that is no more unmaps nobody else's. */
static void stale_record(void)
{
    seL4_CPtr table = object_new(seL4_RISCV_PageTableObject, 0),
              lower = object_new(seL4_RISCV_PageTableObject, 0);
    seL4_CPtr frame = object_new(seL4_RISCV_4K_Page, 0), other = object_new(seL4_RISCV_4K_Page, 0);

    OK(seL4_RISCV_PageTable_Map(table, VSPACE, AT, 0));
    OK(seL4_RISCV_PageTable_Map(lower, VSPACE, AT, 0));
    OK(seL4_RISCV_Page_Map(frame, VSPACE, AT, seL4_AllRights, 0));
    OK(seL4_RISCV_PageTable_Unmap(lower));
    OK(seL4_RISCV_PageTable_Map(lower, VSPACE, AT, 0));
    OK(seL4_RISCV_Page_Map(other, VSPACE, AT, seL4_AllRights, 0));
    *(volatile u64 *)AT = 8;
    OK(seL4_RISCV_Page_Unmap(frame));
    EQUAL(*(volatile u64 *)AT, 8);
    /* Mapped again by its record, a frame displaces what is there. */
    OK(seL4_RISCV_PageTable_Unmap(lower));
    OK(seL4_RISCV_PageTable_Map(lower, VSPACE, AT, 0));
    OK(seL4_RISCV_Page_Map(frame, VSPACE, AT, seL4_AllRights, 0));
    OK(seL4_RISCV_Page_Map(other, VSPACE, AT, seL4_AllRights, 0));
    EQUAL(*(volatile u64 *)AT, 8);
    OK(seL4_CNode_Delete(CNODE, frame, 64));
    EQUAL(*(volatile u64 *)AT, 8);
}

/* The last cap to a mapped table takes the table out of its space. */
static void table_gone(void)
{
    seL4_CPtr fault = object_new(seL4_EndpointObject, 0), table = object_new(seL4_RISCV_PageTableObject, 0);
    seL4_CPtr lower = object_new(seL4_RISCV_PageTableObject, 0), frame = object_new(seL4_RISCV_4K_Page, 0),
              copy;
    struct helper *helper = helper_new(0, 254, fault);

    OK(seL4_RISCV_PageTable_Map(table, VSPACE, AT, 0));
    OK(seL4_RISCV_PageTable_Map(lower, VSPACE, AT, 0));
    OK(seL4_RISCV_Page_Map(frame, VSPACE, AT, seL4_AllRights, 0));
    copy = cap_copy(lower, 15);
    *(volatile u64 *)AT = 8;
    OK(seL4_CNode_Delete(CNODE, lower, 64));
    EQUAL(*(volatile u64 *)AT, 8);
    OK(seL4_CNode_Delete(CNODE, copy, 64));
    helper_start(helper, enter_load, AT, 1);
    EQUAL(seL4_Recv(fault, NULL).words[0], (u64)seL4_Fault_VMFault << 12 | 4);
    FAILS2(seL4_RISCV_Page_Map(frame, VSPACE, AT, seL4_AllRights, 0), seL4_FailedLookup, 0,
           seL4_MissingCapability);
    EQUAL(seL4_GetMR(2), 21);
}

/* PageTable Unmap clears the table: mapped anew it is empty. */
static void table_unmapped(void)
{
    seL4_CPtr table = object_new(seL4_RISCV_PageTableObject, 0),
              lower = object_new(seL4_RISCV_PageTableObject, 0);
    seL4_CPtr frame = object_new(seL4_RISCV_4K_Page, 0), other = object_new(seL4_RISCV_4K_Page, 0);

    OK(seL4_RISCV_PageTable_Map(table, VSPACE, AT, 0));
    OK(seL4_RISCV_PageTable_Map(lower, VSPACE, AT, 0));
    OK(seL4_RISCV_Page_Map(frame, VSPACE, AT, seL4_AllRights, 0));
    OK(seL4_RISCV_PageTable_Unmap(lower));
    OK(seL4_RISCV_PageTable_Map(lower, VSPACE, AT + (2ul << 20), 0));
    OK(seL4_RISCV_Page_Map(other, VSPACE, AT + (2ul << 20), seL4_AllRights, 0)); /* nothing is there */
}

/* The last cap to a root frees its ASID, and who runs on it faults; the ASID is the next one's. */
static void root_gone(void)
{
    seL4_CPtr fault = object_new(seL4_EndpointObject, 0), space = object_new(seL4_RISCV_PageTableObject, 0);
    seL4_CPtr frame = object_new(seL4_RISCV_4K_Page, 0), next = object_new(seL4_RISCV_PageTableObject, 0);
    struct helper *helper = helper_new(0, 254, fault);

    OK(seL4_RISCV_ASIDPool_Assign(seL4_CapInitThreadASIDPool, space));
    tables_new(space, AT);
    OK(seL4_RISCV_Page_Map(frame, space, AT, seL4_AllRights, 0));
    OK(seL4_TCB_SetSpace(helper->tcb, fault, CNODE, 0, space, 0));
    OK(seL4_CNode_Revoke(CNODE, space, 64));
    OK(seL4_CNode_Delete(CNODE, space, 64));
    helper_start(helper, enter_note, 1, 0);
    EQUAL(seL4_Recv(fault, NULL).words[0], (u64)seL4_Fault_VMFault << 12 | 4);
    EQUAL(seL4_GetMR(0), (u64)enter_note);
    EQUAL(seL4_GetMR(1), (u64)enter_note);
    EQUAL(seL4_GetMR(2), 1);
    EQUAL(seL4_GetMR(3), 1);
    OK(seL4_RISCV_ASIDPool_Assign(seL4_CapInitThreadASIDPool, next));
    /* The frame remembers an ASID that is another space's now, and its address: mapped again by that record.
     */
    FAILS2(seL4_RISCV_Page_Map(frame, next, AT, seL4_AllRights, 0), seL4_FailedLookup, 0,
           seL4_MissingCapability);
    tables_new(next, AT);
    OK(seL4_RISCV_Page_Map(frame, next, AT, seL4_AllRights, 0));
    FAILS1(seL4_RISCV_Page_Map(frame, next, AT + PAGE_SIZE, seL4_AllRights, 0), seL4_InvalidArgument, 0);
}

/* A lower table passes as a VSpace, and whoever runs on it faults. */
static void table_as_space(void)
{
    seL4_CPtr fault = object_new(seL4_EndpointObject, 0), table = object_new(seL4_RISCV_PageTableObject, 0);
    struct helper *helper = helper_new(0, 254, fault);

    OK(seL4_RISCV_PageTable_Map(table, VSPACE, AT, 0));
    OK(seL4_TCB_SetSpace(helper->tcb, fault, CNODE, 0, table, 0));
    helper_start(helper, enter_note, 1, 0);
    EQUAL(seL4_Recv(fault, NULL).words[0], (u64)seL4_Fault_VMFault << 12 | 4);
    EQUAL(seL4_GetMR(2), 1);
}

/* The last cap to a thread stops it, wherever it waits, and its bound notification is free. */
static void thread_gone(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0),
              notification = object_new(seL4_NotificationObject, 0);
    struct helper *sender = helper_new(0, 254, 0), *bound = helper_new(1, 254, 0);
    seL4_CPtr copy = cap_copy(sender->tcb, 15);
    seL4_Word badge = 0;

    helper_start(sender, enter_send, cap_mint(endpoint, 15, 6), 0);
    let_run();
    OK(seL4_CNode_Delete(CNODE, sender->tcb, 64));
    OK(seL4_TCB_Suspend(copy)); /* still there */
    OK(seL4_TCB_Resume(copy));
    let_run();
    OK(seL4_CNode_Delete(CNODE, copy, 64));
    seL4_NBRecv(endpoint, &badge);
    EQUAL(badge, 0);
    OK(seL4_TCB_BindNotification(bound->tcb, notification));
    OK(seL4_CNode_Delete(CNODE, bound->tcb, 64));
    OK(seL4_TCB_BindNotification(TCB, notification));
    OK(seL4_TCB_UnbindNotification(TCB));
}

/* An interrupt's binding is a cap of the kernel's: the notification lives on by it. */
static void binding_keeps(void)
{
    seL4_CPtr notification = object_new(seL4_NotificationObject, 0), copy = cap_mint(notification, 15, 5);
    seL4_CPtr handler = handler_new(), fault = object_new(seL4_EndpointObject, 0);
    struct helper *helper = helper_new(0, 254, cap_mint(fault, 15, 3));
    seL4_Word badge = 9;

    OK(seL4_IRQHandler_SetNotification(handler, copy));
    steps = 0;
    helper_start(helper, enter_wait, notification, 1);
    let_run();
    OK(seL4_CNode_Delete(CNODE, copy, 64));
    OK(seL4_CNode_Delete(CNODE, notification, 64));
    let_run();
    seL4_NBRecv(fault, &badge);
    EQUAL(badge, 0); /* it still waits */
    OK(seL4_IRQHandler_Clear(handler));
    EQUAL(seL4_Recv(fault, NULL).words[0], (u64)seL4_Fault_CapFault << 12 | 5); /* that was the last cap */
}

/* The binding descends from the cap it was made of: a revoke takes it along. */
static void binding_revoked(void)
{
    seL4_CPtr notification = object_new(seL4_NotificationObject, 0), handler = handler_new();
    seL4_CPtr fault = object_new(seL4_EndpointObject, 0);
    struct helper *helper = helper_new(0, 254, fault);

    OK(seL4_IRQHandler_SetNotification(handler, notification));
    helper_start(helper, enter_wait, notification, 1);
    let_run();
    OK(seL4_CNode_Revoke(CNODE, notification, 64));
    OK(seL4_CNode_Delete(CNODE, notification, 64)); /* the last one now */
    EQUAL(seL4_Recv(fault, NULL).words[0], (u64)seL4_Fault_CapFault << 12 | 5);
}

/* The last handler cap takes the binding along. */
static void binding_gone(void)
{
    seL4_CPtr notification = object_new(seL4_NotificationObject, 0), handler = handler_new();
    seL4_CPtr fault = object_new(seL4_EndpointObject, 0), copy = cap_copy(handler, 15);
    struct helper *helper = helper_new(0, 254, fault);
    seL4_Word badge = 9;

    OK(seL4_IRQHandler_SetNotification(handler, notification));
    helper_start(helper, enter_wait, notification, 1);
    let_run();
    OK(seL4_CNode_Delete(CNODE, notification, 64));
    OK(seL4_CNode_Delete(CNODE, handler, 64));
    let_run();
    seL4_NBRecv(fault, &badge);
    EQUAL(badge, 0);
    OK(seL4_CNode_Delete(CNODE, copy, 64));
    EQUAL(seL4_Recv(fault, NULL).words[0], (u64)seL4_Fault_CapFault << 12 | 5);
}

/* Slots of a CNode that goes, and what is in the first slot of one inside it. */
static void nested_cnodes(void)
{
    seL4_CPtr outer = object_new(seL4_CapTableObject, 2), inner = object_new(seL4_CapTableObject, 2);
    seL4_CPtr fault = object_new(seL4_EndpointObject, 0), endpoints[2];

    for (u64 i = 0; i < 2; i++) {
        endpoints[i] = object_new(seL4_EndpointObject, 0);
        helper_start(helper_new((u32)i, 254, cap_mint(fault, 15, i + 1)), enter_wait, endpoints[i], 0);
        let_run();
    }
    OK(seL4_CNode_Move(outer, 3, 2, CNODE, endpoints[0], 64));
    OK(seL4_CNode_Move(inner, 0, 2, CNODE, endpoints[1], 64));
    OK(seL4_CNode_Move(outer, 1, 2, CNODE, inner, 64));
    OK(seL4_CNode_Delete(CNODE, outer, 64));
    CHECK(slot_is_empty(outer));
    u64 badges = 0;
    for (u64 i = 0; i < 2; i++) {
        seL4_Word badge;
        seL4_Recv(fault, &badge); /* each of the two waits on nothing now */
        badges |= badge;
    }
    EQUAL(badges, 3);
}

/* A CNode's cap that is not the last one leaves the slots alone. */
static void cnode_copy_gone(void)
{
    seL4_CPtr cnode = object_new(seL4_CapTableObject, 2), copy = cap_copy(cnode, 15);

    OK(seL4_CNode_Copy(cnode, 1, 2, CNODE, TCB, 64, seL4_AllRights));
    OK(seL4_CNode_Delete(CNODE, cnode, 64));
    EQUAL(seL4_CNode_Copy(copy, 1, 2, CNODE, TCB, 64, seL4_AllRights), seL4_DeleteFirst);
    OK(seL4_CNode_Delete(CNODE, copy, 64));
}

/* Memory is zero again for the next object, also in part of a large untyped. */
static void memory_zeroed(void)
{
    seL4_CPtr untyped = object_new(seL4_UntypedObject, 16), frames = slot_new();

    for (u64 i = 1; i < 16; i++)
        slot_new();
    tables_new(VSPACE, AT);
    for (int round = 0; round < 2; round++) {
        OK(seL4_Untyped_Retype(untyped, seL4_RISCV_4K_Page, 0, CNODE, 0, 0, frames, 16));
        for (u64 i = 0; i < 16; i++) {
            volatile u64 *page = (volatile u64 *)(AT + i * PAGE_SIZE);
            OK(seL4_RISCV_Page_Map(frames + i, VSPACE, (u64)page, seL4_AllRights, 0));
            for (u32 word = 0; word < PAGE_SIZE / sizeof(u64); word += 37) {
                EQUAL(page[word], 0);
                page[word] = ~0ul;
            }
        }
        OK(seL4_CNode_Revoke(CNODE, untyped, 64));
    }
}

/* What was a kernel's object is zero as well, also behind the last whole page that was in use. */
static void objects_zeroed(void)
{
    seL4_CPtr untyped = object_new(seL4_UntypedObject, 14), tcb = slot_new(), cnode = slot_new(),
              frames = slot_new();
    seL4_UserContext context = {.pc = ~0ul, .ra = ~0ul, .s0 = ~0ul, .a0 = ~0ul, .t6 = ~0ul, .tp = ~0ul};

    slot_new();
    slot_new();
    slot_new();
    tables_new(VSPACE, AT);
    OK(seL4_Untyped_Retype(untyped, seL4_RISCV_4K_Page, 0, CNODE, 0, 0, frames, 1));
    OK(seL4_Untyped_Retype(untyped, seL4_CapTableObject, 4, CNODE, 0, 0, cnode, 1));
    OK(seL4_CNode_Copy(cnode, 3, 4, CNODE, TCB, 64, seL4_AllRights));
    OK(seL4_Untyped_Retype(untyped, seL4_TCBObject, 0, CNODE, 0, 0, tcb, 1));
    OK(seL4_CNode_Delete(CNODE, tcb, 64));
    OK(seL4_Untyped_Retype(untyped, seL4_RISCV_4K_Page, 0, CNODE, 0, 0, frames + 1, 1));
    OK(seL4_Untyped_Retype(untyped, seL4_TCBObject, 0, CNODE, 0, 0, tcb, 1)); /* ends within a page */
    OK(seL4_TCB_WriteRegisters(tcb, 0, 0, 32, &context));
    OK(seL4_CNode_Revoke(CNODE, untyped, 64));
    OK(seL4_Untyped_Retype(untyped, seL4_RISCV_4K_Page, 0, CNODE, 0, 0, frames, 4));
    for (u64 i = 0; i < 4; i++) {
        volatile u64 *page = (volatile u64 *)(AT + i * PAGE_SIZE);
        OK(seL4_RISCV_Page_Map(frames + i, VSPACE, (u64)page, seL4_AllRights, 0));
        for (u32 word = 0; word < PAGE_SIZE / sizeof(u64); word++)
            EQUAL(page[word], 0);
    }
}

const struct test derivation_rows[] = {
    {"8.1 what can be copied", copyable},
    {"8.1 anything can be moved", movable},
    {"8.2 an endpoint's rights only shrink", endpoint_rights},
    {"8.2 a frame's rights, of the cap and of the mapping", frame_rights},
    {"8.2 a notification's rights", notification_rights},
    {"8.2 a badge is given once", badges},
    {"8.2 a guard is given again and again", guards},
    {"8.2 for others the data word says nothing", data_ignored},
    {"8.3 the first cap is parent of the copies, and they of none", first_and_copies},
    {"8.3 a parent moves", parent_moves},
    {"8.3 boot caps and their children", boot_caps},
    {"8.3 an ASID pool's cap is a child but no parent", pool_caps},
    {"8.3 untypeds in untypeds", untyped_tree},
    {"8.3 badges", badge_tree},
    {"8.3 a badge minted anew", badge_anew},
    {"8.3 the caps in a thread's slots", thread_slots},
    {"8.5 a frame's cap goes: the mapping", frames_unmap},
    {"8.3 a moved frame stays mapped", frame_moves},
    {"11.3 a stale record", stale_record},
    {"8.5 the last cap to a table goes: the mapping", table_gone},
    {"6.8 an unmapped table is empty", table_unmapped},
    {"8.5 the last cap to a root goes: ASID and threads", root_gone},
    {"11.4 a lower table as a VSpace", table_as_space},
    {"8.5 the last cap to a thread goes: queues and binding", thread_gone},
    {"8.5 an interrupt's binding keeps the notification", binding_keeps},
    {"12.2 a revoke takes an interrupt's binding along", binding_revoked},
    {"8.5 the last cap to an interrupt goes: the binding", binding_gone},
    {"8.5 the last cap to a CNode goes: its slots", nested_cnodes},
    {"8.4 another cap to a CNode goes: nothing", cnode_copy_gone},
    {"5.4 memory is zero for the next object", memory_zeroed},
    {"5.4 so is what was an object of the kernel's", objects_zeroed},
    {NULL, NULL},
};
