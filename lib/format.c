/*
 * printf-like formatting. The contract is in format.h.
 *
 * Text goes to the sink in pieces as large as it comes: a run of plain text or a string argument is one call.
 * Nothing is allocated and nothing static is written, so a panic may format inside another formatting.
 */
#include "lib/format.h"
#include "lib/string.h"

/* Widths beyond this are cut to it: no output needs more, and a damaged format cannot flood the console. */
#define WIDTH_MAX 1024u

struct output {
    format_sink sink;
    void *context;
    u64 count;
};

/* One conversion: %[-0][width][.precision][l][l]kind */
struct conversion {
    bool left;
    bool zero;
    bool has_precision;
    u32 width;
    u32 precision;
    bool is_long;
    char kind;
};

static void put(struct output *out, const char *bytes, u64 length)
{
    if (length > 0)
        out->sink(out->context, bytes, length);
    out->count += length;
}

static void put_repeated(struct output *out, char byte, u64 count)
{
    char piece[16];
    for (u64 i = 0; i < sizeof(piece); i++)
        piece[i] = byte;
    while (count > 0) {
        u64 length = min_u64(count, sizeof(piece));
        put(out, piece, length);
        count -= length;
    }
}

/* Prefix (a sign, "0x") and body, padded to the width: zeros go between the two, spaces around both. */
static void put_padded(struct output *out, const struct conversion *c, const char *prefix, const char *body,
                       u64 length)
{
    u64 used = strlen(prefix) + length;
    u64 padding = c->width > used ? c->width - used : 0;
    bool zeros = c->zero && !c->left;

    if (!c->left && !zeros)
        put_repeated(out, ' ', padding);
    put(out, prefix, strlen(prefix));
    if (zeros)
        put_repeated(out, '0', padding);
    put(out, body, length);
    if (c->left)
        put_repeated(out, ' ', padding);
}

/* `minimum` digits at least, at most 20. */
static void put_number(struct output *out, const struct conversion *c, const char *prefix, u64 value,
                       u32 base, u32 minimum)
{
    const char *digits = c->kind == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    char text[20]; /* 2^64 - 1 has 20 decimal digits */
    u32 at = sizeof(text);
    do {
        text[--at] = digits[value % base];
        value /= base;
    } while (value != 0 || sizeof(text) - at < minimum);
    put_padded(out, c, prefix, text + at, sizeof(text) - at);
}

static void put_string(struct output *out, struct conversion *c, const char *text)
{
    u64 length = 0;
    if (!text)
        text = "(null)";
    /* With a precision the string need not be terminated, so no byte beyond it is looked at. */
    while ((!c->has_precision || length < c->precision) && text[length] != '\0')
        length++;
    c->zero = false;
    put_padded(out, c, "", text, length);
}

static const char *parse_digits(const char *text, u32 *value)
{
    *value = 0;
    for (; *text >= '0' && *text <= '9'; text++) {
        *value = *value * 10 + (u32)(*text - '0');
        if (*value > WIDTH_MAX)
            *value = WIDTH_MAX;
    }
    return text;
}

/* `at` is behind the percent sign. Returns what follows the conversion, or NULL if it is not one of ours. */
static const char *parse(const char *at, struct conversion *c)
{
    *c = (struct conversion){0};
    for (; *at == '-' || *at == '0'; at++) {
        if (*at == '-')
            c->left = true;
        else
            c->zero = true;
    }
    at = parse_digits(at, &c->width);
    if (*at == '.') {
        c->has_precision = true;
        at = parse_digits(at + 1, &c->precision);
    }
    for (u32 i = 0; i < 2 && *at == 'l'; i++, at++)
        c->is_long = true;
    c->kind = *at;
    switch (c->kind) {
    case 's':
        return at + 1;
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'X':
    case 'p':
    case 'c':
    case '%':
        return c->has_precision ? NULL : at + 1;
    default:
        return NULL;
    }
}

u64 format_to(format_sink sink, void *context, const char *format, va_list arguments)
{
    struct output out = {sink, context, 0};
    while (*format != '\0') {
        const char *plain = format;
        while (*format != '\0' && *format != '%')
            format++;
        put(&out, plain, (u64)(format - plain));
        if (*format == '\0')
            break;

        struct conversion c;
        const char *next = parse(format + 1, &c);
        if (!next) {
            /* The percent sign as it stands; what follows it is plain text. */
            put(&out, format, 1);
            format++;
            continue;
        }
        format = next;
        switch (c.kind) {
        case 'd':
        case 'i': {
            s64 value = c.is_long ? va_arg(arguments, long) : va_arg(arguments, int);
            put_number(&out, &c, value < 0 ? "-" : "", value < 0 ? -(u64)value : (u64)value, 10, 1);
            break;
        }
        case 'u':
        case 'x':
        case 'X': {
            u64 value = c.is_long ? va_arg(arguments, unsigned long) : va_arg(arguments, unsigned int);
            put_number(&out, &c, "", value, c.kind == 'u' ? 10 : 16, 1);
            break;
        }
        case 'p':
            put_number(&out, &c, "0x", (u64)va_arg(arguments, void *), 16, 16);
            break;
        case 's':
            put_string(&out, &c, va_arg(arguments, const char *));
            break;
        case 'c': {
            char byte = (char)va_arg(arguments, int);
            c.zero = false;
            put_padded(&out, &c, "", &byte, 1);
            break;
        }
        default: /* '%', the only kind left */
            put(&out, "%", 1);
            break;
        }
    }
    return out.count;
}

struct buffer {
    char *bytes;
    u64 room; /* without the terminating NUL */
    u64 used;
};

static void buffer_put(void *context, const char *bytes, u64 length)
{
    struct buffer *buffer = context;
    u64 fits = min_u64(length, buffer->room - buffer->used);
    memcpy(buffer->bytes + buffer->used, bytes, fits);
    buffer->used += fits;
}

static void discard(void *context, const char *bytes, u64 length)
{
    (void)context;
    (void)bytes;
    (void)length;
}

u64 format_string_va(char *buffer, u64 size, const char *format, va_list arguments)
{
    if (size == 0)
        return format_to(discard, NULL, format, arguments);
    struct buffer b = {buffer, size - 1, 0};
    u64 length = format_to(buffer_put, &b, format, arguments);
    b.bytes[b.used] = '\0';
    return length;
}

u64 format_string(char *buffer, u64 size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    u64 length = format_string_va(buffer, size, format, arguments);
    va_end(arguments);
    return length;
}
