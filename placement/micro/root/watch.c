/*
 * Two kinds of hang, both seen in the record pages, where each thread notes what it is doing:
 *
 *   a request that *runs* and makes no progress: the server is in a loop. Judged only for the busiest
 * priority: while a server runs, those below it get no time and prove nothing by standing still; a call that
 * gets no answer: somebody has forgotten it. Reads of the console are the exception: they wait for a person.
 *
 * A look is a heartbeat of the timer. Several looks in a row must see the same thing, each counting time in
 * which the server could have moved; so a host that stops the whole machine for a while is not taken for a
 * hang.
 *
 * The timer itself is not watched: it gives the heartbeat.
 */
#include "placement/micro/root/watch.h"
#include "placement/micro/root/process.h"
#include "placement/micro/root/supervise.h"
#include "port/console.h"

#define RUN_LOOKS    3   /* 20 to 30 ms */
#define ANSWER_LOOKS 20  /* 200 ms: xmap and the timer wait for nobody */
#define DEVICE_LOOKS 300 /* 3 s: block gives its device a second, twice */
#define DISK_LOOKS   400 /* 4 s: fs waits for block, and must not be blamed for it */

static void look(u32 *seen, u32 *looks, u32 serial)
{
    *looks = *seen == serial ? *looks + 1 : 0;
    *seen = serial;
}

/* True if some request of this server is running. */
static bool watch_work(struct server *server, struct server **hanging, u64 *where)
{
    bool runs = false;

    server->progress_moved = server->progress_seen != server->record->progress;
    server->progress_seen = server->record->progress;
    for (u64 thread = 0; thread < server->description->threads; thread++) {
        const struct work_record *work = &server->record->work[thread];
        struct watch *watch = &server->watch[thread];

        if (work->state != WORK_RUNNING) {
            watch->work_looks = 0;
            continue;
        }
        runs = true;
        look(&watch->work_serial, &watch->work_looks, work->serial);
        if (server->progress_moved)
            watch->work_looks = 0;
        if (watch->work_looks >= RUN_LOOKS) {
            *hanging = server;
            *where = thread;
        }
    }
    return runs;
}

static u32 patience(u32 service, u32 operation)
{
    if (service == SERVICE_CONSOLE && (operation == OP_cons_read || operation == OP_cons_attention))
        return ~0u;
    if (service == SERVICE_FS)
        return DISK_LOOKS;
    return service == SERVICE_XMAP || service == SERVER_TIMER ? ANSWER_LOOKS : DEVICE_LOOKS;
}

/* The service that owes this server an answer for too long; SERVERS_COUNT if none does. */
static u32 watch_calls(struct server *server)
{
    for (u64 thread = 0; thread < server->description->threads; thread++) {
        const struct call_record *call = &server->record->calls[thread];
        struct watch *watch = &server->watch[thread];

        if (call->state != CALL_WAITING || call->service >= SERVERS_COUNT) {
            watch->call_looks = 0;
            continue;
        }
        look(&watch->call_serial, &watch->call_looks, call->serial);
        if (servers[call->service].progress_moved)
            watch->call_looks = 0;
        if (watch->call_looks >= patience(call->service, call->operation))
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
static const u32 order[] = {SERVICE_XMAP, SERVICE_CONSOLE, SERVICE_BLOCK, SERVICE_FS};
static const u32 callers[] = {SERVICE_CONSOLE, SERVICE_BLOCK, SERVICE_FS, SERVICE_UNIX};

/* After a restart everybody's patience begins anew. */
static void forget_calls(void)
{
    for (u32 s = 0; s < SERVERS_COUNT; s++) {
        for (u64 thread = 0; thread < THREADS_MAX; thread++)
            servers[s].watch[thread].call_looks = 0;
    }
}

void watch_all(void)
{
    struct server *hanging = NULL;
    u64 where = 0;
    u32 silent = SERVERS_COUNT;

    for (u32 i = 0; i < ARRAY_SIZE(order); i++) {
        struct server *server = &servers[order[i]];

        if (is_watched(server) && watch_work(server, &hanging, &where))
            break;
    }
    if (hanging) {
        supervise_hang(hanging, where, "a request runs without end");
        return;
    }
    for (u32 i = 0; i < ARRAY_SIZE(callers) && silent == SERVERS_COUNT; i++) {
        if (is_watched(&servers[callers[i]]))
            silent = watch_calls(&servers[callers[i]]);
    }
    if (silent < SERVERS_COUNT && is_watched(&servers[silent])) {
        supervise_hang(&servers[silent], THREADS_MAX, "a request gets no answer");
        forget_calls();
    }
}
