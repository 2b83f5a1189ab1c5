/*
 * Inodes: their records, the blocks of their files, and the bitmap that says which blocks are free.
 *
 * There is no copy of a record in memory: an open inode is a pinned buffer and a pointer into it. So an
 * attempt that is undone takes its changes of inodes and bitmap along with the buffers.
 *
 * What is free is looked for from a floor on, below which nothing is free. It moves up past what is in use,
 * but never past what the same attempt has taken, since that may be undone; it moves down to what is freed.
 *
 * Locking: fs_lock; changes only in attempts.
 */
#include "lib/string.h"
#include "port/log.h"
#include "service/fs/core.h"

static bool is_data(u32 block)
{
    return block >= fs_geometry.data_start && block < fs_geometry.blocks;
}

/* ---- The bitmap ---- */

/* Where to look for something free. */
struct floor {
    u32 lowest;  /* nothing is free below */
    u32 next;    /* nor is below this one, in attempt `attempt` */
    u32 attempt; /* the last one that took something */
};
static struct floor free_blocks, free_inodes;
u64 fs_inode_cuts;

void fs_inode_start(void)
{
    free_blocks = (struct floor){.lowest = fs_geometry.data_start};
    free_inodes = (struct floor){.lowest = 1};
}

static u32 floor_start(const struct floor *floor)
{
    return floor->attempt == fs_log_attempt() ? floor->next : floor->lowest;
}

/* Everything from floor_start() to `number` is in use. */
static void floor_raise(struct floor *floor, u32 number)
{
    if (floor->attempt == fs_log_attempt())
        floor->next = number;
    else
        floor->lowest = number;
}

/* `number`, the first free one, is taken. */
static void floor_take(struct floor *floor, u32 number)
{
    floor_raise(floor, number);
    floor->attempt = fs_log_attempt();
    floor->next = number + 1;
}

static void floor_free(struct floor *floor, u32 number)
{
    floor->lowest = (u32)min_u64(floor->lowest, number);
    floor->next = (u32)min_u64(floor->next, number);
}

/* The first bit from `bit` on that is 0, or `end`; eight at a time where all are taken. */
static u32 first_zero(const u8 *bits, u32 bit, u32 end)
{
    while (bit < end && (bits[bit / 8] & 1u << bit % 8) != 0)
        bit += bit % 8 == 0 && bits[bit / 8] == 0xff ? 8 : 1;
    return (u32)min_u64(bit, end);
}

/* The lowest free block, marked in use and filled with zeros. ERR_NO_SPACE. */
static enum err block_allocate(u32 *block)
{
    for (u32 first; (first = floor_start(&free_blocks)) < fs_geometry.blocks;) {
        u32 part = first / XV6FS_BITS_PER_BLOCK; /* which bitmap block */
        u32 base = part * XV6FS_BITS_PER_BLOCK;
        u32 end = (u32)min_u64(fs_geometry.blocks - base, XV6FS_BITS_PER_BLOCK); /* bits in use there */
        u32 slot;
        enum err err = fs_cache_get(fs_geometry.bitmap_start + part, &slot);
        if (err != ERR_OK)
            return err;
        u32 bit = first_zero(port_arena_slot(slot), first - base, end);
        fs_cache_put(slot);
        if (bit == end) {
            floor_raise(&free_blocks, base + end);
            continue;
        }
        u8 *bytes;
        err = fs_log_block(fs_geometry.bitmap_start + part, &bytes);
        if (err != ERR_OK)
            return err;
        bytes[bit / 8] |= (u8)(1u << bit % 8);
        floor_take(&free_blocks, base + bit);
        err = fs_log_block_blank(base + bit, &bytes);
        if (err != ERR_OK)
            return err;
        memset(bytes, 0, XV6FS_BLOCK_SIZE);
        *block = base + bit;
        return ERR_OK;
    }
    port_log("balloc: out of blocks\n");
    return ERR_NO_SPACE;
}

/* The bitmap block that the last block freed was in: the next one is mostly there too. */
struct bitmap_part {
    u32 part;
    u8 *bits; /* NULL: none yet */
};

static enum err block_free(u32 block, struct bitmap_part *last)
{
    if (!is_data(block))
        return ERR_CORRUPT;
    u32 part = block / XV6FS_BITS_PER_BLOCK;
    if (last->bits == NULL || last->part != part) {
        enum err err = fs_log_block(fs_geometry.bitmap_start + part, &last->bits);
        if (err != ERR_OK)
            return err;
        last->part = part;
    }
    u32 bit = block % XV6FS_BITS_PER_BLOCK;
    u8 mask = (u8)(1u << bit % 8);
    if ((last->bits[bit / 8] & mask) == 0)
        return ERR_CORRUPT; /* two files claim it, or the bitmap is wrong */
    last->bits[bit / 8] &= (u8)~mask;
    floor_free(&free_blocks, block);
    return ERR_OK;
}

/* ---- Records ---- */

static bool record_is_sound(const struct xv6fs_inode *inode)
{
    if (inode->nlink < 0)
        return false;
    switch (inode->type) {
    case XV6FS_DIRECTORY:
        return inode->size <= XV6FS_FILE_SIZE && inode->size % sizeof(struct xv6fs_record) == 0;
    case XV6FS_FILE:
        return inode->size <= XV6FS_FILE_SIZE;
    case XV6FS_DEVICE:
        return true;
    default:
        return false;
    }
}

static enum err record_get(u32 number, struct fs_inode *inode)
{
    u32 slot;
    enum err err = fs_cache_get(fs_geometry.inode_start + number / XV6FS_INODES_PER_BLOCK, &slot);
    if (err != ERR_OK)
        return err;
    struct xv6fs_inode *records = (struct xv6fs_inode *)port_arena_slot(slot);
    *inode =
        (struct fs_inode){.number = number, .slot = slot, .disk = &records[number % XV6FS_INODES_PER_BLOCK]};
    return ERR_OK;
}

enum err fs_inode_open(u64 number, struct fs_inode *inode)
{
    if (number == 0 || number >= fs_geometry.inodes)
        return ERR_CORRUPT;
    enum err err = record_get((u32)number, inode);
    if (err != ERR_OK)
        return err;
    if (!record_is_sound(inode->disk)) {
        fs_inode_close(inode);
        return ERR_CORRUPT;
    }
    return ERR_OK;
}

void fs_inode_close(struct fs_inode *inode)
{
    fs_cache_put(inode->slot);
}

enum err fs_inode_edit(struct fs_inode *inode)
{
    u8 *bytes;
    return fs_log_block(fs_geometry.inode_start + inode->number / XV6FS_INODES_PER_BLOCK, &bytes);
}

/* The first free inode from *number on in the same block, opened. ERR_NOT_FOUND: `number` is the first of the
 * next block. One that is free and yet held (its creation failed after somebody had seen it) is passed over.
 */
static enum err find_free(u32 *number, struct fs_inode *inode)
{
    enum err err = record_get(*number, inode);
    if (err != ERR_OK)
        return err;
    u32 end = (u32)min_u64(round_down(*number, XV6FS_INODES_PER_BLOCK) + XV6FS_INODES_PER_BLOCK,
                           fs_geometry.inodes);
    for (; *number < end; ++*number, inode->number++, inode->disk++)
        if (inode->disk->type == XV6FS_FREE && !fs_held(*number))
            return ERR_OK;
    fs_inode_close(inode);
    return ERR_NOT_FOUND;
}

void fs_inode_not_held(u32 number)
{
    floor_free(&free_inodes, number);
}

enum err fs_inode_allocate(u32 type, u64 device, struct fs_inode *inode)
{
    for (u32 number; (number = floor_start(&free_inodes)) < fs_geometry.inodes;) {
        enum err err = find_free(&number, inode);
        if (err == ERR_NOT_FOUND) {
            floor_raise(&free_inodes, number);
            continue;
        }
        if (err != ERR_OK)
            return err;
        err = fs_inode_edit(inode);
        if (err != ERR_OK) {
            fs_inode_close(inode);
            return err;
        }
        floor_take(&free_inodes, number);
        *inode->disk = (struct xv6fs_inode){
            .type = (s16)type, .major = (s16)(device & 0xffff), .minor = (s16)(device >> 16 & 0xffff)};
        return ERR_OK;
    }
    port_log("ialloc: no inodes\n");
    return ERR_NO_SPACE;
}

/* ---- The blocks of a file ---- */

enum err fs_inode_find_block(const struct fs_inode *inode, u32 index, u32 *block)
{
    port_assert(index < XV6FS_FILE_BLOCKS, "fs: block index beyond the largest file");
    u32 found;
    if (index < XV6FS_DIRECT) {
        found = inode->disk->direct[index];
    } else {
        u32 indirect = inode->disk->indirect;
        if (indirect == 0) {
            *block = 0;
            return ERR_OK;
        }
        if (!is_data(indirect))
            return ERR_CORRUPT;
        u32 slot;
        enum err err = fs_cache_get(indirect, &slot);
        if (err != ERR_OK)
            return err;
        found = ((const u32 *)port_arena_slot(slot))[index - XV6FS_DIRECT];
        fs_cache_put(slot);
    }
    if (found != 0 && !is_data(found))
        return ERR_CORRUPT;
    *block = found;
    return ERR_OK;
}

void fs_inode_read_ahead(const struct fs_inode *inode, u32 index, u32 end)
{
    u32 blocks[FS_FETCH_MAX];
    u32 count = 0;
    for (; count < FS_FETCH_MAX && index + count < end; count++) {
        u32 indirect = inode->disk->indirect;
        if (index + count >= XV6FS_DIRECT && indirect != 0 && is_data(indirect) && !fs_cache_has(indirect))
            break; /* who wants that block will wait for it, and come back */
        if (fs_inode_find_block(inode, index + count, &blocks[count]) != ERR_OK)
            break;
        if (count == 0 && (blocks[0] == 0 || fs_cache_has(blocks[0])))
            return;
    }
    if (count > 1)
        fs_cache_fetch(blocks, count);
}

enum err fs_inode_make_block(struct fs_inode *inode, u32 index, u32 *block)
{
    enum err err = fs_inode_find_block(inode, index, block);
    if (err != ERR_OK || *block != 0)
        return err;
    err = fs_inode_edit(inode);
    if (err == ERR_OK)
        err = block_allocate(block);
    if (err != ERR_OK)
        return err;
    if (index < XV6FS_DIRECT) {
        inode->disk->direct[index] = *block;
        return ERR_OK;
    }
    if (inode->disk->indirect == 0) {
        u32 indirect;
        err = block_allocate(&indirect);
        if (err != ERR_OK)
            return err;
        inode->disk->indirect = indirect;
    }
    u8 *bytes;
    err = fs_log_block(inode->disk->indirect, &bytes);
    if (err == ERR_OK)
        ((u32 *)bytes)[index - XV6FS_DIRECT] = *block;
    return err;
}

bool fs_inode_is_empty(const struct fs_inode *inode)
{
    u32 any = inode->disk->size | inode->disk->indirect;
    for (u32 i = 0; i < XV6FS_DIRECT; i++)
        any |= inode->disk->direct[i];
    return any == 0;
}

enum err fs_inode_truncate(struct fs_inode *inode)
{
    struct bitmap_part last = {.bits = NULL};
    fs_inode_cuts++;
    enum err err = fs_inode_edit(inode);
    for (u32 i = 0; i < XV6FS_DIRECT && err == ERR_OK; i++)
        if (inode->disk->direct[i] != 0)
            err = block_free(inode->disk->direct[i], &last);
    u32 indirect = inode->disk->indirect;
    if (err == ERR_OK && indirect != 0) {
        u32 slot;
        err = is_data(indirect) ? fs_cache_get(indirect, &slot) : ERR_CORRUPT;
        if (err != ERR_OK)
            return err;
        const u32 *blocks = (const u32 *)port_arena_slot(slot);
        for (u32 i = 0; i < XV6FS_INDIRECT && err == ERR_OK; i++)
            if (blocks[i] != 0)
                err = block_free(blocks[i], &last);
        fs_cache_put(slot);
        if (err == ERR_OK)
            err = block_free(indirect, &last);
    }
    if (err != ERR_OK)
        return err;
    memset(inode->disk->direct, 0, sizeof inode->disk->direct);
    inode->disk->indirect = 0;
    inode->disk->size = 0;
    return ERR_OK;
}

enum err fs_inode_free(struct fs_inode *inode)
{
    /* a device has no blocks: what its record says there is not looked at */
    enum err err = inode->disk->type == XV6FS_DEVICE ? fs_inode_edit(inode) : fs_inode_truncate(inode);
    if (err != ERR_OK)
        return err;
    fs_inode_cuts++;
    floor_free(&free_inodes, inode->number);
    *inode->disk = (struct xv6fs_inode){.type = XV6FS_FREE};
    return ERR_OK;
}
