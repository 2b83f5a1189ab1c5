/*
 * Port: small data between unix and console, copied once on each side.
 *
 * Each thread of a service that calls another service owns one transfer page, shared with all services it
 * calls.
 */
#ifndef PORT_TRANSFER_H
#define PORT_TRANSFER_H

#include "lib/types.h"

#define PORT_TRANSFER_SIZE 4096ul

/* The calling thread's own page, as a number to pass in a request. */
u64 port_transfer_id(void);

/* The bytes of a page, in the callee and in its owner alike; NULL for a number that is not a page. The callee
 * treats what it reads as hostile and reads each byte once. Valid during the request. */
u8 *port_transfer(u64 id);

#endif
