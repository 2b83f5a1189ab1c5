/*
 * port/program.h on the host: programs are scripts (program.h), run by the service thread itself.
 *
 * Not here: port_program_bytes(), which is a matter of frames (vspace.c).
 */
#include "placement/host/program.h"
#include "port/log.h"
#include "port/vspace.h"
#include <sched.h>
#include <string.h>

#define SCRIPTS 64

#define CAUSE_ILLEGAL    2
#define CAUSE_LOAD_PAGE  13
#define CAUSE_STORE_PAGE 15

static struct host_program programs[PORT_PROGRAMS];

static struct {
    u64 entry;
    host_script script;
} scripts[SCRIPTS];
static u32 script_count;

void host_scripts_reset(void)
{
    script_count = 0;
}

void host_script_set(u64 entry, host_script script)
{
    port_assert(script_count < SCRIPTS, "too many scripts");
    scripts[script_count].entry = entry;
    scripts[script_count++].script = script;
}

static struct host_program *program_of(u32 program)
{
    port_assert(program < PORT_PROGRAMS && programs[program].exists, "no such program");
    return &programs[program];
}

enum err port_program_create(u32 program, u64 space)
{
    port_assert(program < PORT_PROGRAMS && port_space_exists((u32)space), "program or space out of range");
    if (programs[program].exists)
        return ERR_EXISTS;
    programs[program] = (struct host_program){.space = space, .exists = true};
    return ERR_OK;
}

void port_program_destroy(u32 program)
{
    program_of(program)->exists = false;
}

enum err port_program_set_space(u32 program, u64 space)
{
    program_of(program)->space = space;
    return ERR_OK;
}

void port_program_enter(u32 program, u64 pc, u64 sp, u64 a0, u64 a1)
{
    struct host_program *me = program_of(program);
    host_script script = NULL;

    for (u32 i = 0; i < script_count; i++) {
        if (scripts[i].entry == pc)
            script = scripts[i].script;
    }
    *me = (struct host_program){
        .script = script, .space = me->space, .entry = pc, .sp = sp, .a1 = a1, .a0 = (s64)a0, .exists = true};
}

void port_program_copy(u32 to, u32 from)
{
    struct host_program *child = program_of(to);
    u64 space = child->space;

    *child = *program_of(from);
    child->space = space;
    child->interrupted = false;
}

/* exec has set a0 already, to the same value; a script that has not begun must find it there. */
void port_program_result(u32 program, u64 value)
{
    program_of(program)->a0 = (s64)value;
}

void port_program_interrupt(u32 program)
{
    __atomic_store_n(&program_of(program)->interrupted, true, __ATOMIC_RELEASE);
}

static void page_fault(struct port_trap *trap, uaddr address, u32 access)
{
    trap->kind = TRAP_PAGE_FAULT;
    trap->address = address;
    trap->access = access;
    trap->cause = access == PORT_READ ? CAUSE_LOAD_PAGE : CAUSE_STORE_PAGE;
}

/* A program that does nothing but ask to be interrupted must not starve the test on one processor. */
void port_program_run(u32 program, struct port_trap *trap)
{
    struct host_program *me = program_of(program);

    memset(trap, 0, sizeof(*trap));
    trap->pc = me->entry + (u64)me->line * 2;
    if (__atomic_exchange_n(&me->interrupted, false, __ATOMIC_ACQUIRE)) {
        trap->kind = TRAP_INTERRUPTED;
        return;
    }
    if (me->script != NULL) {
        me->script(me, trap);
    } else {
        trap->kind = TRAP_EXCEPTION;
        trap->cause = CAUSE_ILLEGAL;
    }
    if (trap->kind == TRAP_INTERRUPTED)
        sched_yield();
}

void host_call(struct port_trap *trap, u64 number, const u64 argument[6])
{
    trap->kind = TRAP_CALL;
    trap->number = number;
    memcpy(trap->argument, argument, sizeof(trap->argument));
}

bool host_access(struct host_program *me, struct port_trap *trap, uaddr address, void *bytes, u64 size,
                 u32 access)
{
    u32 frame;
    u32 rights;
    u8 *memory;

    if (address >= PORT_USER_END ||
        port_lookup((u32)me->space, round_down(address, PAGE_SIZE), &frame, &rights) != ERR_OK ||
        (rights & access) == 0) {
        page_fault(trap, address, access);
        return false;
    }
    memory = (u8 *)port_frame_bytes(frame) + address % PAGE_SIZE;
    port_assert(size <= PAGE_SIZE - address % PAGE_SIZE, "a script's access crosses a page");
    if (access == PORT_WRITE)
        memcpy(memory, bytes, size);
    else
        memcpy(bytes, memory, size);
    return true;
}
