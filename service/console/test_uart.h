/* A UART for unit tests: takes the place of uart.c, and of port_irq_wait(). */
#ifndef SERVICE_CONSOLE_TEST_UART_H
#define SERVICE_CONSOLE_TEST_UART_H

#include "lib/types.h"

/* Somebody types; at most 4096 bytes that nobody has taken. */
void test_uart_type(const char *bytes, u64 length);
void test_uart_type_text(const char *text);

/* From now on the UART takes no byte (true), or does again. */
void test_uart_stall(bool stalled);

/* All that was sent so far, NUL-terminated, and how much. */
const char *test_uart_sent(u64 *length);
void test_uart_clear(void);

/* Waits, at most five seconds, until `text` was sent. */
bool test_uart_wait_for(const char *text);

#endif
