/* System calls about files, descriptors and paths; numbers and arguments in abi/xv6/syscall.h. */
#include "abi/xv6/fcntl.h"
#include "abi/xv6/stat.h"
#include "port/fs.h"
#include "service/unix/calls.h"
#include "service/unix/file.h"

static bool fetch_path(const struct process *process, uaddr address, char path[MAXPATH])
{
    return unix_user_string(process->memory.space, address, path, MAXPATH);
}

/* ---- Descriptors ---- */

s64 unix_call_read(struct process *process, const u64 *argument)
{
    struct file *file = unix_descriptor(process, argument[0]);

    return file == NULL ? FAILED : unix_file_read(process, file, argument[1], (s32)argument[2]);
}

s64 unix_call_write(struct process *process, const u64 *argument)
{
    struct file *file = unix_descriptor(process, argument[0]);

    return file == NULL ? FAILED : unix_file_write(process, file, argument[1], (s32)argument[2]);
}

s64 unix_call_close(struct process *process, const u64 *argument)
{
    u32 descriptor = (u32)argument[0];
    u32 number;

    if (unix_descriptor(process, descriptor) == NULL)
        return FAILED;
    number = process->files[descriptor];
    process->files[descriptor] = NO_FILE;
    unix_file_close(number);
    return 0;
}

s64 unix_call_dup(struct process *process, const u64 *argument)
{
    u32 descriptor = (u32)argument[0];
    s64 copy;

    if (unix_descriptor(process, descriptor) == NULL)
        return FAILED;
    copy = unix_descriptor_add(process, process->files[descriptor]);
    if (copy >= 0)
        unix_file_share(process->files[descriptor]);
    return copy;
}

/* Run mode's console has no inode: it is a device with no links. */
static bool describe(const struct file *file, struct stat *stat)
{
    u64 attributes = FS_TYPE_DEVICE;
    u64 size = 0;

    if (file->kind == FILE_PIPE)
        return false;
    if (file->inode != 0 && repeat_once(fs_stat(file->inode, &attributes, &size)) != ERR_OK)
        return false;
    *stat = (struct stat){.dev = ROOTDEV,
                          .ino = (u32)file->inode,
                          .type = (s16)FS_STAT_TYPE(attributes),
                          .nlink = (s16)FS_STAT_LINKS(attributes),
                          .size = size};
    return true;
}

s64 unix_call_fstat(struct process *process, const u64 *argument)
{
    struct file *file = unix_descriptor(process, argument[0]);
    struct stat stat;

    if (file == NULL || !describe(file, &stat))
        return FAILED;
    return unix_user_write(process->memory.space, argument[1], &stat, sizeof(stat)) == sizeof(stat) ? 0
                                                                                                    : FAILED;
}

/* Takes a descriptor out again and drops its file. */
static void drop_descriptor(struct process *process, s64 descriptor)
{
    unix_file_close(process->files[descriptor]);
    process->files[descriptor] = NO_FILE;
}

/* One end of a pipe, in the lowest free descriptor; -1 if there is no file or no descriptor: then the end is
 * closed. */
static s64 open_pipe_end(struct process *process, u32 pipe, bool write_end)
{
    u32 number = unix_file_new();
    s64 descriptor;

    if (number == NO_FILE) {
        unix_pipe_close(pipe, write_end);
        return -1;
    }
    unix_file(number)->kind = FILE_PIPE;
    unix_file(number)->pipe = pipe;
    unix_file(number)->readable = !write_end;
    unix_file(number)->writable = write_end;
    descriptor = unix_descriptor_add(process, number);
    if (descriptor < 0)
        unix_file_close(number);
    return descriptor;
}

s64 unix_call_pipe(struct process *process, const u64 *argument)
{
    u32 pipe = unix_pipe_new();
    s64 read_end;
    s64 write_end;

    if (pipe == NO_FILE)
        return FAILED;
    read_end = open_pipe_end(process, pipe, false);
    write_end = open_pipe_end(process, pipe, true);
    if (read_end >= 0 && write_end >= 0) {
        s32 both[2] = {(s32)read_end, (s32)write_end};

        if (unix_user_write(process->memory.space, argument[0], both, sizeof(both)) == sizeof(both))
            return 0;
    }
    if (read_end >= 0)
        drop_descriptor(process, read_end);
    if (write_end >= 0)
        drop_descriptor(process, write_end);
    return FAILED;
}

/* ---- Opening ---- */

/* How often creating and looking up alternate while others make and remove the same name. Each round somebody
 * else has made progress; so many in a row do not happen by accident. */
#define CREATE_ROUNDS 64u

/* The inode of the file `path`, made if it is missing. A device is as good as a file; a directory is not. */
static enum err create_or_find(struct process *process, const char *path, u64 *inode, u64 *attributes,
                               u64 *size)
{
    u64 directory;
    u64 name[2];
    enum err err = unix_path_parent(process, path, &directory, name);

    if (err != ERR_OK)
        return err;
    err = ERR_NOT_FOUND;
    for (u32 i = 0; i < CREATE_ROUNDS && err == ERR_NOT_FOUND; i++) {
        err = repeat_or_ask(fs_create(directory, name[0], name[1], FS_TYPE_FILE, 0, inode), OP_fs_create,
                            inode);
        if (err != ERR_EXISTS)
            break;
        err = repeat_or_ask(fs_lookup(directory, name[0], name[1], inode), OP_fs_lookup, inode);
    }
    unix_inode_put(directory);
    if (err != ERR_OK)
        return err;
    err = repeat_once(fs_stat(*inode, attributes, size));
    if (err == ERR_OK && FS_STAT_TYPE(*attributes) == FS_TYPE_DIRECTORY)
        err = ERR_IS_DIRECTORY;
    if (err != ERR_OK)
        unix_inode_put(*inode);
    return err;
}

static enum err find(struct process *process, const char *path, u64 *inode, u64 *attributes, u64 *size)
{
    enum err err = unix_path_inode(process, path, inode);

    if (err != ERR_OK)
        return err;
    err = repeat_once(fs_stat(*inode, attributes, size));
    if (err != ERR_OK)
        unix_inode_put(*inode);
    return err;
}

/* A directory opens with a mode of exactly 0; a device needs a major that a device could have. */
static bool may_open(u64 attributes, u32 mode)
{
    switch (FS_STAT_TYPE(attributes)) {
    case FS_TYPE_DIRECTORY:
        return mode == O_RDONLY;
    case FS_TYPE_DEVICE:
        return FS_STAT_MAJOR(attributes) < NDEV; /* a negative one is a large one here */
    default:
        return true;
    }
}

/* Gives the inode's reference to a new file and descriptor; -1: the reference is still the caller's. */
static s64 open_inode(struct process *process, u64 inode, u64 attributes, u32 mode)
{
    u32 number = unix_file_new();
    struct file *file;
    s64 descriptor;

    if (number == NO_FILE)
        return -1;
    descriptor = unix_descriptor_add(process, number);
    if (descriptor < 0) {
        unix_file_close(number);
        return -1;
    }
    file = unix_file(number);
    file->kind = FS_STAT_TYPE(attributes) == FS_TYPE_DEVICE ? FILE_DEVICE : FILE_INODE;
    file->major = FS_STAT_MAJOR(attributes);
    file->readable = (mode & O_WRONLY) == 0;
    file->writable = (mode & (O_WRONLY | O_RDWR)) != 0;
    file->inode = inode;
    return descriptor;
}

static enum err truncate(u64 inode)
{
    enum err err;

    unix_content_lock(inode);
    err = repeat_or_ask(fs_truncate(inode), OP_fs_truncate, NULL);
    unix_content_unlock(inode);
    return err;
}

/* The order is xv6's: a call that fails for want of a descriptor has made the file, but not truncated it. */
s64 unix_call_open(struct process *process, const u64 *argument)
{
    u32 mode = (u32)argument[1];
    char path[MAXPATH];
    u64 inode;
    u64 attributes;
    u64 size;
    s64 descriptor = -1;
    enum err err;

    if (!fetch_path(process, argument[0], path))
        return FAILED;
    if (mode & O_CREATE)
        err = create_or_find(process, path, &inode, &attributes, &size);
    else
        err = find(process, path, &inode, &attributes, &size);
    if (err != ERR_OK)
        return FAILED;
    if (may_open(attributes, mode))
        descriptor = open_inode(process, inode, attributes, mode);
    if (descriptor < 0) {
        unix_inode_put(inode);
        return FAILED;
    }
    if ((mode & O_TRUNC) && FS_STAT_TYPE(attributes) == FS_TYPE_FILE && truncate(inode) != ERR_OK) {
        drop_descriptor(process, descriptor);
        return FAILED;
    }
    return descriptor;
}

/* ---- Names ---- */

static s64 make(struct process *process, uaddr address, u64 type, u64 device)
{
    char path[MAXPATH];
    u64 directory;
    u64 name[2];
    u64 inode;
    enum err err;

    if (!fetch_path(process, address, path) || unix_path_parent(process, path, &directory, name) != ERR_OK)
        return FAILED;
    err = repeat_or_ask(fs_create(directory, name[0], name[1], type, device, &inode), OP_fs_create, &inode);
    unix_inode_put(directory);
    if (err != ERR_OK)
        return FAILED;
    unix_inode_put(inode);
    return 0;
}

s64 unix_call_mkdir(struct process *process, const u64 *argument)
{
    return make(process, argument[0], FS_TYPE_DIRECTORY, 0);
}

s64 unix_call_mknod(struct process *process, const u64 *argument)
{
    return make(process, argument[0], FS_TYPE_DEVICE, (u16)argument[1] | (u64)(u16)argument[2] << 16);
}

s64 unix_call_unlink(struct process *process, const u64 *argument)
{
    char path[MAXPATH];
    u64 directory;
    u64 name[2];
    enum err err;

    if (!fetch_path(process, argument[0], path) ||
        unix_path_parent(process, path, &directory, name) != ERR_OK)
        return FAILED;
    err = repeat_or_ask(fs_unlink(directory, name[0], name[1]), OP_fs_unlink, NULL);
    unix_inode_put(directory);
    return err == ERR_OK ? 0 : FAILED;
}

static enum err link_inode(struct process *process, u64 inode, const char *path)
{
    u64 directory;
    u64 name[2];
    enum err err = unix_path_parent(process, path, &directory, name);

    if (err != ERR_OK)
        return err;
    err = repeat_or_ask(fs_link(inode, directory, name[0], name[1]), OP_fs_link, NULL);
    unix_inode_put(directory);
    return err;
}

s64 unix_call_link(struct process *process, const u64 *argument)
{
    char old[MAXPATH];
    char new[MAXPATH];
    u64 inode;
    enum err err;

    if (!fetch_path(process, argument[0], old) || !fetch_path(process, argument[1], new) ||
        unix_path_inode(process, old, &inode) != ERR_OK)
        return FAILED;
    err = link_inode(process, inode, new);
    unix_inode_put(inode);
    return err == ERR_OK ? 0 : FAILED;
}

s64 unix_call_chdir(struct process *process, const u64 *argument)
{
    char path[MAXPATH];
    u64 inode;
    u64 attributes;
    u64 size;

    if (!fetch_path(process, argument[0], path) || find(process, path, &inode, &attributes, &size) != ERR_OK)
        return FAILED;
    if (FS_STAT_TYPE(attributes) != FS_TYPE_DIRECTORY) {
        unix_inode_put(inode);
        return FAILED;
    }
    unix_inode_put(process->cwd);
    process->cwd = inode;
    return 0;
}
