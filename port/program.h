/*
 * Port: program threads, and the bytes of their frames. Needed by unix alone, which owns them.
 *
 * A program thread is named by the number unix gives it, in [0, PORT_PROGRAMS). All calls for one program
 * come from the service thread that runs it, except where noted.
 */
#ifndef PORT_PROGRAM_H
#define PORT_PROGRAM_H

#include "lib/err.h"
#include "lib/types.h"

#define PORT_PROGRAMS 64u

enum port_trap_kind {
    TRAP_CALL,        /* ecall: number and arguments are set; the program resumes after the ecall */
    TRAP_PAGE_FAULT,  /* access to `address` as `access` was refused; the program resumes at the same
                         instruction */
    TRAP_EXCEPTION,   /* any other exception: cause, address */
    TRAP_INTERRUPTED, /* port_program_interrupt() was asked */
};

struct port_trap {
    enum port_trap_kind kind;
    u64 pc;          /* of the instruction that trapped */
    u64 number;      /* a7 */
    u64 argument[6]; /* a0..a5 */
    u64 cause;       /* scause as RISC-V numbers it: 12 fetch, 13 load, 15 store page fault, 2 illegal, ... */
    u64 address;     /* stval */
    u32 access;      /* PORT_READ, PORT_WRITE or PORT_EXEC of port/vspace.h for a page fault */
};

/*
 * A thread for `program` in `space`, a number that xmap gave and that is live, not started. ERR_EXISTS: there
 * is such a program. ERR_NO_MEMORY.
 *
 * On micro this and port_program_set_space() ask xmap for the space and wait for its answer, repeating once
 * after a death. ERR_PEER_RESTARTED: after the second. ERR_NOT_FOUND: xmap has no such space, be it that a
 * death has lost it. ERR_ABSENT: xmap was given up. On mono neither waits, and a space that create does not
 * find is fatal: nothing there can take it away meanwhile. After an error no program has changed.
 */
enum err port_program_create(u32 program, u64 space);

/* Ends the program, stopped or not; its space is not touched. Does not wait. */
void port_program_destroy(u32 program);

/* Moves the program to another live space (exec). It is not running. The old space is not touched.
 * ERR_NO_MEMORY, and those above. */
enum err port_program_set_space(u32 program, u64 space);

/* Sets it to begin at pc with sp, a0, a1; every other register is zero. */
void port_program_enter(u32 program, u64 pc, u64 sp, u64 a0, u64 a1);

/* Copies all registers of `from`, which is stopped in a TRAP_CALL, to `to` (fork). Called by the thread of
 * `from`. */
void port_program_copy(u32 to, u32 from);

/* The value the program finds in a0 after its TRAP_CALL. */
void port_program_result(u32 program, u64 value);

/* Continues the program and waits, without limit, for its next trap. */
void port_program_run(u32 program, struct port_trap *trap);

/*
 * Makes port_program_run() return TRAP_INTERRUPTED soon, within one tick, if the program is running now; else
 * at its next port_program_run(), before the program executes an instruction. From any thread; does not wait.
 */
void port_program_interrupt(u32 program);

/* The bytes of a program's frame that xmap_pin() has named; NULL for a number out of range. Valid until
 * unpinned. */
u8 *port_program_bytes(u64 frame);

#endif
