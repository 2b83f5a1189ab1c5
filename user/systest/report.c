/* What every test uses: verdicts, children, files. */
#include "lib/format.h"
#include "user/systest/systest.h"

const char *current_test = "systest";
char buffer[BUFFER_SIZE] __attribute__((aligned(4096)));

/* Beyond the break, kernel addresses of xv6, the two top pages, beyond 2^38,
 * and no address at all [1.2]. */
const u64 bad_addresses[BAD_ADDRESSES] = {
    0x80000000ul,   0xfffffffful,   0xfffffffffful, 0x3fffffc000ul,       0x3fffffd000ul, 0x3fffffe000ul,
    0x3ffffff000ul, 0x4000000000ul, 0x8000000000ul, 0xeaeb0b5b00002f5eul, ~0ul,
};

void require(bool well, const char *what)
{
    if (well)
        return;
    printf("FAILED %s: %s\n", current_test, what);
    exit(STATUS_SAID);
}

void equal(s64 got, s64 wanted, const char *what)
{
    if (got == wanted)
        return;
    printf("FAILED %s: %s: %ld, expected %ld\n", current_test, what, got, wanted);
    exit(STATUS_SAID);
}

int spawn(void (*deed)(u64), u64 argument)
{
    int pid = fork();
    if (pid == 0) {
        deed(argument);
        exit(0);
    }
    require(pid > 0, "fork");
    return pid;
}

int end_of(int pid)
{
    int status = 0;
    int ended = wait(&status);
    if (status == STATUS_SAID)
        exit(STATUS_SAID);
    equal(ended, pid, "wait returns the child");
    return status;
}

int fate_of(void (*deed)(u64), u64 argument)
{
    return end_of(spawn(deed, argument));
}

struct process_status await(int pid, int state, int wait)
{
    struct process_status process;
    for (u32 i = 0; i < SOON; i++) {
        for (int n = 0; process_info(n, &process) == 0; n++) {
            if (process.pid == pid && process.state == state && process.wait == wait)
                return process;
        }
        pause(1);
    }
    require(false, "a process comes to the state expected");
    return process;
}

u64 free_pages(void)
{
    u64 pages[3];
    equal(xmap_usage(pages), 0, "xmap_usage");
    return pages[0];
}

u64 stack_page(void)
{
    return round_down((u64)__builtin_frame_address(0), PAGE_SIZE);
}

void *pointer_to(u64 address)
{
    __asm__("" : "+r"(address));
    return (void *)address;
}

s64 raw_call(u64 number, u64 a0, u64 a1, u64 a2)
{
    register u64 r7 __asm__("a7") = number;
    register u64 r0 __asm__("a0") = a0;
    register u64 r1 __asm__("a1") = a1;
    register u64 r2 __asm__("a2") = a2;
    __asm__ volatile("ecall" : "+r"(r0) : "r"(r7), "r"(r1), "r"(r2) : "memory");
    return (s64)r0;
}

void make_file(const char *name, const void *bytes, int length)
{
    int fd = open_well(name, O_WRONLY | O_CREATE | O_TRUNC);
    equal(write(fd, bytes, length), length, "bytes written to a new file");
    equal(close(fd), 0, "close");
}

bool exists(const char *name)
{
    int fd = open(name, O_RDONLY);
    if (fd < 0)
        return false;
    close(fd);
    return true;
}

struct stat stat_of(const char *name)
{
    struct stat st;
    int fd = open_well(name, O_RDONLY);
    equal(fstat(fd, &st), 0, "fstat");
    close(fd);
    return st;
}

int open_well(const char *name, int mode)
{
    int fd = open(name, mode);
    require(fd >= 0, name);
    return fd;
}

const char *numbered(const char *prefix, u32 n)
{
    static char names[4][32];
    static u32 next;
    char *name = names[next++ % ARRAY_SIZE(names)];
    format_string(name, sizeof(names[0]), "%s%u", prefix, n);
    return name;
}

/* Names of up to DIRSIZ bytes need not have a NUL in a record. */
static void name_of(const struct dirent *record, char name[DIRSIZ + 1])
{
    memcpy(name, record->name, DIRSIZ);
    name[DIRSIZ] = '\0';
}

/* Goes down three directories at most, which is deeper than any test leaves
 * something in. */
static bool empty_to_depth(u32 depth)
{
    struct dirent record;
    char name[DIRSIZ + 1];
    bool well = true;
    int fd = open(".", O_RDONLY);
    if (fd < 0)
        return false;
    while (read(fd, &record, sizeof(record)) == (int)sizeof(record)) {
        name_of(&record, name);
        if (record.inum == 0 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || unlink(name) == 0)
            continue;
        if (depth > 0 && chdir(name) == 0) {
            (void)empty_to_depth(depth - 1);
            well = chdir("..") == 0 && well;
        }
        well = unlink(name) == 0 && well;
    }
    close(fd);
    return well;
}

bool empty_directory(void)
{
    return empty_to_depth(2);
}
