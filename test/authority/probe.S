/*
 * One attempt each, in functions that call nothing and keep no stack: so that a fault in one is over when pc is set to ra, and
 * a0 to what became of it. root.c does so.
 */

        .text

/* s64 probe_load(u64 address): the word there, or negative. */
        .globl  probe_load
probe_load:
        lwu     a0, 0(a0)
        ret

/* s64 probe_store(u64 address, u64 word): 0, or negative. */
        .globl  probe_store
probe_store:
        sw      a1, 0(a0)
        li      a0, 0
        ret

/* s64 probe_execute(u64 address): not negative if the instruction there, which is a return, was executed. */
        .globl  probe_execute
probe_execute:
        .word   0x0000100f                      /* fence.i: the instruction may have been stored just now */
        jr      a0

/* s64 probe_message(s64 call, u64 capability, u64 info, u64 mr[4]): the answer's info, or negative. */
        .globl  probe_message
probe_message:
        mv      t0, a3
        mv      a7, a0
        mv      a0, a1
        mv      a1, a2
        ld      a2, 0(t0)
        ld      a3, 8(t0)
        ld      a4, 16(t0)
        ld      a5, 24(t0)
        ecall
        sd      a2, 0(t0)
        sd      a3, 8(t0)
        sd      a4, 16(t0)
        sd      a5, 24(t0)
        mv      a0, a1
        ret
