/* mono's beginning: board, memory, threads; then the placement starts the services in a thread, and this
 * becomes idle. */
#include "kernel/mono/hart.h"
#include "kernel/mono/space.h"
#include "kernel/mono/thread.h"
#include "lib/format.h"
#include "lib/string.h"
#include "lib/words.h"
#include "machine/arch.h"
#include "machine/board.h"
#include "machine/panic.h"
#include "machine/print.h"

#define NANOSECONDS 1000000000ul

static void who(char *text, u64 size)
{
    const char *name = thread_name();

    format_string(text, size, "thread %s", name ? name : "boot");
}

static const struct panic_info info = {
    .kernel = "mono",
    .lost = "every process and all that was not on the disk",
    .who = who,
    .stack = thread_stack,
    .stop_others = harts_stop_others,
};

/* 128-bit products are not needed: timebase divides a second on every board met so far. */
u64 mono_nanoseconds(void)
{
    return arch_time() * (NANOSECONDS / board.timebase);
}

u64 mono_time_of(u64 nanoseconds)
{
    u64 unit = NANOSECONDS / board.timebase;

    return nanoseconds == ~0ul ? ~0ul : (nanoseconds + unit - 1) / unit;
}

const char *mono_boot_arguments(void)
{
    return board.bootargs;
}

void mono_log(const char *format, va_list arguments)
{
    print_va(format, arguments);
}

void mono_panic(const char *text)
{
    panic("%s", text);
}

void mono_power_off(u32 code)
{
    board_power_off(code);
}

bool mono_device_find(const char *compatible, u32 n, void **window, u64 *size, u32 *irq)
{
    const struct board_device *found = board_find(compatible, n);

    if (!found)
        return false;
    *window = arch_direct(found->base);
    *size = found->size;
    *irq = found->irq;
    return true;
}

void mono_device_fence(void)
{
    arch_fence_io();
}

void kernel_main(u64 hart_id, paddr device_tree)
{
    char value[8];

    arch_hart()->id = hart_id;
    board_init(device_tree);
    panic_set_info(&info);
    if (words_value(board.bootargs, "panic", value, sizeof(value)))
        panic_set_exit(strcmp(value, "exit") == 0);
    print("\nmono kernel is booting\n\n");
    kernel_assert(NANOSECONDS % board.timebase == 0, "timebase does not divide a second");
    frames_init();
    harts_init();
    threads_init();
    spaces_init();
    harts_start();
    kernel_assert(mono_thread_start("start", CLASS_SERVICE, placement_start, NULL) == ERR_OK,
                  "no first thread");
    arch_irq_restore(true);
    thread_idle();
}
