/*
 * Spinlocks of the debug build: the same, and every rule of spin.h is held while the system runs.
 *
 * Each hart remembers the locks it holds. Interrupts are off while it holds any, so nobody but the hart
 * itself touches its record. A lock that does not come free for a very long time is a deadlock and said so,
 * with its owner.
 */
#include "kernel/mono/hart.h"
#include "kernel/mono/spin.h"
#include "machine/arch.h"
#include "machine/panic.h"

#define TURNS_MAX 400000000ul /* some seconds, on a host that is busy with other things too */

static struct {
    const struct mono_spin *locks[RANK_FRAMES + 1];
    u32 count;
} held[ARCH_HARTS_MAX];

static void take(struct mono_spin *spin, u64 caller)
{
    u64 self = arch_hart()->index;
    u64 turns = 0;

    kernel_assert(!arch_irq_enabled(), "spinlock taken with interrupts on");
    for (u32 i = 0; i < held[self].count; i++) {
        if (held[self].locks[i]->rank >= spin->rank)
            panic("lock order: %s taken under %s", spin->name, held[self].locks[i]->name);
    }
    while (__atomic_exchange_n(&spin->held, 1, __ATOMIC_ACQUIRE)) {
        if (turns++ == 0)
            __atomic_fetch_add(&spin->awaited, 1, __ATOMIC_RELAXED);
        if (panic_under_way())
            panic_park();
        if (turns > TURNS_MAX)
            panic("spinlock %s is not released by hart %lu, which took it at 0x%lx", spin->name, spin->hart,
                  spin->owner);
        arch_relax();
    }
    spin->owner = caller;
    spin->hart = self;
    spin->taken++;
    held[self].locks[held[self].count++] = spin;
}

static void drop(struct mono_spin *spin)
{
    u64 self = arch_hart()->index;
    u32 at = 0;

    while (at < held[self].count && held[self].locks[at] != spin)
        at++;
    if (at == held[self].count)
        panic("spinlock %s is released and not held", spin->name);
    held[self].locks[at] = held[self].locks[--held[self].count];
    __atomic_store_n(&spin->held, 0, __ATOMIC_RELEASE);
}

void spin_take(struct mono_spin *spin)
{
    take(spin, (u64)__builtin_return_address(0));
}

void spin_drop(struct mono_spin *spin)
{
    drop(spin);
}

bool mono_spin_lock(struct mono_spin *spin)
{
    bool interrupts = arch_irq_disable();

    take(spin, (u64)__builtin_return_address(0));
    return interrupts;
}

void mono_spin_unlock(struct mono_spin *spin, bool interrupts)
{
    drop(spin);
    arch_irq_restore(interrupts);
}
