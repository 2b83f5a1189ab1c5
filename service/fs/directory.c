/*
 * Directories: files of records of 16 bytes, found by going through them.
 *
 * The size of a directory may cover blocks that do not exist (images made by xv6's own mkfs do); such a block
 * is full of free records, and comes into being when the first of them is used. Directories never shrink.
 *
 * Locking: fs_lock.
 */
#include "lib/string.h"
#include "service/fs/core.h"

/* A record is two words: the inode's number in 16 bits, then the name. */
struct record {
    u64 word[2];
};
_Static_assert(sizeof(struct record) == sizeof(struct xv6fs_record), "a record in words");

#define RECORD_INODE(record) ((u32)((record)->word[0] & 0xffff))

const struct fs_name fs_name_dot = {{(u64)'.' << 16, 0}};
const struct fs_name fs_name_dot_dot = {{(u64)'.' << 16 | (u64)'.' << 24, 0}};

enum err fs_name_make(u64 name0, u64 name1, struct fs_name *name)
{
    bool ended = false;
    for (u32 i = 0; i < 16; i++) {
        u8 byte = (u8)((i < 8 ? name0 : name1) >> (i % 8 * 8));
        ended = ended || byte == 0;
        if (byte == '/' || (byte != 0 && (ended || i >= FS_NAME_MAX)))
            return ERR_ARGUMENT;
    }
    if ((name0 & 0xff) == 0)
        return ERR_ARGUMENT;
    name->word[0] = name0 << 16;
    name->word[1] = name0 >> 48 | name1 << 16;
    return ERR_OK;
}

bool fs_name_equal(const struct fs_name *a, const struct fs_name *b)
{
    return a->word[0] == b->word[0] && a->word[1] == b->word[1];
}

/* The block with the record at `offset`, pinned, or FS_SLOT_ZERO, pinned too, for one that does not exist. */
static enum err records_get(const struct fs_inode *directory, u32 offset, u32 *slot)
{
    u32 block;
    enum err err = fs_inode_find_block(directory, offset / XV6FS_BLOCK_SIZE, &block);
    if (err != ERR_OK)
        return err;
    if (block != 0)
        return fs_cache_get(block, slot);
    fs_cache_pin(FS_SLOT_ZERO);
    *slot = FS_SLOT_ZERO;
    return ERR_OK;
}

enum err fs_directory_find(const struct fs_inode *directory, const struct fs_name *name, u32 *inode,
                           u32 *offset)
{
    if (directory->disk->type != XV6FS_DIRECTORY)
        return ERR_NOT_DIRECTORY;
    u32 size = directory->disk->size;
    u32 free = size;
    for (u32 base = 0; base < size; base += XV6FS_BLOCK_SIZE) {
        u32 slot;
        enum err err = records_get(directory, base, &slot);
        if (err != ERR_OK)
            return err;
        const struct record *records = (const struct record *)port_arena_slot(slot);
        u32 count = (u32)min_u64(size - base, XV6FS_BLOCK_SIZE) / sizeof *records;
        for (u32 i = 0; i < count; i++) {
            u32 found = RECORD_INODE(&records[i]);
            if (found == 0) {
                free = (u32)min_u64(free, base + i * sizeof *records);
                continue;
            }
            if (records[i].word[1] != name->word[1] || (records[i].word[0] ^ name->word[0]) >> 16 != 0)
                continue;
            fs_cache_put(slot);
            *inode = found;
            *offset = base + i * (u32)sizeof *records;
            return found < fs_geometry.inodes ? ERR_OK : ERR_CORRUPT;
        }
        fs_cache_put(slot);
    }
    *offset = free;
    return ERR_NOT_FOUND;
}

enum err fs_directory_set(struct fs_inode *directory, u32 offset, const struct fs_name *name, u32 inode)
{
    if (offset > XV6FS_FILE_SIZE - sizeof(struct record))
        return ERR_NO_SPACE;
    u32 block;
    enum err err = fs_inode_make_block(directory, offset / XV6FS_BLOCK_SIZE, &block);
    u8 *bytes;
    if (err == ERR_OK)
        err = fs_log_block(block, &bytes);
    if (err != ERR_OK)
        return err;
    struct record *record = (struct record *)(bytes + offset % XV6FS_BLOCK_SIZE);
    if (name != NULL) {
        record->word[0] = name->word[0] | inode;
        record->word[1] = name->word[1];
    } else {
        *record = (struct record){{0, 0}};
    }
    if (offset < directory->disk->size)
        return ERR_OK;
    err = fs_inode_edit(directory);
    if (err == ERR_OK)
        directory->disk->size = offset + (u32)sizeof *record;
    return err;
}

enum err fs_directory_check_empty(const struct fs_inode *directory)
{
    u32 size = directory->disk->size;
    for (u32 base = 0; base < size; base += XV6FS_BLOCK_SIZE) {
        u32 slot;
        enum err err = records_get(directory, base, &slot);
        if (err != ERR_OK)
            return err;
        const struct record *records = (const struct record *)port_arena_slot(slot);
        u32 count = (u32)min_u64(size - base, XV6FS_BLOCK_SIZE) / sizeof *records;
        bool empty = true;
        for (u32 i = base == 0 ? 2 : 0; i < count; i++)
            empty = empty && RECORD_INODE(&records[i]) == 0;
        fs_cache_put(slot);
        if (!empty)
            return ERR_NOT_EMPTY;
    }
    return ERR_OK;
}
