/* Threads: stopping and starting, and their register file as programs see it. (seL4 Reference Manual,
 * "Threads and Execution".) */
#ifndef KERNEL_MICRO_THREAD_H
#define KERNEL_MICRO_THREAD_H

#include "kernel/micro/objects.h"

/* A TCB on zeroed memory: all that must not be zero. */
void thread_init(struct tcb *tcb);

/* Stops a thread, whatever it does. If it was in a system call, that is repeated when it is resumed. */
void thread_suspend(struct tcb *tcb);

/* Starts a thread that is inactive, or makes one that waits repeat its system call. Others are left alone. */
void thread_resume(struct tcb *tcb);

#endif
