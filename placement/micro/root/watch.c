/*
 * Three kinds of hang, seen in the record pages, where each thread notes what it is doing:
 *
 *   a request, a system call, or what a device asks, that *runs* and makes no progress: the server is in a
 * loop. Judged only for the busiest priority: while a server runs, those below it get no time and prove
 * nothing by standing still;
 *
 *   an operation that waits without a limit: none may (port/sync.h), so nobody will wake it. unix is the
 * exception: its calls wait for programs and persons;
 *
 *   a call that gets no answer for long: somebody has forgotten it. Reads of the console are the exception.
 *
 * A look is a heartbeat that came on time (alarm.c). Several looks in a row must see the same thing, each
 * counting time in which the server could have moved; and who is said to run a request must have had a turn
 * (pulse.h). So a host that stops the whole machine for a while, or gives it moments only, is not taken for a
 * hang.
 */
#include "placement/micro/root/watch.h"
#include "placement/micro/root/process.h"
#include "placement/micro/root/pulse.h"
#include "placement/micro/root/supervise.h"
#include "port/console.h"

/*
 * How many looks, of 5 ms each. A request that runs: 15 to 20 ms, and a turn. A wait without a limit: 10 to
 * 15 ms, since the state itself is wrong and the other looks only say that it is no instant's.
 */
#define RUN_LOOKS   3
#define LOST_LOOKS  2
#define START_LOOKS 40 /* without progress, or a call to anybody */

/*
 * How long an answer may take. xmap and the timer wait for nobody: 200 ms. fs: 4 s in which it waits for
 * nobody, and a minute in which it waits for block, perhaps on behalf of others first. block waits up to 4 s
 * for a free request and 2 s for its own, and a flush as long again for those before it: 13 s. At the console
 * each of 66 writers may wait a second for the UART, one after the other: 70 s.
 */
#define ANSWER_LOOKS  40
#define DISK_LOOKS    800
#define SLOW_LOOKS    12000
#define DEVICE_LOOKS  2600
#define CONSOLE_LOOKS 14000

static void look(u32 *seen, u32 *looks, u32 serial)
{
    *looks = *seen == serial ? *looks + 1 : 0;
    *seen = serial;
}

struct hang {
    struct server *server; /* NULL: none */
    u64 thread;
    const char *what;
};

/*
 * True if some request of this server is running. One that several looks see to be the same hangs, once its
 * thread has had a turn (pulse.h) and if it makes no progress. A thread that calls others goes on with each
 * call.
 */
static bool watch_work(struct server *server, struct hang *hang)
{
    u32 service = server->description->service;
    bool running = false;

    server->progress_moved = server->progress_seen != server->record->progress;
    server->progress_seen = server->record->progress;
    for (u64 thread = 0; thread < server->description->threads; thread++) {
        const struct work_record *work = &server->record->work[thread];
        struct watch *watch = &server->watch[thread];

        if (work->state != WORK_RUNNING) {
            watch->work_looks = 0;
            watch->work_rounds = 0;
            continue;
        }
        running = true;
        look(&watch->work_serial, &watch->work_looks, work->serial + server->record->calls[thread].serial);
        if (server->progress_moved || watch->work_rounds == 0)
            watch->work_looks = 0;
        if (watch->work_looks == 0)
            watch->work_rounds = pulse_ask(service);
        else if (pulse_rounds(service) < watch->work_rounds)
            pulse_ask(service);
        else if (watch->work_looks >= RUN_LOOKS)
            *hang = (struct hang){server, thread, "a request runs without end"};
    }
    return running;
}

static void watch_lost(struct server *server, struct hang *hang)
{
    for (u64 thread = 0; thread < server->description->threads; thread++) {
        const struct work_record *work = &server->record->work[thread];
        struct watch *watch = &server->watch[thread];

        if (work->state != WORK_FOREVER) {
            watch->lost_looks = 0;
            continue;
        }
        look(&watch->lost_serial, &watch->lost_looks, work->serial);
        if (watch->lost_looks >= LOST_LOOKS)
            *hang = (struct hang){server, thread, "a request gets no answer"};
    }
}

static u32 patience(u32 service, u32 operation)
{
    if (service == SERVICE_CONSOLE && (operation == OP_cons_read || operation == OP_cons_attention))
        return ~0u;
    if (service == SERVICE_CONSOLE)
        return CONSOLE_LOOKS;
    if (service == SERVICE_FS)
        return DISK_LOOKS;
    return service == SERVICE_XMAP || service == SERVER_TIMER ? ANSWER_LOOKS : DEVICE_LOOKS;
}

/* Whether it waits for the server below itself, which is watched as well. */
static bool waits_below(const struct server *server)
{
    for (u64 thread = 0; server->description && thread < server->description->threads; thread++) {
        const struct call_record *call = &server->record->calls[thread];

        if (call->state == CALL_WAITING && call->service != SERVER_TIMER)
            return true;
    }
    return false;
}

/* The service that owes this server an answer for too long; SERVERS_COUNT if none does. */
static u32 watch_calls(struct server *server)
{
    for (u64 thread = 0; thread < server->description->threads; thread++) {
        const struct call_record *call = &server->record->calls[thread];
        struct watch *watch = &server->watch[thread];

        if (call->state != CALL_WAITING || call->service >= SERVERS_COUNT ||
            call->serial != watch->call_serial || servers[call->service].progress_moved) {
            watch->call_looks = 0;
            watch->slow_looks = 0;
        } else if (waits_below(&servers[call->service])) {
            watch->slow_looks++;
        } else {
            watch->call_looks++;
        }
        watch->call_serial = call->serial;
        if (call->state == CALL_WAITING && call->service < SERVERS_COUNT &&
            (watch->call_looks >= patience(call->service, call->operation) ||
             watch->slow_looks >= SLOW_LOOKS))
            return call->service;
    }
    return SERVERS_COUNT;
}

static bool is_watched(const struct server *server)
{
    return server->description && server->state == SERVER_RUNNING;
}

/* Servers by falling priority; and callers from the bottom up, so that who waits for a silent one is not
 * blamed for it. */
static const u32 order[] = {SERVICE_XMAP, SERVICE_CONSOLE, SERVICE_BLOCK, SERVICE_FS, SERVICE_UNIX};
static const u32 callers[] = {SERVICE_CONSOLE, SERVICE_BLOCK, SERVICE_FS, SERVICE_UNIX};

void watch_prepare(void)
{
    for (u32 i = 0; i < ARRAY_SIZE(order); i++) {
        if (servers[order[i]].description)
            pulse_prepare(order[i], servers[order[i]].description->priority);
    }
}

void watch_forget_calls(void)
{
    for (u32 s = 0; s < SERVERS_COUNT; s++) {
        for (u64 thread = 0; thread < THREADS_MAX; thread++)
            servers[s].watch[thread].call_looks = servers[s].watch[thread].slow_looks = 0;
    }
}

/* What its threads have done so far, of all that can be seen. */
static u64 deeds(const struct server *server)
{
    u64 sum = server->record->progress;

    for (u64 thread = 0; thread < server->description->threads; thread++)
        sum += server->record->calls[thread].serial;
    return sum;
}

/* A start, or a recovery, has no request to be seen running. Its calls to others are watched as everybody's.
 */
static void watch_start(struct server *server, struct hang *hang)
{
    u64 done;

    if (!server->description || server->state != SERVER_STARTING) {
        server->start_looks = 0;
        return;
    }
    done = deeds(server);
    server->start_looks = server->start_deeds == done && server->record->calls[0].state != CALL_WAITING
                              ? server->start_looks + 1
                              : 0;
    server->start_deeds = done;
    if (server->start_looks >= START_LOOKS)
        *hang = (struct hang){server, 0, "its start does not end"};
}

/* Then those below get no time, as beside one whose request runs. */
static bool is_busy_starting(const struct server *server)
{
    return server->description && server->state == SERVER_STARTING &&
           server->record->calls[0].state != CALL_WAITING;
}

void watch_all(void)
{
    struct hang hang = {NULL, 0, NULL};
    u32 silent = SERVERS_COUNT;

    for (u32 s = 0; s < SERVERS_COUNT && !hang.server; s++)
        watch_start(&servers[s], &hang);
    for (u32 i = 0; i < ARRAY_SIZE(order) && !hang.server; i++) {
        if (is_watched(&servers[order[i]]) && order[i] != SERVICE_UNIX)
            watch_lost(&servers[order[i]], &hang);
    }
    for (u32 i = 0; i < ARRAY_SIZE(order) && !hang.server; i++) {
        struct server *server = &servers[order[i]];

        if (is_busy_starting(server) || (is_watched(server) && watch_work(server, &hang)))
            break;
    }
    if (hang.server) {
        supervise_hang(hang.server, hang.thread, hang.what);
        watch_forget_calls();
        return;
    }
    for (u32 i = 0; i < ARRAY_SIZE(callers) && silent == SERVERS_COUNT; i++) {
        if (is_watched(&servers[callers[i]]) || servers[callers[i]].state == SERVER_STARTING)
            silent = watch_calls(&servers[callers[i]]);
    }
    if (silent < SERVERS_COUNT && is_watched(&servers[silent])) {
        supervise_hang(&servers[silent], THREADS_MAX, "a request gets no answer");
        watch_forget_calls();
    }
}
