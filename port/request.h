/*
 * Port: whose request this is, so that one repeated after a restart is applied once. Needed by fs, xmap and
 * console, which answer a repeated request with what they gave the first time, and by unix, which repeats.
 *
 * Where the caller and the service die together (mono) no request is ever repeated, and none has an identity.
 */
#ifndef PORT_REQUEST_H
#define PORT_REQUEST_H

#include "lib/types.h"

/* The caller's number is the identity modulo this. A caller has one request at a time. */
#define PORT_REQUEST_CALLERS 128u

/*
 * The identity of the request that the calling thread serves; 0: it has none. A caller's next request has
 * another one, and a repeated request the one it had. Never waits.
 */
u64 port_request_identity(void);

/* The calling thread's next call, if it is the same operation as its last one, which ended with
 * ERR_PEER_RESTARTED, is the same request; another operation is a new one. Never waits. */
void port_request_again(void);

#endif
