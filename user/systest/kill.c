/* kill, wherever its victim is [1.3, kill]. */
#include "user/systest/systest.h"

static void nothing(u64 unused)
{
    (void)unused;
}

static void spin(u64 unused)
{
    (void)unused;
    for (;;)
        __asm__ volatile("");
}

static void call_for_ever(u64 unused)
{
    (void)unused;
    for (;;)
        getpid();
}

static void pause_for_ever(u64 unused)
{
    (void)unused;
    pause(1 << 30);
}

static void wait_for_ever(u64 unused)
{
    int child;
    (void)unused;
    child = fork();
    if (child == 0)
        pause(20);
    else
        wait(NULL);
    exit(9);
}

static void read_pipe(u64 fd)
{
    char byte;
    read((int)fd, &byte, 1);
    exit(9);
}

static void write_pipe(u64 fd)
{
    write((int)fd, buffer, 2000);
    exit(9);
}

static void read_console(u64 fd)
{
    char byte;
    read((int)fd, &byte, 1);
    exit(9);
}

/* No process has these, and process 1 is not to be killed [1.3; 2 row 6; 11
 * point 19]. */
static void kill_refused(void)
{
    equal(kill(0), -1, "kill(0)");
    equal(kill(-1), -1, "kill(-1)");
    equal(kill(1), -1, "kill(1)");
    equal(kill(0x7fffffff), -1, "kill of a pid nobody has");
    equal(fate_of(nothing, 0), 0, "the process after kill(0)");
}

static void kill_now(int pid, const char *what)
{
    equal(kill(pid), 0, "kill");
    equal(end_of(pid), ENDED, what);
    equal(kill(pid), -1, "kill of a pid that was waited for");
}

static void kill_in(void (*deed)(u64), u64 argument, int ticks, const char *what)
{
    int pid = spawn(deed, argument);
    pause(ticks);
    kill_now(pid, what);
}

/* The victim is killed where it waits for this, and not on its way there. */
static void kill_waiting_for(int wait, void (*deed)(u64), u64 argument, const char *what)
{
    int pid = spawn(deed, argument);
    (void)await(pid, PROGRAM_SLEEPS, wait);
    kill_now(pid, what);
}

static void kill_spinning(void)
{
    kill_in(spin, 0, 1, "the status of a program killed in a loop");
}

static void kill_calling(void)
{
    for (u32 i = 0; i < 10; i++)
        kill_in(call_for_ever, 0, 0, "the status of a program killed between calls");
}

static void kill_pausing(void)
{
    kill_waiting_for(PROGRAM_WAIT_TIME, pause_for_ever, 0, "the status of a program killed in pause");
}

/* The child that is waited for lives on, and ends by itself. */
static void kill_waiting(void)
{
    kill_waiting_for(PROGRAM_WAIT_CHILD, wait_for_ever, 0, "the status of a program killed in wait");
    pause(23);
}

static void kill_reading_pipe(void)
{
    int fds[2];
    equal(pipe(fds), 0, "pipe");
    kill_waiting_for(PROGRAM_WAIT_PIPE, read_pipe, (u64)fds[0], "the status of a reader of an empty pipe");
    equal(write(fds[1], "x", 1), 1, "the pipe still takes bytes");
}

static void kill_writing_pipe(void)
{
    int fds[2];
    equal(pipe(fds), 0, "pipe");
    kill_waiting_for(PROGRAM_WAIT_PIPE, write_pipe, (u64)fds[1], "the status of a writer to a full pipe");
    equal(read(fds[0], buffer, 600), 512, "what it wrote is still there");
}

static void kill_reading_console(void)
{
    int fd;
    equal(mknod("console", CONSOLE_MAJOR, 0), 0, "mknod");
    fd = open_well("console", O_RDWR);
    kill_waiting_for(PROGRAM_WAIT_CONSOLE, read_console, (u64)fd, "the status of a reader of the console");
    equal(unlink("console"), 0, "unlink");
}

static void kill_self(u64 unused)
{
    (void)unused;
    kill(getpid());
    exit(3);
}

/* The kill comes first, whatever the program wanted its status to be. */
static void kill_oneself(void)
{
    equal(fate_of(kill_self, 0), ENDED, "the status after kill of oneself and exit(3)");
}

static void exit_7(u64 unused)
{
    (void)unused;
    exit(7);
}

/* A zombie can be killed, and keeps its status. */
static void kill_zombie(void)
{
    int pid = spawn(exit_7, 0);
    (void)await(pid, PROGRAM_ZOMBIE, PROGRAM_NO_WAIT);
    equal(kill(pid), 0, "kill of a zombie");
    equal(end_of(pid), 7, "its status");
}

static void open_for_ever(u64 unused)
{
    (void)unused;
    for (;;) {
        int fd = open("a", O_CREATE | O_RDWR);
        write(fd, "0123456789", 10);
        close(fd);
        unlink("a");
    }
}

/* A file operation is never torn by a kill: the file is there with a whole
 * write, or not [1.3, kill]. */
static void kill_in_files(void)
{
    for (u32 i = 0; i < 15; i++) {
        int pid = spawn(open_for_ever, 0);
        for (u32 j = 0; j < i * 3; j++)
            getpid();
        if (i % 5 == 0)
            pause(1);
        kill(pid);
        equal(end_of(pid), ENDED, "the status");
        if (exists("a")) {
            u64 size = stat_of("a").size;
            require(size == 0 || size == 10, "the file has no torn write");
            equal(unlink("a"), 0, "unlink");
        }
    }
}

static void fork_and_pause(u64 fd)
{
    if (fork() == 0)
        write((int)fd, "", 1);
    pause(10);
}

/* Children of a killed process are not killed with it. */
static void kill_spares_children(void)
{
    char byte;
    int fds[2];
    equal(pipe(fds), 0, "pipe");
    u64 before = free_pages();
    int pid = spawn(fork_and_pause, (u64)fds[1]);
    equal(read(fds[0], &byte, 1), 1, "a byte from the child");
    equal(kill(pid), 0, "kill of a parent");
    equal(end_of(pid), ENDED, "its status");
    require(free_pages() < before, "its child still lives");
    pause(13);
}

const struct test kill_tests[] = {
    {"kill-refused", kill_refused, NEEDS_NOTHING},
    {"kill-spinning", kill_spinning, NEEDS_NOTHING},
    {"kill-calling", kill_calling, NEEDS_NOTHING},
    {"kill-pausing", kill_pausing, NEEDS_NOTHING},
    {"kill-waiting", kill_waiting, IS_SLOW},
    {"kill-reading-pipe", kill_reading_pipe, NEEDS_NOTHING},
    {"kill-writing-pipe", kill_writing_pipe, NEEDS_NOTHING},
    {"kill-reading-console", kill_reading_console, NEEDS_DISK},
    {"kill-oneself", kill_oneself, NEEDS_NOTHING},
    {"kill-zombie", kill_zombie, NEEDS_NOTHING},
    {"kill-in-files", kill_in_files, NEEDS_DISK},
    {"kill-spares-children", kill_spares_children, IS_SLOW},
    {NULL, NULL, 0},
};
