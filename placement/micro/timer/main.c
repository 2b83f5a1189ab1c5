/*
 * The timer: a server of its own, since no other knows of time. A thread that waits with a deadline says so
 * here, and its notification is signalled once the time has come. It may be signalled without a reason, too:
 * every wait is a loop.
 *
 * One request, label 0: thread, deadline in nanoseconds of port_now(); the caller's badge says which server
 * it is. A thread has one deadline; a new one takes the place of the old. Nothing is kept over a death: the
 * next generation signals everybody once, and who still waits asks again.
 *
 * The alarm's interrupt goes to the supervisor, which passes it on as a signal: so it sees that time goes on,
 * whatever becomes of this server. An alarm at least every heartbeat is the sign that this server does its
 * work, and counted in the record as progress.
 *
 * Device: goldfish RTC ("google,goldfish-rtc"; QEMU hw/rtc/goldfish_rtc.c names the registers), nanoseconds,
 * with one alarm.
 */
#include "placement/micro/server/runtime.h"
#include "port/device.h"
#include "port/log.h"
#include "port/time.h"

#define RTC_TIME_LOW        0x00 /* reading it latches the upper half */
#define RTC_TIME_HIGH       0x04
#define RTC_ALARM_LOW       0x08 /* writing it sets the alarm */
#define RTC_ALARM_HIGH      0x0c
#define RTC_IRQ_ENABLED     0x10
#define RTC_CLEAR_INTERRUPT 0x1c

static volatile u32 *rtc;
static u64 deadlines[SERVERS_COUNT][THREADS_MAX]; /* 0: none */
static u64 soonest = ~0ul;

static u64 rtc_now(void)
{
    u64 low = rtc[RTC_TIME_LOW / 4];

    return (u64)rtc[RTC_TIME_HIGH / 4] << 32 | low;
}

static void set_alarm(void)
{
    u64 now = port_now(), when;

    when = rtc_now() + (soonest > now ? soonest - now : 0);
    rtc[RTC_ALARM_HIGH / 4] = (u32)(when >> 32);
    rtc[RTC_ALARM_LOW / 4] = (u32)when;
}

static void signal(u64 server, u64 thread)
{
    seL4_Signal(CPTR_IN(SLOT_PRIVATE, SIGNAL_OF(server, thread)));
}

/* Signals whose time has come, and finds the next one, a heartbeat from now at the latest. `all`: everybody.
 */
static void expire(bool all)
{
    u64 now = port_now();

    server_record()->progress++;
    soonest = now + HEARTBEAT_NS;
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
    set_alarm();
}

static enum err request(u64 badge, u64 thread, u64 deadline)
{
    u64 server = BADGE_SERVICE(badge);

    if (server >= SERVERS_COUNT || thread >= THREADS_MAX)
        return ERR_ARGUMENT;
    deadlines[server][thread] = max_u64(deadline, 1);
    if (deadline < soonest) {
        soonest = deadline;
        set_alarm();
    }
    return ERR_OK;
}

static _Noreturn void serve(void)
{
    seL4_MessageInfo_t info = seL4_MessageInfo_new(ERR_OK, 0, 0, 0);
    seL4_Word badge, thread = 0, deadline = 0;

    seL4_RecvWithMRs(CPTR(SLOT_SERVICE), &badge, &thread, &deadline, NULL, NULL);
    for (;;) {
        if (badge == BADGE_SIGNAL) {
            rtc[RTC_CLEAR_INTERRUPT / 4] = 1;
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
    struct port_device device;
    enum err err = port_device_find("google,goldfish-rtc", 0, &device);

    if (err == ERR_OK) {
        rtc = (volatile u32 *)device.window;
        rtc[RTC_CLEAR_INTERRUPT / 4] = 1;
        rtc[RTC_IRQ_ENABLED / 4] = 1;
    }
    server_ask(SUPERVISOR_READY, 1, err, 0, 0);
    if (err != ERR_OK)
        port_fatal("timer: no clock with an alarm");
    expire(server_info()->generation > 1);
    serve();
}
