/* What became of a request that fs has died in twice: see repeat_or_ask() in process.h. Apart from its
 * callers, whose usual way it shall not make longer. */
#include "service/unix/process.h"

/* The operation once more, on no inode; with that, nothing else is looked at. */
static enum err ask(enum fs_operation operation, u64 *answer)
{
    u64 count;

    switch (operation) {
    case OP_fs_lookup:
        return fs_lookup(FS_NO_INODE, 0, 0, answer);
    case OP_fs_get:
        return fs_get(FS_NO_INODE);
    case OP_fs_create:
        return fs_create(FS_NO_INODE, 0, 0, 0, 0, answer);
    case OP_fs_link:
        return fs_link(FS_NO_INODE, 0, 0, 0);
    case OP_fs_unlink:
        return fs_unlink(FS_NO_INODE, 0, 0);
    case OP_fs_read:
        return fs_read(FS_NO_INODE, 0, 0, answer, &count);
    case OP_fs_write:
        return fs_write(FS_NO_INODE, 0, 0, 0, 0, answer);
    case OP_fs_truncate:
        return fs_truncate(FS_NO_INODE);
    default:
        return ERR_ARGUMENT; /* cannot be asked about */
    }
}

enum err unix_ask(enum err err, enum fs_operation operation, u64 *answer)
{
    if (err != ERR_PEER_RESTARTED)
        return err;
    port_request_again();
    err = repeat_patiently(ask(operation, answer));
    return err == ERR_OK ? ERR_OK : ERR_PEER_RESTARTED;
}
