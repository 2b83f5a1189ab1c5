/*
 * port/fault.h on the host: the counters of lib/faults.h in plain memory.
 */
#include "port/fault.h"
#include "lib/faults.h"
#include "placement/host/host.h"

static struct fault_counter counters[FAULT_COUNT];

bool port_fault_fires(enum port_fault fault)
{
    return fault_counter_fires(&counters[fault]);
}

enum err port_fault_arm(enum port_fault fault, u64 n, bool always)
{
    if ((u32)fault >= FAULT_COUNT)
        return ERR_ARGUMENT;
    fault_counter_arm(&counters[fault], n, always);
    return ERR_OK;
}

void host_fault_reset(void)
{
    for (u32 i = 0; i < FAULT_COUNT; i++)
        counters[i] = (struct fault_counter){0};
}
