/* What a program must not do ends it with status -1, and only it [4]; what it
 * may do it may [3.2, 3.3]. */
#include "user/systest/systest.h"

static void load(u64 address)
{
    (void)*(volatile char *)address;
}

static void store(u64 address)
{
    *(volatile char *)address = 1;
}

static void jump(u64 address)
{
    ((void (*)(void))address)();
}

/* Loads, stores and jumps where no program has anything. */
static void bad_places(void)
{
    static void (*const deeds[])(u64) = {load, store, jump};
    for (u32 i = 0; i < ARRAY_SIZE(deeds); i++) {
        for (u32 j = 0; j < BAD_ADDRESSES; j++)
            equal(fate_of(deeds[i], bad_addresses[j]), ENDED, "the status after an access to a bad address");
    }
}

/* Where xv6's kernel would be, and every power of two above the program's
 * space. */
static void kernel_places(void)
{
    for (u64 at = 0x80000000ul; at < 0x80000000ul + 10 * 50000; at += 50000)
        equal(fate_of(load, at), ENDED, "the status after a load from a kernel's address");
    for (u32 bit = 38; bit < 64; bit += 5)
        equal(fate_of(store, 1ul << bit), ENDED, "the status after a store beyond 2^38");
}

/* Text is readable, null pointers included, but not writable. */
static void text_rights(void)
{
    equal(fate_of(load, 0), 0, "the status after a load from address 0");
    equal(fate_of(store, 0), ENDED, "the status after a store to address 0");
    equal(fate_of(store, (u64)text_rights), ENDED, "the status after a store to a function");
    equal(fate_of(jump, 0), ENDED, "the status after a call of address 0");
}

/* The stack is one page; the one below is nobody's, for the program and for the
 * system [1.2, 3.2]. */
static void guard_page(void)
{
    u64 guard = stack_page() - 1;
    int fds[2];
    equal(pipe(fds), 0, "pipe");
    equal(fate_of(load, guard), ENDED, "the status after a load from the guard page");
    equal(fate_of(store, guard), ENDED, "the status after a store to the guard page");
    equal(write(fds[1], (char *)guard, 1), 0, "write from the guard page");
    equal(write(fds[1], "x", 1), 1, "write");
    equal(read(fds[0], (char *)guard, 1), -1, "read to the guard page");
    equal(read(fds[0], buffer, 1), 1, "the byte is still in the pipe");
}

/* Neither heap nor stack nor data can be executed [3.2]. */
static void no_execution(void)
{
    static u32 code[2] = {0x00008067, 0x00008067}; /* ret */
    char *memory = sbrk(PAGE_SIZE);
    u32 local[2] = {0x00008067, 0x00008067};
    memcpy(memory, code, sizeof(code));
    __asm__ volatile(".4byte 0x100f" : : "r"(local) : "memory");
    equal(fate_of(jump, (u64)code), ENDED, "the status after a jump to data");
    equal(fate_of(jump, (u64)memory), ENDED, "the status after a jump to the heap");
    equal(fate_of(jump, (u64)local), ENDED, "the status after a jump to the stack");
}

static void illegal(u64 unused)
{
    (void)unused;
    __asm__ volatile(".4byte 0");
}

static void breakpoint(u64 unused)
{
    (void)unused;
    __asm__ volatile("ebreak");
}

static void read_satp(u64 unused)
{
    (void)unused;
    __asm__ volatile(".4byte 0x180022f3"); /* csrr t0, satp */
}

static void return_from_trap(u64 unused)
{
    (void)unused;
    __asm__ volatile(".4byte 0x10200073"); /* sret */
}

static void float_load(u64 unused)
{
    (void)unused;
    __asm__ volatile(".4byte 0xf0000053"); /* fmv.w.x ft0, zero: no program has a
                                              floating-point unit */
}

static void bad_instructions(void)
{
    equal(fate_of(illegal, 0), ENDED, "the status after an illegal instruction");
    equal(fate_of(breakpoint, 0), ENDED, "the status after ebreak");
    equal(fate_of(read_satp, 0), ENDED, "the status after a read of satp");
    equal(fate_of(return_from_trap, 0), ENDED, "the status after sret");
    equal(fate_of(float_load, 0), ENDED, "the status after a floating-point instruction");
}

/* Data need not be aligned; programs may order their own instruction stores
 * [3.3]. The clock can be read, which xv6 does not allow. */
static void good_instructions(void)
{
    u64 first;
    u64 second;
    memcpy(buffer, "\1\2\3\4\5\6\7\10\11", 9);
    __asm__ volatile("ld %0, 1(%1)" : "=r"(first) : "r"(buffer) : "memory");
    equal((s64)first, 0x0908070605040302l, "a misaligned load");
    __asm__ volatile("sd %0, 0(%1)\n ld %0, 0(%1)\n .4byte 0x100f"
                     : "+r"(first)
                     : "r"(buffer + PAGE_SIZE - 3)
                     : "memory");
    equal((s64)first, 0x0908070605040302l, "a misaligned store across two pages");
    __asm__ volatile(".4byte 0xc01022f3\n mv %0, t0\n.4byte 0xc01022f3\n mv %1, t0" /* csrr t0,
                                                                                       time */
                     : "=r"(first), "=&r"(second)
                     :
                     : "t0");
    require(second >= first, "the clock does not go backwards");
}

const struct test fault_tests[] = {
    {"bad-places", bad_places, NEEDS_NOTHING},
    {"kernel-places", kernel_places, NEEDS_NOTHING},
    {"text-rights", text_rights, NEEDS_NOTHING},
    {"guard-page", guard_page, NEEDS_NOTHING},
    {"no-execution", no_execution, NEEDS_NOTHING},
    {"bad-instructions", bad_instructions, NEEDS_NOTHING},
    {"good-instructions", good_instructions, NEEDS_NOTHING},
    {NULL, NULL, 0},
};
