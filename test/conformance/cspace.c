/* CNode operations, lookups, derivation, revocation, deletion of containers. */
#include "test/conformance/conformance.h"

#define GUARDED(guard, bits) ((guard) << 6 | (bits))

static void copy_and_move(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0), a = slot_new(), b = slot_new();

    EQUAL(sel4_invoke(CNODE, 0, 0, 0, 0, 0, 0, 0), seL4_IllegalOperation);
    EQUAL(sel4_invoke(CNODE, CNodeDelete, 0, 1, 0, 0, 0, 0), seL4_TruncatedMessage);
    EQUAL(seL4_CNode_Delete(CNODE, a, 0), seL4_RangeError);
    EQUAL(seL4_CNode_Delete(CNODE, a, 65), seL4_RangeError);
    OK(seL4_CNode_Delete(CNODE, a, 64));
    OK(seL4_CNode_Revoke(CNODE, a, 64));
    /* An occupied destination comes before an empty source. */
    EQUAL(seL4_CNode_Copy(CNODE, endpoint, 64, CNODE, a, 64, seL4_AllRights), seL4_DeleteFirst);
    EQUAL(seL4_CNode_Copy(CNODE, b, 64, CNODE, a, 64, seL4_AllRights), seL4_FailedLookup);
    EQUAL(seL4_GetMR(0), 1);
    EQUAL(seL4_GetMR(1), seL4_MissingCapability);
    EQUAL(seL4_GetMR(2), 64);
    EQUAL(seL4_CNode_Move(CNODE, endpoint, 64, CNODE, endpoint, 64), seL4_DeleteFirst);
    EQUAL(seL4_CNode_Move(CNODE, a, 64, CNODE, a, 64), seL4_FailedLookup);
    OK(seL4_CNode_Copy(CNODE, a, 64, CNODE, endpoint, 64, seL4_AllRights));
    EQUAL(seL4_DebugCapIdentify(a), 4);
    OK(seL4_CNode_Move(CNODE, b, 64, CNODE, a, 64));
    CHECK(slot_is_empty(a));
    OK(seL4_CNode_Mint(CNODE, a, 64, CNODE, endpoint, 64, seL4_AllRights, 7));
    EQUAL(seL4_CNode_Mint(CNODE, slot_new(), 64, CNODE, a, 64, seL4_AllRights, 0), seL4_IllegalOperation);
    EQUAL(seL4_CNode_Mutate(CNODE, slot_new(), 64, CNODE, endpoint, 64, 0), seL4_IllegalOperation);
    EQUAL(seL4_CNode_Copy(CNODE, slot_new(), 64, CNODE, seL4_CapIRQControl, 64, seL4_AllRights),
          seL4_IllegalOperation);
    EQUAL(seL4_CNode_Copy(CNODE, slot_new(), 64, TCB, 1, 64, seL4_AllRights), seL4_FailedLookup);
    EQUAL(seL4_GetMR(1), seL4_InvalidRoot);
}

static void rotate(void)
{
    seL4_CPtr a = slot_new(), b = slot_new(), c = slot_new();

    OK(seL4_CNode_Copy(CNODE, a, 64, CNODE, TCB, 64, seL4_AllRights));
    OK(seL4_CNode_Copy(CNODE, b, 64, CNODE, VSPACE, 64, seL4_AllRights));
    OK(seL4_CNode_Rotate(CNODE, c, 64, 0, CNODE, b, 64, 0, CNODE, a, 64)); /* b to c, a to b */
    CHECK(slot_is_empty(a));
    EQUAL(seL4_DebugCapIdentify(b), 12);
    EQUAL(seL4_DebugCapIdentify(c), 3);
    OK(seL4_CNode_Rotate(CNODE, c, 64, 0, CNODE, b, 64, 0, CNODE, c, 64)); /* swap */
    EQUAL(seL4_DebugCapIdentify(b), 3);
    EQUAL(seL4_DebugCapIdentify(c), 12);
    EQUAL(seL4_CNode_Rotate(CNODE, a, 64, 0, CNODE, b, 64, 0, CNODE, b, 64), seL4_IllegalOperation);
    EQUAL(seL4_CNode_Rotate(CNODE, TCB, 64, 0, CNODE, b, 64, 0, CNODE, c, 64), seL4_DeleteFirst);
    OK(seL4_CNode_Delete(CNODE, b, 64));
    EQUAL(seL4_CNode_Rotate(CNODE, a, 64, 0, CNODE, b, 64, 0, CNODE, c, 64), seL4_FailedLookup);
    EQUAL(seL4_GetMR(0), 0);
    EQUAL(seL4_CNode_Rotate(CNODE, a, 64, 0, CNODE, c, 64, 0, CNODE, b, 64), seL4_FailedLookup);
    EQUAL(seL4_GetMR(0), 1);
}

static void lookups(void)
{
    seL4_CPtr outer = object_new(seL4_CapTableObject, 4), inner = object_new(seL4_CapTableObject, 4);
    seL4_CPtr guarded = cap_mint(outer, 15, GUARDED(5ul, 8ul)), endpoint = object_new(seL4_EndpointObject, 0);

    EQUAL(seL4_CNode_Copy(outer, 3, 3, CNODE, endpoint, 64, seL4_AllRights), seL4_FailedLookup);
    EQUAL(seL4_GetMR(1), seL4_DepthMismatch);
    EQUAL(seL4_GetMR(2), 3);
    EQUAL(seL4_GetMR(3), 4);
    EQUAL(seL4_CNode_Copy(guarded, 0x63, 12, CNODE, endpoint, 64, seL4_AllRights), seL4_FailedLookup);
    EQUAL(seL4_GetMR(1), seL4_GuardMismatch);
    EQUAL(seL4_GetMR(2), 12);
    EQUAL(seL4_GetMR(3), 5);
    EQUAL(seL4_GetMR(4), 8);
    OK(seL4_CNode_Copy(guarded, 0x53, 12, CNODE, endpoint, 64, seL4_AllRights));
    EQUAL(seL4_CNode_Copy(outer, 0x30, 8, CNODE, endpoint, 64, seL4_AllRights), seL4_FailedLookup);
    EQUAL(seL4_GetMR(1), seL4_DepthMismatch); /* the path ends at the endpoint, four bits early */
    EQUAL(seL4_GetMR(2), 4);
    EQUAL(seL4_GetMR(3), 0);
    OK(seL4_CNode_Copy(outer, 1, 4, CNODE, inner, 64, seL4_AllRights));
    OK(seL4_CNode_Copy(outer, 0x1a, 8, CNODE, endpoint, 64, seL4_AllRights));
    OK(seL4_CNode_Delete(inner, 0xa, 4));
    EQUAL(seL4_CNode_Mint(CNODE, slot_new(), 64, CNODE, outer, 64, seL4_AllRights, GUARDED(0ul, 61ul)),
          seL4_IllegalOperation);
    OK(seL4_CNode_Mutate(CNODE, slot_new(), 64, CNODE, guarded, 64, GUARDED(1ul, 60ul)));
}

static void badged_caps(void)
{
    seL4_CPtr original = object_new(seL4_EndpointObject, 0), plain = cap_copy(original, 15);
    seL4_CPtr badged = cap_mint(original, 15, 5), same = cap_copy(badged, 15),
              other = cap_mint(original, 15, 6);

    OK(seL4_CNode_Revoke(CNODE, plain, 64)); /* a plain copy is no parent */
    CHECK(!slot_is_empty(badged) && !slot_is_empty(other) && !slot_is_empty(original));
    OK(seL4_CNode_Revoke(CNODE, badged, 64));
    CHECK(slot_is_empty(same) && !slot_is_empty(badged) && !slot_is_empty(other));
    /* The badge minted anew is not the parent of what is left of the first. */
    same = cap_copy(badged, 15);
    OK(seL4_CNode_Delete(CNODE, badged, 64));
    OK(seL4_CNode_Mint(CNODE, badged, 64, CNODE, original, 64, seL4_AllRights, 5));
    OK(seL4_CNode_Revoke(CNODE, badged, 64));
    CHECK(!slot_is_empty(same));
    OK(seL4_CNode_Revoke(CNODE, original, 64));
    CHECK(slot_is_empty(plain) && slot_is_empty(badged) && slot_is_empty(same) && slot_is_empty(other));
    CHECK(!slot_is_empty(original));
    /* With the original gone nobody can revoke the copies. */
    plain = cap_copy(original, 15);
    badged = cap_mint(original, 15, 5);
    OK(seL4_CNode_Delete(CNODE, original, 64));
    OK(seL4_CNode_Revoke(CNODE, plain, 64));
    CHECK(!slot_is_empty(badged));
}

/* A CNode with a cap to itself and one to another that has one back; and 64 CNodes one in the other. */
static void delete_containers(void)
{
    seL4_CPtr self = object_new(seL4_CapTableObject, 3), a, b, endpoint, copy;

    for (u64 i = 0; i < 8; i++)
        OK(seL4_CNode_Copy(self, i, 3, CNODE, self, 64, seL4_AllRights));
    OK(seL4_CNode_Delete(self, 6, 3));
    OK(seL4_CNode_Delete(self, 0, 3));
    endpoint = object_new(seL4_EndpointObject, 0);
    OK(seL4_CNode_Copy(self, 0, 3, CNODE, endpoint, 64, seL4_AllRights));
    OK(seL4_CNode_Revoke(CNODE, self, 64));
    CHECK(!slot_is_empty(self) && !slot_is_empty(endpoint));
    OK(seL4_CNode_Delete(CNODE, self, 64));
    CHECK(slot_is_empty(self));

    a = object_new(seL4_CapTableObject, 2);
    b = object_new(seL4_CapTableObject, 2);
    OK(seL4_CNode_Copy(a, 3, 2, CNODE, b, 64, seL4_AllRights));
    OK(seL4_CNode_Move(b, 0, 2, CNODE, a, 64));
    OK(seL4_CNode_Delete(CNODE, b,
                         64)); /* now a ring nobody else can reach: only the pool's revoke ends it */

    copy = object_new(seL4_CapTableObject, 1);
    endpoint = object_new(seL4_EndpointObject, 0);
    OK(seL4_CNode_Move(copy, 1, 1, CNODE, endpoint, 64));
    for (u64 i = 0; i < 64; i++) {
        seL4_CPtr outer = object_new(seL4_CapTableObject, 1);
        OK(seL4_CNode_Move(outer, i & 1, 1, CNODE, copy, 64));
        copy = outer;
    }
    OK(seL4_CNode_Delete(CNODE, copy, 64));
    CHECK(slot_is_empty(copy));
}

/* The same with threads: a TCB's CSpace is the CNode that holds the last cap to the TCB. */
static void delete_thread_ring(void)
{
    seL4_CPtr small = object_new(seL4_UntypedObject, 16), cnode = slot_new(), tcb = slot_new();

    for (u64 i = 0; i < 2; i++) {
        OK(seL4_Untyped_Retype(small, seL4_CapTableObject, 4, CNODE, 0, 0, cnode, 1));
        OK(seL4_Untyped_Retype(small, seL4_TCBObject, 0, CNODE, 0, 0, tcb, 1));
        OK(seL4_TCB_Configure(tcb, 0, cnode, 0, VSPACE, 0, 0, 0));
        OK(seL4_CNode_Move(cnode, i ? 0 : 15, 4, CNODE, tcb, 64));
        OK(seL4_CNode_Delete(CNODE, cnode, 64));
        EQUAL(seL4_Untyped_Retype(small, seL4_UntypedObject, 16, CNODE, 0, 0, cnode, 1),
              seL4_NotEnoughMemory);
        OK(seL4_CNode_Revoke(CNODE, small, 64));
        OK(seL4_Untyped_Retype(small, seL4_UntypedObject, 16, CNODE, 0, 0, cnode, 1));
        OK(seL4_CNode_Delete(CNODE, cnode, 64));
    }
}

static void invocation_basics(void)
{
    seL4_CPtr empty = slot_new();

    EQUAL(sel4_invoke(empty, 0, 0, 0, 0, 0, 0, 0), seL4_InvalidCapability);
    EQUAL(seL4_GetMR(0), 0);
    EQUAL(sel4_invoke(TCB, 0, 0, 0, 0, 0, 0, 0), seL4_IllegalOperation);
    seL4_Send(CNODE, seL4_MessageInfo_new(99, 0, 0, 0)); /* errors of a Send are dropped */
    seL4_Signal(CNODE);
    seL4_Reply(seL4_MessageInfo_new(0, 0, 0, 0)); /* nobody to reply to */
    seL4_Yield();
    OK(seL4_CNode_SaveCaller(CNODE, empty, 64));
    CHECK(slot_is_empty(empty));
    EQUAL(seL4_CNode_SaveCaller(CNODE, TCB, 64), seL4_DeleteFirst);
}

static void domains_and_interrupts(void)
{
    seL4_CPtr handler = slot_new(), copy = slot_new(), endpoint = object_new(seL4_EndpointObject, 0);
    seL4_CPtr notification = object_new(seL4_NotificationObject, 0);

    OK(seL4_DomainSet_Set(seL4_CapDomain, 0, TCB));
    EQUAL(seL4_DomainSet_Set(seL4_CapDomain, 11, TCB), seL4_InvalidArgument);
    EQUAL(seL4_GetMR(0), 0);
    EQUAL(seL4_DomainSet_Set(seL4_CapDomain, 0, CNODE), seL4_InvalidArgument);
    EQUAL(seL4_GetMR(0), 1);
    EQUAL(seL4_DomainSet_ScheduleConfigure(seL4_CapDomain, 1, 0, 1), seL4_RangeError);
    EQUAL(seL4_DomainSet_ScheduleConfigure(seL4_CapDomain, 0, 0, 0), seL4_InvalidArgument);
    EQUAL(seL4_DomainSet_ScheduleSetStart(seL4_CapDomain, 1), seL4_InvalidArgument);
    OK(seL4_DomainSet_ScheduleSetStart(seL4_CapDomain, 0));

    EQUAL(seL4_IRQControl_Get(seL4_CapIRQControl, 0, CNODE, handler, 64), seL4_RangeError);
    EQUAL(seL4_GetMR(1), 96);
    EQUAL(seL4_IRQControl_Get(seL4_CapIRQControl, 96, CNODE, handler, 64), seL4_RevokeFirst);
    EQUAL(seL4_IRQControl_Get(seL4_CapIRQControl, 10, CNODE, TCB, 64), seL4_DeleteFirst);
    OK(seL4_IRQControl_GetTrigger(seL4_CapIRQControl, 10, 1, CNODE, handler, 64));
    EQUAL(seL4_IRQControl_Get(seL4_CapIRQControl, 10, CNODE, copy, 64), seL4_RevokeFirst);
    OK(seL4_CNode_Copy(CNODE, copy, 64, CNODE, handler, 64, seL4_AllRights));
    EQUAL(seL4_IRQHandler_SetNotification(handler, endpoint), seL4_InvalidCapability);
    EQUAL(seL4_GetMR(0), 0);
    OK(seL4_IRQHandler_SetNotification(handler, notification));
    OK(seL4_IRQHandler_SetNotification(handler, notification));
    OK(seL4_IRQHandler_Ack(copy));
    OK(seL4_IRQHandler_Clear(handler));
    OK(seL4_CNode_Revoke(CNODE, seL4_CapIRQControl, 64));
    CHECK(slot_is_empty(handler) && slot_is_empty(copy));
    OK(seL4_IRQControl_Get(seL4_CapIRQControl, 10, CNODE, handler, 64));
    OK(seL4_CNode_Delete(CNODE, handler, 64));
}

const struct test cspace_tests[] = {
    {"invocation: basics", invocation_basics},
    {"cnode: copy, mint, move", copy_and_move},
    {"cnode: rotate", rotate},
    {"cspace: lookups", lookups},
    {"derivation: badged caps", badged_caps},
    {"delete: rings and towers of CNodes", delete_containers},
    {"delete: a thread in its own CSpace", delete_thread_ring},
    {"domains and interrupt handlers", domains_and_interrupts},
    {NULL, NULL},
};
