/*
 * The four faults that every service has: see service/inject.h and port/fault.def.
 *
 * Called by: every core, at the start of each of its operations, before it takes a lock; so what hangs or
 *            waits here holds nothing of its own service that another request needs. What its callers hold is
 *            another matter: port/fault.def.
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

/* Until the first operation has asked where the word is, one that says "perhaps". */
static const u64 not_asked = 1;
static const u64 *armed = &not_asked;

/* Two threads that ask at once store the same address. */
static __attribute__((noinline)) void ask_where(void)
{
    __atomic_store_n(&armed, port_fault_armed(), __ATOMIC_RELAXED);
}

/* Part of every operation: two loads and a branch while nothing is armed, and nothing that would need a stack
 * frame before the branch. */
void inject_point(enum port_service service)
{
    if (__atomic_load_n(__atomic_load_n(&armed, __ATOMIC_RELAXED), __ATOMIC_RELAXED) == 0)
        return;
    ask_where();
    if (port_fault_fires(inject_faults[service].crash_null))
        inject_crash_null();
    if (port_fault_fires(inject_faults[service].abort_assert))
        port_fatal("injected: abort-assert");
    if (port_fault_fires(inject_faults[service].hang_loop))
        inject_hang_loop();
    if (port_fault_fires(inject_faults[service].no_reply))
        inject_no_reply();
}
