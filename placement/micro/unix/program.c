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
#include "port/xmap.h"

#define SLOTS_A_PROGRAM     4 /* in the private CNode */
#define SLOT_OF_TCB(p)      (SLOTS_A_PROGRAM * (u64)(p))
#define SLOT_OF_ENDPOINT(p) (SLOTS_A_PROGRAM * (u64)(p) + 1)
#define SLOT_OF_CSPACE(p)   (SLOTS_A_PROGRAM * (u64)(p) + 2)
#define SLOT_OF_RECEIVED(p) (SLOTS_A_PROGRAM * (u64)(p) + 3) /* where xmap's answer puts a capability */

#define PROGRAM_PRIORITY 100
#define CSPACE_BITS      1 /* two slots: the endpoint is in the second */
#define FAULT_HANDLER    1

#define ILLEGAL_INSTRUCTION 2 /* scause */

enum state { PROGRAM_NONE, PROGRAM_STOPPED, PROGRAM_RUNNING, PROGRAM_TRAPPED };

static struct program {
    enum state state;
    bool made;  /* its kernel objects exist: they are used again for the next program of this number */
    bool loads; /* `registers` go into the thread before it runs */
    u32 interrupted;
    struct work_record *work; /* of that thread: what the supervisor sees of it */
    u64 thread;               /* of this server, that serves it: where an interrupt is sent; ~0 none */
    u64 space;                /* where it runs */
    u64 fault;                /* the message's label, while TRAPPED */
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
    if (error == seL4_NoError)
        programs[program].space = space;
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

/* Two bytes of the program's text; false if they cannot be read. */
static bool text_read(u64 space, u64 address, u16 *text)
{
    u64 frame;
    const u8 *bytes;

    if (xmap_pin(space, round_down(address, PAGE_SIZE), XMAP_RIGHT_READ, &frame) != ERR_OK)
        return false;
    bytes = port_program_bytes(frame);
    if (bytes)
        memcpy(text, bytes + address % PAGE_SIZE, sizeof(*text));
    (void)xmap_unpin(frame);
    return bytes != NULL;
}

/* What stval holds after an illegal instruction is the instruction, which the kernel's message has not. 0:
 * not known (it may also have been changed by now). */
static u64 illegal_instruction(u64 space, u64 pc)
{
    u16 low, high;

    if (pc % 2 != 0 || !text_read(space, pc, &low))
        return 0;
    if ((low & 3) != 3)
        return low;
    return text_read(space, pc + 2, &high) ? (u64)high << 16 | low : 0;
}

static void describe_fault(const struct program *p, u64 label, u64 mr0, u64 mr1, u64 mr2, u64 mr3,
                           struct port_trap *trap)
{
    trap->pc = mr0;
    trap->kind = TRAP_EXCEPTION;
    trap->address = 0;
    switch (label) {
    case seL4_Fault_VMFault:
        trap->kind = TRAP_PAGE_FAULT;
        trap->address = mr1;
        trap->access = access_of(mr2, mr3);
        trap->cause = cause_of(trap->access);
        break;
    case seL4_Fault_UserException:
        trap->cause = mr2;
        if (mr2 == ILLEGAL_INSTRUCTION)
            trap->address = illegal_instruction(p->space, mr0);
        break;
    default: /* a seL4 call with a capability it does not have, or a message of its own: an illegal
                instruction to xv6 */
        trap->cause = ILLEGAL_INSTRUCTION;
        break;
    }
}

static void describe_call(struct program *p, u64 mr0, u64 mr1, u64 mr2, u64 mr3, struct port_trap *trap)
{
    const seL4_Word *msg = seL4_GetIPCBuffer()->msg;

    trap->kind = TRAP_CALL;
    trap->cause = 8;
    trap->pc = mr0;
    p->pc = mr0 + 4;
    p->sp = mr1;
    p->ra = mr2;
    p->result = trap->argument[0] = mr3;
    trap->argument[1] = msg[4];
    trap->argument[2] = msg[5];
    trap->argument[3] = msg[6];
    trap->argument[4] = msg[7];
    trap->argument[5] = msg[8];
    trap->number = msg[10];
}

static void describe(struct program *p, u64 label, u64 mr0, u64 mr1, u64 mr2, u64 mr3, struct port_trap *trap)
{
    p->state = PROGRAM_TRAPPED;
    p->fault = label;
    if (label == seL4_Fault_UnknownSyscall)
        describe_call(p, mr0, mr1, mr2, mr3, trap);
    else
        describe_fault(p, label, mr0, mr1, mr2, mr3, trap);
}

/* The way of a program that does not go on from a trap as it was, or that somebody has interrupted. A message
 * that is not the program's is a signal to this thread: an interrupt, or a wake-up whose reason has passed.
 */
static __attribute__((noinline)) void run_otherwise(u32 program, struct port_trap *trap)
{
    struct program *p = &programs[program];
    seL4_Word badge, mr0 = 0, mr1 = 0, mr2 = 0, mr3 = 0;
    seL4_MessageInfo_t info;

    p->thread = sync_self()->index; /* the same until the program ends */
    p->work = &server_record()->work[p->thread];
    do {
        if (__atomic_exchange_n(&p->interrupted, 0, __ATOMIC_ACQUIRE)) {
            trap->kind = TRAP_INTERRUPTED;
            return;
        }
        if (p->loads)
            load(program);
        else if (p->state == PROGRAM_STOPPED)
            seL4_TCB_Resume(CPTR_IN(SLOT_PRIVATE, SLOT_OF_TCB(program)));
        p->state = PROGRAM_RUNNING;
        p->work->state = WORK_NONE;
        info = seL4_RecvWithMRs(CPTR_IN(SLOT_PRIVATE, SLOT_OF_ENDPOINT(program)), &badge, &mr0, &mr1, &mr2,
                                &mr3);
        p->work->serial++;
        p->work->state = WORK_RUNNING;
    } while (badge != program + 1);
    describe(p, seL4_MessageInfo_get_label(info), mr0, mr1, mr2, mr3, trap);
}

/* A trapped program goes on with one kernel call, which also waits for its next trap: every system call
 * passes here. */
void port_program_run(u32 program, struct port_trap *trap)
{
    struct program *p = program_of(program);

    if (p->state == PROGRAM_TRAPPED && !p->loads && !__atomic_load_n(&p->interrupted, __ATOMIC_RELAXED)) {
        seL4_Word badge, mr0 = p->pc, mr1 = p->sp, mr2 = p->ra, mr3 = p->result;
        u64 length = p->fault == seL4_Fault_UnknownSyscall ? 4 : 0;
        seL4_MessageInfo_t info = seL4_MessageInfo_new(0, 0, 0, length);

        p->state = PROGRAM_RUNNING;
        p->work->state = WORK_NONE;
        info = seL4_ReplyRecvWithMRs(CPTR_IN(SLOT_PRIVATE, SLOT_OF_ENDPOINT(program)), info, &badge, &mr0,
                                     &mr1, &mr2, &mr3);
        p->work->serial++;
        p->work->state = WORK_RUNNING;
        if (badge == program + 1ul) {
            describe(p, seL4_MessageInfo_get_label(info), mr0, mr1, mr2, mr3, trap);
            return;
        }
    }
    run_otherwise(program, trap);
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
