/* Function names by address. The contract and the format are in symbols.h. */
#include "lib/symbols.h"

struct symbol_header {
    u32 magic;
    u32 count;
    u64 base;
};

_Static_assert(sizeof(struct symbol_header) == 16 && sizeof(struct symbol_entry) == 8, "format of the table");

bool symbols_open(struct symbol_table *table, const void *blob, u64 size)
{
    *table = (struct symbol_table){0};
    if (size == 0)
        return true;

    const struct symbol_header *header = blob;
    if (((u64)blob & 7) != 0 || size < sizeof(*header) || header->magic != SYMBOLS_MAGIC ||
        header->count > (size - sizeof(*header)) / sizeof(struct symbol_entry))
        return false;
    const struct symbol_entry *entries = (const void *)(header + 1);
    const char *names = (const char *)(entries + header->count);
    u64 names_size = size - sizeof(*header) - header->count * sizeof(struct symbol_entry);
    /* With a NUL at the very end every name that starts inside ends inside. */
    if (names_size == 0 || names[names_size - 1] != '\0')
        return false;
    for (u32 i = 0; i < header->count; i++)
        if (entries[i].name >= names_size || (i > 0 && entries[i].offset <= entries[i - 1].offset))
            return false;
    *table = (struct symbol_table){entries, names, header->base, header->count};
    return true;
}

const char *symbols_find(const struct symbol_table *table, u64 address, u64 *offset)
{
    if (table->count == 0 || address < table->base || address - table->base < table->entries[0].offset)
        return NULL;
    u64 wanted = address - table->base;

    /* entries[low] lies at or below the address, entries[high] (or the end) above it. */
    u32 low = 0;
    u32 high = table->count;
    while (high - low > 1) {
        u32 middle = low + (high - low) / 2;
        if (table->entries[middle].offset <= wanted)
            low = middle;
        else
            high = middle;
    }
    const char *name = table->names + table->entries[low].name;
    if (name[0] == '\0')
        return NULL;
    *offset = wanted - table->entries[low].offset;
    return name;
}
