/*
 * Port: what a service says, and how it ends when its own invariant is broken.
 */
#ifndef PORT_LOG_H
#define PORT_LOG_H

#include "lib/types.h"

/* Prints to the system's log (the serial line); formats as lib/format.h. Needs no other service, does not
 * wait. */
void port_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * A broken invariant of this service. mono: the kernel panics with `invariant` as its text. micro: this
 * server faults, and the supervisor reports `invariant`. host: abort(). Never returns.
 */
_Noreturn void port_fatal(const char *invariant);

/* The same assertions are compiled into every placement and stay in measured builds. `condition` has no side
 * effect. For invariants of the service itself only: outside data, exhaustion and peers' replies never
 * assert. */
#define port_assert(condition, invariant)                                                                    \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            port_fatal(invariant);                                                                           \
    } while (0)

#endif
