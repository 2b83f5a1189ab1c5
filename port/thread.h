/*
 * Port: threads of a service. Needed by unix (one for each process), console and block (interrupt threads).
 */
#ifndef PORT_THREAD_H
#define PORT_THREAD_H

#include "lib/err.h"
#include "lib/types.h"

/*
 * Starts a thread at entry(argument), with a stack of 16 KiB on both kernels and a guard below it; `name` is
 * kept, not copied. Does not wait. ERR_NO_SLOT when the placement's pool is empty; then nothing has changed.
 * A thread ends by port_thread_exit() only: a return of `entry` is fatal ("thread function returned").
 */
enum err port_thread_start(const char *name, void (*entry)(void *), void *argument);

/* Ends the calling thread, which holds no lock. Its place in the pool is free for the next. */
_Noreturn void port_thread_exit(void);

/* How many threads port_thread_start() can still supply. Changes as soon as it is read: for reports. */
u32 port_threads_free(void);

#endif
