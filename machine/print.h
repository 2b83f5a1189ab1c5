/* The kernels' voice: formatted text on the board's UART, polled. Usable from any context after board_init().
 */
#ifndef MACHINE_PRINT_H
#define MACHINE_PRINT_H

#include "lib/types.h"
#include <stdarg.h>

void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
void print_va(const char *format, va_list arguments);

#endif
