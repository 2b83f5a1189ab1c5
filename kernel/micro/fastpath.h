/*
 * The short way for the two system calls that servers live on: Call to a waiting server, and its ReplyRecv.
 *
 * It does exactly what the long way (syscall.c, endpoint.c, reply.c, schedule.c) would do, for the common
 * case only: a message that fits registers, no caps in it, a partner that is there and runs next.
 */
#ifndef KERNEL_MICRO_FASTPATH_H
#define KERNEL_MICRO_FASTPATH_H

#include "kernel/micro/objects.h"

/* Performs the current thread's system call if it is one of the two, and makes the partner the current
 * thread; false: nothing has happened, take the long way. */
bool fastpath(s64 number);

#endif
