/* The part of machine/arch.h that is one or two instructions: a call would cost more than the work. */
#ifndef MACHINE_RISCV64_INLINE_H
#define MACHINE_RISCV64_INLINE_H

#include "machine/arch.h"
#include "machine/riscv64/offsets.h"

#define ARCH_TEXT_OF(number) #number
#define ARCH_TEXT(number)    ARCH_TEXT_OF(number)

/* Volatile: a thread may find itself on another hart after any call. */
static inline struct arch_hart *arch_hart(void)
{
    struct arch_hart *hart;

    __asm__ volatile("mv %0, tp" : "=r"(hart));
    return hart;
}

static inline void *arch_current(void)
{
    void *current;

    __asm__ volatile("ld %0, " ARCH_TEXT(HART_CURRENT) "(tp)" : "=r"(current));
    return current;
}

static inline void *arch_kernel_data(void)
{
    void *data;

    __asm__ volatile("ld %0, " ARCH_TEXT(HART_KERNEL_DATA) "(tp)" : "=r"(data));
    return data;
}

#define ARCH_STATUS_SIE 2ul /* sstatus.SIE, SPEC 4.1.1 */

static inline bool arch_irq_disable(void)
{
    u64 status;

    __asm__ volatile(".option push\n.option arch, +zicsr\ncsrrci %0, sstatus, 2\n.option pop"
                     : "=r"(status)
                     :
                     : "memory");
    return status & ARCH_STATUS_SIE;
}

static inline void arch_irq_restore(bool enabled)
{
    if (enabled)
        __asm__ volatile(".option push\n.option arch, +zicsr\ncsrsi sstatus, 2\n.option pop" ::: "memory");
}

/* user_run (trap.S) takes the frame in a0 and keeps sp, s0, gp and tp. */
static inline struct arch_frame *arch_user_run(struct arch_frame *frame)
{
    register struct arch_frame *a0 __asm__("a0") = frame;

    __asm__ volatile("call user_run"
                     : "+r"(a0)
                     :
                     : "memory", "ra", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "a1", "a2", "a3", "a4", "a5",
                       "a6", "a7", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11");
    return a0;
}

/* `pause` of extension Zihintpause, which is a fence that orders nothing on harts without it. */
static inline void arch_relax(void)
{
    __asm__ volatile(".4byte 0x0100000f" ::: "memory");
}

#endif
