/*
 * What the supervisor does when a server dies, in this order: evidence, reclaim, a fresh image, the callers.
 *
 * The server's endpoint outlives it: who calls now waits there for the next generation. Who was already
 * waiting for an answer would wait for ever, since seL4 wakes nobody: so each such thread is stopped, and if
 * its pc still is the one ecall by which its server calls others, the call is finished with
 * ERR_PEER_RESTARTED. A thread that had its answer has left that ecall behind and simply goes on.
 *
 * A server that dies again and again is started later each time, and then given up. For most that is the end
 * of the system, which without them would only pretend to be there. Without the others it lives on: whoever
 * calls the one that was given up is told that it is not there, until somebody asks for its restart.
 *
 * Nothing read from a record or a stack is trusted further than to print it or to compare it.
 */
#include "placement/micro/root/supervise.h"
#include "lib/err.h"
#include "lib/format.h"
#include "lib/string.h"
#include "placement/micro/root/console.h"
#include "placement/micro/root/control.h"
#include "placement/micro/root/registers.h"
#include "placement/micro/root/time.h"
#include "placement/micro/root/watch.h"
#include "port/block.h"
#include "port/console.h"
#include "port/fs.h"
#include "port/xmap.h"

#define BACKTRACE_MAX 16 /* places that are told of a stack */
#define ECALL_SIZE    4

/* From this death in a row on, the next generation waits: this long, and twice as long each time. */
#define BACK_OFF_DEATHS 3
#define BACK_OFF_NS     10000000ul

#define STACK_COPY 0x2000600000ul /* where the supervisor looks at a dead thread's stack */

/* ---- Evidence ---- */

static void say_place(const struct server *server, u64 address)
{
    u64 offset;
    const char *name = symbols_find(&server->symbols, address, &offset);

    if (name)
        say(" %s+0x%lx", name, offset);
    else
        say(" 0x%lx", address);
}

static bool is_messenger(const struct server *server, u64 address)
{
    u64 offset;
    const char *name = symbols_find(&server->symbols, address, &offset);

    return name && strcmp(name, "port_fatal") == 0;
}

/* Follows the frame pointers through copies of the stack's capabilities. Returns how many places there are. A
 * function that calls nobody saves no return address: where that is otherwise it has its caller's frame
 * pointer. */
static u64 backtrace(struct server *server, u64 thread, const seL4_UserContext *registers, u64 *places)
{
    u64 top =
        SERVER_BASE(server->description->service) + SERVER_THREADS + thread * THREAD_AREA + THREAD_STACK_TOP;
    u64 bottom = top - THREAD_STACK_PAGES * PAGE_SIZE, fp = registers->s0, count = 0;
    static u64 copies; /* slots, taken once */

    if (!copies)
        copies = slots_take(THREAD_STACK_PAGES);

    for (u64 i = 0; i < THREAD_STACK_PAGES; i++) {
        cap_copy(ROOT_CNODE, copies + i, ROOT_DEPTH, server->stack[thread] + i, seL4_ReadWrite);
        page_map(&root_supply, seL4_CapInitThreadVSpace, copies + i, STACK_COPY + i * PAGE_SIZE, seL4_CanRead,
                 false);
    }
    places[count++] = registers->pc;
    while (count < BACKTRACE_MAX && fp % 8 == 0 && fp >= bottom + 16 && fp <= top) {
        const u64 *words = (const u64 *)(STACK_COPY + (fp - bottom));
        u64 caller = words[-1], next = words[-2];

        if (count == 1 && caller > fp && caller <= top) {
            next = caller;
            caller = registers->ra;
        }
        if (caller == 0)
            break;
        places[count++] = caller - 1; /* the call, not what follows it */
        if (next <= fp)
            break;
        fp = next;
    }
    for (u64 i = 0; i < THREAD_STACK_PAGES; i++)
        seL4_CNode_Delete(ROOT_CNODE, copies + i, ROOT_DEPTH);
    return count;
}

/* In words, also for whoever asks later; there the end of a long text is missing. */
static void say_cause(struct server *server, u64 label, u64 address, u64 code)
{
    const char *fatal = server->record->fatal;
    char text[96];

    if (label == seL4_Fault_UserException && fatal[0])
        format_string(text, sizeof(text), "%.90s", fatal);
    else if (label == seL4_Fault_VMFault)
        format_string(text, sizeof(text), "page fault at 0x%lx", address);
    else if (label == seL4_Fault_UserException)
        format_string(text, sizeof(text), "exception %lu", code);
    else if (label == seL4_Fault_CapFault)
        format_string(text, sizeof(text), "use of capability 0x%lx, which it does not have", address);
    else
        format_string(text, sizeof(text), "unknown system call");
    string_copy(server->last_fault, text, sizeof(server->last_fault));
    say("%s", text);
}

static void say_where(struct server *server, u64 thread)
{
    seL4_UserContext registers = {0};
    u64 places[BACKTRACE_MAX], count, first = 0;

    registers_read(server->tcb[thread], &registers);
    count = backtrace(server, thread, &registers, places);
    while (first + 1 < count && is_messenger(server, places[first]))
        first++;
    say("[sup] %s:   in", server->description->name);
    say_place(server, places[first]);
    say(", generation %lu, thread %lu\n", server->generation, thread);
    if (first + 1 < count) {
        say("[sup] %s:   called by", server->description->name);
        for (u64 i = first + 1; i < count; i++)
            say_place(server, places[i]);
        say("\n");
    }
}

#define OPERATIONS_MAX (XMAP_GIVE_VSPACE + 1) /* numbers of requests of any server are below this */

#define OPERATION(service, name, in, out, parameters)                                                        \
    [SERVICE_OF_##service][OP_##service##_##name] = #service "_" #name,
static const char *const operation_names[SERVERS_COUNT][OPERATIONS_MAX] = {
#include "port/block.def"
#include "port/console.def"
#include "port/fs.def"
#include "port/xmap.def"
    [SERVICE_XMAP][XMAP_GIVE_VSPACE] = "the capability of a space",
    [SERVER_TIMER][TIMER_DEADLINE] = "a signal at a deadline",
};
#undef OPERATION

/* What the thread has asked, as its server's record says. */
static void say_asked(const struct server *server, const struct server *caller, u64 thread)
{
    u32 operation = caller->record->calls[thread].operation;
    const char *name =
        operation < OPERATIONS_MAX ? operation_names[server->description->service][operation] : NULL;

    say("[sup] %s:   asked by %s, thread %lu: ", server->description->name, caller->description->name,
        thread);
    if (name)
        say("%s\n", name);
    else
        say("request %u\n", operation);
}

/* ---- Callers ---- */

/* The place is taken from the image and the endpoint from the registers: a server cannot feign either by what
 * it writes. */
bool supervise_is_calling(struct server *caller, u64 thread, u32 service)
{
    seL4_UserContext registers = {0};
    const char *name;
    u64 offset;

    seL4_TCB_Suspend(caller->tcb[thread]);
    registers_read(caller->tcb[thread], &registers);
    name = symbols_find(&caller->symbols, registers.pc, &offset);
    if (name && offset == 0 && strcmp(name, "service_ecall_place") == 0 &&
        registers.a0 == CPTR(SLOT_CLIENT + service))
        return true;
    seL4_TCB_Resume(caller->tcb[thread]);
    return false;
}

static bool finish_call(struct server *caller, u64 thread, const struct server *dead, enum err err)
{
    const struct call_record *call = &caller->record->calls[thread];
    seL4_UserContext registers = {0};

    if (call->state != CALL_WAITING || call->service != dead->description->service)
        return false;
    seL4_TCB_Suspend(caller->tcb[thread]);
    registers_read(caller->tcb[thread], &registers);
    if (registers.pc != caller->record->call_place) {
        if (caller->state != SERVER_HELD)
            seL4_TCB_Resume(caller->tcb[thread]);
        return false;
    }
    registers.pc += ECALL_SIZE;
    registers.a0 = 0;
    registers.a1 = seL4_MessageInfo_new(err, 0, 0, 0).words[0];
    registers_write(caller->tcb[thread], caller->state != SERVER_HELD, &registers);
    return true;
}

static u64 finish_calls(const struct server *dead, enum err err)
{
    u64 finished = 0;

    for (u32 s = 0; s < SERVERS_COUNT; s++) {
        if (!servers[s].vspace || &servers[s] == dead)
            continue;
        for (u64 thread = 0; thread < servers[s].description->threads; thread++)
            finished += finish_call(&servers[s], thread, dead, err);
    }
    return finished;
}

/* ---- Death and the next generation ---- */

/* Programs' free frames, as xmap last noted them. */
static u64 programs_free(void)
{
    const struct server_record *xmap = servers[SERVICE_XMAP].record;

    return xmap ? xmap->current_free : 0;
}

/* A server whose client has died begins anew with it: what it holds is requests of the dead. */
static void renew(struct server *server)
{
    if (!server->vspace)
        return;
    process_end(server);
    process_start(server);
    server->deaths_in_a_row = 0;
    server->renewed = true;
}

/* The next generation, and the callers of the last one. */
static void begin_again(struct server *server)
{
    const struct server_description *d = server->description;
    u64 pages = server->private_pages, slots = server->private_slots;

    server->restarts++;
    process_start(server);
    server->slots_before = server->supply.end - server->supply.first - slots;
    server->slots_after = server->supply.end - server->supply.next;
    server->calls_finished = finish_calls(server, ERR_PEER_RESTARTED);
    if (server->private_pages != pages || server->private_slots != slots)
        say("[sup] %s:   the new generation takes %lu frames and %lu slots\n", d->name, server->private_pages,
            server->private_slots);
    watch_forget_calls(); /* whoever waits for it begins to wait now */
}

/* Nanoseconds until the next generation may begin. While the timer stands still no wait of anybody's ends. */
static u64 back_off(const struct server *server)
{
    if (server->deaths_in_a_row < BACK_OFF_DEATHS || server->description->service == SERVER_TIMER)
        return 0;
    return BACK_OFF_NS << (server->deaths_in_a_row - BACK_OFF_DEATHS);
}

void supervise_look(void)
{
    for (u32 s = 0; s < SERVERS_COUNT; s++) {
        if (servers[s].state == SERVER_BACKING_OFF && time_now() >= servers[s].begins)
            begin_again(&servers[s]);
        else if (servers[s].state == SERVER_GAVE_UP)
            finish_calls(&servers[s], ERR_ABSENT);
    }
}

/* Evidence has been given. */
static void end(struct server *server)
{
    server->died = time_now();
    server->free_before =
        server->description->service == SERVICE_XMAP ? server->record->request_free : programs_free();
    server->state = SERVER_DEAD;
    server->renewed = false;
    if (server->description->service == SERVICE_UNIX)
        control_release_all("who held it is gone"); /* its next generation may need it to start */
    process_end(server);
    if (server->description->service == SERVICE_UNIX)
        renew(&servers[SERVICE_CONSOLE]); /* now: the pages it reads and writes for unix are gone */
    say("[sup] %s:   reclaimed %lu frames and %lu slots, leaked %lu\n", server->description->name,
        server->private_pages, server->private_slots, supply_lost(&server->supply));
}

static void give_up(struct server *server)
{
    server->state = SERVER_GAVE_UP;
    say("[sup] %s: gave up: it dies again and again\n", server->description->name);
    if (server->description->without == SYSTEM_ENDS)
        power_off(EXIT_GAVE_UP);
    finish_calls(server, ERR_ABSENT);
}

/* A server that dies within a second of its last death, or in its start, is on its way into a loop. */
static void end_and_begin_again(struct server *server)
{
    bool in_a_row = server->state == SERVER_STARTING || time_now() - server->died < PORT_SECOND;
    u64 wait;

    server->deaths_in_a_row = in_a_row ? server->deaths_in_a_row + 1 : 1;
    end(server);
    if (server->deaths_in_a_row > server->description->restarts) {
        give_up(server);
        return;
    }
    wait = back_off(server);
    if (wait == 0) {
        begin_again(server);
        return;
    }
    say("[sup] %s: backs off: death %lu in a row, begins again in %lu ms\n", server->description->name,
        server->deaths_in_a_row, wait / PORT_MILLISECOND);
    server->state = SERVER_BACKING_OFF;
    server->begins = time_now() + wait;
}

void supervise_death(struct server *server, u64 thread, seL4_MessageInfo_t fault)
{
    u64 label = seL4_MessageInfo_get_label(fault), address = seL4_GetMR(1), code = seL4_GetMR(2);

    server->record->fatal[sizeof(server->record->fatal) - 1] = '\0';
    say("\n[sup] %s: died: ", server->description->name);
    say_cause(server, label, address, code);
    say("\n");
    say_where(server, thread);
    end_and_begin_again(server);
}

void supervise_hang(struct server *server, u64 thread, const char *what)
{
    say("\n[sup] %s: hangs: %s\n", server->description->name, what);
    if (thread < server->description->threads) {
        seL4_TCB_Suspend(server->tcb[thread]);
        say_where(server, thread);
    }
    string_copy(server->last_fault, what, sizeof(server->last_fault));
    end_and_begin_again(server);
}

void supervise_silence(struct server *server, const struct server *caller, u64 thread)
{
    static const char what[] = "a request gets no answer";

    say("\n[sup] %s: hangs: %s\n", server->description->name, what);
    say_asked(server, caller, thread);
    string_copy(server->last_fault, what, sizeof(server->last_fault));
    end_and_begin_again(server);
}

void supervise_asked(struct server *server)
{
    bool was_given_up = server->state == SERVER_GAVE_UP;

    say("[sup] %s: restart asked for\n", server->description->name);
    string_copy(server->last_fault, "restart asked for", sizeof(server->last_fault));
    server->deaths_in_a_row = 0;
    if (was_given_up)
        server->died = time_now();
    else
        end(server);
    begin_again(server);
}

void supervise_ready(struct server *server, u64 result)
{
    const char *name = server->description->name;

    if (result != ERR_OK || server->state != SERVER_STARTING)
        return; /* it will say why, and die of it; or it says what nobody asked */
    server->state = SERVER_RUNNING;
    if (server->generation == 1)
        return;
    if (server->renewed) {
        server->renewed = false;
        say("[sup] %s: begins anew with unix, generation %lu\n", name, server->generation);
        return;
    }
    say("[sup] %s:   free frames %lu before, %lu after; free slots %lu before, %lu after\n", name,
        server->free_before, programs_free(), server->slots_before, server->slots_after);
    say("[sup] %s: restarted, generation %lu, after %lu us; calls finished with an error: %lu\n", name,
        server->generation, (time_now() - server->died) / 1000, server->calls_finished);
}
