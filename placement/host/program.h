/*
 * Programs on the host: what placement/host/program.c offers to unit tests beside port/program.h.
 *
 * A program is a script: a C function that is called once for each step and says by which trap the step ends.
 * All its state lies in struct host_program, so that a fork can copy it; its memory is the real memory of its
 * space. The macros below make a script look like straight code; between two steps only `local` keeps values.
 *
 *     static void script(struct host_program *me, struct port_trap *trap)
 *     {
 *         SCRIPT_BEGIN;
 *         CALL(SYS_fork);
 *         if (me->a0 == 0) { ... }
 *         SCRIPT_END;
 *     }
 */
#ifndef HOST_PROGRAM_H
#define HOST_PROGRAM_H

#include "port/program.h"

struct host_program;
typedef void (*host_script)(struct host_program *me, struct port_trap *trap);

#define HOST_LOCALS 16

struct host_program {
    host_script script;
    int line; /* where the script goes on; 0: at its beginning */
    u64 space;
    u64 entry, sp, a1; /* as exec has set them */
    s64 a0;            /* the result of the last call; argc at the beginning */
    s64 local[HOST_LOCALS];
    bool exists;
    bool interrupted;
};

/* The script of programs that enter at address `entry`; without one, the first instruction there is illegal.
 */
void host_script_set(u64 entry, host_script script);
void host_scripts_reset(void);

/* Prepare `trap`; for the macros. host_access() is true if the bytes are at hand: then it has copied them. */
void host_call(struct port_trap *trap, u64 number, const u64 argument[6]);
bool host_access(struct host_program *me, struct port_trap *trap, uaddr address, void *bytes, u64 size,
                 u32 access);

#define SCRIPT_BEGIN                                                                                         \
    switch (me->line) {                                                                                      \
    case 0:
#define SCRIPT_END                                                                                           \
    }                                                                                                        \
    abort()
#define HOST_STEP_                                                                                           \
    me->line = __LINE__;                                                                                     \
    return;                                                                                                  \
    case __LINE__:;
/* A system call; its result is in me->a0 afterwards. */
#define CALL(number, ...)                                                                                    \
    do {                                                                                                     \
        host_call(trap, (number), (const u64[6]){__VA_ARGS__});                                              \
        HOST_STEP_                                                                                           \
    } while (0)
/* A store or a load; its page fault is a step. */
#define STORE(address, bytes, size)                                                                          \
    while (!host_access(me, trap, (address), (void *)(bytes), (size), PORT_WRITE)) {                         \
        HOST_STEP_                                                                                           \
    }
#define LOAD(address, bytes, size)                                                                           \
    while (!host_access(me, trap, (address), (bytes), (size), PORT_READ)) {                                  \
        HOST_STEP_                                                                                           \
    }
/* An instruction or two: a place where an interrupt can be noticed. */
#define PAUSE_A_STEP                                                                                         \
    do {                                                                                                     \
        trap->kind = TRAP_INTERRUPTED;                                                                       \
        HOST_STEP_                                                                                           \
    } while (0)

#endif
