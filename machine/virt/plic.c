/*
 * The platform-level interrupt controller (RISC-V PLIC specification 1.0.0), for the boot hart in supervisor
 * mode.
 *
 * Which context that is stands in interrupts-extended of the PLIC's node: pairs of (interrupt controller of a
 * hart, cause), in the order of the contexts.
 */
#include "lib/string.h"
#include "machine/arch.h"
#include "machine/virt/devices.h"

/* Offsets in bytes; PLIC specification, memory map. */
#define PLIC_PRIORITY(source)   (4ul * (source))
#define PLIC_ENABLE(context)    (0x2000ul + 0x80ul * (context))
#define PLIC_THRESHOLD(context) (0x200000ul + 0x1000ul * (context))
#define PLIC_CLAIM(context)     (0x200004ul + 0x1000ul * (context))
#define PLIC_SOURCES_MAX        1023u
#define SUPERVISOR_EXTERNAL     9u /* the cause, as in scause */

static u64 context;

static volatile u32 *reg(u64 offset)
{
    return (volatile u32 *)((u8 *)arch_direct(board.plic) + offset);
}

/* The phandle of the interrupt controller inside the node of hart `hart_id`. */
static bool controller_of(const struct fdt *tree, u64 hart_id, u64 *phandle)
{
    struct fdt_node node;
    bool ours = false;
    u64 id, size;

    for (bool more = fdt_first(tree, &node); more; more = fdt_next(tree, &node)) {
        const char *type = fdt_string(tree, node, "device_type");

        if (type && strcmp(type, "cpu") == 0)
            ours = fdt_reg(tree, node, 0, &id, &size) && id == hart_id;
        else if (ours && fdt_compatible(tree, node, "riscv,cpu-intc"))
            return fdt_number(tree, node, "phandle", phandle);
    }
    return false;
}

void plic_probe(const struct fdt *tree, struct fdt_node node, const struct board_device *device, u64 hart_id)
{
    u64 sources = 0, phandle = 0;
    u32 length = 0;
    const u8 *pairs;

    if (!device_is(device, "riscv,plic0") && !device_is(device, "sifive,plic-1.0.0"))
        return;
    pairs = fdt_property(tree, node, "interrupts-extended", &length);
    if (!pairs || !fdt_number(tree, node, "riscv,ndev", &sources) || !controller_of(tree, hart_id, &phandle))
        return;
    for (u32 i = 0; i < length / 8; i++) {
        if (fdt_u32(pairs + 8 * i) != phandle || fdt_u32(pairs + 8 * i + 4) != SUPERVISOR_EXTERNAL)
            continue;
        context = i;
        board.plic = device->base;
        board.plic_size = device->size;
        board.irqs = (u32)min_u64(sources, PLIC_SOURCES_MAX);
    }
}

static bool in_range(u32 source)
{
    return source > 0 && source <= board.irqs;
}

void plic_init(void)
{
    u32 source;

    if (!board.plic)
        return;
    for (source = 0; source <= board.irqs; source += 32)
        *reg(PLIC_ENABLE(context) + source / 8) = 0;
    for (source = 1; source <= board.irqs; source++)
        *reg(PLIC_PRIORITY(source)) = 1;
    *reg(PLIC_THRESHOLD(context)) = 0;
    while ((source = board_irq_claim()) != 0)
        board_irq_complete(source);
}

void board_irq_enable(u32 source)
{
    if (!in_range(source))
        return;
    *reg(PLIC_ENABLE(context) + source / 32 * 4) |= 1u << source % 32;
    /* QEMU 7.2 looks for interrupts pending from before only when a priority or threshold is written, not
     * here. */
    *reg(PLIC_THRESHOLD(context)) = 0;
}

void board_irq_disable(u32 source)
{
    if (in_range(source))
        *reg(PLIC_ENABLE(context) + source / 32 * 4) &= ~(1u << source % 32);
}

u32 board_irq_claim(void)
{
    return board.plic ? *reg(PLIC_CLAIM(context)) : 0;
}

void board_irq_complete(u32 source)
{
    if (in_range(source))
        *reg(PLIC_CLAIM(context)) = source;
}
