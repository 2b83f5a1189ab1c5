/*
 * The memory and string functions of ISO C that kernels, services and programs use.
 *
 * The compiler itself calls memcpy, memmove, memset and memcmp, so they must be in every image. memcpy,
 * memmove and memset move 64 bits at a time wherever the alignment of both ends permits: an access that is
 * not aligned may trap to the firmware, at a hundred times the price of a byte.
 *
 * The host build takes all of these from its C library; what only we have is in string_more.c.
 */
#include "lib/string.h"

/* Otherwise the compiler would recognise the loop in memcpy as a memcpy, and call it. */
#pragma GCC optimize("no-tree-loop-distribute-patterns")

/* Eight bytes of whatever type lies there. */
typedef u64 __attribute__((may_alias)) word;

#define WORD      sizeof(word)
#define WORD_MASK (WORD - 1)

/* Byte-sized steps that all the copies end with; `n` is what is left. */
static void copy_bytes_up(u8 *to, const u8 *from, size_t n)
{
    while (n-- > 0)
        *to++ = *from++;
}

/* Copies upward: right for distinct ranges, and for overlapping ones with `to` below `from`. */
static void copy_up(u8 *to, const u8 *from, size_t n)
{
    if (n >= WORD && (((u64)to ^ (u64)from) & WORD_MASK) == 0) {
        size_t head = -(u64)to & WORD_MASK;
        copy_bytes_up(to, from, head);
        to += head;
        from += head;
        n -= head;
        /* All loads of a round come before its stores: right for an overlap too, as each round stores only
         * below what later rounds load. */
        for (; n >= 8 * WORD; n -= 8 * WORD, to += 8 * WORD, from += 8 * WORD) {
            word *t = (word *)to;
            const word *f = (const word *)from;
            word a = f[0], b = f[1], c = f[2], d = f[3], e = f[4], g = f[5], h = f[6], i = f[7];
            t[0] = a, t[1] = b, t[2] = c, t[3] = d, t[4] = e, t[5] = g, t[6] = h, t[7] = i;
        }
        for (; n >= WORD; n -= WORD, to += WORD, from += WORD)
            *(word *)to = *(const word *)from;
    } else {
        for (; n >= 4; n -= 4, to += 4, from += 4) {
            u8 a = from[0], b = from[1], c = from[2], d = from[3];
            to[0] = a, to[1] = b, to[2] = c, to[3] = d;
        }
    }
    copy_bytes_up(to, from, n);
}

/* Copies downward: for overlapping ranges with `to` above `from`. */
static void copy_down(u8 *to, const u8 *from, size_t n)
{
    to += n;
    from += n;
    if (n >= WORD && (((u64)to ^ (u64)from) & WORD_MASK) == 0) {
        for (; ((u64)to & WORD_MASK) != 0; n--)
            *--to = *--from;
        for (; n >= WORD; n -= WORD) {
            to -= WORD;
            from -= WORD;
            *(word *)to = *(const word *)from;
        }
    }
    while (n-- > 0)
        *--to = *--from;
}

void *memcpy(void *to, const void *from, size_t n)
{
    copy_up(to, from, n);
    return to;
}

void *memmove(void *to, const void *from, size_t n)
{
    /* One unsigned comparison: `to` lies inside [from, from + n) exactly if the difference is below n. */
    if ((u64)to - (u64)from < n)
        copy_down(to, from, n);
    else
        copy_up(to, from, n);
    return to;
}

void *memset(void *to, int value, size_t n)
{
    u8 *t = to;
    if (n >= 2 * WORD) {
        word pattern = (u8)value * 0x0101010101010101ul;
        for (; ((u64)t & WORD_MASK) != 0; n--)
            *t++ = (u8)value;
        for (; n >= 8 * WORD; n -= 8 * WORD, t += 8 * WORD) {
            word *w = (word *)t;
            w[0] = pattern, w[1] = pattern, w[2] = pattern, w[3] = pattern;
            w[4] = pattern, w[5] = pattern, w[6] = pattern, w[7] = pattern;
        }
        for (; n >= WORD; n -= WORD, t += WORD)
            *(word *)t = pattern;
    }
    while (n-- > 0)
        *t++ = (u8)value;
    return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const u8 *p = a;
    const u8 *q = b;
    if ((((u64)p | (u64)q) & WORD_MASK) == 0)
        for (; n >= WORD && *(const word *)p == *(const word *)q; n -= WORD) {
            p += WORD;
            q += WORD;
        }
    for (; n > 0; n--, p++, q++)
        if (*p != *q)
            return *p < *q ? -1 : 1;
    return 0;
}

size_t strlen(const char *s)
{
    const char *end = s;
    while (*end != '\0')
        end++;
    return (size_t)(end - s);
}

int strcmp(const char *a, const char *b)
{
    while (*a == *b && *a != '\0') {
        a++;
        b++;
    }
    return (int)(u8)*a - (int)(u8)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
    for (; n > 0; n--, a++, b++)
        if (*a != *b || *a == '\0')
            return (int)(u8)*a - (int)(u8)*b;
    return 0;
}
