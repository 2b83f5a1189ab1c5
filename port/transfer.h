/*
 * Port: small data between unix and console, copied once on each side.
 *
 * Each thread of unix owns one transfer page, which console sees as well. (On mono every kernel thread has
 * one.)
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
