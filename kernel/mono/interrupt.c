/*
 * Interrupts: the timer drives the scheduler; a device's interrupt masks its line and wakes the thread that
 * waits for it; other harts ask for attention. Devices interrupt the boot hart only.
 *
 * No code of a service runs here. Locking: the wait lock guards `lines` and the controller's registers.
 */
#include "kernel/mono/thread.h"
#include "machine/arch.h"
#include "machine/board.h"
#include "machine/panic.h"

#define LINES 128 /* PLIC sources on QEMU virt: 95 */

static struct {
    struct mono_list waiting;
    bool pending;
} lines[LINES];

/* The claim is under the lock as well: a wait that ends on another hart meanwhile masks its line, and a PLIC
 * ignores the completion of a masked source, which would never interrupt again. */
static void external(void)
{
    bool interrupts = mono_schedule_lock();
    u32 irq;

    while ((irq = board_irq_claim()) != 0) {
        board_irq_complete(irq); /* before the mask, for the same reason */
        board_irq_disable(irq);
        if (irq < LINES) {
            lines[irq].pending = true;
            mono_wake(&lines[irq].waiting);
        }
    }
    mono_schedule_unlock(interrupts);
}

/* Another hart wants this one to look: at the queue of ready threads, at what its program was asked, or to
 * stop. */
static void software(void)
{
    arch_ipi_clear();
    if (panic_under_way())
        panic_park();
}

void interrupt_handle(u64 cause)
{
    if (cause == CAUSE_IRQ_EXTERNAL)
        external();
    else if (cause == CAUSE_IRQ_SOFTWARE)
        software();
    else if (cause != CAUSE_IRQ_TIMER)
        panic("unexpected interrupt, scause 0x%lx", cause);
    thread_interrupted();
}

void trap_from_kernel(struct arch_frame *frame)
{
    if (!(frame->cause & CAUSE_INTERRUPT))
        panic_trap(frame);
    interrupt_handle(frame->cause);
}

bool mono_irq_wait(u32 irq, u64 deadline)
{
    bool interrupts = mono_schedule_lock();
    bool pending;

    kernel_assert(irq > 0 && irq < LINES, "irq out of range");
    lines[irq].pending = false;
    board_irq_enable(irq);
    if (!lines[irq].pending)
        mono_block(&lines[irq].waiting, deadline);
    pending = lines[irq].pending;
    board_irq_disable(irq);
    mono_schedule_unlock(interrupts);
    return pending;
}
