/*
 * The board from its device tree: memory, devices, arguments, and where interrupts and power-off are.
 *
 * Not here: driving the UART (uart.c) and the PLIC (plic.c).
 */
#include "machine/board.h"
#include "lib/fdt.h"
#include "lib/string.h"
#include "machine/arch.h"
#include "machine/riscv64/hart.h"
#include "machine/virt/devices.h"

#define TREE_MAX (2ul << 20) /* the largest tree accepted */

/* SBI 1.0, section 10: system reset. */
#define SBI_RESET_SHUTDOWN    0
#define SBI_RESET_COLD_REBOOT 1

/* The test finisher's two words (QEMU hw/misc/sifive_test.h): pass, and fail with a code in the upper half.
 */
#define FINISHER_PASS 0x5555u
#define FINISHER_FAIL 0x3333u

struct board board;

static struct fdt tree;
static volatile u32 *finisher;

/* For a machine we know nothing of yet: the firmware's old console call. */
static _Noreturn void give_up(const char *text)
{
    for (; *text; text++)
        sbi_call(SBI_PUTCHAR_OLD, 0, (u8)*text, 0, NULL);
    sbi_call(SBI_RESET, 0, SBI_RESET_SHUTDOWN, 1, NULL);
    for (;;)
        arch_wait_for_interrupt();
}

static void read_memory(struct fdt_node node)
{
    const char *type = fdt_string(&tree, node, "device_type");
    u64 base, size;

    if (!type || strcmp(type, "memory") != 0)
        return;
    for (u32 i = 0; fdt_reg(&tree, node, i, &base, &size); i++) {
        if (size > board.memory_size) {
            board.memory_base = base;
            board.memory_size = size;
        }
    }
}

static void read_chosen(struct fdt_node node)
{
    const char *arguments = fdt_string(&tree, node, "bootargs");

    if (arguments)
        string_copy(board.bootargs, arguments, sizeof(board.bootargs));
    if (!fdt_number(&tree, node, "linux,initrd-start", &board.initrd_start) ||
        !fdt_number(&tree, node, "linux,initrd-end", &board.initrd_end) ||
        board.initrd_end < board.initrd_start)
        board.initrd_start = board.initrd_end = 0;
}

static void read_hart(struct fdt_node node)
{
    const char *type = fdt_string(&tree, node, "device_type");
    const char *status = fdt_string(&tree, node, "status");
    const char *isa = fdt_string(&tree, node, "riscv,isa");
    u64 id, size;

    if (!type || strcmp(type, "cpu") != 0 || !fdt_string(&tree, node, "mmu-type"))
        return;
    if (status && strcmp(status, "okay") != 0)
        return;
    if (board.harts < BOARD_HARTS_MAX && fdt_reg(&tree, node, 0, &id, &size))
        board.hart_ids[board.harts] = id;
    board.harts++;
    for (; isa && *isa; isa++) {
        if (strncmp(isa, "_sstc", 5) == 0)
            board_has_sstc = true;
    }
}

bool board_has_sstc;

bool device_is(const struct board_device *device, const char *compatible)
{
    return fdt_list_has(device->compatible, device->compatible_size, compatible);
}

static void add_device(struct fdt_node node)
{
    struct board_device device = {0};
    u64 irq = 0;
    u32 place = board.device_count;

    device.compatible = fdt_property(&tree, node, "compatible", &device.compatible_size);
    if (!device.compatible || !fdt_reg(&tree, node, 0, &device.base, &device.size))
        return;
    if (board.device_count == BOARD_DEVICES_MAX || device.size == 0)
        return;
    if (fdt_number(&tree, node, "interrupts", &irq))
        device.irq = (u32)irq;
    for (; place > 0 && board.devices[place - 1].base > device.base; place--)
        board.devices[place] = board.devices[place - 1];
    board.devices[place] = device;
    board.device_count++;
    if (device_is(&device, "sifive,test0"))
        finisher = arch_direct(device.base);
    if (device_is(&device, "riscv,clint0") || device_is(&device, "sifive,clint0")) {
        board.clint = device.base;
        board.clint_size = device.size;
    }
    uart_probe(&tree, node, &device);
    plic_probe(&tree, node, &device, arch_hart()->id);
}

/* A second pass: the console is the UART that /chosen names, and names are paths or aliases to nodes seen
 * before. */
static void choose_console(struct fdt_node chosen)
{
    const char *path = fdt_string(&tree, chosen, "stdout-path");
    char plain[64];
    struct fdt_node node;
    u64 base, size;

    if (!path || !string_copy(plain, path, sizeof(plain)))
        return;
    for (char *c = plain; *c; c++) {
        if (*c == ':') /* "/soc/serial@10000000:115200n8" */
            *c = '\0';
    }
    if (fdt_find_path(&tree, plain, &node) && fdt_reg(&tree, node, 0, &base, &size))
        uart_prefer(base);
}

static bool has_address(const char *name)
{
    while (*name && *name != '@')
        name++;
    return *name == '@';
}

void board_init(paddr device_tree)
{
    struct fdt_node node;

    board.tree = device_tree;
    board.tree_size = fdt_total_size(arch_direct(device_tree));
    if (!fdt_open(&tree, arch_direct(device_tree), TREE_MAX))
        give_up("duo: no usable device tree\n");
    for (bool more = fdt_first(&tree, &node); more; more = fdt_next(&tree, &node)) {
        if (node.depth == 1)
            read_memory(node);
        if (node.depth == 1 && strcmp(node.name, "cpus") == 0)
            fdt_number(&tree, node, "timebase-frequency", &board.timebase);
        if (strncmp(node.name, "cpu@", 4) == 0) /* the specification fixes this name (3.8) */
            read_hart(node);
        else if (has_address(node.name)) /* and that what has a reg has a unit address (2.2.1) */
            add_device(node);
    }
    if (fdt_find_path(&tree, "/chosen", &node)) {
        read_chosen(node);
        choose_console(node);
    }
    if (!uart_ready())
        give_up("duo: no UART that this board layer knows\n");
    if (board.memory_size == 0 || board.timebase == 0)
        give_up("duo: the device tree names no memory or no timebase\n");
    hart_timer_init(board_has_sstc);
    plic_init();
}

const struct board_device *board_find(const char *compatible, u32 n)
{
    for (u32 i = 0; i < board.device_count; i++) {
        if (device_is(&board.devices[i], compatible) && n-- == 0)
            return &board.devices[i];
    }
    return NULL;
}

void board_power_off(u32 code)
{
    if (finisher)
        *finisher = code == BOARD_EXIT_CLEAN ? FINISHER_PASS : code << 16 | FINISHER_FAIL;
    sbi_call(SBI_RESET, 0, SBI_RESET_SHUTDOWN, code != BOARD_EXIT_CLEAN, NULL);
    for (;;)
        arch_wait_for_interrupt();
}

void board_reboot(void)
{
    sbi_call(SBI_RESET, 0, SBI_RESET_COLD_REBOOT, 0, NULL);
    board_power_off(BOARD_EXIT_CLEAN);
}
