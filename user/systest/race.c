/*
 * Races, each with its story. To widen one: more rounds, more harts, or a pause
 * where the story turns.
 */
#include "user/systest/systest.h"

static void wait_for_all(u32 count)
{
    for (u32 i = 0; i < count; i++) {
        int status = 0;
        require(wait(&status) > 0, "wait");
        if (status == STATUS_SAID)
            exit(STATUS_SAID);
        equal(status, 0, "the status of a racer");
    }
}

static void start(u32 count, void (*deed)(u64))
{
    for (u64 i = 0; i < count; i++)
        spawn(deed, i);
}

/* kill against sleep: the victim looks whether it is killed, then goes to
 * sleep. A kill between the two must not be missed: it would sleep for ever
 * [10, correctness]. */
static void sleep_at_once(u64 unused)
{
    (void)unused;
    pause(1 << 30);
}

static void kill_against_sleep(void)
{
    for (u32 i = 0; i < 100; i++) {
        int pid = spawn(sleep_at_once, 0);
        for (u32 j = 0; j < i % 50; j++)
            getpid();
        equal(kill(pid), 0, "kill");
        equal(end_of(pid), ENDED, "the status");
    }
}

/* The same with a pipe: the reader looks into it, then waits. */
static int ends[2];

static void read_for_ever(u64 unused)
{
    char byte;
    (void)unused;
    read(ends[0], &byte, 1);
    exit(3);
}

static void kill_against_read(void)
{
    equal(pipe(ends), 0, "pipe");
    for (u32 i = 0; i < 100; i++) {
        int pid = spawn(read_for_ever, 0);
        for (u32 j = 0; j < i % 50; j++)
            getpid();
        equal(kill(pid), 0, "kill");
        equal(end_of(pid), ENDED, "the status");
    }
}

/* exit against wait: the parent looks for zombies, then sleeps; a child that
 * ends in between must wake it. */
static void exit_now(u64 status)
{
    exit((int)status);
}

static void exit_against_wait(void)
{
    for (u32 i = 0; i < 150; i++)
        equal(fate_of(exit_now, i), i, "the status");
}

/* Parents and children end at the same time: either the parent is there to be
 * told, or nobody is. */
static void two_generations(u64 unused)
{
    (void)unused;
    int pid = fork();
    require(pid >= 0, "fork");
    if (pid > 0)
        getpid();
}

static void exit_against_exit(void)
{
    for (u32 i = 0; i < 60; i++) {
        start(3, two_generations);
        wait_for_all(3);
    }
    pause(1);
}

/* Two processes fork and wait as fast as they can. */
static void fork_and_wait(u64 unused)
{
    (void)unused;
    for (u32 i = 0; i < 60; i++)
        equal(fate_of(exit_now, 0), 0, "the status");
}

static void fork_against_fork(void)
{
    start(3, fork_and_wait);
    wait_for_all(3);
}

/* One name is created, linked and removed by several at once. A create looks,
 * finds nothing, and makes; another may have made it meanwhile: then it is
 * opened. No name may be there twice, no inode be lost. */
static void fight_for_name(u64 racer)
{
    for (u32 i = 0; i < 40; i++) {
        switch ((i + racer) % 3) {
        case 0:
            require(close(open("x", O_CREATE | O_RDWR)) == 0, "open to create");
            break;
        case 1:
            unlink("x");
            break;
        default:
            link("x", numbered("y", (u32)racer));
            unlink(numbered("y", (u32)racer));
            break;
        }
    }
}

static u32 records_named(const char *name)
{
    struct dirent record;
    u32 count = 0;
    int fd = open_well(".", O_RDONLY);
    while (read(fd, &record, sizeof(record)) == (int)sizeof(record)) {
        if (record.inum != 0 && strcmp(record.name, name) == 0)
            count++;
    }
    close(fd);
    return count;
}

static void one_name(void)
{
    start(3, fight_for_name);
    wait_for_all(3);
    make_file("x", "", 0);
    equal(records_named("x"), 1, "records of the name");
    equal(stat_of("x").nlink, 1, "links");
    equal(unlink("x"), 0, "unlink");
}

/* Two links in opposite directions between two directories: whoever locks both
 * must have an order. */
static void cross_links(u64 racer)
{
    for (u32 i = 0; i < 40; i++) {
        if (racer == 0) {
            link("a/f", "b/g");
            unlink("b/g");
        } else {
            link("b/f", "a/g");
            unlink("a/g");
        }
    }
}

static void links_across(void)
{
    equal(mkdir("a") | mkdir("b"), 0, "mkdir");
    make_file("a/f", "x", 1);
    make_file("b/f", "x", 1);
    start(2, cross_links);
    wait_for_all(2);
    equal(unlink("a/f") | unlink("b/f") | unlink("a") | unlink("b"), 0, "unlink");
}

/* Several write by one open file: each write is one step with its offset, so
 * none is lost, and none is torn by another [8.1]. */
static int shared_fd;

static void append_records(u64 racer)
{
    char record[10];
    memset(record, 'a' + (int)racer, sizeof(record));
    for (u32 i = 0; i < 50; i++)
        equal(write(shared_fd, record, sizeof(record)), sizeof(record), "write");
}

static void shared_appends(void)
{
    static u32 count[4];
    char record[10];
    shared_fd = open_well("f", O_CREATE | O_RDWR);
    start(4, append_records);
    wait_for_all(4);
    close(shared_fd);
    shared_fd = open_well("f", O_RDONLY);
    while (read(shared_fd, record, sizeof(record)) == (int)sizeof(record)) {
        for (u32 i = 1; i < sizeof(record); i++)
            equal(record[i], record[0], "a byte of a record");
        require(record[0] >= 'a' && record[0] < 'a' + 4, "a record is one of those written");
        count[record[0] - 'a']++;
    }
    for (u32 i = 0; i < 4; i++)
        equal(count[i], 50, "records of a writer");
    close(shared_fd);
    unlink("f");
}

/* Each has a file of its own; the log is shared. */
static void write_own_file(u64 racer)
{
    const char *name = numbered("own", (u32)racer);
    memset(buffer, 'a' + (int)racer, 5000);
    for (u32 i = 0; i < 5; i++)
        make_file(name, buffer, 5000);
    int fd = open_well(name, O_RDONLY);
    equal(read(fd, buffer + 8000, 6000), 5000, "read");
    require(memcmp(buffer, buffer + 8000, 5000) == 0, "the bytes are its own");
    close(fd);
    equal(unlink(name), 0, "unlink");
}

static void own_files(void)
{
    start(4, write_own_file);
    wait_for_all(4);
}

/* Creating and deleting in one directory, each its own names: the records move,
 * but none gets lost. */
static void own_names(u64 racer)
{
    static char name[3];
    name[0] = (char)('p' + racer);
    for (u32 i = 0; i < 12; i++) {
        name[1] = (char)('a' + i);
        make_file(name, "x", 1);
        if (i % 2 == 1) {
            name[1] = (char)('a' + i / 2);
            equal(unlink(name), 0, "unlink");
        }
    }
    for (u32 i = 0; i < 12; i++) {
        name[1] = (char)('a' + i);
        require((unlink(name) == 0) == (i >= 6), "whether the name is there");
    }
}

static void one_directory(void)
{
    start(4, own_names);
    wait_for_all(4);
}

/* mkdir and rmdir of one name: of two only one may succeed, and the parent's
 * links must be right at the end. */
static void fight_for_directory(u64 racer)
{
    for (u32 i = 0; i < 40; i++) {
        mkdir("d");
        if ((i + racer) % 2 == 0 && chdir("d") == 0) {
            close(open("f", O_CREATE | O_RDWR));
            unlink("f");
            chdir("/systest.d");
        }
        unlink("d");
    }
}

static void directories_come_and_go(void)
{
    start(3, fight_for_directory);
    wait_for_all(3);
    if (exists("d")) {
        (void)unlink("d/f");
        equal(unlink("d"), 0, "unlink");
    }
    equal(stat_of(".").nlink, 1, "links of the directory");
}

/* A directory is opened for writing, which is refused, while it is being
 * removed: the reference that the open took must go, and the inode with it
 * [usertests' openiput]. */
static void open_for_writing(u64 unused)
{
    (void)unused;
    for (u32 i = 0; i < 60; i++)
        equal(open("d", O_RDWR), -1, "open of a directory for writing");
}

static void open_against_unlink(void)
{
    int pid = spawn(open_for_writing, 0);
    for (u32 i = 0; i < 20; i++) {
        equal(mkdir("d"), 0, "mkdir");
        equal(unlink("d"), 0, "unlink");
    }
    equal(end_of(pid), 0, "the status");
}

/* Truncation against writes at an offset: the write finds the file shorter than
 * its offset, and must refuse; the file never has a hole [11 point 3]. */
static void truncate_often(u64 unused)
{
    (void)unused;
    for (u32 i = 0; i < 60; i++)
        close(open("f", O_WRONLY | O_TRUNC));
}

static void truncate_against_write(void)
{
    int pid;
    make_file("f", "", 0);
    pid = spawn(truncate_often, 0);
    for (u32 i = 0; i < 30; i++) {
        int fd = open_well("f", O_RDWR);
        s64 first = write(fd, "aaaaaaaaaa", 10);
        s64 second = write(fd, "bbbbbbbbbb", 10);
        equal(first, 10, "the first write");
        require(second == 10 || second == -1, "the second write is whole or refused");
        close(fd);
    }
    equal(end_of(pid), 0, "the status");
    int n;
    int fd = open_well("f", O_RDONLY);
    while ((n = read(fd, buffer, 1000)) > 0) {
        for (int i = 0; i < n; i++)
            require(buffer[i] == 'a' || buffer[i] == 'b', "no hole in the file");
    }
    close(fd);
    unlink("f");
}

/* Several readers of one pipe: each byte goes to one of them. */
static int sums[2];

static void read_some(u64 unused)
{
    int count = 0;
    char byte;
    (void)unused;
    close(ends[1]);
    while (read(ends[0], &byte, 1) == 1)
        count++;
    equal(write(sums[1], &count, sizeof(count)), sizeof(count), "write");
}

static void many_readers(void)
{
    int total = 0;
    equal(pipe(ends) | pipe(sums), 0, "pipe");
    start(3, read_some);
    close(ends[0]);
    for (u32 i = 0; i < 10; i++)
        equal(write(ends[1], buffer, 100), 100, "write");
    close(ends[1]);
    for (u32 i = 0; i < 3; i++) {
        int count = 0;
        equal(read(sums[0], &count, sizeof(count)), sizeof(count), "read");
        total += count;
    }
    equal(total, 1000, "bytes that arrived");
    wait_for_all(3);
}

/* Memory is taken and given back by several at once. */
static void breathe(u64 racer)
{
    for (u32 i = 0; i < 20; i++) {
        int pages = 1 + (int)(racer * 7 + i) % 30;
        char *start_of = sbrk(pages * (int)PAGE_SIZE);
        require(start_of != (char *)-1, "sbrk");
        for (int j = 0; j < pages; j++) {
            equal(start_of[(u64)j * PAGE_SIZE], 0, "a byte of fresh memory");
            start_of[(u64)j * PAGE_SIZE] = (char)(racer + 1);
        }
        sbrk(-pages * (int)PAGE_SIZE);
    }
}

static void memory_in_turns(void)
{
    start(4, breathe);
    wait_for_all(4);
}

/* A page shared by copy-on-write is written to by all its sharers at once: each
 * gets a copy, the last keeps it. */
static char *shared_page;

static void write_shared(u64 racer)
{
    for (u32 i = 0; i < 8; i++)
        shared_page[i * PAGE_SIZE] = (char)racer;
    for (u32 i = 0; i < 8; i++)
        equal(shared_page[i * PAGE_SIZE], (char)racer, "its own byte");
}

static void shared_pages(void)
{
    shared_page = sbrk(8 * PAGE_SIZE);
    for (u32 round = 0; round < 10; round++) {
        for (u32 i = 0; i < 8; i++)
            shared_page[i * PAGE_SIZE] = 'p';
        start(4, write_shared);
        wait_for_all(4);
        for (u32 i = 0; i < 8; i++)
            equal(shared_page[i * PAGE_SIZE], 'p', "the parent's byte");
    }
}

/* An image is loaded while others write its file: the program is the old one or
 * the new one or none, never half of each. Both exit with the status that all
 * their instructions agree on. */
static void rewrite_image(u64 unused)
{
    extern const u8 race_image_4[], race_image_5[], race_image_end[];
    u64 size = (u64)(race_image_end - race_image_5);
    (void)unused;
    for (u32 i = 0; i < 40; i++) {
        int fd = open_well("image", O_WRONLY);
        equal(write(fd, i % 2 == 0 ? race_image_5 : race_image_4, (int)size), (s64)size, "write");
        close(fd);
    }
}

/* An ELF file of less than a block: eight segments, all of the same 32 bytes, which are thus read one after
 * the other. The instructions of the first page note a number, and jump to those of the eighth, which exit
 * with the number if theirs is the same. */
__asm__(".macro image name, value\n"
        "    .globl \\name\n"
        "\\name:\n"
        "    .4byte 0x464c457f, 0, 0, 0, 0, 0\n"
        "    .8byte 0, 64, 0\n"   /* entry, phoff, shoff */
        "    .4byte 0, 0, 8, 0\n" /* flags; sizes; phnum */
        "    .set place, 0\n"
        "    .rept 8\n"
        "    .4byte 1, 5\n"                        /* load; read and execute */
        "    .8byte 512, place, 0, 32, 32, 4096\n" /* offset, vaddr, paddr, filesz, memsz, align */
        "    .set place, place + 4096\n"
        "    .endr\n"
        "    .option push\n"
        "    .option norvc\n"
        "    li s1, \\value\n"
        "    lui t0, 7\n"
        "    jr 12(t0)\n"
        "    li a0, \\value\n"
        "    bne a0, s1, . + 12\n"
        "    li a7, 2\n"
        "    ecall\n"
        "    .4byte 0\n"
        "    .option pop\n"
        ".endm\n"
        ".section .rodata\n"
        ".balign 8\n"
        "image race_image_4, 4\n"
        "image race_image_5, 5\n"
        ".globl race_image_end\n"
        "race_image_end:\n"
        ".text\n");

static void exec_it(u64 unused)
{
    char *words[] = {"image", NULL};
    (void)unused;
    exec("image", words);
}

static void exec_against_write(void)
{
    extern const u8 race_image_4[], race_image_5[], race_image_end[];
    int writer;
    equal(race_image_end - race_image_5, race_image_5 - race_image_4, "sizes of the two images");
    make_file("image", race_image_4, (int)(race_image_5 - race_image_4));
    writer = spawn(rewrite_image, 0);
    for (u32 i = 0; i < 40; i++) {
        int status = 0;
        int pid = spawn(exec_it, 0);
        int ended = wait(&status);
        if (ended == writer) {
            equal(status, 0, "the writer's status");
            writer = 0;
            ended = wait(&status);
        }
        equal(ended, pid, "wait");
        require(status == 4 || status == 5, "the program is one of the two");
    }
    if (writer != 0)
        equal(end_of(writer), 0, "the writer's status");
    unlink("image");
}

const struct test race_tests[] = {
    {"kill-against-sleep", kill_against_sleep, NEEDS_NOTHING},
    {"kill-against-read", kill_against_read, NEEDS_NOTHING},
    {"exit-against-wait", exit_against_wait, NEEDS_NOTHING},
    {"exit-against-exit", exit_against_exit, NEEDS_NOTHING},
    {"fork-against-fork", fork_against_fork, NEEDS_NOTHING},
    {"one-name", one_name, NEEDS_DISK},
    {"links-across", links_across, NEEDS_DISK},
    {"shared-appends", shared_appends, NEEDS_DISK},
    {"own-files", own_files, NEEDS_DISK},
    {"one-directory", one_directory, NEEDS_DISK},
    {"directories-come-and-go", directories_come_and_go, NEEDS_DISK},
    {"open-against-unlink", open_against_unlink, NEEDS_DISK},
    {"truncate-against-write", truncate_against_write, NEEDS_DISK},
    {"many-readers", many_readers, NEEDS_NOTHING},
    {"memory-in-turns", memory_in_turns, NEEDS_NOTHING},
    {"shared-pages", shared_pages, NEEDS_NOTHING},
    {"exec-against-write", exec_against_write, NEEDS_DISK},
    {NULL, NULL, 0},
};
