/*
 * What a debug build adds: words on the console, the debug system calls, checks of invariants.
 *
 * debug.c does it, release.c does nothing; the build links one of them.
 */
#ifndef KERNEL_MICRO_DEBUG_H
#define KERNEL_MICRO_DEBUG_H

#include "kernel/micro/invoke.h"

void debug_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* An invocation failed; `failure` says how. */
void debug_failure(const struct invocation *invocation);

/* The pending fault of `tcb` found no handler: `lookup` says why. */
void debug_unhandled_fault(const struct tcb *tcb, const struct lookup_failure *lookup);

/* Keeps the list of all threads. */
void debug_thread_new(struct tcb *tcb);
void debug_thread_gone(struct tcb *tcb);

/* A thread in words: its name, or its address. Always NUL-terminated. */
void debug_thread_name(const struct tcb *tcb, char *text, u64 size);

/* Performs a debug system call of the current thread; false if `number` is none. */
bool debug_syscall(s64 number);

/* At the end of each trap, the next thread chosen, if debug_checking: checks the kernel's invariants, every N
 * times with the boot argument check=N. */
extern bool debug_checking;
void debug_check(void);

/* At boot, with the boot arguments read and the root task there. */
void debug_init(void);

#endif
