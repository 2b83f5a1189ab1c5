/*
 * An independent reader of xv6 images: is every block used exactly once and marked so, and is every link
 * counted?
 */
#include "service/fs/test_world.h"
#include <stdlib.h>
#include <string.h>

#define INODES 70000 /* more than a record can name */

struct reader {
    const u8 *image;
    u64 blocks;
    struct xv6fs_super super;
    u8 *used; /* one byte a block */
    u32 names[INODES];
    u32 children[INODES]; /* directories in a directory */
    u8 seen[INODES];      /* directories walked */
    struct walk walk;
};

static void wrong(struct reader *r, const char *what, u32 where)
{
    if (r->walk.wrong == NULL) {
        r->walk.wrong = what;
        r->walk.where = where;
    }
}

static void digest(struct reader *r, const void *bytes, u64 length)
{
    for (u64 i = 0; i < length; i++)
        r->walk.digest = (r->walk.digest ^ ((const u8 *)bytes)[i]) * 1099511628211ul;
}

static const struct xv6fs_inode *inode_at(struct reader *r, u32 inode)
{
    return (const struct xv6fs_inode *)(r->image + (u64)r->super.inodestart * 1024 + (u64)inode * 64);
}

/* Marks the block as used. Its bytes; NULL: it cannot be a data block. */
static const u8 *use(struct reader *r, u32 block, u32 inode)
{
    if (block < r->super.size - r->super.nblocks || block >= r->super.size) {
        wrong(r, "block number out of range", inode);
        return NULL;
    }
    if (r->used[block]++ != 0)
        wrong(r, "block used twice", block);
    return r->image + (u64)block * 1024;
}

static u32 block_of(struct reader *r, const struct xv6fs_inode *inode, u32 index)
{
    if (index < 12)
        return inode->direct[index];
    if (index >= 268 || inode->indirect == 0 || inode->indirect >= r->super.size)
        return 0;
    return ((const u32 *)(r->image + (u64)inode->indirect * 1024))[index - 12];
}

static void check_blocks(struct reader *r, u32 number)
{
    const struct xv6fs_inode *inode = inode_at(r, number);
    u32 needed = (inode->size + 1023) / 1024;
    if (inode->size > 268 * 1024)
        wrong(r, "size beyond the largest file", number);
    if (inode->indirect != 0)
        use(r, inode->indirect, number);
    for (u32 i = 0; i < 268; i++) {
        u32 block = block_of(r, inode, i);
        if (block != 0)
            use(r, block, number);
        if (block != 0 && i >= needed)
            wrong(r, "block beyond the size", number);
        if (block == 0 && i < needed && inode->type == 2)
            wrong(r, "hole in a file", number);
    }
}

static void walk_directory(struct reader *r, u32 number, u32 parent)
{
    const struct xv6fs_inode *inode = inode_at(r, number);
    if (r->seen[number]++) {
        wrong(r, "directory named twice", number);
        return;
    }
    for (u32 at = 0; at < inode->size && at < 268 * 1024; at += 16) {
        u32 block = block_of(r, inode, at / 1024);
        if (block == 0 || block >= r->super.size)
            continue;
        const struct xv6fs_record *record = (const void *)(r->image + (u64)block * 1024 + at % 1024);
        digest(r, record, 16);
        if (record->inode == 0)
            continue;
        if (record->inode >= r->super.ninodes) {
            wrong(r, "record names no inode", number);
            continue;
        }
        if (at == 0 || at == 16) {
            if (strncmp(record->name, at == 0 ? "." : "..", 14) != 0 ||
                record->inode != (at == 0 ? number : parent))
                wrong(r, "bad . or ..", number);
            continue;
        }
        const struct xv6fs_inode *child = inode_at(r, record->inode);
        r->names[record->inode]++;
        digest(r, child, 12);
        if (child->type == 1) {
            r->children[number]++;
            walk_directory(r, record->inode, number);
        } else if (child->type == 2) {
            for (u32 done = 0; done < child->size && done < 268 * 1024; done += 1024) {
                u32 b = block_of(r, child, done / 1024);
                u32 part = child->size - done < 1024 ? child->size - done : 1024;
                if (b != 0 && b < r->super.size)
                    digest(r, r->image + (u64)b * 1024, part);
            }
        } else if (child->type != 3) {
            wrong(r, "record names a free inode", record->inode);
        }
    }
}

struct walk walk_image(const u8 *image, u64 blocks)
{
    struct reader *r = calloc(1, sizeof *r);
    r->image = image;
    r->blocks = blocks;
    r->walk.digest = 14695981039346656037ul;
    memcpy(&r->super, image + 1024, sizeof r->super);
    r->used = calloc(r->super.size, 1);
    if (((const u32 *)(image + (u64)r->super.logstart * 1024))[0] != 0)
        wrong(r, "log not empty", 0);
    walk_directory(r, 1, 1);
    for (u32 i = 1; i < r->super.ninodes; i++) {
        const struct xv6fs_inode *inode = inode_at(r, i);
        if (inode->type == 0) {
            r->walk.free_inodes++;
            continue;
        }
        if (inode->type < 1 || inode->type > 3)
            wrong(r, "inode of no type", i);
        if (inode->type != 3)
            check_blocks(r, i);
        u32 links = i == 1             ? 1 + r->children[1]
                    : inode->type == 1 ? r->names[i] + r->children[i]
                                       : r->names[i];
        if ((u32)inode->nlink != links)
            wrong(r, "links not counted right", i);
        if (inode->nlink == 0)
            r->walk.orphans++;
    }
    for (u32 block = 0; block < r->super.size; block++) {
        const u8 *bits = image + (u64)r->super.bmapstart * 1024 + block / 8;
        bool marked = (*bits >> block % 8 & 1) != 0;
        bool used = block < r->super.size - r->super.nblocks || r->used[block] != 0;
        if (marked != used)
            wrong(r, used ? "block used but marked free" : "block lost", block);
        r->walk.free_blocks += !marked;
    }
    struct walk walk = r->walk;
    free(r->used);
    free(r);
    return walk;
}

void assert_consistent(u32 orphans)
{
    struct walk walk = walk_disk();
    if (walk.wrong != NULL)
        fail_msg("image not consistent: %s (%u)", walk.wrong, walk.where);
    assert_int_equal(walk.orphans, orphans);
}
