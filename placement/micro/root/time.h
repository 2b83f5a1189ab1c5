/* The supervisor's time: nanoseconds, the same that port_now() gives in every server. */
#ifndef PLACEMENT_MICRO_ROOT_TIME_H
#define PLACEMENT_MICRO_ROOT_TIME_H

#include "placement/micro/layout.h"
#include "placement/micro/root/console.h"
#include "port/time.h"

static inline u64 time_now(void)
{
    return time_in_ns(time_counts(), time_unit(root_board.timebase));
}

#endif
