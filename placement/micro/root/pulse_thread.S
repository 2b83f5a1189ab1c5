/*
 * The thread of a pulse: s0 is its notification, s1 where it counts its rounds. It has no stack and no IPC buffer.
 */
        .text
        .globl  pulse_thread
        .type   pulse_thread, @function
pulse_thread:
        mv      a0, s0
        li      a7, -5                          /* seL4_SysRecv */
        ecall
        li      a7, -7                          /* seL4_SysYield */
        ecall
        ld      t0, 0(s1)
        addi    t0, t0, 1
        sd      t0, 0(s1)
        j       pulse_thread
        .size   pulse_thread, . - pulse_thread
