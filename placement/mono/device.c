/* Port device on mono: windows are in the direct map, interrupts come from the kernel's lines, queues are set
 * aside. */
#include "port/device.h"
#include "kernel/mono/mono.h"
#include "machine/arch.h"
#include "machine/board.h"

static void *dma[PORT_DMA_PAGES];

enum err port_device_find(const char *compatible, u32 n, struct port_device *device)
{
    const struct board_device *found = board_find(compatible, n);

    if (!found)
        return ERR_NOT_FOUND;
    *device =
        (struct port_device){.window = arch_direct(found->base), .size = found->size, .irq = found->irq};
    return ERR_OK;
}

enum err port_irq_wait(u32 irq, u64 deadline)
{
    return mono_irq_wait(irq, mono_time_of(deadline)) ? ERR_OK : ERR_TIMEOUT;
}

void port_device_fence(void)
{
    arch_fence_io();
}

enum err port_dma_page(u32 index, void **memory, u64 *device_address)
{
    if (index >= PORT_DMA_PAGES)
        return ERR_RANGE;
    if (!dma[index])
        dma[index] = mono_boot_alloc(PAGE_SIZE);
    if (!dma[index])
        return ERR_NO_MEMORY;
    *memory = dma[index];
    *device_address = arch_physical(dma[index]);
    return ERR_OK;
}
