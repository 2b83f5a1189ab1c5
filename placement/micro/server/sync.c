/* Port sync in a server: the same locks as everywhere; a wait for one is not a wait without a limit
 * (thread.c). */
#include "placement/micro/server/runtime.h"

#include "placement/common/sync.c"
