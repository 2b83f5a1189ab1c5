/*
 * Port program on mono: the kernel runs a program on the thread that serves it, so waiting for a trap is a
 * call that returns. Copying to and from programs goes through the direct map (vspace.c), never through a
 * program's own addresses.
 */
#include "port/program.h"
#include "kernel/mono/mono.h"
#include "port/log.h"
#include "port/vspace.h"

_Static_assert(PORT_PROGRAMS <= MONO_USERS, "registers for each program");

/* scause of page faults and of calls, RISC-V privileged specification 4.1.8 */
#define CAUSE_CALL       8
#define CAUSE_PAGE_FETCH 12
#define CAUSE_PAGE_LOAD  13
#define CAUSE_PAGE_STORE 15

static struct program {
    u32 space;
    bool exists;
} programs[PORT_PROGRAMS];

static struct program *program_of(u32 program)
{
    port_assert(program < PORT_PROGRAMS && programs[program].exists, "no such program");
    return &programs[program];
}

enum err port_program_create(u32 program, u64 space)
{
    port_assert(program < PORT_PROGRAMS && port_space_exists((u32)space), "program or space out of range");
    if (programs[program].exists)
        return ERR_EXISTS;
    programs[program] = (struct program){.space = (u32)space, .exists = true};
    mono_user_reset(program);
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
    (void)program_of(program);
    mono_user_enter(program, pc, sp, a0, a1);
}

void port_program_copy(u32 to, u32 from)
{
    (void)program_of(to);
    (void)program_of(from);
    mono_user_copy(to, from);
}

void port_program_result(u32 program, u64 value)
{
    mono_user_result(program, value);
}

void port_program_interrupt(u32 program)
{
    (void)program_of(program);
    mono_user_interrupt(program);
}

static u32 access_of(u64 cause)
{
    if (cause == CAUSE_PAGE_FETCH)
        return PORT_EXEC;
    return cause == CAUSE_PAGE_STORE ? PORT_WRITE : PORT_READ;
}

static enum port_trap_kind kind_of(u64 cause)
{
    switch (cause) {
    case CAUSE_CALL:
        return TRAP_CALL;
    case CAUSE_PAGE_FETCH:
    case CAUSE_PAGE_LOAD:
    case CAUSE_PAGE_STORE:
        return TRAP_PAGE_FAULT;
    default:
        return TRAP_EXCEPTION;
    }
}

void port_program_run(u32 program, struct port_trap *trap)
{
    struct mono_trap seen;

    if (!mono_user_run(program, program_of(program)->space, &seen)) {
        trap->kind = TRAP_INTERRUPTED;
        trap->pc = seen.pc;
        return;
    }
    trap->kind = kind_of(seen.cause);
    trap->pc = seen.pc;
    trap->cause = seen.cause;
    trap->address = seen.value;
    trap->access = access_of(seen.cause);
    trap->number = seen.number;
    for (u32 i = 0; i < ARRAY_SIZE(trap->argument); i++)
        trap->argument[i] = seen.argument[i];
}
