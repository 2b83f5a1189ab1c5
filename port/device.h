/*
 * Port: device windows, interrupts, memory for device queues. Needed by block and console.
 *
 * A driver is given what its image description names; it never invents an address.
 */
#ifndef PORT_DEVICE_H
#define PORT_DEVICE_H

#include "lib/err.h"
#include "lib/types.h"

struct port_device {
    volatile u8 *window; /* the registers */
    u64 size;            /* bytes */
    u32 irq;             /* for port_irq_wait(); 0 if the device has none */
};

/* The n-th device given to this service whose device-tree `compatible` is this; what is stored holds as long
 * as the service lives. Does not wait. ERR_NOT_FOUND past the last one. */
enum err port_device_find(const char *compatible, u32 n, struct port_device *device);

/*
 * Waits for the device's next interrupt. The line is open only while a thread waits here: after a return it
 * stays masked until the next call, so the device may be handled in peace. One thread per interrupt. Returns
 * ERR_OK, which may be early and without an interrupt (the caller looks at the device), or ERR_TIMEOUT once
 * port_now() >= deadline.
 */
enum err port_irq_wait(u32 irq, u64 deadline);

/*
 * Reads a register of one byte, which takes that byte out of the device, and stores it in `kept`, a word of
 * the memory of port/keep.h. Should the service die in between, the byte is not lost: the next generation,
 * before its first port_device_take(), is given it by port_device_taken(), which otherwise stores nothing.
 * One register and one thread a service. Neither waits or fails.
 */
void port_device_take(const volatile u8 *source, u32 *kept);
void port_device_taken(u32 *kept);

/* Orders all earlier accesses to memory and device registers before all later ones. */
void port_device_fence(void);

/* `size` bytes (at most a page) that a device may read and write: page-aligned, zeroed, with the address the
 * device must be told. Kept: a new generation is given the same page again, not zeroed, and must reset the
 * device before it touches it. `index` is below PORT_DMA_PAGES; the same one gives the same page.
 * ERR_NO_MEMORY: there is no such page; for an index beyond, mono says ERR_RANGE. Does not wait. */
#define PORT_DMA_PAGES 4
enum err port_dma_page(u32 index, void **memory, u64 *device_address);

#endif
