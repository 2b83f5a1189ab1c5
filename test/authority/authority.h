/* Between the doubles and the root task that starts them. */
#ifndef TEST_AUTHORITY_AUTHORITY_H
#define TEST_AUTHORITY_AUTHORITY_H

#include "lib/types.h"

/* What a probe returns after a fault. */
#define PROBE_FAULTED (-1)

s64 probe_load(u64 address);
s64 probe_store(u64 address, u64 word);
s64 probe_execute(u64 address);
s64 probe_message(s64 call, u64 capability, u64 info, u64 mr[4]);

#endif
