/*
 * The file service as long as micro has no disk: a directory of the programs that are part of this server's
 * image.
 *
 * It answers what exec and open ask of fs and refuses everything else with ERR_ABSENT. Inode 1 is the
 * directory; file n of the archive has inode n + 2. Blocks are copied to slots of a small arena to be lent.
 *
 * Locking: `lock` guards the slots.
 */
#include "lib/archive.h"
#include "lib/string.h"
#include "placement/micro/unix/server.h"
#include "port/arena.h"
#include "port/fs.h"
#include "port/sync.h"

#define SLOTS      64u
#define FIRST_FILE 2u

extern const u8 programs_archive[], programs_archive_end[];

static struct port_lock lock;
static u8 slots[SLOTS][PORT_SLOT_SIZE];
static bool lent[SLOTS];

enum err archive_begin(void)
{
    port_lock_init(&lock, "archive");
    return ERR_OK;
}

u32 port_arena_slots(void)
{
    return SLOTS;
}

u8 *port_arena_slot(u32 slot)
{
    return slot < SLOTS ? slots[slot] : NULL;
}

/* The n-th file; false past the last. */
static bool file_at(u64 n, struct archive_file *file)
{
    *file = (struct archive_file){0};
    for (u64 i = 0; i <= n; i++) {
        if (!archive_next(programs_archive, (u64)(programs_archive_end - programs_archive), file))
            return false;
    }
    return true;
}

static bool same_name(const char *name, u64 name0, u64 name1)
{
    char given[FS_NAME_MAX + 2] = {0};

    memcpy(given, &name0, 8);
    memcpy(given + 8, &name1, 8);
    given[FS_NAME_MAX] = '\0';
    return strcmp(name, given) == 0;
}

enum err fs_lookup(u64 directory, u64 name0, u64 name1, u64 *inode)
{
    struct archive_file file;

    if (directory != FS_ROOT)
        return ERR_NOT_DIRECTORY;
    if (same_name(".", name0, name1) || same_name("..", name0, name1)) {
        *inode = FS_ROOT;
        return ERR_OK;
    }
    for (u64 n = 0; file_at(n, &file); n++) {
        if (same_name(file.name, name0, name1)) {
            *inode = n + FIRST_FILE;
            return ERR_OK;
        }
    }
    return ERR_NOT_FOUND;
}

enum err fs_get(u64 inode)
{
    (void)inode; /* nothing here ever goes away */
    return ERR_OK;
}

enum err fs_put(u64 inode)
{
    (void)inode;
    return ERR_OK;
}

enum err fs_stat(u64 inode, u64 *attributes, u64 *size)
{
    struct archive_file file;

    if (inode == FS_ROOT) {
        *attributes = FS_TYPE_DIRECTORY | 1u << 16;
        *size = 0;
        return ERR_OK;
    }
    if (inode < FIRST_FILE || !file_at(inode - FIRST_FILE, &file))
        return ERR_ARGUMENT;
    *attributes = FS_TYPE_FILE | 1u << 16;
    *size = file.size;
    return ERR_OK;
}

static u32 slot_lend_locked(void)
{
    for (u32 i = 0; i < SLOTS; i++) {
        if (!lent[i]) {
            lent[i] = true;
            return i;
        }
    }
    return FS_NO_SLOT;
}

enum err fs_read(u64 inode, u64 offset, u64 length, u64 *lent_slots, u64 *count)
{
    struct archive_file file;
    u64 first = round_down(offset, PORT_SLOT_SIZE), end, words = ~0ul;
    enum err err = ERR_OK;

    if (inode < FIRST_FILE || !file_at(inode - FIRST_FILE, &file))
        return ERR_ARGUMENT;
    end = offset < file.size ? offset + min_u64(length, file.size - offset) : offset;
    end = min_u64(end, first + FS_SLOTS * PORT_SLOT_SIZE);
    port_lock_acquire(&lock);
    for (u32 i = 0; first + i * PORT_SLOT_SIZE < end && err == ERR_OK; i++) {
        u64 at = first + i * PORT_SLOT_SIZE;
        u32 slot = slot_lend_locked();

        if (slot == FS_NO_SLOT) {
            err = ERR_NO_MEMORY;
            break;
        }
        memcpy(slots[slot], (const u8 *)file.data + at, min_u64(PORT_SLOT_SIZE, file.size - at));
        words = (words & ~(0xfffful << 16 * i)) | (u64)slot << 16 * i;
    }
    port_lock_release(&lock);
    if (err != ERR_OK) {
        fs_read_done(words);
        return err;
    }
    *lent_slots = words;
    *count = end - offset;
    return ERR_OK;
}

enum err fs_read_done(u64 words)
{
    port_lock_acquire(&lock);
    for (u32 i = 0; i < FS_SLOTS; i++) {
        u32 slot = words >> 16 * i & 0xffff;

        if (slot < SLOTS)
            lent[slot] = false;
    }
    port_lock_release(&lock);
    return ERR_OK;
}

/* ---- What only a disk can do ---- */

enum err fs_create(u64 directory, u64 name0, u64 name1, u64 type, u64 device, u64 *inode)
{
    (void)directory, (void)name0, (void)name1, (void)type, (void)device, (void)inode;
    return ERR_ABSENT;
}

enum err fs_link(u64 inode, u64 directory, u64 name0, u64 name1)
{
    (void)inode, (void)directory, (void)name0, (void)name1;
    return ERR_ABSENT;
}

enum err fs_unlink(u64 directory, u64 name0, u64 name1)
{
    (void)directory, (void)name0, (void)name1;
    return ERR_ABSENT;
}

enum err fs_slots_lend(u64 *lent_slots)
{
    (void)lent_slots;
    return ERR_ABSENT;
}

enum err fs_slots_return(u64 words)
{
    (void)words;
    return ERR_ABSENT;
}

enum err fs_write(u64 inode, u64 offset, u64 length, u64 words, u64 keep_size, u64 *fresh)
{
    (void)inode, (void)offset, (void)length, (void)words, (void)keep_size, (void)fresh;
    return ERR_ABSENT;
}

enum err fs_truncate(u64 inode)
{
    (void)inode;
    return ERR_ABSENT;
}
