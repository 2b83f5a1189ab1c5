/*
 * Kernel threads and the scheduler.
 *
 * States and what changes them (all under `spin`):
 *
 *     FREE --start--> READY --chosen--> RUNNING --block--> BLOCKED --wake, deadline--> READY
 *                       ^------ yield, slice over ---'  '--exit--> ENDED --off its stack--> FREE
 *
 * `spin` is held across arch_switch(): the thread that goes on releases what the one before it took. So no
 * hart can choose a thread whose registers are not saved yet.
 *
 * Invariant: a READY thread is in exactly one run queue; a BLOCKED one in at most one wait list
 * (thread->list) and, if it has a deadline, in the deadline list. Not here: sleeping locks and queues
 * (placement/mono/sync.c), interrupts (interrupt.c).
 */
#include "kernel/mono/thread.h"
#include "lib/string.h"
#include "machine/arch.h"
#include "machine/board.h"
#include "machine/panic.h"

#define STACK_SLOT       (8 * PAGE_SIZE) /* the lower half of a slot is never mapped: the guard */
#define SLICE_PER_SECOND 100             /* a thread runs 10 ms before another of its class */

static struct mono_spin spin;
static struct mono_thread threads[MONO_THREADS];
static struct mono_thread idle_thread; /* runs on the boot stack when nobody else does */
static struct mono_list ready[CLASS_COUNT];
static struct mono_thread *deadlines; /* soonest first */
static struct mono_thread *ended;     /* waits for its stack to be left */
static u32 free_threads;
static u64 slice_end;

bool mono_spin_lock(struct mono_spin *lock)
{
    bool interrupts = arch_irq_disable();

    while (__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE))
        ;
    return interrupts;
}

void mono_spin_unlock(struct mono_spin *lock, bool interrupts)
{
    __atomic_store_n(&lock->held, 0, __ATOMIC_RELEASE);
    arch_irq_restore(interrupts);
}

bool mono_schedule_lock(void)
{
    return mono_spin_lock(&spin);
}

void mono_schedule_unlock(bool interrupts)
{
    mono_spin_unlock(&spin, interrupts);
}

struct mono_thread *mono_current(void)
{
    return arch_hart()->current;
}

const char *thread_name(void)
{
    struct mono_thread *current = mono_current();

    return current ? current->name : NULL;
}

static void list_append(struct mono_list *list, struct mono_thread *thread)
{
    thread->list = list;
    thread->next = NULL;
    thread->prev = list->tail;
    if (list->tail)
        list->tail->next = thread;
    else
        list->head = thread;
    list->tail = thread;
}

static void list_remove(struct mono_thread *thread)
{
    struct mono_list *list = thread->list;

    if (thread->prev)
        thread->prev->next = thread->next;
    else
        list->head = thread->next;
    if (thread->next)
        thread->next->prev = thread->prev;
    else
        list->tail = thread->prev;
    thread->list = NULL;
}

static void deadline_add(struct mono_thread *thread)
{
    struct mono_thread **place = &deadlines;

    while (*place && (*place)->deadline <= thread->deadline)
        place = &(*place)->later;
    thread->later = *place;
    *place = thread;
}

static void deadline_remove(struct mono_thread *thread)
{
    struct mono_thread **place = &deadlines;

    while (*place != thread)
        place = &(*place)->later;
    *place = thread->later;
    thread->deadline = ~0ul;
}

static void make_ready(struct mono_thread *thread)
{
    if (thread->list)
        list_remove(thread);
    if (thread->deadline != ~0ul)
        deadline_remove(thread);
    thread->state = THREAD_READY;
    list_append(&ready[thread->class], thread);
}

/* The timer fires at the soonest deadline, or at the end of the slice if somebody else is waiting for the
 * hart. */
static void set_timer(void)
{
    u64 when = deadlines ? deadlines->deadline : ~0ul;

    if (ready[CLASS_SERVICE].head || ready[CLASS_PROGRAM].head)
        when = min_u64(when, slice_end);
    arch_timer_set(when);
}

static struct mono_thread *choose(void)
{
    for (u32 class = 0; class < CLASS_COUNT; class ++) {
        struct mono_thread *thread = ready[class].head;

        if (thread) {
            list_remove(thread);
            return thread;
        }
    }
    return &idle_thread;
}

/* Gives the hart to the next thread. The running one has been put where it belongs. */
static void switch_away(void)
{
    struct arch_hart *hart = arch_hart();
    struct mono_thread *from = hart->current, *to = choose();

    slice_end = arch_time() + board.timebase / SLICE_PER_SECOND;
    to->state = THREAD_RUNNING;
    set_timer();
    if (to == from)
        return;
    hart->current = to;
    hart->stack_limit = to->stack_low;
    arch_switch(&from->context, &to->context);
    if (ended) { /* the thread that gave us the hart will never need its stack again */
        ended->state = THREAD_FREE;
        ended = NULL;
        free_threads++;
    }
}

bool mono_block(struct mono_list *list, u64 deadline)
{
    struct mono_thread *self = mono_current();

    self->state = THREAD_BLOCKED;
    self->timed_out = false;
    self->deadline = deadline;
    if (list)
        list_append(list, self);
    if (deadline != ~0ul)
        deadline_add(self);
    switch_away();
    return !self->timed_out;
}

struct mono_thread *mono_wake(struct mono_list *list)
{
    struct mono_thread *thread = list->head;

    if (thread) {
        make_ready(thread);
        set_timer();
    }
    return thread;
}

void thread_yield(void)
{
    bool interrupts = mono_schedule_lock();
    struct mono_thread *self = mono_current();

    if (self != &idle_thread) {
        self->state = THREAD_READY;
        list_append(&ready[self->class], self);
    }
    switch_away();
    mono_schedule_unlock(interrupts);
}

bool thread_timer(void)
{
    bool interrupts = mono_schedule_lock();
    u64 now = arch_time();
    bool over;

    while (deadlines && deadlines->deadline <= now) {
        deadlines->timed_out = true;
        make_ready(deadlines);
    }
    over = now >= slice_end || ready[CLASS_SERVICE].head;
    if (now >= slice_end)
        slice_end = now + board.timebase / SLICE_PER_SECOND;
    set_timer();
    mono_schedule_unlock(interrupts);
    return over;
}

/* Where a thread begins: with the scheduler's lock, taken by whoever switched here. */
static void thread_begin(void *argument)
{
    struct mono_thread *self = argument;

    if (ended) {
        ended->state = THREAD_FREE;
        ended = NULL;
        free_threads++;
    }
    mono_schedule_unlock(true);
    self->entry(self->argument);
    panic("thread function returned");
}

enum err mono_thread_start(const char *name, enum mono_thread_class class, void (*entry)(void *),
                           void *argument)
{
    bool interrupts = mono_schedule_lock();
    struct mono_thread *thread = NULL;

    for (u32 i = 0; i < MONO_THREADS && !thread; i++) {
        if (threads[i].state == THREAD_FREE)
            thread = &threads[i];
    }
    if (thread) {
        free_threads--;
        thread->name = name;
        thread->class = class;
        thread->entry = entry;
        thread->argument = argument;
        thread->deadline = ~0ul;
        arch_switch_prepare(&thread->context, thread->stack_top, thread_begin, thread);
        make_ready(thread);
        set_timer();
    }
    mono_schedule_unlock(interrupts);
    return thread ? ERR_OK : ERR_NO_SLOT;
}

void mono_thread_exit(void)
{
    struct mono_thread *self = mono_current();

    mono_schedule_lock();
    self->state = THREAD_ENDED;
    ended = self;
    switch_away();
    panic("an ended thread went on");
}

u32 mono_thread_index(void)
{
    return mono_current()->index;
}

u32 mono_threads_free(void)
{
    return free_threads;
}

bool thread_stack(u64 sp, u64 *low, u64 *high)
{
    struct mono_thread *current = mono_current();

    if (!current || sp < current->stack_low || sp > current->stack_top)
        return false;
    *low = current->stack_low;
    *high = current->stack_top;
    return true;
}

static void *table_page(void)
{
    return mono_boot_alloc(PAGE_SIZE);
}

extern u8 boot_stack[], boot_stack_top[];

void threads_init(void)
{
    for (u32 i = 0; i < MONO_THREADS; i++) {
        u64 top = ARCH_WINDOW_BASE + (i + 1) * STACK_SLOT;
        u8 *stack = mono_boot_alloc(MONO_STACK_PAGES * PAGE_SIZE);

        kernel_assert(stack, "memory too small");
        threads[i].index = i;
        threads[i].stack_top = top;
        threads[i].stack_low = top - MONO_STACK_PAGES * PAGE_SIZE;
        for (u64 page = 0; page < MONO_STACK_PAGES; page++)
            kernel_assert(arch_window_map(threads[i].stack_low + page * PAGE_SIZE,
                                          arch_physical(stack) + page * PAGE_SIZE, PTE_R | PTE_W, table_page),
                          "memory too small");
    }
    free_threads = MONO_THREADS;
    idle_thread = (struct mono_thread){.name = "idle",
                                       .state = THREAD_RUNNING,
                                       .deadline = ~0ul,
                                       .stack_low = (u64)boot_stack,
                                       .stack_top = (u64)boot_stack_top};
    arch_hart()->current = &idle_thread;
    arch_hart()->stack_limit = idle_thread.stack_low;
}

void thread_idle(void)
{
    for (;;) {
        thread_yield();
        arch_irq_disable(); /* an interrupt between the look and the wfi stays pending and ends the wfi */
        if (!ready[CLASS_SERVICE].head && !ready[CLASS_PROGRAM].head)
            arch_wait_for_interrupt();
        arch_irq_restore(true);
    }
}
