/* The alarm: the supervisor's heartbeat, the timer's source of time, and how the timer itself is watched. */
#ifndef PLACEMENT_MICRO_ROOT_ALARM_H
#define PLACEMENT_MICRO_ROOT_ALARM_H

#include "lib/types.h"

/* Once, when the servers are prepared and not yet started: the alarm's interrupt signals the supervisor. */
void alarm_prepare(void);

/* The alarm has signalled: passes it on. True: a heartbeat has passed since the last one, and on time, so
 * that all who could move have had their time to. A timer that does not do its work is restarted here. */
bool alarm_heard(void);

/* The timer asks to be signalled by then, in nanoseconds of port_now(), if that is sooner than the alarm. */
void alarm_wanted(u64 deadline);

#endif
