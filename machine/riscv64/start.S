/*
 * Boot: from the firmware's jump to kernel_main() in the upper half.
 *
 * On entry (SBI 1.0, and the Linux boot protocol that QEMU follows): a0 hart id, a1 physical address of the device
 * tree, supervisor mode, interrupts off, no translation; pc is the physical load address, 0x80200000. QEMU enters at
 * the lowest loaded address, so this section comes first in the image.
 */
#include "machine/riscv64/offsets.h"

.option arch, +zicsr

        .section .text.boot, "ax"
        .globl  _start
_start:
        csrw    sie, zero
        /*
         * Only the first hart boots. OpenSBI 1.1 says that a hart shall start before it says where, so one started by
         * arch_hart_start() may come here instead, with anything in a1.
         */
        la      t0, boot_taken
        li      t1, 1
        amoswap.w.aqrl t1, t1, (t0)
        beqz    t1, first
        la      t0, hart_starting
        ld      a1, 0(t0)
        j       hart_start_other
first:
        mv      s0, a0
        mv      s1, a1

        /* 1. Zero bss: it holds the page tables and the stacks. All symbols are still physical (pc-relative). */
        la      t0, bss_start
        la      t1, bss_end
1:      sd      zero, 0(t0)                     /* both ends are page-aligned */
        sd      zero, 8(t0)
        sd      zero, 16(t0)
        sd      zero, 24(t0)
        addi    t0, t0, 32
        bltu    t0, t1, 1b

        /* 2. Build the kernel's half and an identity page for the next few instructions. */
        la      sp, boot_stack_top
        call    boot_tables

        /* 3. Translation on; satp as boot_tables() returned it. */
        sfence.vma
        csrw    satp, a0
        sfence.vma

        /* 4. Continue at the same place in the upper half: add the distance between link and load address. */
        ld      t2, image_offset
        la      t0, 2f
        add     t0, t0, t2
        jr      t0
2:
        /* 5. From here `la` gives upper-half addresses. The identity page goes away. */
        la      sp, boot_stack_top
        la      tp, boot_hart
        la      t0, arch_kernel_root
        sd      zero, 16(t0)                    /* root entry 2: 0x80000000 */
        sfence.vma
        la      t0, emergency_stack_top
        sd      t0, HART_EMERGENCY_STACK(tp)
        la      t0, boot_stack
        sd      t0, HART_STACK_LIMIT(tp)

        /* 6. Traps: sscratch 0 says "in the kernel". Timer and external interrupts may become pending. */
        csrw    sscratch, zero
        la      t0, trap_entry
        csrw    stvec, t0
        li      t0, (1 << 5) | (1 << 9)
        csrw    sie, t0
        li      t0, 7                           /* user mode may read cycle, time, instret */
        csrw    scounteren, t0

        mv      a0, s0
        mv      a1, s1
        li      s0, 0                           /* ends the chain of stack frames */
        li      ra, 0
        call    kernel_main
3:      wfi
        j       3b

/*
 * void hart_start_other(void)   where the firmware starts every hart but the first (SBI 1.0, section 9.1).
 *
 * On entry: a0 hart id, a1 physical address of its struct arch_hart, supervisor mode, interrupts off, no translation.
 * The hart begins as the boot hart stands at step 6, but for the identity page, which is gone: the first fetch after
 * translation is on faults, and stvec says where to go on in the upper half.
 */
        .globl  hart_start_other
hart_start_other:
        csrw    sie, zero
        ld      s0, HART_START_SATP(a1)
        ld      sp, HART_START_STACK(a1)
        ld      s1, HART_START_ENTRY(a1)
        ld      t2, image_offset
        add     tp, a1, t2                      /* its structure lies in the image */
        la      t0, 1f
        add     t0, t0, t2
        csrw    stvec, t0
        sfence.vma
        csrw    satp, s0
        nop
        .balign 4
1:      sfence.vma
        csrw    sscratch, zero
        la      t0, trap_entry
        csrw    stvec, t0
        li      t0, (1 << 5) | (1 << 9)
        csrw    sie, t0
        li      t0, 7
        csrw    scounteren, t0
        li      s0, 0
        li      ra, 0
        jr      s1

        .balign 8
image_offset:
        .quad   0xffffffff00000000              /* ARCH_IMAGE_BASE - ARCH_IMAGE_PHYS */

        .section .data.boot, "aw"               /* not zeroed by the first hart */
        .balign 4
boot_taken:
        .word   0

        .section .bss
        .balign 16
        .globl  boot_stack, boot_stack_top
boot_stack:
        .space  BOOT_STACK_SIZE
boot_stack_top:
        .space  EMERGENCY_STACK_SIZE
emergency_stack_top:
        .globl  boot_hart
        .balign 8
boot_hart:
        .space  HART_SIZE
