/*
 * Port: the services as a supervisor sees them. Needed by unix, for the calls of abi/xv6/control.h.
 *
 * Where services are part of the kernel there is nothing to supervise, and each says so. Elsewhere every
 * function here is a question to the supervisor, which answers at once; so none of them waits, and none can
 * be met by the death of a service. One never returns: a restart of unix, which ends the thread that asks.
 */
#ifndef PORT_CONTROL_H
#define PORT_CONTROL_H

#include "lib/err.h"
#include "lib/types.h"

#define CONTROL_NAME_SIZE 16u
#define CONTROL_TEXT_SIZE 32u

enum control_state {
    CONTROL_IN_KERNEL,
    CONTROL_RUNNING,
    CONTROL_RESTARTING,
    CONTROL_HELD,
    CONTROL_BACKING_OFF,
    CONTROL_GAVE_UP,
};

struct control_service {
    char name[CONTROL_NAME_SIZE];
    u64 state; /* enum control_state */
    u64 generation;
    u64 restarts;
    u64 held_ns;                        /* while held: how long yet */
    char last_fault[CONTROL_TEXT_SIZE]; /* why the last generation ended; empty if none did */
    char policy[CONTROL_TEXT_SIZE];     /* what happens at the next death */
};

/* The n-th service. ERR_NOT_FOUND: there are no more. */
enum err port_control_look(u64 n, struct control_service *service);

enum control_verb { CONTROL_HOLD, CONTROL_RELEASE, CONTROL_RESTART, CONTROL_VERBS };

/*
 * Does it to the n-th service. To hold: it executes nothing, and whoever calls it waits, for at most `ns`
 * nanoseconds. To restart: its calls under way end with ERR_PEER_RESTARTED, as by a death.
 * ERR_NOT_FOUND: no such service. ERR_ARGUMENT: no such verb. ERR_ABSENT: part of the kernel. ERR_DENIED:
 * this service cannot be held, as nothing would go on without it. ERR_BUSY: its state does not allow it. A
 * service that was given up can be restarted, and nothing else.
 */
enum err port_control_do(u64 n, enum control_verb verb, u64 ns);

#endif
