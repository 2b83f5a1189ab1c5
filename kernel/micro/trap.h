/* The way into the kernel and out of it. */
#ifndef KERNEL_MICRO_TRAP_H
#define KERNEL_MICRO_TRAP_H

#include "kernel/micro/invoke.h"
#include "kernel/micro/vspace.h"

/* The stack every trap is handled on. */
#define KERNEL_STACK_SIZE (16 * 1024)
extern u8 kernel_stack[KERNEL_STACK_SIZE];

/* Makes a zeroed frame one of a program: its status, and what the vector finds in it, stack and hart. */
void trap_init_frame(struct arch_frame *frame);

/* Before the first thread is made. */
void trap_prepare(void);

/* Makes this kernel's own vector take the traps, and starts the timer's ticks. */
void trap_start(void);

/* entry.S: the vector; the way back into a thread, which does not return; the same by way of another space;
 * the hart's word for the space in use. */
void entry_install(void);
void entry_return(struct arch_frame *frame);
void entry_return_in(struct arch_frame *frame, u64 space);
u64 entry_space(void);

/* Every trap of a program but system calls comes here first (entry.S); those to fastpath.c. */
void trap_exception(void);

/* The long way for the pending fault of the current thread. */
void trap_fault(void);

/* Runs the best thread. Ends every trap, and the boot. */
void trap_return(void);

/* Runs the current thread, whatever must be found out for that. */
void trap_resume(void);

/* Runs `tcb`, the current thread: the usual last step of a trap. */
ALWAYS_INLINE void trap_continue(struct tcb *tcb)
{
    if (tcb->space_known != vspace_changes) {
        trap_resume();
    } else if (tcb->space == vspace_active) {
        entry_return(&tcb->frame);
    } else {
        vspace_active = tcb->space;
        entry_return_in(&tcb->frame, tcb->space);
    }
}

/*
 * Between two steps of long work: accounts `units` of it, and from time to time looks whether an interrupt
 * waits. True: stop here, with all progress stored; the system call will be repeated.
 */
bool preemption_point(u32 units);

/* Handles one pending interrupt, if there is one. */
void trap_handle_interrupt(void);

/* The long way for system calls of the current thread and the invocations behind them (syscall.c): by number,
 * and for a Call (`slot` is what cspace_direct() gave). Both end in trap_return(). */
void syscall_handle(s64 number);
void syscall_call(struct slot *slot);

#endif
