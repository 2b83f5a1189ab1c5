/*
 * Open files: what descriptors stand for. Shared by fork and dup, with one offset for all sharers.
 *
 * Locking: unix_table.lock guards the reference counts, and with them which entries are in use. kind, the two
 * rights, pipe, inode and major are set before the file is in a descriptor and constant from then on.
 * file->io guards the offset, and is held over a whole read or write of data, so that both are one step.
 */
#ifndef SERVICE_UNIX_FILE_H
#define SERVICE_UNIX_FILE_H

#include "port/sync.h"
#include "service/unix/process.h"

#define FILES 128u /* NFILE of abi/xv6/limits.h; see file.c */
#define PIPES (FILES / 2)

enum file_kind {
    FILE_PIPE,
    FILE_INODE, /* a regular file or a directory */
    FILE_DEVICE,
};

struct file {
    u32 references; /* 0: the entry is free */
    enum file_kind kind;
    bool readable;
    bool writable;
    u32 pipe;
    u32 major;
    u64 inode; /* holds a reference; 0 (no inode) for a pipe, and for run mode's console */
    struct port_lock io;
    u32 offset;
};

void unix_file_init(void);

/* ---- Files (file.c) ---- */

/* An entry with one reference, not readable, not writable; its number, or NO_FILE if all are in use. */
u32 unix_file_new(void);
struct file *unix_file(u32 number);
void unix_file_share(u32 number);
/* Drops a reference; the last one closes the pipe's end or puts the inode. */
void unix_file_close(u32 number);

/* The file of a descriptor, NULL if there is none. */
struct file *unix_descriptor(const struct process *process, u64 descriptor);
/* Puts the file into the lowest free descriptor; -1 if there is none. The reference goes with it. */
s64 unix_descriptor_add(struct process *process, u32 number);

/* xv6's read and write: results as in the system calls. `length` is a program's int. */
s64 unix_file_read(struct process *process, struct file *file, uaddr address, s32 length);
s64 unix_file_write(struct process *process, struct file *file, uaddr address, s32 length);

/* ---- Data of inodes (inode.c) ---- */

void unix_inode_init(void);

/*
 * Held over each piece of a write and over a truncation, and by exec while it reads an image of many
 * requests: so an image is never half of one file and half of another. Order: see process.h.
 */
void unix_content_lock(u64 inode);
void unix_content_unlock(u64 inode);

/* Copies up to `length` bytes from `offset` to memory of this service or a pinned page; fewer only at the end
 * of the file. Repeated once if fs dies meanwhile. */
enum err unix_inode_read(u64 inode, u64 offset, u8 *to, u64 length, u64 *count);

/* By the holder of file->io. */
s64 unix_inode_file_read(struct process *process, struct file *file, uaddr address, u32 length);
s64 unix_inode_file_write(struct process *process, struct file *file, uaddr address, s32 length);

/* One more, or one fewer, reference. Where no file system is, the root is held by saying so. */
enum err unix_inode_get(u64 inode);
void unix_inode_put(u64 inode);

/* ---- Pipes (pipe.c) ---- */

void unix_pipe_init(void);
/* A pipe with both ends open; its number, or NO_FILE. */
u32 unix_pipe_new(void);
/* Closes one end; after both the pipe is free. */
void unix_pipe_close(u32 number, bool write_end);
s64 unix_pipe_read(struct process *process, u32 number, uaddr address, s32 length);
s64 unix_pipe_write(struct process *process, u32 number, uaddr address, s32 length);
/* Wakes all that wait at the pipe, so that a killed one can see that it is killed. */
void unix_pipe_wake(u32 number);

/* ---- The console as a device (device.c) ---- */

s64 unix_console_read(struct process *process, uaddr address, s32 length);
s64 unix_console_write(struct process *process, uaddr address, s32 length);

/* ---- Paths (path.c) ---- */

/* Takes the next component off *path: packed into `name` as port/fs.h has it, cut to FS_NAME_MAX bytes.
 * Slashes around it are skipped, so that **path is NUL after the last one. False if there is none. */
bool unix_path_next(const char **path, u64 name[2]);

/* The inode of a path, with a reference. An empty path is the current directory. */
enum err unix_path_inode(const struct process *process, const char *path, u64 *inode);

/* The directory, with a reference, and the last name of a path. ERR_ARGUMENT if it has no name. */
enum err unix_path_parent(const struct process *process, const char *path, u64 *directory, u64 name[2]);

#endif
