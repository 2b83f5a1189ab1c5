/*
 * The supervisor's counter: unix asks here for programs; main.c has seen to it that nobody else does.
 *
 * A held server executes nothing: all its threads are suspended, wherever they are. What they were about in
 * the kernel is begun anew when they go on: a wait waits again; a call to the server below is made again,
 * which every operation a server makes of another allows (block's, the timer's). That is why unix is not
 * held: its calls may not be repeated, and no program would be left to release it; and the timer is not held,
 * since no wait of anybody's would end. Every hold has an end, as a release may need the very server that is
 * held; and it ends with unix, as no program is left to release it and the next session needs it.
 *
 * Locking: none; one thread. Nothing here waits.
 */
#include "placement/micro/root/control.h"
#include "lib/format.h"
#include "lib/string.h"
#include "placement/micro/root/console.h"
#include "placement/micro/root/registers.h"
#include "placement/micro/root/supervise.h"
#include "placement/micro/root/time.h"
#include "placement/micro/root/watch.h"
#include "port/control.h"

#define HOLD_MAX_NS (60 * PORT_SECOND)

static struct server *find(u64 n)
{
    return n < SERVERS_COUNT && servers[n].description ? &servers[n] : NULL;
}

static enum control_state state_of(const struct server *server)
{
    switch (server->state) {
    case SERVER_RUNNING:
        return CONTROL_RUNNING;
    case SERVER_HELD:
        return CONTROL_HELD;
    case SERVER_BACKING_OFF:
        return CONTROL_BACKING_OFF;
    case SERVER_GAVE_UP:
        return CONTROL_GAVE_UP;
    default:
        return CONTROL_RESTARTING;
    }
}

static const char *policy_of(const struct server_description *d)
{
    static char text[CONTROL_TEXT_SIZE];

    format_string(text, sizeof(text), "%s, at most %lu in a row",
                  d->service == SERVICE_UNIX ? "new session" : "restart", d->restarts);
    return text;
}

/* ---- Holding ---- */

/* Where the thread goes on; 0 for one that has not begun yet. */
static u64 place_of(const struct server *server, u64 thread)
{
    seL4_UserContext registers = {0};

    registers_read(server->tcb[thread], &registers);
    return registers.pc;
}

static void release(struct server *server, const char *why)
{
    server->state = SERVER_RUNNING;
    memset(server->watch, 0, sizeof(server->watch)); /* nor has it stood still */
    watch_forget_calls();                            /* whoever waited for it has not waited in vain */
    say("[sup] %s: goes on: %s\n", server->description->name, why);
    for (u64 thread = 0; thread < server->description->threads; thread++) {
        if (place_of(server, thread) != 0)
            seL4_TCB_Resume(server->tcb[thread]);
    }
}

static enum err hold(struct server *server, u64 ns)
{
    u32 service = server->description->service;

    if (service == SERVICE_UNIX || service == SERVER_TIMER)
        return ERR_DENIED;
    if (ns == 0 || ns > HOLD_MAX_NS)
        return ERR_ARGUMENT;
    if (server->state != SERVER_RUNNING)
        return ERR_BUSY;
    for (u64 thread = 0; thread < server->description->threads; thread++)
        seL4_TCB_Suspend(server->tcb[thread]);
    server->state = SERVER_HELD;
    server->held_until = time_now() + ns;
    say("[sup] %s: held for %lu ms\n", server->description->name, ns / PORT_MILLISECOND);
    return ERR_OK;
}

void control_look(void)
{
    for (u32 s = 0; s < SERVERS_COUNT; s++) {
        if (servers[s].state == SERVER_HELD && time_now() >= servers[s].held_until)
            release(&servers[s], "its time is over");
    }
}

void control_release_all(const char *why)
{
    for (u32 s = 0; s < SERVERS_COUNT; s++) {
        if (servers[s].state == SERVER_HELD)
            release(&servers[s], why);
    }
}

/* ---- Requests ---- */

static enum err look(u64 n, struct control_service *answer)
{
    const struct server *server = find(n);
    u64 now = time_now();

    if (!server)
        return ERR_NOT_FOUND;
    string_copy(answer->name, server->description->name, sizeof(answer->name));
    string_copy(answer->last_fault, server->last_fault, sizeof(answer->last_fault));
    string_copy(answer->policy, policy_of(server->description), sizeof(answer->policy));
    answer->state = state_of(server);
    answer->generation = server->generation;
    answer->restarts = server->restarts;
    answer->held_ns = server->state == SERVER_HELD && server->held_until > now ? server->held_until - now : 0;
    return ERR_OK;
}

static enum err steer(u64 n, u64 verb, u64 ns)
{
    struct server *server = find(n);

    if (!server)
        return ERR_NOT_FOUND;
    switch (verb) {
    case CONTROL_HOLD:
        return hold(server, ns);
    case CONTROL_RELEASE:
        if (server->state != SERVER_HELD)
            return ERR_BUSY;
        release(server, "released");
        return ERR_OK;
    case CONTROL_RESTART:
        if (server->state != SERVER_RUNNING && server->state != SERVER_HELD &&
            server->state != SERVER_GAVE_UP)
            return ERR_BUSY;
        supervise_asked(server);
        return ERR_OK;
    default:
        return ERR_ARGUMENT;
    }
}

static seL4_MessageInfo_t plain_answer(enum err err)
{
    return seL4_MessageInfo_new(err, 0, 0, 0);
}

static seL4_MessageInfo_t answer(const void *words, u64 size)
{
    memcpy(seL4_GetIPCBuffer()->msg, words, size);
    return seL4_MessageInfo_new(ERR_OK, 0, 0, size / sizeof(u64));
}

seL4_MessageInfo_t control_request(u64 label)
{
    u64 w0 = seL4_GetMR(0), w1 = seL4_GetMR(1), w2 = seL4_GetMR(2);
    struct control_service service = {0};
    u64 fault[3] = {0};
    bool always = false;
    enum err err;

    switch (label) {
    case SUPERVISOR_SERVICE:
        err = look(w0, &service);
        return err == ERR_OK ? answer(&service, sizeof(service)) : plain_answer(err);
    case SUPERVISOR_CONTROL:
        return plain_answer(steer(w0, w1, w2));
    case SUPERVISOR_FAULT:
        err = port_fault_query((enum port_fault)w0, &fault[0], &always, &fault[2]);
        fault[1] = always;
        return err == ERR_OK ? answer(fault, sizeof(fault)) : plain_answer(err);
    default:
        return plain_answer(ERR_ARGUMENT);
    }
}
