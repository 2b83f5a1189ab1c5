/*
 * Boot arguments: a text of words `name=value`, separated by blanks. A name may occur several times.
 *
 * Numbers are decimal, or hexadecimal after 0x, and unsigned; one that does not fit 64 bits is no number.
 */
#ifndef LIB_WORDS_H
#define LIB_WORDS_H

#include "lib/types.h"

/*
 * Copies the value of the n-th word (from 0) called `name` into value[0..size), NUL-terminated (size > 0),
 * and returns true; false, and "" in value, if there is none. A value that does not fit is given as "", never
 * cut: half an option is another option.
 */
bool words_nth(const char *text, const char *name, u32 n, char *value, u64 size);

/* The first of them. */
bool words_value(const char *text, const char *name, char *value, u64 size);

/* Reads the number at the start of `text`. Returns what follows it; NULL, with *value as it was, if there is
 * none. */
const char *words_digits(const char *text, u64 *value);

/* True if all of `text` is a number. */
bool words_number(const char *text, u64 *value);

/* The number that is the value of the first `name` in `text`. */
bool words_value_number(const char *text, const char *name, u64 *value);

#endif
