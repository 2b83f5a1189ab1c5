/* Who runs next: section 10 of the sheet. Each test lets helpers leave a digit when they run, so the order is
 * a number. The names say section and row. */
#include "test/conformance/conformance.h"

#define MIDDLE 100 /* our own priority while we look who runs beside us */

static void own_priority(u64 priority)
{
    OK(seL4_TCB_SetPriority(TCB, TCB, priority));
}

/* Waits until our time slice is new, so that its end comes into no test that runs beside equals: it is over
 * when a thread beside us gets on, and that one's must be over before we go on with the next. */
static void new_slice(void)
{
    static volatile u64 counter;
    struct helper *spinner = helper_new(HELPERS - 1, MIDDLE, 0);
    u64 before = counter;

    own_priority(MIDDLE);
    helper_start(spinner, enter_spin, (u64)&counter, 0);
    while (counter == before)
        ;
    OK(seL4_TCB_Suspend(spinner->tcb));
    own_priority(255);
}

/* Helpers 1, 2, ... of one priority, made but not started. */
static void helpers_new(struct helper **helpers, u32 count, u64 priority)
{
    for (u32 i = 0; i < count; i++)
        helpers[i] = helper_new(i, priority, 0);
    new_slice();
    steps = 0;
}

/* Helpers 1 to `count`, each waiting on a notification of its own. */
static void waiters_new(struct helper **helpers, seL4_CPtr *notifications, u32 count, u64 priority)
{
    helpers_new(helpers, count, priority);
    for (u32 i = 0; i < count; i++) {
        notifications[i] = object_new(seL4_NotificationObject, 0);
        helper_start(helpers[i], enter_wait, notifications[i], i + 1);
        let_run();
    }
}

/* Resumed threads of our own priority come right behind us, the last one first. */
static void resume_equal(void)
{
    struct helper *h[3];

    helpers_new(h, 3, MIDDLE);
    own_priority(MIDDLE);
    for (u32 i = 0; i < 3; i++)
        helper_start(h[i], enter_note, i + 1, 0);
    EQUAL(steps, 0);
    seL4_Yield();
    EQUAL(steps, 321);
}

static void resume_lower(void)
{
    struct helper *h[3];

    helpers_new(h, 3, MIDDLE);
    for (u32 i = 0; i < 3; i++)
        helper_start(h[i], enter_note, i + 1, 0);
    let_run();
    EQUAL(steps, 321);
}

static void resume_higher(void)
{
    struct helper *h[3];

    helpers_new(h, 3, MIDDLE + 1);
    own_priority(MIDDLE);
    for (u32 i = 0; i < 3; i++) {
        helper_start(h[i], enter_note, i + 1, 0);
        EQUAL(steps % 10, i + 1);
    }
    EQUAL(steps, 123);
}

/* Woken threads of our own priority queue up behind all there are; a resumed one stays in front of them. */
static void wake_equal(void)
{
    struct helper *h[4];
    seL4_CPtr notifications[3];

    waiters_new(h, notifications, 3, MIDDLE);
    h[3] = helper_new(3, MIDDLE, 0);
    own_priority(MIDDLE);
    seL4_Signal(notifications[1]);
    seL4_Signal(notifications[0]);
    helper_start(h[3], enter_note, 4, 0);
    seL4_Signal(notifications[2]);
    EQUAL(steps, 0);
    seL4_Yield();
    EQUAL(steps, 4213);
}

static void wake_lower(void)
{
    struct helper *h[3];
    seL4_CPtr notifications[3];

    waiters_new(h, notifications, 3, MIDDLE - 1);
    own_priority(MIDDLE);
    for (u32 i = 0; i < 3; i++)
        seL4_Signal(notifications[i]);
    EQUAL(steps, 0);
    let_run();
    EQUAL(steps, 321);
}

/* A higher thread runs before we do anything else; we come back before our equals. */
static void wake_higher(void)
{
    struct helper *h[3], *equal;
    seL4_CPtr notifications[3];

    waiters_new(h, notifications, 3, MIDDLE + 1);
    equal = helper_new(3, MIDDLE, 0);
    own_priority(MIDDLE);
    helper_start(equal, enter_note, 9, 0);
    for (u32 i = 0; i < 3; i++) {
        seL4_Signal(notifications[i]);
        EQUAL(steps % 10, i + 1);
    }
    EQUAL(steps, 123);
    seL4_Yield();
    EQUAL(steps, 1239);
}

static void yield_order(void)
{
    struct helper *h[2];

    helpers_new(h, 2, MIDDLE);
    own_priority(MIDDLE);
    helper_start(h[0], enter_note, 1, 0);
    seL4_Yield(); /* only who was queued before us */
    EQUAL(steps, 1);
    helper_start(h[1], enter_note, 2, 0);
    seL4_Yield();
    EQUAL(steps, 12);
    seL4_Yield();
    EQUAL(steps, 12);
}

/* SetPriority on a queued thread takes it off its queue and puts it where a woken one would go, even with the
 * value it has already. */
static void set_equal(void)
{
    struct helper *h[3];

    helpers_new(h, 3, MIDDLE);
    own_priority(MIDDLE);
    for (u32 i = 0; i < 3; i++)
        helper_start(h[i], enter_note, i + 1, 0); /* the queue: 3 2 1 */
    OK(seL4_TCB_SetPriority(h[2]->tcb, TCB, MIDDLE));
    seL4_Yield();
    EQUAL(steps, 213);
}

static void set_lower(void)
{
    struct helper *h[3];

    helpers_new(h, 3, MIDDLE - 1);
    for (u32 i = 0; i < 3; i++)
        helper_start(h[i], enter_note, i + 1, 0); /* the queue: 3 2 1 */
    OK(seL4_TCB_SetPriority(h[0]->tcb, TCB, MIDDLE - 1));
    let_run();
    EQUAL(steps, 132);
}

static void set_higher(void)
{
    struct helper *h[3];

    helpers_new(h, 3, MIDDLE - 1);
    own_priority(MIDDLE);
    for (u32 i = 0; i < 3; i++)
        helper_start(h[i], enter_note, i + 1, 0);
    OK(seL4_TCB_SetPriority(h[1]->tcb, TCB, MIDDLE + 1));
    EQUAL(steps, 2);
    OK(seL4_TCB_SetSchedParams(h[0]->tcb, TCB, 0, MIDDLE + 1));
    EQUAL(steps, 21);
    OK(seL4_TCB_SetPriority(h[2]->tcb, TCB, MIDDLE));
    EQUAL(steps, 21);
    seL4_Yield();
    EQUAL(steps, 213);
}

/* SetSchedParams moves a thread like SetPriority; SetMCPriority moves nobody. */
static void sched_params(void)
{
    struct helper *h[3];

    helpers_new(h, 3, MIDDLE);
    own_priority(MIDDLE);
    for (u32 i = 0; i < 3; i++)
        helper_start(h[i], enter_note, i + 1, 0);
    OK(seL4_TCB_SetSchedParams(h[2]->tcb, TCB, 1, MIDDLE));
    OK(seL4_TCB_SetMCPriority(h[1]->tcb, TCB, 0));
    OK(seL4_TCB_SetMCPriority(h[0]->tcb, TCB, 255));
    EQUAL(steps, 0);
    seL4_Yield();
    EQUAL(steps, 213);
}

/* A thread that waits keeps its place in the endpoint's queue, whatever its priority becomes. */
static void set_waiting(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    struct helper *h[3];

    helpers_new(h, 3, MIDDLE);
    for (u32 i = 0; i < 3; i++) {
        helper_start(h[i], enter_wait, endpoint, i + 1);
        let_run();
    }
    OK(seL4_TCB_SetPriority(h[2]->tcb, TCB, 254));
    OK(seL4_TCB_SetPriority(h[0]->tcb, TCB, LOW + 1));
    own_priority(LOW);
    for (u32 i = 0; i < 3; i++)
        seL4_Send(endpoint, seL4_MessageInfo_new(0, 0, 0, 0));
    EQUAL(steps, 123);
}

/* Our own new priority puts us in front of our new equals, and behind whoever is higher now. */
static void set_own(void)
{
    struct helper *h[2];

    helpers_new(h, 2, MIDDLE - 1);
    OK(seL4_TCB_SetPriority(h[1]->tcb, TCB, MIDDLE));
    own_priority(MIDDLE + 1);
    helper_start(h[0], enter_note, 1, 0);
    helper_start(h[1], enter_note, 2, 0);
    own_priority(MIDDLE);
    EQUAL(steps, 0);
    own_priority(MIDDLE - 1);
    EQUAL(steps, 2);
    own_priority(MIDDLE - 1);
    EQUAL(steps, 2);
    seL4_Yield();
    EQUAL(steps, 21);
}

static void domain_set(void)
{
    struct helper *h[3];

    helpers_new(h, 3, MIDDLE);
    own_priority(MIDDLE);
    for (u32 i = 0; i < 3; i++)
        helper_start(h[i], enter_note, i + 1, 0); /* the queue: 3 2 1 */
    OK(seL4_DomainSet_Set(seL4_CapDomain, 0, h[0]->tcb));
    OK(seL4_DomainSet_Set(seL4_CapDomain, 0, TCB));
    EQUAL(steps, 0);
    seL4_Yield();
    EQUAL(steps, 132);
}

/* Several woken at once come in front of their queue; we stay in front of them. */
static void cancel_equal(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0), badged = cap_mint(endpoint, 15, 5);
    struct helper *h[3];
    seL4_Word badge;

    helpers_new(h, 3, MIDDLE);
    for (u32 i = 0; i < 2; i++) {
        helper_start(h[i], enter_send, badged, i);
        let_run();
    }
    own_priority(MIDDLE);
    helper_start(h[2], enter_send, cap_mint(endpoint, 15, 6), 2);
    OK(seL4_CNode_CancelBadgedSends(CNODE, badged, 64));
    seL4_NBRecv(endpoint, &badge);
    EQUAL(badge, 0); /* nobody has run yet */
    seL4_Yield();    /* all send, in the order of the queue */
    for (u64 i = 0; i < 3; i++)
        EQUAL(seL4_MessageInfo_get_label(seL4_Recv(endpoint, NULL)), i == 0 ? 1 : i == 1 ? 0 : 2);
}

/* The order in which cancelled threads run: who queued last runs first. */
static void cancel_order(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0), fault = object_new(seL4_EndpointObject, 0);
    seL4_Word badge;

    for (u32 i = 0; i < 3; i++) {
        struct helper *helper = helper_new(i, MIDDLE, cap_mint(fault, 15, i + 1));
        helper_start(helper, enter_wait, endpoint, 0);
        let_run();
    }
    OK(seL4_CNode_Delete(CNODE, endpoint, 64));
    let_run(); /* each faults, since the slot is empty now */
    for (u64 i = 3; i > 0; i--) {
        seL4_Recv(fault, &badge);
        EQUAL(badge, i);
    }
}

/* ---- Who runs after a message -------------------------------------------------------------------------- */

static void server(u64 endpoint, u64 digit)
{
    seL4_Recv(endpoint, NULL);
    for (;;) {
        steps = steps * 10 + digit;
        seL4_ReplyRecv(endpoint, seL4_MessageInfo_new(0, 0, 0, 0), NULL);
    }
}

/* Ourselves at MIDDLE, calling helper 0 of `priority`, which answers. Before that helper 1 was made ready
 * with `other`. */
static u64 order_of_call(u64 priority, u64 other)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    struct helper *called = helper_new(0, priority, 0), *ready = helper_new(1, other, 0);

    new_slice();
    steps = 0;
    helper_start(called, server, endpoint, 1);
    own_priority(1);
    own_priority(MIDDLE);
    helper_start(ready, enter_note, 2, 0);
    seL4_Call(endpoint, seL4_MessageInfo_new(0, 0, 0, 0));
    u64 order = steps;
    own_priority(1);
    own_priority(255);
    OK(seL4_CNode_Delete(CNODE, called->tcb, 64));
    end_test();
    return order;
}

/* A call goes to its receiver at once if that is no lower, or if nobody ready is higher than it. */
static void call_order(void)
{
    EQUAL(order_of_call(MIDDLE + 1, MIDDLE), 1);
    EQUAL(order_of_call(MIDDLE, MIDDLE), 1);
    EQUAL(order_of_call(MIDDLE - 2, MIDDLE - 2), 1);
    EQUAL(order_of_call(MIDDLE - 2, MIDDLE - 3), 1);
    EQUAL(order_of_call(MIDDLE - 2, MIDDLE - 1), 21);
    EQUAL(order_of_call(MIDDLE - 2, MIDDLE), 21);
}

/* The reply by ReplyRecv goes to the caller in the same way. */
static void caller(u64 endpoint, u64 digit)
{
    seL4_Call(endpoint, seL4_MessageInfo_new(0, 0, 0, 0));
    enter_note(digit, 0);
}

static u64 order_of_reply(u64 priority, u64 other)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    struct helper *calling = helper_new(0, priority, 0), *ready = helper_new(1, other, 0),
                  *last = helper_new(2, 2, 0);

    new_slice();
    steps = 0;
    helper_start(calling, caller, endpoint, 1);
    seL4_Recv(endpoint, NULL);
    own_priority(MIDDLE);
    helper_start(ready, enter_note, 2, 0);
    helper_start(last, enter_send, endpoint, 0);
    seL4_ReplyRecv(endpoint, seL4_MessageInfo_new(0, 0, 0, 0), NULL);
    u64 order = steps;
    own_priority(1);
    own_priority(255);
    end_test();
    return order;
}

static void reply_order(void)
{
    EQUAL(order_of_reply(MIDDLE + 1, MIDDLE), 12);
    EQUAL(order_of_reply(MIDDLE, MIDDLE), 12);
    EQUAL(order_of_reply(MIDDLE - 2, MIDDLE - 2), 12);
    EQUAL(order_of_reply(MIDDLE - 2, MIDDLE - 3), 12);
    EQUAL(order_of_reply(MIDDLE - 2, MIDDLE - 1), 21);
    EQUAL(order_of_reply(MIDDLE - 2, MIDDLE), 21);
}

/* A reply that leaves us running: a higher caller runs at once, an equal one behind its equals, a lower one
 * in front of its. */
static void plain_reply(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);

    new_slice();
    static const struct {
        u64 priority, at_once, at_last;
    } rows[] = {{MIDDLE + 1, 1, 12}, {MIDDLE, 0, 21}, {MIDDLE - 1, 0, 12}};
    for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
        u64 priority = rows[i].priority;
        struct helper *calling = helper_new(i, priority, 0);
        struct helper *ready = helper_new(i + 2, priority > MIDDLE ? MIDDLE : priority, 0);
        steps = 0;
        helper_start(calling, caller, endpoint, 1);
        seL4_Recv(endpoint, NULL);
        own_priority(MIDDLE);
        helper_start(ready, enter_note, 2, 0);
        seL4_Reply(seL4_MessageInfo_new(0, 0, 0, 0));
        EQUAL(steps, rows[i].at_once);
        let_run();
        EQUAL(steps, rows[i].at_last);
        OK(seL4_CNode_Delete(CNODE, calling->tcb, 64));
        OK(seL4_CNode_Delete(CNODE, ready->tcb, 64));
        OK(seL4_CNode_Delete(CNODE, calling->buffer_frame, 64));
        OK(seL4_CNode_Delete(CNODE, ready->buffer_frame, 64));
    }
}

/* A Recv that takes the message of a higher sender lets that run at once. */
static void pending_sender(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    struct helper *helper = helper_new(0, MIDDLE + 1, 0);

    steps = 0;
    helper_start(helper, enter_send, endpoint, 0);
    let_run();
    own_priority(MIDDLE);
    seL4_NBRecv(endpoint, NULL);
    EQUAL(steps, 1);
}

/* A Send to a waiting thread: higher runs at once, equal and lower do not. */
static void send_order(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    struct helper *h[3];

    helpers_new(h, 3, MIDDLE);
    for (u32 i = 0; i < 3; i++) {
        OK(seL4_TCB_SetPriority(h[i]->tcb, TCB, (u64)MIDDLE + 1 - i));
        helper_start(h[i], enter_wait, endpoint, i + 1);
        let_run();
    }
    own_priority(MIDDLE);
    seL4_Send(endpoint, seL4_MessageInfo_new(0, 0, 0, 0));
    EQUAL(steps, 1);
    seL4_NBSend(endpoint, seL4_MessageInfo_new(0, 0, 0, 0));
    EQUAL(steps, 1);
    seL4_Send(endpoint, seL4_MessageInfo_new(0, 0, 0, 0));
    EQUAL(steps, 1);
    seL4_Yield();
    EQUAL(steps, 12);
    let_run();
    EQUAL(steps, 123);
}

/* A thread that suspends itself leaves the hart to the best of the others. */
static void suspend_self(u64 tcb, u64 digit)
{
    steps = steps * 10 + digit;
    seL4_TCB_Suspend(tcb);
    helper_stop();
}

static void suspend_order(void)
{
    struct helper *h[3];

    helpers_new(h, 3, MIDDLE);
    OK(seL4_TCB_SetPriority(h[1]->tcb, TCB, MIDDLE + 1));
    for (u32 i = 0; i < 3; i++)
        helper_start(h[i], suspend_self, h[i]->tcb, i + 1);
    let_run();
    EQUAL(steps, 231);
    /* Resumed, each makes the Suspend again. */
    for (u32 i = 0; i < 3; i++)
        OK(seL4_TCB_Resume(h[i]->tcb));
    let_run();
    EQUAL(steps, 231);
    seL4_UserContext context;
    OK(seL4_TCB_ReadRegisters(h[0]->tcb, 0, 0, 32, &context));
    EQUAL(context.a7, (u64)seL4_SysCall);
    EQUAL(context.a0, h[0]->tcb);
}

/* ---- Priorities and their limits ----------------------------------------------------------------------- */

/* The limit is that of the authority, not of the caller or of the thread. */
static void authority(void)
{
    seL4_CPtr tcb = object_new(seL4_TCBObject, 0), low = object_new(seL4_TCBObject, 0);

    OK(seL4_TCB_SetSchedParams(low, TCB, 7, 200));
    FAILS2(seL4_TCB_SetPriority(tcb, low, 8), seL4_RangeError, 0, 7);
    FAILS2(seL4_TCB_SetMCPriority(tcb, low, 8), seL4_RangeError, 0, 7);
    FAILS2(seL4_TCB_SetSchedParams(tcb, low, 8, 0), seL4_RangeError, 0, 7);
    FAILS2(seL4_TCB_SetSchedParams(tcb, low, 0, 8), seL4_RangeError, 0, 7);
    FAILS2(seL4_TCB_SetPriority(TCB, low, 8), seL4_RangeError, 0, 7);
    OK(seL4_TCB_SetPriority(tcb, low, 7));
    OK(seL4_TCB_SetMCPriority(tcb, low, 7));
    OK(seL4_TCB_SetPriority(low, TCB, 255)); /* beyond its own limit */
    FAILS2(seL4_TCB_SetPriority(tcb, low, 8), seL4_RangeError, 0, 7);
}

/* A new thread may raise nobody, and a word counts in full. */
static void limits(void)
{
    seL4_CPtr tcb = object_new(seL4_TCBObject, 0);

    FAILS2(seL4_TCB_SetPriority(tcb, tcb, 1), seL4_RangeError, 0, 0);
    OK(seL4_TCB_SetPriority(tcb, tcb, 0));
    FAILS2(seL4_TCB_SetPriority(tcb, TCB, 1ul << 32), seL4_RangeError, 0, 255);
    FAILS2(seL4_TCB_SetMCPriority(tcb, TCB, 1ul << 32), seL4_RangeError, 0, 255);
    FAILS2(seL4_TCB_SetSchedParams(tcb, TCB, 1ul << 63, 0), seL4_RangeError, 0, 255);
    /* Refused as a whole: the limit is as it was. */
    FAILS2(seL4_TCB_SetSchedParams(tcb, TCB, 9, 256), seL4_RangeError, 0, 255);
    FAILS2(seL4_TCB_SetPriority(tcb, tcb, 1), seL4_RangeError, 0, 0);
    /* A lower limit lowers no priority. */
    struct helper *helper = helper_new(0, MIDDLE, 0);
    OK(seL4_TCB_SetMCPriority(helper->tcb, TCB, 0));
    steps = 0;
    own_priority(MIDDLE - 1);
    helper_start(helper, enter_note, 1, 0);
    EQUAL(steps, 1);
}

/* All 256 priorities can be given, and are kept apart. */
static void every_priority(void)
{
    struct helper *h[2];

    helpers_new(h, 2, 1);
    for (u64 priority = 1; priority < 255; priority++) {
        steps = 0;
        OK(seL4_TCB_SetPriority(h[0]->tcb, TCB, priority));
        OK(seL4_TCB_SetPriority(h[1]->tcb, TCB, priority + 1));
        helper_start(h[1], enter_note, 2, 0);
        helper_start(h[0], enter_note, 1, 0);
        own_priority(0);
        own_priority(255);
        if (priority < 254)
            EQUAL(steps, 21);
        else
            EQUAL(steps % 10, 1);
    }
}

/* A slice that ends puts its thread behind its equals, but never lets a lower one run. */
static void slices(void)
{
    static volatile u64 counters[3];
    struct helper *h[3];

    helpers_new(h, 3, MIDDLE);
    OK(seL4_TCB_SetPriority(h[2]->tcb, TCB, MIDDLE - 1));
    for (u32 i = 0; i < 3; i++) {
        counters[i] = 0;
        helper_start(h[i], enter_spin, (u64)&counters[i], 0);
    }
    own_priority(MIDDLE);
    for (u32 turn = 0; turn < 8; turn++)
        seL4_Yield();
    CHECK(counters[0] > 0 && counters[1] > 0);
    EQUAL(counters[2], 0);
}

const struct test schedule_rows[] = {
    {"10.2 resumed, equal: right behind the one that runs", resume_equal},
    {"10.2 resumed, lower: the head of its queue", resume_lower},
    {"10.2 resumed, higher: at once", resume_higher},
    {"10.2 woken, equal: the tail", wake_equal},
    {"10.2 woken, lower: the head of its queue", wake_lower},
    {"10.2 woken, higher: at once, and the one it displaces to the head", wake_higher},
    {"10.2 Yield: the tail", yield_order},
    {"10.2 SetPriority to our own, even if it is so already: the tail", set_equal},
    {"10.2 SetPriority to a lower one, even if it is so already: the head", set_lower},
    {"10.2 SetPriority and SetSchedParams to a higher one: at once", set_higher},
    {"10.2 SetSchedParams moves a thread, SetMCPriority does not", sched_params},
    {"9.1 SetPriority does not move a thread that waits", set_waiting},
    {"10.2 our own priority: the head of the new queue", set_own},
    {"10.2 DomainSet Set: the head", domain_set},
    {"10.2 senders that are cancelled: the head, behind the one that runs", cancel_equal},
    {"9.8 threads of a deleted endpoint: the last queued runs first", cancel_order},
    {"10.3 after a Call: the receiver, unless somebody ready is higher", call_order},
    {"10.3 after a ReplyRecv: the caller, unless somebody ready is higher", reply_order},
    {"10.3 after a Reply: the caller only if it is higher", plain_reply},
    {"10.3 a Recv that takes a higher sender's message lets it run", pending_sender},
    {"10.3 a Send to a waiting thread: higher, equal, lower", send_order},
    {"10.6 who suspends itself does so again when it is resumed", suspend_order},
    {"10.4 the limit of a priority is the authority's", authority},
    {"10.4 limits are whole words and refuse as a whole", limits},
    {"10.2 every priority", every_priority},
    {"10.5 a slice ends: equals in turn, lower ones never", slices},
    {NULL, NULL},
};
