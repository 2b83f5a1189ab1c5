/* Reply capabilities and cancelled calls: sections 8.6, 9.5 and 9.8 of the sheet. The names say section and
 * subject. */
#include "test/conformance/conformance.h"

/* A helper that has called us, the cap to reply to it in *saved. */
static struct helper *saved_caller(u32 n, seL4_CPtr endpoint, seL4_CPtr *saved)
{
    struct helper *helper = helper_new(n, 254, 0);

    steps = 0;
    *saved = slot_new();
    helper_start(helper, enter_call, endpoint, 3);
    seL4_Recv(endpoint, NULL);
    OK(seL4_CNode_SaveCaller(CNODE, *saved, 64));
    EQUAL(seL4_DebugCapIdentify(*saved), 8);
    return helper;
}

static void reply_by(long number)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0), saved;
    struct registers registers = {{0, 7ul << 12 | 1, 42, 43, 44, 45}};

    saved_caller(0, endpoint, &saved);
    registers.a[0] = saved;
    system_call(number, &registers);
    EQUAL(registers.a[0], number == seL4_SysCall ? 0 : saved);
    EQUAL(registers.a[1], number == seL4_SysCall ? 0 : 7ul << 12 | 1);
    for (u64 i = 2; i < 6; i++)
        EQUAL(registers.a[i], 40 + i);
    CHECK(slot_is_empty(saved));
    let_run();
    EQUAL(steps, 107);
}

static void reply_by_call(void)
{
    reply_by(seL4_SysCall);
}

static void reply_by_send(void)
{
    reply_by(seL4_SysSend);
}

static void reply_by_nbsend(void)
{
    reply_by(seL4_SysNBSend);
}

static void reply_deleted(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0), saved;
    struct helper *helper = saved_caller(0, endpoint, &saved);

    OK(seL4_CNode_Delete(CNODE, saved, 64));
    let_run();
    EQUAL(steps, 0);
    OK(seL4_TCB_Resume(helper->tcb));
    EQUAL(seL4_MessageInfo_get_label(seL4_Recv(endpoint, NULL)), 3); /* the call is made again */
    seL4_Reply(seL4_MessageInfo_new(8, 0, 0, 0));
    let_run();
    EQUAL(steps, 108);
}

/* What ends the wait of a caller takes away the right to reply to it. */
static void reply_gone_with_resume(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0), saved;
    struct helper *helper = saved_caller(0, endpoint, &saved);

    OK(seL4_TCB_Resume(helper->tcb));
    CHECK(slot_is_empty(saved));
    EQUAL(seL4_MessageInfo_get_label(seL4_Recv(endpoint, NULL)), 3);
}

static void reply_gone_with_thread(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0), saved;
    struct helper *helper = saved_caller(0, endpoint, &saved);

    OK(seL4_CNode_Delete(CNODE, helper->tcb, 64));
    CHECK(slot_is_empty(saved));
}

static void reply_gone_with_registers(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0), saved;
    struct helper *helper = saved_caller(0, endpoint, &saved);

    helper_start(helper, enter_note, 5, 0); /* WriteRegisters that resumes */
    CHECK(slot_is_empty(saved));
    let_run();
    EQUAL(steps, 5);
}

static void reply_gone_with_copy(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0), saved;
    struct helper *helper = saved_caller(0, endpoint, &saved);

    OK(seL4_TCB_CopyRegisters(object_new(seL4_TCBObject, 0), helper->tcb, 1, 0, 1, 1, 0));
    CHECK(slot_is_empty(saved));
}

/* Writing registers alone leaves a caller waiting; the reply then meets the new ones. */
static void reply_kept(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0), saved;
    struct helper *helper = saved_caller(0, endpoint, &saved);
    seL4_UserContext context;

    OK(seL4_TCB_ReadRegisters(helper->tcb, 0, 0, 32, &context));
    context.pc = (u64)enter_note;
    context.a2 = 77;
    context.tp = (u64)helper->block;
    OK(seL4_TCB_WriteRegisters(helper->tcb, 0, 0, 32, &context));
    CHECK(!slot_is_empty(saved));
    seL4_SetMR(0, 99);
    seL4_Send(saved, seL4_MessageInfo_new(0, 0, 0, 1));
    OK(seL4_TCB_ReadRegisters(helper->tcb, 0, 0, 32, &context));
    EQUAL(context.a0, 0); /* a badge */
    EQUAL(context.a1, 1);
    EQUAL(context.a2, 99);
    EQUAL(context.pc, (u64)enter_note);
    let_run();
    EQUAL(steps, 0);
}

/* A reply cap can change its place in every way, and is never more than one. */
static void reply_moved(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0), saved, a = slot_new(), b = slot_new();
    seL4_CPtr pivot = cap_copy(TCB, 15);

    saved_caller(0, endpoint, &saved);
    EQUAL(seL4_CNode_Copy(CNODE, a, 64, CNODE, saved, 64, seL4_AllRights), seL4_IllegalOperation);
    EQUAL(seL4_CNode_Mint(CNODE, a, 64, CNODE, saved, 64, seL4_AllRights, 5), seL4_IllegalOperation);
    OK(seL4_CNode_Mutate(CNODE, a, 64, CNODE, saved, 64, 5));
    OK(seL4_CNode_Rotate(CNODE, b, 64, 0, CNODE, pivot, 64, 0, CNODE, a, 64));
    CHECK(slot_is_empty(saved) && slot_is_empty(a));
    OK(seL4_CNode_Revoke(CNODE, pivot, 64));
    EQUAL(seL4_DebugCapIdentify(pivot), 8);
    seL4_Send(pivot, seL4_MessageInfo_new(6, 0, 0, 0));
    CHECK(slot_is_empty(pivot));
    let_run();
    EQUAL(steps, 106);
}

/* Once saved, it outlives the next Recv and serves beside that one's. */
static void two_callers(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0), first;
    struct helper *second = helper_new(1, 254, 0);

    saved_caller(0, endpoint, &first);
    helper_start(second, enter_call, endpoint, 0);
    seL4_Recv(endpoint, NULL);
    seL4_Reply(seL4_MessageInfo_new(2, 0, 0, 0));
    seL4_Reply(seL4_MessageInfo_new(9, 0, 0, 0)); /* to nobody */
    let_run();
    EQUAL(steps, 102);
    seL4_Send(first, seL4_MessageInfo_new(1, 0, 0, 0));
    let_run();
    EQUAL(steps, 101);
}

/* A reply takes caps along if the server's own endpoint cap had grant, whatever the client's had; the
 * endpoint itself goes as a cap, since replies unwrap nothing. */
static void reply_with_cap(u32 n, u64 server_rights, u64 client_rights, u64 arrives)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0), target = slot_new();
    seL4_CPtr server = cap_copy(endpoint, server_rights), client = cap_copy(endpoint, client_rights);
    struct helper *helper = helper_new(n, 254, 0);

    steps = 0;
    helper->buffer->receiveCNode = CNODE;
    helper->buffer->receiveIndex = target;
    helper->buffer->receiveDepth = 64;
    helper_start(helper, enter_call_with_caps, client, 0);
    seL4_Recv(server, NULL);
    seL4_SetCap(0, endpoint);
    seL4_Reply(seL4_MessageInfo_new(0, 0, 1, 0));
    let_run();
    EQUAL(steps, 100 + arrives);
    EQUAL(seL4_DebugCapIdentify(target), arrives ? 4 : 0);
}

static void reply_granting(void)
{
    reply_with_cap(0, 15, 15, 1);
    reply_with_cap(1, 6, 9, 1); /* the client may be replied to, no more */
}

static void reply_not_granting(void)
{
    reply_with_cap(0, 11, 15, 0);
    reply_with_cap(1, 2, 9, 0);
}

/* Bad extra caps of a reply are no fault: the message goes without. */
static void reply_bad_caps(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    struct helper *helper = helper_new(0, 254, 0);

    for (int by_receive = 0; by_receive < 2; by_receive++) {
        steps = 0;
        helper_start(helper, enter_call, endpoint, 0);
        seL4_Recv(endpoint, NULL);
        seL4_SetCap(0, 1ul << 40);
        if (by_receive)
            helper_start(helper_new(1, 253, 0), enter_send, endpoint, 0);
        if (by_receive)
            seL4_ReplyRecv(endpoint, seL4_MessageInfo_new(4, 0, 1, 0), NULL);
        else
            seL4_Reply(seL4_MessageInfo_new(4, 0, 1, 0));
        if (by_receive)
            EQUAL(steps, 104);
        let_run();
        EQUAL(steps, by_receive ? 104 * 10 + 1 : 104);
    }
}

static void reply_receive_without_caller(void)
{
    seL4_CPtr notification = object_new(seL4_NotificationObject, 0), badged = cap_mint(notification, 15, 6);
    seL4_Word badge = 0;

    seL4_Signal(badged);
    seL4_ReplyRecv(notification, seL4_MessageInfo_new(0, 0, 0, 0), &badge);
    EQUAL(badge, 6);
}

/* ---- Cancelling ---------------------------------------------------------------------------------------- */

/* A thread resumed while it waits makes its call again and waits anew, at the end of the queue. */
static void resumed_sender(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    struct helper *h[3];
    seL4_Word badge;

    for (u64 i = 0; i < 3; i++) {
        h[i] = helper_new((u32)i, 254, 0);
        helper_start(h[i], enter_send, cap_mint(endpoint, 15, i + 1), 0);
        let_run();
    }
    OK(seL4_TCB_Resume(h[0]->tcb));
    let_run();
    for (u64 i = 0; i < 3; i++) {
        seL4_Recv(endpoint, &badge);
        EQUAL(badge, (i + 1) % 3 + 1);
    }
}

static void resumed_waiter(void)
{
    seL4_CPtr notification = object_new(seL4_NotificationObject, 0);
    struct helper *h[2];

    steps = 0;
    for (u64 i = 0; i < 2; i++) {
        h[i] = helper_new((u32)i, 254, 0);
        helper_start(h[i], enter_wait, notification, i + 1);
        let_run();
    }
    OK(seL4_TCB_Resume(h[0]->tcb));
    let_run();
    seL4_Signal(notification);
    let_run();
    seL4_Signal(notification);
    let_run();
    EQUAL(steps, 21);
}

static void suspended_waiter(void)
{
    seL4_CPtr notification = object_new(seL4_NotificationObject, 0);
    struct helper *helper = helper_new(0, 254, 0);
    seL4_Word badge = 9;

    steps = 0;
    helper_start(helper, enter_wait, notification, 1);
    let_run();
    OK(seL4_TCB_Suspend(helper->tcb));
    seL4_Signal(cap_mint(notification, 15, 4)); /* nobody waits any more */
    seL4_Poll(notification, &badge);
    EQUAL(badge, 4);
    OK(seL4_TCB_Resume(helper->tcb));
    let_run();
    EQUAL(steps, 0);
    seL4_Signal(notification);
    let_run();
    EQUAL(steps, 1);
}

/* The last cap to an endpoint goes: who sent drops the message, who called learns that the slot is empty, who
 * received faults. */
static void endpoint_gone(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0), fault = object_new(seL4_EndpointObject, 0);
    struct helper *sender = helper_new(0, 254, 0), *caller = helper_new(1, 253, 0),
                  *receiver = helper_new(2, 252, fault);

    steps = 0;
    helper_start(sender, enter_send, endpoint, 0);
    let_run();
    OK(seL4_CNode_Delete(CNODE, endpoint, 64));
    let_run();
    EQUAL(steps, 1);
    OK(seL4_Untyped_Retype(pool, seL4_EndpointObject, 0, CNODE, 0, 0, endpoint, 1));
    helper_start(caller, enter_call, endpoint, 0);
    let_run();
    OK(seL4_CNode_Delete(CNODE, endpoint, 64));
    let_run();
    EQUAL(steps, 100 + seL4_InvalidCapability);
    OK(seL4_Untyped_Retype(pool, seL4_EndpointObject, 0, CNODE, 0, 0, endpoint, 1));
    helper_start(receiver, enter_wait, endpoint, 0);
    let_run();
    OK(seL4_CNode_Delete(CNODE, endpoint, 64));
    EQUAL(seL4_MessageInfo_get_label(seL4_Recv(fault, NULL)), seL4_Fault_CapFault);
    EQUAL(seL4_GetMR(1), endpoint);
    EQUAL(seL4_GetMR(2), 1);
}

static void notification_gone(void)
{
    seL4_CPtr notification = object_new(seL4_NotificationObject, 0),
              fault = object_new(seL4_EndpointObject, 0), other = object_new(seL4_NotificationObject, 0);
    struct helper *helper = helper_new(0, 254, fault);

    OK(seL4_TCB_BindNotification(helper->tcb, notification));
    helper_start(helper, enter_wait, notification, 0);
    let_run();
    OK(seL4_CNode_Delete(CNODE, notification, 64));
    EQUAL(seL4_MessageInfo_get_label(seL4_Recv(fault, NULL)), seL4_Fault_CapFault);
    EQUAL(seL4_GetMR(1), notification);
    OK(seL4_TCB_BindNotification(helper->tcb, other)); /* it is bound no more */
}

/* Only callers with just that badge make their call again; a fault waits as a message too. */
static void cancel_one_badge(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0), badged[2];
    seL4_Word badge;

    for (u64 i = 0; i < 2; i++)
        badged[i] = cap_mint(endpoint, 15, i + 1);
    for (u64 i = 0; i < 4; i++) {
        helper_start(helper_new((u32)i, 254, 0), enter_send, cap_copy(badged[i & 1], 15), 0);
        let_run();
    }
    OK(seL4_CNode_CancelBadgedSends(CNODE, badged[0], 64));
    let_run(); /* the two join the end again */
    static const u64 order[] = {2, 2, 1, 1};
    for (u64 i = 0; i < 4; i++) {
        seL4_Recv(endpoint, &badge);
        EQUAL(badge, order[i]);
    }
}

/* Receivers are not cancelled with the senders of a badge. */
static void cancel_no_receiver(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0), badged = cap_mint(endpoint, 15, 1);

    steps = 0;
    for (u64 i = 0; i < 2; i++) {
        helper_start(helper_new((u32)i, 254, 0), enter_wait, endpoint, i + 1);
        let_run();
    }
    OK(seL4_CNode_CancelBadgedSends(CNODE, badged, 64));
    let_run();
    for (u64 i = 0; i < 2; i++) {
        seL4_Send(endpoint, seL4_MessageInfo_new(0, 0, 0, 0));
        let_run();
    }
    EQUAL(steps, 12);
}

const struct test reply_rows[] = {
    {"6.5 a Call of a reply cap replies, and returns at once", reply_by_call},
    {"6.5 a Send of a reply cap replies", reply_by_send},
    {"6.5 an NBSend of a reply cap replies", reply_by_nbsend},
    {"8.6 deleting a reply cap does not wake the caller", reply_deleted},
    {"8.6 resuming the caller deletes the saved reply cap", reply_gone_with_resume},
    {"8.6 deleting the caller deletes the saved reply cap", reply_gone_with_thread},
    {"8.6 WriteRegisters that resumes the caller deletes the saved reply cap", reply_gone_with_registers},
    {"8.6 CopyRegisters that suspends the caller deletes the saved reply cap", reply_gone_with_copy},
    {"6.4 WriteRegisters that does not resume leaves the caller waiting", reply_kept},
    {"8.1 a reply cap is moved, mutated and rotated, but never copied", reply_moved},
    {"8.6 a saved reply cap outlives the next Recv", two_callers},
    {"8.6 a reply takes caps along by the grant right of the server's cap", reply_granting},
    {"8.6 without it the reply takes none", reply_not_granting},
    {"9.4 bad extra caps of a reply are no fault", reply_bad_caps},
    {"9.2 ReplyRecv without a caller is a Recv", reply_receive_without_caller},
    {"9.8 a sender resumed while it waits sends again, as the last", resumed_sender},
    {"9.8 a thread resumed while it waits for a signal waits again, as the last", resumed_waiter},
    {"9.8 a suspended thread waits for no signal", suspended_waiter},
    {"9.8 the last cap to an endpoint goes: sender, caller, receiver", endpoint_gone},
    {"9.8 the last cap to a notification goes: waiter and binding", notification_gone},
    {"9.8 CancelBadgedSends picks the senders of one badge", cancel_one_badge},
    {"9.8 CancelBadgedSends leaves receivers alone", cancel_no_receiver},
    {NULL, NULL},
};
