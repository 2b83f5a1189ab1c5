/*
 * Access to the registers of a virtio-mmio device: nothing else touches the window.
 */
#include "service/block/virtio.h"

u32 virtio_read(const struct port_device *device, u32 offset)
{
    return *(volatile u32 *)(device->window + offset);
}

void virtio_write(const struct port_device *device, u32 offset, u32 value)
{
    *(volatile u32 *)(device->window + offset) = value;
}
