/*
 * Directories: files of records of 16 bytes, found by going through them.
 *
 * The size of a directory may cover blocks that do not exist (images made by xv6's own mkfs do); such a block
 * is full of free records, and comes into being when the first of them is used. Directories never shrink.
 *
 * Locking: fs_lock. A search without the turn may wait between two blocks; a name that was there all the time
 * is found nevertheless, since records do not move.
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

/*
 * Where names were found last: guesses, each checked before it is used, so that nobody need keep them right.
 * A name is once in a directory; a record that has it is the one.
 */
#define GUESSES 256u
static u32 guesses[GUESSES];

void fs_directory_start(void)
{
    memset(guesses, 0, sizeof guesses);
}

static u32 *guess_for(const struct fs_inode *directory, const struct fs_name *name)
{
    u64 mixed = (name->word[0] ^ name->word[1] * 3 ^ directory->number) * 0x9e3779b97f4a7c15ul;
    return &guesses[mixed >> 56];
}
_Static_assert(GUESSES == 1u << 8, "eight bits of a mixed name");

static bool is_named(const struct record *record, const struct fs_name *name)
{
    return record->word[1] == name->word[1] && (record->word[0] ^ name->word[0]) >> 16 == 0 &&
           RECORD_INODE(record) != 0;
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

/* Whether the name is where it was. Does not wait. */
static bool find_guessed(const struct fs_inode *directory, const struct fs_name *name, u32 offset, u32 *inode)
{
    u32 block, slot;
    if (offset >= directory->disk->size || offset / XV6FS_BLOCK_SIZE >= XV6FS_DIRECT)
        return false; /* behind the indirect block a guess would save little */
    if (fs_inode_find_block(directory, offset / XV6FS_BLOCK_SIZE, &block) != ERR_OK || block == 0 ||
        !fs_cache_has(block) || fs_cache_get(block, &slot) != ERR_OK)
        return false;
    const struct record *record = (const struct record *)(port_arena_slot(slot) + offset % XV6FS_BLOCK_SIZE);
    *inode = RECORD_INODE(record);
    bool found = is_named(record, name);
    fs_cache_put(slot);
    return found;
}

enum err fs_directory_find(const struct fs_inode *directory, const struct fs_name *name, u32 *inode,
                           u32 *offset)
{
    if (directory->disk->type != XV6FS_DIRECTORY)
        return ERR_NOT_DIRECTORY;
    u32 *guess = guess_for(directory, name);
    if (find_guessed(directory, name, *guess, inode)) {
        *offset = *guess;
        return *inode < fs_geometry.inodes ? ERR_OK : ERR_CORRUPT;
    }
    u32 size = directory->disk->size;
    u32 free = size;
    for (u32 base = 0; base < size; base += XV6FS_BLOCK_SIZE) {
        u32 slot;
        fs_inode_read_ahead(directory, base / XV6FS_BLOCK_SIZE, (size - 1) / XV6FS_BLOCK_SIZE + 1);
        enum err err = records_get(directory, base, &slot);
        if (err != ERR_OK)
            return err;
        const struct record *records = (const struct record *)port_arena_slot(slot);
        u32 count = (u32)min_u64(size - base, XV6FS_BLOCK_SIZE) / sizeof *records;
        for (u32 i = 0; i < count; i++) {
            u32 at = base + i * (u32)sizeof *records;
            if (RECORD_INODE(&records[i]) == 0) {
                free = (u32)min_u64(free, at);
                continue;
            }
            if (!is_named(&records[i], name))
                continue;
            *inode = RECORD_INODE(&records[i]);
            *offset = *guess = at;
            fs_cache_put(slot);
            return *inode < fs_geometry.inodes ? ERR_OK : ERR_CORRUPT;
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
        *guess_for(directory, name) = offset;
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
