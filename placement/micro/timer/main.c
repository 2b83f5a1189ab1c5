/*
 * The timer: a server of its own, since no other knows of time. A thread that waits with a deadline says so
 * here, and its notification is signalled once the time has come. It may be signalled without a reason, too:
 * every wait is a loop.
 *
 * One request, TIMER_DEADLINE: thread, deadline in nanoseconds of port_now(); the caller's badge says which
 * server it is. A thread has one deadline; a new one takes the place of the old. Nothing is kept over a
 * death: the next generation signals everybody once, and who still waits asks again.
 *
 * The alarm itself is the supervisor's, which signals this server once in each heartbeat (less often while it
 * does nothing) and watches, by the progress counted in the record, that it does its work; this server asks for a
 * sooner alarm if one is needed. So time goes on, whatever becomes of it (root/alarm.c).
 */
#include "placement/micro/server/runtime.h"
#include "port/time.h"

static u64 deadlines[SERVERS_COUNT][THREADS_MAX]; /* 0: none */
static u64 next_alarm;                            /* no later than this */

static void want_alarm(u64 deadline)
{
    if (deadline >= next_alarm)
        return;
    next_alarm = deadline;
    server_ask(SUPERVISOR_ALARM, 1, deadline, 0, 0);
}

static void signal(u64 server, u64 thread)
{
    seL4_Signal(CPTR_IN(SLOT_PRIVATE, SIGNAL_OF(server, thread)));
}

/* Signals whose time has come, and asks for an alarm for whose time comes next. `all`: everybody. */
static void expire(bool all)
{
    u64 now = port_now(), soonest = ~0ul;

    server_record()->progress++;
    next_alarm = now + HEARTBEAT_NS;
    for (u64 server = 0; server < SERVERS_COUNT; server++) {
        for (u64 thread = 0; thread < THREADS_MAX; thread++) {
            u64 *deadline = &deadlines[server][thread];

            if (all || (*deadline && *deadline <= now)) {
                *deadline = 0;
                signal(server, thread);
            }
            if (*deadline)
                soonest = min_u64(soonest, *deadline);
        }
    }
    want_alarm(soonest);
}

static enum err request(u64 badge, u64 thread, u64 deadline)
{
    u64 server = BADGE_SERVICE(badge);

    if (server >= SERVERS_COUNT || thread >= THREADS_MAX)
        return ERR_ARGUMENT;
    deadlines[server][thread] = max_u64(deadline, 1);
    want_alarm(deadline);
    return ERR_OK;
}

static _Noreturn void serve(void)
{
    seL4_MessageInfo_t info = seL4_MessageInfo_new(ERR_OK, 0, 0, 0);
    seL4_Word badge, thread = 0, deadline = 0;

    seL4_RecvWithMRs(CPTR(SLOT_SERVICE), &badge, &thread, &deadline, NULL, NULL);
    for (;;) {
        if (badge == BADGE_SIGNAL) {
            expire(false);
            seL4_RecvWithMRs(CPTR(SLOT_SERVICE), &badge, &thread, &deadline, NULL, NULL);
            continue;
        }
        info = seL4_MessageInfo_new(request(badge, thread, deadline), 0, 0, 0);
        seL4_ReplyRecvWithMRs(CPTR(SLOT_SERVICE), info, &badge, &thread, &deadline, NULL, NULL);
    }
}

void server_main(void)
{
    server_ask(SUPERVISOR_READY, 1, ERR_OK, 0, 0);
    expire(server_info()->generation > 1);
    serve();
}
