/* Interrupts: which notification each source signals. (seL4 Reference Manual, "Hardware I/O".) */
#ifndef KERNEL_MICRO_IRQ_H
#define KERNEL_MICRO_IRQ_H

#include "kernel/micro/cap.h"

/* Numbers of the API: 1..95 are the PLIC's sources, 96 is the kernel's own timer. */
#define IRQ_MAX   96
#define IRQ_TIMER 96

/* Handles one pending external interrupt, if there is one. */
void irq_handle(void);

/* The slot with the notification that `irq` signals, if it is bound. */
struct slot *irq_binding(u64 irq);

/* The last handler cap of `irq` is gone, its binding is empty. */
void irq_release(u64 irq);

#endif
