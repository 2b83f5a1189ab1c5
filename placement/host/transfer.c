/*
 * port/transfer.h on the host: one page for each thread that asks for one, never given back.
 */
#include "port/transfer.h"
#include "port/log.h"

#define PAGES 96

static u8 pages[PAGES][PORT_TRANSFER_SIZE] __attribute__((aligned(4096)));
static u64 given;
static __thread u64 mine; /* page number + 1; 0: none yet */

u64 port_transfer_id(void)
{
    if (mine == 0)
        mine = __atomic_add_fetch(&given, 1, __ATOMIC_SEQ_CST);
    port_assert(mine <= PAGES, "more threads than transfer pages");
    return mine - 1;
}

u8 *port_transfer(u64 id)
{
    return id < PAGES && id < __atomic_load_n(&given, __ATOMIC_SEQ_CST) ? pages[id] : NULL;
}
