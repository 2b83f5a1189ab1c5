/* What a placement supplies to, and gets from, the shared half of port/fault.h. */
#ifndef PLACEMENT_COMMON_FAULT_H
#define PLACEMENT_COMMON_FAULT_H

#include "lib/faults.h"
#include "port/fault.h"

/* FAULT_COUNT counters, kept across restarts of the service. Supplied by the placement; called often. */
struct fault_counter *placement_fault_counters(void);

/* Set with the first arming, and never cleared; at one address while the service runs. Supplied by the
 * placement. */
u64 *placement_fault_armed(void);

/* Arms what a boot argument asks, "SERVICE:NAME[@n[+]]"; false if it names no fault. */
bool placement_fault_arm_text(const char *text);

#endif
