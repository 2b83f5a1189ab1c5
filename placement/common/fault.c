/*
 * Port fault: the same for every placement; what differs is where the counters live
 * (placement/common/fault.h).
 */
#include "placement/common/fault.h"

static struct fault_counter *counters; /* the placement's, asked for once */

static __attribute__((noinline)) bool fires_slowly(enum port_fault fault)
{
    counters = placement_fault_counters();
    return fault_counter_fires(&counters[fault]);
}

const u64 *port_fault_armed(void)
{
    return placement_fault_armed();
}

bool port_fault_fires(enum port_fault fault)
{
    if (counters && __atomic_load_n(&counters[fault].left, __ATOMIC_RELAXED) == 0)
        return false;
    return fires_slowly(fault);
}
