/*
 * The life of a process: run its program, answer its trap, run it again.
 *
 * A kill is noticed before each run and after each trap, so a killed process executes no further instruction
 * and no further call; a call that has begun is finished, but for its unbounded waits.
 */
#include "lib/format.h"
#include "lib/string.h"
#include "port/console.h"
#include "port/log.h"
#include "port/transfer.h"
#include "port/xmap.h"
#include "service/inject.h"
#include "service/unix/calls.h"

static s64 (*const calls[])(struct process *, const u64 *) = {
#define CALL(number, name) [number] = unix_call_##name,
    UNIX_CALLS(CALL)
#undef CALL
};

void unix_say(const char *format, ...)
{
    u64 page = port_transfer_id();
    u8 *bytes = port_transfer(page);
    char text[160];
    va_list arguments;
    u64 length;

    va_start(arguments, format);
    length = min_u64(format_string_va(text, sizeof(text), format, arguments), sizeof(text) - 1);
    va_end(arguments);
    if (bytes != NULL) {
        memcpy(bytes, text, length);
        if (repeat_once(cons_write(page, length)) == ERR_OK)
            return;
    }
    port_log("%s", text);
}

/* Only the low half of a7 counts, as a signed number. */
static s64 answer(struct process *process, const struct port_trap *trap)
{
    s32 number = (s32)trap->number;

    inject_point(SERVICE_UNIX);
    if (number >= 0 && (u32)number < ARRAY_SIZE(calls) && calls[number] != NULL)
        return calls[number](process, trap->argument);
    unix_say("%d %s: unknown sys call %d\n", process->pid, process->name, number);
    return FAILED;
}

static _Noreturn void die_of_fault(struct process *process, const struct port_trap *trap)
{
    unix_say("usertrap(): unexpected scause 0x%lx pid=%d\n"
             "            sepc=0x%lx stval=0x%lx\n",
             trap->cause, process->pid, trap->pc, trap->address);
    unix_process_exit(process, -1);
}

void unix_run(void *argument)
{
    struct process *process = argument;
    u32 number = unix_process_number(process);
    struct port_trap trap;

    for (;;) {
        if (unix_killed(process))
            unix_process_exit(process, -1);
        port_program_run(number, &trap);
        if (unix_killed(process))
            unix_process_exit(process, -1);
        switch (trap.kind) {
        case TRAP_CALL:
            port_program_result(number, (u64)answer(process, &trap));
            break;
        case TRAP_PAGE_FAULT:
            unix_pages_drop(process->memory.space, round_down(trap.address, PAGE_SIZE), trap.address + 1);
            if (repeat_patiently(xmap_fault(process->memory.space, trap.address, trap.access)) != ERR_OK)
                die_of_fault(process, &trap);
            break;
        case TRAP_EXCEPTION:
            die_of_fault(process, &trap);
        case TRAP_INTERRUPTED:
            break;
        }
    }
}
