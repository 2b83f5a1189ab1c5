/* Floating-point state: section 10.8 of the sheet. The names say section and subject. */
#include "test/conformance/conformance.h"

#define FOREIGN 0xc1 /* a system call seL4 does not have: a fault at will */
#define ROUNDS  20

/* f0 to f31 become seed, seed + 1, ...; fcsr becomes seed mod 32. */
__attribute__((noinline)) static void fill(u64 seed)
{
    u64 value = seed;

    __asm__ volatile(".option push\n.option arch, +d\n"
                     ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,"
                     "30,31\n"
                     "fmv.d.x f\\n, %0\naddi %0, %0, 1\n"
                     ".endr\n"
                     "fscsr %1\n.option pop"
                     : "+r"(value)
                     : "r"(seed & 31));
}

/* How many of these registers are not seed, seed + step, and so on. */
__attribute__((noinline)) static u64 differences(u64 seed, u64 step)
{
    u64 value = seed, count = 0, aside;

    __asm__ volatile(".option push\n.option arch, +d\n"
                     ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,"
                     "30,31\n"
                     "fmv.x.d %2, f\\n\nsub %2, %2, %0\nsnez %2, %2\nadd %1, %1, %2\nadd %0, %0, %3\n"
                     ".endr\n"
                     "frcsr %2\n.option pop"
                     : "+r"(value), "+r"(count), "=&r"(aside)
                     : "r"(step));
    return count + (aside != (seed & 31));
}

/* Each of these is one floating-point instruction after another kind. */
__attribute__((naked, aligned(4))) static void move_here(void)
{
    __asm__ volatile(".option push\n.option arch, +d\n.option norvc\nfmv.d.x f1, zero\necall\n.option pop");
}

__attribute__((naked, aligned(4))) static void load_here(void)
{
    __asm__ volatile(".option push\n.option arch, +d\n.option norvc\nfld f1, 0(sp)\necall\n.option pop");
}

__attribute__((naked, aligned(4))) static void status_here(void)
{
    __asm__ volatile(".option push\n.option arch, +d\n.option norvc\nfrcsr t0\necall\n.option pop");
}

static volatile u64 wrong; /* registers found changed, of all threads */

/* A fresh thread's registers are zero, whoever used the unit before. */
static void look_for_zero(u64 a, u64 b)
{
    (void)a;
    (void)b;
    wrong = differences(0, 0);
    steps = 1;
    helper_stop();
}

static void new_thread(void)
{
    fill(0x123400);
    steps = 0;
    helper_start(helper_new(0, 254, 0), look_for_zero, 0, 0);
    let_run();
    EQUAL(steps, 1);
    EQUAL(wrong, 0);
    EQUAL(differences(0x123400, 1), 0);
}

/* Client and server compute with registers of their own across calls and replies. */
static void client(u64 endpoint, u64 seed)
{
    fill(seed);
    for (u64 i = 0; i < ROUNDS; i++) {
        seL4_Call(endpoint, seL4_MessageInfo_new(0, 0, 0, 0));
        wrong += differences(seed, 1);
        fill(++seed);
    }
    steps += 1;
    helper_stop();
}

static void across_ipc(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);

    wrong = steps = 0;
    for (u32 i = 0; i < 3; i++)
        helper_start(helper_new(i, 253 + i, 0), client, endpoint, 0x1000 * (i + 1));
    fill(7);
    seL4_Recv(endpoint, NULL);
    for (u64 i = 1; i < 3ul * ROUNDS; i++) {
        EQUAL(differences(6 + i, 1), 0);
        fill(7 + i);
        seL4_ReplyRecv(endpoint, seL4_MessageInfo_new(0, 0, 0, 0), NULL);
    }
    seL4_Reply(seL4_MessageInfo_new(0, 0, 0, 0));
    let_run();
    EQUAL(steps, 3);
    EQUAL(wrong, 0);
    EQUAL(differences(6 + 3 * ROUNDS, 1), 0);
}

/* The same across faults whose handler computes too. */
static void faulting(u64 seed, u64 b)
{
    (void)b;
    fill(seed);
    for (u64 i = 0; i < ROUNDS; i++) {
        sel4_simple(FOREIGN, 0);
        wrong += differences(seed, 1);
        fill(++seed);
    }
    steps += 1;
    helper_stop();
}

static void across_faults(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);

    wrong = steps = 0;
    for (u32 i = 0; i < 2; i++)
        helper_start(helper_new(i, 254 + i, endpoint), faulting, 0x1000 * (i + 1), 0);
    seL4_MessageInfo_t message = seL4_Recv(endpoint, NULL);
    for (u64 i = 1; i <= 2 * ROUNDS; i++) {
        EQUAL(seL4_MessageInfo_get_label(message), seL4_Fault_UnknownSyscall);
        fill(i);
        seL4_SetMR(0, seL4_GetMR(0) + 4);
        message = seL4_MessageInfo_new(0, 0, 0, 1);
        if (i == 2 * ROUNDS)
            seL4_Reply(message);
        else
            message = seL4_ReplyRecv(endpoint, message, NULL);
        EQUAL(differences(i, 1), 0);
    }
    let_run();
    EQUAL(steps, 2);
    EQUAL(wrong, 0);
}

/* Threads that the tick takes turns with. */
static void computing(u64 seed, u64 endpoint)
{
    static volatile u64 turns;

    fill(seed);
    for (u64 i = 0; i < 3; i++) {
        u64 before = ++turns;
        for (u64 j = 0; turns == before && j < 4000000; j++)
            ;
        wrong += differences(seed, 1);
    }
    seL4_Send(endpoint, seL4_MessageInfo_new(0, 0, 0, 0));
    helper_stop();
}

static void across_ticks(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);

    wrong = 0;
    for (u32 i = 0; i < 3; i++)
        helper_start(helper_new(i, 100, 0), computing, 0x10000 * (i + 1), endpoint);
    fill(99);
    for (u32 i = 0; i < 3; i++)
        seL4_Recv(endpoint, NULL);
    EQUAL(wrong, 0);
    EQUAL(differences(99, 1), 0);
}

static void start_at(struct helper *helper, void (*entry)(void))
{
    helper_start(helper, (void (*)(u64, u64))entry, 0, 0);
}

/* Switched off, every kind of floating-point instruction is an illegal one. */
static void disabled(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    struct helper *helper = helper_new(0, 254, endpoint);
    void (*const entries[])(void) = {move_here, load_here, status_here};

    for (u32 i = 0; i < ARRAY_SIZE(entries); i++) {
        EQUAL(seL4_TCB_SetFlags(helper->tcb, 0, seL4_TCBFlag_fpuDisabled).flags, 1);
        start_at(helper, entries[i]);
        EQUAL(seL4_Recv(endpoint, NULL).words[0], (u64)seL4_Fault_UserException << 12 | 4);
        EQUAL(seL4_GetMR(0), (u64)entries[i]);
        EQUAL(seL4_GetMR(2), 2);
        EQUAL(seL4_GetMR(3), 0);
        EQUAL(seL4_TCB_SetFlags(helper->tcb, seL4_TCBFlag_fpuDisabled, 0).flags, 0);
        seL4_ReplyRecv(endpoint, seL4_MessageInfo_new(0, 0, 0, 0), NULL);
        EQUAL(seL4_GetMR(0), (u64)entries[i] + 4); /* the ecall behind it, no seL4 call in a7 */
    }
}

/* Switched off and on again, a thread finds its registers as they were, whoever computed meanwhile. */
static void filling(u64 seed, u64 b)
{
    (void)b;
    fill(seed);
    sel4_simple(FOREIGN, 0);
    wrong = differences(seed, 1);
    steps = 1;
    helper_stop();
}

static void off_and_on(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    struct helper *helper = helper_new(0, 254, endpoint);

    steps = 0;
    wrong = 1;
    helper_start(helper, filling, 0x4321, 0);
    seL4_Recv(endpoint, NULL);
    EQUAL(seL4_TCB_SetFlags(helper->tcb, 0, seL4_TCBFlag_fpuDisabled).flags, 1);
    fill(1);
    EQUAL(seL4_TCB_SetFlags(helper->tcb, seL4_TCBFlag_fpuDisabled, 0).flags, 0);
    seL4_UserContext context;
    OK(seL4_TCB_ReadRegisters(helper->tcb, 0, 0, 1, &context));
    seL4_SetMR(0, context.pc + 4);
    seL4_Reply(seL4_MessageInfo_new(0, 0, 0, 1));
    let_run();
    EQUAL(steps, 1);
    EQUAL(wrong, 0);
    EQUAL(differences(1, 1), 0);
}

/* The running thread switches itself off and on. */
static void off_itself(u64 tcb, u64 b)
{
    (void)b;
    fill(0x77);
    seL4_TCB_SetFlags(tcb, 0, seL4_TCBFlag_fpuDisabled);
    seL4_Yield();
    seL4_TCB_SetFlags(tcb, seL4_TCBFlag_fpuDisabled, 0);
    wrong = differences(0x77, 1);
    seL4_TCB_SetFlags(tcb, 0, seL4_TCBFlag_fpuDisabled);
    move_here();
    helper_stop();
}

static void own_flag(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    struct helper *helper = helper_new(0, 254, endpoint);

    wrong = 1;
    helper_start(helper, off_itself, helper->tcb, 0);
    EQUAL(seL4_Recv(endpoint, NULL).words[0], (u64)seL4_Fault_UserException << 12 | 4);
    EQUAL(seL4_GetMR(0), (u64)move_here);
    EQUAL(wrong, 0);
}

/* The registers of a thread that is gone trouble nobody. */
static void gone(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    struct helper *helper = helper_new(0, 254, endpoint);

    fill(3);
    helper_start(helper, filling, 0x999, 0);
    seL4_Recv(endpoint, NULL);
    OK(seL4_CNode_Delete(CNODE, helper->tcb, 64));
    EQUAL(differences(3, 1), 0);
    steps = 0;
    helper_start(helper_new(1, 254, 0), look_for_zero, 0, 0);
    let_run();
    EQUAL(steps, 1);
    EQUAL(wrong, 0);
}

/* What a new thread's registers begin as, when written by WriteRegisters, is zero: they are not in its file.
 */
static void restarted(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    struct helper *helper = helper_new(0, 254, endpoint);

    helper_start(helper, filling, 0x55, 0);
    seL4_Recv(endpoint, NULL);
    wrong = steps = 0;
    helper_start(helper, look_for_zero, 0, 0);
    let_run();
    EQUAL(steps, 1);
    CHECK(wrong >= 32); /* it is the same thread, and so are its registers */
}

const struct test float_rows[] = {
    {"10.8 a new thread's registers are zero", new_thread},
    {"10.8 registers are private across calls and replies", across_ipc},
    {"10.8 registers are private across faults", across_faults},
    {"10.8 registers are private across the tick", across_ticks},
    {"10.8 switched off: moves, loads and the status are illegal", disabled},
    {"10.8 switched off and on: the registers are kept", off_and_on},
    {"10.8 a thread switches itself off and on", own_flag},
    {"10.8 the registers of a deleted thread", gone},
    {"10.8 WriteRegisters does not touch them", restarted},
    {NULL, NULL},
};
