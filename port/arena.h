/*
 * Port: the arena, the memory of the block cache. Needed by fs (its cache), block (disk transfers), unix
 * (copies).
 *
 * An array of slots of one disk block each, kept across deaths, visible to the three services at addresses of
 * their own; so requests name slots by number. fs decides what each slot is for.
 */
#ifndef PORT_ARENA_H
#define PORT_ARENA_H

#include "lib/types.h"

#define PORT_SLOT_SIZE 1024ul

u32 port_arena_slots(void); /* how many; fixed at boot, from the size of memory */

/* The slot's bytes; NULL for a number >= port_arena_slots(). */
u8 *port_arena_slot(u32 slot);

/* What a device must be told to reach the slot. Only for block. 0 for a number out of range. */
u64 port_arena_device_address(u32 slot);

#endif
