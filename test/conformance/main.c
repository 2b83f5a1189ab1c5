/* The conformance root task: runs the tests, prints one line for each and a summary, powers off. */
#include "lib/format.h"
#include "lib/string.h"
#include "test/conformance/conformance.h"

#define HELPER_STACK 4096
#define BUFFERS_AT   0x20000000ul /* where helpers' IPC buffers are mapped */

seL4_BootInfo *info;
seL4_CPtr pool;

static seL4_CPtr parking; /* a notification nobody signals: where helpers wait for the end of their test */
static seL4_CPtr next_slot;
static void *test_end[5]; /* __builtin_setjmp */
static bool failed;

static struct helper helpers[HELPERS];
static u64 helper_blocks[HELPERS][2];
static u8 helper_stacks[HELPERS][HELPER_STACK] __attribute__((aligned(16)));

_Noreturn void root_main(seL4_BootInfo *boot_info);

static void to_console(void *context, const char *bytes, u64 length)
{
    (void)context;
    for (u64 i = 0; i < length; i++)
        seL4_DebugPutChar(bytes[i]);
}

void print(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    format_to(to_console, NULL, format, arguments);
    va_end(arguments);
}

void test_fail(const char *file, int line, const char *text, u64 got, u64 wanted)
{
    print("  %s:%d: %s: got 0x%lx, wanted 0x%lx\n", file, line, text, got, wanted);
    failed = true;
    __builtin_longjmp(test_end, 1);
}

seL4_CPtr slot_new(void)
{
    return next_slot++;
}

bool slot_is_empty(seL4_CPtr slot)
{
    return seL4_DebugCapIdentify(slot) == 0;
}

seL4_CPtr object_new(u64 type, u64 size_bits)
{
    seL4_CPtr slot = slot_new();
    OK(seL4_Untyped_Retype(pool, type, size_bits, CNODE, 0, 0, slot, 1));
    return slot;
}

seL4_CPtr cap_mint(seL4_CPtr source, u64 rights, u64 badge)
{
    seL4_CPtr slot = slot_new();
    OK(seL4_CNode_Mint(CNODE, slot, 64, CNODE, source, 64, (seL4_CapRights_t){{rights}}, badge));
    return slot;
}

seL4_CPtr cap_copy(seL4_CPtr source, u64 rights)
{
    seL4_CPtr slot = slot_new();
    OK(seL4_CNode_Copy(CNODE, slot, 64, CNODE, source, 64, (seL4_CapRights_t){{rights}}));
    return slot;
}

void tables_new(seL4_CPtr vspace, u64 address)
{
    for (;;) {
        seL4_CPtr table = object_new(seL4_RISCV_PageTableObject, 0);
        seL4_Error error = seL4_RISCV_PageTable_Map(table, vspace, address, seL4_RISCV_Default_VMAttributes);
        if (error == seL4_DeleteFirst)
            return;
        OK(error);
    }
}

seL4_CPtr page_new(seL4_CPtr vspace, u64 address)
{
    seL4_CPtr frame = object_new(seL4_RISCV_4K_Page, 0);
    seL4_Error error =
        seL4_RISCV_Page_Map(frame, vspace, address, seL4_AllRights, seL4_RISCV_Default_VMAttributes);
    if (error == seL4_FailedLookup) {
        tables_new(vspace, address);
        error = seL4_RISCV_Page_Map(frame, vspace, address, seL4_AllRights, seL4_RISCV_Default_VMAttributes);
    }
    OK(error);
    return frame;
}

struct helper *helper_new(u32 n, u64 priority, seL4_CPtr fault_endpoint)
{
    struct helper *helper = &helpers[n];

    helper->tcb = object_new(seL4_TCBObject, 0);
    helper->buffer = (seL4_IPCBuffer *)(BUFFERS_AT + n * PAGE_SIZE);
    helper->buffer_frame = page_new(VSPACE, (u64)helper->buffer);
    helper->block = helper_blocks[n];
    helper->block[0] = (u64)helper->buffer;
    OK(seL4_TCB_Configure(helper->tcb, fault_endpoint, CNODE, 0, VSPACE, 0, (u64)helper->buffer,
                          helper->buffer_frame));
    OK(seL4_TCB_SetSchedParams(helper->tcb, TCB, seL4_MaxPrio, priority));
    return helper;
}

void helper_start(struct helper *helper, void (*entry)(u64 a, u64 b), u64 a, u64 b)
{
    u64 n = (u64)(helper - helpers);
    seL4_UserContext context = {
        .pc = (u64)entry,
        .sp = (u64)helper_stacks[n] + HELPER_STACK,
        .a0 = a,
        .a1 = b,
        .tp = (u64)helper->block,
    };
    OK(seL4_TCB_WriteRegisters(helper->tcb, 1, 0, 32, &context));
}

void let_run(void)
{
    OK(seL4_TCB_SetPriority(TCB, TCB, LOW));
    OK(seL4_TCB_SetPriority(TCB, TCB, seL4_MaxPrio));
}

void helper_stop(void)
{
    for (;;)
        seL4_Wait(parking, NULL);
}

/* Takes the largest untyped that is not a device's as pool, and the last one, which is another, for
 * `parking`. */
static seL4_CPtr find_pool(void)
{
    u64 best = 0;

    parking = info->empty.start;
    next_slot = parking + 1;
    if (seL4_Untyped_Retype(info->untyped.end - 1, seL4_NotificationObject, 0, CNODE, 0, 0, parking, 1))
        return 0;

    for (u64 i = 0; i < info->untyped.end - info->untyped.start; i++) {
        const seL4_UntypedDesc *untyped = &info->untypedList[i];
        if (!untyped->isDevice && untyped->sizeBits > best) {
            best = untyped->sizeBits;
            pool = info->untyped.start + i;
        }
    }
    return best >= POOL_BITS ? pool : 0;
}

void end_test(void)
{
    seL4_TCB_SetPriority(TCB, TCB, seL4_MaxPrio);
    seL4_CNode_Revoke(CNODE, pool, 64);
    for (seL4_CPtr slot = parking + 1; slot < next_slot; slot++) {
        if (!slot_is_empty(slot))
            seL4_CNode_Delete(CNODE, slot, 64);
    }
    next_slot = parking + 1;
}

/* The number behind `name` ("fuzz=") in the boot arguments, 0 if it is not there. They are somewhere in the
 * device tree, which holds no other text like that. */
static u64 boot_argument(const char *name)
{
    const char *tree = (const char *)((u64)info + PAGE_SIZE);
    u64 length = strlen(name), value = 0;

    for (u64 i = 0; i + length < info->extraLen; i++) {
        if (memcmp(&tree[i], name, length) != 0)
            continue;
        for (i += length; i < info->extraLen && tree[i] >= '0' && tree[i] <= '9'; i++)
            value = value * 10 + (u64)(tree[i] - '0');
        return value;
    }
    return 0;
}

static bool run(const struct test *test)
{
    failed = false;
    if (__builtin_setjmp(test_end) == 0)
        test->run();
    end_test();
    print("%s: %s\n", failed ? "FAILED" : "passed", test->name);
    return !failed;
}

void root_main(seL4_BootInfo *boot_info)
{
    static const struct test *const suites[] = {
        general_rows,  syscall_rows,  memory_rows, cnode_rows,       tcb_rows,    irq_rows,
        vspace_rows,   lookup_rows,   order_rows,  derivation_rows,  reply_rows,  fault_rows,
        transfer_rows, schedule_rows, float_rows,  interrupted_rows, space_rows,  memory_tests,
        cspace_tests,  vspace_tests,  ipc_tests,   thread_tests,     queue_tests,
    };
    u32 passed = 0, lost = 0;

    info = boot_info;
    seL4_DebugNameThread(TCB, "conformance");
    if (!find_pool()) {
        print("no untyped of %u bits\n", POOL_BITS);
        lost++;
    }
    u64 calls = boot_argument("fuzz=");
    if (calls && pool) {
        if (__builtin_setjmp(test_end) == 0)
            fuzz(calls, boot_argument("seed="));
        else
            lost++;
    }
    for (u32 i = 0; i < ARRAY_SIZE(suites) && pool && !calls; i++) {
        for (const struct test *test = suites[i]; test->name; test++) {
            if (run(test))
                passed++;
            else
                lost++;
        }
    }
    if (!calls || lost)
        print("%u passed, %u failed\n", passed, lost);
    seL4_DebugHalt();
    for (;;)
        ;
}
