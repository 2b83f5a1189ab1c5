/*
 * Data of files: between a program's pages and the blocks that fs lends.
 *
 * A page is pinned before fs is asked, so that a page fault never happens in the middle of a transfer. One
 * request moves at most four blocks, counted from the block of the offset.
 */
#include "lib/string.h"
#include "port/arena.h"
#include "port/fs.h"
#include "port/xmap.h"
#include "service/unix/file.h"

/* The largest write that is one transaction, as xv6 cuts them. */
#define WRITE_MAX 3072u

/* A lock for the contents of inodes: that of its number modulo how many there are, so that no inode needs one
 * of its own. Two inodes that share one only wait for each other a little longer. */
#define CONTENT_LOCKS 16u

static struct port_lock content_locks[CONTENT_LOCKS];

void unix_inode_init(void)
{
    for (u32 i = 0; i < CONTENT_LOCKS; i++)
        port_lock_init(&content_locks[i], "contents");
}

void unix_content_lock(u64 inode)
{
    port_lock_acquire(&content_locks[inode % CONTENT_LOCKS]);
}

void unix_content_unlock(u64 inode)
{
    port_lock_release(&content_locks[inode % CONTENT_LOCKS]);
}

/* Without a file system there is only a root nobody can look into. */
enum err unix_inode_get(u64 inode)
{
    enum err err = repeat_or_ask(fs_get(inode), OP_fs_get, NULL);

    return err == ERR_ABSENT && inode == FS_ROOT ? ERR_OK : err;
}

void unix_inode_put(u64 inode)
{
    (void)repeat_patiently(fs_put(inode));
}

/* Copies between memory and lent slots; `at` counts from the first byte of the first slot. False: fs has lent
 * a slot that is not there. */
static bool copy_slots(u64 slots, u64 at, u8 *memory, u64 length, bool to_slots)
{
    while (length > 0) {
        u8 *bytes = port_arena_slot(slots >> at / PORT_SLOT_SIZE * 16 & 0xffff);
        u64 inside = at % PORT_SLOT_SIZE;
        u64 part = min_u64(PORT_SLOT_SIZE - inside, length);

        if (bytes == NULL)
            return false;
        if (to_slots)
            memcpy(bytes + inside, memory, part);
        else
            memcpy(memory, bytes + inside, part);
        at += part;
        memory += part;
        length -= part;
    }
    return true;
}

/* How much one request can move from or to this offset. */
static u64 request_max(u64 offset)
{
    return FS_SLOTS * PORT_SLOT_SIZE - offset % PORT_SLOT_SIZE;
}

/* ---- Reading ---- */

/* If fs dies before read_done, the slots may have changed under the copy: they are given back all the same,
 * and the copy is worthless. */
static enum err read_request(u64 inode, u64 offset, u8 *to, u64 length, u64 *count)
{
    u64 slots;
    enum err err = fs_read(inode, offset, length, &slots, count);
    bool copied;

    if (err != ERR_OK || *count == 0)
        return err;
    if (*count > length)
        return ERR_RANGE;
    copied = copy_slots(slots, offset % PORT_SLOT_SIZE, to, *count, false);
    err = fs_read_done(slots);
    if (err == ERR_PEER_RESTARTED) {
        port_request_again();
        (void)repeat_patiently(fs_read_done(slots));
    }
    if (err != ERR_OK)
        return ERR_PEER_RESTARTED;
    return copied ? ERR_OK : ERR_RANGE;
}

enum err unix_inode_read(u64 inode, u64 offset, u8 *to, u64 length, u64 *count)
{
    u64 done = 0;

    while (done < length) {
        u64 wanted = min_u64(length - done, request_max(offset + done));
        u64 got = 0;
        enum err err =
            repeat_or_ask(read_request(inode, offset + done, to + done, wanted, &got), OP_fs_read, &got);

        if (err != ERR_OK)
            return err;
        done += got;
        if (got < wanted)
            break;
    }
    *count = done;
    return ERR_OK;
}

/* Whether the file ends at or before the offset: then even a bad address reads 0 bytes. */
static bool at_end(u64 inode, u64 offset)
{
    u8 byte;
    u64 count;

    return unix_inode_read(inode, offset, &byte, 1, &count) == ERR_OK && count == 0;
}

/* The length is unsigned, as in xv6: -1 reads all there is; but a sum beyond 32 bits reads nothing. */
s64 unix_inode_file_read(struct process *process, struct file *file, uaddr address, u32 length)
{
    struct user_page page;
    u64 done = 0;
    u64 wanted;
    u64 got;
    enum err err;

    if (length > ~(u32)0 - file->offset)
        return 0;
    do {
        err = unix_page_at(process->memory.space, address + done, XMAP_RIGHT_WRITE, &page);
        if (err != ERR_OK) {
            if (done == length || at_end(file->inode, file->offset + done))
                break;
            return -1;
        }
        wanted = min_u64(page.left, length - done);
        err = unix_inode_read(file->inode, file->offset + done, page.bytes, wanted, &got);
        if (err != ERR_OK)
            return -1;
        done += got;
    } while (got == wanted && done < length);
    file->offset += (u32)done;
    return (s64)done;
}

/* ---- Writing ---- */

static enum err borrow_slots(struct process *process)
{
    enum err err;

    if (process->slots_lent)
        return ERR_OK;
    err = repeat_patiently(fs_slots_lend(&process->slots));
    process->slots_lent = err == ERR_OK;
    return err;
}

/* Fills the slots from the program, as a write at `offset` needs them; returns how many bytes the program
 * really has. */
static u64 fill_slots(struct process *process, u64 offset, uaddr address, u64 length)
{
    struct user_page page;
    u64 done = 0;

    while (done < length &&
           unix_page_at(process->memory.space, address + done, XMAP_RIGHT_READ, &page) == ERR_OK) {
        u64 part = min_u64(page.left, length - done);
        bool copied = copy_slots(process->slots, offset % PORT_SLOT_SIZE + done, page.bytes, part, true);

        if (!copied)
            break;
        done += part;
    }
    return done;
}

/* On an error the slots are still ours, unless fs says that they never were. */
static enum err write_slots(struct process *process, u64 inode, u64 offset, u64 length, bool keep_size)
{
    u64 fresh;
    enum err err = repeat_or_ask(fs_write(inode, offset, length, process->slots, keep_size, &fresh),
                                 OP_fs_write, &fresh);

    if (err == ERR_OK)
        process->slots = fresh;
    if (err == ERR_ARGUMENT)
        process->slots_lent = false;
    return err;
}

/* Writes all of it; on a full disk, as many of the blocks as there is room for, so that what fits is kept as
 * in xv6. Returns how many bytes. The slots are the same as long as a write fails. */
static u64 write_what_fits(struct process *process, u64 inode, u64 offset, u64 length)
{
    enum err err = write_slots(process, inode, offset, length, false);

    while (err == ERR_NO_SPACE && (offset + length - 1) / PORT_SLOT_SIZE > offset / PORT_SLOT_SIZE) {
        length = round_down(offset + length - 1, PORT_SLOT_SIZE) - offset;
        err = write_slots(process, inode, offset, length, false);
    }
    return err == ERR_OK ? length : 0;
}

/*
 * One piece of a write: one transaction. Returns how many bytes count as written.
 *
 * If the program's buffer ends early, the blocks that are complete are written and count. The valid bytes of
 * the block where it ends go to the disk too if that block exists, but neither the file's size nor the result
 * tells of them: so it is in xv6.
 */
static u64 write_piece(struct process *process, u64 inode, u64 offset, uaddr address, u64 length)
{
    u64 have = fill_slots(process, offset, address, length);
    u64 whole = have;

    if (have < length) {
        u64 end = round_down(offset + have, PORT_SLOT_SIZE);

        whole = end > offset ? end - offset : 0;
    }
    if (whole > 0) {
        u64 written = write_what_fits(process, inode, offset, whole);

        if (written < whole)
            return written;
    }
    if (have > whole && process->slots_lent) {
        have = whole + fill_slots(process, offset + whole, address + whole, have - whole);
        if (have > whole)
            (void)write_slots(process, inode, offset + whole, have - whole, true);
    }
    return whole;
}

/* All, or -1: then what was written stays, and the offset is behind it. A negative length is neither. */
s64 unix_inode_file_write(struct process *process, struct file *file, uaddr address, s32 length)
{
    u64 done = 0;

    while ((s64)done < length) {
        u64 wanted = min_u64((u64)length - done, WRITE_MAX);
        u64 written;

        if (borrow_slots(process) != ERR_OK)
            return -1;
        unix_content_lock(file->inode);
        written = write_piece(process, file->inode, file->offset, address + done, wanted);
        unix_content_unlock(file->inode);
        file->offset += (u32)written;
        done += written;
        if (written < wanted)
            return -1;
    }
    return (s64)done == length ? length : -1;
}
