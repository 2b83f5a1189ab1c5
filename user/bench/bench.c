/*
 * Measures the system calls, as the first process: each row of rows.def between marker instructions.
 *
 * The file `rows` on the disk names the rows to measure, a name a line. Each runs in a process of its own, so
 * that one that fails leaves the others; it says so on the console, and its samples are missing. Nothing is
 * printed otherwise, and nothing is typed, so that the same instructions are executed in every run. After the
 * last row the emulator ends.
 *
 * A row takes its first samples to warm up, too: the median of all is what counts.
 */
#include "abi/xv6/fcntl.h"
#include "abi/xv6/limits.h"
#include "abi/xv6/stat.h"
#include "user/bench/mark.h"
#include "user/bench/rows.h"
#include "user/user.h"

#define SAMPLES   48
#define KIB       1024
#define PAGES     64      /* of the rows that are per page of so many */
#define FILE_KIB  64      /* what the rows that write sequentially write */
#define READ_FILE "large" /* put onto the disk for read_uncached, which alone reads it */

#define CHUNK (4 * KIB) /* of the rows that read or write much at once */

static u8 buffer[CHUNK];
static const char *row_name;

static _Noreturn void fail(const char *what)
{
    printf("bench: %s: %s\n", row_name, what);
    exit(1);
}

/* Ends the row's process if a call failed. */
static int must(int result, const char *what)
{
    if (result < 0)
        fail(what);
    return result;
}

static void measure_getpid(void)
{
    for (int i = 0; i < SAMPLES; i++) {
        MARK_START(ROW_getpid);
        getpid();
        MARK_STOP(ROW_getpid);
    }
}

static void measure_dup_close(void)
{
    for (int i = 0; i < SAMPLES; i++) {
        MARK_START(ROW_dup_close);
        int fd = dup(0);
        close(fd);
        MARK_STOP(ROW_dup_close);
        must(fd, "dup");
    }
}

static void measure_fstat(void)
{
    struct stat st;
    int fd = must(open("small", O_RDONLY), "open");
    for (int i = 0; i < SAMPLES; i++) {
        MARK_START(ROW_fstat);
        int result = fstat(fd, &st);
        MARK_STOP(ROW_fstat);
        must(result, "fstat");
    }
}

/* These rows are measured by the program that this process becomes. */
static void become_small(char *argument)
{
    static char name[] = "small";
    char *argv[] = {name, argument, NULL};
    exec(name, argv);
    fail("exec");
}

static void measure_fork(void)
{
    static char argument[] = "fork";
    become_small(argument);
}

static void measure_fork_68(void)
{
    measure_fork();
}

static void measure_fault(void)
{
    static char argument[] = "store";
    become_small(argument);
}

static void measure_fork_exec(void)
{
    static char name[] = "small";
    char *argv[] = {name, NULL};
    for (int i = 0; i < SAMPLES / 2; i++) {
        MARK_START(ROW_fork_exec);
        int pid = fork();
        if (pid == 0) {
            exec(name, argv);
            exit(1);
        }
        int status = -1;
        int ended = wait(&status);
        MARK_STOP(ROW_fork_exec);
        if (pid < 0 || ended != pid || status != 0)
            fail("fork, exec, wait");
    }
}

static void measure_exec(void)
{
    static char name[] = "small";
    char *argv[] = {name, NULL};
    for (int i = 0; i < SAMPLES / 2; i++) {
        if (must(fork(), "fork") == 0) {
            MARK_START(ROW_exec);
            exec(name, argv);
            fail("exec");
        }
        must(wait(NULL), "wait");
    }
}

static void measure_pipe_ping_pong(void)
{
    int there[2], back[2];
    u8 byte = 0;
    must(pipe(there), "pipe");
    must(pipe(back), "pipe");
    if (must(fork(), "fork") == 0) {
        close(there[1]);
        while (read(there[0], &byte, 1) == 1)
            write(back[1], &byte, 1);
        exit(0);
    }
    for (int i = 0; i < SAMPLES; i++) {
        MARK_START(ROW_pipe_ping_pong);
        int sent = write(there[1], &byte, 1);
        int got = read(back[0], &byte, 1);
        MARK_STOP(ROW_pipe_ping_pong);
        if (sent != 1 || got != 1)
            fail("write and read");
    }
    close(there[1]);
    wait(NULL);
}

static void measure_pipe_self(void)
{
    int fds[2];
    u8 byte = 0;
    must(pipe(fds), "pipe");
    for (int i = 0; i < SAMPLES; i++) {
        MARK_START(ROW_pipe_self);
        int sent = write(fds[1], &byte, 1);
        int got = read(fds[0], &byte, 1);
        MARK_STOP(ROW_pipe_self);
        if (sent != 1 || got != 1)
            fail("write and read");
    }
}

/* A child writes as fast as it can; a sample is FILE_KIB KiB that the parent read. */
static void measure_pipe_bulk(void)
{
    int fds[2];
    must(pipe(fds), "pipe");
    if (must(fork(), "fork") == 0) {
        close(fds[0]);
        while (write(fds[1], buffer, CHUNK) == CHUNK)
            ;
        exit(0);
    }
    close(fds[1]);
    for (int i = 0; i < SAMPLES / 6; i++) {
        MARK_START(ROW_pipe_bulk);
        for (int left = FILE_KIB * KIB; left > 0;) {
            int got = read(fds[0], buffer, left < CHUNK ? left : CHUNK);
            if (got <= 0)
                fail("read");
            left -= got;
        }
        MARK_STOP(ROW_pipe_bulk);
    }
    close(fds[0]);
    wait(NULL);
}

/* Grows by so many pages and shrinks again; the markers are constants, hence a macro. */
#define SBRK_SAMPLES(grow_row, shrink_row, pages, samples)                                                   \
    for (int i = 0; i < (samples); i++) {                                                                    \
        MARK_START(grow_row);                                                                                \
        char *old = sbrk((pages) * (int)PAGE_SIZE);                                                          \
        MARK_STOP(grow_row);                                                                                 \
        if (old == (char *)-1)                                                                               \
            fail("sbrk");                                                                                    \
        MARK_START(shrink_row);                                                                              \
        sbrk(-(pages) * (int)PAGE_SIZE);                                                                     \
        MARK_STOP(shrink_row);                                                                               \
    }

static void measure_sbrk_grow(void)
{
    SBRK_SAMPLES(ROW_sbrk_grow, ROW_sbrk_shrink, 1, SAMPLES)
}

static void measure_sbrk_shrink(void)
{
    measure_sbrk_grow();
}

static void measure_sbrk_grow_64(void)
{
    SBRK_SAMPLES(ROW_sbrk_grow_64, ROW_sbrk_shrink_64, PAGES, SAMPLES / 2)
}

static void measure_sbrk_shrink_64(void)
{
    measure_sbrk_grow_64();
}

/* What growing alone may put off: every page is stored to once. */
static void measure_sbrk_touch(void)
{
    for (int i = 0; i < SAMPLES / 2; i++) {
        MARK_START(ROW_sbrk_touch);
        volatile char *old = sbrk(PAGES * (int)PAGE_SIZE);
        if (old == (char *)-1)
            fail("sbrk");
        for (int page = 0; page < PAGES; page++)
            old[page * (int)PAGE_SIZE] = 1;
        MARK_STOP(ROW_sbrk_touch);
        sbrk(-PAGES * (int)PAGE_SIZE);
    }
}

static void measure_create(void)
{
    for (int i = 0; i < SAMPLES / 2; i++) {
        MARK_START(ROW_create);
        int fd = open("new", O_RDWR | O_CREATE);
        int written = write(fd, buffer, 100);
        close(fd);
        int gone = unlink("new");
        MARK_STOP(ROW_create);
        if (fd < 0 || written != 100 || gone < 0)
            fail("open, write, unlink");
    }
}

static void measure_open_close(void)
{
    for (int i = 0; i < SAMPLES; i++) {
        MARK_START(ROW_open_close);
        int fd = open("small", O_RDONLY);
        close(fd);
        MARK_STOP(ROW_open_close);
        must(fd, "open");
    }
}

/* The file's first KiB, again and again: there is no seek, so it is opened anew each time. */
static void measure_read_cached(void)
{
    for (int i = 0; i < SAMPLES; i++) {
        int fd = must(open("small", O_RDONLY), "open");
        MARK_START(ROW_read_cached);
        int got = read(fd, buffer, KIB);
        MARK_STOP(ROW_read_cached);
        close(fd);
        if (got != KIB)
            fail("read");
    }
}

/* A file that nobody has read since power-on, once through. */
static void measure_read_uncached(void)
{
    int fd = must(open(READ_FILE, O_RDONLY), "open");
    int total = 0;
    int got;
    MARK_START(ROW_read_uncached);
    while ((got = read(fd, buffer, CHUNK)) > 0)
        total += got;
    MARK_STOP(ROW_read_uncached);
    if (got < 0 || total != 256 * KIB)
        fail("read");
}

static void write_kibs(int fd)
{
    for (int i = 0; i < FILE_KIB * KIB / CHUNK; i++) {
        if (write(fd, buffer, CHUNK) != CHUNK)
            fail("write");
    }
}

static void measure_write_new(void)
{
    for (int i = 0; i < SAMPLES / 6; i++) {
        unlink("written");
        int fd = must(open("written", O_RDWR | O_CREATE), "open");
        MARK_START(ROW_write_new);
        write_kibs(fd);
        MARK_STOP(ROW_write_new);
        close(fd);
    }
    unlink("written");
}

static void measure_write_over(void)
{
    int fd = must(open("over", O_RDWR | O_CREATE), "open");
    write_kibs(fd);
    close(fd);
    for (int i = 0; i < SAMPLES / 6; i++) {
        fd = must(open("over", O_RDWR), "open");
        MARK_START(ROW_write_over);
        write_kibs(fd);
        MARK_STOP(ROW_write_over);
        close(fd);
    }
    unlink("over");
}

/* A kernel without the xmap calls refuses the first, and the row has no samples. */
static void measure_xmap_map(void)
{
    xmap_region_t region;
    if (xmap_reserve(PAGE_SIZE, &region) < 0 || xmap_release(&region) < 0)
        fail("there are no xmap calls");
    for (int i = 0; i < SAMPLES; i++) {
        MARK_START(ROW_xmap_reserve);
        int reserved = xmap_reserve(PAGE_SIZE, &region);
        MARK_STOP(ROW_xmap_reserve);
        MARK_START(ROW_xmap_map);
        int mapped = xmap_map(&region, XMAP_READ | XMAP_WRITE);
        MARK_STOP(ROW_xmap_map);
        MARK_START(ROW_xmap_unmap);
        int unmapped = xmap_unmap(&region);
        MARK_STOP(ROW_xmap_unmap);
        if (reserved < 0 || mapped < 0 || unmapped < 0 || xmap_release(&region) < 0)
            fail("an xmap call was refused");
    }
}

static void measure_xmap_reserve(void)
{
    measure_xmap_map();
}

static void measure_xmap_unmap(void)
{
    measure_xmap_map();
}

/* From the fork on, with what it prints: as from a shell. The plugin leaves out the tests that the clock sets
 * the length of. */
static void measure_usertests(void)
{
    static char name[] = "usertests";
    static char quick[] = "-q";
    char *argv[] = {name, quick, NULL};
    MARK_START(ROW_usertests);
    int pid = fork();
    if (pid == 0) {
        exec(name, argv);
        exit(1);
    }
    int status = -1;
    wait(&status);
    MARK_STOP(ROW_usertests);
    if (pid < 0 || status != 0)
        fail("usertests -q did not pass");
}

static const struct {
    const char *name;
    void (*measure)(void);
} rows[] = {
#define ROW(id, name) {#name, measure_##name},
#define BOOT(id, name)
#include "user/bench/rows.def"
#undef BOOT
#undef ROW
};

/* In a child, which ends with the row: a row may also become another program. */
static void run_row(const char *name)
{
    for (u64 i = 0; i < ARRAY_SIZE(rows); i++) {
        if (strcmp(rows[i].name, name) != 0)
            continue;
        int pid = fork();
        if (pid == 0) {
            row_name = rows[i].name;
            rows[i].measure();
            exit(0);
        }
        while (pid > 0 && wait(NULL) != pid)
            ;
        if (pid < 0)
            printf("bench: %s: fork\n", name);
        return;
    }
    printf("bench: %s: there is no such row\n", name);
}

/* As init does, so that what fails can be said. */
static void open_console(void)
{
    if (open("console", O_RDWR) < 0) {
        mknod("console", CONSOLE_MAJOR, 0);
        open("console", O_RDWR);
    }
    dup(0);
    dup(0);
}

static void run_rows(int fd)
{
    char name[32];
    u64 length = 0;
    char c;
    while (read(fd, &c, 1) == 1) {
        if (c != '\n' && length + 1 < sizeof(name)) {
            name[length++] = c;
            continue;
        }
        name[length] = '\0';
        length = 0;
        run_row(name);
    }
}

int main(void)
{
    open_console();
    row_name = "rows";
    int fd = open("rows", O_RDONLY);
    if (fd < 0)
        printf("bench: the file rows is not there\n");
    else
        run_rows(fd);
    MARK_END();
    power_off(0); /* without the plugin */
    for (;;)
        pause(100);
}
