/*
 * Panic: the report, the record for the host, and the end. The format is in machine/panic.h.
 *
 * Everything here may run on the emergency stack, with any lock held by anybody, and after an earlier panic.
 */
#include "machine/panic.h"
#include "lib/format.h"
#include "lib/string.h"
#include "lib/symbols.h"
#include "machine/arch.h"
#include "machine/board.h"
#include "machine/print.h"

#define CALLERS_MAX 24

struct fault_record duo_fault_record;

extern u8 kernel_start[], text_end[], kernel_symbols[], kernel_symbols_end[];

static const struct panic_info *info;
static bool exits;
static struct arch_hart *panicked; /* the hart that panicked; NULL until then */

static void to_uart(void *context, const char *bytes, u64 length)
{
    (void)context;
    board_write(bytes, length);
}

void print_va(const char *format, va_list arguments)
{
    format_to(to_uart, NULL, format, arguments);
}

void print(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_va(format, arguments);
    va_end(arguments);
}

void panic_set_info(const struct panic_info *panic_info)
{
    info = panic_info;
}

void panic_set_exit(bool exit)
{
    exits = exit;
}

static void print_place(u64 address)
{
    struct symbol_table symbols;
    const char *name = NULL;
    u64 offset = 0;

    if (symbols_open(&symbols, kernel_symbols, (u64)(kernel_symbols_end - kernel_symbols)))
        name = symbols_find(&symbols, address, &offset);
    if (name)
        print("%s+0x%lx", name, offset);
    else
        print("0x%lx", address);
}

/* The functions that say "panic" are not what the reader looks for. */
static bool is_messenger(u64 address)
{
    struct symbol_table symbols;
    const char *name = NULL;
    u64 offset;

    if (symbols_open(&symbols, kernel_symbols, (u64)(kernel_symbols_end - kernel_symbols)))
        name = symbols_find(&symbols, address, &offset);
    return name &&
           (strcmp(name, "panic") == 0 || strcmp(name, "mono_panic") == 0 || strcmp(name, "port_fatal") == 0);
}

static void print_report(u64 pc, u64 ra, u64 sp, u64 fp)
{
    u64 places[CALLERS_MAX], low, high;
    u32 count = 1, first = 0;
    char who[64] = "";

    places[0] = pc;
    if (info && info->stack && info->stack(sp, &low, &high))
        count = arch_backtrace(pc, ra, fp, low, high, places, CALLERS_MAX);
    for (u32 i = 1; i < count; i++)
        places[i]--; /* the call itself: a return address may already belong to the next function */
    while (first + 1 < count && is_messenger(places[first]))
        first++;
    if (info && info->who)
        info->who(who, sizeof(who));
    print("  in ");
    print_place(places[first]);
    print(", %s, hart %lu\n", who[0] ? who : "no thread", arch_hart()->id);
    if (first + 1 < count) {
        print("  called by");
        for (u32 i = first + 1; i < count; i++) {
            print(" ");
            print_place(places[i]);
        }
        print("\n");
    }
}

static _Noreturn void end(void)
{
    if (info && info->lost)
        print("  lost: %s\n", info->lost);
    print("  look: make gdb KERNEL=%s\n", info ? info->kernel : "mono");
    if (exits)
        board_power_off(BOARD_EXIT_PANIC);
    panic_park();
}

bool panic_under_way(void)
{
    return __atomic_load_n(&panicked, __ATOMIC_RELAXED) != NULL;
}

void panic_park(void)
{
    arch_irq_disable();
    for (;;)
        arch_wait_for_interrupt();
}

/* The first panic goes on; a later one of the same hart, from the report itself, stops the machine at once.
 * One of another hart is silent: the report is under way. */
static void panic_begin(void)
{
    struct arch_hart *self = arch_hart(), *expected = NULL;

    arch_irq_disable();
    if (__atomic_compare_exchange_n(&panicked, &expected, self, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
        if (info && info->stop_others)
            info->stop_others();
        return;
    }
    if (expected != self)
        panic_park();
    print("\npanic: again, in the report of the first\n");
    board_power_off(BOARD_EXIT_PANIC);
}

static void record(u64 cause, u64 pc, u64 value, const char *text)
{
    duo_fault_record.cause = cause;
    duo_fault_record.pc = pc;
    duo_fault_record.value = value;
    duo_fault_record.time = arch_time();
    string_copy(duo_fault_record.text, text, sizeof(duo_fault_record.text));
    __atomic_store_n(&duo_fault_record.magic, FAULT_RECORD_MAGIC, __ATOMIC_RELEASE);
}

void panic(const char *format, ...)
{
    u64 fp = (u64)__builtin_frame_address(0);
    char text[96];
    va_list arguments;

    panic_begin();
    va_start(arguments, format);
    format_string_va(text, sizeof(text), format, arguments);
    va_end(arguments);
    record(~0ul, (u64)__builtin_return_address(0), 0, text);
    print("\npanic: %s\n", text);
    print_report((u64)__builtin_return_address(0) - 1, 0, fp, ((u64 *)fp)[-2]);
    end();
}

void panic_trap(const struct arch_frame *frame)
{
    panic_begin();
    record(frame->cause, frame->pc, frame->value, arch_cause_text(frame->cause));
    print("\npanic: %s in the kernel\n", arch_cause_text(frame->cause));
    print_report(frame->pc, frame->x[REG_RA], frame->x[REG_SP], frame->x[REG_S0]);
    print("  scause 0x%lx, sepc 0x%lx, stval 0x%lx, sp 0x%lx\n", frame->cause, frame->pc, frame->value,
          frame->x[REG_SP]);
    end();
}
