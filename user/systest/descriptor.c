/* Descriptors and what they share [1.4]. */
#include "user/systest/systest.h"

/* The lowest descriptor that is free. */
static int lowest(void)
{
    int fd = dup(0);
    require(fd >= 0, "dup of descriptor 0");
    close(fd);
    return fd;
}

/* Outside 0..15, or not open: -1 from every call that takes one. */
static void bad_descriptors(void)
{
    static const int bad[] = {-1, 15, 16, 17, 1000, 0x7fffffff, -2147483647 - 1};
    struct stat st;
    for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
        equal(read(bad[i], buffer, 1), -1, "read");
        equal(write(bad[i], buffer, 1), -1, "write");
        equal(read(bad[i], buffer, 0), -1, "read of nothing");
        equal(write(bad[i], buffer, 0), -1, "write of nothing");
        equal(fstat(bad[i], &st), -1, "fstat");
        equal(dup(bad[i]), -1, "dup");
        equal(close(bad[i]), -1, "close");
    }
}

/* A descriptor's upper half does not count: it is an int [1.1]. */
static void descriptor_is_int(void)
{
    int fds[2];
    equal(pipe(fds), 0, "pipe");
    equal(raw_call(SYS_write, (1ul << 32) + (u64)fds[1], (u64) "x", 1), 1,
          "write by a descriptor of 64 bits");
    equal(read(fds[0], buffer, 2), 1, "read");
}

static void lowest_first(void)
{
    int first = lowest();
    int second = dup(0);
    int third = dup(0);
    equal(second, first, "the first free one");
    equal(third, first + 1, "the next");
    equal(close(second), 0, "close");
    equal(close(second), -1, "close, again");
    equal(dup(third), second, "the free one below");
}

/* Sixteen are a process's; then dup and pipe fail, and change nothing [7]. */
static void all_descriptors(void)
{
    int fds[2] = {-5, -5};
    int last = lowest();
    while (dup(0) >= 0)
        last++;
    equal(last, NOFILE, "descriptors of a process");
    equal(pipe(fds), -1, "pipe with no descriptor free");
    equal(close(NOFILE - 1), 0, "close");
    equal(pipe(fds), -1, "pipe with one descriptor free");
    equal(dup(0), NOFILE - 1, "the one is still free");
    equal(fds[0], -5, "what a refused pipe stores");
}

/* A pipe that cannot say where it is does not stay open [1.4, pipe]. */
static void pipe_undone(void)
{
    int first = lowest();
    for (u32 i = 0; i < 100; i++)
        equal(pipe((int *)bad_addresses[i % BAD_ADDRESSES]), -1, "pipe");
    equal(lowest(), first, "the lowest free descriptor");
}

/* Without a descriptor the file is made all the same, but not cut [1.4, open].
 */
static void open_without_descriptor(void)
{
    make_file("old", "abc", 3);
    while (dup(0) >= 0)
        continue;
    equal(open("new", O_CREATE | O_WRONLY), -1, "open with no descriptor free");
    equal(open("old", O_WRONLY | O_TRUNC), -1, "open to truncate with no descriptor free");
    for (int fd = 8; fd < NOFILE; fd++)
        close(fd);
    require(exists("new"), "the new file has been made");
    equal((s64)stat_of("old").size, 3, "the size of the old one");
    equal(unlink("new"), 0, "unlink");
    equal(unlink("old"), 0, "unlink");
}

/* dup shares the offset; a second open has one of its own. */
static void offsets(void)
{
    int one;
    int two;
    int copy;
    char byte;
    make_file("f", "abcdef", 6);
    one = open_well("f", O_RDONLY);
    two = open_well("f", O_RDONLY);
    copy = dup(one);
    equal(read(one, buffer, 2), 2, "read");
    equal(read(copy, &byte, 1), 1, "read by the copy");
    equal(byte, 'c', "the copy's byte");
    equal(close(one), 0, "close");
    equal(read(copy, &byte, 1), 1, "read by the copy, alone");
    equal(byte, 'd', "the copy's next byte");
    equal(read(two, &byte, 1), 1, "read by the other");
    equal(byte, 'a', "the other's byte");
    close(two);
    close(copy);
    unlink("f");
}

/* Readable unless bit 0 is set; writable if bit 0 or 1 is: so 3 is for writing
 * only. Other bits are ignored. */
static void open_modes(void)
{
    static const struct {
        int mode;
        bool readable;
        bool writable;
    } modes[] = {
        {O_RDONLY, true, false}, {O_WRONLY, false, true}, {O_RDWR, true, true}, {3, false, true},
        {0x1000, true, false},   {O_CREATE, true, false}, {4, true, false},     {O_CREATE | 1, false, true},
    };
    make_file("f", "abc", 3);
    for (u32 i = 0; i < ARRAY_SIZE(modes); i++) {
        int fd = open_well("f", modes[i].mode);
        equal(read(fd, buffer, 1), modes[i].readable ? 1 : -1, "read");
        equal(write(fd, "x", 1), modes[i].writable ? 1 : -1, "write");
        equal(write(fd, "x", 0), modes[i].writable ? 0 : -1, "write of nothing");
        close(fd);
    }
    unlink("f");
}

static void fstat_tells(void)
{
    static u8 raw[sizeof(struct stat)];
    struct stat st;
    int fds[2];
    int fd;
    make_file("f", "abc", 3);
    equal(link("f", "g"), 0, "link");
    fd = open_well("g", O_RDONLY);
    memset(raw, 0xee, sizeof(raw));
    equal(fstat(fd, (struct stat *)(void *)raw), 0, "fstat");
    memcpy(&st, raw, sizeof(st));
    equal(st.dev, 1, "dev");
    require(st.ino > 1, "a file's number");
    equal(st.type, T_FILE, "type");
    equal(st.nlink, 2, "nlink");
    equal((s64)st.size, 3, "size");
    equal(raw[12] | raw[13] | raw[14] | raw[15], 0, "the padding");
    require(stat_of("f").ino == st.ino, "both names are one file");
    close(fd);

    require(stat_of("/").ino == 1 && stat_of("/").type == T_DIR, "the root");
    equal(mknod("console", CONSOLE_MAJOR, 0), 0, "mknod");
    st = stat_of("console");
    equal(unlink("console"), 0, "unlink");
    require(st.type == T_DEVICE && st.size == 0, "the console");
    equal(pipe(fds), 0, "pipe");
    equal(fstat(fds[0], &st), -1, "fstat of a pipe's read end");
    equal(fstat(fds[1], &st), -1, "fstat of a pipe's write end");
    unlink("f");
    unlink("g");
}

static void close_all_and_exit(u64 unused)
{
    (void)unused;
    for (int fd = 0; fd < NOFILE; fd++)
        close(fd);
}

/* A child's closes are its own. */
static void close_in_child(void)
{
    int fds[2];
    equal(pipe(fds), 0, "pipe");
    equal(fate_of(close_all_and_exit, 0), 0, "the child's status");
    equal(write(fds[1], "x", 1), 1, "write");
    equal(read(fds[0], buffer, 1), 1, "read");
}

/* Devices: majors 0 to 9 open, those without a driver neither read nor write;
 * others do not open [1.4]. */
static void devices(void)
{
    static const struct {
        int major;
        bool opens;
    } majors[] = {{0, true}, {2, true}, {9, true}, {10, false}, {100, false}, {-1, false}, {32767, false}};
    for (u32 i = 0; i < ARRAY_SIZE(majors); i++) {
        struct stat st;
        int fd;
        equal((s64)raw_call(SYS_mknod, (u64) "dev", (u64)majors[i].major, 3), 0, "mknod");
        fd = open("dev", O_RDWR | O_TRUNC);
        require((fd >= 0) == majors[i].opens, "whether the device opens");
        if (fd >= 0) {
            equal(read(fd, buffer, 1), -1, "read of a device without a driver");
            equal(write(fd, buffer, 1), -1, "write of a device without a driver");
            equal(fstat(fd, &st), 0, "fstat");
            equal(st.type, T_DEVICE, "type");
            close(fd);
        }
        equal(unlink("dev"), 0, "unlink");
    }
    equal((s64)raw_call(SYS_mknod, (u64) "dev", 65536 + 1, 0), 0, "mknod with a major of 17 bits");
    equal(write(open_well("dev", O_WRONLY), "", 0), 0, "it is the console");
    equal(unlink("dev"), 0, "unlink");
}

const struct test descriptor_tests[] = {
    {"bad-descriptors", bad_descriptors, NEEDS_NOTHING},
    {"descriptor-is-int", descriptor_is_int, NEEDS_NOTHING},
    {"lowest-first", lowest_first, NEEDS_NOTHING},
    {"all-descriptors", all_descriptors, NEEDS_NOTHING},
    {"pipe-undone", pipe_undone, NEEDS_NOTHING},
    {"open-without-descriptor", open_without_descriptor, NEEDS_DISK},
    {"offsets", offsets, NEEDS_DISK},
    {"open-modes", open_modes, NEEDS_DISK},
    {"fstat-tells", fstat_tells, NEEDS_DISK},
    {"close-in-child", close_in_child, NEEDS_NOTHING},
    {"devices", devices, NEEDS_DISK},
    {NULL, NULL, 0},
};
