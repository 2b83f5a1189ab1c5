/*
 * printf and fprintf: lib/format.c into a descriptor.
 *
 * The text is gathered, so that a line of one process is rarely cut by another's. Errors of write are not
 * reported, as in xv6: there is nowhere to say so.
 */
#include "lib/format.h"
#include "user/user.h"

#define GATHER_MAX 128 /* on a stack of one page */

struct gathered {
    int fd;
    u64 length;
    char bytes[GATHER_MAX];
};

static void flush(struct gathered *out)
{
    if (out->length > 0)
        write(out->fd, out->bytes, (int)out->length);
    out->length = 0;
}

static void gather(void *context, const char *bytes, u64 length)
{
    struct gathered *out = context;
    while (length > 0) {
        if (out->length == GATHER_MAX)
            flush(out);
        u64 part = min_u64(length, GATHER_MAX - out->length);
        memcpy(out->bytes + out->length, bytes, part);
        out->length += part;
        bytes += part;
        length -= part;
    }
}

static void print_to(int fd, const char *format, va_list arguments)
{
    struct gathered out;
    out.fd = fd;
    out.length = 0;
    format_to(gather, &out, format, arguments);
    flush(&out);
}

void fprintf(int fd, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_to(fd, format, arguments);
    va_end(arguments);
}

void printf(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_to(1, format, arguments);
    va_end(arguments);
}
