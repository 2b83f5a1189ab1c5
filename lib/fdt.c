/*
 * Flattened device trees. The contract is in fdt.h.
 *
 * One decoder, read_token(), reads the structure block, and checks every bound each time; the check of the
 * whole tree, the walk and the search for a property are loops over it.
 */
#include "lib/fdt.h"
#include "lib/string.h"

#define FDT_MAGIC 0xd00dfeedu
#define FDT_VERSION                                                                                          \
    17u /* of the specification 0.4; later versions must say that they can be read as this one */

/* Header fields, as byte offsets: section 5.2. */
#define HEADER_TOTALSIZE         4
#define HEADER_OFF_STRUCT        8
#define HEADER_OFF_STRINGS       12
#define HEADER_VERSION           20
#define HEADER_LAST_COMP_VERSION 24
#define HEADER_SIZE_STRINGS      32
#define HEADER_SIZE_STRUCT       36
#define HEADER_SIZE              40u

/* Section 5.4.1. */
enum token_kind {
    TOKEN_BEGIN_NODE = 1,
    TOKEN_END_NODE = 2,
    TOKEN_PROP = 3,
    TOKEN_NOP = 4,
    TOKEN_END = 9,
};

struct token {
    enum token_kind kind;
    const char *name;  /* of a node or a property */
    const void *value; /* of a property */
    u32 length;
};

/* Section 2.3.5: what holds where the parent does not say. */
#define DEFAULT_ADDRESS_CELLS 2
#define DEFAULT_SIZE_CELLS    1

u32 fdt_u32(const void *bytes)
{
    const u8 *b = bytes;
    return (u32)b[0] << 24 | (u32)b[1] << 16 | (u32)b[2] << 8 | b[3];
}

u64 fdt_u64(const void *bytes)
{
    return (u64)fdt_u32(bytes) << 32 | fdt_u32((const u8 *)bytes + 4);
}

u64 fdt_total_size(const void *blob)
{
    return fdt_u32(blob) == FDT_MAGIC ? fdt_u32((const u8 *)blob + HEADER_TOTALSIZE) : 0;
}

/* Decodes the token at *at and moves *at behind it, skipping NOPs. False where there is none or it is
 * damaged. */
static bool read_token(const struct fdt *fdt, u32 *at, struct token *token)
{
    const u8 *bytes = fdt->structure;
    u64 size = fdt->structure_size;
    u64 i = *at;
    u32 kind;
    do {
        if (i > size || size - i < 4)
            return false;
        kind = fdt_u32(bytes + i);
        i += 4;
    } while (kind == TOKEN_NOP);

    *token = (struct token){.kind = (enum token_kind)kind};
    switch (kind) {
    case TOKEN_BEGIN_NODE:
        token->name = (const char *)bytes + i;
        do {
            if (i >= size)
                return false;
        } while (bytes[i++] != '\0');
        break;
    case TOKEN_PROP: {
        if (size - i < 8)
            return false;
        token->length = fdt_u32(bytes + i);
        u32 name = fdt_u32(bytes + i + 4);
        i += 8;
        if (token->length > size - i || name >= fdt->strings_size)
            return false;
        token->name = fdt->strings + name;
        token->value = bytes + i;
        i += token->length;
        break;
    }
    case TOKEN_END_NODE:
    case TOKEN_END:
        break;
    default:
        return false;
    }
    *at = (u32)round_up(
        i, 4); /* at most 2^32 - 4: the whole tree has a size of 32 bits, and starts with its header */
    return true;
}

/* One root that is closed before the end; in each node the properties come before the children
 * (section 5.4.2). */
static bool check_structure(const struct fdt *fdt)
{
    struct token token;
    u32 at = 0;
    u32 open = 0; /* nodes begun and not ended */
    bool properties_allowed = false;

    if (!read_token(fdt, &at, &token) || token.kind != TOKEN_BEGIN_NODE)
        return false;
    for (open = 1, properties_allowed = true; open > 0;) {
        if (!read_token(fdt, &at, &token))
            return false;
        switch (token.kind) {
        case TOKEN_BEGIN_NODE:
            if (++open > FDT_DEPTH_MAX)
                return false;
            properties_allowed = true;
            break;
        case TOKEN_END_NODE:
            open--;
            properties_allowed = false;
            break;
        case TOKEN_PROP:
            if (!properties_allowed)
                return false;
            break;
        default:
            return false;
        }
    }
    return read_token(fdt, &at, &token) && token.kind == TOKEN_END;
}

/* Section [offset, offset + size) as the header's two fields say. */
static bool read_block(const u8 *blob, u64 total, u32 offset_field, u32 size_field, const u8 **block,
                       u64 *size)
{
    u64 offset = fdt_u32(blob + offset_field);
    *size = fdt_u32(blob + size_field);
    *block = blob + offset;
    return offset >= HEADER_SIZE && offset <= total && *size <= total - offset;
}

bool fdt_open(struct fdt *fdt, const void *blob, u64 max)
{
    const u8 *bytes = blob;
    const u8 *strings;

    *fdt = (struct fdt){0};
    if (max < HEADER_SIZE)
        return false;
    struct fdt opened = {.total_size = fdt_total_size(blob)};
    if (opened.total_size < HEADER_SIZE || opened.total_size > max ||
        fdt_u32(bytes + HEADER_VERSION) < FDT_VERSION ||
        fdt_u32(bytes + HEADER_LAST_COMP_VERSION) > FDT_VERSION)
        return false;
    if (!read_block(bytes, opened.total_size, HEADER_OFF_STRUCT, HEADER_SIZE_STRUCT, &opened.structure,
                    &opened.structure_size) ||
        !read_block(bytes, opened.total_size, HEADER_OFF_STRINGS, HEADER_SIZE_STRINGS, &strings,
                    &opened.strings_size))
        return false;
    opened.strings = (const char *)strings;
    /* With a NUL at the very end every string that starts inside ends inside. */
    if (opened.strings_size > 0 && opened.strings[opened.strings_size - 1] != '\0')
        return false;
    if (!check_structure(&opened))
        return false;
    *fdt = opened;
    return true;
}

/* Moves `node` to the one whose BEGIN_NODE token was just read; its own depth is set already. */
static void enter(struct fdt_node *node, const struct token *token, u32 at)
{
    node->name = token->name;
    node->at = at;
    node->address_cells[node->depth + 1] = DEFAULT_ADDRESS_CELLS;
    node->size_cells[node->depth + 1] = DEFAULT_SIZE_CELLS;
}

bool fdt_first(const struct fdt *fdt, struct fdt_node *node)
{
    struct token token;
    u32 at = 0;
    if (!read_token(fdt, &at, &token) || token.kind != TOKEN_BEGIN_NODE)
        return false;
    *node = (struct fdt_node){.address_cells = {DEFAULT_ADDRESS_CELLS}, .size_cells = {DEFAULT_SIZE_CELLS}};
    enter(node, &token, at);
    return true;
}

/* A number of cells, cut so that it fits its array; what is cut is far beyond what fdt_reg() accepts. */
static u8 read_cells(const struct token *token)
{
    return token->length == 4 ? (u8)min_u64(fdt_u32(token->value), 255) : 255;
}

bool fdt_next(const struct fdt *fdt, struct fdt_node *node)
{
    struct fdt_node next = *node;
    struct token token;
    u32 at = node->at;
    /* Below: `next.depth` is the depth of the innermost open node, `inside` says that its properties are
     * still to come. */
    bool inside = true;
    while (read_token(fdt, &at, &token)) {
        switch (token.kind) {
        case TOKEN_BEGIN_NODE:
            if (next.depth + 1 >= FDT_DEPTH_MAX)
                return false;
            next.depth++;
            enter(&next, &token, at);
            *node = next;
            return true;
        case TOKEN_PROP:
            if (inside && strcmp(token.name, "#address-cells") == 0)
                next.address_cells[next.depth + 1] = read_cells(&token);
            else if (inside && strcmp(token.name, "#size-cells") == 0)
                next.size_cells[next.depth + 1] = read_cells(&token);
            break;
        case TOKEN_END_NODE:
            if (next.depth == 0)
                return false;
            next.depth--;
            inside = false;
            break;
        default:
            return false;
        }
    }
    return false;
}

/* Whether `name` is the part [part, part + length) of a path, with or without a unit address. */
static bool name_fits(const char *name, const char *part, u64 length)
{
    if (strncmp(name, part, length) != 0)
        return false;
    return name[length] == '\0' || name[length] == '@';
}

bool fdt_find_path(const struct fdt *fdt, const char *path, struct fdt_node *node)
{
    struct fdt_node at;
    if (path[0] != '/' || !fdt_first(fdt, &at))
        return false;
    for (;;) {
        while (*path == '/')
            path++;
        if (*path == '\0')
            break;
        u64 length = 0;
        while (path[length] != '\0' && path[length] != '/')
            length++;
        /* Among the children of `at`, which follow it in the walk and are one deeper. */
        u32 parent = at.depth;
        do {
            if (!fdt_next(fdt, &at) || at.depth <= parent)
                return false;
        } while (at.depth != parent + 1 || !name_fits(at.name, path, length));
        path += length;
    }
    *node = at;
    return true;
}

const void *fdt_property(const struct fdt *fdt, struct fdt_node node, const char *name, u32 *length)
{
    struct token token;
    while (read_token(fdt, &node.at, &token) && token.kind == TOKEN_PROP)
        if (strcmp(token.name, name) == 0) {
            *length = token.length;
            return token.value;
        }
    return NULL;
}

const char *fdt_string(const struct fdt *fdt, struct fdt_node node, const char *name)
{
    u32 length;
    const char *text = fdt_property(fdt, node, name, &length);
    return text && length > 0 && text[length - 1] == '\0' ? text : NULL;
}

bool fdt_number(const struct fdt *fdt, struct fdt_node node, const char *name, u64 *value)
{
    u32 length;
    const void *bytes = fdt_property(fdt, node, name, &length);
    if (!bytes || (length != 4 && length != 8))
        return false;
    *value = length == 4 ? fdt_u32(bytes) : fdt_u64(bytes);
    return true;
}

bool fdt_list_has(const char *list, u32 length, const char *text)
{
    if (!list || length == 0 || list[length - 1] != '\0')
        return false;
    for (const char *end = list + length; list < end; list += strlen(list) + 1)
        if (strcmp(list, text) == 0)
            return true;
    return false;
}

bool fdt_compatible(const struct fdt *fdt, struct fdt_node node, const char *compatible)
{
    u32 length = 0;
    const char *list = fdt_property(fdt, node, "compatible", &length);
    return fdt_list_has(list, length, compatible);
}

/* A number of `cells` cells, 0 to 2. */
static u64 read_number(const u8 *bytes, u32 cells)
{
    return cells == 0 ? 0 : cells == 1 ? fdt_u32(bytes) : fdt_u64(bytes);
}

bool fdt_reg(const struct fdt *fdt, struct fdt_node node, u32 index, u64 *address, u64 *size)
{
    u32 address_cells = node.address_cells[node.depth];
    u32 size_cells = node.size_cells[node.depth];
    u32 length;
    const u8 *reg = fdt_property(fdt, node, "reg", &length);
    if (!reg || address_cells == 0 || address_cells > 2 || size_cells > 2)
        return false;
    u32 pair = 4 * (address_cells + size_cells);
    if (index >= length / pair)
        return false;
    reg += index * pair;
    *address = read_number(reg, address_cells);
    *size = read_number(reg + 4 * (u64)address_cells, size_cells);
    return true;
}
