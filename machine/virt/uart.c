/*
 * The console UART, output only, polled: what a kernel needs to speak when nothing else works.
 *
 * Two kinds: the 16550 (National Semiconductor PC16550D) of QEMU virt, and SiFive's (FU540-C000 manual,
 * chapter 13).
 */
#include "machine/arch.h"
#include "machine/virt/devices.h"

#define PATIENCE 1000000u /* reads of the status before a byte is dropped */

enum uart_kind { UART_NONE, UART_16550, UART_SIFIVE };

struct uart {
    enum uart_kind kind;
    paddr base;
    u32 shift; /* distance of registers, log2 bytes (reg-shift) */
    u32 width; /* bytes of a register access (reg-io-width) */
};

static struct uart found[4];
static u32 found_count;
static struct uart *console;

#define REG_16550_DATA     0
#define REG_16550_STATUS   5
#define STATUS_16550_EMPTY 0x20u

#define REG_SIFIVE_TXDATA 0
#define REG_SIFIVE_TXCTRL 8
#define SIFIVE_FULL       0x80000000u
#define SIFIVE_ENABLE     1u

void uart_probe(const struct fdt *tree, struct fdt_node node, const struct board_device *device)
{
    struct uart uart = {.base = device->base, .width = 1};
    u64 value;

    if (device_is(device, "ns16550a"))
        uart.kind = UART_16550;
    else if (device_is(device, "sifive,uart0"))
        uart.kind = UART_SIFIVE;
    if (uart.kind == UART_NONE || found_count == ARRAY_SIZE(found))
        return;
    if (fdt_number(tree, node, "reg-shift", &value))
        uart.shift = (u32)value;
    if (fdt_number(tree, node, "reg-io-width", &value))
        uart.width = (u32)value;
    found[found_count++] = uart;
    if (!console)
        console = &found[0];
}

void uart_prefer(paddr base)
{
    for (u32 i = 0; i < found_count; i++) {
        if (found[i].base == base)
            console = &found[i];
    }
}

bool uart_ready(void)
{
    return console != NULL;
}

static u32 read_16550(u32 reg)
{
    u8 *at = (u8 *)arch_direct(console->base) + (reg << console->shift);

    return console->width == 4 ? *(volatile u32 *)at : *(volatile u8 *)at;
}

static void write_16550(u32 reg, u8 value)
{
    u8 *at = (u8 *)arch_direct(console->base) + (reg << console->shift);

    if (console->width == 4)
        *(volatile u32 *)at = value;
    else
        *(volatile u8 *)at = value;
}

static void put_sifive(u8 byte)
{
    volatile u32 *registers = arch_direct(console->base);

    registers[REG_SIFIVE_TXCTRL / 4] |= SIFIVE_ENABLE;
    for (u32 i = 0; i < PATIENCE; i++) {
        if (!(registers[REG_SIFIVE_TXDATA / 4] & SIFIVE_FULL)) {
            registers[REG_SIFIVE_TXDATA / 4] = byte;
            return;
        }
    }
}

static void put_16550(u8 byte)
{
    for (u32 i = 0; i < PATIENCE; i++) {
        if (read_16550(REG_16550_STATUS) & STATUS_16550_EMPTY) {
            write_16550(REG_16550_DATA, byte);
            return;
        }
    }
}

void board_put(char byte)
{
    if (!console)
        return;
    if (console->kind == UART_SIFIVE)
        put_sifive((u8)byte);
    else
        put_16550((u8)byte);
}

void board_write(const char *bytes, u64 length)
{
    for (u64 i = 0; i < length; i++)
        board_put(bytes[i]);
}
