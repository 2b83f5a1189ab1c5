/* System calls about processes; numbers and arguments in abi/xv6/syscall.h. */
#include "port/log.h"
#include "port/thread.h"
#include "service/unix/calls.h"
#include "service/unix/exec.h"
#include "service/unix/file.h"

/* The child's descriptors and directory are the parent's, with references of their own. */
static enum err share_files(struct process *child, const struct process *parent)
{
    enum err err = unix_inode_get(parent->cwd);

    if (err != ERR_OK)
        return err;
    child->cwd = parent->cwd;
    for (u32 i = 0; i < NOFILE; i++) {
        if (parent->files[i] == NO_FILE)
            continue;
        unix_file_share(parent->files[i]);
        child->files[i] = parent->files[i];
    }
    return ERR_OK;
}

s64 unix_call_fork(struct process *process, const u64 *argument)
{
    struct process *child = unix_process_new(process->name, unix_process_number(process));
    u32 number;
    s32 pid;

    (void)argument;
    if (child == NULL)
        return FAILED;
    number = unix_process_number(child);
    pid = child->pid;
    child->memory = process->memory;
    if (unix_space_fork(process->memory.space, &child->memory.space) != ERR_OK)
        goto no_space;
    if (port_program_create(number, child->memory.space) != ERR_OK)
        goto no_program;
    port_program_copy(number, unix_process_number(process));
    port_program_result(number, 0);
    if (share_files(child, process) != ERR_OK)
        goto no_files;
    if (unix_process_begin(child) != ERR_OK)
        goto no_thread;
    return pid;

no_thread:
    unix_process_release(child);
no_files:
    port_program_destroy(number);
no_program:
    unix_space_destroy(child->memory.space);
no_space:
    unix_process_abandon(child);
    return FAILED;
}

s64 unix_call_exit(struct process *process, const u64 *argument)
{
    unix_process_exit(process, (s32)argument[0]);
}

s64 unix_call_wait(struct process *process, const u64 *argument)
{
    return unix_wait(process, argument[0]);
}

s64 unix_call_kill(struct process *process, const u64 *argument)
{
    (void)process;
    return unix_kill((s32)argument[0]);
}

/* The arguments are measured before the file is looked at, so that a bad vector costs little. */
s64 unix_call_exec(struct process *process, const u64 *argument)
{
    struct arguments arguments;
    char path[MAXPATH];

    if (!unix_user_string(process->memory.space, argument[0], path, sizeof(path)) ||
        unix_arguments_fetch(process, argument[1], &arguments) != ERR_OK ||
        unix_exec(process, path, &arguments) != ERR_OK)
        return FAILED;
    return arguments.count;
}

s64 unix_call_getpid(struct process *process, const u64 *argument)
{
    (void)argument;
    return process->pid;
}

/* Lazy only for exactly 2: programs of before 2025 leave anything in a1. */
s64 unix_call_sbrk(struct process *process, const u64 *argument)
{
    return unix_memory_sbrk(&process->memory, (s32)argument[0], argument[1] == SBRK_LAZY);
}

s64 unix_call_pause(struct process *process, const u64 *argument)
{
    return unix_pause(process, (s32)argument[0]);
}

s64 unix_call_uptime(struct process *process, const u64 *argument)
{
    (void)process;
    (void)argument;
    return (u32)unix_ticks();
}
