/*
 * Ports arena, transfer and keep on mono: memory set aside at boot, seen by all services at the same address.
 *
 * Nothing outlives a death here: the machine goes down with any service. port_keep_begin/commit only check
 * their pairing, so that a core which forgets one fails in both placements.
 */
#include "kernel/mono/mono.h"
#include "lib/string.h"
#include "placement/mono/mono_ports.h"
#include "port/arena.h"
#include "port/keep.h"
#include "port/log.h"
#include "port/transfer.h"

#define ARENA_SHARE     32 /* one part in 32 of memory caches the disk: 4 MiB of 128 */
#define ARENA_SLOTS_MIN 256u
#define ARENA_SLOTS_MAX 60000u /* slot numbers have 16 bits (port/fs.h) */

static u8 *arena, *transfers;
static u32 arena_slots;

/* The open step of each thread: a service has one at a time, under its own lock, but services run side by
 * side. */
static struct step {
    bool open;
    u32 ranges;
    u64 bytes;
} steps[MONO_THREADS];

void mono_memory_init(void)
{
    u64 slots = mono_memory_size() / ARENA_SHARE / PORT_SLOT_SIZE;

    arena_slots = (u32)min_u64(max_u64(slots, ARENA_SLOTS_MIN), ARENA_SLOTS_MAX);
    arena = mono_boot_alloc_raw((u64)arena_slots * PORT_SLOT_SIZE);
    transfers = mono_boot_alloc((u64)MONO_THREADS * PORT_TRANSFER_SIZE);
    port_assert(arena && transfers, "memory too small");
}

u32 port_arena_slots(void)
{
    return arena_slots;
}

u8 *port_arena_slot(u32 slot)
{
    return slot < arena_slots ? arena + (u64)slot * PORT_SLOT_SIZE : NULL;
}

u64 port_arena_device_address(u32 slot)
{
    return slot < arena_slots ? mono_physical(port_arena_slot(slot)) : 0;
}

u64 port_transfer_id(void)
{
    return mono_thread_index();
}

u8 *port_transfer(u64 id)
{
    return id < MONO_THREADS ? transfers + id * PORT_TRANSFER_SIZE : NULL;
}

void *port_keep_memory(u64 size)
{
    return mono_boot_alloc(size);
}

void port_keep_begin(void *range, u64 size)
{
    struct step *step = &steps[mono_thread_index()];

    (void)range;
    step->open = true;
    step->ranges++;
    step->bytes += size;
    port_assert(step->ranges <= PORT_KEEP_RANGES && step->bytes <= PORT_KEEP_BYTES, "kept step too long");
}

void port_keep_commit(void)
{
    struct step *step = &steps[mono_thread_index()];

    port_assert(step->open, "kept step closed twice");
    *step = (struct step){.open = false};
}
