/* ls: name, type, inode and size of files, or of what a directory holds. Types are those of abi/xv6/stat.h.
 */
#include "abi/xv6/dirent.h"
#include "abi/xv6/fcntl.h"
#include "abi/xv6/limits.h"
#include "user/user.h"

static void show(const char *name, const struct stat *st)
{
    printf("%-14s %d %u %lu\n", name, st->type, st->ino, st->size);
}

static const char *last_part(const char *path)
{
    const char *last = path;
    for (; *path != '\0'; path++) {
        if (path[0] == '/' && path[1] != '\0')
            last = path + 1;
    }
    return last;
}

static bool show_directory(int fd, const char *path)
{
    static char name[MAXPATH];
    struct dirent entry;
    struct stat st;
    u64 length = strlen(path);
    if (length + 1 + DIRSIZ + 1 > sizeof(name)) {
        fprintf(2, "ls: path too long\n");
        return false;
    }
    memcpy(name, path, length);
    name[length++] = '/';
    name[length + DIRSIZ] = '\0';
    bool well = true;
    int n;
    while ((n = read(fd, &entry, sizeof(entry))) == sizeof(entry)) {
        if (entry.inum == 0)
            continue;
        memcpy(name + length, entry.name, DIRSIZ);
        if (stat(name, &st) < 0) {
            fprintf(2, "ls: cannot stat %s\n", name);
            well = false;
            continue;
        }
        show(name + length, &st);
    }
    if (n < 0) {
        fprintf(2, "ls: cannot read %s\n", path);
        well = false;
    }
    return well;
}

static bool list(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY);
    if (fd < 0) {
        fprintf(2, "ls: cannot open %s\n", path);
        return false;
    }
    bool well = fstat(fd, &st) == 0;
    if (!well)
        fprintf(2, "ls: cannot stat %s\n", path);
    else if (st.type == T_DIR)
        well = show_directory(fd, path);
    else
        show(last_part(path), &st);
    close(fd);
    return well;
}

int main(int argc, char **argv)
{
    if (argc <= 1)
        return list(".") ? 0 : 1;
    int result = 0;
    for (int i = 1; i < argc; i++) {
        if (!list(argv[i]))
            result = 1;
    }
    return result;
}
