/*
 * The supervisor: the root task of Duo's system on micro (and on seL4). It starts the servers its description
 * names, and from then on answers requests and deaths, one message at a time; it never waits for those it
 * supervises.
 */
#include "abi/sel4/sel4.h"
#include "lib/format.h"
#include "lib/string.h"
#include "lib/words.h"
#include "placement/common/fault.h"
#include "placement/micro/root/alarm.h"
#include "placement/micro/root/console.h"
#include "placement/micro/root/control.h"
#include "placement/micro/root/process.h"
#include "placement/micro/root/supervise.h"
#include "placement/micro/root/watch.h"

_Static_assert(offsetof(seL4_BootInfo, ipcBuffer) == 0x20, "system/start.S");

#define PRIORITY 254

u64 supervisor_endpoint, supervisor_notification;

/* Whose fault it is. */
static const u8 fault_service[FAULT_COUNT] = {
#define FAULT(service, id, name, class, trigger, mono, micro) SERVICE_##service,
#include "port/fault.def"
#undef FAULT
};

void root_main(seL4_BootInfo *info);

/* The counters lie in the record of the service whose fault it is. */
enum err port_fault_arm(enum port_fault fault, u64 n, bool always)
{
    struct server_record *record;

    if ((u32)fault >= FAULT_COUNT)
        return ERR_ARGUMENT;
    record = servers[fault_service[fault]].record;
    if (!record)
        return ERR_ABSENT;
    record->armed = true;
    fault_counter_arm(&record->counters[fault], n, always);
    return ERR_OK;
}

enum err port_fault_query(enum port_fault fault, u64 *left, bool *always, u64 *fired)
{
    const struct fault_counter *counter;

    if ((u32)fault >= FAULT_COUNT)
        return ERR_ARGUMENT;
    if (!servers[fault_service[fault]].record)
        return ERR_ABSENT;
    counter = &servers[fault_service[fault]].record->counters[fault];
    *left = __atomic_load_n(&counter->left, __ATOMIC_RELAXED);
    *always = __atomic_load_n(&counter->always, __ATOMIC_RELAXED) != 0;
    *fired = __atomic_load_n(&counter->fired, __ATOMIC_RELAXED);
    return ERR_OK;
}

static void arm_from_arguments(void)
{
    char text[2 * FAULT_TEXT_MAX];

    for (u32 i = 0; words_nth(root_board.bootargs, "fault", i, text, sizeof(text)); i++) {
        if (!placement_fault_arm_text(text))
            say("[sup] no such fault: %s\n", text);
    }
}

static void log(u64 length)
{
    if (length <= SUPERVISOR_LOG_MAX)
        say_bytes((const char *)&seL4_GetIPCBuffer()->msg[1], length);
}

static seL4_MessageInfo_t plain(u64 label)
{
    return seL4_MessageInfo_new(label, 0, 0, 0);
}

/* The answer; its words are in the IPC buffer. What steers the system is for unix alone, on behalf of
 * programs: a server that goes wild can say something, and no more. */
static seL4_MessageInfo_t request(struct server *server, u64 label)
{
    if (label >= SUPERVISOR_POWER_OFF && server != &servers[SERVICE_UNIX])
        return plain(ERR_DENIED);
    switch (label) {
    case SUPERVISOR_LOG:
        log(seL4_GetMR(0));
        return plain(ERR_OK);
    case SUPERVISOR_READY:
        supervise_ready(server, seL4_GetMR(0));
        return plain(ERR_OK);
    case SUPERVISOR_ALARM:
        if (server != &servers[SERVER_TIMER])
            return plain(ERR_DENIED);
        alarm_wanted(seL4_GetMR(0));
        return plain(ERR_OK);
    case SUPERVISOR_POWER_OFF:
        power_off(seL4_GetMR(0));
    case SUPERVISOR_ARM:
        return plain(port_fault_arm((enum port_fault)seL4_GetMR(0), seL4_GetMR(1), seL4_GetMR(2) != 0));
    default:
        return control_request(label);
    }
}

static _Noreturn void serve(void)
{
    seL4_Word badge;
    seL4_MessageInfo_t info = seL4_Recv(supervisor_endpoint, &badge);

    for (;;) {
        u64 service = BADGE_SERVICE(badge), thread = BADGE_THREAD(badge);

        if (badge != BADGE_SIGNAL && service < SERVERS_COUNT && thread == 0) {
            u64 generation = servers[service].generation;

            info = request(&servers[service], seL4_MessageInfo_get_label(info));
            if (servers[service].generation == generation) {
                info = seL4_ReplyRecv(supervisor_endpoint, info, &badge);
                continue;
            } /* else its own restart was what it asked for: nobody waits for an answer */
        } else if (badge == BADGE_SIGNAL) {
            if (alarm_heard())
                watch_all();
            control_look();
            supervise_look();
        } else if (service < SERVERS_COUNT) {
            supervise_death(&servers[service], thread - 1, info);
        }
        info = seL4_Recv(supervisor_endpoint, &badge);
    }
}

void root_main(seL4_BootInfo *info)
{
    console_read_board(info);
    objects_init(info);
    console_init();
    say("\n[sup] duo on micro: the supervisor runs\n");
    seL4_TCB_SetPriority(seL4_CapInitThreadTCB, seL4_CapInitThreadTCB, PRIORITY);
    supervisor_endpoint = supply_make(&root_supply, seL4_EndpointObject, 0, 1);
    supervisor_notification = supply_make(&root_supply, seL4_NotificationObject, 0, 1);
    if (seL4_TCB_BindNotification(seL4_CapInitThreadTCB, supervisor_notification) != seL4_NoError)
        root_fail("no notification for the supervisor");
    process_prepare_all();
    alarm_prepare();
    watch_prepare();
    arm_from_arguments();
    process_start_all();
    serve();
}
