/* The way into the kernel and out of it. */
#ifndef KERNEL_MICRO_TRAP_H
#define KERNEL_MICRO_TRAP_H

#include "kernel/micro/invoke.h"

/* The stack every trap is handled on. */
#define KERNEL_STACK_SIZE (16 * 1024)
extern u8 kernel_stack[KERNEL_STACK_SIZE];

/* Makes a frame enter this kernel at its next trap. */
void trap_prepare_frame(struct arch_frame *frame);

/* Starts the timer's ticks. */
void trap_timer_start(void);

/* Runs the best thread. Ends every trap, and the boot. */
_Noreturn void trap_return(void);

/*
 * Between two steps of long work: accounts `units` of it, and from time to time looks whether an interrupt
 * waits. True: stop here, with all progress stored; the system call will be repeated.
 */
bool preemption_point(u32 units);

/* Handles one pending interrupt, if there is one. */
void trap_handle_interrupt(void);

/* System calls and the invocations behind them (syscall.c), of the current thread. */
void syscall_handle(s64 number);

#endif
