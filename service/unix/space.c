/*
 * Spaces: creating and ending them, also when xmap dies in the middle of doing so, or none is left to create.
 *
 * Each process has one, and one more while it is in exec; not all of them can have two. Who wants one more
 * than there are waits until an exec has ended. One will: as there are more spaces than processes, some are
 * second ones; a process has locked the file before it asks for its second space, and then waits for nobody
 * but fs and xmap; and a fork that waits holds nothing that an exec needs.
 *
 * A call that xmap died in is repeated as the same request, and so done once. Should xmap die in it again,
 * the number it may have given is known to nobody. So this file remembers which spaces are in use, and then
 * ends all others.
 *
 * Locking: one lock for the map and the count, and over each call, so that a space just made is never
 * mistaken for a lost one. A content lock (inode.c) may be held around all of this.
 */
#include "port/sync.h"
#include "port/vspace.h"
#include "port/xmap.h"
#include "service/unix/memory.h"
#include "service/unix/process.h"

_Static_assert(PORT_SPACES > PORT_PROGRAMS, "a second space for somebody");

static struct {
    struct port_lock lock;
    struct port_queue fewer; /* not all are in use any more */
    u32 count;               /* in use */
    bool used[PORT_SPACES];
} spaces;

/* Ends the spaces nobody uses. */
static void sweep_locked(void)
{
    for (u32 space = 0; space < PORT_SPACES; space++) {
        if (!spaces.used[space])
            (void)repeat_patiently(xmap_space_destroy(space)); /* most do not exist */
    }
}

/* Spaces may be left of an earlier generation of this service, whose programs are gone. */
void unix_space_init(void)
{
    unix_pages_init();
    port_lock_init(&spaces.lock, "spaces");
    port_queue_init(&spaces.fewer, "a space");
    port_lock_acquire(&spaces.lock);
    sweep_locked();
    port_lock_release(&spaces.lock);
}

static void wait_for_one_locked(void)
{
    while (spaces.count == PORT_SPACES)
        (void)port_wait(&spaces.fewer, &spaces.lock, PORT_FOREVER);
}

/* A number that is in use already would be xmap's mistake, and two processes' memory. */
static enum err made_locked(enum err err, u64 space)
{
    if (err != ERR_OK)
        return err;
    if (space >= PORT_SPACES || spaces.used[space])
        return ERR_RANGE;
    spaces.used[space] = true;
    spaces.count++;
    return ERR_OK;
}

enum err unix_space_create(u64 *space)
{
    enum err err;

    port_lock_acquire(&spaces.lock);
    wait_for_one_locked();
    err = repeat_once(xmap_space_create(space));
    if (err == ERR_PEER_RESTARTED)
        sweep_locked();
    err = made_locked(err, *space);
    port_lock_release(&spaces.lock);
    return err;
}

enum err unix_space_fork(u64 parent, u64 *child)
{
    enum err err;

    unix_pages_drop(parent, 0, PORT_USER_END); /* so that they can be shared */
    port_lock_acquire(&spaces.lock);
    wait_for_one_locked();
    err = repeat_once(xmap_space_fork(parent, child));
    if (err == ERR_PEER_RESTARTED)
        sweep_locked();
    err = made_locked(err, *child);
    port_lock_release(&spaces.lock);
    return err;
}

void unix_space_destroy(u64 space)
{
    unix_pages_drop(space, 0, PORT_USER_END);
    port_lock_acquire(&spaces.lock);
    spaces.used[space] = false;
    if (repeat_patiently(xmap_space_destroy(space)) == ERR_PEER_RESTARTED)
        sweep_locked();
    if (spaces.count-- == PORT_SPACES)
        port_wake_all(&spaces.fewer);
    port_lock_release(&spaces.lock);
}
