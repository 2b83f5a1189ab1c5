/*
 * The way into the kernel and out of it. The contract is in trap.h.
 *
 * Every trap of a program begins in entry.S, on the same empty stack, with interrupts off, and ends there,
 * mostly by way of trap_return(), which continues the best thread. Nothing stays on the stack in between: a
 * thread that waits is only data.
 */
#include "kernel/micro/trap.h"
#include "kernel/micro/debug.h"
#include "kernel/micro/fastpath.h"
#include "kernel/micro/fpu.h"
#include "kernel/micro/ipc.h"
#include "kernel/micro/irq.h"
#include "kernel/micro/schedule.h"
#include "kernel/micro/vspace.h"
#include "machine/board.h"
#include "machine/panic.h"

#define PREEMPTION_UNITS 8 /* work between two looks at pending interrupts: some 2,000 instructions */

u8 kernel_stack[KERNEL_STACK_SIZE] __attribute__((aligned(16)));

static struct arch_frame new_frame; /* as the machine wants a program to begin */
static u64 tick;                    /* in counts of arch_time() */
static u32 units_done;

_Static_assert(offsetof(struct tcb, fault_pc) == offsetof(struct tcb, frame) + sizeof(struct arch_frame),
               "entry.S");

void trap_prepare(void)
{
    arch_frame_init_user(&new_frame);
}

void trap_start(void)
{
    entry_install();
    tick = board.timebase * CONFIG_TIMER_TICK_MS / 1000;
    arch_timer_set(arch_time() + tick);
}

bool preemption_point(u32 units)
{
    units_done += units;
    if (units_done < PREEMPTION_UNITS)
        return false;
    units_done = 0;
    return arch_irq_pending() != 0;
}

void trap_handle_interrupt(void)
{
    u64 pending = arch_irq_pending();

    if (pending & ARCH_PENDING_EXTERNAL) {
        irq_handle();
    } else if (pending & ARCH_PENDING_TIMER) {
        arch_timer_set(arch_time() + tick);
        schedule_tick();
    }
}

/* With checks on, no thread is taken at its word (space_known), so that every trap ends here. */
void trap_resume(void)
{
    vspace_activate();
    if (debug_checking) {
        current->space_known = 0;
        debug_check();
    }
    entry_return(&current->frame);
}

void trap_exception(void)
{
    struct arch_frame *frame = &current->frame;

    switch (frame->cause) {
    case CAUSE_FETCH_ACCESS:
    case CAUSE_FETCH_PAGE:
        fastpath_vm_fault(frame->value, CAUSE_FETCH_ACCESS);
        return;
    case CAUSE_LOAD_ACCESS:
    case CAUSE_LOAD_PAGE:
        fastpath_vm_fault(frame->value, CAUSE_LOAD_ACCESS);
        return;
    case CAUSE_STORE_ACCESS:
    case CAUSE_STORE_PAGE:
        fastpath_vm_fault(frame->value, CAUSE_STORE_ACCESS);
        return;
    case CAUSE_IRQ_TIMER:
    case CAUSE_IRQ_EXTERNAL:
    case CAUSE_IRQ_SOFTWARE:
        trap_handle_interrupt();
        break;
    default:
        if (frame->cause != CAUSE_ILLEGAL || !fpu_claim(current)) {
            current->fault.type = seL4_Fault_UserException;
            current->fault.code = frame->cause;
            fault_raise(current);
        }
        break;
    }
    trap_return();
}

void trap_fault(void)
{
    fault_raise(current);
    trap_return();
}

void trap_init_frame(struct arch_frame *frame)
{
    frame->status = new_frame.status;
    frame->kernel_sp = (u64)(kernel_stack + KERNEL_STACK_SIZE);
    frame->kernel_tp = (u64)arch_hart();
}

/* Waits for an interrupt that makes somebody run. */
static __attribute__((noinline)) void idle(void)
{
    while (current == &idle_thread) {
        arch_wait_for_interrupt();
        trap_handle_interrupt();
        schedule();
    }
    trap_resume();
}

/* Somebody else may run, or the current thread repeats its call. */
static __attribute__((noinline)) void choose(void)
{
    schedule_decide();
    if (current == &idle_thread)
        idle();
    else
        trap_continue(current);
}

void trap_return(void)
{
    if (schedule_is_due())
        choose();
    else
        trap_continue(current);
}

/* The kernel runs with interrupts off and touches no program's addresses, so whatever traps in it is a bug.
 */
void trap_from_kernel(struct arch_frame *frame)
{
    panic_trap(frame);
}
