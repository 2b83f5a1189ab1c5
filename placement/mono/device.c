/* Port device on mono: windows are in the direct map, interrupts come from the kernel's lines, queues are set
 * aside. */
#include "port/device.h"
#include "kernel/mono/mono.h"

static void *dma[PORT_DMA_PAGES];

enum err port_device_find(const char *compatible, u32 n, struct port_device *device)
{
    void *window;

    if (!mono_device_find(compatible, n, &window, &device->size, &device->irq))
        return ERR_NOT_FOUND;
    device->window = window;
    return ERR_OK;
}

enum err port_irq_wait(u32 irq, u64 deadline)
{
    return mono_irq_wait(irq, mono_time_of(deadline)) ? ERR_OK : ERR_TIMEOUT;
}

void port_device_take(const volatile u8 *source, u32 *kept)
{
    *kept = *source;
}

/* Here no generation follows another. */
void port_device_taken(u32 *kept)
{
    (void)kept;
}

void port_device_fence(void)
{
    mono_device_fence();
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
    *device_address = mono_physical(dma[index]);
    return ERR_OK;
}
