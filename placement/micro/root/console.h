/* The supervisor's voice and the machine's switch: devices of its own, so that no server need be alive. */
#ifndef PLACEMENT_MICRO_ROOT_CONSOLE_H
#define PLACEMENT_MICRO_ROOT_CONSOLE_H

#include "abi/sel4/sel4.h"
#include "lib/types.h"

/* What the supervisor knows of the board: from the device tree in the extra boot information, else the
 * defaults of QEMU virt. */
struct root_board {
    u64 uart, finisher; /* physical */
    u64 timebase;       /* counts a second of the time CSR */
    char bootargs[256];
};
extern struct root_board root_board;

/* A device of the board. */
struct root_device {
    char compatible[24];
    u64 base, size;
    u32 irq; /* PLIC source; 0 none */
};

/* The n-th device of this kind, in address order; NULL if there is none. */
const struct root_device *root_device(const char *compatible, u32 n);

/* Reads the board. Then, once objects_init() was called, maps UART and finisher. */
void console_read_board(const seL4_BootInfo *info);
void console_init(void);

/* Formats as lib/format.h. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_bytes(const char *bytes, u64 length);

/* Ends the machine with a code of machine/board.h's table: 0 clean, 12 gave up. */
_Noreturn void power_off(u64 code);
#define EXIT_GAVE_UP 12

#endif
