/*
 * The short way for what servers live on: Call to a waiting server, a fault of a hosted program, and the
 * ReplyRecv that answers either.
 *
 * Each does exactly what the long way (syscall.c, fault.c, endpoint.c, reply.c, schedule.c) would do, for the
 * common case only: no caps in the message, a partner that is there and runs next. All questions come first;
 * if one answer does not suit, nothing has happened yet and the long way is taken.
 *
 * On the straight way nothing is called but what comes last, so that the compiler needs no stack frame. For
 * the same reason these functions are not declared as never returning, though they end in a program.
 */
#ifndef KERNEL_MICRO_FASTPATH_H
#define KERNEL_MICRO_FASTPATH_H

#include "lib/types.h"

/* Every system call begins here (entry.S), with a0, a1 and a7 of the program, whose pc is behind the ecall.
 */
void fastpath_system_call(u64 cptr, u64 info, s64 number);

/* The current thread has touched `address`, which is not there; `code` says how (struct fault). */
void fastpath_vm_fault(u64 address, u64 code);

#endif
