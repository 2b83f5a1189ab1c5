/*
 * UART (16550, output, polled), test finisher, and the few facts of the board. Before the UART is mapped, and
 * where there is none, text goes to the kernel's debug output.
 */
#include "placement/micro/root/console.h"
#include "lib/fdt.h"
#include "lib/format.h"
#include "lib/string.h"
#include "placement/micro/root/objects.h"

#define BOOTINFO_FDT     6 /* id of the chunk with the device tree */
#define UART_ADDRESS     0x2000200000ul
#define FINISHER_ADDRESS 0x2000201000ul
#define PATIENCE         1000000u /* looks at the UART's status before a byte is dropped */

#define UART_DATA    0
#define UART_STATUS  5
#define STATUS_EMPTY 0x20u

#define DEVICES_KNOWN 32

static struct root_device known[DEVICES_KNOWN];
static u32 known_count;

struct root_board root_board = {.uart = 0x10000000, .finisher = 0x100000, .timebase = 10000000};

static volatile u8 *uart;
static volatile u32 *finisher;

const struct root_device *root_device(const char *compatible, u32 n)
{
    for (u32 i = 0; i < known_count; i++) {
        if (strcmp(known[i].compatible, compatible) == 0 && n-- == 0)
            return &known[i];
    }
    return NULL;
}

static void add_device(const char *compatible, u64 base, u64 size, u64 irq)
{
    u32 place = known_count;

    if (known_count == DEVICES_KNOWN)
        return;
    for (; place > 0 && known[place - 1].base > base; place--)
        known[place] = known[place - 1];
    known[place] = (struct root_device){.base = base, .size = size, .irq = (u32)irq};
    string_copy(known[place].compatible, compatible, sizeof(known[place].compatible));
    known_count++;
}

static void read_device(const struct fdt *tree, struct fdt_node node)
{
    const char *compatible = fdt_string(tree, node, "compatible");
    u64 base, size, irq = 0;

    if (!compatible || !fdt_reg(tree, node, 0, &base, &size) || size == 0)
        return;
    fdt_number(tree, node, "interrupts", &irq);
    add_device(compatible, base, size, irq);
}

static void read_node(const struct fdt *tree, struct fdt_node node)
{
    u64 base, size, timebase;

    read_device(tree, node);

    if (strcmp(node.name, "cpus") == 0 && fdt_number(tree, node, "timebase-frequency", &timebase) &&
        timebase > 0)
        root_board.timebase = timebase;
    if (fdt_compatible(tree, node, "ns16550a") && fdt_reg(tree, node, 0, &base, &size))
        root_board.uart = base;
    if (fdt_compatible(tree, node, "sifive,test0") && fdt_reg(tree, node, 0, &base, &size))
        root_board.finisher = base;
    if (strcmp(node.name, "chosen") == 0) {
        const char *arguments = fdt_string(tree, node, "bootargs");

        if (arguments)
            string_copy(root_board.bootargs, arguments, sizeof(root_board.bootargs));
    }
}

void console_read_board(const seL4_BootInfo *info)
{
    const u8 *chunk = (const u8 *)info + PAGE_SIZE, *end = chunk + info->extraLen;
    seL4_BootInfoHeader header;
    struct fdt tree;
    struct fdt_node node;

    while ((u64)(end - chunk) >= sizeof(header)) {
        memcpy(&header, chunk, sizeof(header));
        if (header.len < sizeof(header) || header.len > (u64)(end - chunk))
            break;
        if (header.id == BOOTINFO_FDT &&
            fdt_open(&tree, chunk + sizeof(header), header.len - sizeof(header))) {
            for (bool more = fdt_first(&tree, &node); more; more = fdt_next(&tree, &node))
                read_node(&tree, node);
        }
        chunk += header.len;
    }
    if (known_count == 0) { /* no tree: QEMU virt, where this kernel's users most likely are */
        add_device("ns16550a", root_board.uart, 0x100, 10);
        add_device("google,goldfish-rtc", 0x101000, 0x1000, 11);
        add_device("virtio,mmio", 0x10001000, 0x1000, 1);
    }
}

static void *map_device(u64 address, u64 at)
{
    u64 frame = device_frame(address);

    if (!frame)
        return NULL;
    page_map(&root_supply, seL4_CapInitThreadVSpace, frame, at, seL4_ReadWrite, false);
    return (void *)at;
}

void console_init(void)
{
    uart = map_device(root_board.uart, UART_ADDRESS);
    finisher = map_device(root_board.finisher, FINISHER_ADDRESS);
}

/* A UART that has not taken a byte is not waited for until it takes one again: nobody else runs meanwhile. */
static void put(char byte)
{
    static u32 patience = PATIENCE;

    if (!uart) {
        seL4_DebugPutChar(byte);
        return;
    }
    for (u32 i = 0; i < patience; i++) {
        if (uart[UART_STATUS] & STATUS_EMPTY) {
            uart[UART_DATA] = (u8)byte;
            patience = PATIENCE;
            return;
        }
    }
    patience = 1;
}

void say_bytes(const char *bytes, u64 length)
{
    for (u64 i = 0; i < length; i++)
        put(bytes[i]);
}

static void sink(void *context, const char *bytes, u64 length)
{
    (void)context;
    say_bytes(bytes, length);
}

void say(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    format_to(sink, NULL, format, arguments);
    va_end(arguments);
}

void root_fail(const char *what)
{
    say("[sup] the system cannot go on: %s\n", what);
    power_off(EXIT_GAVE_UP);
}

void power_off(u64 code)
{
    if (finisher)
        *finisher = code ? (u32)code << 16 | 0x3333u : 0x5555u;
    seL4_DebugHalt();
    for (;;)
        seL4_Yield();
}
