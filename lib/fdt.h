/*
 * Flattened device trees, read in place (Devicetree Specification 0.4, chapter 5).
 *
 * fdt_open() checks the whole tree once; every later step still checks its own bounds, so that nothing
 * outside the blob is read whatever it contains. A tree is walked depth-first, parents before children:
 *
 *   struct fdt_node node;
 *   for (bool more = fdt_first(&fdt, &node); more; more = fdt_next(&fdt, &node))
 *       ...
 *
 * A node is a value: a copy of it marks the place. The descendants of a node are those that follow it while
 * their depth is larger than its own. Nothing waits or writes; pointers given out point into the blob, which
 * must stay.
 */
#ifndef LIB_FDT_H
#define LIB_FDT_H

#include "lib/types.h"

/* Deeper trees are refused. Real ones have 5 or 6 levels. */
#define FDT_DEPTH_MAX 16

struct fdt {
    const u8 *structure; /* the structure block */
    u64 structure_size;
    const char *strings; /* the strings block; its last byte is a NUL */
    u64 strings_size;
    u64 total_size;
};

struct fdt_node {
    const char *name; /* with its unit address: "uart@10000000"; "" for the root */
    u32 depth;        /* 0 for the root */
    u32 at;           /* behind the name, in the structure block: where the properties start */
    /* #address-cells and #size-cells for the reg of nodes at each depth, along the path to this node. Cut to
     * 255. */
    u8 address_cells[FDT_DEPTH_MAX + 1];
    u8 size_cells[FDT_DEPTH_MAX + 1];
};

/* The size a tree says it has, from its first 8 bytes; 0 if it is none. To know how much to map. */
u64 fdt_total_size(const void *blob);

/* Checks the tree, of which at most `max` bytes may be read. Any alignment. False: not a sound tree. */
bool fdt_open(struct fdt *fdt, const void *blob, u64 max);

/* The root; the next node in depth-first order. False at the end, with the node as it was. */
bool fdt_first(const struct fdt *fdt, struct fdt_node *node);
bool fdt_next(const struct fdt *fdt, struct fdt_node *node);

/* The node at an absolute path. A part of it without `@` also fits a node with a unit address; the first one
 * counts. */
bool fdt_find_path(const struct fdt *fdt, const char *path, struct fdt_node *node);

/* The value of a property (it may be empty, any alignment) and its length; NULL if the node has none of this
 * name. */
const void *fdt_property(const struct fdt *fdt, struct fdt_node node, const char *name, u32 *length);

/* A property that is a string; NULL if absent or not NUL-terminated. Of a list of strings this is the first.
 */
const char *fdt_string(const struct fdt *fdt, struct fdt_node node, const char *name);

/* A property that is a number of one or two cells. */
bool fdt_number(const struct fdt *fdt, struct fdt_node node, const char *name, u64 *value);

/* True if a property that is a list of strings, as fdt_property() gave it, holds `text`. */
bool fdt_list_has(const char *list, u32 length, const char *text);

/* True if the node's compatible list names `compatible`. */
bool fdt_compatible(const struct fdt *fdt, struct fdt_node node, const char *compatible);

/* The index-th (address, size) pair of reg, by the cells of the parent; the size is 0 if its cells are none.
 * False if there is no such pair, or the cells do not fit 64 bits. Not translated through the ranges of
 * parents. */
bool fdt_reg(const struct fdt *fdt, struct fdt_node node, u32 index, u64 *address, u64 *size);

/* Big-endian numbers at any address. */
u32 fdt_u32(const void *bytes);
u64 fdt_u64(const void *bytes);

#endif
