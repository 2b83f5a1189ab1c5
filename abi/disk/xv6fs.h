/*
 * The disk format of xv6: layout, records and limits. All numbers are little-endian.
 *
 *     block  0            1           logstart        inodestart     bmapstart     size - nblocks     size
 *            +------------+-----------+---------------+--------------+-------------+------------------+
 *            | not used   | super     | header, copies| inodes       | bitmap      | data             |
 *            +------------+-----------+---------------+--------------+-------------+------------------+
 *
 * Where things begin is said by the superblock alone: images with 30 and with 31 log blocks are both common.
 */
#ifndef ABI_DISK_XV6FS_H
#define ABI_DISK_XV6FS_H

#include "lib/types.h"

#define XV6FS_BLOCK_SIZE  1024u
#define XV6FS_SUPER_BLOCK 1u
#define XV6FS_MAGIC       0x10203040u
#define XV6FS_ROOT        1u /* inode number of the root directory; 0 is never an inode */

struct xv6fs_super {
    u32 magic;
    u32 size;    /* blocks of the file system */
    u32 nblocks; /* data blocks, the last ones of the disk */
    u32 ninodes; /* inode numbers are 1 .. ninodes - 1 */
    u32 nlog;    /* blocks of the log, its header included */
    u32 logstart;
    u32 inodestart;
    u32 bmapstart;
};
_Static_assert(sizeof(struct xv6fs_super) == 32, "superblock");

enum xv6fs_type {
    XV6FS_FREE = 0,
    XV6FS_DIRECTORY = 1,
    XV6FS_FILE = 2,
    XV6FS_DEVICE = 3,
};

#define XV6FS_DIRECT      12u
#define XV6FS_INDIRECT    (XV6FS_BLOCK_SIZE / 4u)
#define XV6FS_FILE_BLOCKS (XV6FS_DIRECT + XV6FS_INDIRECT)
#define XV6FS_FILE_SIZE   (XV6FS_FILE_BLOCKS * XV6FS_BLOCK_SIZE) /* 274,432 bytes */
#define XV6FS_LINKS_MAX   32767

struct xv6fs_inode {
    s16 type;
    s16 major, minor;         /* of a device */
    s16 nlink;                /* directory records that name it; a directory's own "." is not counted */
    u32 size;                 /* bytes */
    u32 direct[XV6FS_DIRECT]; /* block numbers; 0: none, reads as zeros */
    u32 indirect;             /* a block of XV6FS_INDIRECT block numbers, or 0 */
};
_Static_assert(sizeof(struct xv6fs_inode) == 64, "inode");

#define XV6FS_INODES_PER_BLOCK (XV6FS_BLOCK_SIZE / 64u)
#define XV6FS_BITS_PER_BLOCK                                                                                 \
    (XV6FS_BLOCK_SIZE * 8u) /* bit b % 8 of byte b / 8; 1: in use, metadata included */

#define XV6FS_NAME_MAX 14u

struct xv6fs_record {
    u16 inode;                 /* 0: free */
    char name[XV6FS_NAME_MAX]; /* NUL-padded; no NUL when all 14 are used */
};
_Static_assert(sizeof(struct xv6fs_record) == 16, "directory record");

#define XV6FS_RECORDS_PER_BLOCK (XV6FS_BLOCK_SIZE / 16u)

/*
 * The first block of the log. count > 0 means: a transaction is committed, and copy i of it, in block
 * logstart + 1 + i, belongs into home[i]. A recovery copies them there, in order, and writes count 0. A block
 * may occur several times: the last copy is the one that stays.
 *
 * xv6 uses the first words only. `sequence`, at the block's end, is Duo's: the number of the last transaction
 * committed, kept when count is 0; xv6 leaves it alone.
 */
#define XV6FS_LOG_MAX 253u /* copies a header has room for */

struct xv6fs_log_header {
    u32 count;
    u32 home[XV6FS_LOG_MAX];
    u64 sequence;
};
_Static_assert(sizeof(struct xv6fs_log_header) == XV6FS_BLOCK_SIZE, "log header");

#endif
