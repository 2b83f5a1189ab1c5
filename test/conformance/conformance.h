/*
 * A root task that tests the microkernel through its API.
 *
 * Each test gets the same world: `pool`, an untyped nothing is derived from, and all slots from first_slot on
 * empty. After the test everything it derived from `pool` is revoked and the slots it counted are emptied.
 */
#ifndef TEST_CONFORMANCE_H
#define TEST_CONFORMANCE_H

#include "abi/sel4/sel4.h"
#include "lib/types.h"

#define TCB    seL4_CapInitThreadTCB
#define CNODE  seL4_CapInitThreadCNode
#define VSPACE seL4_CapInitThreadVSpace

extern seL4_BootInfo *info;
extern seL4_CPtr pool; /* an untyped of POOL_BITS or more */
#define POOL_BITS 23

struct test {
    const char *name;
    void (*run)(void);
};
/* One test a row of the sheet's tables, and tests of larger stories. */
extern const struct test general_rows[], memory_rows[], cnode_rows[], tcb_rows[], irq_rows[], vspace_rows[];
extern const struct test syscall_rows[], lookup_rows[], order_rows[], derivation_rows[], reply_rows[],
    fault_rows[], transfer_rows[], schedule_rows[], float_rows[], interrupted_rows[], space_rows[];
extern const struct test memory_tests[], cspace_tests[], vspace_tests[], ipc_tests[], thread_tests[],
    queue_tests[];

/* Ends the test as failed. */
_Noreturn void test_fail(const char *file, int line, const char *text, u64 got, u64 wanted);

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            test_fail(__FILE__, __LINE__, #condition, 0, 0);                                                 \
    } while (0)

#define EQUAL(got, wanted)                                                                                   \
    do {                                                                                                     \
        u64 got_ = (u64)(got), wanted_ = (u64)(wanted);                                                      \
        if (got_ != wanted_)                                                                                 \
            test_fail(__FILE__, __LINE__, #got, got_, wanted_);                                              \
    } while (0)

#define OK(call) EQUAL(call, seL4_NoError)

/* The invocation fails with this error, and with these details in its first message registers. */
#define FAILS1(call, error, mr0)                                                                             \
    do {                                                                                                     \
        EQUAL(call, error);                                                                                  \
        EQUAL(seL4_GetMR(0), mr0);                                                                           \
    } while (0)

#define FAILS2(call, error, mr0, mr1)                                                                        \
    do {                                                                                                     \
        FAILS1(call, error, mr0);                                                                            \
        EQUAL(seL4_GetMR(1), mr1);                                                                           \
    } while (0)

/* An interrupt of the PLIC that no device of the board raises. */
#define IRQ_UNUSED 60

void print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Random calls in place of the tests (fuzz.c). */
void fuzz(u64 calls, u64 seed);

/* Revokes the pool and empties the slots the test has counted. */
void end_test(void);

/* An empty slot of the root CNode. */
seL4_CPtr slot_new(void);
/* An object from the pool; its cap. */
seL4_CPtr object_new(u64 type, u64 size_bits);
/* True if the slot is empty. */
bool slot_is_empty(seL4_CPtr slot);
/* A minted or plain copy in a new slot. */
seL4_CPtr cap_mint(seL4_CPtr source, u64 rights, u64 badge);
seL4_CPtr cap_copy(seL4_CPtr source, u64 rights);

/* Maps a new frame (and the tables it needs) at `address`; returns its cap. */
seL4_CPtr page_new(seL4_CPtr vspace, u64 address);
void tables_new(seL4_CPtr vspace, u64 address);

/* A helper thread in this address space. */
struct helper {
    seL4_CPtr tcb;
    seL4_CPtr buffer_frame;
    seL4_IPCBuffer *buffer;
    u64 *block; /* what its tp points to */
};
#define HELPERS 6

/* Makes helper `n`, not yet started. Its faults go to `fault_endpoint` (0: nowhere). */
struct helper *helper_new(u32 n, u64 priority, seL4_CPtr fault_endpoint);
/* Starts it, or starts it anew, in entry(a, b). The entry must not return. */
void helper_start(struct helper *helper, void (*entry)(u64 a, u64 b), u64 a, u64 b);
/* Lets all helpers above LOW run until they wait. */
#define LOW 50
void let_run(void);
/* For the end of a helper's entry. */
_Noreturn void helper_stop(void);

/* ---- What helpers do (entries.c) ----------------------------------------------------------------------- */

/* What they leave behind: mostly digits, in the order in which they came by. */
extern volatile u64 steps;

/* Adds `digit` to the steps. */
void enter_note(u64 digit, u64 b);
/* Waits on `cptr`, then adds `digit`. */
void enter_wait(u64 cptr, u64 digit);
/* Waits on `cptr` again and again; adds the low digit of each badge, in base 16. */
void enter_waits(u64 cptr, u64 b);
/* Calls `cptr` with `label`; leaves 100 + the label of the answer. */
void enter_call(u64 cptr, u64 label);
/* Sends `label` to `cptr`, then adds the digit 1. */
void enter_send(u64 cptr, u64 label);
/* Calls `cptr` with the first `count` words of its message as caps; leaves 100 + the answer's extra caps. */
void enter_call_with_caps(u64 cptr, u64 count);
/* Loads from `address`, then adds `digit`. */
void enter_load(u64 address, u64 digit);
/* Never waits and counts; `counter` is the address of a number. */
void enter_spin(u64 counter, u64 b);

/* A system call with all its argument registers, and what they are afterwards. */
struct registers {
    u64 a[6];
};
void system_call(s64 number, struct registers *registers);

/* ---- The clock's alarm, an interrupt that can be had at will (irq_rows.c) ------------------------------ */

/* Maps the clock and binds its interrupt to `notification`. To be undone by alarm_end(). */
void alarm_begin(seL4_CPtr notification);
/* Raises the interrupt in `delay` nanoseconds. */
void alarm_set(u64 delay);
/* After the interrupt, before the next. */
void alarm_clear(void);
void alarm_end(void);

#endif
