/* The process table and what changes it; see process.h for the states and the order of locks. */
#include "service/unix/process.h"
#include "lib/string.h"
#include "port/console.h"
#include "port/fs.h"
#include "port/log.h"
#include "port/system.h"
#include "port/thread.h"
#include "port/time.h"
#include "service/unix/file.h"

#define TICK (100 * PORT_MILLISECOND)

struct unix_table unix_table;

static void lock(void)
{
    port_lock_acquire(&unix_table.lock);
}

static void unlock(void)
{
    port_lock_release(&unix_table.lock);
}

void unix_process_init(void)
{
    port_lock_init(&unix_table.lock, "processes");
    unix_table.next_pid = 1;
    for (u32 i = 0; i < PORT_PROGRAMS; i++) {
        unix_table.processes[i].state = PROCESS_FREE;
        port_queue_init(&unix_table.processes[i].changed, "process");
    }
}

u32 unix_process_number(const struct process *process)
{
    return (u32)(process - unix_table.processes);
}

static bool in_use(s32 pid)
{
    bool found = false;

    for (u32 i = 0; i < PORT_PROGRAMS; i++)
        found |= unix_table.processes[i].state != PROCESS_FREE && unix_table.processes[i].pid == pid;
    return found;
}

/* They begin anew at 2 one day, and from then on go past those in use. Under the lock. */
static s32 fresh_pid(void)
{
    s32 pid;

    do {
        pid = unix_table.next_pid;
        unix_table.next_pid = pid == INT32_MAX ? 2 : pid + 1;
        unix_table.pids_again |= pid == INT32_MAX;
    } while (unix_table.pids_again && in_use(pid));
    return pid;
}

struct process *unix_process_new(const char *name, u32 parent)
{
    struct process *found = NULL;

    lock();
    for (u32 i = 0; i < PORT_PROGRAMS && found == NULL; i++) {
        if (unix_table.processes[i].state == PROCESS_FREE)
            found = &unix_table.processes[i];
    }
    if (found != NULL) {
        found->pid = fresh_pid();
        found->state = PROCESS_NEW;
        found->wait = WAIT_NONE;
        found->status = 0;
        found->parent = parent;
        found->killed = false;
        (void)string_copy(found->name, name, sizeof(found->name));
    }
    unlock();
    if (found == NULL)
        return NULL;
    found->memory = (struct memory){0};
    found->cwd = 0;
    found->slots_lent = false;
    for (u32 i = 0; i < NOFILE; i++)
        found->files[i] = NO_FILE;
    return found;
}

static void set_state(struct process *process, enum process_state state)
{
    lock();
    process->state = state;
    unlock();
}

/* LIVE before the thread runs, as its first deed may be to end. */
enum err unix_process_begin(struct process *process)
{
    enum err err;

    set_state(process, PROCESS_LIVE);
    err = port_thread_start(process->name, unix_run, process);
    if (err != ERR_OK)
        set_state(process, PROCESS_NEW);
    return err;
}

void unix_process_abandon(struct process *process)
{
    set_state(process, PROCESS_FREE);
}

void unix_process_release(struct process *process)
{
    for (u32 i = 0; i < NOFILE; i++) {
        if (process->files[i] != NO_FILE)
            unix_file_close(process->files[i]);
        process->files[i] = NO_FILE;
    }
    if (process->cwd != 0)
        unix_inode_put(process->cwd);
    process->cwd = 0;
    if (process->slots_lent)
        (void)repeat_patiently(fs_slots_return(process->slots));
    process->slots_lent = false;
}

/* Nobody is left to wait for the children of `number`: zombies end for good, the others will do so by
 * themselves. */
static void orphan_children_locked(u32 number)
{
    for (u32 i = 0; i < PORT_PROGRAMS; i++) {
        struct process *child = &unix_table.processes[i];

        if (child->state == PROCESS_FREE || child->parent != number)
            continue;
        child->parent = NO_PROCESS;
        if (child->state == PROCESS_ZOMBIE)
            child->state = PROCESS_FREE;
    }
}

static void end_of_process_1(s32 status)
{
    if (unix_table.run_mode) {
        (void)fs_sync();
        port_power_off(status == 0 ? EXIT_CLEAN : EXIT_TEST_FAILED);
    }
    port_fatal("init exiting");
}

/*
 * The order matters: what others can notice (files, memory) is given back before the parent can see the
 * zombie. EXITING comes before the program is gone, since kill interrupts the programs of LIVE processes
 * only.
 */
void unix_process_exit(struct process *process, s32 status)
{
    u32 number = unix_process_number(process);

    if (process->pid == 1)
        end_of_process_1(status);
    unix_process_release(process);
    set_state(process, PROCESS_EXITING);
    port_program_destroy(number);
    unix_space_destroy(process->memory.space);

    lock();
    orphan_children_locked(number);
    process->status = status;
    if (process->parent == NO_PROCESS) {
        process->state = PROCESS_FREE;
    } else {
        process->state = PROCESS_ZOMBIE;
        port_wake_all(&unix_table.processes[process->parent].changed);
    }
    unlock();
    port_thread_exit();
}

/* ---- Waiting and being killed ---- */

bool unix_wait_begin(struct process *process, enum process_wait wait, u32 pipe)
{
    bool killed;

    lock();
    killed = process->killed;
    if (!killed) {
        process->wait = wait;
        process->wait_pipe = pipe;
    }
    unlock();
    return !killed;
}

void unix_wait_end(struct process *process)
{
    lock();
    process->wait = WAIT_NONE;
    unlock();
}

static struct process *find_locked(s32 pid)
{
    for (u32 i = 0; i < PORT_PROGRAMS; i++) {
        if (unix_table.processes[i].state != PROCESS_FREE && unix_table.processes[i].pid == pid)
            return &unix_table.processes[i];
    }
    return NULL;
}

/*
 * No wake-up is lost. The victim decides to wait by unix_wait_begin(), under the table's lock, while holding
 * the lock of the place. Either that comes before us: then we see `wait`, and by taking the place's lock we
 * come after the victim has begun to wait. Or it comes after us: then it sees `killed`. If the victim has
 * long gone on, those at the place are woken for nothing, look, and wait again; a reader of the console
 * cancelled for nothing asks again (device.c).
 */
s64 unix_kill(s32 pid)
{
    struct process *victim;
    enum process_wait wait;
    u32 pipe;

    if (pid <= 1)
        return -1;
    lock();
    victim = find_locked(pid);
    if (victim == NULL) {
        unlock();
        return -1;
    }
    __atomic_store_n(&victim->killed, true, __ATOMIC_RELAXED);
    if (victim->state == PROCESS_LIVE)
        port_program_interrupt(unix_process_number(victim));
    port_wake_all(&victim->changed);
    wait = victim->wait;
    pipe = victim->wait_pipe;
    unlock();

    if (wait == WAIT_PIPE)
        unix_pipe_wake(pipe);
    if (wait == WAIT_CONSOLE)
        (void)repeat_once(cons_cancel(unix_process_number(victim)));
    return 0;
}

/* The first zombie among the children, or NULL; `any` says whether there are children at all. */
static struct process *find_zombie_locked(u32 parent, bool *any)
{
    *any = false;
    for (u32 i = 0; i < PORT_PROGRAMS; i++) {
        struct process *child = &unix_table.processes[i];

        if (child->state == PROCESS_FREE || child->parent != parent)
            continue;
        *any = true;
        if (child->state == PROCESS_ZOMBIE)
            return child;
    }
    return NULL;
}

static struct process *wait_for_zombie(struct process *process)
{
    struct process *child;
    bool any;

    lock();
    for (;;) {
        child = find_zombie_locked(unix_process_number(process), &any);
        if (child != NULL || !any || process->killed)
            break;
        process->wait = WAIT_CHILD;
        (void)port_wait(&process->changed, &unix_table.lock, PORT_FOREVER);
        process->wait = WAIT_NONE;
    }
    unlock();
    return child;
}

/* The zombie stays what it is while its status is copied: only its parent, this thread, can change it. */
s64 unix_wait(struct process *process, uaddr status)
{
    struct process *child = wait_for_zombie(process);
    s64 pid;

    if (child == NULL)
        return -1;
    pid = child->pid;
    if (status != 0 && unix_user_write(process->memory.space, status, &child->status,
                                       sizeof(child->status)) != sizeof(child->status))
        return -1;
    set_state(child, PROCESS_FREE);
    return pid;
}

u64 unix_ticks(void)
{
    return port_now() / TICK;
}

s64 unix_pause(struct process *process, s32 ticks)
{
    u64 until = (unix_ticks() + (ticks > 0 ? (u64)ticks : 0)) * TICK;
    bool killed;

    lock();
    while (!process->killed && port_now() < until) {
        process->wait = WAIT_TIME;
        (void)port_wait(&process->changed, &unix_table.lock, until);
        process->wait = WAIT_NONE;
    }
    killed = process->killed;
    unlock();
    return killed ? -1 : 0;
}

/* ---- What ^P and ps show ---- */

static enum program_state state_of(const struct process *process)
{
    switch (process->state) {
    case PROCESS_NEW:
        return PROGRAM_NEW;
    case PROCESS_LIVE:
        return process->wait == WAIT_NONE ? PROGRAM_RUNS : PROGRAM_SLEEPS;
    case PROCESS_EXITING:
        return PROGRAM_ENDING;
    default:
        return PROGRAM_ZOMBIE;
    }
}

static enum program_wait wait_of(const struct process *process)
{
    static const u8 waits[] = {
        [WAIT_NONE] = PROGRAM_NO_WAIT,         [WAIT_CHILD] = PROGRAM_WAIT_CHILD,
        [WAIT_TIME] = PROGRAM_WAIT_TIME,       [WAIT_PIPE] = PROGRAM_WAIT_PIPE,
        [WAIT_CONSOLE] = PROGRAM_WAIT_CONSOLE,
    };

    return process->state == PROCESS_LIVE ? (enum program_wait)waits[process->wait] : PROGRAM_NO_WAIT;
}

/* The size is its own thread's to change, which takes no lock for that: one word, so it is the old or the new
 * one. What a zombie had is given back. */
static u64 size_of(const struct process *process)
{
    if (process->state != PROCESS_LIVE)
        return 0;
    return __atomic_load_n(&process->memory.size, __ATOMIC_RELAXED);
}

void unix_process_look(u32 number, struct process_status *status)
{
    const struct process *process = &unix_table.processes[number];

    *status = (struct process_status){0};
    lock();
    if (process->state != PROCESS_FREE) {
        status->pid = process->pid;
        status->parent = process->parent == NO_PROCESS ? 0 : unix_table.processes[process->parent].pid;
        status->state = (int)state_of(process);
        status->wait = (int)wait_of(process);
        status->pipe = process->wait == WAIT_PIPE ? (int)process->wait_pipe : 0;
        status->memory = size_of(process);
        (void)string_copy(status->name, process->name, sizeof(status->name));
    }
    unlock();
}

/* xv6's line, and behind it what the process waits for. Each is taken under the lock and printed without it,
 * so the lines are not of one instant. */
void unix_process_list(void)
{
    static const char *const states[PROGRAM_STATES] = {
        [PROGRAM_NEW] = "used",      [PROGRAM_RUNS] = "run   ",   [PROGRAM_SLEEPS] = "sleep ",
        [PROGRAM_ENDING] = "run   ", [PROGRAM_ZOMBIE] = "zombie",
    };
    static const char *const waits[PROGRAM_WAITS] = {
        [PROGRAM_NO_WAIT] = "",
        [PROGRAM_WAIT_CHILD] = " (a child)",
        [PROGRAM_WAIT_TIME] = " (time)",
        [PROGRAM_WAIT_PIPE] = " (a pipe)",
        [PROGRAM_WAIT_CONSOLE] = " (the console)",
    };

    unix_say("\n");
    for (u32 i = 0; i < PORT_PROGRAMS; i++) {
        struct process_status status;

        unix_process_look(i, &status);
        if (status.pid != 0)
            unix_say("%d %s %s%s\n", status.pid, states[status.state], status.name, waits[status.wait]);
    }
}
