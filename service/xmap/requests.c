/*
 * Requests: what the last one of each caller was answered, so that one repeated after a death is applied
 * once.
 *
 * unix asks again, under the same identity (port/request.h), when xmap died before it answered. Most
 * operations may be asked twice: they say what shall be, or the second asking is refused and nobody minds.
 * Not so those that count or that give out a number: space_create, space_fork, pin, unpin. These note their
 * answer in the same kept step as their effect, and ask here before they begin.
 *
 * reserve is not among them, though it gives out an address: unix never repeats it under its identity. A
 * program is told of the death and looks (xmap_query); exec names the address itself, and releases first
 * what may be there.
 *
 * Called by: the operations (xmap.c).
 * Locking:   xmap_lock, held by the caller.
 * Fails:     never.
 */
#include "service/xmap/state.h"

static struct xmap_request *request_of(u64 identity)
{
    return &xmap_kept->requests[identity % PORT_REQUEST_CALLERS];
}

bool xmap_request_done(u64 identity, u64 *answer)
{
    if (identity == 0 || request_of(identity)->identity != identity)
        return false;
    *answer = request_of(identity)->answer;
    return true;
}

/* The former request of this caller has been answered and is asked for by nobody. So only the identity need
 * be saved by the step: if it is undone, that former identity speaks for an answer that nobody reads. */
void xmap_request_begin(u64 identity, u64 answer)
{
    struct xmap_request *request = request_of(identity);

    if (identity == 0)
        return;
    port_keep_begin(&request->identity, sizeof(request->identity));
    request->answer = answer;
    request->identity = identity;
}
