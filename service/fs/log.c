/*
 * The log: transactions on the disk, in xv6's format (abi/disk/xv6fs.h).
 *
 * A commit goes
 *
 *     copies into the log; flush; header with their count; flush      from here on it has happened
 *     blocks to their homes; flush; header with count 0; flush        from here on the log is free
 *
 * Without the flushes a disk may keep a later write and lose an earlier one, and a header would speak for
 * copies that are not there. The last one keeps the next transaction's copies from landing under this one's
 * header.
 *
 * States, and what leads from one to the next:
 *
 *     IDLE     the header on the disk says 0
 *     OPEN     an operation changes buffers; nothing is on the disk         log_begin
 *     INSTALL  committed; the header says count; homes are to be written    the second flush
 *     CLEAR    the header is to be written with 0                           homes written; or a header of
 * unknown fate
 *
 * When the disk fails, INSTALL or CLEAR stays, and the next log_begin tries again before anything else may
 * change. In INSTALL the buffers stay pinned, so reads see what was committed. CLEAR after a header whose
 * write failed: the operation is told ERR_DEVICE and forgotten; should power fail before the header is
 * cleared, the next start may find and complete it, as a whole.
 *
 * Locking: fs_lock.
 */
#include "port/log.h"
#include "lib/string.h"
#include "service/fs/core.h"

enum state {
    LOG_IDLE,
    LOG_OPEN,
    LOG_INSTALL,
    LOG_CLEAR,
};

static struct {
    enum state state;
    u32 count;
    u32 home[XV6FS_LOG_MAX]; /* block numbers, each once */
    u32 slot[XV6FS_LOG_MAX]; /* their buffers, pinned */
    u64 sequence;            /* number of the last transaction committed */
} transaction;

static enum err write_header(u32 count)
{
    struct xv6fs_log_header *header = (struct xv6fs_log_header *)port_arena_slot(FS_SLOT_SCRATCH);
    memset(header, 0, sizeof *header);
    header->count = count;
    memcpy(header->home, transaction.home, count * sizeof transaction.home[0]);
    header->sequence = transaction.sequence;
    enum err err = fs_disk_write(fs_geometry.log_start, FS_SLOT_SCRATCH);
    return err != ERR_OK ? err : fs_disk_flush();
}

static void release(bool forget)
{
    for (u32 i = 0; i < transaction.count; i++) {
        if (forget)
            fs_cache_forget(transaction.slot[i]);
        fs_cache_put(transaction.slot[i]);
    }
    transaction.count = 0;
}

/* Brings INSTALL and CLEAR to IDLE, or leaves the state from which to go on. */
static enum err settle(void)
{
    enum err err = ERR_OK;
    if (transaction.state == LOG_INSTALL) {
        for (u32 i = 0; i < transaction.count && err == ERR_OK; i++)
            err = fs_disk_write(transaction.home[i], transaction.slot[i]);
        if (err == ERR_OK)
            err = fs_disk_flush();
        if (err != ERR_OK)
            return err;
        release(false);
        transaction.state = LOG_CLEAR;
    }
    if (transaction.state == LOG_CLEAR) {
        err = write_header(0);
        if (err == ERR_OK)
            transaction.state = LOG_IDLE;
    }
    return err;
}

/* Whether a header may send a copy there: every block behind the superblock but those of the log itself. */
static bool is_home(u32 block)
{
    return block > XV6FS_SUPER_BLOCK && block < fs_geometry.blocks &&
           (block < fs_geometry.log_start || block - fs_geometry.log_start > fs_geometry.log_copies);
}

enum err fs_log_start(void)
{
    memset(&transaction, 0, sizeof transaction);
    enum err err = fs_disk_read(fs_geometry.log_start, FS_SLOT_SCRATCH);
    if (err != ERR_OK)
        return err;
    const struct xv6fs_log_header *header = (const void *)port_arena_slot(FS_SLOT_SCRATCH);
    u32 count = header->count;
    transaction.sequence = header->sequence;
    if (count == 0)
        return ERR_OK;
    if (count > fs_geometry.log_copies) {
        port_log("fs: log header damaged: %u copies, room for %u\n", count, fs_geometry.log_copies);
        return ERR_CORRUPT;
    }
    for (u32 i = 0; i < count; i++) {
        transaction.home[i] = header->home[i];
        if (!is_home(transaction.home[i])) {
            port_log("fs: log header damaged: copy %u belongs to block %u\n", i, transaction.home[i]);
            return ERR_CORRUPT;
        }
    }
    for (u32 i = 0; i < count && err == ERR_OK; i++) {
        port_log("recovering tail %u dst %u\n", i, transaction.home[i]);
        err = fs_disk_read(fs_geometry.log_start + 1 + i, FS_SLOT_SCRATCH);
        if (err == ERR_OK)
            err = fs_disk_write(transaction.home[i], FS_SLOT_SCRATCH);
    }
    if (err == ERR_OK)
        err = fs_disk_flush();
    if (err != ERR_OK)
        return err;
    transaction.state = LOG_CLEAR;
    return settle();
}

enum err fs_log_begin(void)
{
    port_assert(transaction.state != LOG_OPEN, "fs: transaction inside a transaction");
    enum err err = settle();
    if (err == ERR_OK)
        transaction.state = LOG_OPEN;
    return err;
}

/* Puts a pinned buffer under the log's own pin, once. */
static enum err add(u32 block, u32 slot)
{
    port_assert(transaction.state == LOG_OPEN, "fs: change outside a transaction");
    for (u32 i = 0; i < transaction.count; i++)
        if (transaction.slot[i] == slot)
            return ERR_OK;
    if (transaction.count == fs_geometry.log_copies)
        return ERR_NO_SPACE;
    fs_cache_pin(slot);
    transaction.home[transaction.count] = block;
    transaction.slot[transaction.count] = slot;
    transaction.count++;
    return ERR_OK;
}

enum err fs_log_block(u32 block, u8 **bytes)
{
    u32 slot;
    enum err err = fs_cache_get(block, &slot);
    if (err != ERR_OK)
        return err;
    err = add(block, slot);
    *bytes = port_arena_slot(slot);
    fs_cache_put(slot);
    return err;
}

enum err fs_log_block_blank(u32 block, u8 **bytes)
{
    u32 slot;
    enum err err = fs_cache_get_blank(block, &slot);
    if (err != ERR_OK)
        return err;
    err = add(block, slot);
    *bytes = port_arena_slot(slot);
    if (err != ERR_OK)
        fs_cache_forget(slot);
    fs_cache_put(slot);
    return err;
}

static enum err commit(void)
{
    enum err err = ERR_OK;
    for (u32 i = 0; i < transaction.count && err == ERR_OK; i++)
        err = fs_disk_write(fs_geometry.log_start + 1 + i, transaction.slot[i]);
    if (err == ERR_OK)
        err = fs_disk_flush();
    if (err != ERR_OK) {
        release(true);
        transaction.state = LOG_IDLE;
        return err;
    }
    transaction.sequence++;
    err = write_header(transaction.count);
    if (err != ERR_OK) {
        release(true);
        transaction.state = LOG_CLEAR;
        (void)settle();
        return err;
    }
    /* From here on nothing fails for the operation: what the disk refuses now is tried again by the next one.
     */
    transaction.state = LOG_INSTALL;
    if (settle() != ERR_OK)
        port_log("fs: transaction %lu stays in the log: the disk fails\n", transaction.sequence);
    return ERR_OK;
}

enum err fs_log_end(enum err err)
{
    port_assert(transaction.state == LOG_OPEN, "fs: transaction ended twice");
    if (err == ERR_OK && transaction.count > 0)
        return commit();
    release(err != ERR_OK);
    transaction.state = LOG_IDLE;
    return err;
}
