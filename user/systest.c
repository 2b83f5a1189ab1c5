/*
 * systest: what the system promises to programs, tested one promise at a time.
 *
 *     systest            all tests
 *     systest --quick    those that take a moment
 *     systest --list     their names
 *     systest NAME...    these
 *
 * A line for each test: `ok NAME` or `FAILED NAME: why`; the system's own lines
 * about programs it ended come between them. The last line is `systest: N
 * passed, N failed`, with `, N skipped` where there is no disk to test on. Exit
 * status: 0, 1 if a test failed, 2 for a name that is none.
 *
 * Each test is a process of its own; when it has ended, no page may be missing
 * and its directory must be empty. After all of them the system must have as
 * many processes, open files, inodes and blocks left as before.
 */
#include "user/systest/systest.h"

/* The slowest test takes a few seconds; what takes so many ticks has been
 * forgotten by somebody. */
#define PATIENCE 900

#define DIRECTORY "/systest.d"

static const struct test *const tables[] = {
    process_tests, kill_tests,       memory_tests, lazy_tests,    fault_tests,
    pointer_tests, descriptor_tests, pipe_tests,   file_tests,    name_tests,
    exec_tests,    xmap_tests,       race_tests,   control_tests, exhaustion_tests,
};

static u32 passed;
static u32 failed;
static u32 skipped;
static bool have_disk;

static void count(const char *name, bool well)
{
    if (well)
        printf("ok %s\n", name);
    well ? passed++ : failed++;
}

/* A test counts pages while its parent and its watcher live. So it begins only when both have said that they
 * write to no page any more that they share with it: which would take one. */
static int ready[2];

static void say_ready(void)
{
    require(write(ready[1], "r", 1) == 1, "a process says that it is ready");
}

static void wait_until_ready(void)
{
    char byte;
    for (u32 i = 0; i < 2; i++)
        require(read(ready[0], &byte, 1) == 1, "parent and watcher are ready");
    close(ready[0]);
    close(ready[1]);
}

/* The test's process. */
static void perform(u64 argument)
{
    const struct test *test = (const struct test *)argument;
    current_test = test->name;
    wait_until_ready();
    if (test->flags & NEEDS_DISK)
        require(mkdir(DIRECTORY) == 0 && chdir(DIRECTORY) == 0, "its directory can be made");
    test->run();
    equal(wait(NULL), -1, "wait after all its children");
}

static void watch(u64 pid)
{
    say_ready();
    pause(PATIENCE);
    kill((int)pid);
}

/* Runs the test; its status, and whether it had to be ended. Two children, and either may come first: the
 * other is ended then, and waited for, so that neither is there when pages are counted. */
static int status_of(const struct test *test, bool *late)
{
    int pid;
    int watcher;
    int status = 0;
    int other = 0;
    equal(pipe(ready), 0, "pipe");
    pid = spawn(perform, (u64)test);
    watcher = spawn(watch, (u64)pid);
    say_ready();
    *late = wait(&status) == watcher;
    close(ready[0]);
    close(ready[1]);
    if (!*late)
        kill(watcher);
    wait(*late ? &status : &other);
    return status;
}

/* Whatever the test left is removed; that it left something is its failure. */
static bool clean(void)
{
    bool well;
    if (chdir(DIRECTORY) != 0)
        return false;
    well = unlink(DIRECTORY) == 0;
    if (!well)
        (void)empty_directory();
    chdir("/");
    if (!well)
        unlink(DIRECTORY);
    return well;
}

/* Ticks until what a test had is free again. Nobody waits for an orphan, so it may end after its test. */
#define FREED_SOON 20

/* As many as `before`, or as many as there are when those that end have had time for it. */
static u64 pages_after(u64 before)
{
    u64 pages = free_pages();
    for (u32 i = 0; pages < before && i < FREED_SOON; i++) {
        pause(1);
        pages = free_pages();
    }
    return pages;
}

static void run(const struct test *test)
{
    bool late;
    bool tidy = true;
    u64 before;
    u64 after;
    int status;

    if ((test->flags & NEEDS_DISK) && !have_disk) {
        printf("skipped %s: there is no disk\n", test->name);
        skipped++;
        return;
    }
    current_test = test->name;
    before = free_pages();
    status = status_of(test, &late);
    if (test->flags & NEEDS_DISK)
        tidy = clean();
    after = pages_after(before);
    if (late)
        printf("FAILED %s: it did not end\n", test->name);
    else if (status != 0 && status != STATUS_SAID)
        printf("FAILED %s: it ended with status %d\n", test->name, status);
    else if (status == 0 && !tidy)
        printf("FAILED %s: it left files\n", test->name);
    else if (status == 0 && after < before)
        printf("FAILED %s: %lu pages are lost\n", test->name, before - after);
    count(test->name, status == 0 && !late && tidy && after >= before);
}

/* ---- What is counted around all tests ---- */

struct stock {
    u32 processes;
    u32 files;
    u32 inodes;
    u32 blocks;
};

/* Inodes and blocks are counted by using them all up, which takes its time. */
static struct stock take_stock(bool quick)
{
    struct stock stock = {.processes = count_free_processes(), .files = count_free_files()};
    if (have_disk && !quick) {
        stock.inodes = count_free_inodes();
        stock.blocks = count_free_blocks();
    }
    return stock;
}

static bool missing(const char *what, u32 before, u32 after)
{
    if (after >= before)
        return false;
    printf("FAILED nothing-lost: %u of %u free %s are lost\n", before - after, before, what);
    return true;
}

static void compare_stock(const struct stock *before, const struct stock *after)
{
    bool lost = missing("processes", before->processes, after->processes);
    lost |= missing("open files", before->files, after->files);
    lost |= missing("inodes", before->inodes, after->inodes);
    lost |= missing("blocks", before->blocks, after->blocks);
    count("nothing-lost", !lost);
}

/* ---- Choosing ---- */

static const struct test *find(const char *name)
{
    for (u32 i = 0; i < ARRAY_SIZE(tables); i++) {
        for (const struct test *test = tables[i]; test->name != NULL; test++) {
            if (strcmp(test->name, name) == 0)
                return test;
        }
    }
    return NULL;
}

static void list(void)
{
    for (u32 i = 0; i < ARRAY_SIZE(tables); i++) {
        for (const struct test *test = tables[i]; test->name != NULL; test++)
            printf("%s\n", test->name);
    }
}

static void run_all(bool quick)
{
    struct stock before = take_stock(quick);
    struct stock after;
    for (u32 i = 0; i < ARRAY_SIZE(tables); i++) {
        for (const struct test *test = tables[i]; test->name != NULL; test++) {
            if (!quick || !(test->flags & IS_SLOW))
                run(test);
        }
    }
    after = take_stock(quick);
    compare_stock(&before, &after);
}

/* Names are looked up before any test is run. */
static bool run_some(char **names)
{
    for (char **name = names; *name != NULL; name++) {
        if (find(*name) == NULL) {
            fprintf(2, "systest: there is no test %s\n", *name);
            return false;
        }
    }
    for (char **name = names; *name != NULL; name++)
        run(find(*name));
    return true;
}

/* An earlier run that was cut off may have left its directory. */
static bool prepare_disk(void)
{
    mkdir(DIRECTORY);
    if (chdir(DIRECTORY) != 0)
        return false;
    (void)empty_directory();
    chdir("/");
    return unlink(DIRECTORY) == 0;
}

int main(int argc, char **argv)
{
    bool quick = argc == 2 && strcmp(argv[1], "--quick") == 0;
    if (argc >= 3 && strcmp(argv[1], SYSTEST_PART) == 0)
        return play_part(argc, argv);
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        list();
        return 0;
    }
    have_disk = prepare_disk();
    if (argc <= 1 || quick)
        run_all(quick);
    else if (!run_some(argv + 1))
        return 2;
    printf("systest: %u passed, %u failed", passed, failed);
    if (skipped > 0)
        printf(", %u skipped", skipped);
    printf("\n");
    return failed > 0;
}
