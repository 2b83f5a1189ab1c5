/* Scheduling, priorities, suspension, registers, the floating-point unit. */
#include "test/conformance/conformance.h"

static volatile bool stop;

static void note(u64 digit, u64 b)
{
    (void)b;
    steps = steps * 10 + digit;
    helper_stop();
}

static void priorities(void)
{
    struct helper *h[3];

    EQUAL(seL4_TCB_SetPriority(TCB, TCB, 256), seL4_RangeError);
    EQUAL(seL4_GetMR(0), 0);
    EQUAL(seL4_GetMR(1), 255);
    EQUAL(seL4_TCB_SetPriority(TCB, CNODE, 1), seL4_InvalidCapability);
    EQUAL(seL4_GetMR(0), 1);
    /* Different priorities: the highest first, whatever the order of starting. */
    steps = 0;
    for (u32 i = 0; i < 3; i++) {
        h[i] = helper_new(i, 101 + i, 0);
        helper_start(h[i], note, i + 1, 0);
    }
    seL4_TCB_SetPriority(TCB, TCB, 100);
    EQUAL(steps, 321);
    seL4_TCB_SetPriority(TCB, TCB, 255);
    /* Equal ones, started by a busy parent of higher priority: in reverse. */
    steps = 0;
    for (u32 i = 0; i < 3; i++) {
        OK(seL4_TCB_SetPriority(h[i]->tcb, TCB, 101));
        helper_start(h[i], note, i + 1, 0);
    }
    seL4_TCB_SetPriority(TCB, TCB, 100);
    EQUAL(steps, 321);
    /* An equal one does not run when it is started, but when it is raised. */
    steps = 0;
    OK(seL4_TCB_SetPriority(h[0]->tcb, TCB, 100));
    helper_start(h[0], note, 1, 0);
    EQUAL(steps, 0);
    OK(seL4_TCB_SetPriority(h[0]->tcb, TCB, 101));
    EQUAL(steps, 1);
    /* A higher one runs at once. */
    helper_start(h[0], note, 2, 0);
    EQUAL(steps, 12);
}

static void spin(u64 n, u64 counters)
{
    while (!stop)
        ((volatile u64 *)counters)[n]++;
    helper_stop();
}

static void preemption(void)
{
    static volatile u64 counters[3];
    seL4_CPtr notification = object_new(seL4_NotificationObject, 0);
    (void)notification;

    stop = false;
    for (u32 i = 0; i < 3; i++) {
        counters[i] = 0;
        helper_start(helper_new(i, 100, 0), spin, i, (u64)counters);
    }
    seL4_TCB_SetPriority(TCB, TCB, 100);
    /* All have the same priority as we: each slice of 10 ms one of them gets on. */
    for (u32 i = 0; i < 3; i++) {
        u64 before = counters[i];
        for (u32 turn = 0; turn < 50 && counters[i] == before; turn++)
            seL4_Yield();
        CHECK(counters[i] > before);
    }
    stop = true;
}

static void suspend_and_resume(void)
{
    struct helper *helper = helper_new(0, 100, 0);
    static volatile u64 counters[1];
    u64 before;

    stop = false;
    seL4_TCB_SetPriority(TCB, TCB, 100);
    helper_start(helper, spin, 0, (u64)counters);
    before = counters[0];
    while (counters[0] == before)
        seL4_Yield();
    OK(seL4_TCB_Suspend(helper->tcb));
    before = counters[0];
    seL4_Yield();
    seL4_Yield();
    EQUAL(counters[0], before);
    OK(seL4_TCB_Resume(helper->tcb));
    OK(seL4_TCB_Resume(helper->tcb));
    OK(seL4_TCB_Resume(TCB));
    while (counters[0] == before)
        seL4_Yield();
    stop = true;
}

static void registers(void)
{
    struct helper *helper = helper_new(0, 100, 0), *other = helper_new(1, 100, 0);
    seL4_UserContext context, back = {0};

    for (u64 i = 0; i < 32; i++)
        ((u64 *)&context)[i] = 0x1000 + i * 8;
    EQUAL(seL4_TCB_ReadRegisters(TCB, 0, 0, 1, &back), seL4_IllegalOperation);
    EQUAL(seL4_TCB_ReadRegisters(helper->tcb, 0, 0, 33, &back), seL4_RangeError);
    EQUAL(seL4_GetMR(1), 32);
    OK(seL4_TCB_WriteRegisters(helper->tcb, 0, 0, 32, &context));
    OK(seL4_TCB_ReadRegisters(helper->tcb, 0, 0, 32, &back));
    for (u64 i = 0; i < 32; i++)
        EQUAL(((u64 *)&back)[i], 0x1000 + i * 8);
    OK(seL4_TCB_CopyRegisters(other->tcb, helper->tcb, 0, 0, 1, 1, 0));
    OK(seL4_TCB_SetTLSBase(other->tcb, 5));
    OK(seL4_TCB_ReadRegisters(other->tcb, 0, 0, 32, &back));
    EQUAL(back.pc, context.pc);
    EQUAL(back.t6, context.t6);
    EQUAL(back.tp, 5);
    EQUAL(seL4_TCB_CopyRegisters(other->tcb, CNODE, 0, 0, 1, 1, 0), seL4_InvalidCapability);
}

static void configure_errors(void)
{
    seL4_CPtr tcb = object_new(seL4_TCBObject, 0), frame = object_new(seL4_RISCV_4K_Page, 0),
              empty = slot_new();
    seL4_CPtr table = object_new(seL4_RISCV_PageTableObject, 0);

    EQUAL(sel4_invoke(tcb, TCBConfigure, 2, 4, 0, 0, 0, 0), seL4_TruncatedMessage);
    EQUAL(seL4_TCB_Configure(tcb, 0, CNODE, 0, VSPACE, 0, 8, frame), seL4_AlignmentError);
    EQUAL(seL4_TCB_Configure(tcb, 0, CNODE, 0, VSPACE, 0, 1024, empty), seL4_IllegalOperation);
    EQUAL(seL4_TCB_Configure(tcb, 0, empty, 0, VSPACE, 0, 0, empty), seL4_IllegalOperation);
    EQUAL(seL4_TCB_SetSpace(tcb, 0, CNODE, 0, table, 0), seL4_IllegalOperation);
    EQUAL(seL4_TCB_SetSpace(tcb, 0, CNODE, 0, CNODE, 0), seL4_IllegalOperation);
    OK(seL4_TCB_Configure(tcb, 0, CNODE, 0, VSPACE, 0, 0, empty));
    EQUAL(seL4_TCB_SetIPCBuffer(tcb, 1024, CNODE), seL4_IllegalOperation);
    OK(seL4_TCB_SetIPCBuffer(tcb, 1024, frame));
}

/* Computes with d0 and checks that nobody else's values appear; 1 in *result if all went well. */
static void compute(u64 seed, u64 result)
{
    u64 value = 0;

    __asm__ volatile(".option push\n.option arch, +d\nfmv.d.x f0, %0\nfmv.d.x f31, %0\n.option pop"
                     :
                     : "r"(seed));
    for (int i = 0; i < 20; i++) {
        seL4_Yield();
        __asm__ volatile(".option push\n.option arch, +d\nfmv.x.d %0, f31\n.option pop" : "=r"(value));
        if (value != seed)
            helper_stop();
    }
    *(volatile u64 *)result = 1;
    helper_stop();
}

static void receive_on(u64 cptr, u64 b)
{
    (void)b;
    seL4_Wait(cptr, NULL);
    helper_stop();
}

static void floating_point(void)
{
    static volatile u64 results[3];
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    struct helper *helper = NULL;
    seL4_Word badge;

    for (u32 i = 0; i < 3; i++) {
        results[i] = 0;
        helper = helper_new(i, 100, endpoint);
        helper_start(helper, compute, 0x1111 * (i + 1), (u64)&results[i]);
    }
    seL4_TCB_SetPriority(TCB, TCB, 99);
    for (u32 i = 0; i < 3; i++)
        EQUAL(results[i], 1);
    seL4_TCB_SetPriority(TCB, TCB, 255);
    /* With the unit off, its instructions are illegal; switched on again, they work. */
    EQUAL(seL4_TCB_SetFlags(helper->tcb, 0, seL4_TCBFlag_fpuDisabled).flags, 1);
    results[2] = 0;
    helper_start(helper, compute, 5, (u64)&results[2]);
    seL4_MessageInfo_t message = seL4_Recv(endpoint, &badge);
    EQUAL(seL4_MessageInfo_get_label(message), seL4_Fault_UserException);
    EQUAL(seL4_GetMR(seL4_UserException_Number), 2);
    EQUAL(seL4_TCB_SetFlags(helper->tcb, seL4_TCBFlag_fpuDisabled, 0).flags, 0);
    seL4_Reply(seL4_MessageInfo_new(0, 0, 0, 0));
    seL4_TCB_SetPriority(TCB, TCB, 99);
    EQUAL(results[2], 1);
}

static void delete_me(u64 self, u64 b)
{
    steps = 1;
    if (b)
        seL4_TCB_Suspend(self);
    else
        seL4_CNode_Delete(CNODE, self, 64);
    steps = 2;
    helper_stop();
}

static void end_of_self(void)
{
    struct helper *helper = helper_new(0, 101, 0), *other = helper_new(1, 101, 0);

    seL4_TCB_SetPriority(TCB, TCB, 100);
    helper_start(helper, delete_me, helper->tcb, 0);
    EQUAL(steps, 1);
    CHECK(slot_is_empty(helper->tcb));
    helper_start(other, delete_me, other->tcb, 1);
    EQUAL(steps, 1);
    OK(seL4_TCB_Resume(other->tcb)); /* repeats the Suspend */
    EQUAL(steps, 1);
}

/* A thread whose address space is taken away stops with an instruction fault. */
static void lost_space(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0),
              space = object_new(seL4_RISCV_PageTableObject, 0);
    struct helper *helper = helper_new(0, 254, endpoint);
    seL4_Word badge;

    OK(seL4_RISCV_ASIDPool_Assign(seL4_CapInitThreadASIDPool, space));
    OK(seL4_TCB_SetSpace(helper->tcb, endpoint, CNODE, 0, space, 0));
    helper_start(helper, note, 1, 0);
    seL4_MessageInfo_t message = seL4_Recv(endpoint, &badge);
    EQUAL(seL4_MessageInfo_get_label(message), seL4_Fault_VMFault);
    EQUAL(seL4_GetMR(seL4_VMFault_Addr), (u64)note);
    EQUAL(seL4_GetMR(seL4_VMFault_PrefetchFault), 1);
    OK(seL4_TCB_SetSpace(helper->tcb, endpoint, CNODE, 0, VSPACE, 0));
    OK(seL4_CNode_Delete(CNODE, space, 64));
    steps = 0;
    seL4_Reply(seL4_MessageInfo_new(0, 0, 0, 0));
    seL4_TCB_SetPriority(TCB, TCB, 100);
    EQUAL(steps, 1);
}

/* Revoking much work is cut into pieces: a thread of higher priority, woken by nothing but the tick, cannot
 * be seen from here; but the result must be complete however often it was interrupted. */
static void long_revoke(void)
{
    seL4_CPtr untyped = object_new(seL4_UntypedObject, 22), cnode = slot_new();

    OK(seL4_Untyped_Retype(untyped, seL4_CapTableObject, 16, CNODE, 0, 0, cnode, 1));
    for (u64 i = 0; i < 128; i++)
        OK(seL4_Untyped_Retype(untyped, seL4_EndpointObject, 0, CNODE, cnode, 64, i * 256, 256));
    OK(seL4_CNode_Revoke(CNODE, untyped, 64));
    CHECK(slot_is_empty(cnode));
    OK(seL4_Untyped_Retype(untyped, seL4_RISCV_Mega_Page, 0, CNODE, 0, 0, cnode, 1));
}

/* The largest of everything, for whoever measures how long interrupts are off: 256 objects of each type at
 * once, a thread with all there is, a CNode of many slots, a queue of several threads. */
static void long_work(void)
{
    static const u8 types[] = {seL4_TCBObject,      seL4_EndpointObject, seL4_NotificationObject,
                               seL4_CapTableObject, seL4_RISCV_4K_Page,  seL4_RISCV_PageTableObject};
    seL4_CPtr untyped = object_new(seL4_UntypedObject, 22), cnode = object_new(seL4_CapTableObject, 8);
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);

    for (u32 i = 0; i < ARRAY_SIZE(types); i++) {
        OK(seL4_Untyped_Retype(untyped, types[i], 4, CNODE, cnode, 64, 0, 256));
        OK(seL4_CNode_Revoke(CNODE, untyped, 64));
    }
    OK(seL4_Untyped_Retype(untyped, seL4_RISCV_Mega_Page, 0, CNODE, cnode, 64, 0, 1));
    OK(seL4_CNode_Delete(CNODE, cnode, 64));
    for (u32 i = 0; i < HELPERS; i++) {
        struct helper *helper = helper_new(i, 254, 0);
        helper_start(helper, receive_on, endpoint, 0);
    }
    seL4_TCB_SetPriority(TCB, TCB, 100);
    seL4_TCB_SetPriority(TCB, TCB, 255);
    OK(seL4_CNode_Revoke(CNODE, endpoint, 64));
    OK(seL4_CNode_Delete(CNODE, endpoint, 64));
}

const struct test thread_tests[] = {
    {"threads: priorities", priorities},
    {"threads: preemption by the tick", preemption},
    {"threads: suspend, resume", suspend_and_resume},
    {"threads: registers", registers},
    {"threads: configure, errors in order", configure_errors},
    {"threads: floating point", floating_point},
    {"threads: suspend or delete oneself", end_of_self},
    {"threads: lost address space", lost_space},
    {"threads: long revoke", long_revoke},
    {"12.4 the longest operations", long_work},
    {NULL, NULL},
};
