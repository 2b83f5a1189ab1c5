/*
 * What the parts of the file system share. Lowest first; each part calls only those above it in this list,
 * but for kept.c, which asks log.c about the transaction under way:
 *
 *   kept.c       what survives a death: references to inodes, lent slots
 *   cache.c      disk blocks in arena slots
 *   log.c        transactions: all blocks an operation changes reach the disk together or not at all
 *   inode.c      inodes, their blocks, the bitmap
 *   directory.c  names
 *   mount.c      superblock, start and restart
 *   fs.c         the operations of port/fs.def
 *
 * Locking: fs_lock guards everything here. It is released while anybody waits: for the disk, for another's
 * read of the same block, for the turn, for a commit. So a reader of cached blocks waits for nobody's disk.
 * Order of what can be waited for; nobody waits for something to the left of what he has:
 *
 *     the turn (log.c)  ->  a block being read (cache.c)  ->  block's requests
 *
 * The turn is the right to change anything: one operation at a time has it, or a commit. What an operation
 * learnt before it waited may be outdated after; those with the turn need not care, since only they could
 * have changed it.
 *
 * An operation changes blocks in an attempt (fs_log_change): from its beginning to its end fs_lock is held,
 * nothing is waited for, and a block that is not in the cache ends it: the attempt is undone, the block read,
 * and the attempt made again. So nobody sees half a change, and none is left behind by an error.
 *
 * Trust: bytes on the disk are hostile. Whatever comes from there and is used as a number of a block, an
 * inode or a size is checked where it is read, and ERR_CORRUPT says that the check failed. Assertions speak
 * of our own state only.
 */
#ifndef FS_CORE_H
#define FS_CORE_H

#include "abi/disk/xv6fs.h"
#include "lib/err.h"
#include "port/arena.h"
#include "port/fs.h"
#include "port/request.h"
#include "port/sync.h"

extern struct port_lock fs_lock;

/* ---- mount.c ---- */

/* The superblock after its check: every range lies on the disk, and none overlaps another. Zero: not mounted.
 */
struct fs_geometry {
    u32 blocks; /* of the file system: block numbers are below */
    u32 inodes; /* inode numbers are below */
    u32 log_start, log_copies;
    u32 inode_start;
    u32 bitmap_start;
    u32 data_start; /* data blocks are data_start .. blocks - 1 */
};
extern struct fs_geometry fs_geometry;

/* ---- kept.c ---- */

#define FS_INODES_MAX  16384u
#define FS_BUFFERS_MAX 4096u

#define FS_LENT_TO_WRITER 0x8000u /* by slots_lend: one borrower; else the number of readers */

/*
 * The last request of a caller that has taken effect, or will have if its transaction is committed: a later
 * generation that meets the same identity gives the same answer and does nothing else.
 */
struct fs_request {
    u64 identity;    /* port/request.h; 0: none */
    u64 transaction; /* which it is part of; 0: of none, it has happened */
    u64 answer;      /* its out value: an inode or slots */
    u64 taken;       /* the inode it took a reference to, with its transaction; 0: none */
};

/*
 * An inode with a reference is not freed, linked or not. The root has one of its own, so it is always held.
 * A lent slot is not used for anything else until it is given back, also by the next generation.
 */
struct fs_kept {
    u16 references[FS_INODES_MAX];
    u16 lent[FS_BUFFERS_MAX];
    struct fs_request requests[PORT_REQUEST_CALLERS];
};
extern struct fs_kept *fs_kept;

/* ERR_NO_MEMORY: the placement has none. */
enum err fs_kept_start(void);

/*
 * Requests with an identity; for one without all of these do nothing.
 *
 * note: the request under way is answered so. As the last part of the kept step that makes it happen, which
 *       the caller has opened and commits; or in the change that makes it happen (note_change), so that it
 *       counts only if that transaction is committed. What has changed nothing is not noted: it may be
 *       repeated.
 * done: whether a former generation has answered it; `answer` is written only then.
 */
bool fs_request_done(u64 *answer);
void fs_request_note(u64 answer);
void fs_request_note_change(u64 answer);
/* With a reference to the inode, which goes again if the transaction is not committed. */
void fs_request_note_created(u32 inode);
void fs_request_undo_created(u32 inode); /* the transaction has failed */
/* No request was part of this transaction, which has failed. */
void fs_requests_failed(u64 transaction);
/* At the start: what was part of a transaction later than the last one committed has not happened. */
void fs_requests_settle(u64 committed);
/* At the end of the callers. */
void fs_requests_forget(void);

bool fs_held(u64 inode);           /* whether callers hold it: the check of every inode argument */
bool fs_reference_room(u32 inode); /* whether one more can be counted */
/* By the request under way, which is answered with the inode: there is room; it has one. */
void fs_reference_take(u32 inode);
void fs_reference_drop(u32 inode);

/* ---- cache.c ----
 *
 * A slot of the arena is at any time
 *   free:     no block, no borrower; on the list of slots to take
 *   a buffer: holds one block of the disk; on that list while nobody pins or borrows it
 *   lent:     no block, but borrowers: filled by unix for a write, or a former buffer somebody still reads
 *
 * get pins, put unpins; a pinned or lent buffer stays what it is. Two slots are apart: one of zeros, one for
 * headers.
 */
#define FS_BUFFERS_MIN  24u /* fewer slots cannot hold a transaction and its surroundings */
#define FS_SLOT_ZERO    0u  /* what a hole of a file reads as; lent, never written */
#define FS_SLOT_SCRATCH 1u  /* superblock and log header on their way */

/* Empties the cache; slots that the kept state calls lent stay so. ERR_NO_MEMORY: the arena is too small. */
enum err fs_cache_start(void);

/* The buffer of `block`, pinned. May wait. ERR_DEVICE; ERR_NO_MEMORY: every slot is pinned or lent. In an
 * attempt it does not wait: any error, and fs_cache_attempt_end() tells the block. */
enum err fs_cache_get(u32 block, u32 *slot);
/* The same without reading, in an attempt only: unless it was `cached` the bytes are rubbish, and the caller
 * fills or forgets them. */
enum err fs_cache_get_blank(u32 block, u32 *slot, bool *cached);
/* A slot for bytes that are no block's, pinned; put gives it back. ERR_NO_MEMORY. */
enum err fs_cache_take_slot(u32 *slot);
/* Reads those of the blocks (0: none) that are not cached in one request. What fails is left out. */
#define FS_FETCH_MAX 5u
void fs_cache_fetch(const u32 *blocks, u32 count);
/* Whether it is there, so that get does not wait. */
bool fs_cache_has(u32 block);
/* Between these two get does not wait. end: the first block that was wanted and not there; 0: none. */
void fs_cache_attempt_begin(void);
u32 fs_cache_attempt_end(void);
void fs_cache_pin(u32 slot); /* once more */
void fs_cache_put(u32 slot);
/* The slot, pinned by the caller, is no block's buffer any more: what it holds is not what the disk holds. */
void fs_cache_forget(u32 slot);

/* Slots in the one word of port/fs.h, and the slots before its first FS_NO_SLOT. */
#define FS_SLOTS_NONE (~0ul)
u64 fs_slots_pack(const u32 *slots, u32 count);
u32 fs_slots_unpack(u64 word, u32 *slots);

/* Each of the next three is one kept step, and answers the request under way. */

/* Lends `count` pinned buffers to readers (the same one may occur again). ERR_NO_MEMORY: too many. */
enum err fs_cache_lend(const u32 *slots, u32 count);
/* Lends `count` slots to a writer. ERR_NO_MEMORY: then none. */
enum err fs_cache_lend_empty(u32 *slots, u32 count);
bool fs_cache_lent_to_writer(u32 slot);
/* Takes back what was lent, to readers or to a writer. ERR_ARGUMENT: one of them is not lent so; then none.
 */
enum err fs_cache_take_back(const u32 *slots, u32 count, bool from_writer);

/* Takes back all that was lent to anybody. */
void fs_cache_take_all_back(void);

/* A block whose newest version lies in the log and not at its home is read from there. */
void fs_cache_copy_is_at(u32 block, u32 place); /* a later word on a block outdates an earlier one */
void fs_cache_copies_are_home(void);            /* all of them */

/* The disk, for cache and log; fs_lock is released meanwhile: a request cut off by a restart of block is
 * repeated once. ERR_DEVICE. */
enum err fs_disk_read(u32 block, u32 slot);
enum err fs_disk_read_many(const u32 *blocks, const u32 *slots, u32 count); /* at most FS_FETCH_MAX */
enum err fs_disk_write(u32 block, u32 slot);
enum err fs_disk_write_many(const u32 *blocks, const u32 *slots, u32 count); /* in any order */
enum err fs_disk_flush(void);

/* ---- log.c ---- */

#define FS_LOG_COPIES_MIN                                                                                    \
    12u /* the most blocks an operation changes: a write of four new blocks, see fs_write() */

/* Completes or discards what the log on the disk holds. ERR_CORRUPT: its header is damaged; nothing is
 * written then. */
enum err fs_log_start(void);

/* The most blocks one operation may change of which it needs what they held before. */
#define FS_LOG_OLD_MAX 32u

/* Takes the turn; waits for it. */
void fs_log_begin(void);
/*
 * Makes the change: calls change(argument), again and again if need be, see above; it finds everything as it
 * was each time. ERR_OK: it is made, and on the disk when fs_log_end() has returned ERR_OK. Else nothing has
 * happened. ERR_DEVICE: the disk fails; ERR_NO_SPACE: also if the change is too large for the log.
 */
enum err fs_log_change(enum err (*change)(void *argument), void *argument);
/* Gives the turn on and waits until what was changed is on the disk, together with what others change
 * meanwhile. Returns `err` if that is not ERR_OK. ERR_DEVICE: nothing has happened. */
enum err fs_log_end(enum err err);
/* With the turn: everything to its home, and the log empty. ERR_DEVICE. */
enum err fs_log_empty(void);
/* The number of the transaction that a change belongs to. The last one committed is one less. */
u64 fs_log_transaction(void);
/* With the turn: whether its holder has changed anything. */
bool fs_log_has_changed(void);
/*
 * An inode made by a transaction is nobody else's before that is committed: a death would take it from them,
 * and give its number to another. made: in a change. wait: true if it had to, until there is no such
 * transaction.
 */
void fs_log_made(u32 inode);
bool fs_log_wait_for(u32 inode);

/* In a change: */
/* The bytes of `block`, to be changed; any error ends the attempt. */
enum err fs_log_block(u32 block, u8 **bytes);
enum err fs_log_block_blank(u32 block, u8 **bytes); /* without reading; the caller fills them */
/* Another number for each attempt. */
u32 fs_log_attempt(void);

/* ---- inode.c ---- */

/* An inode's record in its buffer, which stays pinned from open to close. */
struct fs_inode {
    u32 number;
    u32 slot;
    struct xv6fs_inode *disk;
};

/* ERR_CORRUPT: a number out of range, a free inode, or one whose fields cannot be. Open inodes are closed in
 * any order. */
enum err fs_inode_open(u64 number, struct fs_inode *inode);
void fs_inode_close(struct fs_inode *inode);

/* In a change: */
enum err fs_inode_edit(struct fs_inode *inode); /* before the record is changed */
/* A free inode as one of `type`, links 0, opened. ERR_NO_SPACE. */
enum err fs_inode_allocate(u32 type, u64 device, struct fs_inode *inode);
/* Frees the blocks; size 0. */
enum err fs_inode_truncate(struct fs_inode *inode);
/* The same, and the inode itself. */
enum err fs_inode_free(struct fs_inode *inode);
/* The `index`-th block of the file, which is made if there is none. */
enum err fs_inode_make_block(struct fs_inode *inode, u32 index, u32 *block);

/* Anywhere: the `index`-th block; 0: there is none. */
enum err fs_inode_find_block(const struct fs_inode *inode, u32 index, u32 *block);
bool fs_inode_is_empty(const struct fs_inode *inode); /* size 0, and no blocks */
/* Reads the `index`-th block and those behind it, up to `end`, if the first is not cached. */
void fs_inode_read_ahead(const struct fs_inode *inode, u32 index, u32 end);

/* At the start: nothing is known about what is free. */
void fs_inode_start(void);
/* An inode that may be free although it was held is not held any more. */
void fs_inode_not_held(u32 number);
/* Grows whenever an inode or a block may have been freed: who has waited then looks again. */
extern u64 fs_inode_cuts;

/* ---- directory.c ---- */

/* A name as its record holds it, to be compared in two words. */
struct fs_name {
    u64 word[2];
};

/* ERR_ARGUMENT: no name, or with a slash, or with bytes behind its end. */
enum err fs_name_make(u64 name0, u64 name1, struct fs_name *name);
bool fs_name_equal(const struct fs_name *a, const struct fs_name *b);
extern const struct fs_name fs_name_dot, fs_name_dot_dot;

/* At the start: nothing is known about where names are. */
void fs_directory_start(void);

/* Finds the record of `name`: its inode (in range) and its offset. ERR_NOT_FOUND: `offset` is where a new
 * record goes, the lowest free one. ERR_NOT_DIRECTORY. */
enum err fs_directory_find(const struct fs_inode *directory, const struct fs_name *name, u32 *inode,
                           u32 *offset);
/* In a change: sets the record at the offset that find gave. `name` NULL: frees it. ERR_NO_SPACE. */
enum err fs_directory_set(struct fs_inode *directory, u32 offset, const struct fs_name *name, u32 inode);
/* ERR_NOT_EMPTY if a record beyond "." and ".." is in use. */
enum err fs_directory_check_empty(const struct fs_inode *directory);

/* ---- fs.c ---- */

/* At the start: no operation is under way. */
void fs_operations_start(void);

#endif
