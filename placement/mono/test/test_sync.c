/*
 * The sleeping locks of placement/common, on the host, with the threads of the test taking turns at chosen
 * points.
 *
 * The story of a bug: a thread in port_wait() gave up its lock before it was in the queue. On another hart a
 * second thread took the lock, by one atomic step, changed what was awaited, saw an empty queue, and woke
 * nobody. The first one slept for ever. Interrupts off hid it on one hart. Here the second thread runs
 * exactly there.
 */
#include "placement/common/sync.h"
#include "port/log.h"
#include "port/sync.h"
#include <stdio.h>
#include <stdlib.h>

static u64 threads[2] __attribute__((aligned(16)));
static u32 running;
static bool guarded;     /* by whoever */
static bool waker_waits; /* the second thread has come to the guard while it was closed */
static struct port_lock lock;
static struct port_queue queue;
static u32 failures;

static void check(bool good, const char *what)
{
    if (good)
        return;
    printf("sync: %s\n", what);
    failures++;
}

struct sync_thread *sync_self(void)
{
    return (struct sync_thread *)&threads[running];
}

bool sync_guard(void)
{
    if (guarded)
        waker_waits = true; /* it would wait here until the first thread is in the queue */
    guarded = true;
    return true;
}

void sync_unguard(bool token)
{
    (void)token;
    guarded = false;
}

/* Called by port_wait() when the lock has been given up and the thread is not in the list yet. */
bool sync_block(struct sync_list *list, u64 deadline)
{
    (void)list;
    (void)deadline;
    running = 1;
    port_lock_acquire(&lock);
    check(port_lock_held(&lock), "the lock was not given up");
    port_wake_one(&queue);
    port_lock_release(&lock);
    running = 0;
    guarded = true;
    return true;
}

struct sync_thread *sync_wake(struct sync_list *list)
{
    (void)list;
    return NULL;
}

void port_fatal(const char *invariant)
{
    printf("sync: %s\n", invariant);
    exit(1);
}

int main(void)
{
    port_lock_init(&lock, "lock");
    port_queue_init(&queue, "queue");
    port_lock_acquire(&lock);
    check(port_wait(&queue, &lock, PORT_FOREVER) == ERR_OK, "the wait failed");
    check(waker_waits, "a waker that came between missed the waiting thread");
    check(port_lock_held(&lock), "the lock was not taken again");
    waker_waits = false;
    port_wake_one(&queue);
    check(!guarded && !waker_waits, "a waker without a waiting thread takes the guard");
    port_lock_release(&lock);
    printf("sync: %s\n", failures ? "failed" : "ok");
    return failures != 0;
}
