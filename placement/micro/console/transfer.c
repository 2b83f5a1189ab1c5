/* Port transfer in the console server: the pages of its client's threads, where the supervisor mapped them.
 */
#include "port/transfer.h"
#include "placement/micro/server/runtime.h"

u8 *port_transfer(u64 id)
{
    return id < server_info()->transfers ? (u8 *)(server_base() + SERVER_TRANSFERS + id * PAGE_SIZE) : NULL;
}
