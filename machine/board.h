/*
 * What a board supplies: memory, console UART (polled), interrupt controller, power-off, boot arguments.
 *
 * Everything comes from the device tree (Devicetree Specification 0.4; bindings named at each field); no
 * address is written anywhere. Implementation: machine/virt, tried on QEMU `virt`, and up to the UART on
 * `sifive_u`.
 */
#ifndef MACHINE_BOARD_H
#define MACHINE_BOARD_H

#include "lib/types.h"

#define BOARD_DEVICES_MAX  24
#define BOARD_BOOTARGS_MAX 256
#define BOARD_HARTS_MAX    16

/* One memory-mapped device. `compatible` points into the device tree, which stays mapped. */
struct board_device {
    const char *compatible; /* the property: strings one behind the other, each NUL-terminated */
    u32 compatible_size;    /* bytes of it */
    paddr base;
    u64 size;
    u32 irq; /* PLIC source, 0 if none */
};

struct board {
    paddr memory_base; /* the largest "memory" node */
    u64 memory_size;
    paddr tree; /* the flattened device tree itself */
    u64 tree_size;
    paddr initrd_start, initrd_end; /* /chosen linux,initrd-*; equal if absent */
    u64 timebase;                   /* counts of arch_time() a second */
    u32 harts;                      /* harts with status okay that have an MMU */
    u64 hart_ids[BOARD_HARTS_MAX];  /* the first of them: min(harts, BOARD_HARTS_MAX) ids */
    u32 irqs;                       /* PLIC riscv,ndev; sources are 1..irqs */
    paddr plic;
    u64 plic_size;
    paddr clint; /* 0 if absent; the firmware's own, never given to anybody */
    u64 clint_size;
    char bootargs[BOARD_BOOTARGS_MAX]; /* /chosen bootargs, NUL-terminated, cut if longer */
    u32 device_count;
    struct board_device devices[BOARD_DEVICES_MAX]; /* everything under /soc with a reg; in address order */
};

extern struct board board;

/* Reads the tree and prepares UART, PLIC and power-off. Called once, before anything else here. A tree it
 * cannot use is reported on the firmware's console, and the machine stops. */
void board_init(paddr device_tree);

/* The n-th device (from 0) whose compatible list names `compatible`; NULL if there is none. */
const struct board_device *board_find(const char *compatible, u32 n);

/* The console UART, polled. put waits for room, at most a bounded number of reads (then the byte is dropped).
 */
void board_put(char byte);
void board_write(const char *bytes, u64 length);

/* PLIC, context of the boot hart in supervisor mode, whichever hart calls. Sources outside 1..board.irqs are
 * ignored. */
void board_irq_enable(u32 source);
void board_irq_disable(u32 source);
u32 board_irq_claim(void); /* 0 if nothing is pending */
void board_irq_complete(u32 source);

/*
 * Ends the machine. code 0: clean power-off. Others reach the host as QEMU's exit code through the test
 * finisher (compatible "sifive,test0"). Without a finisher: SBI system reset, which loses the code. Never
 * returns.
 */
_Noreturn void board_power_off(u32 code);

/* Codes of board_power_off(), the guest half of the table in the users' documentation. */
enum board_exit {
    BOARD_EXIT_CLEAN = 0,
    BOARD_EXIT_PANIC = 10,
    BOARD_EXIT_TEST_FAILED = 11,
    BOARD_EXIT_GAVE_UP = 12,
    BOARD_EXIT_HANG = 13,
};

/* Restarts the machine through the firmware (SBI SRST, cold reboot). Powers off if the firmware cannot. */
_Noreturn void board_reboot(void);

#endif
