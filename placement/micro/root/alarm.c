/*
 * The timer's alarm is the only source of time there is, and the timer may hang like any other server. So its
 * interrupt goes to the supervisor, whose priority is above all others', and the supervisor
 *
 *     sets the alarm two heartbeats ahead, as a guard;  signals the timer
 *
 * which then does its work and sets the alarm to what it needs, a heartbeat ahead at the latest. If the guard
 * is what comes next, the timer has done nothing meanwhile. A timer that sets an alarm too far ahead and
 * falls silent is found at the next message the supervisor gets from anybody.
 *
 * A heartbeat that comes late says that the whole machine stood still (its host had other things to do), and
 * that nobody proves anything by not having moved.
 */
#include "placement/micro/root/alarm.h"
#include "placement/micro/root/console.h"
#include "placement/micro/root/process.h"
#include "placement/micro/root/supervise.h"

#define RTC_ADDRESS 0x2000202000ul /* where the supervisor sees the device (goldfish, see timer/main.c) */

#define RTC_TIME_LOW        0x00
#define RTC_TIME_HIGH       0x04
#define RTC_ALARM_LOW       0x08
#define RTC_ALARM_HIGH      0x0c
#define RTC_CLEAR_INTERRUPT 0x1c

#define GUARD_NS     (2 * HEARTBEAT_NS)
#define LATE_NS      (HEARTBEAT_NS + HEARTBEAT_NS / 4)
#define MISSED_MAX   5 /* guards in a row, each on time, in which the timer has done nothing */
#define SILENCE_NS   1000000000ul
#define TIME_UNIT_NS (1000000000ul / root_board.timebase)

static volatile u32 *rtc; /* NULL: no such device */
static u64 handler;       /* capability of the interrupt */
static u64 last_alarm, last_beat;
static u64 progress; /* of the timer's record, at the last alarm */
static u32 missed;

void alarm_prepare(void)
{
    const struct root_device *device = root_device("google,goldfish-rtc", 0);
    u64 signal = slots_take(2), frame;

    handler = process_irq_handler(SERVER_TIMER);
    if (!device || !handler)
        return;
    frame = slots_take(1);
    cap_copy(ROOT_CNODE, frame, ROOT_DEPTH, device_frame(device->base), seL4_ReadWrite);
    page_map(&root_supply, seL4_CapInitThreadVSpace, frame, RTC_ADDRESS, seL4_ReadWrite, false);
    rtc = (volatile u32 *)RTC_ADDRESS;
    process_timer_signal = signal + 1;
    cap_mint(ROOT_CNODE, signal, ROOT_DEPTH, supervisor_notification, seL4_CanWrite, BADGE_SIGNAL);
    if (seL4_IRQHandler_SetNotification(handler, signal) != seL4_NoError)
        root_fail("the alarm cannot be heard");
    seL4_IRQHandler_Ack(handler);
}

static void set_guard(void)
{
    u64 low = rtc[RTC_TIME_LOW / 4], when = ((u64)rtc[RTC_TIME_HIGH / 4] << 32 | low) + GUARD_NS;

    rtc[RTC_CLEAR_INTERRUPT / 4] = 1;
    rtc[RTC_ALARM_HIGH / 4] = (u32)(when >> 32);
    rtc[RTC_ALARM_LOW / 4] = (u32)when;
    seL4_IRQHandler_Ack(handler);
}

static bool is_watched(const struct server *timer)
{
    return timer->description && (timer->state == SERVER_RUNNING || timer->state == SERVER_STARTING);
}

bool alarm_heard(void)
{
    struct server *timer = &servers[SERVER_TIMER];
    u64 now = time_now(), since = (now - last_beat) * TIME_UNIT_NS;
    u64 silent = (now - last_alarm) * TIME_UNIT_NS;

    if (!rtc)
        return false;
    last_alarm = now;
    if (timer->record->progress != progress || !is_watched(timer))
        missed = 0;
    else if (silent <= GUARD_NS + GUARD_NS / 4) /* else the machine stood still, and the timer with it */
        missed++;
    progress = timer->record->progress;
    set_guard();
    if (missed >= MISSED_MAX) {
        missed = 0;
        supervise_hang(timer, 0, "it does not mind its alarm");
        return false;
    }
    seL4_Signal(process_timer_signal);
    if (since < HEARTBEAT_NS)
        return false;
    last_beat = now;
    return since <= LATE_NS;
}

bool alarm_is_missing(void)
{
    return rtc && last_alarm && is_watched(&servers[SERVER_TIMER]) &&
           (time_now() - last_alarm) * TIME_UNIT_NS >= SILENCE_NS;
}

void alarm_missed(void)
{
    if (!alarm_is_missing())
        return;
    last_alarm = time_now();
    set_guard();
    supervise_hang(&servers[SERVER_TIMER], 0, "it has kept silent");
}
