/*
 * What survives a death of the service: who holds which inode, and which slots are lent.
 *
 * Both are promises to unix, which goes on holding what it was given. Everything else is on the disk. Each
 * change is the last thing its operation does, so a repeated operation finds either nothing done or, for the
 * instants between here and the reply, one reference or slot too many, never one too few.
 */
#include "port/keep.h"
#include "port/log.h"
#include "service/fs/core.h"

#define REFERENCES_MAX 0xffffu

struct fs_kept *fs_kept;

enum err fs_kept_start(void)
{
    fs_kept = port_keep_memory(sizeof *fs_kept);
    if (fs_kept == NULL)
        return ERR_NO_MEMORY;
    if (fs_kept->references[FS_ROOT] == 0)
        fs_kept->references[FS_ROOT] = 1;
    return ERR_OK;
}

bool fs_held(u64 inode)
{
    return inode < fs_geometry.inodes && fs_kept->references[inode] > 0;
}

bool fs_reference_room(u32 inode)
{
    return fs_kept->references[inode] < REFERENCES_MAX;
}

void fs_reference_take(u32 inode)
{
    u16 *references = &fs_kept->references[inode];
    port_assert(*references < REFERENCES_MAX, "fs: too many references");
    port_keep_begin(references, sizeof *references);
    ++*references;
    port_keep_commit();
}

void fs_reference_drop(u32 inode)
{
    u16 *references = &fs_kept->references[inode];
    port_assert(*references > 0, "fs: reference dropped twice");
    port_keep_begin(references, sizeof *references);
    --*references;
    port_keep_commit();
}
