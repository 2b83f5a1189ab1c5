/* Each row of the table of Retype. The names say section and row. */
#include "test/conformance/conformance.h"

static void retype_ok(void)
{
    static const struct {
        u8 type, size, identified;
    } types[] = {{seL4_UntypedObject, 12, 2},  {seL4_TCBObject, 0, 12},
                 {seL4_EndpointObject, 0, 4},  {seL4_NotificationObject, 0, 6},
                 {seL4_CapTableObject, 3, 10}, {seL4_RISCV_4K_Page, 0, 1},
                 {seL4_RISCV_Mega_Page, 0, 1}, {seL4_RISCV_PageTableObject, 0, 3}};
    for (u32 i = 0; i < ARRAY_SIZE(types); i++)
        EQUAL(seL4_DebugCapIdentify(object_new(types[i].type, types[i].size)), types[i].identified);
}

static void retype_1(void)
{
    EQUAL(sel4_invoke(pool, TCBSuspend, 0, 0, 0, 0, 0, 0), seL4_IllegalOperation);
}

static void retype_2(void)
{
    EQUAL(sel4_invoke(pool, UntypedRetype, 0, 6, 99, 0, 0, 0), seL4_TruncatedMessage);
    seL4_SetCap(0, CNODE);
    EQUAL(sel4_invoke(pool, UntypedRetype, 1, 5, 99, 0, 0, 0), seL4_TruncatedMessage);
}

static void retype_3(void)
{
    FAILS1(seL4_Untyped_Retype(pool, 9, 99, CNODE, 0, 0, slot_new(), 1), seL4_InvalidArgument, 0);
}

static void retype_4(void)
{
    FAILS2(seL4_Untyped_Retype(pool, seL4_EndpointObject, 64, CNODE, 0, 0, slot_new(), 1), seL4_RangeError, 0,
           seL4_MaxUntypedBits);
    FAILS2(seL4_Untyped_Retype(pool, seL4_CapTableObject, 34, CNODE, 0, 0, slot_new(), 1), seL4_RangeError, 0,
           seL4_MaxUntypedBits);
    FAILS2(seL4_Untyped_Retype(pool, seL4_UntypedObject, 39, CNODE, 0, 0, slot_new(), 1), seL4_RangeError, 0,
           seL4_MaxUntypedBits);
}

static void retype_5(void)
{
    FAILS1(seL4_Untyped_Retype(pool, seL4_CapTableObject, 0, CNODE, 0, 0, slot_new(), 1),
           seL4_InvalidArgument, 1);
}

static void retype_6(void)
{
    FAILS1(seL4_Untyped_Retype(pool, seL4_UntypedObject, 3, CNODE, 0, 0, slot_new(), 1), seL4_InvalidArgument,
           1);
}

static void retype_7(void)
{
    FAILS2(seL4_Untyped_Retype(pool, seL4_EndpointObject, 0, TCB, 0, 1, 0, 1), seL4_FailedLookup, 0,
           seL4_InvalidRoot);
}

static void retype_8(void)
{
    FAILS2(seL4_Untyped_Retype(pool, seL4_EndpointObject, 0, CNODE, TCB, 64, 0, 1), seL4_FailedLookup, 0,
           seL4_MissingCapability);
    EQUAL(seL4_GetMR(2), 64);
    FAILS2(seL4_Untyped_Retype(pool, seL4_EndpointObject, 0, TCB, 0, 0, 0, 1), seL4_FailedLookup, 0,
           seL4_MissingCapability);
    EQUAL(seL4_GetMR(2), 0);
}

static void retype_9(void)
{
    FAILS2(
        seL4_Untyped_Retype(pool, seL4_EndpointObject, 0, CNODE, 0, 0, 1ul << CONFIG_ROOT_CNODE_SIZE_BITS, 0),
        seL4_RangeError, 0, (1ul << CONFIG_ROOT_CNODE_SIZE_BITS) - 1);
}

static void retype_10(void)
{
    FAILS2(seL4_Untyped_Retype(pool, seL4_EndpointObject, 0, CNODE, 0, 0, slot_new(), 0), seL4_RangeError, 1,
           256);
    FAILS2(seL4_Untyped_Retype(pool, seL4_EndpointObject, 0, CNODE, 0, 0, slot_new(), 257), seL4_RangeError,
           1, 256);
}

static void retype_11(void)
{
    FAILS2(seL4_Untyped_Retype(pool, seL4_EndpointObject, 0, CNODE, 0, 0,
                               (1ul << CONFIG_ROOT_CNODE_SIZE_BITS) - 2, 3),
           seL4_RangeError, 1, 2);
}

static void retype_12(void)
{
    seL4_CPtr first = slot_new(), second = cap_copy(TCB, 15);
    (void)second;
    EQUAL(seL4_Untyped_Retype(pool, seL4_UntypedObject, 38, CNODE, 0, 0, first, 2), seL4_DeleteFirst);
}

static void retype_13(void)
{
    seL4_CPtr small = object_new(seL4_UntypedObject, 12);
    FAILS1(seL4_Untyped_Retype(small, seL4_RISCV_4K_Page, 0, CNODE, 0, 0, slot_new(), 2),
           seL4_NotEnoughMemory, 4096);
    OK(seL4_Untyped_Retype(small, seL4_EndpointObject, 0, CNODE, 0, 0, slot_new(), 1));
    FAILS1(seL4_Untyped_Retype(small, seL4_RISCV_4K_Page, 0, CNODE, 0, 0, slot_new(), 1),
           seL4_NotEnoughMemory, 4080);
}

static void retype_14(void)
{
    static const u8 types[] = {seL4_TCBObject, seL4_EndpointObject, seL4_NotificationObject,
                               seL4_CapTableObject, seL4_RISCV_PageTableObject};
    for (u32 i = 0; i < ARRAY_SIZE(types); i++)
        FAILS1(seL4_Untyped_Retype(info->untyped.start, types[i], 1, CNODE, 0, 0, slot_new(), 1),
               seL4_InvalidArgument, 1);
}

const struct test memory_rows[] = {
    {"6.2 Retype makes every type of object", retype_ok},
    {"6.2 Retype 1: another label", retype_1},
    {"6.2 Retype 2: message too short, no cap", retype_2},
    {"6.2 Retype 3: no such type", retype_3},
    {"6.2 Retype 4: size out of range", retype_4},
    {"6.2 Retype 5: a CNode of no slots", retype_5},
    {"6.2 Retype 6: an untyped too small", retype_6},
    {"6.2 Retype 7: the destination is not found", retype_7},
    {"6.2 Retype 8: the destination is no CNode", retype_8},
    {"6.2 Retype 9: offset out of range", retype_9},
    {"6.2 Retype 10: count out of range", retype_10},
    {"6.2 Retype 11: the window leaves the CNode", retype_11},
    {"6.2 Retype 12: a slot is occupied", retype_12},
    {"6.2 Retype 13: not enough memory", retype_13},
    {"6.2 Retype 14: a kernel object in device memory", retype_14},
    {NULL, NULL},
};
