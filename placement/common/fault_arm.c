/* Arming where all counters are in reach: mono and host. On micro the supervisor does it. */
#include "placement/common/fault.h"

enum err port_fault_arm(enum port_fault fault, u64 n, bool always)
{
    if ((u32)fault >= FAULT_COUNT)
        return ERR_ARGUMENT;
    __atomic_store_n(placement_fault_armed(), 1, __ATOMIC_RELAXED);
    fault_counter_arm(&placement_fault_counters()[fault], n, always);
    return ERR_OK;
}
