/*
 * Kernel threads and the scheduler.
 *
 * States and what changes them:
 *
 *     FREE --start--> READY --chosen--> RUNNING --block--> BLOCKED --wake, deadline--> READY
 *                       ^------ yield, slice over ---'  '--exit--> ENDED --off its stack--> FREE
 *
 * Two locks. The wait lock guards wait lists and deadlines: who is BLOCKED, and becomes ready. The ready lock
 * guards the queues of READY threads, the idle harts and the free slots. It is held across arch_switch(): the
 * thread that goes on releases what the one before it took. So no hart can choose a thread whose registers
 * are not saved yet: who blocks takes the ready lock before it lets go of the wait lock, so a waker cannot
 * make it ready before the switch is over.
 *
 * There is one queue of a class for all harts, not one a hart: with at most eight harts and sections of some
 * thirty instructions the ready lock is rarely awaited (docs/locking.md has the numbers), no hart idles while
 * a thread waits in another's queue, and classes hold for the whole machine.
 *
 * Every hart has its own timer. Invariant: a deadline is in the timer of some hart, set no later than it is
 * due: who adds one sets its own hart's timer before anything else runs there, and no hart sets its timer
 * later than the soonest deadline.
 *
 * Not here: sleeping locks and queues (placement/common/sync.c), interrupts (interrupt.c).
 */
#include "kernel/mono/thread.h"
#include "kernel/mono/hart.h"
#include "kernel/mono/spin.h"
#include "lib/string.h"
#include "machine/arch.h"
#include "machine/board.h"
#include "machine/panic.h"

#define STACK_SLOT       (8 * PAGE_SIZE) /* the lower half of a slot is never mapped: the guard */
#define SLICE_PER_SECOND 100             /* a thread runs 10 ms before another of its class */

static struct mono_thread threads[MONO_THREADS];

static struct mono_spin wait_lock = MONO_SPIN(RANK_WAIT, "wait");
static struct mono_thread *deadlines; /* soonest first; under wait_lock */
static u64 soonest = ~0ul;            /* the first one's; read without the lock */

static struct mono_spin ready_lock = MONO_SPIN(RANK_READY, "ready");
static struct mono_list ready[CLASS_COUNT]; /* all to the end: under ready_lock; heads are read without it */
static struct mono_list free_slots;
static u32 free_threads;
static u64 idle_harts; /* waiting for an interrupt, and nobody has sent one: bits by index */

bool mono_schedule_lock(void)
{
    return mono_spin_lock(&wait_lock);
}

/* Interrupts harts that threads were made ready for, now that no lock is held. */
static void send_kicks(void)
{
    struct mono_hart *hart = hart_self();
    u64 kick = hart->kick;

    hart->kick = 0;
    for (u32 i = 0; kick; i++, kick >>= 1) {
        if (kick & 1)
            hart_kick(i);
    }
}

void mono_schedule_unlock(bool interrupts)
{
    spin_drop(&wait_lock);
    if (hart_self()->kick)
        send_kicks();
    arch_irq_restore(interrupts);
}

const char *thread_name(void)
{
    struct mono_thread *current = mono_current();

    return current ? current->name : NULL;
}

static void list_append(struct mono_list *list, struct mono_thread *thread)
{
    thread->next = NULL;
    thread->prev = list->tail;
    if (list->tail)
        list->tail->next = thread;
    else
        list->head = thread;
    list->tail = thread;
}

static void list_remove(struct mono_list *list, struct mono_thread *thread)
{
    if (thread->prev)
        thread->prev->next = thread->next;
    else
        list->head = thread->next;
    if (thread->next)
        thread->next->prev = thread->prev;
    else
        list->tail = thread->prev;
}

static void deadline_changed(void)
{
    __atomic_store_n(&soonest, deadlines ? deadlines->deadline : ~0ul, __ATOMIC_RELAXED);
}

static void deadline_add(struct mono_thread *thread)
{
    struct mono_thread **place = &deadlines;

    while (*place && (*place)->deadline <= thread->deadline)
        place = &(*place)->later;
    thread->later = *place;
    *place = thread;
    deadline_changed();
}

static void deadline_remove(struct mono_thread *thread)
{
    struct mono_thread **place = &deadlines;

    while (*place != thread)
        place = &(*place)->later;
    *place = thread->later;
    thread->deadline = ~0ul;
    deadline_changed();
}

static bool anybody_ready(void)
{
    return __atomic_load_n(&ready[CLASS_SERVICE].head, __ATOMIC_RELAXED) ||
           __atomic_load_n(&ready[CLASS_PROGRAM].head, __ATOMIC_RELAXED);
}

/*
 * The timer of this hart fires at the soonest deadline, or at the end of the slice of its thread. On one hart
 * the slice ends only if somebody waits for it; on several a thread may be made ready elsewhere at any time.
 */
static void set_timer(struct mono_hart *hart)
{
    u64 when = __atomic_load_n(&soonest, __ATOMIC_RELAXED);

    if (anybody_ready() || (mono_hart_count > 1 && hart->arch->current != &hart->idle))
        when = min_u64(when, hart->slice_end);
    if (when == hart->timer)
        return;
    hart->timer = when;
    arch_timer_set(when);
}

/* Under the ready lock: one of the idle harts is to look for a thread, once the locks are released. */
static void kick_one(struct mono_hart *hart)
{
    u64 one = idle_harts & -idle_harts;

    idle_harts &= ~one;
    hart->kick |= one;
}

/* Under the ready lock: the thread waits for a hart. If one is idle it is kicked; but a hart that is idle
 * itself takes the first thread. */
static void make_ready(struct mono_thread *thread)
{
    struct mono_hart *hart = hart_self();
    bool first = !anybody_ready();

    thread->state = THREAD_READY;
    list_append(&ready[thread->class], thread);
    if (idle_harts && !(first && hart->arch->current == &hart->idle))
        kick_one(hart);
}

/* Under the wait lock. */
static void unblock(struct mono_thread *thread)
{
    if (thread->list)
        list_remove(thread->list, thread);
    thread->list = NULL;
    if (thread->deadline != ~0ul)
        deadline_remove(thread);
    spin_take(&ready_lock);
    make_ready(thread);
    spin_drop(&ready_lock);
}

static struct mono_thread *choose(struct mono_hart *hart)
{
    for (u32 class = 0; class < CLASS_COUNT; class ++) {
        struct mono_thread *thread = ready[class].head;

        if (thread) {
            list_remove(&ready[class], thread);
            return thread;
        }
    }
    return &hart->idle;
}

/* Where a thread goes on, perhaps on another hart than before: the ready lock is still held by whoever
 * switched. */
static void switched(void)
{
    struct mono_hart *hart = hart_self();
    struct mono_thread *ended = hart->ended;

    if (ended) { /* the thread that gave us the hart will never need its stack again */
        hart->ended = NULL;
        ended->state = THREAD_FREE;
        list_append(&free_slots, ended);
        free_threads++;
    }
    spin_drop(&ready_lock);
    if (hart->kick)
        send_kicks();
}

/* With the ready lock held, which is released on return: gives the hart to the next thread. The running one
 * has been put where it belongs. */
static void switch_away(void)
{
    struct mono_hart *hart = hart_self();
    struct mono_thread *from = hart->arch->current, *to = choose(hart);

    /* The kick for a thread still in the queue may have gone to this hart, which has chosen another: pass it
     * on. */
    if (idle_harts && anybody_ready())
        kick_one(hart);
    hart->slice_end = arch_time() + board.timebase / SLICE_PER_SECOND;
    to->state = THREAD_RUNNING;
    hart->arch->current = to;
    hart->arch->stack_limit = to->stack_low;
    set_timer(hart);
    if (to != from)
        arch_switch(&from->context, &to->context);
    switched();
}

bool mono_block(struct mono_list *list, u64 deadline)
{
    struct mono_thread *self = mono_current();

    self->state = THREAD_BLOCKED;
    self->timed_out = false;
    self->deadline = deadline;
    self->list = list;
    if (list)
        list_append(list, self);
    if (deadline != ~0ul)
        deadline_add(self);
    spin_take(&ready_lock);
    spin_drop(&wait_lock);
    switch_away();
    spin_take(&wait_lock);
    return !self->timed_out;
}

struct mono_thread *mono_wake(struct mono_list *list)
{
    struct mono_thread *thread = list->head;

    if (thread) {
        unblock(thread);
        set_timer(hart_self());
    }
    return thread;
}

/* Interrupts are off. */
static void yield(void)
{
    struct mono_thread *self = mono_current();

    spin_take(&ready_lock);
    self->state = THREAD_READY;
    list_append(&ready[self->class], self);
    switch_away();
}

static void wake_due(u64 now)
{
    bool interrupts = mono_schedule_lock();

    while (deadlines && deadlines->deadline <= now) {
        deadlines->timed_out = true;
        unblock(deadlines);
    }
    mono_schedule_unlock(interrupts);
}

void thread_interrupted(void)
{
    struct mono_hart *hart = hart_self();
    struct mono_thread *self = hart->arch->current;
    u64 now = arch_time();
    bool over;

    if (__atomic_load_n(&soonest, __ATOMIC_RELAXED) <= now)
        wake_due(now);
    over = now >= hart->slice_end;
    if (over)
        hart->slice_end = now + board.timebase / SLICE_PER_SECOND;
    if (self != &hart->idle &&
        ((over && anybody_ready()) ||
         (self->class == CLASS_PROGRAM && __atomic_load_n(&ready[CLASS_SERVICE].head, __ATOMIC_RELAXED))))
        yield();
    else
        set_timer(hart);
}

void thread_serves_program(void)
{
    mono_current()->class = CLASS_PROGRAM;
}

/* Where a thread begins: with the ready lock, taken by whoever switched here. */
static void thread_begin(void *argument)
{
    struct mono_thread *self = argument;

    switched();
    arch_irq_restore(true);
    self->entry(self->argument);
    panic("thread function returned");
}

enum err mono_thread_start(const char *name, enum mono_thread_class class, void (*entry)(void *),
                           void *argument)
{
    bool interrupts = mono_spin_lock(&ready_lock);
    struct mono_thread *thread = free_slots.head;

    if (thread) {
        list_remove(&free_slots, thread);
        free_threads--;
        thread->name = name;
        thread->class = class;
        thread->entry = entry;
        thread->argument = argument;
        thread->deadline = ~0ul;
        thread->list = NULL;
        arch_switch_prepare(&thread->context, thread->stack_top, thread_begin, thread);
        make_ready(thread);
        set_timer(hart_self());
    }
    spin_drop(&ready_lock);
    if (hart_self()->kick)
        send_kicks();
    arch_irq_restore(interrupts);
    return thread ? ERR_OK : ERR_NO_SLOT;
}

void mono_thread_exit(void)
{
    struct mono_thread *self = mono_current();

    mono_spin_lock(&ready_lock);
    self->state = THREAD_ENDED;
    hart_self()->ended = self;
    switch_away();
    panic("an ended thread went on");
}

u32 mono_threads_free(void)
{
    return __atomic_load_n(&free_threads, __ATOMIC_RELAXED);
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

void threads_init(void)
{
    for (u32 i = 0; i < MONO_THREADS; i++) {
        u64 top = ARCH_WINDOW_BASE + (i + 1) * STACK_SLOT;
        u8 *stack = mono_boot_alloc(MONO_STACK_PAGES * PAGE_SIZE);

        kernel_assert(stack, "memory too small");
        threads[i].head.index = i;
        threads[i].stack_top = top;
        threads[i].stack_low = top - MONO_STACK_PAGES * PAGE_SIZE;
        for (u64 page = 0; page < MONO_STACK_PAGES; page++)
            kernel_assert(arch_window_map(threads[i].stack_low + page * PAGE_SIZE,
                                          arch_physical(stack) + page * PAGE_SIZE, PTE_R | PTE_W, table_page),
                          "memory too small");
        list_append(&free_slots, &threads[i]);
    }
    free_threads = MONO_THREADS;
}

void thread_idle(void)
{
    struct mono_hart *hart = hart_self(); /* the idle thread stays where it is */
    u64 self = 1ul << hart->arch->index;

    for (;;) {
        arch_irq_disable();
        spin_take(&ready_lock);
        idle_harts &= ~self;
        if (anybody_ready()) {
            switch_away();
        } else {
            idle_harts |= self;
            set_timer(hart);
            spin_drop(&ready_lock);
            /* Whoever makes a thread ready from here on sends an interrupt: it stays pending and ends the
             * wait. */
            arch_wait_for_interrupt();
        }
        arch_irq_restore(true);
    }
}
