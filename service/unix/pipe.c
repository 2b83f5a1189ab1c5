/*
 * Pipes: 512 bytes between two open files.
 *
 * written - taken <= PIPE_SIZE; both counts only grow. A byte's place is its count modulo the size.
 *
 * Locking: unix_table.lock guards which pipes are in use; pipe->lock all the rest. Its holder may call xmap
 * (a program's page is pinned while bytes are moved), and waits only on the pipe's own queues.
 */
#include "lib/string.h"
#include "port/xmap.h"
#include "service/unix/file.h"

#define PIPE_SIZE 512u

struct pipe {
    bool used;
    struct port_lock lock;
    struct port_queue readers; /* wait for bytes, or for the last writer to go */
    struct port_queue writers; /* wait for room, or for the last reader to go */
    bool read_open;
    bool write_open;
    u64 taken;
    u64 written;
    u8 bytes[PIPE_SIZE];
};

static struct pipe pipes[PIPES];

void unix_pipe_init(void)
{
    for (u32 i = 0; i < PIPES; i++) {
        pipes[i].used = false;
        port_lock_init(&pipes[i].lock, "pipe");
        port_queue_init(&pipes[i].readers, "pipe readers");
        port_queue_init(&pipes[i].writers, "pipe writers");
    }
}

u32 unix_pipe_new(void)
{
    u32 number = 0;

    port_lock_acquire(&unix_table.lock);
    while (number < PIPES && pipes[number].used)
        number++;
    if (number < PIPES)
        pipes[number].used = true;
    port_lock_release(&unix_table.lock);
    if (number == PIPES)
        return NO_FILE;
    pipes[number].read_open = true;
    pipes[number].write_open = true;
    pipes[number].taken = 0;
    pipes[number].written = 0;
    return number;
}

static void wake_locked(struct pipe *pipe)
{
    port_wake_all(&pipe->readers);
    port_wake_all(&pipe->writers);
}

void unix_pipe_close(u32 number, bool write_end)
{
    struct pipe *pipe = &pipes[number];

    port_lock_acquire(&pipe->lock);
    if (write_end)
        pipe->write_open = false;
    else
        pipe->read_open = false;
    wake_locked(pipe);
    if (!pipe->read_open && !pipe->write_open) {
        port_lock_acquire(&unix_table.lock);
        pipe->used = false;
        port_lock_release(&unix_table.lock);
    }
    port_lock_release(&pipe->lock);
}

/* The pipe may have been closed, even given to others, since the caller saw somebody wait there: they wait
 * again. */
void unix_pipe_wake(u32 number)
{
    port_lock_acquire(&pipes[number].lock);
    wake_locked(&pipes[number]);
    port_lock_release(&pipes[number].lock);
}

/* Waits once; false if the process is killed. */
static bool wait_locked(struct process *process, struct pipe *pipe, struct port_queue *queue)
{
    if (!unix_wait_begin(process, WAIT_PIPE, (u32)(pipe - pipes)))
        return false;
    (void)port_wait(queue, &pipe->lock, PORT_FOREVER);
    unix_wait_end(process);
    return true;
}

/* Takes up to `length` bytes out of the ring; a byte that cannot be stored stays in it. */
static u64 take_locked(struct process *process, struct pipe *pipe, uaddr address, u64 length)
{
    u64 done = 0;

    while (done < length && pipe->taken < pipe->written) {
        u64 at = pipe->taken % PIPE_SIZE;
        u64 part = min_u64(min_u64(length - done, pipe->written - pipe->taken), PIPE_SIZE - at);
        u64 stored = unix_user_write(process->memory.space, address + done, &pipe->bytes[at], part);

        pipe->taken += stored;
        done += stored;
        if (stored < part)
            break;
    }
    return done;
}

/* Waits for data or the end of the file even if it wants no bytes. */
s64 unix_pipe_read(struct process *process, u32 number, uaddr address, s32 length)
{
    struct pipe *pipe = &pipes[number];
    u64 wanted = length > 0 ? (u64)length : 0;
    s64 result = -1;

    port_lock_acquire(&pipe->lock);
    while (pipe->taken == pipe->written && pipe->write_open) {
        if (!wait_locked(process, pipe, &pipe->readers))
            goto out;
    }
    wanted = min_u64(wanted, pipe->written - pipe->taken);
    result = (s64)take_locked(process, pipe, address, wanted);
    if (result == 0 && wanted > 0)
        result = -1;
    port_wake_all(&pipe->writers);
out:
    port_lock_release(&pipe->lock);
    return result;
}

/* -1 as soon as nobody can read, even after some bytes went in. A bad buffer ends it with what went in
 * before. */
s64 unix_pipe_write(struct process *process, u32 number, uaddr address, s32 length)
{
    struct pipe *pipe = &pipes[number];
    s64 done = 0;

    port_lock_acquire(&pipe->lock);
    while (done < length) {
        u64 at = pipe->written % PIPE_SIZE;
        u64 room = PIPE_SIZE - (pipe->written - pipe->taken);
        u64 part = min_u64(min_u64((u64)(length - done), room), PIPE_SIZE - at);
        u64 fetched;

        if (!pipe->read_open || unix_killed(process)) {
            done = -1;
            break;
        }
        if (room == 0) {
            port_wake_all(&pipe->readers);
            if (wait_locked(process, pipe, &pipe->writers))
                continue;
            done = -1;
            break;
        }
        fetched = unix_user_read(process->memory.space, &pipe->bytes[at], address + (u64)done, part);
        pipe->written += fetched;
        done += (s64)fetched;
        if (fetched < part)
            break;
    }
    port_wake_all(&pipe->readers);
    port_lock_release(&pipe->lock);
    return done;
}
