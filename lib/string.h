/* Memory and strings. The first six are as in ISO C; the host build takes them from its C library. */
#ifndef LIB_STRING_H
#define LIB_STRING_H

#include "lib/types.h"

void *memcpy(void *to, const void *from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int value, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);

/* Copies as much as fits into to[0..size) and NUL-terminates (size > 0). Returns false if it was cut. */
bool string_copy(char *to, const char *from, u64 size);

/* Zeroes one page, 4096-byte aligned. */
void page_zero(void *page);
/* Copies one page, both 4096-byte aligned, not overlapping. */
void page_copy(void *to, const void *from);

#endif
