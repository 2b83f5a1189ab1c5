/* When something runs out, calls fail, nothing is lost, and the system goes on
 * [1.3, 1.4, 4, 7]. */
#include "user/systest/systest.h"

/* ---- How much there is, by using it all up ---- */

/* Forks until that fails; each child waits for the end of a pipe. */
u32 count_free_processes(void)
{
    u32 count = 0;
    int fds[2];
    int pid;
    equal(pipe(fds), 0, "pipe");
    while ((pid = fork()) > 0)
        count++;
    if (pid == 0) {
        char byte;
        close(fds[1]);
        read(fds[0], &byte, 1);
        exit(0);
    }
    close(fds[0]);
    close(fds[1]);
    for (u32 i = 0; i < count; i++)
        require(wait(NULL) > 0, "wait");
    return count;
}

/* A chain of processes, each with as many open files as it can have; the sum
 * comes back by their statuses. */
u32 count_free_files(void)
{
    int status = 0;
    int pid = fork();
    require(pid >= 0, "fork");
    if (pid == 0) {
        u32 own = 0;
        int fds[2];
        for (int fd = 0; fd < NOFILE; fd++) {
            if (fd != 1)
                close(fd);
        }
        while (pipe(fds) == 0)
            own += 2;
        exit(1000 + (int)(own == 0 ? 0 : own + count_free_files()));
    }
    require(wait(&status) == pid && status >= 1000, "the count of files");
    return (u32)status - 1000;
}

/* Files in the root, made until that fails. */
u32 count_free_inodes(void)
{
    u32 count = 0;
    for (;; count++) {
        int fd = open(numbered("/inode.", count), O_CREATE | O_WRONLY);
        if (fd < 0)
            break;
        close(fd);
    }
    for (u32 i = 0; i < count; i++)
        equal(unlink(numbered("/inode.", i)), 0, "unlink");
    return count;
}

/* Writes `blocks` to a file, by many at a time and then one by one; how many it took. */
static u32 write_blocks(int fd, u32 blocks)
{
    u32 done = 0;
    while (done + 12 <= blocks && write(fd, buffer, 12 * BLOCK) == 12 * BLOCK)
        done += 12;
    while (done < blocks && write(fd, buffer, BLOCK) == BLOCK)
        done++;
    return done;
}

/* Blocks of the largest files there can be, written until that fails. What a refused write left of itself
 * counts too: so the files are asked how long they are. */
u32 count_free_blocks(void)
{
    u32 count = 0;
    u32 files = 0;
    bool more = true;
    for (; more; files++) {
        struct stat st;
        int fd = open(numbered("/blocks.", files), O_CREATE | O_WRONLY);
        if (fd < 0)
            break;
        more = write_blocks(fd, FILE_SIZE_MAX / BLOCK) == FILE_SIZE_MAX / BLOCK;
        equal(fstat(fd, &st), 0, "fstat");
        count += (u32)(st.size / BLOCK);
        close(fd);
    }
    for (u32 i = 0; i < files; i++)
        equal(unlink(numbered("/blocks.", i)), 0, "unlink");
    return count;
}

/* ---- Tests ---- */

/* 64 in all, zombies included [7]; refused, then reaped, as many again. */
static void all_processes(void)
{
    u32 count = count_free_processes();
    require(count >= 40 && count < NPROC, "between 40 and 64 processes can be had");
    equal(wait(NULL), -1, "wait after all of them");
    require(count_free_processes() + 1 >= count, "as many can be had again");
}

static void exit_now(u64 status)
{
    exit((int)status);
}

/* Zombies count, too. */
static void all_zombies(void)
{
    u32 count = 0;
    for (;;) {
        int pid = fork();
        if (pid == 0)
            exit(0);
        if (pid < 0)
            break;
        require(++count < 1000, "fork is refused at some point");
    }
    for (u32 i = 0; i < count; i++)
        require(wait(NULL) > 0, "wait");
    equal(wait(NULL), -1, "wait after all of them");
    equal(fate_of(exit_now, 3), 3, "the status of a process afterwards");
}

/* Processes that fork until that is refused, all at once; whoever succeeds
 * ends. */
static void fork_until(u64 end)
{
    for (;;) {
        if (uptime() >= (int)end)
            exit(0);
        if (fork() < 0)
            exit(0);
    }
}

static void fork_bomb(void)
{
    equal(fate_of(fork_until, (u64)uptime() + 3), 0, "the status of the first");
    pause(10);
    equal(fate_of(exit_now, 3), 3, "the status of a process afterwards");
}

static void all_files(void)
{
    u32 count = count_free_files();
    require(count >= 80, "eighty files can be open at a time");
    equal(count_free_files(), count, "as many again");
}

/* Opens a file until that is refused, says how often it was not, and holds them until `release` ends. */
static int reports[2];
static int release[2];

static void hold_same_file(u64 unused)
{
    char count = 0;
    char byte;
    (void)unused;
    close(release[1]);
    while (open("old", O_RDONLY) >= 0)
        count++;
    equal(write(reports[1], &count, 1), 1, "write");
    read(release[0], &byte, 1);
}

/* Every open file of the system is taken, though descriptors are left: what needs a new one is refused, and
 * what does not still works. A new file has been made by then, an old one not cut [1.4, open, pipe]. */
static void life_without_files(void)
{
    int fds[2];
    char count = 1;
    u32 holders = 0;
    make_file("old", "abc", 3);
    equal(pipe(reports) | pipe(release), 0, "pipe");
    for (; count > 0; holders++) {
        require(holders < 20, "open is refused at some point");
        spawn(hold_same_file, 0);
        equal(read(reports[0], &count, 1), 1, "read");
    }
    equal(open("old", O_RDONLY), -1, "open");
    equal(open("new", O_CREATE | O_WRONLY), -1, "open to create");
    equal(open("old", O_WRONLY | O_TRUNC), -1, "open to truncate");
    equal(pipe(fds), -1, "pipe");
    equal(close(dup(0)), 0, "dup, which needs none");
    equal(unlink("new"), 0, "unlink of the file that has been made");
    equal(mkdir("d") | chdir("d") | chdir("..") | unlink("d"), 0, "calls that need none");
    equal(close(release[1]), 0, "close");
    for (u32 i = 0; i < holders; i++) {
        int status = -2;
        require(wait(&status) > 0 && status == 0, "the status of a holder");
    }
    equal((s64)stat_of("old").size, 3, "the size of the old file");
    equal(unlink("old"), 0, "unlink");
}

static void full_disk(void)
{
    u32 blocks = count_free_blocks();
    require(blocks >= 20, "there are twenty free blocks");
    equal(count_free_blocks(), blocks, "blocks, again");
}

/* On a full disk nothing can be made that needs a block, what is there can be
 * read, written in place, cut and removed; the part of a write that fits stays
 * [1.4, write: disk full; usertests' diskfull]. */
static void life_on_full_disk(void)
{
    u32 files = 0;
    bool full = false;
    int fd;
    u64 size;
    memset(buffer, 'f', BUFFER_SIZE);
    equal(mkdir("d"), 0, "mkdir");
    for (; !full; files++) {
        fd = open_well(numbered("f", files), O_CREATE | O_WRONLY);
        while (stat_of(numbered("f", files)).size + 3 * BLOCK <= FILE_SIZE_MAX) {
            if (write(fd, buffer, 3 * BLOCK) != 3 * BLOCK) {
                full = true;
                break;
            }
        }
        close(fd);
        require(files < 100, "the disk is full at some point");
    }
    size = stat_of(numbered("f", files - 1)).size;
    equal((s64)(size % BLOCK), 0, "the last file ends with a block");
    fd = open_well(numbered("f", files - 1), O_RDONLY);
    equal(read(fd, buffer, 3 * BLOCK), size < 3 * BLOCK ? (s64)size : 3 * BLOCK, "read");
    close(fd);
    equal(mkdir("e"), -1, "mkdir on a full disk");
    require(!exists("e"), "a refused mkdir leaves nothing");
    equal(stat_of(".").nlink, 2, "links of the directory");
    fd = open_well("f0", O_RDWR);
    equal(write(fd, "x", 1), 1, "write in place");
    close(fd);
    fd = open("small", O_CREATE | O_RDWR);
    if (fd >= 0) {
        equal(write(fd, "x", 1), -1, "write of the first byte of a file");
        equal((s64)stat_of("small").size, 0, "size");
        close(fd);
        equal(unlink("small"), 0, "unlink");
    }
    equal(close(open_well("f0", O_WRONLY | O_TRUNC)), 0, "truncation");
    equal(mkdir("e"), 0, "mkdir when there is room");
    for (u32 i = 0; i < files; i++)
        equal(unlink(numbered("f", i)), 0, "unlink");
    equal(unlink("d") | unlink("e"), 0, "unlink");
}

/* The part of a write that fits is kept, though the call fails. Three blocks
 * are left, then five are written. */
static void part_that_fits(void)
{
    u32 free_blocks = count_free_blocks();
    u32 files = 0;
    int fd = open_well("last", O_CREATE | O_WRONLY);
    int filler = -1;
    u32 left;
    memset(buffer, 'l', BUFFER_SIZE);
    equal(write(fd, buffer, BLOCK), BLOCK, "the first block");
    /* Fill the disk by blocks, then free three: the largest files take an index
     * block each. */
    for (bool more = true; more; files++) {
        filler = open_well(numbered("g", files), O_CREATE | O_WRONLY);
        more = write_blocks(filler, 12) == 12;
        close(filler);
        require(files < 180, "the disk is full at some point");
        require(files * 12 < free_blocks + 24, "the disk is full when its blocks are used");
    }
    equal(write(fd, buffer, BLOCK), -1, "write on a full disk");
    left = (u32)stat_of("g0").size / BLOCK;
    equal(left, 12, "blocks of the file that goes");
    equal(unlink("g0"), 0, "unlink");
    equal(write(fd, buffer, 16 * BLOCK), -1, "write of more than there is");
    equal((s64)stat_of("last").size, 12 * BLOCK, "blocks of what was written, an index block beside them");
    close(fd);
    fd = open_well("last", O_RDONLY);
    equal(read(fd, buffer, BUFFER_SIZE), 12 * BLOCK, "read");
    for (u32 i = 0; i < 12 * BLOCK; i++)
        equal(buffer[i], 'l', "a byte of it");
    close(fd);
    equal(unlink("last"), 0, "unlink");
    for (u32 i = 1; i < files; i++)
        equal(unlink(numbered("g", i)), 0, "unlink");
}

/* Files PREFIX0, PREFIX1, .. until there is no block left; how many. */
static u32 fill_disk(const char *prefix)
{
    u32 files = 0;
    u32 blocks;
    do {
        int fd = open_well(numbered(prefix, files++), O_CREATE | O_WRONLY);
        blocks = write_blocks(fd, FILE_SIZE_MAX / BLOCK);
        close(fd);
        require(files < 100, "the disk is full at some point");
    } while (blocks > 0);
    return files;
}

static void unlink_all(const char *prefix, u32 files)
{
    for (u32 i = 0; i < files; i++)
        equal(unlink(numbered(prefix, i)), 0, "unlink");
}

/* The records of a directory fill its block, and the disk has no other: no name comes into it, in any way,
 * and a refusal leaves nothing [1.4, open: no block for the directory entry; mkdir; link]. */
static void full_directory(void)
{
    u32 records = BLOCK / sizeof(struct dirent) - 2;
    u32 files;
    make_file("f", "x", 1);
    equal(mkdir("d"), 0, "mkdir");
    for (u32 i = 0; i < records; i++)
        equal(link("f", numbered("d/x", i)), 0, "link");
    equal((s64)stat_of("d").size, BLOCK, "size of the directory");
    files = fill_disk("fill");
    equal(open("d/new", O_CREATE | O_RDWR), -1, "open to create");
    equal(mkdir("d/new"), -1, "mkdir");
    equal(mknod("d/new", 1, 1), -1, "mknod");
    equal(link("f", "d/new"), -1, "link");
    require(!exists("d/new"), "nothing has the name");
    equal(stat_of("f").nlink, (s64)records + 1, "links of the file");
    equal(stat_of("d").nlink, 1, "links of the directory");
    equal((s64)stat_of("d").size, BLOCK, "size of the directory, afterwards");
    equal(unlink("d/x0"), 0, "unlink");
    equal(link("f", "d/new"), 0, "link, with a free record");
    unlink_all("fill", files);
    equal(unlink("d/new"), 0, "unlink");
    for (u32 i = 1; i < records; i++)
        equal(unlink(numbered("d/x", i)), 0, "unlink");
    equal(unlink("d") | unlink("f"), 0, "unlink");
}

/* A program hears of a full disk: echo says so on descriptor 2, and its status is 1. */
static void echo_on_full_disk(void)
{
    u32 files = fill_disk("fill");
    int fd = open_well(numbered("fill", files - 1), O_RDWR);
    int pid;
    equal((s64)stat_of(numbered("fill", files - 1)).size, 0, "size of the last file");
    equal(pipe(reports), 0, "pipe");
    pid = fork();
    if (pid == 0) {
        char *words[] = {"echo", "hello", NULL};
        close(1);
        dup(fd);
        close(2);
        dup(reports[1]);
        exec("/echo", words);
        exit(118);
    }
    equal(end_of(pid), 1, "echo's status");
    close(reports[1]);
    memset(buffer, 0, 100);
    equal(read(reports[0], buffer, 100), 18, "bytes that echo says");
    require(strcmp(buffer, "echo: write error\n") == 0, "what echo says");
    close(fd);
    unlink_all("fill", files);
}

static void all_inodes(void)
{
    u32 count = count_free_inodes();
    require(count >= 20, "there are twenty free inodes");
    equal(count_free_inodes(), count, "inodes, again");
}

/* Without an inode nothing is made, in no form. */
static void life_without_inodes(void)
{
    u32 count = 0;
    while (mknod(numbered("n", count), 9, 9) == 0)
        count++;
    equal(open("f", O_CREATE | O_RDWR), -1, "open to create");
    equal(mkdir("d"), -1, "mkdir");
    equal(stat_of(".").nlink, 1, "links of the directory");
    equal(link("n0", "m0"), 0, "link, which needs none");
    equal(unlink("m0"), 0, "unlink");
    for (u32 i = 0; i < count; i++)
        equal(unlink(numbered("n", i)), 0, "unlink");
    make_file("f", "x", 1);
    equal(unlink("f"), 0, "unlink");
}

static void take_everything(void)
{
    for (u64 step = 4096; step > 0; step /= 2) {
        while (sbrk((int)(step * PAGE_SIZE)) != (char *)-1)
            continue;
    }
}

/* With all memory taken, calls that need none still work, the others fail
 * [8.1]. */
static void use_without_memory(u64 unused)
{
    int fds[2];
    int fd;
    char *lazy;
    (void)unused;
    lazy = sbrklazy(PAGE_SIZE);
    fd = open_well("f", O_RDWR);
    take_everything();
    if (free_pages() == 0) { /* a copy that needs a page fails, and its program lives [11 point 26] */
        equal(read(fd, lazy, 3), -1, "read to a page that cannot be had");
        equal(write(fd, lazy, 3), -1, "write from a page that cannot be had");
        equal(open(lazy, O_RDONLY), -1, "open of a path that cannot be had");
        equal(fstat(fd, (struct stat *)(void *)lazy), -1, "fstat to a page that cannot be had");
    }
    equal(read(fd, buffer, 3), 3, "read of a file");
    equal(write(fd, "x", 1), 1, "write of a file");
    require(fork() < 0 || getpid() > 0, "fork fails or not");
    equal(pipe(fds), 0, "pipe");
    equal(write(fds[1], "x", 1), 1, "write of a pipe");
    equal(read(fds[0], buffer, 1), 1, "read of a pipe");
    equal(close(open_well("f", O_RDONLY)), 0, "open");
    char *words[] = {"echo", NULL};
    if (free_pages() == 0)
        equal(exec("/echo", words), -1, "exec");
}

static void life_without_memory(void)
{
    u64 before = free_pages();
    make_file("f", "abcdef", 6);
    equal(fate_of(use_without_memory, 0), 0, "the status");
    pause(1);
    equal((s64)free_pages(), (s64)before, "free pages");
    unlink("f");
}

/* Several want 1/4 of all memory each, and more: some are refused, none loses
 * what it has [usertests' sbrkfail]. */
static void take_a_quarter(u64 bytes)
{
    char *start = sbrk((int)bytes);
    if (start == (char *)-1)
        exit(1);
    for (u64 i = 0; i < bytes; i += PAGE_SIZE)
        start[i] = 1;
    pause(3);
    exit(0);
}

static void memory_for_some(void)
{
    u64 before = free_pages();
    u64 bytes = min_u64(before / 4, 50000) * PAGE_SIZE;
    u32 served = 0;
    for (u32 i = 0; i < 6; i++)
        spawn(take_a_quarter, bytes);
    for (u32 i = 0; i < 6; i++) {
        int status = -2;
        require(wait(&status) > 0, "wait");
        require(status == 0 || status == 1, "a child has its memory or is refused");
        served += status == 0;
    }
    require(served >= 1, "somebody has memory");
    equal((s64)free_pages(), (s64)before, "free pages");
}

const struct test exhaustion_tests[] = {
    {"all-processes", all_processes, NEEDS_NOTHING},
    {"all-zombies", all_zombies, NEEDS_NOTHING},
    {"fork-bomb", fork_bomb, IS_SLOW},
    {"all-files", all_files, NEEDS_NOTHING},
    {"life-without-files", life_without_files, NEEDS_DISK},
    {"full-disk", full_disk, NEEDS_DISK | IS_SLOW},
    {"life-on-full-disk", life_on_full_disk, NEEDS_DISK | IS_SLOW},
    {"part-that-fits", part_that_fits, NEEDS_DISK | IS_SLOW},
    {"full-directory", full_directory, NEEDS_DISK | IS_SLOW},
    {"echo-on-full-disk", echo_on_full_disk, NEEDS_DISK | IS_SLOW},
    {"all-inodes", all_inodes, NEEDS_DISK | IS_SLOW},
    {"life-without-inodes", life_without_inodes, NEEDS_DISK | IS_SLOW},
    {"life-without-memory", life_without_memory, NEEDS_DISK},
    {"memory-for-some", memory_for_some, IS_SLOW},
    {NULL, NULL, 0},
};
