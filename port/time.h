/* Port: time. Needed by unix (sleep, uptime), fs, block and console (time-outs, looks). */
#ifndef PORT_TIME_H
#define PORT_TIME_H

#include "lib/types.h"

#define PORT_MILLISECOND 1000000ul
#define PORT_SECOND      1000000000ul

/* Nanoseconds since the machine was switched on. Never goes back; survives the death of a service. */
u64 port_now(void);

#endif
