/* port/request.h on the host: a test says as whom it calls (host.h). */
#include "port/request.h"
#include "placement/host/host.h"

static __thread u64 identity;

void host_request(u64 wanted)
{
    identity = wanted;
}

u64 port_request_identity(void)
{
    return identity;
}

/* Here the service is called directly, so the identity is the test's business. */
void port_request_again(void)
{
}
