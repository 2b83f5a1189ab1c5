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

/* The kernel fills a trap in directly: one structure under two names. */
#define SAME(member) (offsetof(struct port_trap, member) == offsetof(struct mono_trap, member))
_Static_assert(sizeof(struct port_trap) == sizeof(struct mono_trap) && SAME(kind) && SAME(pc) &&
                   SAME(number) && SAME(argument) && SAME(cause) && SAME(address) && SAME(access),
               "the same trap");
_Static_assert((u32)TRAP_CALL == MONO_TRAP_CALL && (u32)TRAP_PAGE_FAULT == MONO_TRAP_PAGE_FAULT &&
                   (u32)TRAP_EXCEPTION == MONO_TRAP_EXCEPTION &&
                   (u32)TRAP_INTERRUPTED == MONO_TRAP_INTERRUPTED,
               "the same kinds");

static struct program {
    struct mono_user *user; /* NULL: there is no such program */
    u64 space;
} programs[PORT_PROGRAMS];

static struct program *program_of(u32 program)
{
    port_assert(program < PORT_PROGRAMS && programs[program].user, "no such program");
    return &programs[program];
}

enum err port_program_create(u32 program, u64 space)
{
    port_assert(program < PORT_PROGRAMS && port_space_exists((u32)space), "program or space out of range");
    if (programs[program].user)
        return ERR_EXISTS;
    programs[program] = (struct program){mono_user(program), space};
    mono_user_reset(programs[program].user);
    return ERR_OK;
}

void port_program_destroy(u32 program)
{
    program_of(program)->user = NULL;
}

enum err port_program_set_space(u32 program, u64 space)
{
    program_of(program)->space = space;
    return ERR_OK;
}

void port_program_enter(u32 program, u64 pc, u64 sp, u64 a0, u64 a1)
{
    mono_user_enter(program_of(program)->user, pc, sp, a0, a1);
}

void port_program_copy(u32 to, u32 from)
{
    mono_user_copy(program_of(to)->user, program_of(from)->user);
}

__attribute__((optimize("omit-frame-pointer"))) void port_program_result(u32 program, u64 value)
{
    mono_user_result(programs[program].user, value);
}

void port_program_interrupt(u32 program)
{
    mono_user_interrupt(program_of(program)->user);
}

void port_program_run(u32 program, struct port_trap *trap)
{
    const struct program *p = program_of(program);

    mono_user_run(p->user, p->space, (struct mono_trap *)trap);
}
