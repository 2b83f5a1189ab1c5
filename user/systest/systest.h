/*
 * systest: what its files share.
 *
 * A test is a function that returns if all is well, and otherwise says so by
 * require() or equal(), which end its process. It runs in a process of its own,
 * in an empty directory if it needs the disk, and leaves neither children nor
 * files behind. References such as [1.4] are to sections of the description of
 * xv6's calls.
 */
#ifndef USER_SYSTEST_SYSTEST_H
#define USER_SYSTEST_SYSTEST_H

#include "abi/xv6/control.h"
#include "abi/xv6/dirent.h"
#include "abi/xv6/fcntl.h"
#include "abi/xv6/limits.h"
#include "abi/xv6/stat.h"
#include "abi/xv6/syscall.h"
#include "user/user.h"

#define NEEDS_NOTHING 0u
#define NEEDS_DISK    1u
#define IS_SLOW       2u /* not part of --quick */

struct test {
    const char *name; /* NULL behind the last of a table */
    void (*run)(void);
    u32 flags;
};

extern const struct test process_tests[];
extern const struct test kill_tests[];
extern const struct test memory_tests[];
extern const struct test lazy_tests[];
extern const struct test fault_tests[];
extern const struct test pointer_tests[];
extern const struct test descriptor_tests[];
extern const struct test pipe_tests[];
extern const struct test file_tests[];
extern const struct test name_tests[];
extern const struct test exec_tests[];
extern const struct test xmap_tests[];
extern const struct test race_tests[];
extern const struct test exhaustion_tests[];
extern const struct test control_tests[];

/* The program's own place on the disk, and the argument that makes it play a
 * part for a test of exec. */
#define SYSTEST_PATH "/systest"
#define SYSTEST_PART "--part"

/* Plays the part of argv[2]; the result is the exit status (exec.c). */
int play_part(int argc, char **argv);

/* ---- Verdicts (report.c) ---- */

/* The status of a process that has said already what is wrong: its parents pass it on in silence. No test
 * uses it for anything else. */
#define STATUS_SAID 0x5a1d

extern const char *current_test;

/* Ends the process, saying `what` was expected in vain. */
void require(bool well, const char *what);
void equal(s64 got, s64 wanted, const char *what);

/* ---- Processes (report.c) ---- */

/* Forks; the child does `deed` and exits 0. The child's pid. */
int spawn(void (*deed)(u64), u64 argument);

/* Waits for the only child, which is `pid`; its status. */
int end_of(int pid);

/* Both together: how a process ends that does `deed`. */
int fate_of(void (*deed)(u64), u64 argument);

/* Ticks that something may take which another process does at once. */
#define SOON 50

/* Returns when process `pid` is in this state and waits for this: what it is
 * like then. Only then it is known to be there, however busy the computer is. */
struct process_status await(int pid, int state, int wait);

/* The status of a process that the system ended. */
#define ENDED (-1)

/* ---- Memory (report.c) ---- */

/* Pages that programs may still have. */
u64 free_pages(void);

/* Any address of the running stack's page, and the addresses that no program
 * has [1.2]. */
u64 stack_page(void);
#define BAD_ADDRESSES 11u
extern const u64 bad_addresses[BAD_ADDRESSES];

/* A pointer to any address, of which the compiler knows nothing. */
void *pointer_to(u64 address);

/* A system call by its bare number, with three arguments. */
s64 raw_call(u64 number, u64 a0, u64 a1, u64 a2);

/* ---- Files (report.c) ---- */

#define BLOCK         1024
#define FILE_SIZE_MAX (268 * BLOCK)

#define BUFFER_SIZE 16384
extern char buffer[BUFFER_SIZE]; /* a page-aligned one for all: the stack is one page */

/* Makes `name` a file with these bytes. */
void make_file(const char *name, const void *bytes, int length);
/* Whether there is such a file or directory. */
bool exists(const char *name);
struct stat stat_of(const char *name);
/* Opens or ends the test. */
int open_well(const char *name, int mode);
/* "PREFIXn" in one of four static buffers, in turn. */
const char *numbered(const char *prefix, u32 n);

/* Removes what is in the current directory, with two levels of directories
 * below it. False if something stays. */
bool empty_directory(void);

/* ---- What the system has left (exhaustion.c) ---- */

u32 count_free_processes(void);
u32 count_free_files(void);
u32 count_free_inodes(void);
u32 count_free_blocks(void);

#endif
