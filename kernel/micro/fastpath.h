/*
 * The short way for the two system calls that servers live on: Call to a waiting server, and its ReplyRecv.
 *
 * It does exactly what the long way (syscall.c, endpoint.c, reply.c, schedule.c) would do, for the common
 * case only: a message that fits registers, no caps in it, a partner that is there and runs next.
 */
#ifndef KERNEL_MICRO_FASTPATH_H
#define KERNEL_MICRO_FASTPATH_H

#include "kernel/micro/objects.h"

/* Performs the current thread's Call or ReplyRecv and switches to the partner; false: nothing has happened,
 * take the long way. */
bool fastpath_call(void);
bool fastpath_reply_receive(void);

#endif
