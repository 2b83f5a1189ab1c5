/* Faults as messages and what replies to them do: sections 4.6, 4.9 and 9.6 of the sheet. The names say
 * section and subject. */
#include "test/conformance/conformance.h"

#define NOWHERE   0x3cba987650ul
#define FOREIGN   0xc1 /* a system call seL4 does not have */
#define REPLY_MAX 10   /* registers a reply to an unknown system call may set: pc, sp, ra, a0 to a6 */

/* The instruction a test has a thread stand at; what is in the registers is the test's affair. */
__attribute__((naked, aligned(4))) static void ecall_here(void)
{
    __asm__ volatile("ecall\n");
}

__attribute__((naked, aligned(4))) static void break_here(void)
{
    __asm__ volatile(".option push\n.option norvc\nebreak\nebreak\n.option pop\n");
}

__attribute__((naked, aligned(4))) static void load_here(void)
{
    __asm__ volatile(".option push\n.option norvc\nld a3, 0(a4)\necall\n.option pop\n");
}

/* Starts the helper at `entry` with a number of its own in each register but tp. */
static seL4_UserContext start_at(struct helper *helper, void (*entry)(void), u64 system_call_number)
{
    seL4_UserContext context;

    for (u64 i = 0; i < 32; i++)
        ((u64 *)&context)[i] = 0x1000 + i * 16;
    context.pc = (u64)entry;
    context.a7 = system_call_number;
    context.tp = (u64)helper->block;
    OK(seL4_TCB_WriteRegisters(helper->tcb, 1, 0, 32, &context));
    return context;
}

static seL4_UserContext registers_of(struct helper *helper)
{
    seL4_UserContext context;
    OK(seL4_TCB_ReadRegisters(helper->tcb, 0, 0, 32, &context));
    return context;
}

static void expect_fault(seL4_CPtr endpoint, u64 type, u64 length)
{
    seL4_MessageInfo_t message = seL4_Recv(endpoint, NULL);
    EQUAL(seL4_MessageInfo_get_label(message), type);
    EQUAL(seL4_MessageInfo_get_length(message), length);
    EQUAL(seL4_MessageInfo_get_extraCaps(message), 0);
    EQUAL(seL4_MessageInfo_get_capsUnwrapped(message), 0);
}

/* The registers a reply to an unknown system call may change, in its order. */
static u64 *reply_register(seL4_UserContext *context, u64 i)
{
    u64 *const registers[REPLY_MAX] = {&context->pc, &context->sp, &context->ra, &context->a0, &context->a1,
                                       &context->a2, &context->a3, &context->a4, &context->a5, &context->a6};
    return registers[i];
}

static void same_registers(const seL4_UserContext *got, const seL4_UserContext *wanted)
{
    for (u64 i = 0; i < 32; i++)
        EQUAL(((const u64 *)got)[i], ((const u64 *)wanted)[i]);
}

static void unknown_message(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    struct helper *helper = helper_new(0, 254, endpoint);
    seL4_UserContext context = start_at(helper, ecall_here, FOREIGN);

    expect_fault(endpoint, seL4_Fault_UnknownSyscall, 11);
    for (u64 i = 0; i < REPLY_MAX; i++)
        EQUAL(seL4_GetMR((int)i), *reply_register(&context, i));
    EQUAL(seL4_GetMR(10), FOREIGN);
    seL4_UserContext now = registers_of(helper);
    same_registers(&now, &context);
}

/* A reply with another label applies the registers, as many as it has, and leaves the thread inactive. */
static void unknown_reply_lengths(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    struct helper *helper = helper_new(0, 254, endpoint);

    for (u64 length = 0; length <= 14; length++) {
        seL4_UserContext context = start_at(helper, ecall_here, FOREIGN);
        expect_fault(endpoint, seL4_Fault_UnknownSyscall, 11);
        for (u64 i = 0; i < 14; i++)
            seL4_SetMR((int)i, 0x555550 + i * 4);
        seL4_Reply(seL4_MessageInfo_new(1, 0, 0, length));
        for (u64 i = 0; i < length && i < REPLY_MAX; i++)
            *reply_register(&context, i) = 0x555550 + i * 4;
        seL4_UserContext now = registers_of(helper);
        same_registers(&now, &context);
        let_run();
        now = registers_of(helper);
        same_registers(&now, &context);
    }
}

/* With label 0 the thread goes on where the reply says, with the registers it says. `direct`: by ReplyRecv,
 * and with the priority of the handler, which is the shortest way there is. */
static void unknown_replies(bool direct)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    struct helper *helper = helper_new(0, direct ? 255 : 254, endpoint);
    seL4_UserContext context = start_at(helper, ecall_here, FOREIGN);

    expect_fault(endpoint, seL4_Fault_UnknownSyscall, 11);
    for (u64 length = 0; length <= 12; length++) {
        for (u64 i = 1; i < 12; i++)
            seL4_SetMR((int)i, 0x777000 + length * 0x100 + i);
        seL4_SetMR(0, (u64)ecall_here);
        for (u64 i = 1; i < length && i < REPLY_MAX; i++)
            *reply_register(&context, i) = 0x777000 + length * 0x100 + i;
        if (direct) {
            seL4_MessageInfo_t message =
                seL4_ReplyRecv(endpoint, seL4_MessageInfo_new(0, 0, 0, length), NULL);
            EQUAL(seL4_MessageInfo_get_label(message), seL4_Fault_UnknownSyscall);
            EQUAL(seL4_MessageInfo_get_length(message), 11);
        } else {
            seL4_Reply(seL4_MessageInfo_new(0, 0, 0, length));
            expect_fault(endpoint, seL4_Fault_UnknownSyscall, 11);
        }
        for (u64 i = 0; i < REPLY_MAX; i++)
            EQUAL(seL4_GetMR((int)i), *reply_register(&context, i));
        EQUAL(seL4_GetMR(10), FOREIGN);
        seL4_UserContext now = registers_of(helper);
        same_registers(&now, &context);
    }
}

static void unknown_reply(void)
{
    unknown_replies(false);
}

static void unknown_reply_receive(void)
{
    unknown_replies(true);
}

static void unknown_numbers(void)
{
    static const s64 numbers[] = {0, 1, FOREIGN, -15, -16, -30, -31, 1l << 40, (s64)(1ul << 63)};
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    struct helper *helper = helper_new(0, 254, endpoint);

    for (u32 i = 0; i < ARRAY_SIZE(numbers); i++) {
        start_at(helper, ecall_here, (u64)numbers[i]);
        expect_fault(endpoint, seL4_Fault_UnknownSyscall, 11);
        EQUAL(seL4_GetMR(10), (u64)numbers[i]);
    }
}

static void exception_message(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    struct helper *helper = helper_new(0, 254, endpoint);
    seL4_UserContext context = start_at(helper, break_here, 0);

    expect_fault(endpoint, seL4_Fault_UserException, 4);
    EQUAL(seL4_GetMR(0), context.pc);
    EQUAL(seL4_GetMR(1), context.sp);
    EQUAL(seL4_GetMR(2), 3); /* a breakpoint */
    EQUAL(seL4_GetMR(3), 0);
    seL4_UserContext now = registers_of(helper);
    same_registers(&now, &context);
}

static void exception_reply_lengths(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    struct helper *helper = helper_new(0, 254, endpoint);

    for (u64 length = 0; length <= 6; length++) {
        seL4_UserContext context = start_at(helper, break_here, 0);
        expect_fault(endpoint, seL4_Fault_UserException, 4);
        for (u64 i = 0; i < 6; i++)
            seL4_SetMR((int)i, 0x555550 + i * 4);
        seL4_Reply(seL4_MessageInfo_new(3, 0, 0, length));
        for (u64 i = 0; i < length && i < 2; i++)
            *reply_register(&context, i) = 0x555550 + i * 4;
        let_run();
        seL4_UserContext now = registers_of(helper);
        same_registers(&now, &context);
    }
}

static void exception_reply(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    struct helper *helper = helper_new(0, 254, endpoint);
    seL4_UserContext context = start_at(helper, break_here, 0);

    for (u64 length = 0; length <= 4; length++) {
        expect_fault(endpoint, seL4_Fault_UserException, 4);
        EQUAL(seL4_GetMR(0), context.pc);
        EQUAL(seL4_GetMR(1), context.sp);
        seL4_SetMR(0, (u64)break_here + (length & 1) * 4);
        seL4_SetMR(1, 0x888000 + length);
        if (length > 0)
            context.pc = seL4_GetMR(0);
        if (length > 1)
            context.sp = seL4_GetMR(1);
        seL4_Reply(seL4_MessageInfo_new(0, 0, 0, length));
    }
    expect_fault(endpoint, seL4_Fault_UserException, 4);
    seL4_UserContext now = registers_of(helper);
    same_registers(&now, &context);
}

/* Neither label nor words of the reply to a VM fault matter; the access is made again. */
static void vm_replies(bool direct)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    struct helper *helper = helper_new(0, direct ? 255 : 254, endpoint);
    seL4_UserContext context = start_at(helper, load_here, FOREIGN);
    seL4_MessageInfo_t message;

    context.a4 = NOWHERE;
    OK(seL4_TCB_WriteRegisters(helper->tcb, 0, 0, 32, &context));
    expect_fault(endpoint, seL4_Fault_VMFault, 4);
    for (u64 round = 0; round < 3; round++) {
        EQUAL(seL4_GetMR(0), (u64)load_here);
        EQUAL(seL4_GetMR(1), NOWHERE);
        EQUAL(seL4_GetMR(2), 0);
        EQUAL(seL4_GetMR(3), 5);
        if (round == 2)
            page_new(VSPACE, round_down(NOWHERE, PAGE_SIZE));
        for (u64 i = 0; i < 12; i++)
            seL4_SetMR((int)i, 0x555550 + i);
        message = seL4_MessageInfo_new(round * 7, 0, 0, round * 6);
        if (direct) {
            message = seL4_ReplyRecv(endpoint, message, NULL);
        } else {
            seL4_Reply(message);
            message = seL4_Recv(endpoint, NULL);
        }
        EQUAL(seL4_MessageInfo_get_label(message),
              round == 2 ? seL4_Fault_UnknownSyscall : seL4_Fault_VMFault);
    }
    context.pc += 4;
    context.a3 = 0; /* what has been loaded */
    seL4_UserContext now = registers_of(helper);
    same_registers(&now, &context);
}

static void vm_reply(void)
{
    vm_replies(false);
}

static void vm_reply_receive(void)
{
    vm_replies(true);
}

static void store_to(u64 address, u64 b)
{
    (void)b;
    *(volatile u64 *)address = 1;
    helper_stop();
}

static void vm_store(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    struct helper *helper = helper_new(0, 254, endpoint);

    helper_start(helper, store_to, NOWHERE, 0);
    expect_fault(endpoint, seL4_Fault_VMFault, 4);
    EQUAL(seL4_GetMR(1), NOWHERE);
    EQUAL(seL4_GetMR(2), 0);
    EQUAL(seL4_GetMR(3), 7);
}

/* A system call that a CapFault has stopped is made again, whatever the reply; its registers are as before.
 */
static void cap_reply(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0), other = object_new(seL4_EndpointObject, 0);
    seL4_CPtr empty = slot_new();
    struct helper *helper = helper_new(0, 254, endpoint);

    steps = 0;
    helper_start(helper, enter_wait, empty, 7);
    for (u64 round = 0; round < 2; round++) {
        expect_fault(endpoint, seL4_Fault_CapFault, 5);
        EQUAL(seL4_GetMR(1), empty);
        if (round == 1)
            OK(seL4_CNode_Copy(CNODE, empty, 64, CNODE, other, 64, seL4_AllRights));
        for (u64 i = 0; i < 12; i++)
            seL4_SetMR((int)i, 0x555550 + i);
        seL4_Reply(seL4_MessageInfo_new(5, 0, 0, 12));
    }
    seL4_Send(other, seL4_MessageInfo_new(0, 0, 0, 0));
    let_run();
    EQUAL(steps, 7);
}

/* A thread whose CSpace begins with a CNode of 16 slots without a guard; the handler is in its slot 1, and
 * slot 0 holds a CNode that translates more bits than are left. */
static struct helper *in_small_cspace(seL4_CPtr endpoint, seL4_CPtr cnode)
{
    struct helper *helper = helper_new(0, 254, 0);

    OK(seL4_CNode_Copy(cnode, 1, 4, CNODE, endpoint, 64, seL4_AllRights));
    OK(seL4_CNode_Copy(cnode, 0, 4, CNODE, CNODE, 64, seL4_AllRights));
    OK(seL4_TCB_SetSpace(helper->tcb, 1ul << 60, cnode, 0, VSPACE, 0));
    return helper;
}

static void cap_depth_mismatch(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0), cnode = object_new(seL4_CapTableObject, 4);
    struct helper *helper = in_small_cspace(endpoint, cnode);

    helper_start(helper, enter_wait, 5, 0);
    expect_fault(endpoint, seL4_Fault_CapFault, 6);
    EQUAL(seL4_GetMR(1), 5);
    EQUAL(seL4_GetMR(2), 1);
    EQUAL(seL4_GetMR(3), seL4_DepthMismatch);
    EQUAL(seL4_GetMR(4), 60);
    EQUAL(seL4_GetMR(5), 64);
    helper_start(helper, enter_send, 5, 0);
    expect_fault(endpoint, seL4_Fault_CapFault, 6);
    EQUAL(seL4_GetMR(2), 0);
    EQUAL(seL4_GetMR(3), seL4_DepthMismatch);
}

/* The handler is looked up in the CSpace of the thread, when the fault happens; a CPtr of 0 is one like any.
 */
static void handler_lookup(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0), cnode = object_new(seL4_CapTableObject, 4);
    struct helper *helper = in_small_cspace(endpoint, cnode);
    seL4_Word badge;

    OK(seL4_CNode_Delete(cnode, 0, 4));
    OK(seL4_TCB_SetSpace(helper->tcb, 0, cnode, 0, VSPACE, 0));
    OK(seL4_CNode_Mint(cnode, 0, 4, CNODE, endpoint, 64, seL4_AllRights, 0x77));
    helper_start(helper, enter_load, NOWHERE, 0);
    EQUAL(seL4_MessageInfo_get_label(seL4_Recv(endpoint, &badge)), seL4_Fault_VMFault);
    EQUAL(badge, 0x77);
    OK(seL4_CNode_Delete(cnode, 0, 4));
    OK(seL4_CNode_Mint(cnode, 0, 4, CNODE, endpoint, 64, seL4_AllRights, 0x78));
    seL4_Reply(seL4_MessageInfo_new(0, 0, 0, 0));
    EQUAL(seL4_MessageInfo_get_label(seL4_Recv(endpoint, &badge)), seL4_Fault_VMFault);
    EQUAL(badge, 0x78);
}

/* While nobody receives it, a fault is a message in the queue like any other. */
static void queued_fault(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0), handler = cap_mint(endpoint, 15, 0xfa);
    struct helper *helper = helper_new(0, 254, handler);

    steps = 0;
    helper_start(helper, enter_load, NOWHERE, 7);
    let_run();
    OK(seL4_CNode_CancelBadgedSends(CNODE, handler, 64)); /* it faults again */
    let_run();
    EQUAL(steps, 0);
    page_new(VSPACE, round_down(NOWHERE, PAGE_SIZE));
    OK(seL4_CNode_CancelBadgedSends(CNODE, handler, 64));
    let_run();
    EQUAL(steps, 7);
    seL4_Word badge;
    seL4_NBRecv(endpoint, &badge);
    EQUAL(badge, 0);
}

/* The cap to reply to a fault can be saved and used later, like one to reply to a call. */
static void saved_fault_reply(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0), saved = slot_new();
    struct helper *helper = helper_new(0, 254, endpoint);
    seL4_UserContext context = start_at(helper, ecall_here, FOREIGN);

    expect_fault(endpoint, seL4_Fault_UnknownSyscall, 11);
    OK(seL4_CNode_SaveCaller(CNODE, saved, 64));
    EQUAL(seL4_DebugCapIdentify(saved), 8);
    seL4_SetMR(0, (u64)break_here);
    seL4_SetMR(1, 0x1234);
    OK(seL4_MessageInfo_get_label(seL4_Call(saved, seL4_MessageInfo_new(0, 0, 0, 2))));
    CHECK(slot_is_empty(saved));
    expect_fault(endpoint, seL4_Fault_UserException, 4);
    EQUAL(seL4_GetMR(0), (u64)break_here);
    EQUAL(seL4_GetMR(1), 0x1234);
    context.pc = (u64)break_here;
    context.sp = 0x1234;
    seL4_UserContext now = registers_of(helper);
    same_registers(&now, &context);
}

/* A faulted thread that is resumed, not replied to, runs on from where it faulted. */
static void resumed_fault(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0), saved = slot_new();
    struct helper *helper = helper_new(0, 254, endpoint);

    steps = 0;
    helper_start(helper, enter_load, NOWHERE, 7);
    expect_fault(endpoint, seL4_Fault_VMFault, 4);
    page_new(VSPACE, round_down(NOWHERE, PAGE_SIZE));
    OK(seL4_TCB_Resume(helper->tcb));
    OK(seL4_CNode_SaveCaller(CNODE, saved, 64));
    CHECK(slot_is_empty(saved)); /* the right to reply went with the fault */
    let_run();
    EQUAL(steps, 7);
}

static volatile u64 info_seen, word_seen;

/* Receives a message and leaves its info word, without the use of a buffer. */
static void receive_raw(u64 cptr, u64 b)
{
    struct registers registers = {{cptr, 0, 0, 0, 0, 0}};

    (void)b;
    system_call(seL4_SysRecv, &registers);
    word_seen = registers.a[5];
    info_seen = registers.a[1];
    helper_stop();
}

/* A handler without a buffer gets the first four words and is told that there are four. */
static void handler_without_buffer(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    struct helper *faulting = helper_new(0, 253, endpoint), *handler = helper_new(1, 254, 0);

    OK(seL4_TCB_SetIPCBuffer(handler->tcb, 0, CNODE));
    helper_start(handler, receive_raw, endpoint, 0);
    seL4_UserContext context = start_at(faulting, ecall_here, FOREIGN);
    let_run();
    EQUAL(info_seen, (u64)seL4_Fault_UnknownSyscall << 12 | 4);
    EQUAL(word_seen, context.a0);
    helper_start(handler, receive_raw, endpoint, 0);
    helper_start(faulting, enter_wait, 1ul << 40, 0);
    let_run();
    EQUAL(info_seen, (u64)seL4_Fault_CapFault << 12 | 4);
    EQUAL(word_seen, seL4_GuardMismatch);
}

/* A call whose receive half cannot be made has replied already; made again, it is only a Recv. */
static void server_of_one(u64 endpoint, u64 bad)
{
    seL4_Recv(endpoint, NULL);
    seL4_ReplyRecv(bad, seL4_MessageInfo_new(9, 0, 0, 0), NULL);
    enter_note(3, 0);
}

static void reply_then_fault(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0), service = object_new(seL4_EndpointObject, 0);
    seL4_CPtr empty = slot_new();
    struct helper *server = helper_new(0, 254, endpoint), *client = helper_new(1, 253, 0);

    steps = 0;
    helper_start(server, server_of_one, service, empty);
    helper_start(client, enter_call, service, 0);
    expect_fault(endpoint, seL4_Fault_CapFault, 5);
    EQUAL(seL4_GetMR(1), empty);
    EQUAL(seL4_GetMR(2), 1);
    let_run();
    EQUAL(steps, 109);
    OK(seL4_CNode_Copy(CNODE, empty, 64, CNODE, service, 64, seL4_AllRights));
    seL4_NBRecv(object_new(seL4_NotificationObject, 0), NULL);
    steps = 0;
    seL4_Reply(seL4_MessageInfo_new(0, 0, 0, 0));
    seL4_Send(service, seL4_MessageInfo_new(0, 0, 0, 0));
    let_run();
    EQUAL(steps, 3);
}

/* ---- The two program counters -------------------------------------------------------------------------- */

static void blocked_pc(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    struct helper *helper = helper_new(0, 254, 0);
    seL4_UserContext context = start_at(helper, ecall_here, (u64)seL4_SysRecv);

    context.a0 = endpoint;
    OK(seL4_TCB_WriteRegisters(helper->tcb, 0, 0, 32, &context));
    let_run();
    seL4_UserContext now = registers_of(helper);
    same_registers(&now, &context);
    OK(seL4_TCB_Suspend(helper->tcb));
    now = registers_of(helper);
    same_registers(&now, &context);
}

/* A thread that has finished its call stands at it until it is suspended; writing no registers at all makes
 * it go back there. */
static void send_twice(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    struct helper *helper = helper_new(0, 254, 0);
    seL4_UserContext context;
    seL4_Word badge;

    steps = 0;
    helper_start(helper, enter_send, cap_mint(endpoint, 15, 5), 0);
    let_run();
    seL4_Recv(endpoint, &badge);
    EQUAL(badge, 5);
    OK(seL4_TCB_WriteRegisters(helper->tcb, 0, 0, 0, &context));
    let_run();
    EQUAL(steps, 0);
    seL4_Recv(endpoint, &badge); /* the second message */
    EQUAL(badge, 5);
    u64 at_call = registers_of(helper).pc;
    OK(seL4_TCB_Suspend(helper->tcb));
    EQUAL(registers_of(helper).pc, at_call + 4);
    OK(seL4_TCB_Resume(helper->tcb));
    let_run();
    EQUAL(steps, 1);
}

static void copied_pc(void)
{
    struct helper *helper = helper_new(0, 254, 0);
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0), tcb = object_new(seL4_TCBObject, 0);
    seL4_UserContext context = start_at(helper, ecall_here, (u64)seL4_SysRecv), copy;

    context.a0 = endpoint;
    OK(seL4_TCB_WriteRegisters(helper->tcb, 0, 0, 32, &context));
    let_run();
    OK(seL4_TCB_CopyRegisters(tcb, helper->tcb, 0, 0, 1, 1, 0));
    OK(seL4_TCB_ReadRegisters(tcb, 0, 0, 32, &copy));
    same_registers(&copy, &context);
}

const struct test fault_rows[] = {
    {"4.6.3 an unknown system call: all eleven words", unknown_message},
    {"4.6.3 an unknown system call: any other number", unknown_numbers},
    {"4.6.3 a reply with a label sets as many registers as it is long, and stops", unknown_reply_lengths},
    {"4.6.3 a reply without a label: the thread goes on with them", unknown_reply},
    {"4.6.3 the same by ReplyRecv", unknown_reply_receive},
    {"4.6.2 a user exception: all four words", exception_message},
    {"4.6.2 a reply with a label sets pc and sp, and stops", exception_reply_lengths},
    {"4.6.2 a reply without a label: the thread goes on with them", exception_reply},
    {"4.6.1 a VM fault: no word of the reply matters", vm_reply},
    {"4.6.1 the same by ReplyRecv", vm_reply_receive},
    {"4.6.1 a VM fault of a store", vm_store},
    {"4.6.4 after a CapFault the call is made again, whatever the reply", cap_reply},
    {"4.6.4 a CapFault of a depth mismatch, in both phases", cap_depth_mismatch},
    {"4.6 a handler without a buffer gets four words", handler_without_buffer},
    {"3.1 ReplyRecv has replied before it faults", reply_then_fault},
    {"9.6 the handler is looked up in the thread's own CSpace, at the time", handler_lookup},
    {"9.6 a fault not received yet can be cancelled", queued_fault},
    {"9.6 the right to reply to a fault can be saved", saved_fault_reply},
    {"9.6 a faulted thread may be resumed instead", resumed_fault},
    {"4.9 a thread that waits stands at its call", blocked_pc},
    {"4.9 a thread that runs stands at its last call until it is suspended", send_twice},
    {"4.9 CopyRegisters takes the pc of a thread that waits", copied_pc},
    {NULL, NULL},
};
