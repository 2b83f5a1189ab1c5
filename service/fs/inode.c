/*
 * Inodes: their records, the blocks of their files, and the bitmap that says which blocks are free.
 *
 * There is no copy of a record in memory: an open inode is a pinned buffer and a pointer into it. So a
 * transaction that is given up takes its changes of inodes and bitmap along with the buffers.
 *
 * Locking: fs_lock; changes only inside a transaction.
 */
#include "lib/string.h"
#include "port/log.h"
#include "service/fs/core.h"

static bool is_data(u32 block)
{
    return block >= fs_geometry.data_start && block < fs_geometry.blocks;
}

/* ---- The bitmap ---- */

/* The lowest free block, marked in use and filled with zeros. ERR_NO_SPACE. */
static enum err block_allocate(u32 *block)
{
    u32 first = fs_geometry.data_start;
    while (first < fs_geometry.blocks) {
        u32 part = first / XV6FS_BITS_PER_BLOCK; /* which bitmap block */
        u32 base = part * XV6FS_BITS_PER_BLOCK;
        u32 end = (u32)min_u64(fs_geometry.blocks - base, XV6FS_BITS_PER_BLOCK); /* bits in use there */
        u32 slot;
        enum err err = fs_cache_get(fs_geometry.bitmap_start + part, &slot);
        if (err != ERR_OK)
            return err;
        const u8 *bits = port_arena_slot(slot);
        u32 bit = first - base;
        while (bit < end && (bits[bit / 8] & 1u << bit % 8) != 0)
            bit += bit % 8 == 0 && bits[bit / 8] == 0xff ? 8 : 1; /* eight at a time where all are taken */
        fs_cache_put(slot);
        if (bit >= end) {
            first = base + XV6FS_BITS_PER_BLOCK;
            continue;
        }
        u8 *bytes;
        err = fs_log_block(fs_geometry.bitmap_start + part, &bytes);
        if (err != ERR_OK)
            return err;
        bytes[bit / 8] |= (u8)(1u << bit % 8);
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

static enum err block_free(u32 block)
{
    if (!is_data(block))
        return ERR_CORRUPT;
    u8 *bits;
    enum err err = fs_log_block(fs_geometry.bitmap_start + block / XV6FS_BITS_PER_BLOCK, &bits);
    if (err != ERR_OK)
        return err;
    u32 bit = block % XV6FS_BITS_PER_BLOCK;
    u8 mask = (u8)(1u << bit % 8);
    if ((bits[bit / 8] & mask) == 0)
        return ERR_CORRUPT; /* two files claim it, or the bitmap is wrong */
    bits[bit / 8] &= (u8)~mask;
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

enum err fs_inode_allocate(u32 type, u64 device, struct fs_inode *inode)
{
    for (u32 number = 1; number < fs_geometry.inodes; number++) {
        enum err err = record_get(number, inode);
        if (err != ERR_OK)
            return err;
        if (inode->disk->type == XV6FS_FREE) {
            err = fs_inode_edit(inode);
            if (err != ERR_OK) {
                fs_inode_close(inode);
                return err;
            }
            *inode->disk = (struct xv6fs_inode){
                .type = (s16)type, .major = (s16)(device & 0xffff), .minor = (s16)(device >> 16 & 0xffff)};
            return ERR_OK;
        }
        fs_inode_close(inode);
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

enum err fs_inode_truncate(struct fs_inode *inode)
{
    enum err err = fs_inode_edit(inode);
    for (u32 i = 0; i < XV6FS_DIRECT && err == ERR_OK; i++)
        if (inode->disk->direct[i] != 0)
            err = block_free(inode->disk->direct[i]);
    u32 indirect = inode->disk->indirect;
    if (err == ERR_OK && indirect != 0) {
        u32 slot;
        err = is_data(indirect) ? fs_cache_get(indirect, &slot) : ERR_CORRUPT;
        if (err != ERR_OK)
            return err;
        const u32 *blocks = (const u32 *)port_arena_slot(slot);
        for (u32 i = 0; i < XV6FS_INDIRECT && err == ERR_OK; i++)
            if (blocks[i] != 0)
                err = block_free(blocks[i]);
        fs_cache_put(slot);
        if (err == ERR_OK)
            err = block_free(indirect);
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
    if (err == ERR_OK)
        *inode->disk = (struct xv6fs_inode){.type = XV6FS_FREE};
    return err;
}
