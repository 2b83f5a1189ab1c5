/* What the fs service offers: operations and constants. The contract of each is in port/fs.def. */
#ifndef PORT_FS_H
#define PORT_FS_H

#include "port/operation.h"

#define FS_NO_INODE 0u /* nobody ever holds it */
#define FS_ROOT     1u /* the root directory's inode number */

/* Types of an inode, as on the disk. */
#define FS_TYPE_DIRECTORY 1u
#define FS_TYPE_FILE      2u
#define FS_TYPE_DEVICE    3u

/* A name in a directory: 14 bytes, NUL-padded, in two words: byte i is bits 8i.. of word i / 8. */
#define FS_NAME_MAX 14u

/* Up to four arena slots in one word, 16 bits each, the first in the low bits; FS_NO_SLOT: none there. */
#define FS_SLOTS   4u
#define FS_NO_SLOT 0xffffu

/* Attributes as fs_stat() returns them. */
#define FS_STAT_TYPE(attributes)  ((u32)((attributes)&0xffff))
#define FS_STAT_LINKS(attributes) ((u32)((attributes) >> 16 & 0xffff))
#define FS_STAT_MAJOR(attributes) ((u32)((attributes) >> 32 & 0xffff))
#define FS_STAT_MINOR(attributes) ((u32)((attributes) >> 48 & 0xffff))

#define OPERATION OPERATION_PROTOTYPE
#include "port/fs.def"
#undef OPERATION

enum fs_operation {
#define OPERATION OPERATION_NUMBER
#include "port/fs.def"
#undef OPERATION
    FS_OPERATIONS
};

/*
 * The service's two ways to begin, called by its placement once, before any operation: the first start of
 * all, and the start after a death, which finds kept state (port/keep.h), checks it before it trusts it, and
 * says aloud what it had to give up. Both wait for the disk, to mount it. On an error the service is not
 * available.
 */
enum err fs_start(void);
enum err fs_restart(void);

#endif
