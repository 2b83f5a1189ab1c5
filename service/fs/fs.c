/*
 * The operations of the file system: port/fs.def says what each promises.
 *
 * Each has the same shape. First it asks every question about its arguments; then, if it changes anything, it
 * does so in one transaction, given up as a whole by the first error; last, when the disk is done, it changes
 * what is kept. The four steps "lock, hold, open" and back are begin() and end() below.
 *
 * Locking: fs_lock from begin to end.
 */
#include "lib/string.h"
#include "port/log.h"
#include "service/fs/core.h"
#include "service/inject.h"

/* Before the lock, so that an injected hang holds nothing that others need but its own thread. */
static void enter(void)
{
    inject_point(SERVICE_FS);
    port_lock_acquire(&fs_lock);
}

static enum err leave(enum err err)
{
    port_lock_release(&fs_lock);
    return err;
}

/* Enters and opens an inode the caller must hold. On an error nothing stays open or locked. */
static enum err begin(u64 number, struct fs_inode *inode)
{
    enter();
    enum err err = fs_held(number) ? fs_inode_open(number, inode) : ERR_ARGUMENT;
    return err == ERR_OK ? ERR_OK : leave(err);
}

static enum err end(struct fs_inode *inode, enum err err)
{
    fs_inode_close(inode);
    return leave(err);
}

/* ---- Slots in one word ---- */

static u64 slots_pack(const u32 *slots, u32 count)
{
    u64 word = 0;
    for (u32 i = 0; i < FS_SLOTS; i++)
        word |= (u64)(i < count ? slots[i] : FS_NO_SLOT) << 16 * i;
    return word;
}

/* The slots before the first FS_NO_SLOT. */
static u32 slots_unpack(u64 word, u32 *slots)
{
    u32 count = 0;
    while (count < FS_SLOTS && (word >> 16 * count & 0xffff) != FS_NO_SLOT) {
        slots[count] = (u32)(word >> 16 * count & 0xffff);
        count++;
    }
    return count;
}

/* ---- Names ---- */

/* Whether names may come into a directory: not if it has been removed while somebody held it. */
static enum err check_directory(const struct fs_inode *directory)
{
    if (directory->disk->type != XV6FS_DIRECTORY)
        return ERR_NOT_DIRECTORY;
    return directory->disk->nlink > 0 ? ERR_OK : ERR_NOT_FOUND;
}

static enum err lookup(const struct fs_inode *directory, const struct fs_name *name, u64 *result)
{
    u32 number, offset;
    enum err err = fs_directory_find(directory, name, &number, &offset);
    if (err != ERR_OK)
        return err;
    if (fs_name_equal(name, &fs_name_dot_dot)) {
        err = check_directory(directory); /* the parent of a removed one may be anything by now */
        if (err != ERR_OK)
            return err;
        if (directory->number == FS_ROOT)
            number = FS_ROOT;
    }
    struct fs_inode inode;
    err = fs_inode_open(number, &inode);
    if (err != ERR_OK)
        return err;
    fs_inode_close(&inode);
    if (!fs_reference_room(number))
        return ERR_NO_SLOT;
    fs_reference_take(number);
    *result = number;
    return ERR_OK;
}

enum err fs_lookup(u64 directory, u64 name0, u64 name1, u64 *inode)
{
    struct fs_inode open;
    struct fs_name name;
    enum err err = begin(directory, &open);
    if (err != ERR_OK)
        return err;
    err = fs_name_make(name0, name1, &name);
    if (err == ERR_OK)
        err = lookup(&open, &name, inode);
    return end(&open, err);
}

/* ---- References ---- */

enum err fs_get(u64 inode)
{
    enter();
    enum err err = ERR_ARGUMENT;
    if (fs_held(inode))
        err = fs_reference_room((u32)inode) ? ERR_OK : ERR_NO_SLOT;
    if (err == ERR_OK)
        fs_reference_take((u32)inode);
    return leave(err);
}

/* Frees an inode whose last reference goes, if nothing names it. */
static enum err free_if_unnamed(u32 number)
{
    struct fs_inode inode;
    enum err err = fs_inode_open(number, &inode);
    if (err != ERR_OK)
        return err;
    if (inode.disk->nlink == 0) {
        err = fs_log_begin();
        if (err == ERR_OK)
            err = fs_log_end(fs_inode_free(&inode));
    }
    fs_inode_close(&inode);
    return err;
}

/* The reference is given back whatever happens: should the disk refuse, the next start frees the inode. */
enum err fs_put(u64 inode)
{
    enter();
    u32 own = inode == FS_ROOT ? 1 : 0; /* the root's own reference is not the callers' */
    if (!fs_held(inode) || fs_kept->references[inode] <= own)
        return leave(ERR_ARGUMENT);
    enum err err = ERR_OK;
    if (fs_kept->references[inode] == 1)
        err = free_if_unnamed((u32)inode);
    fs_reference_drop((u32)inode);
    return leave(err);
}

/* ---- Creating, linking, unlinking ---- */

/* Inside a transaction. `record` is where the new record goes. */
static enum err create(struct fs_inode *directory, const struct fs_name *name, u32 record, u64 type,
                       u64 device, u32 *number)
{
    struct fs_inode inode;
    enum err err = fs_inode_allocate((u32)type, device, &inode);
    if (err != ERR_OK)
        return err;
    inode.disk->nlink = 1;
    if (type == FS_TYPE_DIRECTORY) {
        err = fs_directory_set(&inode, 0, &fs_name_dot, inode.number);
        if (err == ERR_OK)
            err = fs_directory_set(&inode, sizeof(struct xv6fs_record), &fs_name_dot_dot, directory->number);
        if (err == ERR_OK)
            err = fs_inode_edit(directory);
        if (err == ERR_OK)
            directory->disk->nlink++; /* for the new one's ".." */
    }
    if (err == ERR_OK)
        err = fs_directory_set(directory, record, name, inode.number);
    if (err == ERR_OK && !fs_reference_room(inode.number))
        err = ERR_NO_SLOT;
    *number = inode.number;
    fs_inode_close(&inode);
    return err;
}

enum err fs_create(u64 directory, u64 name0, u64 name1, u64 type, u64 device, u64 *inode)
{
    struct fs_inode open;
    enum err err = begin(directory, &open);
    if (err != ERR_OK)
        return err;
    struct fs_name name;
    u32 number, record;
    err = fs_name_make(name0, name1, &name);
    if (err == ERR_OK && (type < FS_TYPE_DIRECTORY || type > FS_TYPE_DEVICE || device >> 32 != 0 ||
                          (type != FS_TYPE_DEVICE && device != 0)))
        err = ERR_ARGUMENT;
    if (err == ERR_OK)
        err = check_directory(&open);
    if (err != ERR_OK)
        return end(&open, err);
    err = fs_directory_find(&open, &name, &number, &record);
    if (err != ERR_NOT_FOUND)
        return end(&open, err == ERR_OK ? ERR_EXISTS : err);
    if (type == FS_TYPE_DIRECTORY && open.disk->nlink == XV6FS_LINKS_MAX)
        return end(&open, ERR_NO_SPACE);
    err = fs_log_begin();
    if (err == ERR_OK)
        err = fs_log_end(create(&open, &name, record, type, device, &number));
    if (err == ERR_OK) {
        fs_reference_take(number);
        *inode = number;
    }
    return end(&open, err);
}

static enum err link(struct fs_inode *inode, struct fs_inode *directory, const struct fs_name *name,
                     u32 record)
{
    enum err err = fs_log_begin();
    if (err != ERR_OK)
        return err;
    err = fs_inode_edit(inode);
    if (err == ERR_OK) {
        inode->disk->nlink++;
        err = fs_directory_set(directory, record, name, inode->number);
    }
    return fs_log_end(err);
}

enum err fs_link(u64 inode, u64 directory, u64 name0, u64 name1)
{
    struct fs_inode open, parent;
    enum err err = begin(inode, &open);
    if (err != ERR_OK)
        return err;
    err = fs_held(directory) ? fs_inode_open(directory, &parent) : ERR_ARGUMENT;
    if (err != ERR_OK)
        return end(&open, err);
    struct fs_name name;
    u32 number, record;
    err = fs_name_make(name0, name1, &name);
    if (err == ERR_OK)
        err = check_directory(&parent);
    if (err == ERR_OK && open.disk->type == XV6FS_DIRECTORY)
        err = ERR_IS_DIRECTORY;
    if (err == ERR_OK && open.disk->nlink == 0)
        err = ERR_NOT_FOUND; /* its last name has gone meanwhile */
    if (err == ERR_OK && open.disk->nlink == XV6FS_LINKS_MAX)
        err = ERR_NO_SPACE;
    if (err == ERR_OK) {
        err = fs_directory_find(&parent, &name, &number, &record);
        if (err == ERR_NOT_FOUND)
            err = link(&open, &parent, &name, record);
        else if (err == ERR_OK)
            err = ERR_EXISTS;
    }
    fs_inode_close(&parent);
    return end(&open, err);
}

/* Inside a transaction. */
static enum err unlink(struct fs_inode *directory, u32 record, struct fs_inode *inode)
{
    enum err err = fs_directory_set(directory, record, NULL, 0);
    if (err == ERR_OK && inode->disk->type == XV6FS_DIRECTORY) {
        err = fs_inode_edit(directory);
        if (err == ERR_OK)
            directory->disk->nlink--; /* the removed one's ".." */
    }
    if (err == ERR_OK)
        err = fs_inode_edit(inode);
    if (err != ERR_OK)
        return err;
    inode->disk->nlink--;
    return inode->disk->nlink == 0 && !fs_held(inode->number) ? fs_inode_free(inode) : ERR_OK;
}

/* Whether the record's inode may lose this name. Beside the caller's mistakes, an image can name the root,
 * the directory itself or an inode without links. */
static enum err check_unlink(const struct fs_inode *directory, const struct fs_inode *inode)
{
    if (inode->disk->nlink == 0 || inode->number == FS_ROOT || inode->number == directory->number)
        return ERR_CORRUPT;
    if (inode->disk->type != XV6FS_DIRECTORY)
        return ERR_OK;
    return directory->disk->nlink > 0 ? fs_directory_check_empty(inode) : ERR_CORRUPT;
}

enum err fs_unlink(u64 directory, u64 name0, u64 name1)
{
    struct fs_inode open, victim;
    enum err err = begin(directory, &open);
    if (err != ERR_OK)
        return err;
    struct fs_name name;
    u32 number, record;
    err = fs_name_make(name0, name1, &name);
    if (err == ERR_OK && (fs_name_equal(&name, &fs_name_dot) || fs_name_equal(&name, &fs_name_dot_dot)))
        err = ERR_ARGUMENT;
    if (err == ERR_OK)
        err = fs_directory_find(&open, &name, &number, &record);
    if (err == ERR_OK)
        err = fs_inode_open(number, &victim);
    if (err != ERR_OK)
        return end(&open, err);
    err = check_unlink(&open, &victim);
    if (err == ERR_OK)
        err = fs_log_begin();
    if (err == ERR_OK)
        err = fs_log_end(unlink(&open, record, &victim));
    fs_inode_close(&victim);
    return end(&open, err);
}

/* ---- Contents ---- */

enum err fs_stat(u64 inode, u64 *attributes, u64 *size)
{
    struct fs_inode open;
    enum err err = begin(inode, &open);
    if (err != ERR_OK)
        return err;
    const struct xv6fs_inode *disk = open.disk;
    *attributes = (u64)(u16)disk->type | (u64)(u16)disk->nlink << 16 | (u64)(u16)disk->major << 32 |
                  (u64)(u16)disk->minor << 48;
    *size = disk->size;
    return end(&open, ERR_OK);
}

/* Pins the blocks from `first` on; on an error none. */
static enum err pin_blocks(const struct fs_inode *inode, u32 first, u32 count, u32 *slots)
{
    for (u32 i = 0; i < count; i++) {
        u32 block;
        enum err err = fs_inode_find_block(inode, first + i, &block);
        slots[i] = FS_SLOT_ZERO;
        if (err == ERR_OK && block != 0)
            err = fs_cache_get(block, &slots[i]);
        else if (err == ERR_OK)
            fs_cache_pin(FS_SLOT_ZERO);
        if (err != ERR_OK) {
            while (i-- > 0)
                fs_cache_put(slots[i]);
            return err;
        }
    }
    return ERR_OK;
}

/* How many bytes from `offset` on fit into one request's slots. */
static u64 request_room(u64 offset)
{
    return FS_SLOTS * PORT_SLOT_SIZE - offset % PORT_SLOT_SIZE;
}

enum err fs_read(u64 inode, u64 offset, u64 length, u64 *slots, u64 *count)
{
    struct fs_inode open;
    enum err err = begin(inode, &open);
    if (err != ERR_OK)
        return err;
    if (open.disk->type == XV6FS_DEVICE)
        return end(&open, ERR_ARGUMENT);
    u64 bytes = offset < open.disk->size ? open.disk->size - offset : 0;
    bytes = min_u64(min_u64(bytes, length), request_room(offset));
    u32 lent[FS_SLOTS];
    u32 blocks = bytes == 0 ? 0 : (u32)((offset % PORT_SLOT_SIZE + bytes - 1) / PORT_SLOT_SIZE) + 1;
    err = pin_blocks(&open, (u32)(offset / PORT_SLOT_SIZE), blocks, lent);
    if (err != ERR_OK)
        return end(&open, err);
    err = fs_cache_lend(lent, blocks);
    for (u32 i = 0; i < blocks; i++)
        fs_cache_put(lent[i]);
    if (err == ERR_OK) {
        *slots = slots_pack(lent, blocks);
        *count = bytes;
    }
    return end(&open, err);
}

static enum err take_back(u64 word, bool from_writer)
{
    u32 slots[FS_SLOTS];
    u32 count = slots_unpack(word, slots);
    enter();
    return leave(fs_cache_take_back(slots, count, from_writer));
}

enum err fs_read_done(u64 slots)
{
    return take_back(slots, false);
}

enum err fs_slots_return(u64 slots)
{
    return take_back(slots, true);
}

enum err fs_slots_lend(u64 *slots)
{
    u32 lent[FS_SLOTS];
    enter();
    enum err err = fs_cache_lend_empty(lent, FS_SLOTS);
    if (err == ERR_OK)
        *slots = slots_pack(lent, FS_SLOTS);
    return leave(err);
}

/* One block's part of a write, inside a transaction. `make` false: a block that does not exist is passed
 * over. */
static enum err write_block(struct fs_inode *inode, u64 offset, u64 length, const u8 *from, bool make)
{
    u32 block;
    u32 index = (u32)(offset / XV6FS_BLOCK_SIZE);
    enum err err =
        make ? fs_inode_make_block(inode, index, &block) : fs_inode_find_block(inode, index, &block);
    if (err != ERR_OK || block == 0)
        return err;
    u8 *bytes;
    err = length == XV6FS_BLOCK_SIZE ? fs_log_block_blank(block, &bytes) : fs_log_block(block, &bytes);
    if (err == ERR_OK)
        memcpy(bytes + offset % XV6FS_BLOCK_SIZE, from, length);
    return err;
}

static enum err write(struct fs_inode *inode, u64 offset, u64 length, const u32 *slots, bool keep_size)
{
    u64 done = 0;
    for (u32 i = 0; done < length; i++) {
        u64 at = (offset + done) % XV6FS_BLOCK_SIZE;
        u64 part = min_u64(length - done, XV6FS_BLOCK_SIZE - at);
        enum err err = write_block(inode, offset + done, part, port_arena_slot(slots[i]) + at, !keep_size);
        if (err != ERR_OK)
            return err;
        done += part;
    }
    if (keep_size || offset + length <= inode->disk->size)
        return ERR_OK;
    enum err err = fs_inode_edit(inode);
    if (err == ERR_OK)
        inode->disk->size = (u32)(offset + length);
    return err;
}

/*
 * The bytes are copied into the blocks' own buffers, so the lent slots stay the caller's: `fresh` is `slots`.
 * Were they taken over instead, a death between that step and the reply would leave the caller with slots it
 * no longer owns.
 */
enum err fs_write(u64 inode, u64 offset, u64 length, u64 slots, u64 keep_size, u64 *fresh)
{
    struct fs_inode open;
    enum err err = begin(inode, &open);
    if (err != ERR_OK)
        return err;
    u32 filled[FS_SLOTS];
    u32 count = slots_unpack(slots, filled);
    if (open.disk->type == XV6FS_DIRECTORY)
        err = ERR_IS_DIRECTORY;
    else if (open.disk->type != XV6FS_FILE || keep_size > 1 || length == 0 || length > request_room(offset) ||
             (offset % PORT_SLOT_SIZE + length - 1) / PORT_SLOT_SIZE >= count)
        err = ERR_ARGUMENT;
    else if (offset > open.disk->size || length > XV6FS_FILE_SIZE - offset)
        err = ERR_RANGE;
    for (u32 i = 0; i < count && err == ERR_OK; i++)
        if (!fs_cache_lent_to_writer(filled[i]))
            err = ERR_ARGUMENT;
    if (err == ERR_OK)
        err = fs_log_begin();
    if (err == ERR_OK)
        err = fs_log_end(write(&open, offset, length, filled, keep_size != 0));
    if (err == ERR_OK)
        *fresh = slots;
    return end(&open, err);
}

enum err fs_truncate(u64 inode)
{
    struct fs_inode open;
    enum err err = begin(inode, &open);
    if (err != ERR_OK)
        return err;
    if (open.disk->type == XV6FS_DIRECTORY)
        err = ERR_IS_DIRECTORY;
    else if (open.disk->type != XV6FS_FILE)
        err = ERR_ARGUMENT;
    if (err == ERR_OK)
        err = fs_log_begin();
    if (err == ERR_OK)
        err = fs_log_end(fs_inode_truncate(&open));
    return end(&open, err);
}
