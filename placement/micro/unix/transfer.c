/* Port transfer in the unix server: the pages of its own threads. */
#include "port/transfer.h"
#include "placement/micro/server/runtime.h"

u8 *port_transfer(u64 id)
{
    if (id >= server_info()->threads)
        return NULL;
    return (u8 *)(server_base() + SERVER_THREADS + id * THREAD_AREA + THREAD_TRANSFER);
}
