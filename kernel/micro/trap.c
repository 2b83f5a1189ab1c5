/*
 * The way into the kernel and out of it. The contract is in trap.h.
 *
 * Every trap of a program begins in enter() on the same empty stack, with interrupts off, and ends in
 * trap_return(), which continues the best thread. Nothing stays on the stack in between: a thread that waits
 * is only data.
 */
#include "kernel/micro/trap.h"
#include "kernel/micro/debug.h"
#include "kernel/micro/fastpath.h"
#include "kernel/micro/fpu.h"
#include "kernel/micro/ipc.h"
#include "kernel/micro/irq.h"
#include "kernel/micro/schedule.h"
#include "machine/board.h"
#include "machine/panic.h"

#define PREEMPTION_UNITS 100 /* work between two looks at pending interrupts: well under 100 microseconds */

u8 kernel_stack[KERNEL_STACK_SIZE] __attribute__((aligned(16)));

static u64 tick; /* in counts of arch_time() */
static u32 units_done;

void trap_timer_start(void)
{
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

static void raise_vm_fault(const struct arch_frame *frame, u64 status)
{
    struct fault fault = {
        .type = seL4_Fault_VMFault, .address = frame->value, .code = status, .fetch = status == 1};
    fault_raise(current, &fault);
}

static void raise_user_exception(u64 number)
{
    struct fault fault = {.type = seL4_Fault_UserException, .code = number};
    fault_raise(current, &fault);
}

/* Continues the current thread. */
static _Noreturn void resume(void)
{
    fpu_prepare(current);
    arch_user_return(&current->frame);
}

static _Noreturn void enter(struct arch_frame *frame)
{
    current->fault_pc = frame->pc;
    switch (frame->cause) {
    case CAUSE_USER_CALL:
        frame->pc += 4;
        if (fastpath((s64)frame->x[REG_A7]))
            resume();
        units_done = 0;
        syscall_handle((s64)frame->x[REG_A7]);
        break;
    case CAUSE_IRQ_TIMER:
    case CAUSE_IRQ_EXTERNAL:
    case CAUSE_IRQ_SOFTWARE:
        trap_handle_interrupt();
        break;
    case CAUSE_FETCH_ACCESS:
    case CAUSE_FETCH_PAGE:
        raise_vm_fault(frame, CAUSE_FETCH_ACCESS);
        break;
    case CAUSE_LOAD_ACCESS:
    case CAUSE_LOAD_PAGE:
        raise_vm_fault(frame, CAUSE_LOAD_ACCESS);
        break;
    case CAUSE_STORE_ACCESS:
    case CAUSE_STORE_PAGE:
        raise_vm_fault(frame, CAUSE_STORE_ACCESS);
        break;
    case CAUSE_ILLEGAL:
        if (!fpu_claim(current))
            raise_user_exception(CAUSE_ILLEGAL);
        break;
    default:
        raise_user_exception(frame->cause);
        break;
    }
    trap_return();
}

void trap_prepare_frame(struct arch_frame *frame)
{
    frame->kernel_sp = (u64)(kernel_stack + KERNEL_STACK_SIZE);
    frame->kernel_tp = (u64)arch_hart();
    frame->kernel_entry = (u64)enter;
}

void trap_return(void)
{
    schedule();
    while (current == &idle_thread) {
        arch_wait_for_interrupt();
        trap_handle_interrupt();
        schedule();
    }
    debug_check();
    resume();
}

/* The kernel runs with interrupts off and touches no program's addresses, so whatever traps in it is a bug.
 */
void trap_from_kernel(struct arch_frame *frame)
{
    panic_trap(frame);
}
