/*
 * The operations of the file system: port/fs.def says what each promises.
 *
 * An operation that changes something takes the turn (begin_change). First it asks every question about its
 * arguments; then it makes its change, a function of its own, all or nothing, with what it needs in a
 * structure; last it passes the turn on and waits until the change is on the disk. One that changes nothing
 * (begin, end) takes no turn; what it finds before a wait for the disk it looks at again after.
 *
 * A request repeated after a death is answered as the first time, if it had taken effect (enter_once). So
 * every operation with an effect notes its answer together with it: see kept.c.
 *
 * Locking: fs_lock, see core.h.
 */
#include "lib/string.h"
#include "port/keep.h"
#include "port/log.h"
#include "port/time.h"
#include "service/fs/core.h"
#include "service/inject.h"

static u32 under_way;              /* operations */
static struct port_queue only_one; /* is left */

void fs_operations_start(void)
{
    under_way = 0;
    port_queue_init(&only_one, "fs: other operations");
}

/* Before the lock, so that an injected hang holds nothing that others need but its own thread. */
static void enter(void)
{
    inject_point(SERVICE_FS);
    port_lock_acquire(&fs_lock);
    under_way++;
}

static enum err leave(enum err err)
{
    if (--under_way == 1)
        port_wake_all(&only_one);
    port_lock_release(&fs_lock);
    return err;
}

/* Enters, unless a former generation has done what is asked: then `answer` is what it gave, and there is
 * nothing to leave. Before any argument is looked at: who asks what became of a request names no inode. */
static bool enter_once(u64 *answer)
{
    enter();
    if (!fs_request_done(answer))
        return true;
    (void)leave(ERR_OK);
    return false;
}

static enum err open_held(u64 number, struct fs_inode *inode)
{
    return fs_held(number) ? fs_inode_open(number, inode) : ERR_ARGUMENT;
}

/* Having entered, opens an inode the caller must hold. On an error nothing stays open or locked. */
static enum err begin_entered(u64 number, struct fs_inode *inode)
{
    enum err err = open_held(number, inode);
    return err == ERR_OK ? ERR_OK : leave(err);
}

static enum err begin(u64 number, struct fs_inode *inode)
{
    enter();
    return begin_entered(number, inode);
}

static enum err end(struct fs_inode *inode, enum err err)
{
    fs_inode_close(inode);
    return leave(err);
}

/* The same with the turn. */
static enum err begin_change(u64 number, struct fs_inode *inode)
{
    fs_log_begin();
    enum err err = open_held(number, inode);
    return err == ERR_OK ? ERR_OK : leave(fs_log_end(err));
}

/* The change is made, if there is no error: passes the turn on and waits for the disk. */
static enum err finish_change(struct fs_inode *inode, enum err err, u64 answer)
{
    fs_inode_close(inode);
    if (err == ERR_OK)
        fs_request_note_change(answer);
    return fs_log_end(err);
}

static enum err end_change(struct fs_inode *inode, enum err err, u64 answer)
{
    return leave(finish_change(inode, err, answer));
}

/* ---- Names ---- */

/* Whether names may come into a directory: not if it has been removed while somebody held it. */
static enum err check_directory(const struct fs_inode *directory)
{
    if (directory->disk->type != XV6FS_DIRECTORY)
        return ERR_NOT_DIRECTORY;
    return directory->disk->nlink > 0 ? ERR_OK : ERR_NOT_FOUND;
}

/* The inode of the name, without a reference. */
static enum err find(const struct fs_inode *directory, const struct fs_name *name, u32 *number)
{
    u32 offset;
    enum err err = fs_directory_find(directory, name, number, &offset);
    if (err == ERR_OK && fs_name_equal(name, &fs_name_dot_dot)) {
        err = check_directory(directory); /* the parent of a removed one may be anything by now */
        if (directory->number == FS_ROOT)
            *number = FS_ROOT;
    }
    return err;
}

/* While the inode's record was read, or its making was waited for, its name may have gone, and the inode with
 * it: then all is looked at again. The record is in the cache by then. */
static enum err lookup(const struct fs_inode *directory, const struct fs_name *name, u64 *result)
{
    u32 number;
    u64 cuts;
    bool waited;
    do {
        enum err err = find(directory, name, &number);
        if (err != ERR_OK)
            return err;
        struct fs_inode inode;
        cuts = fs_inode_cuts;
        err = fs_inode_open(number, &inode);
        waited = fs_log_wait_for(number);
        if (err == ERR_OK)
            fs_inode_close(&inode);
        else if (cuts == fs_inode_cuts && !waited)
            return err;
    } while (cuts != fs_inode_cuts || waited);
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
    if (!enter_once(inode))
        return ERR_OK;
    enum err err = begin_entered(directory, &open);
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
    u64 same;
    if (!enter_once(&same))
        return ERR_OK;
    enum err err = ERR_ARGUMENT;
    if (fs_held(inode))
        err = fs_reference_room((u32)inode) ? ERR_OK : ERR_NO_SLOT;
    if (err == ERR_OK)
        fs_reference_take((u32)inode);
    return leave(err);
}

static enum err free_inode(void *inode)
{
    return fs_inode_free(inode);
}

/* Whether the inode goes when the caller's reference does. */
static bool is_last_of_all(const struct fs_inode *inode)
{
    return inode->disk->nlink == 0 && fs_kept->references[inode->number] == 1;
}

/* Frees the inode if nothing names it and nobody else holds it. A file that has a name needs no turn. */
static enum err free_if_last(u32 number)
{
    struct fs_inode inode;
    enum err err = fs_inode_open(number, &inode);
    if (err != ERR_OK)
        return err;
    if (!is_last_of_all(&inode)) {
        fs_inode_close(&inode);
        return ERR_OK;
    }
    fs_log_begin();
    if (is_last_of_all(&inode))
        err = fs_log_change(free_inode, &inode);
    return finish_change(&inode, err, number);
}

/* The reference is given back whatever happens: should the disk refuse, the next start frees the inode. */
static enum err put(u32 number)
{
    u64 cuts = fs_inode_cuts;
    enum err err = fs_kept->references[number] == 1 ? free_if_last(number) : ERR_OK;
    fs_reference_drop(number);
    if (err != ERR_OK || cuts != fs_inode_cuts)
        fs_inode_not_held(number); /* freed, it was passed over until its commit was done */
    return err;
}

/* The root's own reference is not the callers'. */
static bool is_held_by_caller(u64 number)
{
    return fs_held(number) && fs_kept->references[number] > (number == FS_ROOT ? 1 : 0);
}

enum err fs_put(u64 inode)
{
    u64 same;
    if (!enter_once(&same))
        return ERR_OK;
    return leave(is_held_by_caller(inode) ? put((u32)inode) : ERR_ARGUMENT);
}

/* Gives back all references but one at once, that one as fs_put() does. */
static enum err put_all(u32 number)
{
    u16 own = number == FS_ROOT ? 1 : 0;
    port_keep_begin(&fs_kept->references[number], sizeof fs_kept->references[0]);
    fs_kept->references[number] = (u16)(own + 1);
    port_keep_commit();
    return put(number);
}

enum err fs_forget_all(void)
{
    enter();
    while (under_way > 1)
        (void)port_wait(&only_one, &fs_lock, port_now() + PORT_SECOND);
    enum err err = ERR_OK;
    for (u32 number = 1; number < fs_geometry.inodes; number++) {
        enum err one = is_held_by_caller(number) ? put_all(number) : ERR_OK;
        if (err == ERR_OK)
            err = one;
    }
    fs_cache_take_all_back();
    fs_requests_forget();
    return leave(err);
}

/* ---- Creating, linking, unlinking ---- */

struct create {
    struct fs_inode *directory;
    const struct fs_name *name;
    u32 record; /* where the new one goes */
    u64 type, device;
    u32 number; /* of the new inode */
};

static enum err make_names(const struct create *c, struct fs_inode *inode)
{
    enum err err = ERR_OK;
    inode->disk->nlink = 1;
    if (c->type == FS_TYPE_DIRECTORY) {
        err = fs_directory_set(inode, 0, &fs_name_dot, inode->number);
        if (err == ERR_OK)
            err =
                fs_directory_set(inode, sizeof(struct xv6fs_record), &fs_name_dot_dot, c->directory->number);
        if (err == ERR_OK)
            err = fs_inode_edit(c->directory);
        if (err == ERR_OK)
            c->directory->disk->nlink++; /* for the new one's ".." */
    }
    if (err == ERR_OK)
        err = fs_directory_set(c->directory, c->record, c->name, inode->number);
    return err;
}

/* The reference is taken with the name: once others can see it, they could remove it and thereby the inode.
 */
static enum err create(void *argument)
{
    struct create *c = argument;
    struct fs_inode inode;
    enum err err = fs_inode_allocate((u32)c->type, c->device, &inode);
    if (err != ERR_OK)
        return err;
    err = make_names(c, &inode);
    c->number = inode.number;
    fs_inode_close(&inode);
    if (err == ERR_OK) {
        fs_request_note_created(c->number);
        fs_log_made(c->number);
    }
    return err;
}

enum err fs_create(u64 directory, u64 name0, u64 name1, u64 type, u64 device, u64 *inode)
{
    struct fs_inode open;
    if (!enter_once(inode))
        return ERR_OK;
    enum err err = begin_change(directory, &open);
    if (err != ERR_OK)
        return err;
    struct fs_name name;
    struct create c = {.directory = &open, .name = &name, .type = type, .device = device};
    u32 existing;
    err = fs_name_make(name0, name1, &name);
    if (err == ERR_OK && (type < FS_TYPE_DIRECTORY || type > FS_TYPE_DEVICE || device >> 32 != 0 ||
                          (type != FS_TYPE_DEVICE && device != 0)))
        err = ERR_ARGUMENT;
    if (err == ERR_OK)
        err = check_directory(&open);
    if (err == ERR_OK) {
        err = fs_directory_find(&open, &name, &existing, &c.record);
        err = err == ERR_OK ? ERR_EXISTS : err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    if (err == ERR_OK && type == FS_TYPE_DIRECTORY && open.disk->nlink == XV6FS_LINKS_MAX)
        err = ERR_NO_SPACE;
    if (err != ERR_OK)
        return end_change(&open, err, 0);
    err = fs_log_change(create, &c);
    bool made = err == ERR_OK;
    fs_inode_close(&open);
    err = fs_log_end(err);
    if (err == ERR_OK)
        *inode = c.number;
    else if (made)
        fs_request_undo_created(c.number);
    return leave(err);
}

struct link {
    struct fs_inode *inode, *directory;
    const struct fs_name *name;
    u32 record;
};

static enum err link(void *argument)
{
    struct link *l = argument;
    enum err err = fs_inode_edit(l->inode);
    if (err != ERR_OK)
        return err;
    l->inode->disk->nlink++;
    return fs_directory_set(l->directory, l->record, l->name, l->inode->number);
}

enum err fs_link(u64 inode, u64 directory, u64 name0, u64 name1)
{
    struct fs_inode open, parent;
    u64 nothing;
    if (!enter_once(&nothing))
        return ERR_OK;
    enum err err = begin_change(inode, &open);
    if (err != ERR_OK)
        return err;
    err = open_held(directory, &parent);
    if (err != ERR_OK)
        return end_change(&open, err, 0);
    struct fs_name name;
    struct link l = {.inode = &open, .directory = &parent, .name = &name};
    u32 existing;
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
        err = fs_directory_find(&parent, &name, &existing, &l.record);
        if (err == ERR_NOT_FOUND)
            err = fs_log_change(link, &l);
        else if (err == ERR_OK)
            err = ERR_EXISTS;
    }
    fs_inode_close(&parent);
    return end_change(&open, err, 0);
}

struct unlink {
    struct fs_inode *directory, *inode;
    u32 record;
};

static enum err unlink(void *argument)
{
    struct unlink *u = argument;
    struct fs_inode *inode = u->inode;
    enum err err = fs_directory_set(u->directory, u->record, NULL, 0);
    if (err == ERR_OK && inode->disk->type == XV6FS_DIRECTORY) {
        err = fs_inode_edit(u->directory);
        if (err == ERR_OK)
            u->directory->disk->nlink--; /* the removed one's ".." */
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
    u64 nothing;
    if (!enter_once(&nothing))
        return ERR_OK;
    enum err err = begin_change(directory, &open);
    if (err != ERR_OK)
        return err;
    struct fs_name name;
    struct unlink u = {.directory = &open, .inode = &victim};
    u32 number;
    err = fs_name_make(name0, name1, &name);
    if (err == ERR_OK && (fs_name_equal(&name, &fs_name_dot) || fs_name_equal(&name, &fs_name_dot_dot)))
        err = ERR_ARGUMENT;
    if (err == ERR_OK)
        err = fs_directory_find(&open, &name, &number, &u.record);
    if (err == ERR_OK)
        err = fs_inode_open(number, &victim);
    if (err != ERR_OK)
        return end_change(&open, err, 0);
    err = check_unlink(&open, &victim);
    if (err == ERR_OK)
        err = fs_log_change(unlink, &u);
    fs_inode_close(&victim);
    return end_change(&open, err, 0);
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

/* How many bytes from `offset` on fit into one request's slots. */
static u64 request_room(u64 offset)
{
    return FS_SLOTS * PORT_SLOT_SIZE - offset % PORT_SLOT_SIZE;
}

/* Where each of some inodes was read last: who goes on from there is read ahead for. Guesses, as several
 * inodes share an entry. */
#define READERS 64u
static struct {
    u32 inode;
    u32 next; /* block */
} readers[READERS];

/* Where reading ahead ends for one who reads `blocks` blocks from `first` on. */
static u32 ahead_end(const struct fs_inode *inode, u32 first, u32 blocks)
{
    u32 entry = inode->number % READERS;
    bool goes_on = first == 0 || (readers[entry].inode == inode->number && readers[entry].next == first);
    readers[entry].inode = inode->number;
    readers[entry].next = first + blocks;
    return goes_on ? (inode->disk->size + XV6FS_BLOCK_SIZE - 1) / XV6FS_BLOCK_SIZE : first + blocks;
}

/* Pins the blocks from `first` on; on an error none. What has to be read is read together, up to `end`. */
static enum err pin_blocks(const struct fs_inode *inode, u32 first, u32 count, u32 end, u32 *slots)
{
    for (u32 i = 0; i < count; i++) {
        u32 block;
        enum err err = fs_inode_find_block(inode, first + i, &block);
        slots[i] = FS_SLOT_ZERO;
        if (err == ERR_OK && block != 0) {
            if (!fs_cache_has(block))
                fs_inode_read_ahead(inode, first + i, end);
            err = fs_cache_get(block, &slots[i]);
        } else if (err == ERR_OK) {
            fs_cache_pin(FS_SLOT_ZERO);
        }
        if (err != ERR_OK) {
            while (i-- > 0)
                fs_cache_put(slots[i]);
            return err;
        }
    }
    return ERR_OK;
}

/* Pins the blocks that hold the bytes; looks again if any block may have been freed while the disk was read.
 * They are in the cache by then. */
static enum err pin_range(const struct fs_inode *inode, u64 offset, u64 length, u32 *slots, u32 *blocks,
                          u64 *count)
{
    for (;;) {
        u64 cuts = fs_inode_cuts;
        u32 first = (u32)(offset / PORT_SLOT_SIZE);
        u64 bytes = offset < inode->disk->size ? inode->disk->size - offset : 0;
        bytes = min_u64(min_u64(bytes, length), request_room(offset));
        *count = bytes;
        *blocks = bytes == 0 ? 0 : (u32)((offset % PORT_SLOT_SIZE + bytes - 1) / PORT_SLOT_SIZE) + 1;
        u32 end = *blocks > 0 ? ahead_end(inode, first, *blocks) : 0;
        enum err err = pin_blocks(inode, first, *blocks, end, slots);
        if (cuts == fs_inode_cuts)
            return err;
        for (u32 i = 0; i < *blocks && err == ERR_OK; i++)
            fs_cache_put(slots[i]);
    }
}

/* Repeated: what a former generation lent for it goes back first, since the blocks may have changed
 * meanwhile; that is all, if the caller asks for no inode any more. */
enum err fs_read(u64 inode, u64 offset, u64 length, u64 *slots, u64 *count)
{
    struct fs_inode open;
    u32 lent[FS_SLOTS];
    u64 former;
    enter();
    if (fs_request_done(&former))
        (void)fs_cache_take_back(lent, fs_slots_unpack(former, lent), false);
    enum err err = begin_entered(inode, &open);
    if (err != ERR_OK)
        return err;
    if (open.disk->type == XV6FS_DEVICE)
        return end(&open, ERR_ARGUMENT);
    u32 blocks;
    u64 bytes;
    err = pin_range(&open, offset, length, lent, &blocks, &bytes);
    if (err != ERR_OK)
        return end(&open, err);
    err = fs_cache_lend(lent, blocks);
    for (u32 i = 0; i < blocks; i++)
        fs_cache_put(lent[i]);
    if (err == ERR_OK) {
        *slots = fs_slots_pack(lent, blocks);
        *count = bytes;
    }
    return end(&open, err);
}

static enum err take_back(u64 word, bool from_writer)
{
    u32 slots[FS_SLOTS];
    u32 count = fs_slots_unpack(word, slots);
    u64 nothing;
    if (!enter_once(&nothing))
        return ERR_OK;
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
    if (!enter_once(slots))
        return ERR_OK;
    enum err err = fs_cache_lend_empty(lent, FS_SLOTS);
    if (err == ERR_OK)
        *slots = fs_slots_pack(lent, FS_SLOTS);
    return leave(err);
}

/* One block's part of a write, in a change. `make` false: a block that does not exist is passed over. */
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

struct write {
    struct fs_inode *inode;
    u64 offset, length;
    const u32 *slots;
    bool keep_size;
};

static enum err write(void *argument)
{
    const struct write *w = argument;
    u64 done = 0;
    for (u32 i = 0; done < w->length; i++) {
        u64 at = (w->offset + done) % XV6FS_BLOCK_SIZE;
        u64 part = min_u64(w->length - done, XV6FS_BLOCK_SIZE - at);
        enum err err =
            write_block(w->inode, w->offset + done, part, port_arena_slot(w->slots[i]) + at, !w->keep_size);
        if (err != ERR_OK)
            return err;
        done += part;
    }
    if (w->keep_size || w->offset + w->length <= w->inode->disk->size)
        return ERR_OK;
    enum err err = fs_inode_edit(w->inode);
    if (err == ERR_OK)
        w->inode->disk->size = (u32)(w->offset + w->length);
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
    if (!enter_once(fresh))
        return ERR_OK;
    enum err err = begin_change(inode, &open);
    if (err != ERR_OK)
        return err;
    u32 filled[FS_SLOTS];
    u32 count = fs_slots_unpack(slots, filled);
    struct write w = {
        .inode = &open, .offset = offset, .length = length, .slots = filled, .keep_size = keep_size != 0};
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
        err = fs_log_change(write, &w);
    err = end_change(&open, err, slots);
    if (err == ERR_OK)
        *fresh = slots;
    return err;
}

static enum err truncate(void *inode)
{
    return fs_inode_truncate(inode);
}

enum err fs_truncate(u64 inode)
{
    struct fs_inode open;
    u64 nothing;
    if (!enter_once(&nothing))
        return ERR_OK;
    enum err err = begin_change(inode, &open);
    if (err != ERR_OK)
        return err;
    if (open.disk->type == XV6FS_DIRECTORY)
        err = ERR_IS_DIRECTORY;
    else if (open.disk->type != XV6FS_FILE)
        err = ERR_ARGUMENT;
    else if (!fs_inode_is_empty(&open))
        err = fs_log_change(truncate, &open);
    return end_change(&open, err, 0);
}

enum err fs_sync(void)
{
    enter();
    fs_log_begin();
    return leave(fs_log_end(fs_log_empty()));
}
