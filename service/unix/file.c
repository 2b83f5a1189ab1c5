/* Open files and descriptors; see file.h. */
#include "service/unix/file.h"
#include "port/fs.h"

_Static_assert(FILES == NFILE, "programs are told how many files can be open");

static struct file files[FILES];

void unix_file_init(void)
{
    for (u32 i = 0; i < FILES; i++) {
        files[i].references = 0;
        port_lock_init(&files[i].io, "file");
    }
}

u32 unix_file_new(void)
{
    u32 number = 0;

    port_lock_acquire(&unix_table.lock);
    while (number < FILES && files[number].references != 0)
        number++;
    if (number < FILES)
        files[number].references = 1;
    port_lock_release(&unix_table.lock);
    if (number == FILES)
        return NO_FILE;
    files[number].kind = FILE_DEVICE;
    files[number].readable = false;
    files[number].writable = false;
    files[number].major = 0;
    files[number].inode = 0;
    files[number].offset = 0;
    return number;
}

struct file *unix_file(u32 number)
{
    return &files[number];
}

void unix_file_share(u32 number)
{
    port_lock_acquire(&unix_table.lock);
    files[number].references++;
    port_lock_release(&unix_table.lock);
}

/* What the last reference holds is noted before the entry is free, and given back after. */
void unix_file_close(u32 number)
{
    struct file *file = &files[number];
    enum file_kind kind = file->kind;
    bool writable = file->writable;
    u32 pipe = file->pipe;
    u64 inode = file->inode;
    bool last;

    port_lock_acquire(&unix_table.lock);
    last = --file->references == 0;
    port_lock_release(&unix_table.lock);
    if (last && kind == FILE_PIPE)
        unix_pipe_close(pipe, writable);
    if (last && inode != 0)
        unix_inode_put(inode);
}

struct file *unix_descriptor(const struct process *process, u64 descriptor)
{
    u32 index = (u32)descriptor;

    if (index >= NOFILE || process->files[index] == NO_FILE)
        return NULL;
    return &files[process->files[index]];
}

s64 unix_descriptor_add(struct process *process, u32 number)
{
    for (u32 i = 0; i < NOFILE; i++) {
        if (process->files[i] == NO_FILE) {
            process->files[i] = number;
            return i;
        }
    }
    return -1;
}

s64 unix_file_read(struct process *process, struct file *file, uaddr address, s32 length)
{
    s64 result;

    if (!file->readable)
        return -1;
    switch (file->kind) {
    case FILE_PIPE:
        return unix_pipe_read(process, file->pipe, address, length);
    case FILE_INODE:
        port_lock_acquire(&file->io);
        result = unix_inode_file_read(process, file, address, (u32)length);
        port_lock_release(&file->io);
        return result;
    case FILE_DEVICE:
        return file->major == CONSOLE_MAJOR ? unix_console_read(process, address, length) : -1;
    }
    return -1;
}

s64 unix_file_write(struct process *process, struct file *file, uaddr address, s32 length)
{
    s64 result;

    if (!file->writable)
        return -1;
    switch (file->kind) {
    case FILE_PIPE:
        return unix_pipe_write(process, file->pipe, address, length);
    case FILE_INODE:
        port_lock_acquire(&file->io);
        result = unix_inode_file_write(process, file, address, length);
        port_lock_release(&file->io);
        return result;
    case FILE_DEVICE:
        return file->major == CONSOLE_MAJOR ? unix_console_write(process, address, length) : -1;
    }
    return -1;
}
