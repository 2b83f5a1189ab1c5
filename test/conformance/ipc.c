/* Messages, replies, cap transfer, notifications, faults. */
#include "test/conformance/conformance.h"

#define BAD_ADDRESS 0x3cba987650ul

/* Calls `endpoint` with messages of 0, 1, ... words and checks the answer: each word one more. */
static void caller(u64 endpoint, u64 rounds)
{
    for (u64 length = 0; length < rounds; length++) {
        for (u64 i = 0; i < length; i++)
            seL4_SetMR((int)i, length * 1000 + i);
        seL4_MessageInfo_t answer = seL4_Call(endpoint, seL4_MessageInfo_new(length + 1, 0, 0, length));
        if (seL4_MessageInfo_get_length(answer) != length || seL4_MessageInfo_get_label(answer) != length + 2)
            break;
        for (u64 i = 0; i < length; i++) {
            if (seL4_GetMR((int)i) != length * 1000 + i + 1)
                helper_stop();
        }
        steps++;
    }
    helper_stop();
}

static void call_and_reply(void)
{
    for (u64 priority = 254; priority <= 255; priority++) {
        seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0), badged = cap_mint(endpoint, 15, 77);
        struct helper *helper = helper_new(priority & 1, priority, 0);
        seL4_Word badge;

        steps = 0;
        helper_start(helper, caller, badged, 121);
        seL4_MessageInfo_t message = seL4_Recv(endpoint, &badge);
        for (u64 length = 0;; length++) {
            EQUAL(badge, 77);
            EQUAL(seL4_MessageInfo_get_label(message), length + 1);
            EQUAL(seL4_MessageInfo_get_length(message), length);
            for (u64 i = 0; i < length; i++) {
                EQUAL(seL4_GetMR((int)i), length * 1000 + i);
                seL4_SetMR((int)i, length * 1000 + i + 1);
            }
            message = seL4_MessageInfo_new(length + 2, 0, 0, length);
            if (length == 120)
                break;
            message = seL4_ReplyRecv(endpoint, message, &badge);
        }
        seL4_Reply(message);
        seL4_TCB_SetPriority(TCB, TCB, 100); /* let it finish */
        seL4_Yield();
        EQUAL(steps, 121);
        seL4_TCB_SetPriority(TCB, TCB, 255);
    }
}

static void sender_of_caps(u64 endpoint, u64 count)
{
    for (u64 i = 0; i < count; i++)
        seL4_SetCap((int)i, seL4_GetMR((int)i));
    seL4_Call(endpoint, seL4_MessageInfo_new(0, 0, count, 0));
    steps++;
    helper_stop();
}

static void cap_transfer(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0), target = slot_new();
    seL4_CPtr notification = object_new(seL4_NotificationObject, 0), no_grant = cap_mint(endpoint, 11, 9);
    struct helper *helper = helper_new(0, 254, 0);
    seL4_MessageInfo_t message;
    seL4_Word badge;

    seL4_SetCapReceivePath(CNODE, target, 64);
    /* the endpoint itself arrives as a badge, the notification as a cap */
    helper->buffer->msg[0] = no_grant;
    helper->buffer->msg[1] = notification;
    helper->buffer->msg[2] = endpoint;
    helper_start(helper, sender_of_caps, endpoint, 3);
    message = seL4_Recv(endpoint, &badge);
    EQUAL(seL4_MessageInfo_get_extraCaps(message), 3);
    EQUAL(seL4_MessageInfo_get_capsUnwrapped(message), 5);
    EQUAL(seL4_GetBadge(0), 9);
    EQUAL(seL4_DebugCapIdentify(target), 6);
    seL4_Reply(seL4_MessageInfo_new(0, 0, 0, 0));
    /* the slot is occupied now */
    helper->buffer->msg[0] = notification;
    helper_start(helper, sender_of_caps, endpoint, 1);
    EQUAL(seL4_MessageInfo_get_extraCaps(seL4_Recv(endpoint, &badge)), 0);
    OK(seL4_CNode_Delete(CNODE, target, 64));
    /* at most one cap a message */
    helper->buffer->msg[0] = helper->buffer->msg[1] = notification;
    helper_start(helper, sender_of_caps, endpoint, 2);
    EQUAL(seL4_MessageInfo_get_extraCaps(seL4_Recv(endpoint, &badge)), 1);
    OK(seL4_CNode_Delete(CNODE, target, 64));
    /* without grant nothing goes */
    helper->buffer->msg[0] = notification;
    helper_start(helper, sender_of_caps, no_grant, 1);
    EQUAL(seL4_MessageInfo_get_extraCaps(seL4_Recv(endpoint, &badge)), 0);
    EQUAL(badge, 9);
    CHECK(slot_is_empty(target));
    seL4_SetCapReceivePath(0, 0, 0);
}

static void waiter(u64 object, u64 rounds)
{
    for (u64 i = 0; i < rounds; i++) {
        seL4_Word badge;
        seL4_Wait(object, &badge);
        steps = steps * 16 + badge;
    }
    helper_stop();
}

static void notifications(void)
{
    seL4_CPtr notification = object_new(seL4_NotificationObject, 0),
              endpoint = object_new(seL4_EndpointObject, 0);
    seL4_CPtr one = cap_mint(notification, 15, 1), two = cap_mint(notification, 15, 2);
    struct helper *helper = helper_new(0, 254, 0);
    seL4_Word badge = 99;

    seL4_Poll(notification, &badge);
    EQUAL(badge, 0);
    seL4_Signal(one);
    seL4_Signal(two);
    seL4_Wait(notification, &badge);
    EQUAL(badge, 3);
    EQUAL(sel4_invoke(one, 0, 0, 0, 0, 0, 0, 0), 0);
    seL4_Poll(notification, &badge);
    EQUAL(badge, 1);

    /* bound: the helper waits on the endpoint and gets signals there */
    OK(seL4_TCB_BindNotification(helper->tcb, notification));
    EQUAL(seL4_TCB_BindNotification(TCB, notification), seL4_IllegalOperation);
    steps = 0;
    seL4_TCB_SetPriority(TCB, TCB, 200); /* every signal must switch at once, or two merge */
    helper_start(helper, waiter, endpoint, 3);
    seL4_Signal(one);
    seL4_Signal(two);
    EQUAL(steps, 0x12);
    seL4_Send(endpoint, seL4_MessageInfo_new(0, 0, 0, 0));
    EQUAL(steps, 0x120);
    OK(seL4_TCB_UnbindNotification(helper->tcb));
    EQUAL(seL4_TCB_UnbindNotification(helper->tcb), seL4_IllegalOperation);
    EQUAL(seL4_CNode_Mint(CNODE, slot_new(), 64, CNODE, one, 64, seL4_AllRights, 1), seL4_IllegalOperation);
}

static void fault_reader(u64 a, u64 b)
{
    u64 value = *(volatile u64 *)a;
    steps = value + b;
    helper_stop();
}

static void vm_faults(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0), handler = cap_mint(endpoint, 15, 0xfa);
    struct helper *helper = helper_new(0, 254, handler);
    seL4_UserContext context = {0};
    seL4_Word badge;

    steps = 0;
    helper_start(helper, fault_reader, BAD_ADDRESS, 3);
    seL4_MessageInfo_t message = seL4_Recv(endpoint, &badge);
    EQUAL(badge, 0xfa);
    EQUAL(seL4_MessageInfo_get_label(message), seL4_Fault_VMFault);
    EQUAL(seL4_MessageInfo_get_length(message), seL4_VMFault_Length);
    EQUAL(seL4_GetMR(seL4_VMFault_Addr), BAD_ADDRESS);
    EQUAL(seL4_GetMR(seL4_VMFault_PrefetchFault), 0);
    EQUAL(seL4_GetMR(seL4_VMFault_FSR), 5);
    u64 pc = seL4_GetMR(seL4_VMFault_IP);
    OK(seL4_TCB_ReadRegisters(helper->tcb, 0, 0, 32, &context));
    EQUAL(context.pc, pc);
    EQUAL(context.a1, 3);
    /* Without a page it faults again; with one it goes on. */
    message = seL4_ReplyRecv(endpoint, seL4_MessageInfo_new(0, 0, 0, 0), &badge);
    EQUAL(seL4_MessageInfo_get_label(message), seL4_Fault_VMFault);
    page_new(VSPACE, round_down(BAD_ADDRESS, PAGE_SIZE));
    seL4_Reply(seL4_MessageInfo_new(0, 0, 0, 0));
    seL4_TCB_SetPriority(TCB, TCB, 100);
    EQUAL(steps, 3);
    seL4_TCB_SetPriority(TCB, TCB, 255);
    /* a jump to nowhere */
    helper_start(helper, (void (*)(u64, u64))(BAD_ADDRESS + 4096), 0, 0);
    seL4_Recv(endpoint, &badge);
    EQUAL(seL4_GetMR(seL4_VMFault_IP), BAD_ADDRESS + 4096);
    EQUAL(seL4_GetMR(seL4_VMFault_Addr), BAD_ADDRESS + 4096);
    EQUAL(seL4_GetMR(seL4_VMFault_PrefetchFault), 1);
    EQUAL(seL4_GetMR(seL4_VMFault_FSR), 1);
}

static void foreign_call(u64 a, u64 b)
{
    register u64 a0 __asm__("a0") = a;
    register u64 a1 __asm__("a1") = b;
    register u64 a7 __asm__("a7") = 0xc1;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a7) : "memory");
    steps = a0;
    helper_stop();
}

static void unknown_system_call(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    struct helper *helper = helper_new(0, 254, endpoint);
    seL4_Word badge;

    steps = 0;
    helper_start(helper, foreign_call, 11, 22);
    seL4_MessageInfo_t message = seL4_Recv(endpoint, &badge);
    EQUAL(seL4_MessageInfo_get_label(message), seL4_Fault_UnknownSyscall);
    EQUAL(seL4_MessageInfo_get_length(message), seL4_UnknownSyscall_Length);
    EQUAL(seL4_GetMR(seL4_UnknownSyscall_A0), 11);
    EQUAL(seL4_GetMR(seL4_UnknownSyscall_A1), 22);
    EQUAL(seL4_GetMR(seL4_UnknownSyscall_Syscall), 0xc1);
    /* Made again unless the handler moves the pc. */
    message = seL4_ReplyRecv(endpoint, seL4_MessageInfo_new(0, 0, 0, 0), &badge);
    EQUAL(seL4_GetMR(seL4_UnknownSyscall_Syscall), 0xc1);
    seL4_SetMR(seL4_UnknownSyscall_FaultIP, seL4_GetMR(seL4_UnknownSyscall_FaultIP) + 4);
    seL4_SetMR(seL4_UnknownSyscall_A0, 33);
    seL4_Reply(seL4_MessageInfo_new(0, 0, 0, seL4_UnknownSyscall_A0 + 1));
    seL4_TCB_SetPriority(TCB, TCB, 100);
    EQUAL(steps, 33);
    seL4_TCB_SetPriority(TCB, TCB, 255);
    /* another label leaves it inactive */
    helper_start(helper, foreign_call, 1, 2);
    seL4_Recv(endpoint, &badge);
    seL4_Reply(seL4_MessageInfo_new(1, 0, 0, 0));
    seL4_NBRecv(endpoint, &badge);
    seL4_TCB_SetPriority(TCB, TCB, 100);
    EQUAL(steps, 33);
}

static void illegal_instruction(u64 a, u64 b)
{
    (void)a;
    (void)b;
    __asm__ volatile(".word 0xffffffff");
    helper_stop();
}

static void after_illegal(void)
{
    steps = 5;
    helper_stop();
}

static void user_exception(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    struct helper *helper = helper_new(0, 254, endpoint);
    seL4_Word badge;

    steps = 0;
    helper_start(helper, illegal_instruction, 0, 0);
    seL4_MessageInfo_t message = seL4_Recv(endpoint, &badge);
    EQUAL(seL4_MessageInfo_get_label(message), seL4_Fault_UserException);
    EQUAL(seL4_MessageInfo_get_length(message), seL4_UserException_Length);
    EQUAL(seL4_GetMR(seL4_UserException_Number), 2);
    EQUAL(seL4_GetMR(seL4_UserException_Code), 0);
    seL4_SetMR(0, (u64)after_illegal);
    seL4_Reply(seL4_MessageInfo_new(0, 0, 0, 1));
    seL4_TCB_SetPriority(TCB, TCB, 100);
    EQUAL(steps, 5);
}

static void receive_on(u64 cptr, u64 b)
{
    (void)b;
    seL4_Wait(cptr, NULL);
    steps++;
    helper_stop();
}

static void cap_faults(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0), other = object_new(seL4_EndpointObject, 0);
    seL4_CPtr no_read = cap_mint(other, 13, 0);
    struct helper *helper = helper_new(0, 254, endpoint);
    seL4_Word badge;

    steps = 0;
    helper_start(helper, receive_on, no_read, 0);
    seL4_MessageInfo_t message = seL4_Recv(endpoint, &badge);
    EQUAL(seL4_MessageInfo_get_label(message), seL4_Fault_CapFault);
    EQUAL(seL4_MessageInfo_get_length(message), 5);
    EQUAL(seL4_GetMR(seL4_CapFault_Addr), no_read);
    EQUAL(seL4_GetMR(seL4_CapFault_InRecvPhase), 1);
    EQUAL(seL4_GetMR(seL4_CapFault_LookupFailureType), seL4_MissingCapability);
    EQUAL(seL4_GetMR(seL4_CapFault_BitsLeft), 0);
    helper_start(helper, receive_on, 1ul << 40, 0);
    message = seL4_Recv(endpoint, &badge);
    EQUAL(seL4_MessageInfo_get_length(message), 7);
    EQUAL(seL4_GetMR(seL4_CapFault_LookupFailureType), seL4_GuardMismatch);
    EQUAL(seL4_GetMR(4), 64);
    EQUAL(seL4_GetMR(5), 0);
    EQUAL(seL4_GetMR(6), 64 - CONFIG_ROOT_CNODE_SIZE_BITS);
    /* a wrong extra cap comes before everything else; NBSend swallows it */
    seL4_SetCap(0, 1ul << 40);
    seL4_NBSend(slot_new(), seL4_MessageInfo_new(0, 0, 1, 0));
}

static void call_once(u64 endpoint, u64 b)
{
    seL4_MessageInfo_t answer = seL4_Call(endpoint, seL4_MessageInfo_new(b, 0, 0, 0));
    steps = 100 + seL4_MessageInfo_get_label(answer);
    helper_stop();
}

static void reply_caps(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0), saved = slot_new(), moved = slot_new();
    seL4_CPtr no_reply = cap_mint(endpoint, 1, 4); /* write only */
    struct helper *helper = helper_new(0, 254, 0);
    seL4_Word badge;

    steps = 0;
    helper_start(helper, call_once, endpoint, 0);
    seL4_Recv(endpoint, &badge);
    OK(seL4_CNode_SaveCaller(CNODE, saved, 64));
    EQUAL(seL4_DebugCapIdentify(saved), 8);
    EQUAL(seL4_CNode_Copy(CNODE, moved, 64, CNODE, saved, 64, seL4_AllRights), seL4_IllegalOperation);
    OK(seL4_CNode_Move(CNODE, moved, 64, CNODE, saved, 64));
    seL4_Send(moved, seL4_MessageInfo_new(7, 0, 0, 0));
    CHECK(slot_is_empty(moved));
    seL4_TCB_SetPriority(TCB, TCB, 100);
    EQUAL(steps, 107);
    seL4_TCB_SetPriority(TCB, TCB, 255);
    /* suspending the caller takes the cap away, wherever it is */
    helper_start(helper, call_once, endpoint, 0);
    seL4_Recv(endpoint, &badge);
    OK(seL4_CNode_SaveCaller(CNODE, saved, 64));
    OK(seL4_TCB_Suspend(helper->tcb));
    CHECK(slot_is_empty(saved));
    /* Resumed, it makes the call again. */
    OK(seL4_TCB_Resume(helper->tcb));
    seL4_Recv(endpoint, &badge);
    seL4_Reply(seL4_MessageInfo_new(8, 0, 0, 0));
    seL4_TCB_SetPriority(TCB, TCB, 100);
    EQUAL(steps, 108);
    seL4_TCB_SetPriority(TCB, TCB, 255);
    /* without grant and grant-reply: delivered, but the caller stops */
    helper_start(helper, call_once, no_reply, 3);
    seL4_MessageInfo_t message = seL4_Recv(endpoint, &badge);
    EQUAL(badge, 4);
    EQUAL(seL4_MessageInfo_get_label(message), 3);
    OK(seL4_CNode_SaveCaller(CNODE, saved, 64));
    CHECK(slot_is_empty(saved));
    OK(seL4_TCB_Resume(helper->tcb));
    EQUAL(seL4_MessageInfo_get_label(seL4_Recv(endpoint, &badge)), 3);
    /* write is needed to send at all */
    EQUAL(sel4_invoke(cap_mint(endpoint, 2, 0), 0, 0, 0, 0, 0, 0, 0), seL4_InvalidCapability);
}

static void cancelled_calls(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0), a = cap_mint(endpoint, 15, 1);
    seL4_CPtr b = cap_mint(endpoint, 15, 2), copy_a = cap_copy(a, 15), copy_b = cap_copy(b, 15);
    struct helper *first = helper_new(0, 254, 0), *second = helper_new(1, 254, 0);
    seL4_Word badge;

    steps = 0;
    helper_start(first, call_once, copy_a, 0);
    helper_start(second, call_once, copy_b, 0);
    seL4_TCB_SetPriority(TCB, TCB, 100); /* both are queued now */
    seL4_TCB_SetPriority(TCB, TCB, 255);
    EQUAL(seL4_CNode_CancelBadgedSends(CNODE, TCB, 64), seL4_IllegalOperation);
    OK(seL4_CNode_CancelBadgedSends(CNODE, endpoint, 64));
    OK(seL4_CNode_Revoke(CNODE, a, 64));
    OK(seL4_CNode_CancelBadgedSends(CNODE, a, 64));
    seL4_TCB_SetPriority(TCB, TCB, 100);
    EQUAL(steps, 100 + seL4_InvalidCapability); /* its cap is gone, and it called again */
    seL4_TCB_SetPriority(TCB, TCB, 255);
    steps = 0;
    seL4_NBRecv(endpoint, &badge);
    EQUAL(badge, 2);
    helper_start(second, call_once, copy_b, 0);
    seL4_TCB_SetPriority(TCB, TCB, 100);
    seL4_TCB_SetPriority(TCB, TCB, 255);
    OK(seL4_CNode_Revoke(CNODE, endpoint, 64));
    OK(seL4_CNode_Delete(CNODE, endpoint, 64));
    seL4_TCB_SetPriority(TCB, TCB, 100);
    EQUAL(steps, 100 + seL4_InvalidCapability);
}

const struct test ipc_tests[] = {
    {"ipc: call, reply, all lengths", call_and_reply},
    {"ipc: cap transfer", cap_transfer},
    {"ipc: notifications and binding", notifications},
    {"ipc: reply caps", reply_caps},
    {"ipc: cancelled calls", cancelled_calls},
    {"fault: vm", vm_faults},
    {"fault: unknown system call", unknown_system_call},
    {"fault: user exception", user_exception},
    {"fault: capability", cap_faults},
    {NULL, NULL},
};
