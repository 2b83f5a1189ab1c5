/* Arming and asking where all counters are in reach: mono and host. On micro the supervisor does it. */
#include "placement/common/fault.h"

enum err port_fault_arm(enum port_fault fault, u64 n, bool always)
{
    if ((u32)fault >= FAULT_COUNT)
        return ERR_ARGUMENT;
    __atomic_store_n(placement_fault_armed(), 1, __ATOMIC_RELAXED);
    fault_counter_arm(&placement_fault_counters()[fault], n, always);
    return ERR_OK;
}

enum err port_fault_query(enum port_fault fault, u64 *left, bool *always, u64 *fired)
{
    const struct fault_counter *counter;

    if ((u32)fault >= FAULT_COUNT)
        return ERR_ARGUMENT;
    counter = &placement_fault_counters()[fault];
    *left = __atomic_load_n(&counter->left, __ATOMIC_RELAXED);
    *always = __atomic_load_n(&counter->always, __ATOMIC_RELAXED) != 0;
    *fired = __atomic_load_n(&counter->fired, __ATOMIC_RELAXED);
    return ERR_OK;
}
