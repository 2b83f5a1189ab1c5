/* The short way for Call and ReplyRecv. The contract is in fastpath.h. */
#include "kernel/micro/fastpath.h"
#include "kernel/micro/cdt.h"
#include "kernel/micro/cspace.h"
#include "kernel/micro/ipc.h"
#include "kernel/micro/schedule.h"
#include "kernel/micro/vspace.h"

/* A message without extra caps that fits registers. */
static bool is_short(u64 info)
{
    return message_length(info) <= seL4_FastMessageRegisters && message_extra_caps(info) == 0;
}

/* The endpoint cap at `cptr` with all of `rights`; a null cap if it is anything else. */
static struct cap find_endpoint(u64 cptr, u32 rights)
{
    struct lookup_failure lookup;
    struct slot *slot = cspace_lookup(current, cptr, &lookup);

    if (slot && slot->cap.type == CAP_ENDPOINT && (slot->cap.rights & rights) == rights)
        return slot->cap;
    return cap_make(CAP_NULL, 0, 0);
}

/* Hands the current thread's message to `to`, which runs from here on. The current thread has been stopped.
 */
static void hand_over(struct tcb *to, u64 badge)
{
    const u64 *from = current->frame.x;
    u64 *x = to->frame.x, info = from[REG_A1], length = message_length(info);

    x[REG_A0] = badge;
    x[REG_A1] = message_info(info >> 12, 0, 0, length);
    for (u64 i = 0; i < length; i++)
        x[REG_A2 + i] = from[REG_A2 + i];
    to->state = THREAD_RUNNING;
    schedule_switch(to);
}

static bool call(void)
{
    u64 *x = current->frame.x;
    struct cap cap = is_short(x[REG_A1]) ? find_endpoint(x[REG_A0], RIGHT_WRITE) : cap_make(CAP_NULL, 0, 0);

    if (cap.type == CAP_NULL || !(cap.rights & (RIGHT_GRANT | RIGHT_GRANT_REPLY)))
        return false;
    struct endpoint *endpoint = cap_object(cap);
    struct tcb *server = endpoint->queue.head, *client = current;
    if (!server || server->state != THREAD_BLOCKED_ON_RECEIVE || !schedule_prefers(server))
        return false;

    queue_remove(&endpoint->queue, server);
    client->state = THREAD_BLOCKED_ON_REPLY;
    reply_give(client, server, server->wait_grant);
    hand_over(server, cap.badge);
    return true;
}

static bool reply_receive(void)
{
    struct tcb *server = current;
    struct slot *reply = &server->slots[TCB_CALLER];
    u64 *x = server->frame.x;

    if (!is_short(x[REG_A1]) || reply->cap.type != CAP_REPLY || (server->bound && server->bound->active))
        return false;
    struct tcb *client = cap_object(reply->cap);
    if (client->fault.type || !schedule_prefers(client))
        return false;
    struct cap cap = find_endpoint(x[REG_A0], RIGHT_READ);
    if (cap.type == CAP_NULL)
        return false;
    struct endpoint *endpoint = cap_object(cap);
    if (endpoint->queue.head && endpoint->queue.head->state != THREAD_BLOCKED_ON_RECEIVE)
        return false;

    cdt_remove(reply);
    server->waiting_for = endpoint;
    server->wait_grant = cap.rights & RIGHT_GRANT;
    server->state = THREAD_BLOCKED_ON_RECEIVE;
    queue_append(&endpoint->queue, server);
    hand_over(client, 0);
    return true;
}

bool fastpath(s64 number)
{
    return number == seL4_SysCall ? call() : number == seL4_SysReplyRecv && reply_receive();
}
