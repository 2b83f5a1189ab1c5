/*
 * The harts: bringing the others up, and interrupting them.
 *
 * A hart that the firmware cannot start is left out, with a word about it; the system runs on the rest. One
 * that was started and does not come is a panic: it might come later, when its stack is another's.
 */
#include "kernel/mono/hart.h"
#include "machine/board.h"
#include "machine/panic.h"
#include "machine/print.h"

#define HART_STACK_SIZE     (4 * PAGE_SIZE) /* idle, and the interrupts taken meanwhile */
#define HART_EMERGENCY_SIZE (2 * PAGE_SIZE)
#define START_SECONDS       2

extern u8 boot_stack[], boot_stack_top[];

struct mono_hart mono_harts[ARCH_HARTS_MAX];
u32 mono_hart_count = 1;

static struct arch_hart others[ARCH_HARTS_MAX - 1];
static u32 arrived; /* index of the hart that has come up last */

static void hart_init(struct mono_hart *hart, struct arch_hart *arch, u64 stack_low, u64 stack_top)
{
    hart->arch = arch;
    hart->space = NO_SPACE;
    hart->timer = ~0ul;
    hart->idle = (struct mono_thread){.name = "idle",
                                      .state = THREAD_RUNNING,
                                      .deadline = ~0ul,
                                      .stack_low = stack_low,
                                      .stack_top = stack_top};
    arch->kernel_data = hart;
    arch->current = &hart->idle;
    arch->stack_limit = stack_low;
}

void harts_init(void)
{
    hart_init(&mono_harts[0], arch_hart(), (u64)boot_stack, (u64)boot_stack_top);
}

/* The first function of every hart but the first. */
static void hart_main(void)
{
    arch_timer_set(~0ul);
    arch_ipi_accept();
    __atomic_store_n(&arrived, (u32)arch_hart()->index, __ATOMIC_RELEASE);
    hart_kick(0);
    arch_irq_restore(true);
    thread_idle();
}

static bool hart_start(u32 index, u64 id)
{
    struct arch_hart *arch = &others[index - 1];
    u8 *stack = mono_boot_alloc(HART_STACK_SIZE), *emergency = mono_boot_alloc(HART_EMERGENCY_SIZE);
    u64 until = arch_time() + START_SECONDS * board.timebase;

    if (!stack || !emergency)
        return false;
    arch->id = id;
    arch->index = index;
    hart_init(&mono_harts[index], arch, (u64)stack, (u64)stack + HART_STACK_SIZE);
    arch->emergency_stack = (u64)emergency + HART_EMERGENCY_SIZE;
    if (!arch_hart_start(arch, (u64)stack + HART_STACK_SIZE, hart_main))
        return false;
    /* Asleep, not in a loop: an emulator that runs one hart at a time goes on with the next one then. */
    arch_timer_set(until);
    while (__atomic_load_n(&arrived, __ATOMIC_ACQUIRE) != index) {
        if (arch_time() > until)
            panic("hart %lu was started and does not come", id);
        arch_wait_for_interrupt();
    }
    arch_timer_set(~0ul);
    arch_ipi_clear();
    return true;
}

void harts_start(void)
{
    u64 boot = arch_hart()->id;

    if (board.harts > 1)
        arch_ipi_accept();
    for (u32 i = 0; i < board.harts && i < BOARD_HARTS_MAX && mono_hart_count < ARCH_HARTS_MAX; i++) {
        if (board.hart_ids[i] == boot)
            continue;
        /* Counted before it runs: its interrupts are as good as any hart's from its first one on. */
        mono_hart_count++;
        if (hart_start(mono_hart_count - 1, board.hart_ids[i]))
            continue;
        print("mono: hart %lu cannot be started\n", board.hart_ids[i]);
        mono_hart_count--;
    }
    if (mono_hart_count > 1)
        print("mono: %u harts\n", mono_hart_count);
}

void hart_kick(u32 index)
{
    arch_ipi_send(mono_harts[index].arch);
}

void harts_stop_others(void)
{
    for (u32 i = 0; i < mono_hart_count; i++) {
        if (mono_harts[i].arch != arch_hart())
            hart_kick(i);
    }
}
