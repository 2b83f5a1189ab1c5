/*
 * The alarm is the only source of time there is, and the timer, who serves it to everybody, may hang like any
 * other server. So the alarm is the supervisor's, whose priority is above all others': at each alarm it sets
 * the next one, a heartbeat ahead, and signals the timer, which then does its work and asks for a sooner
 * alarm if it needs one. No server can end time. A timer that does nothing from one heartbeat to the next has
 * missed one.
 *
 * The guest's time goes on while its host does other things, and then nobody proves anything by not having
 * moved. So what an alarm says counts only if it is heard when it is due; and against the timer only if the
 * supervisor, too, was quick to leave it the processor. Each heartbeat that the timer misses is followed by
 * one of twice the length: on a host so slow that the supervisor's own accesses to the device last as long as
 * a heartbeat, the timer would never come to its own; and no host stands still just from the end of one look
 * to the beginning of the next, each longer than the last.
 */
#include "placement/micro/root/alarm.h"
#include "placement/micro/root/console.h"
#include "placement/micro/root/process.h"
#include "placement/micro/root/supervise.h"
#include "placement/micro/root/time.h"

#define RTC_ADDRESS 0x2000202000ul /* where the supervisor sees the device (goldfish) */

#define RTC_TIME_LOW        0x00
#define RTC_TIME_HIGH       0x04
#define RTC_ALARM_LOW       0x08
#define RTC_ALARM_HIGH      0x0c
#define RTC_IRQ_ENABLED     0x10
#define RTC_CLEAR_INTERRUPT 0x1c

#define GROWTH     4 /* a heartbeat becomes twice as long at most so often */
#define LATE_NS    (HEARTBEAT_NS / 4)
#define MISSED_MAX 5 /* heartbeats in a row, each on time, in which the timer has done nothing */

static volatile u32 *rtc;
static u64 handler;   /* capability of the interrupt */
static u64 due;       /* the alarm, in the device's time */
static u64 last_beat; /* time_now() */
static u64 left;      /* time_now(): the supervisor has last left the processor to others */
static u64 progress;  /* of the timer's record, at the last alarm */
static u32 idle;      /* alarms in a row at which it had not moved */
static u32 missed;    /* those of them that count */

static u64 rtc_now(void)
{
    u64 low = rtc[RTC_TIME_LOW / 4]; /* latches the upper half */

    return (u64)rtc[RTC_TIME_HIGH / 4] << 32 | low;
}

static void set_alarm(u64 when)
{
    due = when;
    rtc[RTC_ALARM_HIGH / 4] = (u32)(when >> 32);
    rtc[RTC_ALARM_LOW / 4] = (u32)when;
}

/* The alarm that has been heard is over; the next one comes after `length`. */
static void next_alarm(u64 length)
{
    rtc[RTC_CLEAR_INTERRUPT / 4] = 1;
    set_alarm(rtc_now() + length);
    seL4_IRQHandler_Ack(handler);
}

void alarm_prepare(void)
{
    const struct root_device *device = root_device("google,goldfish-rtc", 0);
    u64 signal = slots_take(2), frame = slots_take(1);

    if (!device || !device->irq)
        root_fail("no clock with an alarm");
    handler = irq_handler_take(device->irq);
    cap_copy(ROOT_CNODE, frame, ROOT_DEPTH, device_frame(device->base), seL4_ReadWrite);
    page_map(&root_supply, seL4_CapInitThreadVSpace, frame, RTC_ADDRESS, seL4_ReadWrite, false);
    rtc = (volatile u32 *)RTC_ADDRESS;
    process_timer_signal = signal + 1;
    cap_mint(ROOT_CNODE, signal, ROOT_DEPTH, supervisor_notification, seL4_CanWrite, BADGE_SIGNAL);
    if (seL4_IRQHandler_SetNotification(handler, signal) != seL4_NoError)
        root_fail("the alarm cannot be heard");
    rtc[RTC_IRQ_ENABLED / 4] = 1;
    next_alarm(HEARTBEAT_NS);
}

static bool is_watched(const struct server *timer)
{
    return timer->description && (timer->state == SERVER_RUNNING || timer->state == SERVER_STARTING);
}

/* True if the timer has had many chances to do its work, and has not. `given`: how long the processor was
 * left to it since the last alarm. */
static bool has_missed(const struct server *timer, bool on_time, u64 given)
{
    if (timer->record->progress != progress || !is_watched(timer)) {
        progress = timer->record->progress;
        idle = 0;
        missed = 0;
        return false;
    }
    if (on_time && given >= (HEARTBEAT_NS << idle) - LATE_NS)
        missed++;
    if (idle < GROWTH)
        idle++;
    return missed >= MISSED_MAX;
}

bool alarm_heard(void)
{
    struct server *timer = &servers[SERVER_TIMER];
    u64 now = time_now(), since = now - last_beat;
    bool on_time = rtc_now() <= due + LATE_NS;

    if (has_missed(timer, on_time, now - left)) {
        idle = 0;
        missed = 0;
        next_alarm(HEARTBEAT_NS);
        supervise_hang(timer, 0, "it does not mind its alarm");
        return false;
    }
    next_alarm(HEARTBEAT_NS << idle);
    if (timer->vspace)
        seL4_Signal(process_timer_signal);
    left = time_now();
    if (since < HEARTBEAT_NS)
        return false;
    last_beat = now;
    return on_time && idle == 0 && since <= 2 * HEARTBEAT_NS + LATE_NS;
}

void alarm_wanted(u64 deadline)
{
    u64 now = time_now();
    u64 when = rtc_now() + (deadline > now ? deadline - now : 0);

    if (when < due)
        set_alarm(when);
}
