/* Spinlocks of the release build. The contract is in spin.h. */
#include "kernel/mono/spin.h"
#include "machine/arch.h"

/* Nothing here calls anything: no frame for a backtrace to find. */
#pragma GCC optimize("omit-frame-pointer")

void spin_take(struct mono_spin *spin)
{
    while (__atomic_exchange_n(&spin->held, 1, __ATOMIC_ACQUIRE)) {
        /* Reading leaves the line with its owner until there is something to win. */
        while (__atomic_load_n(&spin->held, __ATOMIC_RELAXED))
            arch_relax();
    }
}

void spin_drop(struct mono_spin *spin)
{
    __atomic_store_n(&spin->held, 0, __ATOMIC_RELEASE);
}

bool mono_spin_lock(struct mono_spin *spin)
{
    bool interrupts = arch_irq_disable();

    spin_take(spin);
    return interrupts;
}

void mono_spin_unlock(struct mono_spin *spin, bool interrupts)
{
    __atomic_store_n(&spin->held, 0, __ATOMIC_RELEASE);
    arch_irq_restore(interrupts);
}
