/* port/fault.h on the host: the code of the other placements over counters in plain memory. */
#include "placement/common/fault.h"
#include "placement/host/host.h"
#include <string.h>

static struct fault_counter counters[FAULT_COUNT];

struct fault_counter *placement_fault_counters(void)
{
    return counters;
}

u64 *placement_fault_armed(void)
{
    static u64 armed;

    return &armed;
}

void host_fault_reset(void)
{
    memset(counters, 0, sizeof(counters));
}
