/* Each error and the success of each invocation of threads. The names say section and row. */
#include "test/conformance/conformance.h"

static void wait_for(u64 cptr, u64 b)
{
    (void)b;
    seL4_Wait(cptr, NULL);
    helper_stop();
}

static void read_1(void)
{
    seL4_CPtr tcb = object_new(seL4_TCBObject, 0);
    seL4_UserContext context;
    EQUAL(sel4_invoke(tcb, TCBReadRegisters, 0, 1, 0, 1, 0, 0), seL4_TruncatedMessage);
    FAILS2(seL4_TCB_ReadRegisters(tcb, 0, 0, 0, &context), seL4_RangeError, 1, 32);
    FAILS2(seL4_TCB_ReadRegisters(tcb, 0, 0, 33, &context), seL4_RangeError, 1, 32);
    EQUAL(seL4_TCB_ReadRegisters(cap_copy(TCB, 15), 0, 0, 1, &context), seL4_IllegalOperation);
}

static void write_1(void)
{
    seL4_CPtr tcb = object_new(seL4_TCBObject, 0);
    seL4_UserContext context = {0};
    EQUAL(sel4_invoke(tcb, TCBWriteRegisters, 0, 1, 0, 0, 0, 0), seL4_TruncatedMessage);
    EQUAL(sel4_invoke(tcb, TCBWriteRegisters, 0, 4, 0, 3, 0, 0), seL4_TruncatedMessage);
    EQUAL(seL4_TCB_WriteRegisters(TCB, 0, 0, 1, &context), seL4_IllegalOperation);
    OK(sel4_invoke(tcb, TCBWriteRegisters, 0, 2, 0, 0, 0, 0));
}

static void write_40(void)
{
    seL4_CPtr tcb = object_new(seL4_TCBObject, 0);
    for (int i = 2; i < 42; i++)
        seL4_SetMR(i, 5);
    OK(sel4_invoke(tcb, TCBWriteRegisters, 0, 42, 0, 40, 5, 5));
    seL4_UserContext context;
    OK(seL4_TCB_ReadRegisters(tcb, 0, 0, 32, &context));
    EQUAL(context.pc, 5);
    EQUAL(context.tp, 5);
}

static void copy_regs(void)
{
    seL4_CPtr tcb = object_new(seL4_TCBObject, 0);
    seL4_CPtr other = object_new(seL4_TCBObject, 0);
    seL4_UserContext context = {.pc = 8, .ra = 1, .a0 = 2, .tp = 3};
    EQUAL(sel4_invoke(tcb, TCBCopyRegisters, 0, 1, 0, 0, 0, 0), seL4_TruncatedMessage);
    seL4_SetCap(0, other);
    EQUAL(sel4_invoke(tcb, TCBCopyRegisters, 1, 0, 0, 0, 0, 0), seL4_TruncatedMessage);
    FAILS1(seL4_TCB_CopyRegisters(tcb, CNODE, 0, 0, 1, 1, 0), seL4_InvalidCapability, 1);
    OK(seL4_TCB_WriteRegisters(other, 0, 0, 32, &context));
    OK(seL4_TCB_CopyRegisters(tcb, other, 0, 0, 1, 0, 0));
    OK(seL4_TCB_ReadRegisters(tcb, 0, 0, 32, &context));
    EQUAL(context.pc, 8);
    EQUAL(context.ra, 1);
    EQUAL(context.a0, 0);
    OK(seL4_TCB_CopyRegisters(tcb, other, 0, 0, 0, 1, 0));
    OK(seL4_TCB_ReadRegisters(tcb, 0, 0, 32, &context));
    EQUAL(context.a0, 2);
    EQUAL(context.tp, 3);
}

static void configure_1(void)
{
    seL4_CPtr tcb = object_new(seL4_TCBObject, 0);
    seL4_SetCap(0, CNODE);
    seL4_SetCap(1, VSPACE);
    EQUAL(sel4_invoke(tcb, TCBConfigure, 3, 3, 0, 0, 0, 0), seL4_TruncatedMessage);
    EQUAL(sel4_invoke(tcb, TCBConfigure, 2, 4, 0, 0, 0, 0), seL4_TruncatedMessage);
}

static void configure_2(void)
{
    seL4_CPtr tcb = object_new(seL4_TCBObject, 0);
    seL4_CPtr device = slot_new(), table = object_new(seL4_RISCV_PageTableObject, 0);
    EQUAL(seL4_TCB_Configure(tcb, 0, TCB, 0, VSPACE, 0, 8, table), seL4_IllegalOperation);
    EQUAL(seL4_TCB_Configure(tcb, 0, TCB, 0, VSPACE, 0, 8, CNODE), seL4_IllegalOperation);
    OK(seL4_Untyped_Retype(info->untyped.start, seL4_RISCV_4K_Page, 0, CNODE, 0, 0, device, 1));
    EQUAL(seL4_TCB_Configure(tcb, 0, TCB, 0, VSPACE, 0, 8, device), seL4_IllegalOperation);
    EQUAL(seL4_TCB_Configure(tcb, 0, TCB, 0, VSPACE, 0, 8, object_new(seL4_RISCV_4K_Page, 0)),
          seL4_AlignmentError);
    OK(seL4_CNode_Delete(CNODE, device, 64));
}

static void configure_3(void)
{
    seL4_CPtr tcb = object_new(seL4_TCBObject, 0);
    seL4_CPtr table = object_new(seL4_RISCV_PageTableObject, 0);
    EQUAL(seL4_TCB_Configure(tcb, 0, TCB, 0, VSPACE, 0, 0, 0), seL4_IllegalOperation);
    EQUAL(seL4_TCB_Configure(tcb, 0, CNODE, 0, CNODE, 0, 0, 0), seL4_IllegalOperation);
    EQUAL(seL4_TCB_Configure(tcb, 0, CNODE, 0, table, 0, 0, 0), seL4_IllegalOperation);
    EQUAL(seL4_TCB_Configure(tcb, 0, CNODE, 63, VSPACE, 0, 0, 0), seL4_IllegalOperation);
    OK(seL4_TCB_Configure(tcb, 0, CNODE, 0, VSPACE, 0, 0, 0));
}

static void configure_busy(void)
{
    seL4_CPtr tcb = object_new(seL4_TCBObject, 0);
    seL4_CPtr cnode = object_new(seL4_CapTableObject, 4);
    OK(seL4_TCB_SetSpace(tcb, 0, cnode, 0, VSPACE, 0));
    OK(seL4_CNode_Delete(CNODE, cnode, 64));
    EQUAL(seL4_TCB_SetSpace(tcb, 0, CNODE, 0, VSPACE, 0), seL4_IllegalOperation);
    EQUAL(seL4_TCB_Configure(tcb, 0, CNODE, 0, VSPACE, 0, 0, 0), seL4_IllegalOperation);
}

static void set_priority(void)
{
    seL4_CPtr tcb = object_new(seL4_TCBObject, 0);
    EQUAL(sel4_invoke(tcb, TCBSetPriority, 0, 1, 1, 0, 0, 0), seL4_TruncatedMessage);
    seL4_SetCap(0, TCB);
    EQUAL(sel4_invoke(tcb, TCBSetPriority, 1, 0, 1, 0, 0, 0), seL4_TruncatedMessage);
    FAILS1(seL4_TCB_SetPriority(tcb, CNODE, 1), seL4_InvalidCapability, 1);
    FAILS2(seL4_TCB_SetPriority(tcb, TCB, 256), seL4_RangeError, 0, 255);
    OK(seL4_TCB_SetMCPriority(tcb, TCB, 7));
    FAILS2(seL4_TCB_SetPriority(tcb, tcb, 8), seL4_RangeError, 0, 7);
    OK(seL4_TCB_SetPriority(tcb, tcb, 7));
}

static void set_mcpriority(void)
{
    seL4_CPtr tcb = object_new(seL4_TCBObject, 0);
    EQUAL(sel4_invoke(tcb, TCBSetMCPriority, 0, 1, 1, 0, 0, 0), seL4_TruncatedMessage);
    seL4_SetCap(0, TCB);
    EQUAL(sel4_invoke(tcb, TCBSetMCPriority, 1, 0, 1, 0, 0, 0), seL4_TruncatedMessage);
    FAILS1(seL4_TCB_SetMCPriority(tcb, CNODE, 1), seL4_InvalidCapability, 1);
    FAILS2(seL4_TCB_SetMCPriority(tcb, TCB, 256), seL4_RangeError, 0, 255);
    OK(seL4_TCB_SetMCPriority(tcb, TCB, 7));
    FAILS2(seL4_TCB_SetMCPriority(tcb, tcb, 8), seL4_RangeError, 0, 7);
    OK(seL4_TCB_SetMCPriority(tcb, tcb, 7));
}

static void set_sched(void)
{
    seL4_CPtr tcb = object_new(seL4_TCBObject, 0);
    EQUAL(sel4_invoke(tcb, TCBSetSchedParams, 0, 2, 1, 1, 0, 0), seL4_TruncatedMessage);
    seL4_SetCap(0, TCB);
    EQUAL(sel4_invoke(tcb, TCBSetSchedParams, 1, 1, 1, 1, 0, 0), seL4_TruncatedMessage);
    FAILS1(seL4_TCB_SetSchedParams(tcb, CNODE, 1, 1), seL4_InvalidCapability, 1);
    FAILS2(seL4_TCB_SetSchedParams(tcb, TCB, 256, 1), seL4_RangeError, 0, 255);
    FAILS2(seL4_TCB_SetSchedParams(tcb, TCB, 1, 256), seL4_RangeError, 0, 255);
    OK(seL4_TCB_SetSchedParams(tcb, TCB, 1, 2));
    FAILS2(seL4_TCB_SetSchedParams(tcb, tcb, 1, 2), seL4_RangeError, 0, 1);
}

static void set_buffer(void)
{
    seL4_CPtr tcb = object_new(seL4_TCBObject, 0);
    EQUAL(sel4_invoke(tcb, TCBSetIPCBuffer, 0, 1, 0, 0, 0, 0), seL4_TruncatedMessage);
    seL4_SetCap(0, TCB);
    EQUAL(sel4_invoke(tcb, TCBSetIPCBuffer, 1, 0, 0, 0, 0, 0), seL4_TruncatedMessage);
    EQUAL(seL4_TCB_SetIPCBuffer(tcb, 1024, CNODE), seL4_IllegalOperation);
    EQUAL(seL4_TCB_SetIPCBuffer(tcb, 1000, object_new(seL4_RISCV_4K_Page, 0)), seL4_AlignmentError);
    OK(seL4_TCB_SetIPCBuffer(tcb, 0, CNODE));
}

static void set_space(void)
{
    seL4_CPtr tcb = object_new(seL4_TCBObject, 0);
    seL4_SetCap(0, CNODE);
    seL4_SetCap(1, VSPACE);
    EQUAL(sel4_invoke(tcb, TCBSetSpace, 2, 2, 0, 0, 0, 0), seL4_TruncatedMessage);
    EQUAL(sel4_invoke(tcb, TCBSetSpace, 1, 3, 0, 0, 0, 0), seL4_TruncatedMessage);
    EQUAL(seL4_TCB_SetSpace(tcb, 0, VSPACE, 0, VSPACE, 0), seL4_IllegalOperation);
    EQUAL(seL4_TCB_SetSpace(tcb, 0, CNODE, 0, CNODE, 0), seL4_IllegalOperation);
    OK(seL4_TCB_SetSpace(tcb, 0, CNODE, 0, VSPACE, 0));
}

static void bind(void)
{
    seL4_CPtr tcb = object_new(seL4_TCBObject, 0);
    seL4_CPtr one = object_new(seL4_NotificationObject, 0), two = object_new(seL4_NotificationObject, 0),
              other = object_new(seL4_TCBObject, 0);
    struct helper *helper = helper_new(0, 254, 0);
    EQUAL(sel4_invoke(tcb, TCBBindNotification, 0, 0, 0, 0, 0, 0), seL4_TruncatedMessage);
    EQUAL(seL4_TCB_BindNotification(tcb, object_new(seL4_EndpointObject, 0)), seL4_IllegalOperation);
    EQUAL(seL4_TCB_BindNotification(tcb, cap_copy(one, 1)), seL4_IllegalOperation);
    helper_start(helper, wait_for, two, 0);
    seL4_TCB_SetPriority(TCB, TCB, 100);
    EQUAL(seL4_TCB_BindNotification(tcb, two), seL4_IllegalOperation);
    OK(seL4_TCB_BindNotification(tcb, one));
    EQUAL(seL4_TCB_BindNotification(tcb, one), seL4_IllegalOperation);
    EQUAL(seL4_TCB_BindNotification(other, one), seL4_IllegalOperation);
    OK(seL4_CNode_Revoke(CNODE, one, 64));
    OK(seL4_CNode_Delete(CNODE, one, 64));
    EQUAL(seL4_TCB_UnbindNotification(tcb), seL4_IllegalOperation);
}

static void unbind(void)
{
    seL4_CPtr tcb = object_new(seL4_TCBObject, 0);
    seL4_CPtr notification = object_new(seL4_NotificationObject, 0);
    EQUAL(seL4_TCB_UnbindNotification(tcb), seL4_IllegalOperation);
    OK(seL4_TCB_BindNotification(tcb, notification));
    OK(seL4_TCB_UnbindNotification(tcb));
    OK(seL4_TCB_BindNotification(tcb, notification));
}

static void tls(void)
{
    seL4_CPtr tcb = object_new(seL4_TCBObject, 0);
    seL4_UserContext context;
    EQUAL(sel4_invoke(tcb, TCBSetTLSBase, 0, 0, 0, 0, 0, 0), seL4_TruncatedMessage);
    OK(seL4_TCB_SetTLSBase(tcb, 77));
    OK(seL4_TCB_ReadRegisters(tcb, 0, 0, 32, &context));
    EQUAL(context.tp, 77);
}

static void flags(void)
{
    seL4_CPtr tcb = object_new(seL4_TCBObject, 0);
    EQUAL(sel4_invoke(tcb, TCBSetFlags, 0, 1, 0, 0, 0, 0), seL4_TruncatedMessage);
    EQUAL(seL4_TCB_SetFlags(tcb, 0, 0).flags, 0);
    EQUAL(seL4_TCB_SetFlags(tcb, 0, ~0ul).flags, 1);
    EQUAL(seL4_TCB_SetFlags(tcb, 1, 1).flags, 1);
    EQUAL(seL4_TCB_SetFlags(tcb, 1, 0).flags, 0);
}

static void suspend_resume(void)
{
    seL4_CPtr tcb = object_new(seL4_TCBObject, 0);
    OK(seL4_TCB_Suspend(tcb));
    OK(seL4_TCB_Resume(TCB));
    struct helper *helper = helper_new(0, 100, 0);
    helper_start(helper, wait_for, object_new(seL4_NotificationObject, 0), 0);
    OK(seL4_TCB_Suspend(helper->tcb));
    OK(seL4_TCB_Suspend(helper->tcb));
    OK(seL4_TCB_Resume(helper->tcb));
}

const struct test tcb_rows[] = {
    {"6.4 ReadRegisters: short, count out of range, the caller itself", read_1},
    {"6.4 WriteRegisters: short, shorter than its count, the caller itself", write_1},
    {"6.4 WriteRegisters cuts a count above 32", write_40},
    {"6.4 CopyRegisters: short, no cap, no TCB; groups apart", copy_regs},
    {"6.4 Configure: short, too few caps", configure_1},
    {"6.4 Configure: the buffer comes first: no frame, a device frame, not aligned", configure_2},
    {"6.4 Configure: CSpace and VSpace must be what they are called", configure_3},
    {"6.4 Configure, SetSpace: a target whose CSpace is the last cap to its CNode", configure_busy},
    {"6.4 SetPriority: short, no cap, no TCB, too high, success", set_priority},
    {"6.4 SetMCPriority: short, no cap, no TCB, too high, success", set_mcpriority},
    {"6.4 SetSchedParams: short, no cap, no TCB, either too high, success", set_sched},
    {"6.4 SetIPCBuffer: short, no cap, no frame, not aligned; address 0 needs none", set_buffer},
    {"6.4 SetSpace: short, too few caps, wrong kinds, success", set_space},
    {"6.4 BindNotification: no cap, twice, no notification, no right, waited for or bound", bind},
    {"6.4 UnbindNotification: not bound; success", unbind},
    {"6.4 SetTLSBase: short; success", tls},
    {"6.4 SetFlags: short; clears, then sets, knows one bit", flags},
    {"6.4 Suspend and Resume succeed on any thread", suspend_resume},
    {NULL, NULL},
};
