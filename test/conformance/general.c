/* Rules that hold for every system call and invocation: sections 3, 6.0, 8 to 10 of the sheet. The names say
 * section and row. */
#include "test/conformance/conformance.h"

#define BAD_CPTR (1ul << 40)
#define NOWHERE  0x3cba987650ul

static void call_with_cap(u64 cptr, u64 b)
{
    (void)b;
    seL4_Call(cptr, seL4_MessageInfo_new(0, 0, 1, 0));
    helper_stop();
}

static void call_length(u64 cptr, u64 length)
{
    register u64 a0 __asm__("a0") = cptr;
    register u64 a1 __asm__("a1") = length;
    register u64 a7 __asm__("a7") = (u64)seL4_SysCall;
    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a7) : "memory", "a2", "a3", "a4", "a5");
    helper_stop();
}

static void store_to(u64 address, u64 b)
{
    (void)b;
    *(volatile u64 *)address = 1;
    helper_stop();
}

/* How many of the temporary and argument registers a system call without results changes. */
static u64 registers_changed(long number, u64 cptr)
{
    u64 changed;

    __asm__ volatile(
        "mv a0, %1\nli a1, 0\nli a2, 12\nli a3, 13\nli a4, 14\nli a5, 15\nli a6, 16\nmv a7, %2\n"
        "li t1, 6\nli t2, 7\nli t3, 28\nli t4, 29\nli t5, 30\nli t6, 31\n"
        "ecall\n"
        "li %0, 0\nsub a0, a0, %1\nsnez a0, a0\nadd %0, %0, a0\nsnez a1, a1\nadd %0, %0, a1\n"
        "addi a2, a2, -12\nsnez a2, a2\nadd %0, %0, a2\naddi a3, a3, -13\nsnez a3, a3\nadd %0, %0, a3\n"
        "addi a4, a4, -14\nsnez a4, a4\nadd %0, %0, a4\naddi a5, a5, -15\nsnez a5, a5\nadd %0, %0, a5\n"
        "addi a6, a6, -16\nsnez a6, a6\nadd %0, %0, a6\nsub a7, a7, %2\nsnez a7, a7\nadd %0, %0, a7\n"
        "addi t1, t1, -6\nsnez t1, t1\nadd %0, %0, t1\naddi t2, t2, -7\nsnez t2, t2\nadd %0, %0, t2\n"
        "addi t3, t3, -28\nsnez t3, t3\nadd %0, %0, t3\naddi t4, t4, -29\nsnez t4, t4\nadd %0, %0, t4\n"
        "addi t5, t5, -30\nsnez t5, t5\nadd %0, %0, t5\naddi t6, t6, -31\nsnez t6, t6\nadd %0, %0, t6\n"
        : "=&r"(changed)
        : "r"(cptr), "r"(number)
        : "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "t1", "t2", "t3", "t4", "t5", "t6", "memory");
    return changed;
}

static void empty_slot(void)
{
    FAILS1(sel4_invoke(slot_new(), 0, 0, 0, 0, 0, 0, 0), seL4_InvalidCapability, 0);
}

static void unknown_labels(void)
{
    static const u64 caps[] = {TCB,
                               CNODE,
                               VSPACE,
                               seL4_CapIRQControl,
                               seL4_CapASIDControl,
                               seL4_CapInitThreadASIDPool,
                               seL4_CapDomain,
                               seL4_CapInitThreadIPCBuffer};
    seL4_CPtr handler = slot_new();
    for (u32 i = 0; i < ARRAY_SIZE(caps); i++) {
        EQUAL(sel4_invoke(caps[i], 0, 0, 0, 0, 0, 0, 0), seL4_IllegalOperation);
        EQUAL(sel4_invoke(caps[i], nInvocationLabels, 0, 0, 0, 0, 0, 0), seL4_IllegalOperation);
        EQUAL(sel4_invoke(caps[i], caps[i] == TCB ? UntypedRetype : TCBSuspend, 0, 0, 0, 0, 0, 0),
              seL4_IllegalOperation);
    }
    OK(seL4_IRQControl_Get(seL4_CapIRQControl, IRQ_UNUSED, CNODE, handler, 64));
    EQUAL(sel4_invoke(handler, TCBSuspend, 0, 0, 0, 0, 0, 0), seL4_IllegalOperation);
}

static void bad_extra(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    struct helper *helper = helper_new(0, 254, endpoint);
    helper->buffer->caps_or_badges[0] = BAD_CPTR;
    helper_start(helper, call_with_cap, slot_new(), 0);
    EQUAL(seL4_MessageInfo_get_label(seL4_Recv(endpoint, NULL)), seL4_Fault_CapFault);
    EQUAL(seL4_GetMR(seL4_CapFault_Addr), BAD_CPTR);
    EQUAL(seL4_GetMR(seL4_CapFault_InRecvPhase), 0);
}

static void no_buffer(void)
{
    struct helper *helper = helper_new(0, 254, 0);
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    OK(seL4_TCB_SetIPCBuffer(helper->tcb, 0, CNODE));
    helper_start(helper, call_length, endpoint, 20);
    EQUAL(seL4_MessageInfo_get_length(seL4_Recv(endpoint, NULL)), 4);
}

static void quiet_send(void)
{
    seL4_CPtr a = slot_new();
    seL4_Send(CNODE, seL4_MessageInfo_new(99, 0, 0, 0));
    seL4_NBSend(CNODE, seL4_MessageInfo_new(CNodeDelete, 0, 0, 1));
    a = cap_copy(TCB, 15);
    seL4_SetMR(0, a);
    seL4_SetMR(1, 64);
    seL4_Send(CNODE, seL4_MessageInfo_new(CNodeDelete, 0, 0, 2));
    CHECK(slot_is_empty(a));
}

static void slot_delete_1(void)
{
    EQUAL(sel4_invoke(TCB, CNodeDelete, 0, 2, 1, 64, 0, 0), seL4_IllegalOperation);
}

static void slot_delete_2(void)
{
    FAILS2(seL4_CNode_Delete(CNODE, 1, 0), seL4_RangeError, 1, 64);
    FAILS2(seL4_CNode_Delete(CNODE, 1, 65), seL4_RangeError, 1, 64);
}

static void slot_delete_3(void)
{
    FAILS2(seL4_CNode_Delete(CNODE, 1, 13), seL4_FailedLookup, 0, seL4_GuardMismatch);
    EQUAL(seL4_GetMR(2), 13);
    EQUAL(seL4_GetMR(3), 0);
    EQUAL(seL4_GetMR(4), 51);
    seL4_CPtr small = object_new(seL4_CapTableObject, 4);
    FAILS2(seL4_CNode_Delete(small, 1, 3), seL4_FailedLookup, 0, seL4_DepthMismatch);
    EQUAL(seL4_GetMR(2), 3);
    EQUAL(seL4_GetMR(3), 4);
}

static void slot_delete_4(void)
{
    seL4_CPtr small = object_new(seL4_CapTableObject, 4);
    OK(seL4_CNode_Copy(small, 3, 4, CNODE, TCB, 64, seL4_AllRights));
    FAILS2(seL4_CNode_Delete(small, 0x30, 8), seL4_FailedLookup, 0, seL4_DepthMismatch);
    EQUAL(seL4_GetMR(2), 4);
    EQUAL(seL4_GetMR(3), 0);
}

static void slot_retype_1(void)
{
    FAILS2(seL4_Untyped_Retype(pool, seL4_EndpointObject, 0, TCB, 1, 64, 0, 1), seL4_FailedLookup, 0,
           seL4_InvalidRoot);
}

static void slot_retype_2(void)
{
    FAILS2(seL4_Untyped_Retype(pool, seL4_EndpointObject, 0, CNODE, 1, 65, 0, 1), seL4_RangeError, 1, 64);
}

static void slot_retype_3(void)
{
    FAILS2(seL4_Untyped_Retype(pool, seL4_EndpointObject, 0, CNODE, 1, 13, 0, 1), seL4_FailedLookup, 0,
           seL4_GuardMismatch);
    EQUAL(seL4_GetMR(2), 13);
    EQUAL(seL4_GetMR(3), 0);
    EQUAL(seL4_GetMR(4), 51);
    seL4_CPtr small = object_new(seL4_CapTableObject, 4);
    FAILS2(seL4_Untyped_Retype(pool, seL4_EndpointObject, 0, small, 1, 3, 0, 1), seL4_FailedLookup, 0,
           seL4_DepthMismatch);
    EQUAL(seL4_GetMR(2), 3);
    EQUAL(seL4_GetMR(3), 4);
}

static void slot_retype_4(void)
{
    seL4_CPtr small = object_new(seL4_CapTableObject, 4);
    OK(seL4_CNode_Copy(small, 3, 4, CNODE, TCB, 64, seL4_AllRights));
    FAILS2(seL4_Untyped_Retype(pool, seL4_EndpointObject, 0, small, 0x30, 8, 0, 1), seL4_FailedLookup, 0,
           seL4_DepthMismatch);
    EQUAL(seL4_GetMR(2), 4);
    EQUAL(seL4_GetMR(3), 0);
}

static void slot_source_1(void)
{
    FAILS2(seL4_CNode_Copy(CNODE, slot_new(), 64, TCB, 1, 64, seL4_AllRights), seL4_FailedLookup, 1,
           seL4_InvalidRoot);
}

static void slot_source_2(void)
{
    FAILS2(seL4_CNode_Copy(CNODE, slot_new(), 64, CNODE, 1, 0, seL4_AllRights), seL4_RangeError, 1, 64);
    FAILS2(seL4_CNode_Copy(CNODE, slot_new(), 64, CNODE, 1, 65, seL4_AllRights), seL4_RangeError, 1, 64);
}

static void slot_source_3(void)
{
    FAILS2(seL4_CNode_Copy(CNODE, slot_new(), 64, CNODE, 1, 13, seL4_AllRights), seL4_FailedLookup, 1,
           seL4_GuardMismatch);
    EQUAL(seL4_GetMR(2), 13);
    EQUAL(seL4_GetMR(3), 0);
    EQUAL(seL4_GetMR(4), 51);
    seL4_CPtr small = object_new(seL4_CapTableObject, 4);
    FAILS2(seL4_CNode_Copy(CNODE, slot_new(), 64, small, 1, 3, seL4_AllRights), seL4_FailedLookup, 1,
           seL4_DepthMismatch);
    EQUAL(seL4_GetMR(2), 3);
    EQUAL(seL4_GetMR(3), 4);
}

static void slot_source_4(void)
{
    seL4_CPtr small = object_new(seL4_CapTableObject, 4);
    OK(seL4_CNode_Copy(small, 3, 4, CNODE, TCB, 64, seL4_AllRights));
    FAILS2(seL4_CNode_Copy(CNODE, slot_new(), 64, small, 0x30, 8, seL4_AllRights), seL4_FailedLookup, 1,
           seL4_DepthMismatch);
    EQUAL(seL4_GetMR(2), 4);
    EQUAL(seL4_GetMR(3), 0);
}

static void fifo(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    for (u64 i = 0; i < 3; i++) {
        struct helper *helper = helper_new((u32)i, 110 + i, 0);
        seL4_CPtr badged = cap_mint(endpoint, 15, i + 1);
        helper_start(helper, call_length, badged, 0);
        seL4_TCB_SetPriority(TCB, TCB, 100);
        seL4_TCB_SetPriority(TCB, TCB, 255);
    }
    for (u64 i = 0; i < 3; i++) {
        seL4_Word badge;
        seL4_Recv(endpoint, &badge);
        EQUAL(badge, i + 1);
    }
}

static void recv_drops(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0),
              notification = object_new(seL4_NotificationObject, 0), saved = slot_new();
    struct helper *helper = helper_new(0, 254, 0);
    helper_start(helper, call_length, endpoint, 0);
    seL4_Recv(endpoint, NULL);
    seL4_Signal(notification);
    seL4_Wait(notification, NULL);
    seL4_NBRecv(endpoint, NULL);
    OK(seL4_CNode_SaveCaller(CNODE, saved, 64));
    CHECK(slot_is_empty(saved));
    OK(seL4_TCB_Resume(helper->tcb));
    seL4_Recv(endpoint, NULL);
    seL4_Signal(notification);
    seL4_Wait(notification, NULL);
    OK(seL4_CNode_SaveCaller(CNODE, saved, 64));
    EQUAL(seL4_DebugCapIdentify(saved), 8);
}

static void handler_rights(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    static const u8 rights[] = {1, 2, 14, 5, 9};
    for (u32 i = 0; i < ARRAY_SIZE(rights); i++) {
        struct helper *helper = helper_new(i, 254, cap_mint(endpoint, rights[i], 6));
        seL4_Word badge = 0;
        helper_start(helper, store_to, NOWHERE, 0);
        seL4_TCB_SetPriority(TCB, TCB, 100);
        seL4_TCB_SetPriority(TCB, TCB, 255);
        seL4_NBRecv(endpoint, &badge);
        EQUAL(badge, i < 3 ? 0 : 6);
        if (badge == 0) {
            /* It has stopped; resumed, it makes the store that failed. */
            seL4_CPtr frame = page_new(VSPACE, round_down(NOWHERE, PAGE_SIZE));
            EQUAL(*(volatile u64 *)NOWHERE, 0);
            OK(seL4_TCB_Resume(helper->tcb));
            let_run();
            EQUAL(*(volatile u64 *)NOWHERE, 1);
            OK(seL4_CNode_Delete(CNODE, frame, 64));
        }
        OK(seL4_TCB_Suspend(helper->tcb));
    }
}

static void sc_dropped(void)
{
    u64 word = 1, failed_store;
    __asm__ volatile("lr.d t0, (%1)\nli a7, -7\necall\nsc.d %0, t0, (%1)"
                     : "=&r"(failed_store)
                     : "r"(&word)
                     : "t0", "a7", "memory");
    CHECK(failed_store);
}

static void registers_kept(void)
{
    seL4_CPtr notification = object_new(seL4_NotificationObject, 0);
    static const long calls[] = {seL4_SysYield, seL4_SysSend, seL4_SysNBSend, seL4_SysReply};
    for (u32 i = 0; i < ARRAY_SIZE(calls); i++)
        EQUAL(registers_changed(calls[i], notification), 0);
}

const struct test general_rows[] = {
    {"6.0 an empty slot is no capability", empty_slot},
    {"6.0 labels of other objects are illegal on each", unknown_labels},
    {"6.0 a bad extra cap faults before the object is looked at", bad_extra},
    {"6.0 without a buffer messages are cut to four words", no_buffer},
    {"6.0 a Send or NBSend of an invocation drops its error and does its work", quiet_send},
    {"6.0 SLOT 1 in CNode Delete: the root is no CNode", slot_delete_1},
    {"6.0 SLOT 2 in CNode Delete: depth out of range", slot_delete_2},
    {"6.0 SLOT 3 in CNode Delete: the path does not resolve", slot_delete_3},
    {"6.0 SLOT 4 in CNode Delete: the path ends early", slot_delete_4},
    {"6.0 SLOT 1 in Retype: the root is no CNode", slot_retype_1},
    {"6.0 SLOT 2 in Retype: depth out of range", slot_retype_2},
    {"6.0 SLOT 3 in Retype: the path does not resolve", slot_retype_3},
    {"6.0 SLOT 4 in Retype: the path ends early", slot_retype_4},
    {"6.0 SLOT 1 in the source of a Copy: the root is no CNode", slot_source_1},
    {"6.0 SLOT 2 in the source of a Copy: depth out of range", slot_source_2},
    {"6.0 SLOT 3 in the source of a Copy: the path does not resolve", slot_source_3},
    {"6.0 SLOT 4 in the source of a Copy: the path ends early", slot_source_4},
    {"9.1 an endpoint serves in the order of arrival, whatever the priorities", fifo},
    {"8.6 receiving gives up the last caller, waiting on a notification does not", recv_drops},
    {"9.6 a fault handler needs the right to write and to be replied to", handler_rights},
    {"10.8 a reservation does not survive a system call", sc_dropped},
    {"3.1 Yield, Send and Signal leave every register alone", registers_kept},
    {NULL, NULL},
};
