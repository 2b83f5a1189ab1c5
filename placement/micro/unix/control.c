/*
 * Port control in the unix server: each question is one request to the supervisor, which answers at once.
 *
 * The supervisor believes that this is unix by the badge of the endpoint, and nobody else may ask so. A
 * request to restart unix itself is not answered: its thread is gone before.
 */
#include "port/control.h"
#include "lib/string.h"
#include "placement/micro/server/runtime.h"
#include "port/fault.h"

static enum err ask(enum supervisor_request request, u64 w0, u64 w1, u64 w2)
{
    seL4_MessageInfo_t info = seL4_MessageInfo_new(request, 0, 0, 3);

    seL4_SetMR(0, w0);
    seL4_SetMR(1, w1);
    seL4_SetMR(2, w2);
    info = seL4_Call(CPTR(SLOT_SUPERVISOR), info);
    return (enum err)seL4_MessageInfo_get_label(info);
}

enum err port_control_look(u64 n, struct control_service *service)
{
    enum err err = ask(SUPERVISOR_SERVICE, n, 0, 0);

    if (err == ERR_OK)
        memcpy(service, seL4_GetIPCBuffer()->msg, sizeof(*service));
    return err;
}

enum err port_control_do(u64 n, enum control_verb verb, u64 ns)
{
    return ask(SUPERVISOR_CONTROL, n, verb, ns);
}

enum err port_fault_query(enum port_fault fault, u64 *left, bool *always, u64 *fired)
{
    enum err err = ask(SUPERVISOR_FAULT, fault, 0, 0);

    if (err == ERR_OK) {
        *left = seL4_GetMR(0);
        *always = seL4_GetMR(1) != 0;
        *fired = seL4_GetMR(2);
    }
    return err;
}
