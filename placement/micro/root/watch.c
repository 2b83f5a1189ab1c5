/*
 * Three kinds of hang, seen in the record pages, where each thread notes what it is doing:
 *
 *   a request, a system call, or what a device asks, that *runs* and makes no progress: the server is in a
 *   loop. Judged only for the busiest priority: while a server runs, those below it get no time and prove
 *   nothing by standing still;
 *
 *   an operation that waits without a limit: none may (port/sync.h), so nobody will wake it. unix is the
 *   exception: its calls wait for programs and persons;
 *
 *   a call that gets no answer for long: somebody has forgotten it, or has it and does not go on. Reads of
 *   the console are the exception.
 *
 * And one that no record shows: a server below which nobody gets any time (starved.h).
 *
 * A look is a heartbeat that came on time (alarm.c). Several looks in a row must see the same thing, each
 * counting time in which the server could have moved; and who is said to run a request must have had a turn
 * (pulse.h). So a host that stops the whole machine for a while, or gives it moments only, is not taken for a
 * hang.
 */
#include "placement/micro/root/watch.h"
#include "placement/micro/root/process.h"
#include "placement/micro/root/pulse.h"
#include "placement/micro/root/starved.h"
#include "placement/micro/root/supervise.h"
#include "placement/micro/root/time.h"
#include "port/console.h"

/*
 * How many looks, of 5 ms each. A request that runs: 15 to 20 ms, and a turn. A wait without a limit: 10 to
 * 15 ms, since the state itself is wrong and the other looks only say that it is no instant's.
 */
#define RUN_LOOKS   3
#define LOST_LOOKS  2
#define START_LOOKS 40 /* without progress, or a call to anybody */

/* How long an answer may take is said in system/micro.def; while who owes it waits for another itself, perhaps
 * on behalf of others first: a minute. */
#define LOOKS(ms)  ((ms)*PORT_MILLISECOND / HEARTBEAT_NS)
#define SLOW_LOOKS LOOKS(60000)

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

/* Looks until an answer is overdue. Those that wait for persons never are. */
static u64 patience(u32 service, u32 operation)
{
    if (service == SERVICE_CONSOLE && (operation == OP_cons_read || operation == OP_cons_attention))
        return ~0ul;
    return LOOKS(servers[service].description->patience_ms);
}

static bool is_watched(const struct server *server)
{
    return server->description && server->state == SERVER_RUNNING;
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

static void forget_call(struct watch *watch)
{
    watch->call_looks = 0;
    watch->slow_looks = 0;
    watch->call_rounds = 0;
}

/* A call that gets no answer for too long, and who is to blame for it. */
struct silence {
    struct server *blamed; /* NULL: nobody */
    struct server *caller;
    u64 thread; /* of the caller */
};

/*
 * A record is believed only as far as the thread itself and the description bear it out, or a server that has
 * gone wild could have any other ended. A thread that is not at the call of which it tells may have had no
 * turn since its answer came: it gets one (pulse.h), and the same time again. Then it is its own server that
 * hangs.
 */
static struct server *to_blame(struct server *caller, u64 thread)
{
    struct watch *watch = &caller->watch[thread];
    u32 client = caller->description->service, service = caller->record->calls[thread].service;
    u64 rounds;

    if (!process_may_call(client, service))
        return caller;
    if (supervise_is_calling(caller, thread, service))
        return &servers[service];
    if (watch->call_rounds != 0 && pulse_rounds(client) >= watch->call_rounds)
        return caller;
    rounds = pulse_ask(client);
    if (watch->call_rounds == 0)
        watch->call_rounds = rounds;
    watch->call_looks = 0;
    watch->slow_looks = 0;
    return NULL;
}

/* The first of this server's calls that gets no answer for too long. Nobody is waited for in vain who is held
 * or about to begin. */
static void watch_calls(struct server *server, struct silence *silence)
{
    for (u64 thread = 0; thread < server->description->threads; thread++) {
        const struct call_record *call = &server->record->calls[thread];
        struct watch *watch = &server->watch[thread];
        u32 service = call->service;

        bool waits = call->state == CALL_WAITING && service < SERVERS_COUNT &&
                     is_watched(&servers[service]) && call->serial == watch->call_serial &&
                     !servers[service].progress_moved;

        watch->call_serial = call->serial;
        if (!waits) {
            forget_call(watch);
            continue;
        }
        if (waits_below(&servers[service]))
            watch->slow_looks++;
        else
            watch->call_looks++;
        if (watch->call_looks >= patience(service, call->operation) || watch->slow_looks >= SLOW_LOOKS)
            *silence = (struct silence){to_blame(server, thread), server, thread};
        if (silence->blamed)
            return;
    }
}

/*
 * The servers that are watched, by falling priority: all but the timer, of which the alarm takes care (alarm.c).
 * That is also from those who call nobody to those whom nobody calls, so that who waits for a silent one is not
 * blamed for it.
 */
static u32 order[SERVERS_COUNT], ordered;

enum priority {
#define SERVER(service, name, priority, ...) PRIORITY_##service = (priority),
#include "placement/micro/root/description.h"
};
#define CLIENT(client, service)                                                                              \
    _Static_assert((int)PRIORITY_##client < (int)PRIORITY_##service,                                         \
                   #service " is above its client " #client);
#include "placement/micro/root/description.h"

static u64 priority_of(u32 service)
{
    return servers[service].description->priority;
}

static void order_add(u32 service)
{
    u32 place = ordered++;

    for (; place > 0 && priority_of(order[place - 1]) <= priority_of(service); place--) {
        if (priority_of(order[place - 1]) == priority_of(service))
            root_fail("two servers have one priority"); /* which of them is busy could not be told */
        order[place] = order[place - 1];
    }
    order[place] = service;
}

void watch_prepare(void)
{
    for (u32 s = 0; s < SERVERS_COUNT; s++) {
        if (!servers[s].description || s == SERVER_TIMER)
            continue;
        order_add(s);
        pulse_prepare(s, priority_of(s));
    }
    starved_prepare();
}

void watch_forget_calls(void)
{
    for (u32 s = 0; s < SERVERS_COUNT; s++) {
        for (u64 thread = 0; thread < THREADS_MAX; thread++)
            forget_call(&servers[s].watch[thread]);
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
    struct hang hang = {starved_look(), THREADS_MAX, "all below it get no time"};
    struct silence silence = {NULL, NULL, 0};

    for (u32 s = 0; s < SERVERS_COUNT && !hang.server; s++)
        watch_start(&servers[s], &hang);
    for (u32 i = 0; i < ordered && !hang.server; i++) {
        if (is_watched(&servers[order[i]]) && order[i] != SERVICE_UNIX)
            watch_lost(&servers[order[i]], &hang);
    }
    for (u32 i = 0; i < ordered && !hang.server; i++) {
        struct server *server = &servers[order[i]];

        if (is_busy_starting(server) || (is_watched(server) && watch_work(server, &hang)))
            break;
    }
    if (hang.server) {
        supervise_hang(hang.server, hang.thread, hang.what);
        watch_forget_calls();
        return;
    }
    for (u32 i = 0; i < ordered && !silence.blamed; i++) {
        if (is_watched(&servers[order[i]]) || servers[order[i]].state == SERVER_STARTING)
            watch_calls(&servers[order[i]], &silence);
    }
    if (!silence.blamed)
        return;
    if (silence.blamed == silence.caller)
        supervise_hang(silence.caller, silence.thread, "its call of another does not end");
    else
        supervise_silence(silence.blamed, silence.caller, silence.thread);
    watch_forget_calls();
}
