/*
 * The beginning of the service: superblock, recovery, inodes that nobody names any more.
 *
 * Elsewhere a disk that fails is an error to one caller; here it would be the end of all files. So a mount
 * that fails in the disk is made again, MOUNT_TRIES times in all. It may be: until it has succeeded nothing
 * of it is remembered but kept state, each of its writes puts the disk into a state that a mount begins from,
 * and what nobody knows the outcome of is flushed and read
 * again.
 *
 * Start and restart differ in nothing but what they find: at the first start no inode is held and no slot is
 * lent, so each inode without a name is freed; at a restart those that callers hold stay.
 */
#include "lib/string.h"
#include "port/block.h"
#include "port/log.h"
#include "service/fs/core.h"

#define MOUNT_TRIES 3u

/* The last of them does without some inodes, so that a bad place on the disk costs what lies there and not
 * all files. A disk that fails everywhere, perhaps by being silent for seconds each time, is not waited for.
 */
#define PASSED_OVER_MAX 4u

struct port_lock fs_lock;
struct fs_geometry fs_geometry;

/* `count` blocks from `start` on, all before `end`. */
static bool range_is_sound(u32 start, u64 count, u32 end)
{
    return start < end && count <= end - start;
}

/* Checks the superblock in the scratch slot against itself and the disk, and takes what it says. */
static enum err geometry_set(u64 disk_blocks)
{
    const struct xv6fs_super *super =
        (const struct xv6fs_super *)(const void *)port_arena_slot(FS_SLOT_SCRATCH);
    u64 inode_blocks = ((u64)super->ninodes + XV6FS_INODES_PER_BLOCK - 1) / XV6FS_INODES_PER_BLOCK;
    u64 bitmap_blocks = ((u64)super->size + XV6FS_BITS_PER_BLOCK - 1) / XV6FS_BITS_PER_BLOCK;
    u32 data_start = super->size - super->nblocks;
    const char *wrong = NULL;
    if (super->magic != XV6FS_MAGIC)
        wrong = "no such magic number";
    else if (super->size > disk_blocks)
        wrong = "larger than the disk";
    else if (super->nblocks == 0 || super->nblocks >= super->size)
        wrong = "number of data blocks";
    else if (super->ninodes <= XV6FS_ROOT)
        wrong = "number of inodes";
    else if (super->nlog <= FS_LOG_COPIES_MIN)
        wrong = "log too short";
    else if (super->logstart <= XV6FS_SUPER_BLOCK ||
             !range_is_sound(super->logstart, super->nlog, super->inodestart))
        wrong = "place of the log";
    else if (!range_is_sound(super->inodestart, inode_blocks, super->bmapstart))
        wrong = "place of the inodes";
    else if (!range_is_sound(super->bmapstart, bitmap_blocks, data_start))
        wrong = "place of the bitmap";
    if (wrong != NULL) {
        port_log("fs: invalid file system: %s\n", wrong);
        return ERR_CORRUPT;
    }
    fs_geometry = (struct fs_geometry){
        .blocks = super->size,
        .inodes = (u32)min_u64(super->ninodes, FS_INODES_MAX),
        .log_start = super->logstart,
        .log_copies = (u32)min_u64(super->nlog - 1, XV6FS_LOG_MAX),
        .inode_start = super->inodestart,
        .bitmap_start = super->bmapstart,
        .data_start = data_start,
    };
    if (super->ninodes > FS_INODES_MAX)
        port_log("fs: only the first %u of %u inodes are used\n", fs_geometry.inodes, super->ninodes);
    return ERR_OK;
}

static enum err free_orphan(void *inode)
{
    return fs_inode_free(inode);
}

/* The inode blocks are read several at a time. */
static void read_inodes_ahead(u32 number)
{
    u32 blocks[FS_FETCH_MAX];
    u32 first = fs_geometry.inode_start + number / XV6FS_INODES_PER_BLOCK;
    u32 last = fs_geometry.inode_start + (fs_geometry.inodes - 1) / XV6FS_INODES_PER_BLOCK;
    u32 count = (u32)min_u64(last - first + 1, FS_FETCH_MAX);
    for (u32 i = 0; i < count; i++)
        blocks[i] = first + i;
    if (!fs_cache_has(first))
        fs_cache_fetch(blocks, count);
}

/* Frees the inode if nobody names or holds it. What cannot be freed stays, and costs only its room. */
static enum err free_if_orphan(struct fs_inode *inode)
{
    if (inode->disk->nlink != 0 || fs_kept->references[inode->number] != 0)
        return ERR_OK;
    port_log("ireclaim: orphaned inode %u\n", inode->number);
    fs_log_begin();
    enum err err = fs_log_end(fs_log_change(free_orphan, inode));
    if (err == ERR_CORRUPT || err == ERR_NO_SPACE) {
        port_log("fs: inode %u stays: %s\n", inode->number, err_text(err));
        err = ERR_OK;
    }
    return err;
}

static enum err reconcile_inode(u32 number)
{
    struct fs_inode inode;
    if (number % XV6FS_INODES_PER_BLOCK <= 1)
        read_inodes_ahead(number);
    enum err err = fs_inode_open(number, &inode);
    if (err == ERR_CORRUPT) { /* free, most of the time; else every use of it will say so */
        if (number != FS_ROOT)
            fs_kept->references[number] = 0;
        return ERR_OK;
    }
    if (err != ERR_OK)
        return err;
    err = free_if_orphan(&inode);
    fs_inode_close(&inode);
    return err;
}

/*
 * Puts references and inodes right: an inode without links is freed unless somebody holds it; one that is
 * free is held by nobody (a death between the commit that freed it and the end of that operation leaves such
 * a reference). At most `passed_over` blocks of inodes may be ones where the disk fails.
 */
static enum err reconcile(u32 passed_over)
{
    for (u32 number = 1; number < fs_geometry.inodes; number++) {
        enum err err = reconcile_inode(number);
        if (err == ERR_DEVICE && passed_over > 0) {
            passed_over--;
            port_log("fs: the disk fails at inode %u, its block is passed over\n", number);
            number |= XV6FS_INODES_PER_BLOCK - 1;
        } else if (err != ERR_OK) {
            return err;
        }
    }
    for (u32 number = fs_geometry.inodes; number < FS_INODES_MAX; number++)
        fs_kept->references[number] = 0;
    return ERR_OK;
}

static enum err check_root(void)
{
    struct fs_inode root;
    enum err err = fs_inode_open(FS_ROOT, &root);
    if (err != ERR_OK)
        return err;
    if (root.disk->type != XV6FS_DIRECTORY || root.disk->nlink == 0)
        err = ERR_CORRUPT;
    fs_inode_close(&root);
    return err;
}

/* As fs_disk_read() and the like: repeated once, and two deaths of block are a disk that fails, after which
 * the mount is made again. */
static enum err disk_size(u64 *blocks)
{
    enum err err = blk_size(blocks);
    if (err == ERR_PEER_RESTARTED)
        err = blk_size(blocks);
    return err == ERR_OK ? ERR_OK : ERR_DEVICE;
}

/* Everything but kept state begins anew. */
static enum err mount_once(u32 passed_over)
{
    enum err err = fs_cache_start();
    u64 disk_blocks = 0;
    if (err == ERR_OK)
        err = disk_size(&disk_blocks);
    if (err == ERR_OK)
        err = fs_disk_read(XV6FS_SUPER_BLOCK, FS_SLOT_SCRATCH);
    if (err == ERR_OK)
        err = geometry_set(disk_blocks);
    if (err == ERR_OK)
        err = fs_log_start();
    if (err == ERR_OK) {
        fs_requests_settle(fs_log_transaction() - 1);
        fs_inode_start();
        fs_directory_start();
        err = check_root();
    }
    if (err == ERR_OK)
        err = reconcile(passed_over);
    if (err != ERR_OK)
        fs_geometry = (struct fs_geometry){0};
    return err;
}

/*
 * Each begins with a flush. What the former generation asked of the disk may still be under way, into slots
 * that are about to be used anew: a flush waits for all of it (port/block.def). And what was written before,
 * by whomever, must not come to the medium behind what is written now: an empty log that is read here may be
 * in the disk's cache only, and the former header, should it come back, would send the next copies astray.
 */
static enum err mount(void)
{
    enum err err = fs_kept_start();
    if (err != ERR_OK)
        return err;
    for (u32 try = 1; try <= MOUNT_TRIES; try++) {
        err = fs_disk_flush();
        if (err == ERR_OK)
            err = mount_once(try == MOUNT_TRIES ? PASSED_OVER_MAX : 0);
        if (err != ERR_DEVICE)
            break;
        port_log("fs: the disk failed during mount %u of %u\n", try, MOUNT_TRIES);
    }
    return err;
}

/* Nobody else is there yet; the lock is held because the parts below ask for it. */
static enum err start(void)
{
    port_lock_init(&fs_lock, "fs");
    fs_operations_start();
    fs_geometry = (struct fs_geometry){0};
    port_lock_acquire(&fs_lock);
    enum err err = mount();
    port_lock_release(&fs_lock);
    return err;
}

enum err fs_start(void)
{
    return start();
}

enum err fs_restart(void)
{
    return start();
}
