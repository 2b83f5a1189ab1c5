/*
 * Looking at the system and steering its services: the calls of abi/xv6/control.h.
 *
 * Nothing here decides anything about services: the port's answers are passed on, and so are its refusals. An
 * entry is put together in this service's memory and copied to the program last; no lock is held then.
 */
#include "abi/xv6/control.h"
#include "lib/string.h"
#include "port/control.h"
#include "port/fault.h"
#include "port/time.h"
#include "service/unix/calls.h"

_Static_assert((int)SERVICE_IN_KERNEL == (int)CONTROL_IN_KERNEL &&
                   (int)SERVICE_GAVE_UP == (int)CONTROL_GAVE_UP &&
                   (int)SERVICE_RESTART == (int)CONTROL_RESTART && (int)SERVICE_VERBS == (int)CONTROL_VERBS,
               "states and verbs of programs are passed on as they are");
_Static_assert(CONTROL_TEXT == CONTROL_TEXT_SIZE, "texts of programs are as long as the port's");

static const struct fault_status faults[FAULT_COUNT] = {
#define FAULT(service_, id, name_, class_, trigger_, mono_, micro_)                                          \
    {.service = #service_,                                                                                   \
     .name = name_,                                                                                          \
     .class = class_,                                                                                        \
     .trigger = trigger_,                                                                                    \
     .mono = mono_,                                                                                          \
     .micro = micro_},
#include "port/fault.def"
#undef FAULT
};

static s64 store(const struct process *process, uaddr address, const void *entry, u64 size)
{
    return unix_user_write(process->memory.space, address, entry, size) == size ? 0 : CONTROL_EINVAL;
}

static s64 result_of(enum err err)
{
    switch (err) {
    case ERR_OK:
        return 0;
    case ERR_ABSENT:
    case ERR_DENIED:
        return CONTROL_EKERNEL;
    case ERR_BUSY:
        return CONTROL_ESTATE;
    default:
        return CONTROL_EINVAL;
    }
}

s64 unix_call_service_info(struct process *process, const u64 *argument)
{
    struct control_service service;
    struct service_status status = {0};

    if ((s32)argument[0] < 0 || port_control_look((u32)argument[0], &service) != ERR_OK)
        return CONTROL_EINVAL;
    (void)string_copy(status.name, service.name, sizeof(status.name));
    (void)string_copy(status.last_fault, service.last_fault, sizeof(status.last_fault));
    (void)string_copy(status.policy, service.policy, sizeof(status.policy));
    status.state = (int)service.state;
    status.generation = (u32)service.generation;
    status.restarts = (u32)service.restarts;
    status.held_ms = (u32)(service.held_ns / PORT_MILLISECOND);
    return store(process, argument[1], &status, sizeof(status));
}

/* The service is named by its number, so that nothing of the program is touched: a program that holds xmap
 * must still be able to release it. */
s64 unix_call_service_control(struct process *process, const u64 *argument)
{
    s32 service = (s32)argument[0];
    s32 verb = (s32)argument[1];
    s32 ms = (s32)argument[2];

    (void)process;
    if (service < 0 || verb < 0 || verb >= SERVICE_VERBS)
        return CONTROL_EINVAL;
    if (verb == SERVICE_HOLD && (ms <= 0 || ms > SERVICE_HOLD_MAX))
        return CONTROL_EINVAL;
    return result_of(port_control_do((u32)service, (enum control_verb)verb,
                                     verb == SERVICE_HOLD ? (u32)ms * PORT_MILLISECOND : 0));
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

s64 unix_call_fault_info(struct process *process, const u64 *argument)
{
    struct fault_status status;
    u32 n = (u32)argument[0];
    bool always;

    if (n >= FAULT_COUNT)
        return CONTROL_EINVAL;
    status = faults[n];
    for (char *c = status.service; *c != '\0'; c++)
        *c = lower(*c);
    if (port_fault_query((enum port_fault)n, &status.left, &always, &status.fired) != ERR_OK)
        return CONTROL_EINVAL;
    status.always = always;
    return store(process, argument[1], &status, sizeof(status));
}

s64 unix_call_process_info(struct process *process, const u64 *argument)
{
    struct process_status status;

    if ((u32)argument[0] >= PORT_PROGRAMS)
        return CONTROL_EINVAL;
    unix_process_look((u32)argument[0], &status);
    return store(process, argument[1], &status, sizeof(status));
}
