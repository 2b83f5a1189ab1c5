/*
 * The four faults that every service has: see service/inject.h and port/fault.def.
 *
 * Called by: every core, at the start of each of its operations, before it takes a lock; so what hangs or
 *            waits here holds nothing that another request needs.
 * Locking:   none of the service's. A thread told not to reply waits on a lock and a queue of its own stack.
 */
#include "service/inject.h"
#include "port/log.h"
#include "port/sync.h"

struct inject_faults {
    enum port_fault crash_null;
    enum port_fault abort_assert;
    enum port_fault hang_loop;
    enum port_fault no_reply;
};

#define FAULTS_OF(service)                                                                                   \
    [SERVICE_##service] = {FAULT_##service##_CRASH_NULL, FAULT_##service##_ABORT_ASSERT,                     \
                           FAULT_##service##_HANG_LOOP, FAULT_##service##_NO_REPLY}

static const struct inject_faults inject_faults[SERVICE_COUNT] = {
    FAULTS_OF(XMAP), FAULTS_OF(UNIX), FAULTS_OF(FS), FAULTS_OF(BLOCK), FAULTS_OF(CONSOLE),
};

/* The address is read at run time, so that the compiler cannot see which one it is and drop the store. */
static void inject_crash_null(void)
{
    static u64 *volatile nowhere;

    *(volatile u64 *)nowhere = 1;
}

static void inject_hang_loop(void)
{
    static volatile u64 rounds;

    for (;;)
        rounds++;
}

static void inject_no_reply(void)
{
    struct port_lock lock;
    struct port_queue queue;

    port_lock_init(&lock, "no-reply");
    port_queue_init(&queue, "no-reply");
    port_lock_acquire(&lock);
    for (;;)
        (void)port_wait(&queue, &lock, PORT_FOREVER);
}

void inject_point(enum port_service service)
{
    const struct inject_faults *faults = &inject_faults[service];

    if (!port_fault_any())
        return;
    if (port_fault_fires(faults->crash_null))
        inject_crash_null();
    if (port_fault_fires(faults->abort_assert))
        port_fatal("injected: abort-assert");
    if (port_fault_fires(faults->hang_loop))
        inject_hang_loop();
    if (port_fault_fires(faults->no_reply))
        inject_no_reply();
}
