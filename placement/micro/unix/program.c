/*
 * Port program on micro: a program is a thread without capabilities but one, its fault endpoint.
 *
 * Every system call and every fault of the program is a message on that endpoint, and the answer resumes it:
 * nothing in the kernel knows of programs. The unix thread that serves the program waits there, with its own
 * notification bound, so that an interrupt asked by another thread reaches it.
 *
 * A program can send messages of its own making on its endpoint; they look like its own faults and hurt only
 * itself.
 *
 * States: STOPPED --run--> RUNNING --message--> TRAPPED --run--> RUNNING.  enter() and copy() prepare
 * registers, which the next run loads.
 */
#include "port/program.h"
#include "lib/string.h"
#include "placement/micro/server/runtime.h"
#include "placement/micro/unix/server.h"
#include "port/log.h"
#include "port/vspace.h"

#define SLOTS_A_PROGRAM     4 /* in the private CNode */
#define SLOT_OF_TCB(p)      (SLOTS_A_PROGRAM * (u64)(p))
#define SLOT_OF_ENDPOINT(p) (SLOTS_A_PROGRAM * (u64)(p) + 1)
#define SLOT_OF_CSPACE(p)   (SLOTS_A_PROGRAM * (u64)(p) + 2)
#define SLOT_OF_RECEIVED(p) (SLOTS_A_PROGRAM * (u64)(p) + 3) /* where xmap's answer puts a capability */

#define PROGRAM_PRIORITY 100
#define CSPACE_BITS      1 /* two slots: the endpoint is in the second */
#define FAULT_HANDLER    1

enum state { PROGRAM_NONE, PROGRAM_STOPPED, PROGRAM_RUNNING, PROGRAM_TRAPPED };

static struct program {
    enum state state;
    bool made;  /* its kernel objects exist: they are used again for the next program of this number */
    bool loads; /* `registers` go into the thread before it runs */
    u32 interrupted;
    u64 thread; /* of this server, that serves it: where an interrupt is sent; ~0 none */
    u64 fault;  /* the message's label, while TRAPPED */
    u64 pc, sp, ra, result;
    seL4_UserContext registers;
} programs[PORT_PROGRAMS];

static struct program *program_of(u32 program)
{
    port_assert(program < PORT_PROGRAMS && programs[program].state != PROGRAM_NONE, "no such program");
    return &programs[program];
}

static bool make_object(u32 program, u64 type, u64 bits, u64 slot)
{
    (void)program;
    return seL4_Untyped_Retype(CPTR(SLOT_PROGRAMS), type, bits, CNODE_PRIVATE, 0, 0, slot, 1) == seL4_NoError;
}

/* Thread, endpoint and a CSpace that holds the right to fault on it, and nothing else. */
static bool make_objects(u32 program)
{
    if (programs[program].made)
        return true;
    programs[program].made =
        make_object(program, seL4_TCBObject, 0, SLOT_OF_TCB(program)) &&
        make_object(program, seL4_EndpointObject, 0, SLOT_OF_ENDPOINT(program)) &&
        make_object(program, seL4_CapTableObject, CSPACE_BITS, SLOT_OF_CSPACE(program)) &&
        seL4_CNode_Mint(CPTR_IN(SLOT_PRIVATE, SLOT_OF_CSPACE(program)), FAULT_HANDLER, CSPACE_BITS,
                        CNODE_PRIVATE, SLOT_OF_ENDPOINT(program), CSPACE_SHIFT,
                        seL4_CapRights_new(1, 0, 0, 1), program + 1) == seL4_NoError &&
        seL4_TCB_SetSchedParams(CPTR_IN(SLOT_PRIVATE, SLOT_OF_TCB(program)), CPTR(SLOT_THREAD), 0,
                                PROGRAM_PRIORITY) == seL4_NoError &&
        seL4_TCB_SetFlags(CPTR_IN(SLOT_PRIVATE, SLOT_OF_TCB(program)), 0, seL4_TCBFlag_fpuDisabled).error ==
            seL4_NoError; /* xv6's programs have no floating point: such an instruction ends one */
    return programs[program].made;
}

/* xmap gives the root table's capability in its answer; the thread keeps a copy, the received one goes again.
 * Each program has a slot of its own for it: several threads may be here at once. */
static enum err take_space(u32 program, u64 space)
{
    seL4_CNode_CapData_t guard = seL4_CNode_CapData_new(0, 64 - CSPACE_BITS);
    enum err err = ERR_PEER_RESTARTED;
    seL4_Error error;

    for (u32 tries = 0; err == ERR_PEER_RESTARTED && tries < 2; tries++) {
        seL4_MessageInfo_t info = seL4_MessageInfo_new(XMAP_GIVE_VSPACE, 0, 0, 1);

        seL4_SetCapReceivePath(CNODE_PRIVATE, SLOT_OF_RECEIVED(program), CSPACE_SHIFT);
        seL4_SetMR(0, space);
        err = service_request(SERVICE_XMAP, &info);
    }
    if (err != ERR_OK)
        return err;
    error = seL4_TCB_SetSpace(CPTR_IN(SLOT_PRIVATE, SLOT_OF_TCB(program)), FAULT_HANDLER,
                              CPTR_IN(SLOT_PRIVATE, SLOT_OF_CSPACE(program)), guard.words[0],
                              CPTR_IN(SLOT_PRIVATE, SLOT_OF_RECEIVED(program)), 0);
    seL4_CNode_Delete(CNODE_PRIVATE, SLOT_OF_RECEIVED(program), CSPACE_SHIFT);
    return error == seL4_NoError ? ERR_OK : ERR_NO_MEMORY;
}

enum err port_program_create(u32 program, u64 space)
{
    struct program *p = &programs[program];
    enum err err;

    port_assert(program < PORT_PROGRAMS, "program out of range");
    if (p->state != PROGRAM_NONE)
        return ERR_EXISTS;
    if (!make_objects(program))
        return ERR_NO_MEMORY;
    err = take_space(program, space);
    if (err != ERR_OK)
        return err;
    memset(&p->registers, 0, sizeof(p->registers));
    p->loads = false;
    p->interrupted = 0;
    p->thread = ~0ul;
    p->state = PROGRAM_STOPPED;
    return ERR_OK;
}

void port_program_destroy(u32 program)
{
    struct program *p = program_of(program);

    seL4_TCB_Suspend(CPTR_IN(SLOT_PRIVATE, SLOT_OF_TCB(program)));
    p->state = PROGRAM_NONE;
}

enum err port_program_set_space(u32 program, u64 space)
{
    (void)program_of(program);
    return take_space(program, space);
}

void port_program_enter(u32 program, u64 pc, u64 sp, u64 a0, u64 a1)
{
    struct program *p = program_of(program);

    memset(&p->registers, 0, sizeof(p->registers));
    p->registers.pc = pc;
    p->registers.sp = sp;
    p->registers.a0 = a0;
    p->registers.a1 = a1;
    p->loads = true;
}

void port_program_copy(u32 to, u32 from)
{
    struct program *child = program_of(to), *parent = program_of(from);

    if (seL4_TCB_ReadRegisters(CPTR_IN(SLOT_PRIVATE, SLOT_OF_TCB(from)), 0, 0, 32, &child->registers) !=
        seL4_NoError)
        port_fatal("unix: a program's registers cannot be read");
    child->registers.pc = parent->pc;
    child->loads = true;
}

void port_program_result(u32 program, u64 value)
{
    struct program *p = program_of(program);

    p->result = value;
    if (p->loads)
        p->registers.a0 = value;
}

/* Stopping first and resuming with all registers, whatever the program was last seen doing. */
static void load(u32 program)
{
    struct program *p = &programs[program];
    u64 tcb = CPTR_IN(SLOT_PRIVATE, SLOT_OF_TCB(program));

    if (seL4_TCB_Suspend(tcb) != seL4_NoError ||
        seL4_TCB_WriteRegisters(tcb, 1, 0, 32, &p->registers) != seL4_NoError)
        port_fatal("unix: a program's registers cannot be written");
    p->loads = false;
}

static seL4_MessageInfo_t receive(u32 program, seL4_Word *badge, u64 *mr)
{
    return seL4_RecvWithMRs(CPTR_IN(SLOT_PRIVATE, SLOT_OF_ENDPOINT(program)), badge, &mr[0], &mr[1], &mr[2],
                            &mr[3]);
}

static seL4_MessageInfo_t resume(u32 program, seL4_Word *badge, u64 *mr)
{
    struct program *p = &programs[program];
    enum state state = p->state;

    p->state = PROGRAM_RUNNING;
    if (p->loads) {
        load(program);
        return receive(program, badge, mr);
    }
    if (state != PROGRAM_TRAPPED) {
        if (state == PROGRAM_STOPPED)
            seL4_TCB_Resume(CPTR_IN(SLOT_PRIVATE, SLOT_OF_TCB(program)));
        return receive(program, badge, mr);
    }
    mr[0] = p->pc;
    mr[1] = p->sp;
    mr[2] = p->ra;
    mr[3] = p->result;
    return seL4_ReplyRecvWithMRs(CPTR_IN(SLOT_PRIVATE, SLOT_OF_ENDPOINT(program)),
                                 seL4_MessageInfo_new(0, 0, 0, p->fault == seL4_Fault_UnknownSyscall ? 4 : 0),
                                 badge, &mr[0], &mr[1], &mr[2], &mr[3]);
}

/* Fault status as the kernel gives it: access faults stand for page faults too. */
static u32 access_of(u64 fetch, u64 status)
{
    if (fetch)
        return PORT_EXEC;
    return status == 7 ? PORT_WRITE : PORT_READ;
}

static u64 cause_of(u32 access)
{
    return access == PORT_EXEC ? 12 : access == PORT_WRITE ? 15 : 13;
}

static void describe(struct program *p, u64 label, const u64 *mr, struct port_trap *trap)
{
    const seL4_Word *msg = seL4_GetIPCBuffer()->msg;

    p->fault = label;
    trap->pc = mr[0];
    switch (label) {
    case seL4_Fault_UnknownSyscall:
        trap->kind = TRAP_CALL;
        trap->cause = 8;
        p->pc = mr[0] + 4;
        p->sp = mr[1];
        p->ra = mr[2];
        p->result = trap->argument[0] = mr[3];
        for (u32 i = 1; i < ARRAY_SIZE(trap->argument); i++)
            trap->argument[i] = msg[3 + i];
        trap->number = msg[10];
        break;
    case seL4_Fault_VMFault:
        trap->kind = TRAP_PAGE_FAULT;
        trap->address = mr[1];
        trap->access = access_of(mr[2], mr[3]);
        trap->cause = cause_of(trap->access);
        break;
    case seL4_Fault_UserException:
        trap->kind = TRAP_EXCEPTION;
        trap->cause = mr[2];
        trap->address = 0;
        break;
    default: /* a seL4 call with a capability it does not have, or a message of its own: an illegal
                instruction to xv6 */
        trap->kind = TRAP_EXCEPTION;
        trap->cause = 2;
        trap->address = 0;
        break;
    }
}

void port_program_run(u32 program, struct port_trap *trap)
{
    struct program *p = program_of(program);

    p->thread = sync_self()->index;
    for (;;) {
        u64 mr[4] = {0};
        seL4_Word badge = 0;
        seL4_MessageInfo_t info;

        if (__atomic_exchange_n(&p->interrupted, 0, __ATOMIC_ACQUIRE)) {
            trap->kind = TRAP_INTERRUPTED;
            return;
        }
        info = resume(program, &badge, mr);
        if (badge == program + 1) {
            p->state = PROGRAM_TRAPPED;
            describe(p, seL4_MessageInfo_get_label(info), mr, trap);
            return;
        }
        /* this thread's own notification: an interrupt, or a wake-up whose reason has passed */
    }
}

void port_program_interrupt(u32 program)
{
    struct program *p = program_of(program);

    __atomic_store_n(&p->interrupted, 1, __ATOMIC_RELEASE);
    if (p->thread != ~0ul)
        server_signal(p->thread);
}

u8 *port_program_bytes(u64 frame)
{
    return frame < server_info()->frames ? (u8 *)(WINDOW_BASE + frame * PAGE_SIZE) : NULL;
}
