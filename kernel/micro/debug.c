/*
 * Debug builds: what the kernel says, and the debug system calls. The contract is in debug.h.
 *
 * The shapes of the messages about failed invocations and unhandled faults are those people who know seL4
 * look for.
 */
#include "kernel/micro/debug.h"
#include "kernel/micro/cdt.h"
#include "kernel/micro/check.h"
#include "kernel/micro/cspace.h"
#include "kernel/micro/ipc.h"
#include "kernel/micro/schedule.h"
#include "lib/format.h"
#include "lib/string.h"
#include "lib/words.h"
#include "machine/board.h"
#include "machine/panic.h"
#include "machine/print.h"

#define STACK_WORDS 16 /* of the user stack, printed with an unhandled fault */

static struct tcb *threads; /* every TCB, the newest first */
static u64 check_period;    /* traps between two checks; 0: never */
bool debug_checking;
static bool line_open; /* a program has put characters behind the last end of a line */
static bool quiet;     /* boot argument quiet=1: nothing is said of failures and faults */

/* A program's own output may stand in the middle of a line: what the kernel says begins a new one. */
static void begin_line(void)
{
    if (line_open)
        board_put('\n');
    line_open = false;
}

void debug_print(const char *format, ...)
{
    va_list arguments;

    begin_line();
    va_start(arguments, format);
    print_va(format, arguments);
    va_end(arguments);
}

/* ---- Threads ---------------------------------------------------------------------------------------- */

void debug_thread_new(struct tcb *tcb)
{
    tcb->all_next = threads;
    tcb->all_prev = NULL;
    if (threads)
        threads->all_prev = tcb;
    threads = tcb;
}

void debug_thread_gone(struct tcb *tcb)
{
    if (tcb->all_prev)
        tcb->all_prev->all_next = tcb->all_next;
    else
        threads = tcb->all_next;
    if (tcb->all_next)
        tcb->all_next->all_prev = tcb->all_prev;
}

void debug_thread_name(const struct tcb *tcb, char *text, u64 size)
{
    if (tcb == &idle_thread)
        format_string(text, size, "idle");
    else if (tcb->name[0])
        format_string(text, size, "%s", tcb->name);
    else
        format_string(text, size, "thread %p", (const void *)tcb);
}

static const char *state_text(u8 state)
{
    static const char *const texts[] = {
        [THREAD_INACTIVE] = "inactive",
        [THREAD_RUNNING] = "running",
        [THREAD_RESTART] = "restart",
        [THREAD_BLOCKED_ON_RECEIVE] = "blocked on receive",
        [THREAD_BLOCKED_ON_SEND] = "blocked on send",
        [THREAD_BLOCKED_ON_REPLY] = "blocked on reply",
        [THREAD_BLOCKED_ON_NOTIFICATION] = "blocked on notification",
        [THREAD_IDLE] = "idle",
    };
    return texts[state];
}

static void dump_threads(void)
{
    char name[TCB_NAME_MAX];

    begin_line();
    print("%-32s %-24s %-18s %s\n", "thread", "state", "pc", "prio");
    for (const struct tcb *tcb = threads; tcb; tcb = tcb->all_next) {
        debug_thread_name(tcb, name, sizeof(name));
        print("%-32s %-24s %p %3u%s\n", name, state_text(tcb->state), (void *)tcb->fault_pc, tcb->priority,
              tcb == current ? "  (current)" : "");
    }
}

static const char *cap_text(u64 type)
{
    static const char *const texts[] = {
        [CAP_NULL] = "empty",
        [CAP_FRAME] = "frame",
        [CAP_UNTYPED] = "untyped",
        [CAP_PAGE_TABLE] = "page table",
        [CAP_ENDPOINT] = "endpoint",
        [CAP_NOTIFICATION] = "notification",
        [CAP_REPLY] = "reply",
        [CAP_CNODE] = "CNode",
        [CAP_ASID_CONTROL] = "ASID control",
        [CAP_TCB] = "TCB",
        [CAP_ASID_POOL] = "ASID pool",
        [CAP_IRQ_CONTROL] = "IRQ control",
        [CAP_IRQ_HANDLER] = "IRQ handler",
        [CAP_ZOMBIE] = "zombie",
        [CAP_DOMAIN] = "domain",
    };
    return type < ARRAY_SIZE(texts) && texts[type] ? texts[type] : "?";
}

/* The current thread's root CNode, one line a cap: slot, type, object, size, second word, rank in the
 * derivation. */
static void dump_caps(void)
{
    struct cap root = thread_cap(current, TCB_CSPACE);
    const struct slot *slots = cap_object(root);

    for (u64 i = 0; root.type == CAP_CNODE && i < 1ul << cap_radix(root); i++) {
        struct cap cap = slots[i].cap;
        if (cap.type != CAP_NULL)
            print("cap %lu: %s at 0x%lx bits %u rights %u word 0x%lx%s%s\n", i, cap_text(cap.type),
                  (u64)cap.address, (u32)cap.size, (u32)cap.rights, cap.data_word,
                  slots[i].original ? " original" : "", slot_has_children(&slots[i]) ? " parent" : "");
    }
}

/* ---- Failures and faults ---------------------------------------------------------------------------- */

static const char *label_text(u64 label)
{
    static const char *const texts[] = {
#define I(name) #name,
        SEL4_INVOCATION_LIST(I)
#undef I
    };
    return label < ARRAY_SIZE(texts) ? texts[label] : "Invocation";
}

static const char *error_text(u64 error)
{
    static const char *const texts[seL4_NumErrors] = {
        [seL4_NoError] = "no error",
        [seL4_InvalidArgument] = "invalid argument",
        [seL4_InvalidCapability] = "invalid capability",
        [seL4_IllegalOperation] = "illegal operation",
        [seL4_RangeError] = "out of range",
        [seL4_AlignmentError] = "not aligned",
        [seL4_FailedLookup] = "lookup failed",
        [seL4_TruncatedMessage] = "message too short, or too few caps",
        [seL4_DeleteFirst] = "occupied: delete first",
        [seL4_RevokeFirst] = "has children: revoke first",
        [seL4_NotEnoughMemory] = "not enough memory",
    };
    return texts[error];
}

static const char *lookup_text(u64 type)
{
    static const char *const texts[] = {
        [seL4_NoFailure] = "no failure",
        [seL4_InvalidRoot] = "invalid root",
        [seL4_MissingCapability] = "missing capability",
        [seL4_DepthMismatch] = "depth mismatch",
        [seL4_GuardMismatch] = "guard mismatch",
    };
    return texts[type];
}

void debug_failure(const struct invocation *in)
{
    const struct failure *f = &failure;
    char name[TCB_NAME_MAX];

    /* That a page table is missing is what programs find out by mapping a page: not worth a word. */
    if (quiet ||
        (in->cap.type == CAP_FRAME && f->error == seL4_FailedLookup && f->words[1] == seL4_MissingCapability))
        return;
    begin_line();
    debug_thread_name(in->caller, name, sizeof(name));
    print("<<seL4(CPU 0) [decode%s T%p \"%s\" @%lx]: cap %lu: %s", label_text(in->label), (void *)in->caller,
          name, in->caller->fault_pc, in->caller->frame.x[REG_A0], error_text(f->error));
    if (f->error == seL4_InvalidArgument || f->error == seL4_InvalidCapability)
        print(" #%lu", f->words[0]);
    else if (f->error == seL4_RangeError)
        print(": allowed %lu..%lu", f->words[0], f->words[1]);
    else if (f->error == seL4_NotEnoughMemory)
        print(": %lu bytes left", f->words[0]);
    else if (f->error == seL4_FailedLookup)
        print(" of the %s: %s, %lu bits left", f->words[0] ? "source" : "destination",
              lookup_text(f->words[1]), f->words[2]);
    print(">>\n");
}

static void print_fault(const struct fault *fault)
{
    switch (fault->type) {
    case seL4_Fault_CapFault:
        print("cap fault in %s phase at address %p (%s)\n", fault->receiving ? "receive" : "send",
              (void *)fault->address, lookup_text(fault->lookup.type));
        break;
    case seL4_Fault_UnknownSyscall:
        print("unknown syscall %ld\n", (s64)fault->code);
        break;
    case seL4_Fault_UserException:
        print("user exception %lu (%s)\n", fault->code, arch_cause_text(fault->code));
        break;
    case seL4_Fault_VMFault:
        print("vm fault on %s at address %p with status 0x%lx (%s)\n",
              fault->code == CAUSE_FETCH_ACCESS ? "code" : "data", (void *)fault->address, fault->code,
              arch_cause_text(fault->code));
        break;
    default:
        print("no fault\n");
        break;
    }
}

/* The physical address behind a program's address, without the hart's help; false if nothing is mapped. */
static bool translate(const struct tcb *tcb, uaddr address, paddr *out)
{
    struct cap cap = thread_cap(tcb, TCB_VSPACE);

    if (cap.type != CAP_PAGE_TABLE || address >= seL4_UserTop)
        return false;
    const u64 *table = cap_object(cap);
    for (u32 level = ARCH_TABLE_LEVELS; level-- > 0;) {
        u64 entry = table[arch_table_index(address, level)];
        u64 page = 1ul << (PAGE_SHIFT + 9 * level);
        if (!(entry & PTE_V))
            return false;
        if (entry & PTE_LEAF) {
            *out = arch_pte_address(entry) + (address & (page - 1));
            return *out - board.memory_base < board.memory_size;
        }
        table = arch_direct(arch_pte_address(entry));
    }
    return false;
}

static void print_stack(const struct tcb *tcb)
{
    uaddr sp = round_down(tcb->frame.x[REG_SP], sizeof(u64));
    paddr word;

    print("With stack:\n");
    for (u32 i = 0; i < STACK_WORDS; i++, sp += sizeof(u64)) {
        if (!translate(tcb, sp, &word)) {
            print("0x%lx: not mapped\n", sp);
            return;
        }
        print("0x%lx: 0x%lx\n", sp, *(const u64 *)arch_direct(word));
    }
}

void debug_unhandled_fault(const struct tcb *tcb, const struct lookup_failure *lookup)
{
    char name[TCB_NAME_MAX];

    if (quiet)
        return;
    begin_line();
    debug_thread_name(tcb, name, sizeof(name));
    print("Caught cap fault in send phase at address %p\nwhile trying to handle:\n",
          (void *)tcb->fault_handler);
    print_fault(&tcb->fault);
    print("in thread %p \"%s\" at address %p\n", (const void *)tcb, name, (void *)tcb->fault_pc);
    print_stack(tcb);
    print("  no usable fault handler (cap %lu: %s), so the thread is stopped\n", tcb->fault_handler,
          lookup_text(lookup->type));
}

/* ---- Debug system calls ----------------------------------------------------------------------------- */

static void name_thread(void)
{
    const seL4_IPCBuffer *buffer = message_buffer(current, false);
    struct lookup_failure lookup;
    const struct slot *slot = cspace_lookup(current, current->frame.x[REG_A0], &lookup);
    bool terminated = false;

    for (u32 i = 0; buffer && i < sizeof(buffer->msg); i++)
        terminated |= ((const char *)buffer->msg)[i] == 0;
    if (slot && slot->cap.type == CAP_TCB && terminated) {
        struct tcb *tcb = cap_object(slot->cap);
        string_copy(tcb->name, (const char *)buffer->msg, sizeof(tcb->name));
        return;
    }
    print("seL4_DebugNameThread: not a TCB, no IPC buffer, or no end of the name; halting\n");
    board_power_off(BOARD_EXIT_TEST_FAILED);
}

bool debug_syscall(s64 number)
{
    struct lookup_failure lookup;
    const struct slot *slot;

    switch (number) {
    case seL4_SysDebugPutChar:
        board_put((char)current->frame.x[REG_A0]);
        line_open = (char)current->frame.x[REG_A0] != '\n';
        return true;
    case seL4_SysDebugDumpScheduler:
        dump_threads();
        return true;
    case seL4_SysDebugHalt:
        print("Debug halt syscall from user thread %p \"%s\"\n", (void *)current, current->name);
        board_power_off(BOARD_EXIT_CLEAN);
    case seL4_SysDebugCapIdentify:
        slot = cspace_lookup(current, current->frame.x[REG_A0], &lookup);
        current->frame.x[REG_A0] = slot ? slot->cap.type : CAP_NULL;
        return true;
    case seL4_SysDebugSnapshot:
        dump_threads();
        dump_caps();
        return true;
    case seL4_SysDebugNameThread:
        name_thread();
        return true;
    default:
        return false;
    }
}

/* ---- Checks ----------------------------------------------------------------------------------------- */

void debug_init(void)
{
    u64 value = 0;

    words_value_number(board.bootargs, "check", &check_period);
    words_value_number(board.bootargs, "quiet", &value);
    quiet = value != 0;
    debug_checking = check_period != 0;
}

void debug_check(void)
{
    static u64 traps;

    if (++traps % check_period == 0) {
        const char *broken = check_kernel(threads, current);
        if (!broken)
            broken = check_mappings();
        if (broken)
            panic("after %lu traps: %s", traps, broken);
    }
}
