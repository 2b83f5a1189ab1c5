/*
 * tree: every file and directory below the root, with what a reader gets from it.
 *
 * Prints `PATH TYPE LINKS SIZE HASH` for each, in the order of the directories, then `tree: N names` or, if
 * something could not be opened or read, `tree: N names, M unreadable`. HASH is FNV-1a, 32 bits, of a file's
 * bytes; 0 for others.
 */
#include "abi/xv6/dirent.h"
#include "abi/xv6/fcntl.h"
#include "user/user.h"

#define PATH_MAX  128
#define NAMES_MAX 1000 /* a directory of a damaged image may be inside itself */
#define FNV_BASIS 2166136261u
#define FNV_PRIME 16777619u

static char path[PATH_MAX];
static char buffer[1024];
static int names;
static int unreadable;

static unsigned int hash(int fd)
{
    unsigned int h = FNV_BASIS;
    int count;

    while ((count = read(fd, buffer, sizeof(buffer))) > 0) {
        for (int i = 0; i < count; i++)
            h = (h ^ (unsigned char)buffer[i]) * FNV_PRIME;
    }
    unreadable += count < 0;
    return h;
}

/* Tells what `path` is; returns whether it is a directory. */
static int show(void)
{
    struct stat st;
    int fd = open(path, O_RDONLY);

    names++;
    if (fd < 0 || fstat(fd, &st) < 0) {
        printf("%s cannot be opened\n", path);
        unreadable++;
        if (fd >= 0)
            close(fd);
        return 0;
    }
    printf("%s %d %d %lu %x\n", path, st.type, st.nlink, st.size, st.type == T_FILE ? hash(fd) : 0);
    close(fd);
    return st.type == T_DIR;
}

/* Everything in the directory `path`, which is `length` bytes long; it has that value again afterwards. */
static void walk(u32 length)
{
    struct dirent record;
    int fd = open(length == 0 ? "/" : path, O_RDONLY);
    int count;

    while ((count = read(fd, &record, sizeof(record))) == sizeof(record) && names < NAMES_MAX) {
        char name[DIRSIZ + 1] = {0};
        memcpy(name, record.name, DIRSIZ);
        u32 size = (u32)strlen(name);
        if (record.inum == 0 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
            continue;
        if (length + 1 + size + 1 > PATH_MAX) {
            unreadable++;
            continue;
        }
        path[length] = '/';
        memcpy(path + length + 1, name, size + 1);
        if (show())
            walk(length + 1 + size);
        path[length] = '\0';
    }
    unreadable += count != 0 && names < NAMES_MAX;
    close(fd);
}

int main(void)
{
    walk(0);
    printf("tree: %d names", names);
    if (unreadable != 0)
        printf(", %d unreadable", unreadable);
    printf("\n");
    exit(unreadable != 0);
}
