/*
 * Ports device and arena in a server: what the supervisor mapped and wrote into the information page.
 */
#include "port/device.h"
#include "lib/string.h"
#include "placement/micro/server/runtime.h"
#include "port/arena.h"
#include "port/log.h"
#include "port/time.h"

enum err port_device_find(const char *compatible, u32 n, struct port_device *device)
{
    const struct server_info *info = server_info();

    for (u32 i = 0; i < info->devices && i < DEVICES_MAX; i++) {
        if (strcmp(info->device[i].compatible, compatible) != 0 || n-- > 0)
            continue;
        device->window = (volatile u8 *)(server_base() + SERVER_DEVICES + i * PAGE_SIZE);
        device->size = info->device[i].size;
        device->irq = info->device[i].irq;
        return ERR_OK;
    }
    return ERR_NOT_FOUND;
}

static u32 place_of(u32 irq)
{
    u32 place = 0;

    while (place < DEVICES_MAX && server_info()->device[place].irq != irq)
        place++;
    port_assert(place < DEVICES_MAX, "irq of no device of this server");
    return place;
}

/*
 * The interrupt signals the notification of the thread that waits for it, as everything does that this thread
 * waits for. So a return may be without a reason, which a driver bears; none is lost.
 */
enum err port_irq_wait(u32 irq, u64 deadline)
{
    struct sync_thread *self = sync_self();
    u64 handler = CPTR(SLOT_IRQ_HANDLER + place_of(irq));

    if (seL4_IRQHandler_SetNotification(handler, CPTR(SLOT_THREAD + 2 * self->index + 1)) != seL4_NoError)
        port_fatal("an interrupt cannot be bound");
    seL4_IRQHandler_Ack(handler);
    server_work(WORK_WAITING);
    if (!self->signalled)
        server_pause_until(deadline);
    self->signalled = false;
    server_record()->work[self->index].serial++;
    server_work(WORK_RUNNING);
    return port_now() >= deadline ? ERR_TIMEOUT : ERR_OK;
}

extern u8 port_device_take_place[];

/* Until `taken` is cleared a death makes the next generation store the same byte again, which nobody has
 * seen. */
void port_device_taken(u32 *kept)
{
    struct server_record *record = server_record();

    if (record->taken & RECORD_TAKEN) {
        *kept = (u8)record->taken;
        __atomic_store_n(&record->taken, 0, __ATOMIC_RELEASE);
    }
    record->take_place = (u64)port_device_take_place;
}

void port_device_fence(void)
{
    __asm__ volatile("fence iorw, iorw" ::: "memory");
}

enum err port_dma_page(u32 index, void **memory, u64 *device_address)
{
    if (index >= server_info()->dma_pages)
        return ERR_NO_MEMORY;
    *memory = (void *)(server_base() + SERVER_DMA + index * PAGE_SIZE);
    *device_address = server_info()->dma_address + index * PAGE_SIZE;
    return ERR_OK;
}

u32 port_arena_slots(void)
{
    return (1u << ARENA_BITS) / PORT_SLOT_SIZE;
}

u8 *port_arena_slot(u32 slot)
{
    return slot < port_arena_slots() ? (u8 *)(ARENA_BASE + slot * PORT_SLOT_SIZE) : NULL;
}

u64 port_arena_device_address(u32 slot)
{
    return slot < port_arena_slots() ? server_info()->arena_address + slot * PORT_SLOT_SIZE : 0;
}
