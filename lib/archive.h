/*
 * Named files in one block of memory, read-only: how a root task carries its servers, and micro the boot
 * files.
 *
 * The format is cpio "newc" (cpio(5)): for each file a header of 110 ASCII bytes, the name, the data, the
 * latter two padded to 4 bytes; the file named TRAILER!!! ends it. tools/archive.py also pads names with
 * NULs, as the format allows, so that data starts at a multiple of 4096 bytes; nothing here relies on that.
 */
#ifndef LIB_ARCHIVE_H
#define LIB_ARCHIVE_H

#include "lib/types.h"

struct archive_file {
    const char *name;
    const void *data;
    u64 size;
    u64 next; /* where the next header is */
};

/* Steps to the next file; begins with a `file` of all zeros. False at the end, or where the archive is
 * damaged. */
bool archive_next(const void *archive, u64 size, struct archive_file *file);

/* The data of the first file called `name`, inside the archive, and its size; NULL if there is none. */
const void *archive_find(const void *archive, u64 size, const char *name, u64 *file_size);

#endif
