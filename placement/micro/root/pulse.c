/* The threads of pulse.h, and when they are asked. */
#include "placement/micro/root/pulse.h"
#include "placement/micro/root/process.h"
#include "placement/micro/root/registers.h"

static struct pulse {
    u64 notification;
    u64 asked;
    u64 rounds;              /* written by the pulse's thread alone */
} pulses[SERVERS_COUNT + 1]; /* and the floor (starved.c) */

void pulse_thread(void);

void pulse_prepare(u32 service, u64 priority)
{
    struct pulse *pulse = &pulses[service];
    u64 tcb = supply_make(&root_supply, seL4_TCBObject, 0, 1);
    seL4_UserContext registers = {.pc = (u64)pulse_thread, .s1 = (u64)&pulse->rounds};

    pulse->notification = supply_make(&root_supply, seL4_NotificationObject, 0, 1);
    registers.s0 = pulse->notification;
    if (seL4_TCB_Configure(tcb, 0, ROOT_CNODE, 0, seL4_CapInitThreadVSpace, 0, 0, 0) != seL4_NoError ||
        seL4_TCB_SetSchedParams(tcb, seL4_CapInitThreadTCB, 0, priority) != seL4_NoError ||
        registers_write(tcb, true, &registers) != seL4_NoError)
        root_fail("a pulse cannot be started");
}

u64 pulse_ask(u32 service)
{
    struct pulse *pulse = &pulses[service];
    u64 over = pulse_rounds(service);

    if (pulse->asked > over)
        return over + 2; /* the round under way may have begun too early */
    pulse->asked = over + 1;
    seL4_Signal(pulse->notification);
    return over + 1;
}

u64 pulse_rounds(u32 service)
{
    return __atomic_load_n(&pulses[service].rounds, __ATOMIC_ACQUIRE);
}
