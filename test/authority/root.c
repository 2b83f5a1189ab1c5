/*
 * The root task of the authority test: builds the servers as the supervisor does, by the same files and the
 * same description, but in place of deaths there are answers: a fault in a probe is over, and counted.
 */
#include "abi/sel4/sel4.h"
#include "lib/string.h"
#include "placement/micro/root/console.h"
#include "placement/micro/root/process.h"
#include "test/authority/authority.h"

_Static_assert(offsetof(seL4_BootInfo, ipcBuffer) == 0x20, "system/start.S");

#define PRIORITY    254
#define EXIT_FAILED 11

u64 supervisor_endpoint, supervisor_notification;

static u64 faults[SERVERS_COUNT], ready;

void root_main(seL4_BootInfo *info);

/* Whatever the doubles have done, servers can begin anew: each generation needs an address space. */
static void name_one_more(void)
{
    u64 root = supply_make(&root_supply, seL4_RISCV_PageTableObject, 0, 1);
    seL4_Error error = seL4_RISCV_ASIDPool_Assign(seL4_CapInitThreadASIDPool, root);

    say("[authority] one more address space for the servers: error %lu\n", (u64)error);
}

static void request(const struct server *server, u64 label)
{
    switch (label) {
    case SUPERVISOR_LOG:
        say_bytes((const char *)&seL4_GetIPCBuffer()->msg[1], min_u64(seL4_GetMR(0), SUPERVISOR_LOG_MAX));
        break;
    case SUPERVISOR_READY:
        say("[authority] %s: its faults were %lu\n", server->description->name,
            faults[server->description->service]);
        if (++ready == SERVERS_COUNT) {
            name_one_more();
            say("[authority] all are done\n");
            power_off(0);
        }
        break;
    default:
        say("[authority] %s: an unknown request %lu\n", server->description->name, label);
        break;
    }
}

/* A probe's: its pc lies in one, or where probe_execute() has jumped to. */
static bool is_probe(const struct server *server, u64 pc, bool fetch)
{
    u64 offset;
    const char *name = symbols_find(&server->symbols, pc, &offset);

    return fetch || (name && strncmp(name, "probe_", 6) == 0);
}

static void fault(const struct server *server, u64 thread, u64 label)
{
    u64 pc = seL4_GetMR(0), address = seL4_GetMR(1);
    bool memory = label == seL4_Fault_VMFault, fetch = memory && seL4_GetMR(2) != 0;
    seL4_UserContext registers;

    if ((!memory && label != seL4_Fault_CapFault) || !is_probe(server, pc, fetch)) {
        say("[authority] %s: fault %lu at 0x%lx, address 0x%lx, is not a probe's\n",
            server->description->name, label, pc, address);
        power_off(EXIT_FAILED);
    }
    faults[server->description->service]++;
    memset(&registers, 0, sizeof(registers));
    seL4_TCB_ReadRegisters(server->tcb[thread], 0, 0, 32, &registers);
    registers.pc = registers.ra;
    registers.a0 = (u64)PROBE_FAULTED;
    seL4_TCB_WriteRegisters(server->tcb[thread], 1, 0, 32, &registers);
}

static _Noreturn void serve(void)
{
    for (;;) {
        seL4_Word badge = 0;
        u64 label = seL4_MessageInfo_get_label(seL4_Recv(supervisor_endpoint, &badge));
        u64 service = BADGE_SERVICE(badge), thread = BADGE_THREAD(badge);

        if (badge == BADGE_SIGNAL || service >= SERVERS_COUNT)
            continue;
        if (thread == 0) {
            request(&servers[service], label);
            seL4_Reply(seL4_MessageInfo_new(0, 0, 0, 0));
        } else {
            fault(&servers[service], thread - 1, label);
        }
    }
}

void root_main(seL4_BootInfo *info)
{
    console_read_board(info);
    objects_init(info);
    console_init();
    seL4_TCB_SetPriority(seL4_CapInitThreadTCB, seL4_CapInitThreadTCB, PRIORITY);
    supervisor_endpoint = supply_make(&root_supply, seL4_EndpointObject, 0, 1);
    supervisor_notification = supply_make(&root_supply, seL4_NotificationObject, 0, 1);
    process_prepare_all();
    process_start_all();
    serve();
}
