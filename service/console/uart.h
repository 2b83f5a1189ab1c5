/*
 * The device under the console: a 16550 UART, one byte at a time.
 *
 * Locking: cons_uart_receive() is for the one thread that waits for the interrupt; ready and send for the one
 * that owns the output. The two directions of a UART do not disturb each other. Nothing here waits.
 */
#ifndef SERVICE_CONSOLE_UART_H
#define SERVICE_CONSOLE_UART_H

#include "lib/err.h"
#include "lib/types.h"

/* Finds the device and lets it interrupt on input. `first`: throws away what is in its queues, which after a
 * death of the service would be bytes somebody typed. `irq` for port_irq_wait(). ERR_NOT_FOUND, ERR_DEVICE
 * (window too small). */
enum err cons_uart_open(bool first, u32 *irq);

/* The next byte typed goes to `kept`, whatever dies meanwhile (port_device_take()); false if there is none.
 */
bool cons_uart_receive(u32 *kept);

/* Whether a byte can be sent now. */
bool cons_uart_ready(void);
void cons_uart_send(u8 byte);

#endif
