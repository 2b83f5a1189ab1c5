/*
 * Which function contains an address: the table behind FUNCTION+0xOFF in panics and fault reports.
 *
 * tools/symbols.py makes the table from an ELF file. A kernel embeds its own: it is linked once without, and
 * once more with the table in a section behind all others, so that no address moves between the two. All
 * little-endian:
 *
 *   +0   u32 magic, u32 count, u64 base
 *   +16  count entries { u32 offset from base, u32 offset of the name }, ascending by address
 *        names, each NUL-terminated; the last byte of the table is a NUL
 *
 * An entry with an empty name ends the function before it: behind it lies no known function.
 */
#ifndef LIB_SYMBOLS_H
#define LIB_SYMBOLS_H

#include "lib/types.h"

#define SYMBOLS_MAGIC 0x6d797344u /* "Dsym" */

struct symbol_entry {
    u32 offset;
    u32 name;
};

/* Points into the blob, which must stay. All zero: no symbols. */
struct symbol_table {
    const struct symbol_entry *entries;
    const char *names;
    u64 base;
    u32 count;
};

/* Checks the blob (8-byte aligned) as a whole; later look-ups trust it. An empty blob (size 0) is a table
 * without symbols and fine. False: damaged, and the table is without symbols. */
bool symbols_open(struct symbol_table *table, const void *blob, u64 size);

/* The name of the function that contains `address` and the distance from its start; NULL if unknown. */
const char *symbols_find(const struct symbol_table *table, u64 address, u64 *offset);

#endif
