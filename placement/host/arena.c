/*
 * port/arena.h on the host: an array. A slot's "device address" is its place in the array, plus one page.
 */
#include "port/arena.h"
#include "placement/host/host.h"

static u8 arena[HOST_ARENA_MAX * PORT_SLOT_SIZE] __attribute__((aligned(4096)));
static u32 slots = 256;

void host_arena_set(u32 count)
{
    slots = count <= HOST_ARENA_MAX ? count : HOST_ARENA_MAX;
}

u32 port_arena_slots(void)
{
    return slots;
}

u8 *port_arena_slot(u32 slot)
{
    return slot < slots ? &arena[slot * PORT_SLOT_SIZE] : NULL;
}

u64 port_arena_device_address(u32 slot)
{
    return slot < slots ? PAGE_SIZE + slot * PORT_SLOT_SIZE : 0;
}
