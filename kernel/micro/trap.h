/* The way into the kernel and out of it. */
#ifndef KERNEL_MICRO_TRAP_H
#define KERNEL_MICRO_TRAP_H

#include "kernel/micro/invoke.h"

/* The stack every trap is handled on. */
#define KERNEL_STACK_SIZE (16 * 1024)
extern u8 kernel_stack[KERNEL_STACK_SIZE];

/* What the vector finds in a frame: stack and hart. */
void trap_prepare_frame(struct arch_frame *frame);

/* Makes this kernel's own vector take the traps, and starts the timer's ticks. */
void trap_start(void);

/* entry.S: the vector, and the way back into a thread, which does not return. */
void entry_install(void);
void entry_return(struct arch_frame *frame);

/* Every trap of a program but system calls comes here first (entry.S); those to fastpath.c. */
void trap_exception(void);

/* The long way for the pending fault of the current thread. */
void trap_fault(void);

/* Runs the best thread. Ends every trap, and the boot. */
void trap_return(void);

/* Runs the current thread. */
void trap_resume(void);

/*
 * Between two steps of long work: accounts `units` of it, and from time to time looks whether an interrupt
 * waits. True: stop here, with all progress stored; the system call will be repeated.
 */
bool preemption_point(u32 units);

/* Handles one pending interrupt, if there is one. */
void trap_handle_interrupt(void);

/* The long way for system calls and the invocations behind them (syscall.c), of the current thread: by
 * number, and a Call
 * (`slot` is what cspace_direct() gave). Both end in trap_return(). */
void syscall_handle(s64 number);
void syscall_call(struct slot *slot);

#endif
