/* Port sync of the debug build: the same locks, and their order is watched. */
#include "placement/mono/lock_order.h"

#define SYNC_TAKES(name) lock_order_take(name)
#define SYNC_DROPS(name) lock_order_drop(name)

#include "placement/common/sync.c"
