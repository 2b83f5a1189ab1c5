/* Port request in the kernel: callers and services live and die together, so nothing is ever repeated. */
#include "port/request.h"

u64 port_request_identity(void)
{
    return 0;
}

void port_request_again(void)
{
}
