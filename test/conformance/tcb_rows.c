/* Each condition of the tables of threads, and the success of each of their invocations: section 6.4 of the
 * sheet. The names say invocation and condition, in the order of the sheet. What happens when two conditions
 * hold at once is in order_rows.c; what priorities do is in schedule_rows.c. */
#include "test/conformance/conformance.h"

static seL4_CPtr tcb_new(void)
{
    return object_new(seL4_TCBObject, 0);
}

static seL4_CPtr frame_new(void)
{
    return object_new(seL4_RISCV_4K_Page, 0);
}

/* A frame of device memory, which the test has to delete. */
static seL4_CPtr device_frame_new(void)
{
    seL4_CPtr frame = slot_new();
    OK(seL4_Untyped_Retype(info->untyped.start, seL4_RISCV_4K_Page, 0, CNODE, 0, 0, frame, 1));
    return frame;
}

/* An untyped with a child. */
static seL4_CPtr used_untyped(void)
{
    seL4_CPtr untyped = object_new(seL4_UntypedObject, 12);
    OK(seL4_Untyped_Retype(untyped, seL4_EndpointObject, 0, CNODE, 0, 0, slot_new(), 1));
    return untyped;
}

/* A context with a number of its own in each word. */
static seL4_UserContext numbered(u64 first)
{
    seL4_UserContext context;
    for (u64 i = 0; i < 32; i++)
        ((u64 *)&context)[i] = first + i * 8;
    return context;
}

/* ---- ReadRegisters ------------------------------------------------------------------------------------- */

static void read_success(void)
{
    seL4_CPtr tcb = tcb_new();
    seL4_UserContext context = numbered(0x1000);

    OK(seL4_TCB_WriteRegisters(tcb, 0, 0, 32, &context));
    for (u64 count = 1; count <= 32; count++) {
        seL4_UserContext back = numbered(0x9000);
        OK(seL4_TCB_ReadRegisters(tcb, 0, 0xff, count, &back));
        for (u64 i = 0; i < 32; i++)
            EQUAL(((u64 *)&back)[i], (i < count ? 0x1000 : 0x9000) + i * 8);
    }
}

static void read_short(void)
{
    EQUAL(sel4_invoke(tcb_new(), TCBReadRegisters, 0, 1, 0, 1, 0, 0), seL4_TruncatedMessage);
    EQUAL(sel4_invoke(tcb_new(), TCBReadRegisters, 0, 0, 0, 1, 0, 0), seL4_TruncatedMessage);
}

static void read_none(void)
{
    seL4_UserContext context;
    FAILS2(seL4_TCB_ReadRegisters(tcb_new(), 0, 0, 0, &context), seL4_RangeError, 1, 32);
}

static void read_too_many(void)
{
    seL4_UserContext context;
    FAILS2(seL4_TCB_ReadRegisters(tcb_new(), 0, 0, 33, &context), seL4_RangeError, 1, 32);
}

static void read_self(void)
{
    seL4_UserContext context;
    EQUAL(seL4_TCB_ReadRegisters(TCB, 0, 0, 1, &context), seL4_IllegalOperation);
    EQUAL(seL4_TCB_ReadRegisters(cap_copy(TCB, 0), 0, 0, 1, &context), seL4_IllegalOperation);
}

static void read_suspends(void)
{
    static volatile u64 counter;
    struct helper *helper = helper_new(0, 254, 0);
    seL4_UserContext context;

    OK(seL4_TCB_SetPriority(helper->tcb, TCB, LOW));
    helper_start(helper, enter_spin, (u64)&counter, 0);
    OK(seL4_TCB_SetPriority(TCB, TCB, LOW));
    seL4_Yield();
    u64 before = counter;
    CHECK(before > 0);
    OK(seL4_TCB_ReadRegisters(helper->tcb, 1, 0, 32, &context));
    CHECK(context.pc >= (u64)enter_spin); /* in the midst of it, not at its start */
    before = counter;
    seL4_Yield();
    EQUAL(counter, before);
}

/* ---- WriteRegisters ------------------------------------------------------------------------------------ */

static void write_success(void)
{
    for (u64 count = 0; count <= 32; count++) {
        seL4_CPtr tcb = tcb_new();
        seL4_UserContext context = numbered(0x1000), back;
        OK(seL4_TCB_WriteRegisters(tcb, 0, 0xff, count, &context));
        OK(seL4_TCB_ReadRegisters(tcb, 0, 0, 32, &back));
        for (u64 i = 0; i < 32; i++)
            EQUAL(((u64 *)&back)[i], i < count ? 0x1000 + i * 8 : 0);
    }
}

static void write_short(void)
{
    EQUAL(sel4_invoke(tcb_new(), TCBWriteRegisters, 0, 1, 0, 0, 0, 0), seL4_TruncatedMessage);
}

static void write_shorter_than_count(void)
{
    EQUAL(sel4_invoke(tcb_new(), TCBWriteRegisters, 0, 4, 0, 3, 0, 0), seL4_TruncatedMessage);
    OK(sel4_invoke(tcb_new(), TCBWriteRegisters, 0, 4, 0, 2, 0, 0));
    OK(sel4_invoke(tcb_new(), TCBWriteRegisters, 0, 2, 0, 0, 0, 0));
}

static void write_self(void)
{
    seL4_UserContext context = {0};
    EQUAL(seL4_TCB_WriteRegisters(TCB, 0, 0, 1, &context), seL4_IllegalOperation);
    EQUAL(seL4_TCB_WriteRegisters(cap_copy(TCB, 0), 1, 0, 1, &context), seL4_IllegalOperation);
}

static void write_too_many(void)
{
    seL4_CPtr tcb = tcb_new();
    for (int i = 2; i < 42; i++)
        seL4_SetMR(i, 5);
    OK(sel4_invoke(tcb, TCBWriteRegisters, 0, 42, 0, 40, 5, 5));
    seL4_UserContext context;
    OK(seL4_TCB_ReadRegisters(tcb, 0, 0, 32, &context));
    EQUAL(context.pc, 5);
    EQUAL(context.tp, 5);
}

/* ---- CopyRegisters ------------------------------------------------------------------------------------- */

/* What of numbered() has come to another thread. `frame`: pc to s11; `integer`: a0 to tp. */
static void copy_groups(bool frame, bool integer)
{
    seL4_CPtr from = tcb_new(), to = tcb_new();
    seL4_UserContext context = numbered(0x1000), old = numbered(0x5000), back;

    OK(seL4_TCB_WriteRegisters(from, 0, 0, 32, &context));
    OK(seL4_TCB_WriteRegisters(to, 0, 0, 32, &old));
    OK(seL4_TCB_CopyRegisters(to, from, 0, 0, frame, integer, 0xff));
    OK(seL4_TCB_ReadRegisters(to, 0, 0, 32, &back));
    for (u64 i = 0; i < 32; i++)
        EQUAL(((u64 *)&back)[i], ((i < 16 ? frame : integer) ? 0x1000 : 0x5000) + i * 8);
    OK(seL4_TCB_ReadRegisters(from, 0, 0, 32, &back));
    for (u64 i = 0; i < 32; i++)
        EQUAL(((u64 *)&back)[i], 0x1000 + i * 8);
}

static void copy_nothing(void)
{
    copy_groups(false, false);
}

static void copy_frame(void)
{
    copy_groups(true, false);
}

static void copy_integer(void)
{
    copy_groups(false, true);
}

static void copy_both(void)
{
    copy_groups(true, true);
}

static void copy_short(void)
{
    seL4_SetCap(0, tcb_new());
    EQUAL(sel4_invoke(tcb_new(), TCBCopyRegisters, 1, 0, 0, 0, 0, 0), seL4_TruncatedMessage);
}

static void copy_without_cap(void)
{
    EQUAL(sel4_invoke(tcb_new(), TCBCopyRegisters, 0, 1, 0, 0, 0, 0), seL4_TruncatedMessage);
}

static void copy_from_no_thread(void)
{
    FAILS1(seL4_TCB_CopyRegisters(tcb_new(), CNODE, 0, 0, 1, 1, 0), seL4_InvalidCapability, 1);
    FAILS1(seL4_TCB_CopyRegisters(tcb_new(), slot_new(), 0, 0, 1, 1, 0), seL4_InvalidCapability, 1);
}

/* The source stops, the target goes on with what it got. */
static void copy_suspends_and_resumes(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    struct helper *from = helper_new(0, 254, 0), *to = helper_new(1, 254, 0);

    steps = 0;
    helper_start(from, enter_wait, endpoint, 1);
    let_run();
    OK(seL4_TCB_CopyRegisters(to->tcb, from->tcb, 1, 1, 1, 1, 0));
    let_run(); /* the target waits at the source's call now, with the source's stack, and the source does not
                */
    seL4_NBSend(endpoint, seL4_MessageInfo_new(0, 0, 0, 0));
    let_run();
    EQUAL(steps, 1);
    seL4_NBSend(endpoint, seL4_MessageInfo_new(0, 0, 0, 0));
    let_run();
    EQUAL(steps, 1);
}

static void copy_to_itself(void)
{
    seL4_CPtr tcb = tcb_new();
    seL4_UserContext context = numbered(0x1000), back;

    OK(seL4_TCB_WriteRegisters(tcb, 0, 0, 32, &context));
    OK(seL4_TCB_CopyRegisters(tcb, tcb, 1, 0, 1, 1, 0));
    OK(seL4_TCB_ReadRegisters(tcb, 0, 0, 32, &back));
    for (u64 i = 0; i < 32; i++)
        EQUAL(((u64 *)&back)[i], 0x1000 + i * 8);
}

/* ---- Configure ----------------------------------------------------------------------------------------- */

static void configure_short(void)
{
    seL4_SetCap(0, CNODE);
    seL4_SetCap(1, VSPACE);
    seL4_SetCap(2, CNODE);
    EQUAL(sel4_invoke(tcb_new(), TCBConfigure, 3, 3, 0, 0, 0, 0), seL4_TruncatedMessage);
}

static void configure_too_few_caps(void)
{
    seL4_SetCap(0, CNODE);
    seL4_SetCap(1, VSPACE);
    for (u64 caps = 0; caps < 3; caps++)
        EQUAL(sel4_invoke(tcb_new(), TCBConfigure, caps, 4, 0, 0, 0, 0), seL4_TruncatedMessage);
}

static void configure_buffer_not_derivable(void)
{
    EQUAL(seL4_TCB_Configure(tcb_new(), 0, CNODE, 0, VSPACE, 0, 1024, used_untyped()), seL4_RevokeFirst);
    EQUAL(seL4_TCB_Configure(tcb_new(), 0, CNODE, 0, VSPACE, 0, 1024,
                             object_new(seL4_RISCV_PageTableObject, 0)),
          seL4_IllegalOperation);
}

static void configure_buffer_no_frame(void)
{
    EQUAL(seL4_TCB_Configure(tcb_new(), 0, CNODE, 0, VSPACE, 0, 1024, CNODE), seL4_IllegalOperation);
    EQUAL(seL4_TCB_Configure(tcb_new(), 0, CNODE, 0, VSPACE, 0, 1024, slot_new()), seL4_IllegalOperation);
    EQUAL(seL4_TCB_Configure(tcb_new(), 0, CNODE, 0, VSPACE, 0, 1024, seL4_CapIRQControl),
          seL4_IllegalOperation);
}

static void configure_buffer_device(void)
{
    seL4_CPtr device = device_frame_new();
    EQUAL(seL4_TCB_Configure(tcb_new(), 0, CNODE, 0, VSPACE, 0, 1024, device), seL4_IllegalOperation);
    OK(seL4_CNode_Delete(CNODE, device, 64));
}

static void configure_buffer_alignment(void)
{
    for (u64 bit = 1; bit < 1024; bit *= 2)
        EQUAL(seL4_TCB_Configure(tcb_new(), 0, CNODE, 0, VSPACE, 0, 4096 + bit, frame_new()),
              seL4_AlignmentError);
    OK(seL4_TCB_Configure(tcb_new(), 0, CNODE, 0, VSPACE, 0, 4096 + 1024, frame_new()));
}

/* A target whose CSpace slot holds the last cap to its CNode. */
static seL4_CPtr busy_tcb(void)
{
    seL4_CPtr tcb = tcb_new(), cnode = object_new(seL4_CapTableObject, 4);

    OK(seL4_TCB_SetSpace(tcb, 0, cnode, 0, VSPACE, 0));
    OK(seL4_TCB_SetSpace(tcb, 0, cnode, 0, VSPACE, 0)); /* while there is another cap, it may be replaced */
    OK(seL4_CNode_Delete(CNODE, cnode, 64));
    return tcb;
}

static void configure_busy(void)
{
    EQUAL(seL4_TCB_Configure(busy_tcb(), 0, CNODE, 0, VSPACE, 0, 0, CNODE), seL4_IllegalOperation);
}

static void configure_cspace_not_derivable(void)
{
    EQUAL(seL4_TCB_Configure(tcb_new(), 0, used_untyped(), 0, VSPACE, 0, 0, CNODE), seL4_RevokeFirst);
}

static void configure_cspace_no_cnode(void)
{
    EQUAL(seL4_TCB_Configure(tcb_new(), 0, TCB, 0, VSPACE, 0, 0, CNODE), seL4_IllegalOperation);
    EQUAL(seL4_TCB_Configure(tcb_new(), 0, slot_new(), 0, VSPACE, 0, 0, CNODE), seL4_IllegalOperation);
    EQUAL(seL4_TCB_Configure(tcb_new(), 0, seL4_CapIRQControl, 0, VSPACE, 0, 0, CNODE),
          seL4_IllegalOperation);
}

/* A guard that does not fit makes no CNode of it; a data word of 0 leaves the guard that is there. */
static void configure_cspace_guard(void)
{
    EQUAL(seL4_TCB_Configure(tcb_new(), 0, CNODE, 63, VSPACE, 0, 0, CNODE), seL4_IllegalOperation);
    OK(seL4_TCB_Configure(tcb_new(), 0, CNODE, 51, VSPACE, 0, 0, CNODE));
    OK(seL4_TCB_Configure(tcb_new(), 0, CNODE, 0, VSPACE, 0, 0, CNODE));
}

static void configure_vspace_not_derivable(void)
{
    EQUAL(seL4_TCB_Configure(tcb_new(), 0, CNODE, 0, used_untyped(), 0, 0, CNODE), seL4_RevokeFirst);
}

static void configure_vspace_no_space(void)
{
    EQUAL(seL4_TCB_Configure(tcb_new(), 0, CNODE, 0, CNODE, 0, 0, CNODE), seL4_IllegalOperation);
    EQUAL(seL4_TCB_Configure(tcb_new(), 0, CNODE, 0, slot_new(), 0, 0, CNODE), seL4_IllegalOperation);
    EQUAL(seL4_TCB_Configure(tcb_new(), 0, CNODE, 0, object_new(seL4_RISCV_PageTableObject, 0), 0, 0, CNODE),
          seL4_IllegalOperation);
}

static void configure_success(void)
{
    OK(seL4_TCB_Configure(tcb_new(), ~0ul, CNODE, 0, VSPACE, ~0ul, 0, used_untyped()));
    OK(seL4_TCB_Configure(tcb_new(), 0, CNODE, 0, VSPACE, 0, 1024, frame_new()));
}

/* A refused Configure has changed nothing: the thread keeps its handler, spaces and buffer. */
static void configure_refused(void)
{
    seL4_CPtr fault = object_new(seL4_EndpointObject, 0);
    struct helper *helper = helper_new(0, 254, fault);

    EQUAL(seL4_TCB_Configure(helper->tcb, 0, CNODE, 0, CNODE, 0, 4096, frame_new()), seL4_IllegalOperation);
    EQUAL(seL4_TCB_Configure(helper->tcb, 0, TCB, 0, VSPACE, 0, 0, CNODE), seL4_IllegalOperation);
    helper->buffer->msg[0] = TCB;
    helper_start(helper, enter_call_with_caps, fault, 1);
    EQUAL(seL4_MessageInfo_get_label(seL4_Recv(fault, NULL)), 0);
    helper_start(helper, enter_wait, slot_new(), 0);
    EQUAL(seL4_MessageInfo_get_label(seL4_Recv(fault, NULL)), seL4_Fault_CapFault);
}

/* The buffer is the frame, at the offset of the address: where that is mapped does not matter. */
static void configure_buffer_offset(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    struct helper *helper = helper_new(0, 254, 0);

    OK(seL4_TCB_Configure(helper->tcb, 0, CNODE, 0, VSPACE, 0, 0x7777000 + 2 * 1024, helper->buffer_frame));
    helper->block[0] += 2 * 1024;
    for (u64 i = 0; i < 6; i++)
        ((seL4_IPCBuffer *)helper->block[0])->msg[i] = 0x600 + i;
    helper_start(helper, enter_call_with_caps, endpoint, 0);
    seL4_Recv(endpoint, NULL);
    for (int i = 0; i < 6; i++)
        seL4_SetMR(i, 0x700 + (u64)i);
    seL4_Reply(seL4_MessageInfo_new(0, 0, 0, 6));
    let_run();
    EQUAL(((seL4_IPCBuffer *)helper->block[0])->msg[5], 0x705);
}

/* ---- Priorities ---------------------------------------------------------------------------------------- */

static void priority_short(u64 label, u64 length)
{
    seL4_SetCap(0, TCB);
    EQUAL(sel4_invoke(tcb_new(), label, 1, length - 1, 1, 1, 0, 0), seL4_TruncatedMessage);
}

static void priority_without_cap(u64 label, u64 length)
{
    EQUAL(sel4_invoke(tcb_new(), label, 0, length, 1, 1, 0, 0), seL4_TruncatedMessage);
}

static void priority_no_thread(u64 label, u64 length)
{
    seL4_SetCap(0, CNODE);
    FAILS1(sel4_invoke(tcb_new(), label, 1, length, 1, 1, 0, 0), seL4_InvalidCapability, 1);
    seL4_SetCap(0, slot_new());
    FAILS1(sel4_invoke(tcb_new(), label, 1, length, 1, 1, 0, 0), seL4_InvalidCapability, 1);
}

static void set_priority_short(void)
{
    priority_short(TCBSetPriority, 1);
}

static void set_priority_without_cap(void)
{
    priority_without_cap(TCBSetPriority, 1);
}

static void set_priority_no_thread(void)
{
    priority_no_thread(TCBSetPriority, 1);
}

static void set_priority_too_high(void)
{
    seL4_CPtr tcb = tcb_new();
    FAILS2(seL4_TCB_SetPriority(tcb, TCB, 256), seL4_RangeError, 0, 255);
    OK(seL4_TCB_SetMCPriority(tcb, TCB, 7));
    FAILS2(seL4_TCB_SetPriority(tcb, tcb, 8), seL4_RangeError, 0, 7);
}

static void set_priority_success(void)
{
    OK(seL4_TCB_SetPriority(tcb_new(), TCB, 255));
    OK(seL4_TCB_SetPriority(tcb_new(), TCB, 0));
}

static void set_mcpriority_short(void)
{
    priority_short(TCBSetMCPriority, 1);
}

static void set_mcpriority_without_cap(void)
{
    priority_without_cap(TCBSetMCPriority, 1);
}

static void set_mcpriority_no_thread(void)
{
    priority_no_thread(TCBSetMCPriority, 1);
}

static void set_mcpriority_too_high(void)
{
    seL4_CPtr tcb = tcb_new();
    FAILS2(seL4_TCB_SetMCPriority(tcb, TCB, 256), seL4_RangeError, 0, 255);
    OK(seL4_TCB_SetMCPriority(tcb, TCB, 7));
    FAILS2(seL4_TCB_SetMCPriority(tcb, tcb, 8), seL4_RangeError, 0, 7);
}

static void set_mcpriority_success(void)
{
    seL4_CPtr tcb = tcb_new();
    OK(seL4_TCB_SetMCPriority(tcb, TCB, 255));
    OK(seL4_TCB_SetMCPriority(tcb, tcb, 9));
    OK(seL4_TCB_SetMCPriority(tcb, tcb, 9));
    FAILS2(seL4_TCB_SetMCPriority(tcb, tcb, 10), seL4_RangeError, 0, 9);
}

static void set_sched_short(void)
{
    priority_short(TCBSetSchedParams, 2);
}

static void set_sched_without_cap(void)
{
    priority_without_cap(TCBSetSchedParams, 2);
}

static void set_sched_no_thread(void)
{
    priority_no_thread(TCBSetSchedParams, 2);
}

static void set_sched_limit_too_high(void)
{
    FAILS2(seL4_TCB_SetSchedParams(tcb_new(), TCB, 256, 1), seL4_RangeError, 0, 255);
}

static void set_sched_priority_too_high(void)
{
    seL4_CPtr tcb = tcb_new();
    FAILS2(seL4_TCB_SetSchedParams(tcb, TCB, 1, 256), seL4_RangeError, 0, 255);
    OK(seL4_TCB_SetMCPriority(tcb, TCB, 7));
    FAILS2(seL4_TCB_SetSchedParams(tcb, tcb, 1, 8), seL4_RangeError, 0, 7);
}

static void set_sched_success(void)
{
    seL4_CPtr tcb = tcb_new();
    OK(seL4_TCB_SetSchedParams(tcb, TCB, 1, 2));
    FAILS2(seL4_TCB_SetSchedParams(tcb, tcb, 1, 2), seL4_RangeError, 0, 1);
    OK(seL4_TCB_SetSchedParams(tcb, tcb, 0, 1));
}

/* ---- SetIPCBuffer -------------------------------------------------------------------------------------- */

static void buffer_short(void)
{
    seL4_SetCap(0, frame_new());
    EQUAL(sel4_invoke(tcb_new(), TCBSetIPCBuffer, 1, 0, 0, 0, 0, 0), seL4_TruncatedMessage);
}

static void buffer_without_cap(void)
{
    EQUAL(sel4_invoke(tcb_new(), TCBSetIPCBuffer, 0, 1, 0, 0, 0, 0), seL4_TruncatedMessage);
}

static void buffer_not_derivable(void)
{
    EQUAL(seL4_TCB_SetIPCBuffer(tcb_new(), 1024, used_untyped()), seL4_RevokeFirst);
    EQUAL(seL4_TCB_SetIPCBuffer(tcb_new(), 1024, object_new(seL4_RISCV_PageTableObject, 0)),
          seL4_IllegalOperation);
}

static void buffer_no_frame(void)
{
    EQUAL(seL4_TCB_SetIPCBuffer(tcb_new(), 1024, CNODE), seL4_IllegalOperation);
    EQUAL(seL4_TCB_SetIPCBuffer(tcb_new(), 1024, slot_new()), seL4_IllegalOperation);
}

static void buffer_device(void)
{
    seL4_CPtr device = device_frame_new();
    EQUAL(seL4_TCB_SetIPCBuffer(tcb_new(), 1024, device), seL4_IllegalOperation);
    OK(seL4_CNode_Delete(CNODE, device, 64));
}

static void buffer_alignment(void)
{
    for (u64 bit = 1; bit < 1024; bit *= 2)
        EQUAL(seL4_TCB_SetIPCBuffer(tcb_new(), 4096 + bit, frame_new()), seL4_AlignmentError);
}

static void buffer_success(void)
{
    OK(seL4_TCB_SetIPCBuffer(tcb_new(), 0, used_untyped()));
    OK(seL4_TCB_SetIPCBuffer(tcb_new(), 1024, frame_new()));
    OK(seL4_TCB_SetIPCBuffer(tcb_new(), 1024, object_new(seL4_RISCV_Mega_Page, 0)));
}

/* ---- SetSpace ------------------------------------------------------------------------------------------ */

static void space_short(void)
{
    seL4_SetCap(0, CNODE);
    seL4_SetCap(1, VSPACE);
    EQUAL(sel4_invoke(tcb_new(), TCBSetSpace, 2, 2, 0, 0, 0, 0), seL4_TruncatedMessage);
}

static void space_too_few_caps(void)
{
    seL4_SetCap(0, CNODE);
    EQUAL(sel4_invoke(tcb_new(), TCBSetSpace, 1, 3, 0, 0, 0, 0), seL4_TruncatedMessage);
    EQUAL(sel4_invoke(tcb_new(), TCBSetSpace, 0, 3, 0, 0, 0, 0), seL4_TruncatedMessage);
}

static void space_busy(void)
{
    EQUAL(seL4_TCB_SetSpace(busy_tcb(), 0, CNODE, 0, VSPACE, 0), seL4_IllegalOperation);
}

static void space_cspace_not_derivable(void)
{
    EQUAL(seL4_TCB_SetSpace(tcb_new(), 0, used_untyped(), 0, VSPACE, 0), seL4_RevokeFirst);
}

static void space_cspace_no_cnode(void)
{
    EQUAL(seL4_TCB_SetSpace(tcb_new(), 0, VSPACE, 0, VSPACE, 0), seL4_IllegalOperation);
    EQUAL(seL4_TCB_SetSpace(tcb_new(), 0, slot_new(), 0, VSPACE, 0), seL4_IllegalOperation);
}

static void space_cspace_guard(void)
{
    EQUAL(seL4_TCB_SetSpace(tcb_new(), 0, CNODE, 52, VSPACE, 0), seL4_IllegalOperation);
    OK(seL4_TCB_SetSpace(tcb_new(), 0, CNODE, 51, VSPACE, 0));
}

static void space_vspace_not_derivable(void)
{
    EQUAL(seL4_TCB_SetSpace(tcb_new(), 0, CNODE, 0, used_untyped(), 0), seL4_RevokeFirst);
}

static void space_vspace_no_space(void)
{
    EQUAL(seL4_TCB_SetSpace(tcb_new(), 0, CNODE, 0, CNODE, 0), seL4_IllegalOperation);
    EQUAL(seL4_TCB_SetSpace(tcb_new(), 0, CNODE, 0, object_new(seL4_RISCV_PageTableObject, 0), 0),
          seL4_IllegalOperation);
}

static void space_success(void)
{
    OK(seL4_TCB_SetSpace(tcb_new(), 0, CNODE, 0, VSPACE, 0));
}

/* ---- Suspend and Resume -------------------------------------------------------------------------------- */

static void suspend_success(void)
{
    seL4_CPtr tcb = tcb_new();
    OK(seL4_TCB_Suspend(tcb));
    OK(seL4_TCB_Suspend(tcb));
}

static void resume_success(void)
{
    struct helper *helper = helper_new(0, 100, 0);
    OK(seL4_TCB_Resume(TCB));
    helper_start(helper, enter_wait, object_new(seL4_NotificationObject, 0), 0);
    OK(seL4_TCB_Resume(helper->tcb));
    OK(seL4_TCB_Suspend(helper->tcb));
    OK(seL4_TCB_Resume(helper->tcb));
}

/* ---- Notifications ------------------------------------------------------------------------------------- */

static void bind_without_cap(void)
{
    EQUAL(sel4_invoke(tcb_new(), TCBBindNotification, 0, 0, 0, 0, 0, 0), seL4_TruncatedMessage);
}

static void bind_twice(void)
{
    seL4_CPtr tcb = tcb_new();
    OK(seL4_TCB_BindNotification(tcb, object_new(seL4_NotificationObject, 0)));
    EQUAL(seL4_TCB_BindNotification(tcb, object_new(seL4_NotificationObject, 0)), seL4_IllegalOperation);
}

static void bind_no_notification(void)
{
    EQUAL(seL4_TCB_BindNotification(tcb_new(), object_new(seL4_EndpointObject, 0)), seL4_IllegalOperation);
    EQUAL(seL4_TCB_BindNotification(tcb_new(), slot_new()), seL4_IllegalOperation);
}

static void bind_no_right(void)
{
    seL4_CPtr notification = object_new(seL4_NotificationObject, 0);
    EQUAL(seL4_TCB_BindNotification(tcb_new(), cap_copy(notification, 1)), seL4_IllegalOperation);
    OK(seL4_TCB_BindNotification(tcb_new(), cap_copy(notification, 2)));
}

static void bind_waited_for(void)
{
    seL4_CPtr notification = object_new(seL4_NotificationObject, 0);
    struct helper *helper = helper_new(0, 254, 0);

    helper_start(helper, enter_wait, notification, 0);
    let_run();
    EQUAL(seL4_TCB_BindNotification(tcb_new(), notification), seL4_IllegalOperation);
    EQUAL(seL4_TCB_BindNotification(helper->tcb, notification), seL4_IllegalOperation);
    OK(seL4_TCB_Suspend(helper->tcb));
    OK(seL4_TCB_BindNotification(helper->tcb, notification));
}

static void bind_bound(void)
{
    seL4_CPtr notification = object_new(seL4_NotificationObject, 0);
    OK(seL4_TCB_BindNotification(tcb_new(), notification));
    EQUAL(seL4_TCB_BindNotification(tcb_new(), notification), seL4_IllegalOperation);
}

/* One that is signalled already can be bound, and the signal is delivered. */
static void bind_active(void)
{
    seL4_CPtr notification = object_new(seL4_NotificationObject, 0);
    struct helper *helper = helper_new(0, 254, 0);

    steps = 0;
    seL4_Signal(notification);
    OK(seL4_TCB_BindNotification(helper->tcb, notification));
    helper_start(helper, enter_wait, object_new(seL4_EndpointObject, 0), 1);
    let_run();
    EQUAL(steps, 1);
}

static void unbind_not_bound(void)
{
    EQUAL(seL4_TCB_UnbindNotification(tcb_new()), seL4_IllegalOperation);
}

static void unbind_success(void)
{
    seL4_CPtr tcb = tcb_new(), notification = object_new(seL4_NotificationObject, 0);

    OK(seL4_TCB_BindNotification(tcb, notification));
    OK(seL4_TCB_UnbindNotification(tcb));
    EQUAL(seL4_TCB_UnbindNotification(tcb), seL4_IllegalOperation);
    OK(seL4_TCB_BindNotification(tcb_new(), notification));
}

/* The notification goes: the thread is unbound. */
static void unbind_by_deletion(void)
{
    seL4_CPtr tcb = tcb_new(), notification = object_new(seL4_NotificationObject, 0);

    OK(seL4_TCB_BindNotification(tcb, notification));
    OK(seL4_CNode_Delete(CNODE, notification, 64));
    EQUAL(seL4_TCB_UnbindNotification(tcb), seL4_IllegalOperation);
}

/* ---- SetTLSBase and SetFlags --------------------------------------------------------------------------- */

static void tls_short(void)
{
    EQUAL(sel4_invoke(tcb_new(), TCBSetTLSBase, 0, 0, 0, 0, 0, 0), seL4_TruncatedMessage);
}

static void tls_success(void)
{
    seL4_CPtr tcb = tcb_new();
    seL4_UserContext context;
    OK(seL4_TCB_SetTLSBase(tcb, ~0ul));
    OK(seL4_TCB_ReadRegisters(tcb, 0, 0, 32, &context));
    EQUAL(context.tp, ~0ul);
}

/* Our own, in effect as soon as the call returns. */
static void tls_of_self(void)
{
    static u64 other_block[2];
    u64 mine, then;

    __asm__ volatile("mv %0, tp" : "=r"(mine));
    other_block[0] = *(u64 *)mine;
    OK(seL4_TCB_SetTLSBase(TCB, (u64)other_block));
    __asm__ volatile("mv %0, tp" : "=r"(then));
    seL4_SetThreadBlock((void *)mine);
    EQUAL(then, (u64)other_block);
}

static void flags_short(void)
{
    EQUAL(sel4_invoke(tcb_new(), TCBSetFlags, 0, 1, 0, 0, 0, 0), seL4_TruncatedMessage);
}

static void flags_success(void)
{
    seL4_CPtr tcb = tcb_new();
    EQUAL(seL4_TCB_SetFlags(tcb, 0, 0).flags, 0);
    EQUAL(seL4_TCB_SetFlags(tcb, 0, ~0ul).flags, 1);
    EQUAL(seL4_TCB_SetFlags(tcb, ~1ul, 0).flags, 1);
    EQUAL(seL4_TCB_SetFlags(tcb, 1, 1).flags, 1);
    EQUAL(seL4_TCB_SetFlags(tcb, 1, 0).flags, 0);
    EQUAL(seL4_TCB_SetFlags(tcb, 1, ~1ul).flags, 0);
    OK(seL4_TCB_SetFlags(tcb, 0, 0).error);
}

/* Through each of its caps a thread can be invoked: a TCB's cap has no rights to lose. */
static void without_rights(void)
{
    seL4_CPtr tcb = cap_copy(tcb_new(), 0);
    OK(seL4_TCB_SetPriority(tcb, cap_copy(TCB, 0), 255));
    OK(seL4_TCB_Suspend(tcb));
}

const struct test tcb_rows[] = {
    {"6.4 ReadRegisters: each number of registers", read_success},
    {"6.4 ReadRegisters: message too short", read_short},
    {"6.4 ReadRegisters: none", read_none},
    {"6.4 ReadRegisters: too many", read_too_many},
    {"6.4 ReadRegisters: the caller itself", read_self},
    {"6.4 ReadRegisters suspends", read_suspends},
    {"6.4 WriteRegisters: each number of registers", write_success},
    {"6.4 WriteRegisters: message too short", write_short},
    {"6.4 WriteRegisters: message shorter than its count", write_shorter_than_count},
    {"6.4 WriteRegisters: the caller itself", write_self},
    {"6.4 WriteRegisters: a count above 32 is cut", write_too_many},
    {"6.4 CopyRegisters: nothing", copy_nothing},
    {"6.4 CopyRegisters: the frame group", copy_frame},
    {"6.4 CopyRegisters: the integer group", copy_integer},
    {"6.4 CopyRegisters: both groups", copy_both},
    {"6.4 CopyRegisters: message too short", copy_short},
    {"6.4 CopyRegisters: no cap", copy_without_cap},
    {"6.4 CopyRegisters: from what is no thread", copy_from_no_thread},
    {"6.4 CopyRegisters suspends the source and resumes the target", copy_suspends_and_resumes},
    {"6.4 CopyRegisters from a thread to itself", copy_to_itself},
    {"6.4 Configure: message too short", configure_short},
    {"6.4 Configure: too few caps", configure_too_few_caps},
    {"6.4 Configure: the buffer cannot be derived", configure_buffer_not_derivable},
    {"6.4 Configure: the buffer is no frame", configure_buffer_no_frame},
    {"6.4 Configure: the buffer is a device's", configure_buffer_device},
    {"6.4 Configure: the buffer is not aligned", configure_buffer_alignment},
    {"6.4 Configure: the target is busy", configure_busy},
    {"6.4 Configure: the CSpace cannot be derived", configure_cspace_not_derivable},
    {"6.4 Configure: the CSpace is no CNode", configure_cspace_no_cnode},
    {"6.4 Configure: the CSpace's guard", configure_cspace_guard},
    {"6.4 Configure: the VSpace cannot be derived", configure_vspace_not_derivable},
    {"6.4 Configure: the VSpace is none", configure_vspace_no_space},
    {"6.4 Configure succeeds; without a buffer address any cap will do", configure_success},
    {"6.4 Configure, refused, changes nothing", configure_refused},
    {"6.4 Configure: the buffer is at the address's offset in the frame", configure_buffer_offset},
    {"6.4 SetPriority: message too short", set_priority_short},
    {"6.4 SetPriority: no cap", set_priority_without_cap},
    {"6.4 SetPriority: the authority is no thread", set_priority_no_thread},
    {"6.4 SetPriority: too high", set_priority_too_high},
    {"6.4 SetPriority succeeds", set_priority_success},
    {"6.4 SetMCPriority: message too short", set_mcpriority_short},
    {"6.4 SetMCPriority: no cap", set_mcpriority_without_cap},
    {"6.4 SetMCPriority: the authority is no thread", set_mcpriority_no_thread},
    {"6.4 SetMCPriority: too high", set_mcpriority_too_high},
    {"6.4 SetMCPriority succeeds", set_mcpriority_success},
    {"6.4 SetSchedParams: message too short", set_sched_short},
    {"6.4 SetSchedParams: no cap", set_sched_without_cap},
    {"6.4 SetSchedParams: the authority is no thread", set_sched_no_thread},
    {"6.4 SetSchedParams: the limit is too high", set_sched_limit_too_high},
    {"6.4 SetSchedParams: the priority is too high", set_sched_priority_too_high},
    {"6.4 SetSchedParams succeeds", set_sched_success},
    {"6.4 SetIPCBuffer: message too short", buffer_short},
    {"6.4 SetIPCBuffer: no cap", buffer_without_cap},
    {"6.4 SetIPCBuffer: it cannot be derived", buffer_not_derivable},
    {"6.4 SetIPCBuffer: it is no frame", buffer_no_frame},
    {"6.4 SetIPCBuffer: it is a device's", buffer_device},
    {"6.4 SetIPCBuffer: it is not aligned", buffer_alignment},
    {"6.4 SetIPCBuffer succeeds; address 0 needs no frame", buffer_success},
    {"6.4 SetSpace: message too short", space_short},
    {"6.4 SetSpace: too few caps", space_too_few_caps},
    {"6.4 SetSpace: the target is busy", space_busy},
    {"6.4 SetSpace: the CSpace cannot be derived", space_cspace_not_derivable},
    {"6.4 SetSpace: the CSpace is no CNode", space_cspace_no_cnode},
    {"6.4 SetSpace: the CSpace's guard", space_cspace_guard},
    {"6.4 SetSpace: the VSpace cannot be derived", space_vspace_not_derivable},
    {"6.4 SetSpace: the VSpace is none", space_vspace_no_space},
    {"6.4 SetSpace succeeds", space_success},
    {"6.4 Suspend succeeds, twice too", suspend_success},
    {"6.4 Resume succeeds in each state", resume_success},
    {"6.4 BindNotification: no cap", bind_without_cap},
    {"6.4 BindNotification: the thread is bound", bind_twice},
    {"6.4 BindNotification: no notification", bind_no_notification},
    {"6.4 BindNotification: no right to receive", bind_no_right},
    {"6.4 BindNotification: somebody waits on it", bind_waited_for},
    {"6.4 BindNotification: it is bound", bind_bound},
    {"6.4 BindNotification succeeds with a signalled one", bind_active},
    {"6.4 UnbindNotification: not bound", unbind_not_bound},
    {"6.4 UnbindNotification succeeds", unbind_success},
    {"9.7 a deleted notification unbinds the thread", unbind_by_deletion},
    {"6.4 SetTLSBase: message too short", tls_short},
    {"6.4 SetTLSBase succeeds", tls_success},
    {"6.4 SetTLSBase of oneself", tls_of_self},
    {"6.4 SetFlags: message too short", flags_short},
    {"6.4 SetFlags clears, then sets, and knows one bit", flags_success},
    {"8.2 a thread's cap has no rights to lose", without_rights},
    {NULL, NULL},
};
