/*
 * The inside of a server process: threads, calls, the loop that serves an endpoint. Linked into every server.
 */
#ifndef PLACEMENT_MICRO_SERVER_RUNTIME_H
#define PLACEMENT_MICRO_SERVER_RUNTIME_H

#include "abi/sel4/sel4.h"
#include "lib/err.h"
#include "placement/common/sync.h"
#include "placement/micro/layout.h"
#include "port/operation.h"
#include "port/sync.h"

/* A wait for a lock is given this deadline: nobody ends it but the holder. */
#define SYNC_LOCK_DEADLINE (PORT_FOREVER - 1)

/* What tp points at. The first word is where abi/sel4 looks for the IPC buffer. */
struct sync_thread {
    seL4_IPCBuffer *ipc_buffer;
    u64 index;
    struct sync_thread *next; /* in a wait list */
    struct sync_list *list;   /* under the guard; NULL once woken */
    u64 running;              /* taken from the pool of threads */
    u64 signalled;            /* a signal came since port_irq_wait() last looked */
    u64 request; /* identity of the request it serves, or served last; 0: none (port/request.h) */
    u64 again;   /* its next call repeats its last */
    const char *name;
    void (*entry)(void *);
    void *argument;
};

/* Defined by each server; called on thread 0 with everything else ready. Never returns. */
_Noreturn void server_main(void);

void server_log(const char *bytes, u64 length); /* to the serial line, as it is */

/* The block of the calling thread, as sync_self() gives it, but without a call. */
static inline struct sync_thread *server_self(void)
{
    struct sync_thread *self;

    __asm__("mv %0, tp" : "=r"(self));
    return self;
}

/* The base address of this server: every thread finds it by the place of its own block. */
static inline u64 server_base(void)
{
    return (u64)server_self() & ~(SERVER_RANGE - 1);
}

static inline const struct server_info *server_info(void)
{
    return (const struct server_info *)(server_base() + SERVER_INFO);
}

static inline struct server_record *server_record(void)
{
    return (struct server_record *)(server_base() + SERVER_RECORD);
}

/* The block of one of its threads. */
struct sync_thread *server_thread(u64 index);

/* Signals a thread's notification: it leaves whatever wait it is in. */
void server_signal(u64 thread);

/* Notes that the calling thread waits, or goes on: a waiting thread does not hang. Returns what it did
 * before. */
static inline u32 server_work(u32 state)
{
    struct work_record *work = &server_record()->work[server_self()->index];
    u32 before = work->state;

    if (before != WORK_NONE)
        __atomic_store_n(&work->state, state, __ATOMIC_RELEASE);
    return before;
}

/* Waits for this thread's own notification; the other, until the deadline in nanoseconds at most. May return
 * early. */
void server_pause(void);
void server_pause_until(u64 deadline);

/* A request to the supervisor: words in (at most 4), label of the answer out. */
u64 server_ask(enum supervisor_request request, u64 length, u64 w0, u64 w1, u64 w2);

/*
 * Calls an operation of another service: `words` holds the in values, then the out values. Waits for the
 * answer. ERR_PEER_RESTARTED if the service died meanwhile (put there by the supervisor).
 */
enum err service_call(u32 service, u64 operation, u64 *words, u32 in);

/* The same for a request of the placement's own, its words and capabilities in the IPC buffer. */
enum err service_request(u32 service, seL4_MessageInfo_t *info);

/* An operation as the loop calls it: in values and out values in `words`. */
typedef enum err (*server_operation)(u64 *words);

/* Called for labels beyond the table; returns the answer, which may carry a capability. NULL: no such
 * requests. */
typedef seL4_MessageInfo_t (*server_request)(u64 label, const u64 *words);

/* Called before each request, to note what the supervisor may want to know. May be NULL. */
typedef void (*server_note)(void);

struct server_loop {
    const server_operation *operations;
    const u8 *outs; /* words of each answer */
    u64 count;
    server_request request;
    server_note note;
};

/* Serves the endpoint for ever on this thread. `argument`: struct server_loop. */
void server_serve(void *argument);

/*
 * The whole life of a server of operations: undoes what a death left half done, starts the core (`restart` in
 * every generation but the first), tells the supervisor, serves. Never returns.
 */
_Noreturn void server_live(const struct server_loop *loop, enum err (*start)(void),
                           enum err (*restart)(void));

#endif
