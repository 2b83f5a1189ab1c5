/*
 * Threads of a server: prepared by the supervisor, taken from a pool here; and how they wait for each other.
 *
 * Each has a notification of its own, bound to it, so that a signal reaches it in port_wait() and in a Recv
 * alike. A signal may come for a reason that has passed: every wait is a loop around its condition.
 *
 * The guard is a spinning flag: sections under it are a few instructions, all threads of a server have one
 * priority, and a thread that finds it closed yields to the one inside.
 */
#include "port/thread.h"
#include "placement/micro/server/runtime.h"
#include "port/log.h"
#include "port/sync.h"
#include "port/time.h"
#include "port/transfer.h"

static u32 guard;

struct sync_thread *sync_self(void)
{
    struct sync_thread *self;

    __asm__("mv %0, tp" : "=r"(self));
    return self;
}

struct sync_thread *server_thread(u64 index)
{
    return (struct sync_thread *)(server_base() + SERVER_THREADS + index * THREAD_AREA + THREAD_BLOCK);
}

void server_signal(u64 thread)
{
    seL4_Signal(CPTR(SLOT_THREAD + 2 * thread + 1));
}

/* What the signal was for may be another wait of this thread: `signalled` keeps it for that one. */
void server_pause(void)
{
    seL4_Wait(CPTR(SLOT_THREAD + 2 * sync_self()->index + 1), NULL);
    sync_self()->signalled = true;
}

void server_pause_until(u64 deadline)
{
    u64 words[OPERATION_IN_MAX] = {sync_self()->index, deadline};

    /* Not told (the timer has just died): the caller looks at its condition and asks again. */
    if (deadline < SYNC_LOCK_DEADLINE && service_call(SERVER_TIMER, TIMER_DEADLINE, words, 2) != ERR_OK)
        return;
    server_pause();
}

bool sync_guard(void)
{
    while (__atomic_exchange_n(&guard, 1, __ATOMIC_ACQUIRE))
        seL4_Yield();
    return true;
}

void sync_unguard(bool token)
{
    (void)token;
    __atomic_store_n(&guard, 0, __ATOMIC_RELEASE);
}

static void list_append(struct sync_list *list, struct sync_thread *thread)
{
    thread->next = NULL;
    thread->list = list;
    if (list->tail)
        list->tail->next = thread;
    else
        list->head = thread;
    list->tail = thread;
}

static void list_remove(struct sync_list *list, struct sync_thread *thread)
{
    struct sync_thread *before = NULL;

    for (struct sync_thread *at = list->head; at != thread; at = at->next)
        before = at;
    if (before)
        before->next = thread->next;
    else
        list->head = thread->next;
    if (list->tail == thread)
        list->tail = before;
    thread->list = NULL;
}

bool sync_block(struct sync_list *list, u64 deadline)
{
    struct sync_thread *self = sync_self();
    u32 work = server_work(deadline == PORT_FOREVER ? WORK_FOREVER : WORK_WAITING);
    bool woken = true;

    list_append(list, self);
    while (self->list && woken) {
        sync_unguard(true);
        server_pause_until(deadline);
        sync_guard();
        if (self->list && port_now() >= deadline) {
            list_remove(list, self);
            woken = false;
        }
    }
    server_work(work);
    return woken;
}

struct sync_thread *sync_wake(struct sync_list *list)
{
    struct sync_thread *thread = list->head;

    if (thread) {
        list_remove(list, thread);
        server_signal(thread->index);
    }
    return thread;
}

void thread_begin(void);
void thread_run(struct sync_thread *self);

/* Watched from here on: what is not seen to wait must end. */
void thread_run(struct sync_thread *self)
{
    struct work_record *work = &server_record()->work[self->index];

    work->serial++;
    __atomic_store_n(&work->state, WORK_RUNNING, __ATOMIC_RELEASE);
    self->entry(self->argument);
    port_fatal("thread function returned");
}

enum err port_thread_start(const char *name, void (*entry)(void *), void *argument)
{
    struct sync_thread *thread = NULL;
    seL4_UserContext registers = {0};

    sync_guard();
    for (u64 i = 1; i < server_info()->threads && !thread; i++) {
        if (!server_thread(i)->running) {
            thread = server_thread(i);
            thread->running = true;
        }
    }
    sync_unguard(true);
    if (!thread)
        return ERR_NO_SLOT;
    thread->name = name;
    thread->entry = entry;
    thread->argument = argument;
    thread->list = NULL;
    registers.pc = (u64)thread_begin;
    registers.sp = server_base() + SERVER_THREADS + thread->index * THREAD_AREA + THREAD_STACK_TOP;
    registers.a0 = registers.tp = (u64)thread;
    if (seL4_TCB_WriteRegisters(CPTR(SLOT_THREAD + 2 * thread->index), 1, 0, sizeof(registers) / sizeof(u64),
                                &registers) != seL4_NoError)
        port_fatal("a thread of this server cannot be started");
    return ERR_OK;
}

/* The thread is free once it is suspended; whoever takes it before that rewrites its registers, which stops
 * it too. */
void port_thread_exit(void)
{
    struct sync_thread *self = sync_self();

    server_record()->work[self->index].state = WORK_NONE;
    __atomic_store_n(&self->running, false, __ATOMIC_RELEASE);
    for (;;)
        seL4_TCB_Suspend(CPTR(SLOT_THREAD + 2 * self->index));
}

u32 port_threads_free(void)
{
    u32 count = 0;

    for (u64 i = 1; i < server_info()->threads; i++)
        count += !server_thread(i)->running;
    return count;
}

u64 port_now(void)
{
    return time_in_ns(time_counts(), server_info()->time_unit);
}

u64 port_transfer_id(void)
{
    return sync_self()->index;
}
