/*
 * Where a server's threads begin, and the two places at which the supervisor must know what a thread was
 * about: the one ecall by which it calls other services, and the one store of what it has taken out of a
 * device.
 */

/* Thread 0, from the supervisor: sp and tp set. */
        .section .text.entry, "ax"
        .globl  _start
_start:
        li      s0, 0
        li      ra, 0
        call    server_main

/* Other threads, from port_thread_start(): a0 the thread block. */
        .globl  thread_begin
thread_begin:
        li      s0, 0
        li      ra, 0
        call    thread_run

/*
 * u64 service_ecall(u64 endpoint, u64 info, u64 mr[4])   a0, a1, a2; returns the answer's info
 *
 * The supervisor recognises a thread that waits in a call by its pc: service_ecall_place. It then sets a1 to an answer of
 * its own and lets the thread go on behind the ecall.
 */
        .text
        .globl  service_ecall, service_ecall_place
service_ecall:
        mv      t0, a2
        ld      a2, 0(t0)
        ld      a3, 8(t0)
        ld      a4, 16(t0)
        ld      a5, 24(t0)
        li      a7, -1                          /* seL4_SysCall */
service_ecall_place:
        ecall
        sd      a2, 0(t0)
        sd      a3, 8(t0)
        sd      a4, 16(t0)
        sd      a5, 24(t0)
        mv      a0, a1
        ret

/*
 * void port_device_take(const volatile u8 *source, u32 *kept)
 *
 * The supervisor recognises by port_device_take_place a thread that ends before the store: it saves a0.
 */
        .globl  port_device_take, port_device_take_place
        .type   port_device_take, @function
port_device_take:
        lbu     a0, 0(a0)
port_device_take_place:
        sw      a0, 0(a1)
        ret
        .size   port_device_take, . - port_device_take
