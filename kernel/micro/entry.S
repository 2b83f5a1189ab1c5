/*
 * The microkernel's own trap vector: as short as a switch from one thread to another allows.
 *
 * sscratch holds the address of the running thread's frame, or 0 in the kernel, as the machine layer's vector wants it, to
 * which traps from the kernel are passed on. What differs from that vector: sstatus is not saved, because no program can
 * change it (but for the dirty mark of the floating-point unit, which nobody reads; fpu.c owns the field); a system call
 * stores neither cause nor value and finds its first arguments still in their registers; the pc is put where both of the
 * kernel's uses of it want it.
 */
#include "machine/riscv64/offsets.h"

.option arch, +zicsr

#define FRAME_FAULT_PC FRAME_SIZE       /* struct tcb: fault_pc follows frame; asserted in trap.c */
#define CAUSE_USER_CALL 8

/* Everything but x0, x2 (sp), x5 (t0) and x10 (a0). */
.macro most_registers instruction, base
        .irp n, 1, 3, 4, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
        \instruction x\n, FRAME_X(\n)(\base)
        .endr
.endm

        .section .text.entry, "ax"
        .balign 4
        .type   entry, @function                /* profiles and backtraces know functions only */
entry:
        csrrw   t0, sscratch, t0
        beqz    t0, in_kernel
        most_registers sd, t0
        sd      sp, FRAME_X(2)(t0)
        sd      a0, FRAME_X(10)(t0)
        csrrw   t1, sscratch, zero              /* the program's t0; and from now on "in the kernel" */
        sd      t1, FRAME_X(5)(t0)
        csrr    t1, sepc
        csrr    t2, scause
        sd      t1, FRAME_FAULT_PC(t0)
        ld      sp, FRAME_KERNEL_SP(t0)
        ld      tp, FRAME_KERNEL_TP(t0)
        li      t3, CAUSE_USER_CALL
        bne     t2, t3, 1f
        addi    t1, t1, 4
        sd      t1, FRAME_PC(t0)
        mv      a2, a7                          /* a0 and a1 are where they belong */
        j       fastpath_system_call
1:      csrr    t3, stval
        sd      t1, FRAME_PC(t0)
        sd      t2, FRAME_CAUSE(t0)
        sd      t3, FRAME_VALUE(t0)
        j       trap_exception

        .type   in_kernel, @function
in_kernel:
        csrrw   t0, sscratch, t0                /* both as they were */
        j       trap_entry

/* u64 entry_space(void)   What arch_space_switch() has written. */
        .globl  entry_space
        .type   entry_space, @function
entry_space:
        csrr    a0, satp
        ret

/* void entry_return_in(struct arch_frame *frame, u64 space)   a0, a1. Runs the thread in another space than the one in
 * use. No fence: its ASID tells its translations from all others. */
        .globl  entry_return_in
        .type   entry_return_in, @function
entry_return_in:
        csrw    satp, a1
        /* and on */

/* void entry_return(struct arch_frame *frame)   a0: frame. Runs the thread; does not return. */
        .globl  entry_return
        .type   entry_return, @function
entry_return:
        addi    t1, a0, FRAME_RESERVED
        sc.d    zero, zero, (t1)                /* drops a reservation: an LR of one thread is nothing to another */
        ld      t1, FRAME_PC(a0)
        ld      t2, FRAME_STATUS(a0)
        csrw    sscratch, a0
        csrw    sepc, t1
        csrw    sstatus, t2
        most_registers ld, a0
        ld      sp, FRAME_X(2)(a0)
        ld      t0, FRAME_X(5)(a0)
        ld      a0, FRAME_X(10)(a0)
        sret

/* void entry_install(void)   From now on this vector takes the traps. */
        .globl  entry_install
        .type   entry_install, @function
entry_install:
        la      t0, entry
        csrw    stvec, t0
        ret
