/* Paths: from a string to an inode, one fs operation a component. */
#include "lib/string.h"
#include "port/fs.h"
#include "service/unix/file.h"

bool unix_path_next(const char **path, u64 name[2])
{
    const char *at = *path;
    u32 length = 0;

    name[0] = 0;
    name[1] = 0;
    while (*at == '/')
        at++;
    for (; *at != '\0' && *at != '/'; at++) {
        if (length < FS_NAME_MAX) {
            name[length / 8] |= (u64)(u8)*at << length % 8 * 8;
            length++;
        }
    }
    while (*at == '/')
        at++;
    *path = at;
    return length > 0;
}

/* Where a walk stands. It starts at an inode that somebody else holds: a reference of our own is taken only
 * if the walk ends there. */
struct place {
    u64 inode;
    bool ours;
};

static enum err step(struct place *place, const u64 name[2])
{
    u64 next = 0;
    enum err err = repeat_or_ask(fs_lookup(place->inode, name[0], name[1], &next), OP_fs_lookup, &next);

    if (place->ours)
        unix_inode_put(place->inode);
    place->inode = next;
    place->ours = err == ERR_OK;
    return err;
}

static struct place start(const struct process *process, const char *path)
{
    return (struct place){.inode = *path == '/' ? FS_ROOT : process->cwd, .ours = false};
}

static enum err arrive(const struct place *place, u64 *inode)
{
    *inode = place->inode;
    return place->ours ? ERR_OK : unix_inode_get(place->inode);
}

enum err unix_path_inode(const struct process *process, const char *path, u64 *inode)
{
    struct place place = start(process, path);
    u64 name[2];
    enum err err;

    while (unix_path_next(&path, name)) {
        err = step(&place, name);
        if (err != ERR_OK)
            return err;
    }
    return arrive(&place, inode);
}

enum err unix_path_parent(const struct process *process, const char *path, u64 *directory, u64 name[2])
{
    struct place place = start(process, path);
    enum err err;

    if (!unix_path_next(&path, name))
        return ERR_ARGUMENT;
    while (*path != '\0') {
        err = step(&place, name);
        if (err != ERR_OK)
            return err;
        (void)unix_path_next(&path, name);
    }
    return arrive(&place, directory);
}
