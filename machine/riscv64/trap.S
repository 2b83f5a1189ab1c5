/*
 * Traps, the way to user mode and back, and the switch between kernel threads. Both kernels use it but for user mode:
 * micro's own path there is in kernel/micro/entry.S. Registers are saved and restored by the same macro, side by side.
 */
#include "machine/riscv64/offsets.h"

.option arch, +zicsr

/* Everything but x0, x2 (sp) and x5 (t0), whose places differ by path. */
.macro each_register instruction, base
        \instruction x1, FRAME_X(1)(\base)
        \instruction x3, FRAME_X(3)(\base)
        \instruction x4, FRAME_X(4)(\base)
        \instruction x6, FRAME_X(6)(\base)
        \instruction x7, FRAME_X(7)(\base)
        \instruction x8, FRAME_X(8)(\base)
        \instruction x9, FRAME_X(9)(\base)
        \instruction x11, FRAME_X(11)(\base)
        \instruction x12, FRAME_X(12)(\base)
        \instruction x13, FRAME_X(13)(\base)
        \instruction x14, FRAME_X(14)(\base)
        \instruction x15, FRAME_X(15)(\base)
        \instruction x16, FRAME_X(16)(\base)
        \instruction x17, FRAME_X(17)(\base)
        \instruction x18, FRAME_X(18)(\base)
        \instruction x19, FRAME_X(19)(\base)
        \instruction x20, FRAME_X(20)(\base)
        \instruction x21, FRAME_X(21)(\base)
        \instruction x22, FRAME_X(22)(\base)
        \instruction x23, FRAME_X(23)(\base)
        \instruction x24, FRAME_X(24)(\base)
        \instruction x25, FRAME_X(25)(\base)
        \instruction x26, FRAME_X(26)(\base)
        \instruction x27, FRAME_X(27)(\base)
        \instruction x28, FRAME_X(28)(\base)
        \instruction x29, FRAME_X(29)(\base)
        \instruction x30, FRAME_X(30)(\base)
        \instruction x31, FRAME_X(31)(\base)
.endm

        .section .text.trap, "ax"

/* Every trap arrives here, interrupts off. sscratch: the user thread's frame, or 0 when the kernel was running. */
        .balign 4
        .globl  trap_entry
trap_entry:
        csrrw   t0, sscratch, t0
        beqz    t0, from_kernel

        /*
         * From user mode: save into the frame, and return from user_run, which has left sp there. sstatus is not saved: a
         * program can change nothing of it.
         */
        each_register sd, t0
        sd      sp, FRAME_X(2)(t0)
        sd      a0, FRAME_X(10)(t0)
        mv      a0, t0
        csrrw   t1, sscratch, zero              /* the user's t0; and from now on "in the kernel" */
        csrr    t2, sepc
        csrr    t3, scause
        csrr    t4, stval
        sd      t1, FRAME_X(5)(a0)
        sd      t2, FRAME_PC(a0)
        sd      t3, FRAME_CAUSE(a0)
        sd      t4, FRAME_VALUE(a0)
        ld      sp, FRAME_KERNEL_SP(a0)
        ld      tp, FRAME_KERNEL_TP(a0)
        ld      ra, 8(sp)
        ld      s0, 16(sp)
        addi    sp, sp, 32
        ret

        /*
         * From the kernel: push a frame on this stack, or on the emergency stack if this one is full. Until the frame
         * is stored, sscratch holds the interrupted t0; nothing in between can trap.
         */
from_kernel:
        ld      t0, HART_STACK_LIMIT(tp)
        beqz    t0, 1f
        sub     t0, sp, t0
        addi    t0, t0, -FRAME_SIZE
        bltz    t0, 2f
1:      addi    t0, sp, -FRAME_SIZE
        j       3f
2:      ld      t0, HART_EMERGENCY_STACK(tp)    /* overflow: once here, never check again */
        sd      zero, HART_STACK_LIMIT(tp)
        addi    t0, t0, -FRAME_SIZE
3:      each_register sd, t0
        sd      sp, FRAME_X(2)(t0)
        sd      a0, FRAME_X(10)(t0)
        csrrw   t1, sscratch, zero
        sd      t1, FRAME_X(5)(t0)
        csrr    t1, sepc
        csrr    t2, sstatus
        csrr    t3, scause
        csrr    t4, stval
        sd      t1, FRAME_PC(t0)
        sd      t2, FRAME_STATUS(t0)
        sd      t3, FRAME_CAUSE(t0)
        sd      t4, FRAME_VALUE(t0)
        mv      sp, t0
        mv      a0, t0
        call    trap_from_kernel

        /* Back to what was interrupted, perhaps on another hart: tp stays this hart's. */
        csrci   sstatus, 2                      /* SIE off: sepc and sstatus must not be overwritten */
        mv      t0, sp
        ld      t1, FRAME_PC(t0)
        ld      t2, FRAME_STATUS(t0)
        csrw    sepc, t1
        csrw    sstatus, t2
        sd      tp, FRAME_X(4)(t0)
        each_register ld, t0
        ld      a0, FRAME_X(10)(t0)
        ld      sp, FRAME_X(2)(t0)
        ld      t0, FRAME_X(5)(t0)
        sret

/*
 * user_run: arch_user_run() of inline.h. a0: frame. Interrupts are off. Returns after the thread's next trap, by the end
 * of the user's half of trap_entry; keeps sp, s0, gp, tp.
 */
        .globl  user_run
user_run:
        addi    sp, sp, -32
        sd      ra, 8(sp)
        sd      s0, 16(sp)
        sd      sp, FRAME_KERNEL_SP(a0)
        sd      tp, FRAME_KERNEL_TP(a0)
        sc.d    zero, zero, (sp)                /* drops a reservation: an LR of one thread is nothing to another */
        ld      t1, FRAME_PC(a0)
        ld      t2, FRAME_STATUS(a0)
        csrw    sepc, t1
        csrw    sstatus, t2
        csrw    sscratch, a0
        each_register ld, a0
        ld      sp, FRAME_X(2)(a0)
        ld      t0, FRAME_X(5)(a0)
        ld      a0, FRAME_X(10)(a0)
        sret

/* void arch_switch(struct arch_switch *from, struct arch_switch *to)   a0: from, a1: to; ra sp s0..s11 each */
        .globl  arch_switch
arch_switch:
        sd      ra, 0(a0)
        sd      sp, 8(a0)
        sd      s0, 16(a0)
        sd      s1, 24(a0)
        sd      s2, 32(a0)
        sd      s3, 40(a0)
        sd      s4, 48(a0)
        sd      s5, 56(a0)
        sd      s6, 64(a0)
        sd      s7, 72(a0)
        sd      s8, 80(a0)
        sd      s9, 88(a0)
        sd      s10, 96(a0)
        sd      s11, 104(a0)

        ld      ra, 0(a1)
        ld      sp, 8(a1)
        ld      s0, 16(a1)
        ld      s1, 24(a1)
        ld      s2, 32(a1)
        ld      s3, 40(a1)
        ld      s4, 48(a1)
        ld      s5, 56(a1)
        ld      s6, 64(a1)
        ld      s7, 72(a1)
        ld      s8, 80(a1)
        ld      s9, 88(a1)
        ld      s10, 96(a1)
        ld      s11, 104(a1)
        ret

/* Where a prepared thread begins: s1 entry, s2 argument, s0 0. */
        .globl  switch_begin
switch_begin:
        mv      a0, s2
        li      ra, 0
        jr      s1
