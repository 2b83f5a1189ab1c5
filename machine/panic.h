/*
 * The end of a kernel: one line a program can read, a crash report, a record in memory, and then exit or
 * halt.
 *
 * Format on the serial line (both kernels; `duo` adds file:line to every function+offset):
 *
 *   panic: TEXT
 *     in FUNCTION+0xOFF, WHO, hart N
 *     called by FUNCTION+0xOFF FUNCTION+0xOFF ...
 *     CAUSE in words, pc, address              (only for a trap)
 *     lost: ...
 *     look: ...
 *
 * Takes no lock, survives a second panic of its hart (which prints its first line only and stops at once);
 * other harts that panic meanwhile are silent.
 */
#ifndef MACHINE_PANIC_H
#define MACHINE_PANIC_H

#include "lib/types.h"
#include "machine/arch.h"

/* Ends the machine from C code. `format` as in lib/format.h. */
_Noreturn void panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Ends the machine for a trap in kernel mode. */
_Noreturn void panic_trap(const struct arch_frame *frame);

/* For a kernel's own invariants: panic("NAME of the invariant") if `condition` is false. No side effect in
 * it. */
#define kernel_assert(condition, text)                                                                       \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            panic("%s", (text));                                                                             \
    } while (0)

/* What the kernel tells the report about itself; set once at boot. Functions may be NULL. */
struct panic_info {
    const char *kernel; /* "mono" or "micro" */
    const char *lost;   /* what is gone: one line */
    /* Writes who was running ("thread sh") into `text`, always NUL-terminated. No lock, no wait. */
    void (*who)(char *text, u64 size);
    /* The bounds of the stack `sp` lies on; false if unknown. */
    bool (*stack)(u64 sp, u64 *low, u64 *high);
    /* Makes the other harts call panic_park(), soon. No lock, no wait. */
    void (*stop_others)(void);
};
void panic_set_info(const struct panic_info *info);

/* Another hart has panicked: the caller, with interrupts off, calls panic_park(). */
bool panic_under_way(void);
_Noreturn void panic_park(void);

/* panic=exit: power off with BOARD_EXIT_PANIC. panic=halt (the default): stay, readable, in wfi. */
void panic_set_exit(bool exit);

/* The record the host finds in guest memory by its symbol. */
struct fault_record {
    u64 magic; /* FAULT_RECORD_MAGIC once the rest is written */
    u64 cause; /* scause, or ~0 for a panic called from C */
    u64 pc;
    u64 value;
    u64 time; /* arch_time() */
    char text[88];
};
#define FAULT_RECORD_MAGIC 0x64756f2d66617531ul
extern struct fault_record duo_fault_record;

#endif
