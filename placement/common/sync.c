/*
 * Port sync, the same for both kernels: a sleeping lock is a word with its owner, and a list of threads
 * waiting for it.
 *
 * The word holds the owner's address, with bit 0 set while somebody waits; taking a free lock and releasing
 * one nobody waits for is one atomic step. Everything else happens under the guard. A released
 * lock goes straight to the longest waiting thread, so nobody starves.
 */
#include "placement/common/sync.h"
#include "port/log.h"
#include "port/sync.h"

/* Before a thread takes a lock, and when it lets go of one: what a debug build watches, by including this
 * file with the two defined. */
#ifndef SYNC_TAKES
#define SYNC_TAKES(name) ((void)0)
#define SYNC_DROPS(name) ((void)0)
#endif

/* The deadline of a wait for a lock, which its holder ends: a placement may tell it from a wait for ever. */
#ifndef SYNC_LOCK_DEADLINE
#define SYNC_LOCK_DEADLINE PORT_FOREVER
#endif

#define WAITERS 1ul

struct lock {
    u64 word;
    struct sync_list waiting;
    const char *name;
};

struct queue {
    struct sync_list waiting;
    u64 waiters; /* threads that are in port_wait() for it: set before they let go of their lock */
    const char *name;
};

_Static_assert(sizeof(struct lock) <= sizeof(struct port_lock), "opaque size");
_Static_assert(sizeof(struct queue) <= sizeof(struct port_queue), "opaque size");

static struct lock *lock_of(const struct port_lock *lock)
{
    return (struct lock *)(u64)lock;
}

static u64 self_word(void)
{
    return (u64)sync_self();
}

void port_lock_init(struct port_lock *port_lock, const char *name)
{
    *lock_of(port_lock) = (struct lock){.name = name};
}

void port_queue_init(struct port_queue *port_queue, const char *name)
{
    *(struct queue *)port_queue = (struct queue){.name = name};
}

bool port_lock_held(const struct port_lock *port_lock)
{
    return (__atomic_load_n(&lock_of(port_lock)->word, __ATOMIC_RELAXED) & ~WAITERS) == self_word();
}

static bool take_if_free(struct lock *lock)
{
    u64 expected = 0;

    return __atomic_compare_exchange_n(&lock->word, &expected, self_word(), false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

static __attribute__((noinline)) void take_slowly(struct lock *lock)
{
    bool interrupts;

    port_assert(!port_lock_held((struct port_lock *)lock), "lock taken twice");
    interrupts = sync_guard();
    /* The owner may let go, by its fast path, until the bit is set; after that only through hand_over(). */
    if (!take_if_free(lock)) {
        if (__atomic_fetch_or(&lock->word, WAITERS, __ATOMIC_RELAXED) & ~WAITERS)
            sync_block(&lock->waiting, SYNC_LOCK_DEADLINE); /* woken as the owner */
        else /* it was free: the bit stands alone, and nobody but us, under the guard, can make it theirs */
            __atomic_store_n(&lock->word, self_word(), __ATOMIC_RELAXED);
    }
    sync_unguard(interrupts);
}

void port_lock_acquire(struct port_lock *port_lock)
{
    struct lock *lock = lock_of(port_lock);

    SYNC_TAKES(lock->name);
    if (!take_if_free(lock))
        take_slowly(lock);
}

/* Under the guard. */
static void hand_over(struct lock *lock)
{
    struct sync_thread *next = sync_wake(&lock->waiting);
    u64 more = lock->waiting.head ? WAITERS : 0;

    __atomic_store_n(&lock->word, next ? (u64)next | more : 0, __ATOMIC_RELEASE);
}

static __attribute__((noinline)) void release_slowly(struct lock *lock)
{
    bool interrupts;

    port_assert(port_lock_held((struct port_lock *)lock), "lock released by another");
    interrupts = sync_guard();
    hand_over(lock);
    sync_unguard(interrupts);
}

void port_lock_release(struct port_lock *port_lock)
{
    struct lock *lock = lock_of(port_lock);
    u64 expected = self_word();

    SYNC_DROPS(lock->name);
    if (!__atomic_compare_exchange_n(&lock->word, &expected, 0, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
        release_slowly(lock);
}

enum err port_wait(struct port_queue *port_queue, struct port_lock *port_lock, u64 deadline)
{
    struct queue *queue = (struct queue *)port_queue;
    struct lock *lock = lock_of(port_lock);
    bool interrupts, woken;

    port_assert(port_lock_held(port_lock), "wait without the lock");
    SYNC_DROPS(lock->name);
    interrupts = sync_guard();
    /* Before the lock can be another's: a waker that takes it by one atomic step, on another hart, must see
     * that somebody waits, though this thread is in the list only once sync_block() has put it there. The
     * waker then waits for the guard, and finds it. */
    __atomic_store_n(&queue->waiters, queue->waiters + 1, __ATOMIC_RELAXED);
    hand_over(lock);
    woken = sync_block(&queue->waiting, deadline);
    __atomic_store_n(&queue->waiters, queue->waiters - 1, __ATOMIC_RELAXED);
    sync_unguard(interrupts);
    port_lock_acquire(port_lock);
    return woken ? ERR_OK : ERR_TIMEOUT;
}

void port_wake_one(struct port_queue *port_queue)
{
    struct queue *queue = (struct queue *)port_queue;
    bool interrupts;

    if (!__atomic_load_n(&queue->waiters, __ATOMIC_RELAXED))
        return;
    interrupts = sync_guard();
    sync_wake(&queue->waiting);
    sync_unguard(interrupts);
}

void port_wake_all(struct port_queue *port_queue)
{
    struct queue *queue = (struct queue *)port_queue;
    bool interrupts;

    if (!__atomic_load_n(&queue->waiters, __ATOMIC_RELAXED))
        return;
    interrupts = sync_guard();
    while (sync_wake(&queue->waiting))
        ;
    sync_unguard(interrupts);
}
