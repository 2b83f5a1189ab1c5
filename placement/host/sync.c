/*
 * port/sync.h and port/time.h on the host: sleeping locks and queues.
 *
 * One mutex of the C library guards every lock and queue here, and one condition variable announces every
 * change. That wakes more threads than needed, and is right by inspection; unit tests need no more. Since
 * nothing is allocated, a service that is restarted may initialise its locks again without a leak.
 */
#include "port/sync.h"
#include "placement/host/host.h"
#include "port/log.h"
#include "port/time.h"
#include <pthread.h>
#include <time.h>

struct lock {
    const char *name;
    u64 owner; /* the holder's pthread_self(); 0: free */
};

struct waiter {
    struct waiter *next;
    bool woken;
};

struct queue {
    const char *name;
    struct waiter *first, *last; /* on the stacks of the waiting threads, longest waiting first */
};

_Static_assert(sizeof(struct lock) <= sizeof(struct port_lock), "a lock fits its opaque bytes");
_Static_assert(sizeof(struct queue) <= sizeof(struct port_queue), "a queue fits its opaque bytes");

static pthread_mutex_t world = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static u64 shift; /* guarded by world */

/* Deadlines are measured with the clock that nobody sets. */
static void init(void)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

static void enter(void)
{
    pthread_once(&once, init);
    pthread_mutex_lock(&world);
}

static void leave(void)
{
    pthread_mutex_unlock(&world);
}

static u64 now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (u64)t.tv_sec * PORT_SECOND + (u64)t.tv_nsec + shift;
}

u64 port_now(void)
{
    enter();
    u64 result = now();
    leave();
    return result;
}

void host_time_advance(u64 nanoseconds)
{
    enter();
    shift += nanoseconds;
    pthread_cond_broadcast(&changed);
    leave();
}

void host_time_reset(void)
{
    enter();
    shift = 0;
    leave();
}

void port_lock_init(struct port_lock *lock, const char *name)
{
    *(struct lock *)lock = (struct lock){.name = name};
}

void port_queue_init(struct port_queue *queue, const char *name)
{
    *(struct queue *)queue = (struct queue){.name = name};
}

static void take(struct lock *lock)
{
    while (lock->owner != 0)
        pthread_cond_wait(&changed, &world);
    lock->owner = (u64)pthread_self();
}

static void drop(struct lock *lock)
{
    lock->owner = 0;
    pthread_cond_broadcast(&changed);
}

void port_lock_acquire(struct port_lock *opaque)
{
    struct lock *lock = (struct lock *)opaque;
    enter();
    bool twice = lock->owner == (u64)pthread_self();
    if (!twice)
        take(lock);
    leave();
    port_assert(!twice, "lock taken twice");
}

void port_lock_release(struct port_lock *opaque)
{
    struct lock *lock = (struct lock *)opaque;
    enter();
    bool ours = lock->owner == (u64)pthread_self();
    if (ours)
        drop(lock);
    leave();
    port_assert(ours, "lock released by another");
}

bool port_lock_held(const struct port_lock *opaque)
{
    enter();
    bool held = ((const struct lock *)opaque)->owner == (u64)pthread_self();
    leave();
    return held;
}

static void unlink_waiter(struct queue *queue, struct waiter *waiter)
{
    struct waiter *before = NULL;
    for (struct waiter *w = queue->first; w != NULL; before = w, w = w->next) {
        if (w != waiter)
            continue;
        if (before == NULL)
            queue->first = w->next;
        else
            before->next = w->next;
        if (queue->last == w)
            queue->last = before;
        return;
    }
}

enum err port_wait(struct port_queue *opaque_queue, struct port_lock *opaque_lock, u64 deadline)
{
    struct queue *queue = (struct queue *)opaque_queue;
    struct lock *lock = (struct lock *)opaque_lock;
    struct waiter self = {.next = NULL, .woken = false};
    enum err err = ERR_OK;

    enter();
    if (lock->owner != (u64)pthread_self()) {
        leave();
        port_fatal("wait without the lock");
    }
    if (queue->last == NULL)
        queue->first = &self;
    else
        queue->last->next = &self;
    queue->last = &self;
    drop(lock);
    while (!self.woken) {
        if (deadline == PORT_FOREVER) {
            pthread_cond_wait(&changed, &world);
            continue;
        }
        u64 time = now();
        if (time >= deadline) {
            unlink_waiter(queue, &self);
            err = ERR_TIMEOUT;
            break;
        }
        u64 until = deadline - shift;
        struct timespec t = {.tv_sec = (time_t)(until / PORT_SECOND), .tv_nsec = (long)(until % PORT_SECOND)};
        pthread_cond_timedwait(&changed, &world, &t);
    }
    take(lock);
    leave();
    return err;
}

static void wake(struct queue *queue)
{
    struct waiter *waiter = queue->first;
    if (waiter == NULL)
        return;
    unlink_waiter(queue, waiter);
    waiter->woken = true;
    pthread_cond_broadcast(&changed);
}

void port_wake_one(struct port_queue *queue)
{
    enter();
    wake((struct queue *)queue);
    leave();
}

void port_wake_all(struct port_queue *queue)
{
    enter();
    while (((struct queue *)queue)->first != NULL)
        wake((struct queue *)queue);
    leave();
}
