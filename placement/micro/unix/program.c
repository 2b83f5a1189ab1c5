/*
 * Port program on micro: a program is a thread without capabilities but one, its fault endpoint.
 *
 * Every system call and every fault of the program is a message on that endpoint, and the answer resumes it:
 * nothing in the kernel knows of programs. The unix thread that serves the program waits there, with its own
 * notification bound, so that an interrupt asked by another thread reaches it.
 *
 * A program can send messages of its own making on its endpoint, with any label, and also by a Send, after
 * which it goes on while it is believed to wait. So every message is taken for hostile:
 *
 * - The kernel's message of a system call has more words than there are in registers, and a program has no
 *   buffer for the others: what it sends is cut to four words. A message of just the label and length that
 *   the kernel gives it is therefore the kernel's, its sender waits until it is answered, and nothing that
 *   was left of another message is taken for an argument.
 * - A page fault has four words, so a program may say that it had one. It is answered as if it were true:
 *   whatever the address, the program gets no page that an access of its own would not have got it. Nobody
 *   relies on it to wait meanwhile; if it does not, the answer goes nowhere.
 * - Every other message is its end.
 *
 * The endpoint's capability cannot be less: it must allow sending and being answered, or the kernel would not
 * use it for faults. It lends no right to receive, and none to hand over capabilities.
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

/* scause as RISC-V numbers it; of access faults only what the kernel gives as the status of a page fault. */
enum cause {
    CAUSE_ILLEGAL_INSTRUCTION = 2,
    CAUSE_STORE_ACCESS = 7,
    CAUSE_ECALL = 8,
    CAUSE_FETCH_PAGE = 12,
    CAUSE_LOAD_PAGE = 13,
    CAUSE_STORE_PAGE = 15,
};

/* What the answer to a system call sets: pc, sp, ra and a0, which are the words in registers. */
#define ANSWER_WORDS (seL4_UnknownSyscall_A0 + 1)

/* A message as the kernel delivers it: its info word, the words in registers. The others are in the IPC
 * buffer. */
struct message {
    u64 info;
    u64 word[seL4_FastMessageRegisters];
};

/* The info word of a fault message: no capabilities, and exactly the words it must have. */
#define INFO_OF(label, length) ((u64)(label) << 12 | (length))
#define INFO_CALL              INFO_OF(seL4_Fault_UnknownSyscall, seL4_UnknownSyscall_Length)
#define INFO_PAGE_FAULT        INFO_OF(seL4_Fault_VMFault, seL4_VMFault_Length)
#define INFO_EXCEPTION         INFO_OF(seL4_Fault_UserException, seL4_UserException_Length)
_Static_assert((int)seL4_UnknownSyscall_Length > (int)seL4_FastMessageRegisters,
               "a program cannot make a message of so many words");

enum state { PROGRAM_NONE, PROGRAM_STOPPED, PROGRAM_RUNNING, PROGRAM_TRAPPED };

static struct program {
    enum state state;
    bool made;  /* its kernel objects exist: they are used again for the next program of this number */
    bool loads; /* `registers` go into the thread before it runs */
    u32 interrupted;
    struct work_record *work; /* of that thread: what the supervisor sees of it */
    u64 thread;               /* of this server, that serves it: where an interrupt is sent; ~0 none */
    u64 space;                /* where it runs */
    struct message message;   /* the last one; after a system call its words become those of the answer */
    seL4_UserContext registers;
} programs[PORT_PROGRAMS];

static struct program *program_of(u32 program)
{
    port_assert(program < PORT_PROGRAMS && programs[program].state != PROGRAM_NONE, "no such program");
    return &programs[program];
}

static bool make_object(u64 type, u64 bits, u64 slot)
{
    return seL4_Untyped_Retype(CPTR(SLOT_PROGRAMS), type, bits, CNODE_PRIVATE, 0, 0, slot, 1) == seL4_NoError;
}

/* Thread, endpoint and a CSpace that holds the right to fault on it, and nothing else. */
static bool make_objects(u32 program)
{
    if (programs[program].made)
        return true;
    programs[program].made =
        make_object(seL4_TCBObject, 0, SLOT_OF_TCB(program)) &&
        make_object(seL4_EndpointObject, 0, SLOT_OF_ENDPOINT(program)) &&
        make_object(seL4_CapTableObject, CSPACE_BITS, SLOT_OF_CSPACE(program)) &&
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
    p->message = (struct message){0}; /* a short message leaves words as they are: not another program's */
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
    child->registers.pc = parent->message.word[seL4_UnknownSyscall_FaultIP];
    child->loads = true;
}

void port_program_result(u32 program, u64 value)
{
    struct program *p = program_of(program);

    p->message.word[seL4_UnknownSyscall_A0] = value;
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

static u32 access_of(u64 fetch, u64 status)
{
    if (fetch)
        return PORT_EXEC;
    return status == CAUSE_STORE_ACCESS ? PORT_WRITE : PORT_READ;
}

static enum cause cause_of(u32 access)
{
    return access == PORT_EXEC ? CAUSE_FETCH_PAGE : access == PORT_WRITE ? CAUSE_STORE_PAGE : CAUSE_LOAD_PAGE;
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

/* A fault, or a message of the program's own making: a seL4 call with a capability that it does not have, or
 * what it has sent, is an illegal instruction to xv6. */
static __attribute__((noinline)) void describe_fault(const struct program *p, struct port_trap *trap)
{
    const struct message *message = &p->message;

    trap->kind = TRAP_EXCEPTION;
    trap->pc = message->word[0];
    trap->cause = CAUSE_ILLEGAL_INSTRUCTION;
    trap->address = 0;
    if (message->info == INFO_PAGE_FAULT) {
        trap->kind = TRAP_PAGE_FAULT;
        trap->address = message->word[seL4_VMFault_Addr];
        trap->access = access_of(message->word[seL4_VMFault_PrefetchFault], message->word[seL4_VMFault_FSR]);
        trap->cause = cause_of(trap->access);
    } else if (message->info == INFO_EXCEPTION) {
        trap->cause = message->word[seL4_UserException_Number];
        if (trap->cause == CAUSE_ILLEGAL_INSTRUCTION)
            trap->address = illegal_instruction(p->space, trap->pc);
    }
}

/* The message becomes the answer: the same words, but that the program goes on behind its ecall. */
static void describe_call(struct program *p, struct port_trap *trap)
{
    const seL4_Word *more = seL4_GetIPCBuffer()->msg;

    trap->kind = TRAP_CALL;
    trap->cause = CAUSE_ECALL;
    trap->pc = p->message.word[seL4_UnknownSyscall_FaultIP];
    p->message.word[seL4_UnknownSyscall_FaultIP] = trap->pc + 4;
    trap->argument[0] = p->message.word[seL4_UnknownSyscall_A0];
    trap->argument[1] = more[seL4_UnknownSyscall_A1];
    trap->argument[2] = more[seL4_UnknownSyscall_A2];
    trap->argument[3] = more[seL4_UnknownSyscall_A3];
    trap->argument[4] = more[seL4_UnknownSyscall_A4];
    trap->argument[5] = more[seL4_UnknownSyscall_A5];
    trap->number = more[seL4_UnknownSyscall_Syscall];
}

static inline void describe(struct program *p, struct port_trap *trap)
{
    p->state = PROGRAM_TRAPPED;
    if (p->message.info == INFO_CALL)
        describe_call(p, trap);
    else
        describe_fault(p, trap);
}

/* The way of a program that does not go on from a trap as it was, or that somebody has interrupted. A message
 * that is not the program's is a signal to this thread: an interrupt, or a wake-up whose reason has passed.
 */
static __attribute__((noinline)) void run_otherwise(u32 program, struct port_trap *trap)
{
    struct program *p = &programs[program];
    u64 *word = p->message.word;
    seL4_Word badge;

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
        p->message.info = seL4_RecvWithMRs(CPTR_IN(SLOT_PRIVATE, SLOT_OF_ENDPOINT(program)), &badge, &word[0],
                                           &word[1], &word[2], &word[3])
                              .words[0];
        p->work->serial++;
        p->work->state = WORK_RUNNING;
    } while (badge != program + 1);
    describe(p, trap);
}

/* A trapped program goes on with one kernel call, which also waits for its next trap: every system call
 * passes here. */
void port_program_run(u32 program, struct port_trap *trap)
{
    struct program *p = program_of(program);

    if (p->state == PROGRAM_TRAPPED && !p->loads && !__atomic_load_n(&p->interrupted, __ATOMIC_RELAXED)) {
        seL4_MessageInfo_t info =
            seL4_MessageInfo_new(0, 0, 0, p->message.info == INFO_CALL ? ANSWER_WORDS : 0);
        u64 *word = p->message.word;
        seL4_Word badge;

        p->state = PROGRAM_RUNNING;
        p->work->state = WORK_NONE;
        info = seL4_ReplyRecvWithMRs(CPTR_IN(SLOT_PRIVATE, SLOT_OF_ENDPOINT(program)), info, &badge, &word[0],
                                     &word[1], &word[2], &word[3]);
        p->work->serial++;
        p->work->state = WORK_RUNNING;
        if (badge == program + 1ul) {
            p->message.info = info.words[0];
            describe(p, trap);
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
