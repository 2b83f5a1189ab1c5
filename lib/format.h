/*
 * printf-like formatting into any sink.
 *
 * Understands %d %i %u %x %X %p %c %s %%, the flags `-` and `0`, a width, a precision for %s, and the length
 * l (ll). %p prints 0x and 16 digits. Anything else is printed as it stands. A NULL string prints "(null)".
 */
#ifndef LIB_FORMAT_H
#define LIB_FORMAT_H

#include "lib/types.h"
#include <stdarg.h>

/* Receives the text piece by piece; `bytes` is valid during the call only. */
typedef void (*format_sink)(void *context, const char *bytes, u64 length);

/* Returns the number of bytes given to the sink. */
u64 format_to(format_sink sink, void *context, const char *format, va_list arguments);

/* Into buffer[0..size): cut if too long, always NUL-terminated when size > 0. Returns the length of the whole
 * text. */
u64 format_string(char *buffer, u64 size, const char *format, ...) __attribute__((format(printf, 3, 4)));
u64 format_string_va(char *buffer, u64 size, const char *format, va_list arguments);

#endif
