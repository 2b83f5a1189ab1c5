/*
 * Very long wait queues: two thousand threads that wait for one endpoint or notification.
 *
 * What is asked for is that each of them goes on when the object's last capability is deleted, or those with
 * the badge when sends are cancelled. Whoever measures how long interrupts are off (micro/bounded) finds here
 * what makes that long in a kernel that empties a queue in one go.
 *
 * A waiter is one system call without a stack or a buffer. What it used is gone when it goes on, so that the
 * repeated call is a fault, and the faults can be counted at their handler's endpoint.
 */
#include "test/conformance/conformance.h"

#define RADIX      11
#define WAITERS    (1u << RADIX)
#define AT_ONCE    256 /* as many as one Retype makes */
#define PRIORITY   254
#define FAULT      9
#define BADGE      77
#define OTHER      78
#define OTHER_EACH 4 /* every fourth sender has the other badge */

static seL4_CPtr untyped, cnode, faults, tcb; /* `tcb`: a slot for the one that is being started */

static __attribute__((naked)) void wait_once(void)
{
    __asm__ volatile("ecall");
}

/* Lets everybody of PRIORITY run until all wait. */
static void let_waiters_run(void)
{
    seL4_TCB_SetPriority(TCB, TCB, PRIORITY - 1);
    seL4_TCB_SetPriority(TCB, TCB, seL4_MaxPrio);
}

static void make_waiters(void)
{
    untyped = object_new(seL4_UntypedObject, RADIX + seL4_TCBBits);
    cnode = object_new(seL4_CapTableObject, RADIX);
    tcb = slot_new();
    faults = cap_mint(object_new(seL4_EndpointObject, 0), 15, FAULT);
    for (u32 i = 0; i < WAITERS; i += AT_ONCE)
        OK(seL4_Untyped_Retype(untyped, seL4_TCBObject, 0, CNODE, cnode, 64, i, AT_ONCE));
}

/* Waiter `i` makes system call `number` of `cap`. */
static void start_waiter(u32 i, s64 number, seL4_CPtr cap)
{
    seL4_UserContext context = {.pc = (u64)wait_once, .a0 = cap, .a7 = (u64)number};

    OK(seL4_CNode_Move(CNODE, tcb, 64, cnode, i, RADIX));
    OK(seL4_TCB_SetSpace(tcb, faults, CNODE, 0, VSPACE, 0));
    OK(seL4_TCB_SetSchedParams(tcb, TCB, 0, PRIORITY));
    OK(seL4_TCB_WriteRegisters(tcb, 1, 0, 32, &context));
    OK(seL4_CNode_Move(cnode, i, RADIX, CNODE, tcb, 64));
}

/* Number of messages that wait at `endpoint` with `badge`. */
static u32 messages(seL4_CPtr endpoint, u64 badge)
{
    seL4_Word sender;
    u32 count = 0;

    let_waiters_run();
    for (;;) {
        seL4_NBRecv(endpoint, &sender);
        if (sender != badge)
            return count;
        count++;
    }
}

static void delete_with_waiters(u64 type)
{
    seL4_CPtr object = object_new(type, 0);

    make_waiters();
    for (u32 i = 0; i < WAITERS; i++)
        start_waiter(i, seL4_SysRecv, object);
    let_waiters_run();
    OK(seL4_CNode_Revoke(CNODE, object, 64));
    EQUAL(messages(faults, FAULT), 0);
    OK(seL4_CNode_Delete(CNODE, object, 64));
    EQUAL(messages(faults, FAULT), WAITERS);
    OK(seL4_CNode_Revoke(CNODE, untyped, 64));
}

static void delete_endpoint(void)
{
    delete_with_waiters(seL4_EndpointObject);
}

static void delete_notification(void)
{
    delete_with_waiters(seL4_NotificationObject);
}

static void cancel_sends(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0), badged = cap_mint(endpoint, 15, BADGE);
    seL4_CPtr used = cap_copy(badged, 15), other = cap_mint(endpoint, 15, OTHER);

    make_waiters();
    for (u32 i = 0; i < WAITERS; i++)
        start_waiter(i, seL4_SysSend, i % OTHER_EACH ? used : other);
    let_waiters_run();
    OK(seL4_CNode_Delete(CNODE, used, 64));
    EQUAL(messages(faults, FAULT), 0);
    OK(seL4_CNode_CancelBadgedSends(CNODE, badged, 64));
    EQUAL(messages(faults, FAULT), WAITERS - WAITERS / OTHER_EACH);
    EQUAL(messages(endpoint, OTHER), WAITERS / OTHER_EACH);
    OK(seL4_CNode_Revoke(CNODE, untyped, 64));
}

const struct test queue_tests[] = {
    {"12.4 deleting an endpoint with very many waiters", delete_endpoint},
    {"12.4 deleting a notification with very many waiters", delete_notification},
    {"6.3 CancelBadgedSends among very many senders", cancel_sends},
    {NULL, NULL},
};
