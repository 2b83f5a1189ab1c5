/* Data of files: read, write, truncation, limits [1.4]. */
#include "user/systest/systest.h"

static void fill(char seed)
{
    for (u32 i = 0; i < BUFFER_SIZE; i++)
        buffer[i] = (char)(i + i / 256 + (u32)seed);
}

/* What was written in pieces of one size is read in pieces of another. */
static void check_pieces(int out, int in)
{
    int total = 0;
    int fd = open_well("f", O_CREATE | O_TRUNC | O_WRONLY);
    fill('a');
    for (int at = 0; at + out <= BUFFER_SIZE; at += out, total += out)
        equal(write(fd, buffer + at, out), out, "write");
    close(fd);
    equal((s64)stat_of("f").size, total, "size");
    fd = open_well("f", O_RDONLY);
    for (int at = 0; at < total;) {
        static char piece[BUFFER_SIZE];
        int n = read(fd, piece, in);
        equal(n, total - at < in ? total - at : in, "read");
        require(memcmp(piece, buffer + at, (u64)n) == 0, "the bytes are those written");
        at += n;
    }
    equal(read(fd, buffer, 1), 0, "read at the end");
    close(fd);
}

static void write_and_read(void)
{
    static const int sizes[] = {1, 99, 512, 1023, 1024, 1025, 3072, 3073, 4096, 12000, BUFFER_SIZE};
    for (u32 i = 1; i < ARRAY_SIZE(sizes); i++)
        check_pieces(sizes[i], sizes[ARRAY_SIZE(sizes) - i]);
    unlink("f");
}

/* A write in the middle changes just its bytes. */
static void overwrite(void)
{
    int fd;
    fill('a');
    make_file("f", buffer, 5000);
    fd = open_well("f", O_RDWR);
    equal(read(fd, buffer, 1000), 1000, "read");
    equal(write(fd, "XYZ", 3), 3, "write");
    close(fd);
    fd = open_well("f", O_RDONLY);
    memset(buffer, 0, 5000);
    equal(read(fd, buffer, 6000), 5000, "read of all");
    require(memcmp(buffer + 1000, "XYZ", 3) == 0, "the bytes written in the middle");
    equal(buffer[999], (char)(999 + 999 / 256 + 'a'), "the byte before");
    equal(buffer[1003], (char)(1003 + 1003 / 256 + 'a'), "the byte behind");
    close(fd);
    unlink("f");
}

/* 268 blocks and not a byte more; what would pass that is refused as a piece
 * [1.4, 5]. */
static void largest_file(void)
{
    int fd = open_well("f", O_CREATE | O_RDWR);
    fill('b');
    for (int at = 0; at + 4096 <= FILE_SIZE_MAX - 24; at += 4096)
        equal(write(fd, buffer + at % 8192, 4096), 4096, "write");
    equal(write(fd, buffer, FILE_SIZE_MAX - 24 - (FILE_SIZE_MAX - 24) / 4096 * 4096),
          FILE_SIZE_MAX - 24 - (FILE_SIZE_MAX - 24) / 4096 * 4096, "write up to 24 bytes below the limit");
    equal((s64)stat_of("f").size, 274408, "size");
    equal(write(fd, buffer, 100), -1, "write past the limit");
    equal((s64)stat_of("f").size, 274408, "size after a refused write");
    equal(write(fd, buffer, 24), 24, "write up to the limit");
    equal(write(fd, buffer, 1), -1, "write at the limit");
    equal((s64)stat_of("f").size, FILE_SIZE_MAX, "size");
    close(fd);
    fd = open_well("f", O_RDONLY);
    for (int at = 0; at < 270000; at += 4096) {
        static char piece[4096];
        equal(read(fd, piece, 4096), 4096, "read");
        require(memcmp(piece, buffer + at % 8192, 4096) == 0, "the bytes are those written");
    }
    close(fd);
    unlink("f");
}

/* A length is unsigned for read, signed for write [1.4]. */
static void odd_lengths(void)
{
    int fd;
    make_file("f", "abcdef", 6);
    fd = open_well("f", O_RDWR);
    equal(read(fd, buffer, 0), 0, "read of nothing");
    equal(read(fd, buffer, -1), 6, "read of -1 bytes at the beginning");
    close(fd);
    fd = open_well("f", O_RDWR);
    equal(read(fd, buffer, 2), 2, "read");
    equal(read(fd, buffer, -1), 0, "read of -1 bytes further on");
    equal(write(fd, buffer, 0), 0, "write of nothing");
    equal(write(fd, buffer, -1), -1, "write of -1 bytes");
    equal(read(fd, buffer, 100), 4, "the offset has not moved");
    equal(read(fd, buffer, 100), 0, "read at the end");
    equal(read(fd, (void *)bad_addresses[0], 100), 0, "read at the end, to nowhere");
    close(fd);
    unlink("f");
}

/* Truncation is seen by others; their offsets stay, and a write there would
 * make a hole: refused [1.4]. */
static void truncation(void)
{
    int reader;
    int writer;
    int fd;
    make_file("f", "abcdef", 6);
    reader = open_well("f", O_RDONLY);
    writer = open_well("f", O_WRONLY);
    equal(read(reader, buffer, 3), 3, "read");
    equal(write(writer, "ABCD", 4), 4, "write");
    fd = open_well("f", O_RDONLY | O_TRUNC); /* even if it opens for reading only */
    equal((s64)stat_of("f").size, 0, "size");
    equal(read(reader, buffer, 3), 0, "read past the end");
    equal(write(writer, "x", 1), -1, "write past the end");
    equal(write(writer, "", 0), 0, "write of nothing past the end");
    equal(write(fd, "x", 1), -1, "write by the descriptor that truncated");
    close(writer);
    writer = open_well("f", O_WRONLY);
    equal(write(writer, "123456", 6), 6, "write");
    equal(read(reader, buffer, 10), 3, "read from the old offset");
    require(memcmp(buffer, "456", 3) == 0, "the bytes at the old offset");
    close(reader);
    close(writer);
    close(fd);
    unlink("f");
}

/* A file opened to be created keeps its content. */
static void create_existing(void)
{
    make_file("f", "abc", 3);
    equal(close(open_well("f", O_CREATE | O_RDWR)), 0, "open of an existing file, to create");
    equal((s64)stat_of("f").size, 3, "size");
    unlink("f");
}

/* Whole blocks that were there count; the rest of the write does not [1.4,
 * partial buffer]. */
static void partial_buffer(void)
{
    char *end = sbrk(PAGE_SIZE) + PAGE_SIZE;
    int fd = open_well("f", O_CREATE | O_RDWR);
    memset(end - PAGE_SIZE, 'p', PAGE_SIZE);
    equal(write(fd, end - PAGE_SIZE, 8000), -1, "write of 8000 bytes, 4096 of them there");
    equal((s64)stat_of("f").size, 4096, "size");
    equal(write(fd, "next", 4), 4, "the next write");
    equal((s64)stat_of("f").size, 4100, "size after it");
    close(fd);
    unlink("f");
}

/* The valid part of a block that exists goes to the file though the write
 * fails, and it stays, also when the cache has had other things to hold [1.4; 2
 * row 7; 11 point 4]. */
static void partial_block(void)
{
    char *end = sbrk(PAGE_SIZE) + PAGE_SIZE;
    int fd;
    int other;
    make_file("f", "abcdef", 6);
    fd = open_well("f", O_RDWR);
    end[-1] = 'Z';
    equal(write(fd, end - 1, 2), -1, "write of two bytes, one of them there");
    equal(read(fd, buffer, 10), 6, "the offset has not moved");
    require(memcmp(buffer, "Zbcdef", 6) == 0, "the byte has been written");
    close(fd);
    other = open_well("g", O_CREATE | O_WRONLY);
    for (u32 i = 0; i < 64; i++)
        equal(write(other, buffer, BLOCK), BLOCK, "write");
    close(other);
    fd = open_well("f", O_RDONLY);
    equal(read(fd, buffer, 1), 1, "read");
    equal(buffer[0], 'Z', "the byte, later");
    close(fd);
    unlink("f");
    unlink("g");
}

/* Writes that fail at once take no blocks [usertests' badwrite]. */
static void failing_writes(void)
{
    u32 rounds = 60;
    for (u32 i = 0; i < rounds; i++) {
        int fd = open_well("f", O_CREATE | O_WRONLY);
        equal(write(fd, (char *)bad_addresses[9], 1), -1, "write from nowhere");
        close(fd);
        equal(unlink("f"), 0, "unlink");
    }
}

/* A file without a name is one until its last descriptor is closed; its name
 * can be used again. */
static void unlinked_file(void)
{
    int old;
    make_file("f", "old", 3);
    old = open_well("f", O_RDWR);
    equal(unlink("f"), 0, "unlink");
    equal(unlink("f"), -1, "unlink, again");
    make_file("f", "new file", 8);
    equal(read(old, buffer, 100), 3, "read of the file without a name");
    equal(write(old, "er", 2), 2, "write of the file without a name");
    close(old);
    equal((s64)stat_of("f").size, 8, "size of the file that has the name now");
    unlink("f");
}

/* A directory is read as records of 16 bytes, and cannot be written [1.4, 5].
 */
static void directory_as_file(void)
{
    struct dirent records[5];
    struct stat st;
    int fd;
    equal(mkdir("d"), 0, "mkdir");
    make_file("d/fourteen-bytes", "", 0);
    fd = open_well("d", O_RDONLY);
    equal(read(fd, records, sizeof(records)), 48, "read");
    require(strcmp(records[0].name, ".") == 0 && strcmp(records[1].name, "..") == 0, "the first two records");
    equal(records[0].inum, stat_of("d").ino, "its own number");
    equal(records[1].inum, stat_of(".").ino, "its parent's number");
    require(memcmp(records[2].name, "fourteen-bytes", DIRSIZ) == 0, "the third record");
    equal(fstat(fd, &st), 0, "fstat");
    equal((s64)st.size, 48, "size");
    equal(write(fd, "x", 1), -1, "write");
    close(fd);
    equal(unlink("d/fourteen-bytes"), 0, "unlink");
    equal((s64)stat_of("d").size, 48, "a directory does not shrink");
    make_file("d/g", "", 0);
    equal((s64)stat_of("d").size, 48, "a free record is used again");
    for (int mode = 1; mode <= 3; mode++)
        equal(open("d", mode), -1, "open for writing");
    equal(open("d", O_CREATE), -1, "open to create");
    equal(open("d", O_TRUNC), -1, "open to truncate");
    equal(open("d", 0x1000), -1, "open with an unknown bit");
    unlink("d/g");
    equal(unlink("d"), 0, "unlink of the directory");
}

const struct test file_tests[] = {
    {"write-and-read", write_and_read, NEEDS_DISK},
    {"overwrite", overwrite, NEEDS_DISK},
    {"largest-file", largest_file, NEEDS_DISK},
    {"odd-lengths", odd_lengths, NEEDS_DISK},
    {"truncation", truncation, NEEDS_DISK},
    {"create-existing", create_existing, NEEDS_DISK},
    {"partial-buffer", partial_buffer, NEEDS_DISK},
    {"partial-block", partial_block, NEEDS_DISK},
    {"failing-writes", failing_writes, NEEDS_DISK},
    {"unlinked-file", unlinked_file, NEEDS_DISK},
    {"directory-as-file", directory_as_file, NEEDS_DISK},
    {NULL, NULL, 0},
};
