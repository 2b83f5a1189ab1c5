/* Port: the system as a whole. Needed by unix: what the boot arguments ask for, and how the machine ends. */
#ifndef PORT_SYSTEM_H
#define PORT_SYSTEM_H

#include "lib/types.h"

/* The value of a boot argument ("run" in "run=xmaptest"), NUL-terminated; false if absent or too long for
 * `size`. */
bool port_boot_argument(const char *name, char *value, u64 size);

/* Powers the machine off with a code of the exit table in machine/board.h (0: clean). Writes nothing back:
 * the caller has seen to its disk. Never returns. */
_Noreturn void port_power_off(u32 code);

#endif
