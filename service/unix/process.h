/*
 * Processes: the table, what each entry holds, and the life of an entry.
 *
 *   FREE ---> NEW        unix_process_new(): a slot and a pid; only its maker touches the rest
 *   NEW ----> LIVE       unix_process_begin(): its own thread runs it from now on
 *   NEW ----> FREE       unix_process_abandon(): fork or start has failed
 *   LIVE ---> EXITING    its thread releases what it holds; the program must not be interrupted any more
 *   EXITING > ZOMBIE     only pid and status are left, for wait
 *   EXITING > FREE       nobody is left who could wait: orphans are not given to process 1 but end for good
 *                        at once, so that a slow init delays nobody
 *   ZOMBIE -> FREE       by wait, or when the parent ends
 *
 * A process's number, its place in the table, is its program's number in port/program.h and its reader's
 * number in port/console.h.
 *
 * Lock order in this service, outermost first. Each may be held while a lock to its right is taken:
 *
 *   file->io  >  a content lock (inode.c)  >  the lock of spaces (space.c)  >  unix_table.lock
 *   pipe->lock  >  unix_table.lock
 *
 * A holder of the first four may call xmap, and a holder of file->io or a content lock also fs; never
 * console. A holder of unix_table.lock calls no other service. Kill takes unix_table.lock, gives it back, and
 * only then takes a pipe's.
 */
#ifndef SERVICE_UNIX_PROCESS_H
#define SERVICE_UNIX_PROCESS_H

#include "abi/xv6/control.h"
#include "abi/xv6/limits.h"
#include "port/fs.h"
#include "port/program.h"
#include "port/request.h"
#include "port/sync.h"
#include "service/unix/memory.h"

#define NO_PROCESS PORT_PROGRAMS
#define NO_FILE    (~0u)

/* Codes of port_power_off(), as the host's exit table has them: the second says that a test, or the program
 * run instead of init, has failed. */
#define EXIT_CLEAN       0u
#define EXIT_TEST_FAILED 11u

#define PROCESS_NAME_SIZE 16 /* xv6's: 15 characters and the NUL */

enum process_state {
    PROCESS_FREE,
    PROCESS_NEW,
    PROCESS_LIVE,
    PROCESS_EXITING,
    PROCESS_ZOMBIE,
};

/* What a process waits for without limit: where kill must wake it. */
enum process_wait {
    WAIT_NONE,
    WAIT_CHILD,   /* for a child's end, on its own queue */
    WAIT_TIME,    /* until a time, on its own queue */
    WAIT_PIPE,    /* on a queue of pipe `wait_pipe` */
    WAIT_CONSOLE, /* in cons_read() */
};

struct process {
    /* under unix_table.lock */
    enum process_state state;
    enum process_wait wait;
    u32 wait_pipe;
    s32 pid;
    s32 status;                /* a zombie's */
    u32 parent;                /* NO_PROCESS: nobody will wait for it */
    bool killed;               /* goes from false to true once; its own thread may read it without the lock */
    struct port_queue changed; /* its own thread waits here; woken by a child's end and by kill */
    char name[PROCESS_NAME_SIZE];

    /* its own thread's alone; its maker's while NEW */
    struct memory memory;
    u64 cwd;           /* an inode it holds a reference to */
    u32 files[NOFILE]; /* numbers of open files, or NO_FILE */
    bool slots_lent;   /* fs has lent `slots` (unix_inode_file_write); kept until exit */
    u64 slots;
};

extern struct unix_table {
    struct port_lock lock;
    struct process processes[PORT_PROGRAMS];
    s32 next_pid;
    bool pids_again; /* INT32_MAX has been given away */
    bool run_mode;   /* boot argument run=PROGRAM; constant after unix_start() */
} unix_table;

/* Evaluates a call to another service once more, as the same request (port/request.h), if that service died
 * in it. Only for calls that may be repeated. */
#define repeat_once(call)                                                                                    \
    ({                                                                                                       \
        enum err first_ = (call);                                                                            \
        first_ == ERR_PEER_RESTARTED ? (port_request_again(), (call)) : first_;                              \
    })

/* The same, made up to four times, for calls that must not fail: one that gives something back, which nobody
 * would take otherwise until the next start; fs_slots_lend(), which names no inode and so cannot be asked about
 * (see below); xmap_pin(), whose pin nobody would drop; and a page fault, whose error is the program's end. A
 * service may die in its own recovery, before it has received what waits for it, so two deaths do not blame
 * the request. One that kills whoever receives it ends here, before the service is given up.
 */
#define PATIENT_TRIES 4u
#define repeat_patiently(call)                                                                               \
    ({                                                                                                       \
        enum err last_ = (call);                                                                             \
        for (u32 try_ = 1; last_ == ERR_PEER_RESTARTED && try_ < PATIENT_TRIES; try_++) {                    \
            port_request_again();                                                                            \
            last_ = (call);                                                                                  \
        }                                                                                                    \
        last_;                                                                                               \
    })

/*
 * The same as repeat_once() for a request of fs that has an effect. If fs has died twice in it, the error
 * alone would leave us in the dark: what it had taken for us nobody would ever give back. So fs is asked.
 * What was done has succeeded; after ERR_PEER_RESTARTED nothing was done and nothing is held, unless all
 * answers to the question were lost as well. `answer`: where the operation's first out value goes; NULL if it
 * has none.
 */
#define repeat_or_ask(call, operation, answer)                                                               \
    ({                                                                                                       \
        enum err first_ = (call);                                                                            \
        first_ == ERR_PEER_RESTARTED ? (port_request_again(), unix_ask((call), operation, answer)) : first_; \
    })

/* `err` is what that operation of fs returned to the calling thread. If that is ERR_PEER_RESTARTED asks what
 * became of it, if it was the thread's last call, else nothing (port/request.h): ERR_OK with its answer, or
 * the same error (ask.c). */
enum err unix_ask(enum err err, enum fs_operation operation, u64 *answer);

void unix_process_init(void);

/* The process's number in the table. */
u32 unix_process_number(const struct process *process);

/* A NEW entry without memory, files or directory; NULL if the table is full. */
struct process *unix_process_new(const char *name, u32 parent);

/* Makes it LIVE and starts its thread, which continues its program. Its memory, program, files and directory
 * are set. On an error nothing has changed: it is still NEW. */
enum err unix_process_begin(struct process *process);

/* Gives a NEW entry back. It holds nothing any more. */
void unix_process_abandon(struct process *process);

/* Releases descriptors, directory and lent slots. By its own thread, or its maker while NEW. */
void unix_process_release(struct process *process);

/* Ends the calling thread's process, with everything it holds, before its parent can see it. The end of
 * process 1 is the end of the machine in run mode, and of the service otherwise. */
_Noreturn void unix_process_exit(struct process *process, s32 status);

/* Whether somebody killed it. By its own thread, without a lock: the answer may be late by one call. Asked
 * twice in every call, so it is no call itself. */
static inline bool unix_killed(const struct process *process)
{
    return __atomic_load_n(&process->killed, __ATOMIC_RELAXED);
}

/*
 * Around every unbounded wait that is not on process->changed. unix_wait_begin() refuses (false) if the
 * process is killed. Otherwise whoever kills it later sees `wait` and wakes that place; for this the caller
 * holds the lock of the place it will wait at (a pipe's) from before unix_wait_begin() until it waits. For
 * the console: cons_cancel() is remembered.
 */
bool unix_wait_begin(struct process *process, enum process_wait wait, u32 pipe);
void unix_wait_end(struct process *process);

/* 0, or -1 if no process has that pid, or it is process 1. */
s64 unix_kill(s32 pid);

/* Waits for a child's end, in the order of the table. Stores its status at `status` unless that is 0. Its
 * pid, or -1: no children, killed, or the store failed (then the zombie stays). */
s64 unix_wait(struct process *process, uaddr status);

/* Until the tick counter has advanced by `ticks`, or the process is killed (-1). */
s64 unix_pause(struct process *process, s32 ticks);

/* Ticks since boot. */
u64 unix_ticks(void);

/* Entry `number` as it is now; pid 0 if it is free. Any thread may look. */
void unix_process_look(u32 number, struct process_status *status);

/* Prints all processes to the console: what ^P asks for. */
void unix_process_list(void);

/* The life of a process's thread (run.c). `process` is a struct process. */
void unix_run(void *process);

/* Prints on the console; if that is not possible, to the log. For one or two lines of text. */
void unix_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
