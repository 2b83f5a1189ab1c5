/* What lib/string.h has beyond ISO C. Apart from string.c, since the host build needs these but not those. */
#include "lib/string.h"

/* One page in words of any type. */
typedef u64 __attribute__((may_alias)) word;
#define PAGE_WORDS (PAGE_SIZE / sizeof(word))

bool string_copy(char *to, const char *from, u64 size)
{
    u64 i = 0;
    for (; i < size - 1 && from[i] != '\0'; i++)
        to[i] = from[i];
    to[i] = '\0';
    return from[i] == '\0';
}

void page_zero(void *page)
{
    word *w = page;
    for (word *end = w + PAGE_WORDS; w < end; w += 16) {
        w[0] = 0, w[1] = 0, w[2] = 0, w[3] = 0;
        w[4] = 0, w[5] = 0, w[6] = 0, w[7] = 0;
        w[8] = 0, w[9] = 0, w[10] = 0, w[11] = 0;
        w[12] = 0, w[13] = 0, w[14] = 0, w[15] = 0;
    }
}

void page_copy(void *to, const void *from)
{
    word *t = to;
    const word *f = from;
    for (word *end = t + PAGE_WORDS; t < end; t += 8, f += 8) {
        word a = f[0], b = f[1], c = f[2], d = f[3], e = f[4], g = f[5], h = f[6], i = f[7];
        t[0] = a, t[1] = b, t[2] = c, t[3] = d, t[4] = e, t[5] = g, t[6] = h, t[7] = i;
    }
}
