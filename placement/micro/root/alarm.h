/* The timer's alarm, which the supervisor hears first: its heartbeat, and how it watches the timer itself. */
#ifndef PLACEMENT_MICRO_ROOT_ALARM_H
#define PLACEMENT_MICRO_ROOT_ALARM_H

#include "lib/types.h"

/* Once, when the servers are prepared and not yet started: the alarm's interrupt signals the supervisor. */
void alarm_prepare(void);

/* The alarm has signalled: passes it on. True: a heartbeat has passed since the last one, and on time, so
 * that all who could move have had their time to. A timer that does not do its work is restarted here. */
bool alarm_heard(void);

/* At any other message, when it has been answered: a timer that has kept silent for long is restarted. */
bool alarm_is_missing(void);
void alarm_missed(void);

#endif
