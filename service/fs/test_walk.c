/*
 * An independent reader of xv6 images, as they are after a recovery: is every block used exactly once and
 * marked so, and is every link counted?
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

/* One is enough; what images with few inodes leave untouched is not cleared again and again. */
static struct reader *new_reader(void)
{
    static struct reader reader;
    u32 used = reader.super.ninodes > 0 && reader.super.ninodes < INODES ? reader.super.ninodes : INODES;
    memset(reader.names, 0, used * sizeof reader.names[0]);
    memset(reader.children, 0, used * sizeof reader.children[0]);
    memset(reader.seen, 0, used);
    memset(&reader.super, 0, sizeof reader.super);
    reader.used = NULL;
    reader.walk = (struct walk){0};
    return &reader;
}

/* A copy of the image with what its log holds at home, in memory that serves each time. NULL: the log is
 * damaged. */
static u8 *with_log_done(const u8 *image, u64 blocks)
{
    static u8 *copy;
    static u64 room;
    if (room < blocks) {
        free(copy);
        copy = malloc(blocks * 1024);
        room = blocks;
    }
    struct xv6fs_super super;
    memcpy(copy, image, blocks * 1024);
    memcpy(&super, image + 1024, sizeof super);
    const u32 *header = (const u32 *)(image + (u64)super.logstart * 1024);
    for (u32 i = 0; i < header[0]; i++) {
        if (header[0] >= super.nlog || header[1 + i] >= blocks)
            return NULL;
        memcpy(copy + header[1 + i] * 1024ul, image + (super.logstart + 1 + i) * 1024ul, 1024);
    }
    return copy;
}

struct walk walk_image(const u8 *raw, u64 blocks)
{
    struct reader *r = new_reader();
    u8 *image = with_log_done(raw, blocks);
    if (image == NULL)
        return (struct walk){.wrong = "log damaged"};
    r->image = image;
    r->blocks = blocks;
    r->walk.digest = 14695981039346656037ul;
    memcpy(&r->super, image + 1024, sizeof r->super);
    r->used = calloc(r->super.size, 1);
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
    return walk;
}

static void digest_subtree(struct reader *r, u32 number)
{
    const struct xv6fs_inode *inode = inode_at(r, number);
    digest(r, &inode->type, sizeof inode->type);
    digest(r, &inode->nlink, sizeof inode->nlink);
    digest(r, &inode->size, sizeof inode->size);
    if (inode->type == 2) {
        for (u32 done = 0; done < inode->size; done += 1024) {
            u32 part = inode->size - done < 1024 ? inode->size - done : 1024;
            digest(r, r->image + block_of(r, inode, done / 1024) * 1024ul, part);
        }
        return;
    }
    for (u32 at = 32; inode->type == 1 && at < inode->size; at += 16) { /* behind "." and ".." */
        const struct xv6fs_record *record =
            (const void *)(r->image + block_of(r, inode, at / 1024) * 1024ul + at % 1024);
        digest(r, record->name, 14);
        if (record->inode != 0)
            digest_subtree(r, record->inode);
    }
}

/* The image is consistent: walk_image() has said so. */
u64 walk_subtree(const u8 *raw, u64 blocks, const char *name)
{
    struct reader *r = new_reader();
    u8 *image = with_log_done(raw, blocks);
    u64 result = 0;
    r->image = image;
    r->walk.digest = 14695981039346656037ul;
    memcpy(&r->super, image + 1024, sizeof r->super);
    const struct xv6fs_inode *root = inode_at(r, 1);
    for (u32 at = 0; at < root->size; at += 16) {
        const struct xv6fs_record *record =
            (const void *)(r->image + block_of(r, root, at / 1024) * 1024ul + at % 1024);
        if (record->inode == 0 || strncmp(record->name, name, 14) != 0)
            continue;
        digest_subtree(r, record->inode);
        result = r->walk.digest;
    }
    return result;
}

void assert_consistent(u32 orphans)
{
    struct walk walk = walk_disk();
    if (walk.wrong != NULL)
        fail_msg("image not consistent: %s (%u)", walk.wrong, walk.where);
    assert_int_equal(walk.orphans, orphans);
}
