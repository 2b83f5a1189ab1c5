/* Between the files of the board: the two devices the kernels drive themselves, found while the tree is read.
 */
#ifndef MACHINE_VIRT_DEVICES_H
#define MACHINE_VIRT_DEVICES_H

#include "lib/fdt.h"
#include "machine/board.h"

/* Whether the device's compatible list names this. */
bool device_is(const struct board_device *device, const char *compatible);

extern bool board_has_sstc; /* every hart read so far can set its own timer */

/* Notes the device if it is a UART this layer can write to; the first one, or the preferred one, is the
 * console. */
void uart_probe(const struct fdt *tree, struct fdt_node node, const struct board_device *device);
void uart_prefer(paddr base);
bool uart_ready(void);

/* Notes the device if it is the PLIC, and which of its contexts is supervisor mode of the hart `hart_id`. */
void plic_probe(const struct fdt *tree, struct fdt_node node, const struct board_device *device, u64 hart_id);
void plic_init(void);

#endif
