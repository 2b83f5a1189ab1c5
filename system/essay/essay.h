/*
 * What main and its worker agree on. Both run the same image, each in an address space and a CSpace of its
 * own: text is shared, read-only; data, bss and stack exist twice, at the same addresses.
 */
#ifndef SYSTEM_ESSAY_ESSAY_H
#define SYSTEM_ESSAY_ESSAY_H

#include "lib/types.h"

/*
 * The worker's CSpace: these capabilities, and empty slots for what it makes from them. Its own CNode and
 * VSpace are where a root task has them; where that has its thread's capability, the worker has none.
 */
enum {
    WORKER_SLOT_CNODE = 2,
    WORKER_SLOT_VSPACE = 3,
    WORKER_SLOT_UNTYPED = 4,
    WORKER_SLOT_FAULTS = 5, /* the endpoint its faults are sent to; it can send there, not receive */
    WORKER_SLOT_FREE = 6,
};
/* A slot for each frame xmap may have, and as many others. The untyped is 128 pages: 64 for the arena, 4 for
 * the region, 4 to leak, 2 tables; the rest is spare. */
#define WORKER_CNODE_BITS   8
#define WORKER_UNTYPED_BITS 19

/* Used in the worker's address space only. */
struct worker_memory {
    u8 stack[16384];
    u8 ipc_buffer[PAGE_SIZE]; /* a page of its own: its frame is given to the kernel */
    u64 thread_block[2];      /* see abi/sel4/syscalls.h */
} __attribute__((aligned(4096)));
extern struct worker_memory worker_memory;

/* Entered with a stack and a thread pointer, the thread block still empty. */
_Noreturn void worker_main(void);

/* Main's; the worker writes to its address. */
#define WITNESS_VALUE 0x600DDA7Aul
extern volatile u64 witness;

/* As lib/format.h says, on the debug console. */
void printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
