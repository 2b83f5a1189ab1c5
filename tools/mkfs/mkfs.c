/*
 * Makes an xv6 disk image with files in its root directory. Runs on the developer's machine.
 *
 * The image is built in memory, block after block from the first data block on, and written at the end under
 * another name that is then changed to the right one: whatever goes wrong, no half-written image is left and
 * an old one stays.
 *
 * Independent of service/fs on purpose: the two check each other in that service's unit tests.
 */
#include "abi/disk/xv6fs.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS_MAX (1u << 20) /* 1 GiB: far beyond what programs of this system fill */
#define INODES_MAX 16384u     /* service/fs uses no more */
#define LOG_MIN    13u        /* service/fs refuses shorter ones; header included */
#define LOG_MAX    (XV6FS_LOG_MAX + 1)

static const char usage[] =
    "usage: mkfs OUT [-b BLOCKS] [-i INODES] [-l LOGBLOCKS] [[NAME=]FILE]...\n"
    "  Makes the xv6 disk image OUT with the files in its root directory. A file is named like FILE without\n"
    "  directories and without a leading _, at most 14 bytes; NAME= gives it another name.\n"
    "  BLOCKS are of 1024 bytes (default 2000), INODES 200, LOGBLOCKS 31 with the header.\n";

static struct {
    u8 (*block)[XV6FS_BLOCK_SIZE];
    struct xv6fs_super super;
    u32 next_block; /* the lowest free one */
    u32 next_inode;
} image;

static _Noreturn __attribute__((format(printf, 1, 2))) void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("mkfs: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static _Noreturn void fail_usage(void)
{
    fputs(usage, stderr);
    exit(2);
}

static u32 number(const char *text, const char *what, u32 min, u32 max)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || text[0] == '-' || value < min || value > max)
        fail("%s must be a number from %u to %u, not %s", what, min, max, text);
    return (u32)value;
}

static struct xv6fs_inode *inode_at(u32 inode)
{
    u8 *block = image.block[image.super.inodestart + inode / XV6FS_INODES_PER_BLOCK];
    return (struct xv6fs_inode *)block + inode % XV6FS_INODES_PER_BLOCK;
}

static u32 inode_new(enum xv6fs_type type, s16 links)
{
    if (image.next_inode == image.super.ninodes)
        fail("too many files for %u inodes", image.super.ninodes);
    *inode_at(image.next_inode) = (struct xv6fs_inode){.type = (s16)type, .nlink = links};
    return image.next_inode++;
}

static u32 block_new(void)
{
    if (image.next_block == image.super.size)
        fail("the files do not fit into %u blocks", image.super.size);
    return image.next_block++;
}

/* The bytes of the index-th block of the file, which is made if there is none. */
static u8 *file_block(struct xv6fs_inode *inode, u32 index)
{
    u32 *place = &inode->direct[0];
    if (index < XV6FS_DIRECT) {
        place = &inode->direct[index];
    } else {
        if (inode->indirect == 0)
            inode->indirect = block_new();
        place = (u32 *)image.block[inode->indirect] + (index - XV6FS_DIRECT);
    }
    if (*place == 0)
        *place = block_new();
    return image.block[*place];
}

/* False: larger than a file can be. */
static bool append(u32 number_of_inode, const u8 *bytes, size_t length)
{
    struct xv6fs_inode *inode = inode_at(number_of_inode);
    if (length > XV6FS_FILE_SIZE - inode->size)
        return false;
    while (length > 0) {
        u32 at = inode->size % XV6FS_BLOCK_SIZE;
        size_t part = min_u64(length, XV6FS_BLOCK_SIZE - at);
        memcpy(file_block(inode, inode->size / XV6FS_BLOCK_SIZE) + at, bytes, part);
        inode->size += (u32)part;
        bytes += part;
        length -= part;
    }
    return true;
}

static bool root_has(const struct xv6fs_record *wanted)
{
    struct xv6fs_inode *root = inode_at(XV6FS_ROOT);
    for (u32 at = 0; at < root->size; at += sizeof *wanted) {
        const u8 *record = file_block(root, at / XV6FS_BLOCK_SIZE) + at % XV6FS_BLOCK_SIZE;
        if (memcmp(((const struct xv6fs_record *)record)->name, wanted->name, XV6FS_NAME_MAX) == 0)
            return true;
    }
    return false;
}

static void root_add(const char *name, size_t length, u32 inode)
{
    struct xv6fs_record record = {.inode = (u16)inode};
    if (length == 0 || memchr(name, '/', length) != NULL)
        fail("%.*s is no name for a file", (int)length, name);
    if (length > XV6FS_NAME_MAX)
        fail("the name %.*s is longer than %u bytes", (int)length, name, XV6FS_NAME_MAX);
    memcpy(record.name, name, length);
    if (root_has(&record))
        fail("two files are called %.*s", (int)length, name);
    if (!append(XV6FS_ROOT, (const u8 *)&record, sizeof record))
        fail("the root directory is full");
}

/* Splits NAME=PATH; a path alone gives its own name. */
static void add_file(const char *argument)
{
    const char *path = argument;
    const char *name = argument;
    const char *equals = strchr(argument, '=');
    size_t length;
    if (equals != NULL && memchr(argument, '/', (size_t)(equals - argument)) == NULL) {
        path = equals + 1;
        length = (size_t)(equals - argument);
    } else {
        const char *slash = strrchr(path, '/');
        name = slash != NULL ? slash + 1 : path;
        if (name[0] == '_')
            name++;
        length = strlen(name);
    }

    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail("cannot open %s: %s", path, strerror(errno));
    u32 inode = inode_new(XV6FS_FILE, 1);
    root_add(name, length, inode);
    u8 bytes[XV6FS_BLOCK_SIZE];
    size_t n;
    while ((n = fread(bytes, 1, sizeof bytes, file)) > 0)
        if (!append(inode, bytes, n))
            fail("%s is larger than %u bytes", path, XV6FS_FILE_SIZE);
    if (ferror(file))
        fail("cannot read %s: %s", path, strerror(errno));
    fclose(file);
}

static void layout(u32 blocks, u32 inodes, u32 log_blocks)
{
    u32 inode_blocks = inodes / XV6FS_INODES_PER_BLOCK + 1;
    u32 bitmap_blocks = blocks / XV6FS_BITS_PER_BLOCK + 1;
    u32 data_start = XV6FS_SUPER_BLOCK + 1 + log_blocks + inode_blocks + bitmap_blocks;
    if (data_start >= blocks)
        fail("%u blocks are too few: the first %u hold no data", blocks, data_start);
    image.super = (struct xv6fs_super){
        .magic = XV6FS_MAGIC,
        .size = blocks,
        .nblocks = blocks - data_start,
        .ninodes = inodes,
        .nlog = log_blocks,
        .logstart = XV6FS_SUPER_BLOCK + 1,
        .inodestart = XV6FS_SUPER_BLOCK + 1 + log_blocks,
        .bmapstart = XV6FS_SUPER_BLOCK + 1 + log_blocks + inode_blocks,
    };
    image.next_block = data_start;
    image.next_inode = XV6FS_ROOT;
    image.block = calloc(blocks, XV6FS_BLOCK_SIZE);
    if (image.block == NULL)
        fail("no memory for %u blocks", blocks);
    memcpy(image.block[XV6FS_SUPER_BLOCK], &image.super, sizeof image.super);
}

/* Blocks were handed out from below, so the bitmap is a row of ones. */
static void finish(void)
{
    for (u32 block = 0; block < image.next_block; block++) {
        u8 *bits = image.block[image.super.bmapstart + block / XV6FS_BITS_PER_BLOCK];
        bits[block % XV6FS_BITS_PER_BLOCK / 8] |= (u8)(1u << block % 8);
    }
    struct xv6fs_inode *root = inode_at(XV6FS_ROOT);
    root->size = (u32)round_up(root->size, XV6FS_BLOCK_SIZE); /* the rest of its last block: free records */
}

static void save(const char *path)
{
    size_t length = strlen(path) + sizeof ".partial";
    char *partial = malloc(length);
    if (partial == NULL)
        fail("no memory");
    snprintf(partial, length, "%s.partial", path);
    FILE *file = fopen(partial, "wb");
    if (file == NULL)
        fail("cannot write %s: %s", partial, strerror(errno));
    bool good = fwrite(image.block, XV6FS_BLOCK_SIZE, image.super.size, file) == image.super.size;
    good = fclose(file) == 0 && good;
    if (!good || rename(partial, path) != 0) {
        int reason = errno;
        remove(partial);
        fail("cannot write %s: %s", path, strerror(reason));
    }
    free(partial);
}

int main(int argc, char **argv)
{
    u32 blocks = 2000, inodes = 200, log_blocks = 31;
    if (argc < 2 || argv[1][0] == '-')
        fail_usage();
    int next = 2;
    for (; next < argc && argv[next][0] == '-'; next += 2) {
        if (next + 1 == argc || strlen(argv[next]) != 2)
            fail_usage();
        const char *value = argv[next + 1];
        switch (argv[next][1]) {
        case 'b':
            blocks = number(value, "-b", 1, BLOCKS_MAX);
            break;
        case 'i':
            inodes = number(value, "-i", 2, INODES_MAX);
            break;
        case 'l':
            log_blocks = number(value, "-l", LOG_MIN, LOG_MAX);
            break;
        default:
            fail_usage();
        }
    }
    layout(blocks, inodes, log_blocks);
    u32 root = inode_new(XV6FS_DIRECTORY, 1);
    root_add(".", 1, root);
    root_add("..", 2, root);
    for (; next < argc; next++)
        add_file(argv[next]);
    finish();
    save(argv[1]);
    free(image.block);
    return 0;
}
