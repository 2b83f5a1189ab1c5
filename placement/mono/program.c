/*
 * Port program on mono: a program runs on the kernel thread that serves it.
 *
 * port_program_run() goes to user mode and comes back with the next trap; interrupts are handled on the way.
 * Copying to and from programs goes through the direct map (vspace.c), never through the program's own
 * addresses.
 */
#include "port/program.h"
#include "kernel/mono/mono.h"
#include "machine/arch.h"
#include "placement/mono/mono_ports.h"
#include "port/log.h"
#include "port/vspace.h"

#define NO_SPACE (~0u)

static struct program {
    struct arch_frame frame;
    u32 space;
    bool exists;
    u32 interrupted; /* asked by another thread; taken by this one */
} programs[PORT_PROGRAMS];

static u32 hart_space = NO_SPACE; /* the space this hart is in */

static struct program *program_of(u32 program)
{
    port_assert(program < PORT_PROGRAMS && programs[program].exists, "no such program");
    return &programs[program];
}

enum err port_program_create(u32 program, u64 space)
{
    struct program *p = &programs[program];

    port_assert(program < PORT_PROGRAMS && port_space_exists((u32)space), "program or space out of range");
    if (p->exists)
        return ERR_EXISTS;
    arch_frame_init_user(&p->frame);
    p->space = (u32)space;
    p->exists = true;
    p->interrupted = 0;
    return ERR_OK;
}

void port_program_destroy(u32 program)
{
    program_of(program)->exists = false;
}

enum err port_program_set_space(u32 program, u64 space)
{
    program_of(program)->space = (u32)space;
    return ERR_OK;
}

void port_program_enter(u32 program, u64 pc, u64 sp, u64 a0, u64 a1)
{
    struct program *p = program_of(program);

    arch_frame_init_user(&p->frame);
    p->frame.pc = pc;
    p->frame.x[REG_SP] = sp;
    p->frame.x[REG_A0] = a0;
    p->frame.x[REG_A1] = a1;
    arch_fence_i(); /* its text was written as data */
}

void port_program_copy(u32 to, u32 from)
{
    struct program *child = program_of(to);

    child->frame = program_of(from)->frame;
}

void port_program_result(u32 program, u64 value)
{
    program_of(program)->frame.x[REG_A0] = value;
}

void port_program_interrupt(u32 program)
{
    __atomic_store_n(&program_of(program)->interrupted, 1, __ATOMIC_RELEASE);
}

void mono_space_leave(u32 space)
{
    bool interrupts = arch_irq_disable();

    if (hart_space == space) {
        arch_space_switch(arch_physical(arch_kernel_root), 0);
        hart_space = NO_SPACE;
    }
    arch_irq_restore(interrupts);
}

static u32 access_of(u64 cause)
{
    if (cause == CAUSE_FETCH_PAGE || cause == CAUSE_FETCH_ACCESS)
        return PORT_EXEC;
    return cause == CAUSE_STORE_PAGE || cause == CAUSE_STORE_ACCESS ? PORT_WRITE : PORT_READ;
}

static void describe(struct arch_frame *frame, struct port_trap *trap)
{
    trap->pc = frame->pc;
    trap->cause = frame->cause;
    trap->address = frame->value;
    switch (frame->cause) {
    case CAUSE_USER_CALL:
        trap->kind = TRAP_CALL;
        trap->number = frame->x[REG_A7];
        for (u32 i = 0; i < ARRAY_SIZE(trap->argument); i++)
            trap->argument[i] = frame->x[REG_A0 + i];
        frame->pc += 4; /* ecall has no short form */
        break;
    case CAUSE_FETCH_PAGE:
    case CAUSE_LOAD_PAGE:
    case CAUSE_STORE_PAGE:
        trap->kind = TRAP_PAGE_FAULT;
        trap->access = access_of(frame->cause);
        break;
    default:
        trap->kind = TRAP_EXCEPTION;
        break;
    }
}

void port_program_run(u32 program, struct port_trap *trap)
{
    struct program *p = program_of(program);

    for (;;) {
        arch_irq_disable();
        if (__atomic_exchange_n(&p->interrupted, 0, __ATOMIC_ACQUIRE)) {
            arch_irq_restore(true);
            trap->kind = TRAP_INTERRUPTED;
            trap->pc = p->frame.pc;
            return;
        }
        if (hart_space != p->space) {
            arch_space_switch(mono_space_root(p->space), mono_space_asid(p->space));
            hart_space = p->space;
        }
        arch_user_run(&p->frame);
        if (!(p->frame.cause & CAUSE_INTERRUPT))
            break;
        mono_interrupt(p->frame.cause);
        arch_irq_restore(true);
    }
    arch_irq_restore(true);
    describe(&p->frame, trap);
}
