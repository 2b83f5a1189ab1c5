/* What system calls leave in registers: section 3 of the sheet. The names say section and subject. */
#include "test/conformance/conformance.h"

#define BAD_CPTR (1ul << 40)
#define MARK     0x5550 /* what is in the registers before */

static struct registers marked(u64 a0, u64 a1)
{
    return (struct registers){{a0, a1, MARK + 2, MARK + 3, MARK + 4, MARK + 5}};
}

static void same(const struct registers *registers, u32 from)
{
    for (u32 i = from; i < 6; i++)
        EQUAL(registers->a[i], MARK + i);
}

static void receive_signal(s64 number)
{
    seL4_CPtr notification = object_new(seL4_NotificationObject, 0);
    struct registers registers = marked(notification, MARK + 1);

    seL4_Signal(cap_mint(notification, 15, 0x1234567890abcdef));
    system_call(number, &registers);
    EQUAL(registers.a[0], 0x1234567890abcdef);
    same(&registers, 1);
}

static void signal_by_recv(void)
{
    receive_signal(seL4_SysRecv);
}

static void signal_by_nbrecv(void)
{
    receive_signal(seL4_SysNBRecv);
}

static void signal_by_replyrecv(void)
{
    receive_signal(seL4_SysReplyRecv);
}

/* A signal that comes by the bound notification while the thread receives on an endpoint. */
static void bound_signal(void)
{
    seL4_CPtr notification = object_new(seL4_NotificationObject, 0),
              endpoint = object_new(seL4_EndpointObject, 0);
    static const s64 calls[] = {seL4_SysRecv, seL4_SysNBRecv, seL4_SysReplyRecv};

    OK(seL4_TCB_BindNotification(TCB, notification));
    for (u32 i = 0; i < ARRAY_SIZE(calls); i++) {
        struct registers registers = marked(endpoint, MARK + 1);
        seL4_Signal(cap_mint(notification, 15, 7));
        system_call(calls[i], &registers);
        EQUAL(registers.a[0], 7);
        same(&registers, 1);
    }
    OK(seL4_TCB_UnbindNotification(TCB));
}

/* The same with somebody to reply to: the reply is sent, and the signal is received, in one call. */
static void bound_signal_and_reply(void)
{
    seL4_CPtr notification = object_new(seL4_NotificationObject, 0),
              endpoint = object_new(seL4_EndpointObject, 0);

    OK(seL4_TCB_BindNotification(TCB, notification));
    for (u64 priority = 254; priority <= 255; priority++) {
        struct registers registers = {{endpoint, 9ul << 12, MARK + 2, MARK + 3, MARK + 4, MARK + 5}};
        helper_start(helper_new(priority & 1, priority, 0), enter_call, endpoint, 0);
        seL4_Recv(endpoint, NULL);
        seL4_Signal(cap_mint(notification, 15, 7));
        steps = 0;
        system_call(seL4_SysReplyRecv, &registers);
        EQUAL(registers.a[0], 7);
        EQUAL(registers.a[1], 9ul << 12);
        same(&registers, 2);
        let_run();
        EQUAL(steps, 109);
    }
    OK(seL4_TCB_UnbindNotification(TCB));
}

/* The bound notification comes before senders that wait. */
static void bound_signal_first(void)
{
    seL4_CPtr notification = object_new(seL4_NotificationObject, 0),
              endpoint = object_new(seL4_EndpointObject, 0);
    seL4_Word badge = 0;

    helper_start(helper_new(0, 254, 0), enter_send, cap_mint(endpoint, 15, 3), 0);
    let_run();
    OK(seL4_TCB_BindNotification(TCB, notification));
    seL4_Signal(cap_mint(notification, 15, 7));
    seL4_Recv(endpoint, &badge);
    EQUAL(badge, 7);
    seL4_Recv(endpoint, &badge);
    EQUAL(badge, 3);
    OK(seL4_TCB_UnbindNotification(TCB));
}

static void nothing_pending(void)
{
    seL4_CPtr caps[] = {object_new(seL4_EndpointObject, 0), object_new(seL4_NotificationObject, 0)};

    for (u32 i = 0; i < ARRAY_SIZE(caps); i++) {
        struct registers registers = marked(caps[i], MARK + 1);
        system_call(seL4_SysNBRecv, &registers);
        EQUAL(registers.a[0], 0);
        same(&registers, 1);
    }
}

static void call_without_results(void)
{
    struct registers registers = marked(TCB, (u64)TCBResume << 12);

    system_call(seL4_SysCall, &registers);
    EQUAL(registers.a[0], 0);
    EQUAL(registers.a[1], 0);
    same(&registers, 2);
}

/* Results and errors write just the words they have. */
static void call_with_results(void)
{
    struct registers registers = marked(TCB, (u64)TCBSetFlags << 12 | 2);

    registers.a[2] = registers.a[3] = 0;
    system_call(seL4_SysCall, &registers);
    EQUAL(registers.a[0], 0);
    EQUAL(registers.a[1], 1);
    EQUAL(registers.a[2], 0);
    EQUAL(registers.a[3], 0);
    same(&registers, 4);
    registers = marked(seL4_CapInitThreadIPCBuffer, (u64)RISCVPageGetAddress << 12);
    system_call(seL4_SysCall, &registers);
    EQUAL(registers.a[1], 1);
    EQUAL(registers.a[2] % PAGE_SIZE, 0);
    same(&registers, 3);
}

static void call_with_error(void)
{
    struct registers registers = marked(slot_new(), 0);

    system_call(seL4_SysCall, &registers);
    EQUAL(registers.a[0], 0);
    EQUAL(registers.a[1], (u64)seL4_InvalidCapability << 12 | 1);
    EQUAL(registers.a[2], 0);
    same(&registers, 3);
    registers = marked(TCB, 0);
    system_call(seL4_SysCall, &registers);
    EQUAL(registers.a[1], (u64)seL4_IllegalOperation << 12);
    same(&registers, 2);
    registers = marked(CNODE, (u64)CNodeDelete << 12 | 2);
    registers.a[3] = 65;
    system_call(seL4_SysCall, &registers);
    EQUAL(registers.a[1], (u64)seL4_RangeError << 12 | 2);
    EQUAL(registers.a[2], 1);
    EQUAL(registers.a[3], 64);
    same(&registers, 4);
}

/* The longest error has five words; the fifth is in the buffer. */
static void longest_error(void)
{
    struct registers registers = marked(CNODE, (u64)CNodeDelete << 12 | 2);

    registers.a[3] = 13;
    seL4_SetMR(4, MARK);
    seL4_SetMR(5, MARK);
    system_call(seL4_SysCall, &registers);
    EQUAL(registers.a[1], (u64)seL4_FailedLookup << 12 | 5);
    EQUAL(registers.a[2], 0);
    EQUAL(registers.a[3], seL4_GuardMismatch);
    EQUAL(registers.a[4], 13);
    EQUAL(registers.a[5], 0);
    EQUAL(seL4_GetMR(4), 51);
    EQUAL(seL4_GetMR(5), MARK);
}

static volatile u64 outcome[6];

/* Deletes with a depth that gives the longest error; leaves the registers. */
static void fail_long(u64 a, u64 b)
{
    struct registers registers = marked(CNODE, (u64)CNodeDelete << 12 | 2);

    (void)a;
    (void)b;
    registers.a[3] = 13;
    system_call(seL4_SysCall, &registers);
    for (u32 i = 0; i < 6; i++)
        outcome[i] = registers.a[i];
    helper_stop();
}

static void longest_error_cut(void)
{
    struct helper *helper = helper_new(0, 254, 0);

    OK(seL4_TCB_SetIPCBuffer(helper->tcb, 0, CNODE));
    helper_start(helper, fail_long, 0, 0);
    let_run();
    EQUAL(outcome[1], (u64)seL4_FailedLookup << 12 | 4);
    EQUAL(outcome[3], seL4_GuardMismatch);
}

/* Reads another thread's registers without a buffer: what fits into registers is the answer. */
static void read_without_buffer(u64 tcb, u64 b)
{
    struct registers registers = marked(tcb, (u64)TCBReadRegisters << 12 | 2);

    (void)b;
    registers.a[2] = 0;
    registers.a[3] = 32;
    system_call(seL4_SysCall, &registers);
    for (u32 i = 0; i < 6; i++)
        outcome[i] = registers.a[i];
    helper_stop();
}

static void result_cut(void)
{
    struct helper *helper = helper_new(0, 254, 0);
    seL4_CPtr tcb = object_new(seL4_TCBObject, 0);
    seL4_UserContext context = {.pc = 0x100, .ra = 0x101, .sp = 0x102, .gp = 0x103};

    OK(seL4_TCB_WriteRegisters(tcb, 0, 0, 32, &context));
    OK(seL4_TCB_SetIPCBuffer(helper->tcb, 0, CNODE));
    helper_start(helper, read_without_buffer, tcb, 0);
    let_run();
    EQUAL(outcome[1], 4);
    for (u64 i = 0; i < 4; i++)
        EQUAL(outcome[2 + i], 0x100 + i);
}

/* Writes `count` registers of another thread with a message as long as can be, without a buffer. */
static void write_without_buffer(u64 tcb, u64 count)
{
    struct registers registers = {{tcb, (u64)TCBWriteRegisters << 12 | 34, 0, count, 0x200, 0x201}};

    system_call(seL4_SysCall, &registers);
    outcome[1] = registers.a[1];
    helper_stop();
}

static void arguments_cut(void)
{
    struct helper *helper = helper_new(0, 254, 0);
    seL4_CPtr tcb = object_new(seL4_TCBObject, 0);
    seL4_UserContext context = {0};

    OK(seL4_TCB_SetIPCBuffer(helper->tcb, 0, CNODE));
    helper_start(helper, write_without_buffer, tcb, 3);
    let_run();
    EQUAL(outcome[1], (u64)seL4_TruncatedMessage << 12);
    helper_start(helper, write_without_buffer, tcb, 2);
    let_run();
    EQUAL(outcome[1], 0);
    OK(seL4_TCB_ReadRegisters(tcb, 0, 0, 32, &context));
    EQUAL(context.pc, 0x200);
    EQUAL(context.ra, 0x201);
}

static void call_notification(void)
{
    seL4_CPtr notification = object_new(seL4_NotificationObject, 0);
    struct registers registers = marked(notification, 77ul << 12 | 3);

    system_call(seL4_SysCall, &registers);
    EQUAL(registers.a[0], 0);
    EQUAL(registers.a[1], 0);
    same(&registers, 2);
}

/* An endpoint that cannot be sent to: a Call learns so, a Send and an NBSend do nothing at all. */
static void no_right_to_send(void)
{
    seL4_CPtr deaf = cap_copy(object_new(seL4_EndpointObject, 0), 14);
    static const s64 calls[] = {seL4_SysSend, seL4_SysNBSend};
    struct registers registers;

    for (u32 i = 0; i < ARRAY_SIZE(calls); i++) {
        registers = marked(deaf, MARK + 1);
        system_call(calls[i], &registers);
        EQUAL(registers.a[0], deaf);
        same(&registers, 1);
    }
    registers = marked(deaf, 0);
    system_call(seL4_SysCall, &registers);
    EQUAL(registers.a[0], 0);
    EQUAL(registers.a[1], (u64)seL4_InvalidCapability << 12 | 1);
    EQUAL(registers.a[2], 0);
    same(&registers, 3);
}

/* NBSend never faults and never waits. */
static void nbsend_swallows(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    const u64 targets[] = {BAD_CPTR, slot_new(), endpoint, CNODE};
    seL4_Word badge = 9;

    seL4_SetCap(0, BAD_CPTR);
    for (u32 i = 0; i < ARRAY_SIZE(targets); i++) {
        for (u64 caps = 0; caps < 2; caps++) {
            struct registers registers = marked(targets[i], caps << 7);
            system_call(seL4_SysNBSend, &registers);
            EQUAL(registers.a[0], targets[i]);
            EQUAL(registers.a[1], caps << 7);
            same(&registers, 2);
        }
    }
    seL4_NBRecv(endpoint, &badge);
    EQUAL(badge, 0); /* nobody waits there */
}

/* With a bad extra cap an NBSend to a thread that waits is abandoned. */
static void nbsend_bad_cap(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);

    steps = 0;
    helper_start(helper_new(0, 254, 0), enter_wait, endpoint, 1);
    let_run();
    seL4_SetCap(0, BAD_CPTR);
    seL4_NBSend(endpoint, seL4_MessageInfo_new(0, 0, 1, 0));
    let_run();
    EQUAL(steps, 0);
    seL4_NBSend(endpoint, seL4_MessageInfo_new(0, 0, 0, 0));
    let_run();
    EQUAL(steps, 1);
}

static void reply_to_nobody(void)
{
    struct registers registers = marked(MARK, MARK + 1);

    system_call(seL4_SysReply, &registers);
    same(&registers, 0);
}

/* What NBRecv cannot receive on is a fault like that of Recv. */
static void nbrecv_raw(u64 cptr, u64 b)
{
    (void)b;
    seL4_NBRecv(cptr, NULL);
    enter_note(1, 0);
}

static void nbrecv_faults(void)
{
    seL4_CPtr fault = object_new(seL4_EndpointObject, 0), other = object_new(seL4_TCBObject, 0);
    seL4_CPtr bound = object_new(seL4_NotificationObject, 0);
    struct helper *helper = helper_new(0, 254, fault);

    OK(seL4_TCB_BindNotification(other, bound));
    const u64 unsuitable[] = {slot_new(), CNODE, cap_copy(object_new(seL4_EndpointObject, 0), 13),
                              cap_copy(object_new(seL4_NotificationObject, 0), 1), bound};
    for (u32 i = 0; i < ARRAY_SIZE(unsuitable); i++) {
        for (u32 waits = 0; waits < 2; waits++) {
            helper_start(helper, waits ? enter_wait : nbrecv_raw, unsuitable[i], 0);
            EQUAL(seL4_Recv(fault, NULL).words[0], (u64)seL4_Fault_CapFault << 12 | 5);
            EQUAL(seL4_GetMR(1), unsuitable[i]);
            EQUAL(seL4_GetMR(2), 1);
            EQUAL(seL4_GetMR(3), seL4_MissingCapability);
            EQUAL(seL4_GetMR(4), 0);
        }
    }
}

/* A thread may wait on the notification it is bound to. */
static void own_notification(void)
{
    seL4_CPtr notification = object_new(seL4_NotificationObject, 0);
    struct helper *helper = helper_new(0, 254, 0);

    steps = 0;
    OK(seL4_TCB_BindNotification(helper->tcb, notification));
    helper_start(helper, enter_wait, notification, 1);
    let_run();
    seL4_Signal(notification);
    let_run();
    EQUAL(steps, 1);
}

/* ---- Notifications, section 9.7 ------------------------------------------------------------------------ */

static void badges_collect(void)
{
    seL4_CPtr notification = object_new(seL4_NotificationObject, 0);
    seL4_Word badge = 1;

    seL4_Signal(notification); /* active, with nothing to tell */
    seL4_Wait(notification, &badge);
    EQUAL(badge, 0);
    for (u64 bit = 0; bit < 64; bit += 9)
        seL4_Signal(cap_mint(notification, 1, 1ul << bit));
    seL4_Wait(notification, &badge);
    EQUAL(badge, 0x8040201008040201);
    seL4_Poll(notification, &badge);
    EQUAL(badge, 0);
}

static void waiters_fifo(void)
{
    seL4_CPtr notification = object_new(seL4_NotificationObject, 0);

    steps = 0;
    for (u64 i = 0; i < 3; i++) {
        helper_start(helper_new((u32)i, 110 + i, 0), enter_wait, notification, i + 1);
        let_run();
    }
    for (u64 i = 0; i < 3; i++) {
        seL4_Signal(notification); /* one each */
        let_run();
    }
    EQUAL(steps, 123);
}

/* A bound thread that waits for anything but a message or a signal gets the signal later. */
static void bound_but_busy(void)
{
    seL4_CPtr notification = object_new(seL4_NotificationObject, 0),
              endpoint = object_new(seL4_EndpointObject, 0);
    seL4_CPtr signal = cap_mint(notification, 15, 6);
    struct helper *helper = helper_new(0, 254, 0);
    seL4_Word badge = 0;

    steps = 0;
    OK(seL4_TCB_BindNotification(helper->tcb, notification));
    helper_start(helper, enter_call, endpoint, 3);
    let_run();
    seL4_Signal(signal); /* it sends */
    EQUAL(seL4_MessageInfo_get_label(seL4_Recv(endpoint, NULL)), 3);
    seL4_Signal(signal); /* it waits for the reply */
    let_run();
    EQUAL(steps, 0);
    seL4_Reply(seL4_MessageInfo_new(0, 0, 0, 0));
    let_run();
    EQUAL(steps, 100);
    OK(seL4_TCB_UnbindNotification(helper->tcb));
    seL4_Poll(notification, &badge);
    EQUAL(badge, 6);
}

/* Bound, and waiting on an endpoint: after a signal it is on the endpoint's queue no more. */
static void bound_leaves_endpoint(void)
{
    seL4_CPtr notification = object_new(seL4_NotificationObject, 0),
              endpoint = object_new(seL4_EndpointObject, 0);
    struct helper *helper = helper_new(0, 254, 0);

    steps = 0;
    OK(seL4_TCB_BindNotification(helper->tcb, notification));
    helper_start(helper, enter_wait, endpoint, 1);
    let_run();
    seL4_Signal(notification);
    let_run();
    EQUAL(steps, 1);
    helper_start(helper_new(1, 254, 0), enter_send, endpoint, 0);
    let_run();
    EQUAL(steps, 1); /* it still waits to send */
    OK(seL4_CNode_Delete(CNODE, helper->tcb, 64));
    OK(seL4_TCB_BindNotification(TCB, notification)); /* free again */
    OK(seL4_TCB_UnbindNotification(TCB));
}

/* ---- Debug calls, section 3.3 -------------------------------------------------------------------------- */

static void identify(void)
{
    seL4_CPtr handler = slot_new();

    OK(seL4_IRQControl_Get(seL4_CapIRQControl, IRQ_UNUSED, CNODE, handler, 64));
    EQUAL(seL4_DebugCapIdentify(handler), 16);
    EQUAL(seL4_DebugCapIdentify(slot_new()), 0);
    EQUAL(seL4_DebugCapIdentify(BAD_CPTR), 0);
    struct registers registers = marked(TCB, MARK + 1);
    system_call(seL4_SysDebugCapIdentify, &registers);
    EQUAL(registers.a[0], 12);
    same(&registers, 1);
    registers = marked(BAD_CPTR, MARK + 1);
    system_call(seL4_SysDebugCapIdentify, &registers);
    EQUAL(registers.a[0], 0);
    same(&registers, 1);
}

static void name_thread(void)
{
    static const char name[] = "conformance";
    struct registers registers = marked(TCB, MARK + 1);

    for (u64 i = 0; i < sizeof(name); i++)
        ((char *)seL4_GetIPCBuffer()->msg)[i] = name[i];
    system_call(seL4_SysDebugNameThread, &registers);
    EQUAL(registers.a[0], TCB);
    same(&registers, 1);
}

const struct test syscall_rows[] = {
    {"3.2 a signal received by Recv: only the badge", signal_by_recv},
    {"3.2 a signal received by NBRecv: only the badge", signal_by_nbrecv},
    {"3.2 a signal received by ReplyRecv: only the badge", signal_by_replyrecv},
    {"3.2 a signal of the bound notification: only the badge", bound_signal},
    {"9.2 ReplyRecv replies and receives a signal of the bound notification", bound_signal_and_reply},
    {"9.2 a signal of the bound notification comes before senders", bound_signal_first},
    {"3.2 NBRecv without anything: a0 is 0, the rest is kept", nothing_pending},
    {"3.2 a Call without results", call_without_results},
    {"3.2 a Call with results", call_with_results},
    {"3.2 a Call with an error: each has just its words", call_with_error},
    {"6.0 the longest error", longest_error},
    {"6.0 the longest error is cut without a buffer", longest_error_cut},
    {"6.4 ReadRegisters is cut without a buffer", result_cut},
    {"6.0 an invocation is cut to four words without a buffer", arguments_cut},
    {"3.2 a Call of a notification signals and returns", call_notification},
    {"6.5 an endpoint without the right to write, all three calls", no_right_to_send},
    {"3.1 NBSend never faults and never waits", nbsend_swallows},
    {"3.1 NBSend with a bad extra cap is abandoned", nbsend_bad_cap},
    {"3.1 Reply without a caller changes nothing", reply_to_nobody},
    {"7.3 what cannot be received on, by Recv and by NBRecv", nbrecv_faults},
    {"9.2 a thread waits on its own bound notification", own_notification},
    {"9.7 badges collect", badges_collect},
    {"9.7 who waits first is signalled first", waiters_fifo},
    {"9.7 a bound thread that sends or awaits a reply is not disturbed", bound_but_busy},
    {"9.7 a bound thread leaves the endpoint with the signal; deleted, it is unbound", bound_leaves_endpoint},
    {"3.3 DebugCapIdentify", identify},
    {"3.3 DebugNameThread changes no register", name_thread},
    {NULL, NULL},
};
