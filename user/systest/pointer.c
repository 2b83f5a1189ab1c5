/* Every pointer that a program may hand to the system: bad ones are refused,
 * partly bad ones count [1.2]. */
#include "user/systest/systest.h"

/* Paths and vectors [1.2, strings]. */
static void bad_strings(void)
{
    char *vector[] = {"x", NULL};
    for (u32 i = 0; i < BAD_ADDRESSES; i++) {
        const char *bad = (const char *)bad_addresses[i];
        equal(open(bad, O_RDONLY), -1, "open");
        equal(open(bad, O_CREATE | O_RDWR), -1, "open to create");
        equal(unlink(bad), -1, "unlink");
        equal(link(bad, "x"), -1, "link, first");
        equal(link("/README", bad), -1, "link, second");
        equal(mkdir(bad), -1, "mkdir");
        equal(mknod(bad, 1, 1), -1, "mknod");
        equal(chdir(bad), -1, "chdir");
        equal(exec(bad, vector), -1, "exec, path");
        equal(exec("/cat", (char **)bad), -1, "exec, vector");
        vector[0] = (char *)(u64)bad;
        equal(exec("/cat", vector), -1, "exec, argument");
        vector[0] = "x";
        equal(fault_arm(bad, 0, 0), -1, "fault_arm");
    }
}

/* Files, pipes and structures, in both directions. */
static void bad_buffers(void)
{
    int fds[2];
    make_file("f", "0123456789", 10);
    equal(pipe(fds), 0, "pipe");
    for (u32 i = 0; i < BAD_ADDRESSES; i++) {
        void *bad = (void *)bad_addresses[i];
        int fd = open_well("f", O_RDWR);
        equal(read(fd, bad, 10), -1, "read of a file");
        equal(write(fd, bad, 10), -1, "write of a file");
        equal(fstat(fd, bad), -1, "fstat");
        equal(write(fds[1], bad, 10), 0, "write of a pipe");
        equal(write(fds[1], "x", 1), 1, "write of a pipe");
        equal(read(fds[0], bad, 10), -1, "read of a pipe");
        equal(read(fds[0], buffer, 10), 1, "what is still in the pipe");
        equal(pipe(bad), -1, "pipe");
        equal(xmap_usage(bad), XMAP_EINVAL, "xmap_usage");
        close(fd);
    }
    equal((s64)stat_of("f").size, 10, "the file's size");
    unlink("f");
}

/* Nobody stores into a program's text, the system included [1.2; 2 row 4]. */
static void text_is_not_written(void)
{
    void *text = pointer_to(64);
    u64 before = *(volatile u64 *)text;
    int fds[2];
    int fd;
    make_file("f", "0123456789", 10);
    fd = open_well("f", O_RDONLY);
    equal(read(fd, text, 10), -1, "read of a file");
    equal(fstat(fd, text), -1, "fstat");
    equal(pipe(text), -1, "pipe");
    equal(pipe(fds), 0, "pipe");
    equal(write(fds[1], "x", 1), 1, "write of a pipe");
    equal(read(fds[0], text, 1), -1, "read of a pipe");
    equal(xmap_reserve(PAGE_SIZE, text), XMAP_EINVAL, "xmap_reserve");
    equal((s64) * (volatile u64 *)text, (s64)before, "the text");
    close(fd);
    unlink("f");
}

/* The longest path has 127 bytes; slashes count [1.2; usertests' copyinstr2]. */
static void longest_path(void)
{
    static char path[200];
    char *vector[] = {path, buffer, NULL};
    memset(buffer, 'b', 4096);
    buffer[4096] = '\0';
    memset(path, '/', sizeof(path));
    strcpy(path + 126, "f");
    make_file("/f", "x", 1);
    equal(close(open_well(path, O_RDONLY)), 0, "a path of 127 bytes");
    strcpy(path + 127, "f");
    equal(open(path, O_RDONLY), -1, "open of a path of 128 bytes");
    equal(unlink(path), -1, "unlink of a path of 128 bytes");
    equal(link(path, "g"), -1, "link of a path of 128 bytes");
    equal(link("/f", path), -1, "link to a path of 128 bytes");
    equal(chdir(path), -1, "chdir of a path of 128 bytes");
    equal(mkdir(path), -1, "mkdir of a path of 128 bytes");
    equal(mknod(path, 1, 1), -1, "mknod of a path of 128 bytes");
    equal(exec(path, vector), -1, "exec of a path of 128 bytes");
    equal(exec("/echo", vector + 1), -1, "exec with an argument of 4096 bytes");
    equal(unlink("/f"), 0, "unlink");
}

/* A string that runs into the end of memory before its NUL [1.2]. */
static void unfinished_string(void)
{
    char *end = sbrk(PAGE_SIZE) + PAGE_SIZE;
    end[-1] = 'x';
    equal(open(end - 1, O_CREATE), -1, "open");
    equal(unlink(end - 1), -1, "unlink");
    equal(link(end - 1, "y"), -1, "link");
    end[-1] = '\0';
    end[-2] = '/';
    equal(close(open_well(end - 2, O_RDONLY)), 0, "a string that ends with memory");
}

/* A copy goes as far as it can, and what went before stays [1.2]. */
static void prefix_is_copied(void)
{
    char *end = sbrk(PAGE_SIZE) + PAGE_SIZE;
    int fds[2];
    int fd;
    equal(pipe(fds), 0, "pipe");
    memset(end - 4, 'w', 4);
    equal(write(fds[1], end - 4, 8), 4, "write of a pipe, half of it there");
    equal(write(fds[1], "rest", 4), 4, "write");
    equal(read(fds[0], end - 2, 5), 2, "read of a pipe, two bytes of room");
    require(memcmp(end - 2, "ww", 2) == 0, "the bytes that fit");
    equal(read(fds[0], buffer, 100), 6, "the bytes that did not fit are still in the pipe");
    require(memcmp(buffer, "wwrest", 6) == 0, "none of them is lost");
    make_file("f", "abcdefgh", 8);
    fd = open_well("f", O_RDONLY);
    equal(read(fd, end - 4, 8), -1, "read of a file, half of it fits");
    equal(read(fd, buffer, 8), 8, "the offset has not moved");
    close(fd);
    unlink("f");
}

/* Memory that was given back [usertests' rwsbrk]. */
static void returned_memory(void)
{
    char *start = sbrk(2 * PAGE_SIZE);
    int fds[2];
    sbrk(-2 * (int)PAGE_SIZE);
    equal(pipe(fds), 0, "pipe");
    equal(write(fds[1], start, 10), 0, "write from returned memory");
    equal(write(fds[1], "x", 1), 1, "write");
    equal(read(fds[0], start, 1), -1, "read to returned memory");
}

/* The console counts what went out before the bad byte; that may be nothing
 * [1.4]. */
static void console_with_bad_buffer(void)
{
    char *end = sbrk(PAGE_SIZE) + PAGE_SIZE;
    int fd;
    s64 count;
    equal(mknod("console", CONSOLE_MAJOR, 0), 0, "mknod");
    fd = open_well("console", O_RDWR);
    equal(write(fd, (char *)bad_addresses[0], 5), 0, "write from a bad address");
    equal(write(fd, (char *)(stack_page() - 8), 5), 0, "write from the guard page");
    end[-1] = '\n';
    count = write(fd, end - 1, 5);
    require(count == 0 || count == 1, "write of a byte that is there and four that are not");
    equal(write(fd, "x", 0), 0, "write of nothing");
    equal(write(fd, "x", -1), 0, "write of -1 bytes");
    equal(read(fd, buffer, 0), 0, "read of nothing");
    equal(read(fd, buffer, -1), 0, "read of -1 bytes");
    close(fd);
    equal(unlink("console"), 0, "unlink");
}

const struct test pointer_tests[] = {
    {"bad-strings", bad_strings, NEEDS_DISK},
    {"bad-buffers", bad_buffers, NEEDS_DISK},
    {"text-is-not-written", text_is_not_written, NEEDS_DISK},
    {"longest-path", longest_path, NEEDS_DISK},
    {"unfinished-string", unfinished_string, NEEDS_DISK},
    {"prefix-is-copied", prefix_is_copied, NEEDS_DISK},
    {"returned-memory", returned_memory, NEEDS_NOTHING},
    {"console-with-bad-buffer", console_with_bad_buffer, NEEDS_DISK},
    {NULL, NULL, 0},
};
