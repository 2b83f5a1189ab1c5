/* What the block service offers: operations and constants. The contract of each is in port/block.def. */
#ifndef PORT_BLOCK_H
#define PORT_BLOCK_H

#include "port/operation.h"

#define BLK_BLOCK_SIZE 1024u /* bytes; a block is two sectors */

/* One transfer of read_many and write_many in a word: the block, and the slot in the low bits. */
#define BLK_MANY              5u /* transfers in one operation */
#define BLK_SLOT_BITS         16
#define BLK_SLOT_MASK         0xfffful
#define BLK_WORD(block, slot) ((u64)(block) << BLK_SLOT_BITS | (u64)(slot))
#define BLK_NONE              (~0ul) /* no transfer, and none behind it */

#define OPERATION OPERATION_PROTOTYPE
#include "port/block.def"
#undef OPERATION

enum blk_operation {
#define OPERATION OPERATION_NUMBER
#include "port/block.def"
#undef OPERATION
    BLOCK_OPERATIONS
};

/*
 * The service's two ways to begin, called by its placement once, before any operation: the first start of
 * all, and the start after a death. Both wait for the device, as a request does; nothing is kept but the page
 * of the device's queue, and the device is reset before that is touched. On an error the service is not
 * available.
 */
enum err blk_start(void);
enum err blk_restart(void);

#endif
