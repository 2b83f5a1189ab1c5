/*
 * Port: locks and waiting. Needed by every core; supplied by every placement.
 *
 * There is one kind of lock, a sleeping one, and one kind of queue. Cores never run in interrupt context.
 * A core documents its lock order in its own state header; docs/locking.md holds the order
 * between services.
 */
#ifndef PORT_SYNC_H
#define PORT_SYNC_H

#include "lib/err.h"
#include "lib/types.h"

#define PORT_FOREVER (~0ul)

/* Opaque: the placement's. May live in any memory of the service; zero bytes are not a valid lock. */
struct port_lock {
    u64 opaque[6];
};

struct port_queue {
    u64 opaque[6];
};

/* `name` is kept, not copied. */
void port_lock_init(struct port_lock *lock, const char *name);
void port_queue_init(struct port_queue *queue, const char *name);

/* Waits until the lock is free. The caller must not hold it (fatal: "lock taken twice"). */
void port_lock_acquire(struct port_lock *lock);
/* The caller must hold it (fatal: "lock released by another"). Never waits. */
void port_lock_release(struct port_lock *lock);
/* Whether the calling thread holds it. For assertions. */
bool port_lock_held(const struct port_lock *lock);

/*
 * Releases `lock`, waits until woken or until port_now() >= deadline (PORT_FOREVER: no limit), takes `lock`
 * again. Release and wait are one step for wakers that hold the lock. May return early without a reason:
 * callers loop. Returns OK or ERR_TIMEOUT. The caller holds no other lock. Unbounded waits only in unix: an
 * operation of another service that waits without a limit is taken for lost (console's readers look again now
 * and then).
 */
enum err port_wait(struct port_queue *queue, struct port_lock *lock, u64 deadline);

/* Wakes the longest waiting thread, or all. The caller holds the lock the waiters gave. Never waits. */
void port_wake_one(struct port_queue *queue);
void port_wake_all(struct port_queue *queue);

#endif
