/* Port control where the services are part of the kernel (mono) or of a test (host): they are named, and that
 * is all. */
#include "lib/string.h"
#include "port/control.h"
#include "port/fault.h"

static const char *const names[SERVICE_COUNT] = {
    [SERVICE_XMAP] = "xmap",   [SERVICE_UNIX] = "unix",       [SERVICE_FS] = "fs",
    [SERVICE_BLOCK] = "block", [SERVICE_CONSOLE] = "console",
};

enum err port_control_look(u64 n, struct control_service *service)
{
    if (n >= SERVICE_COUNT)
        return ERR_NOT_FOUND;
    memset(service, 0, sizeof(*service));
    service->state = CONTROL_IN_KERNEL;
    (void)string_copy(service->name, names[n], sizeof(service->name));
    return ERR_OK;
}

enum err port_control_do(u64 n, enum control_verb verb, u64 ns)
{
    (void)verb;
    (void)ns;
    return n < SERVICE_COUNT ? ERR_ABSENT : ERR_NOT_FOUND;
}
