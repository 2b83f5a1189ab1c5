/*
 * The log: transactions on the disk, in xv6's format (abi/disk/xv6fs.h), shared by all who change something.
 *
 * A transaction collects the changes of several operations. While the disk works for one, others wait for the
 * turn; then each makes its change and passes the turn on, and the last one commits for all of them:
 *
 *     copies behind those in the log; flush; header with the count of all; flush      it has happened
 *
 * and all of them return. The blocks go home only when the log has no room for one more operation:
 *
 *     the newest copies to their homes; flush; header with count 0; flush             the log is empty
 *
 * Without the flushes a disk may keep a later write and lose an earlier one, and a header would speak for
 * copies that are not there. The last one keeps the next copies from landing under this header. A block that
 * is changed by several transactions lies in the log several times; a recovery, ours and xv6's, copies them
 * in order, so the last one stays. An earlier copy is never overwritten: the header on the disk speaks for
 * it.
 *
 * When the disk fails
 *
 *     before the header is written  the transaction is forgotten, and all its operations are told so;
 *     while it is written           the same; but the header may be there: it is `unsure`, and before
 *                                   anything else is changed it is written again, with the former count.
 *                                   Should power fail before, the next start may complete the transaction,
 *                                   as a whole;
 *     on the way home               the log stays as it is, and it is tried again when room is needed.
 *
 * What the log holds and nobody has cached is read from there (fs_cache_copy_is_at), so a committed block may
 * be dropped from the cache before it is home.
 *
 * Locking: fs_lock, released while the disk works; only who has the turn changes anything here.
 */
#include "port/log.h"
#include "lib/string.h"
#include "port/time.h"
#include "service/fs/core.h"

/* How often the turn may be passed on before a transaction is committed though more are waiting: those whose
 * change is made wait for it, and operations that change nothing could follow each other without end. */
#define TURNS_MAX 32u

/* How many inodes of one transaction are told apart. */
#define MADE_MAX 32u

/* An operation that has made its change and waits. On the stack of its thread. */
struct member {
    struct member *next;
    bool done;
    enum err err;
};

static struct {
    /* the turn */
    bool taken;
    u32 waiting; /* for it */
    struct port_queue turn;
    bool changed; /* who has it has changed something */

    /* the open transaction */
    u32 count;
    u32 home[XV6FS_LOG_MAX];    /* block numbers, each once */
    u32 slot[XV6FS_LOG_MAX];    /* their buffers, pinned */
    u32 touched[XV6FS_LOG_MAX]; /* by which attempt last */
    bool blank[XV6FS_LOG_MAX];  /* new in that attempt, and not to be restored but forgotten */
    struct member *members;
    u32 turns; /* since the first of them */
    struct port_queue durable;

    /* the attempt */
    u32 attempt;
    u32 mark; /* `count` at its beginning */
    bool full;
    u32 saved_count;
    u32 saved_slot[FS_LOG_OLD_MAX];
    u32 saved_in[FS_LOG_OLD_MAX]; /* slots with what they held */

    /* the disk */
    u32 used; /* copies the header speaks for */
    u32 used_home[XV6FS_LOG_MAX];
    u32 next[XV6FS_LOG_MAX]; /* blocks of the copies being written */
    bool unsure;
    bool requests_unsure; /* those of the transaction that failed in its header */
    u64 sequence;         /* number of the last transaction committed */

    u32 made_count; /* inodes the open transaction has made; more than MADE_MAX: any may be one */
    u32 made[MADE_MAX];
} tx;

/* ---- The disk ---- */

static enum err write_header(u32 count)
{
    struct xv6fs_log_header *header = (struct xv6fs_log_header *)port_arena_slot(FS_SLOT_SCRATCH);
    memset(header, 0, sizeof *header);
    header->count = count;
    memcpy(header->home, tx.used_home, count * sizeof tx.used_home[0]);
    header->sequence = tx.sequence;
    enum err err = fs_disk_write(fs_geometry.log_start, FS_SLOT_SCRATCH);
    if (err == ERR_OK)
        err = fs_disk_flush();
    tx.unsure = err != ERR_OK;
    return err;
}

/* Whether the header on the disk is what it should be; made so if it is not. Until then the transaction that
 * failed may be on the disk, and its requests with it; from then on it is not. */
static enum err settle(void)
{
    enum err err = tx.unsure ? write_header(tx.used) : ERR_OK;
    if (err == ERR_OK && tx.requests_unsure) {
        fs_requests_failed(fs_log_transaction());
        tx.requests_unsure = false;
    }
    return err;
}

static u32 room(void)
{
    return fs_geometry.log_copies - tx.used - tx.count;
}

/* Whether a later copy in the log outdates copy `i`. */
static bool is_outdated(u32 i)
{
    for (u32 later = i + 1; later < tx.used; later++)
        if (tx.used_home[later] == tx.used_home[i])
            return true;
    return false;
}

struct homeward {
    u32 count;
    u32 block[FS_FETCH_MAX];
    u32 slot[FS_FETCH_MAX]; /* pinned */
};

static enum err write_homeward(struct homeward *some)
{
    enum err err = fs_disk_write_many(some->block, some->slot, some->count);
    while (some->count > 0)
        fs_cache_put(some->slot[--some->count]);
    return err;
}

/* One block on its way home. Its buffer is what was committed, since no transaction is open. Where every slot
 * is in use the copy goes through the scratch slot. */
static enum err send_home(struct homeward *some, u32 i)
{
    u32 slot;
    enum err err = fs_cache_get(tx.used_home[i], &slot);
    if (err == ERR_NO_MEMORY) {
        err = fs_disk_read(fs_geometry.log_start + 1 + i, FS_SLOT_SCRATCH);
        return err == ERR_OK ? fs_disk_write(tx.used_home[i], FS_SLOT_SCRATCH) : err;
    }
    if (err != ERR_OK)
        return err;
    some->block[some->count] = tx.used_home[i];
    some->slot[some->count++] = slot;
    return some->count == FS_FETCH_MAX ? write_homeward(some) : ERR_OK;
}

/* Brings everything home and empties the log. No transaction is open. */
static enum err empty(void)
{
    port_assert(tx.taken && tx.count == 0, "fs: log emptied under a transaction");
    enum err err = settle();
    if (err != ERR_OK || tx.used == 0)
        return err;
    struct homeward some = {.count = 0};
    for (u32 i = 0; i < tx.used && err == ERR_OK; i++)
        if (!is_outdated(i))
            err = send_home(&some, i);
    enum err last = write_homeward(&some);
    if (err == ERR_OK)
        err = last;
    if (err == ERR_OK)
        err = fs_disk_flush();
    if (err == ERR_OK)
        err = write_header(0);
    if (err != ERR_OK)
        return err;
    tx.used = 0;
    fs_cache_copies_are_home();
    return ERR_OK;
}

/* Drops the transaction's hold on its buffers from `first` on. */
static void release(u32 first, bool forget)
{
    while (tx.count > first) {
        u32 slot = tx.slot[--tx.count];
        if (forget)
            fs_cache_forget(slot);
        fs_cache_put(slot);
    }
}

static enum err write_copies(void)
{
    enum err err = settle();
    for (u32 i = 0; i < tx.count; i++)
        tx.next[i] = fs_geometry.log_start + 1 + tx.used + i;
    if (err == ERR_OK)
        err = fs_disk_write_many(tx.next, tx.slot, tx.count);
    return err == ERR_OK ? fs_disk_flush() : err;
}

/* Commits the open transaction, or forgets it, and tells its members. The turn is held. */
static enum err commit(void)
{
    enum err err = write_copies();
    if (err == ERR_OK) {
        memcpy(tx.used_home + tx.used, tx.home, tx.count * sizeof tx.home[0]);
        tx.sequence++;
        err = write_header(tx.used + tx.count);
        tx.requests_unsure = err != ERR_OK;
        if (err != ERR_OK)
            tx.sequence--; /* its number goes to the next one */
    } else {
        fs_requests_failed(fs_log_transaction());
    }
    if (err == ERR_OK) {
        for (u32 i = 0; i < tx.count; i++)
            fs_cache_copy_is_at(tx.home[i], fs_geometry.log_start + 1 + tx.used + i);
        tx.used += tx.count;
    }
    release(0, err != ERR_OK);
    for (struct member *m = tx.members, *next; m != NULL; m = next) {
        next = m->next; /* once it is done it may be gone */
        m->err = err;
        m->done = true;
    }
    tx.members = NULL;
    tx.made_count = 0;
    port_wake_all(&tx.durable);
    /* From here on nothing fails for them: what the disk refuses now is tried again when room is needed. */
    if (room() < FS_LOG_COPIES_MIN && empty() != ERR_OK)
        port_log("fs: %u blocks stay in the log: the disk fails\n", tx.used);
    return err;
}

/* ---- Start ---- */

/* Whether a header may send a copy there: every block behind the superblock but those of the log itself. */
static bool is_home(u32 block)
{
    return block > XV6FS_SUPER_BLOCK && block < fs_geometry.blocks &&
           (block < fs_geometry.log_start || block - fs_geometry.log_start > fs_geometry.log_copies);
}

enum err fs_log_start(void)
{
    memset(&tx, 0, sizeof tx);
    port_queue_init(&tx.turn, "fs: turn");
    port_queue_init(&tx.durable, "fs: commit");
    enum err err = fs_disk_read(fs_geometry.log_start, FS_SLOT_SCRATCH);
    if (err != ERR_OK)
        return err;
    const struct xv6fs_log_header *header = (const void *)port_arena_slot(FS_SLOT_SCRATCH);
    u32 count = header->count;
    tx.sequence = header->sequence;
    if (count == 0)
        return ERR_OK;
    if (count > fs_geometry.log_copies) {
        port_log("fs: log header damaged: %u copies, room for %u\n", count, fs_geometry.log_copies);
        return ERR_CORRUPT;
    }
    for (u32 i = 0; i < count; i++) {
        tx.used_home[i] = header->home[i];
        if (!is_home(tx.used_home[i])) {
            port_log("fs: log header damaged: copy %u belongs to block %u\n", i, tx.used_home[i]);
            return ERR_CORRUPT;
        }
    }
    for (u32 i = 0; i < count && err == ERR_OK; i++) {
        port_log("recovering tail %u dst %u\n", i, tx.used_home[i]);
        err = fs_disk_read(fs_geometry.log_start + 1 + i, FS_SLOT_SCRATCH);
        if (err == ERR_OK)
            err = fs_disk_write(tx.used_home[i], FS_SLOT_SCRATCH);
    }
    if (err == ERR_OK)
        err = fs_disk_flush();
    return err == ERR_OK ? write_header(0) : err;
}

/* ---- The turn ---- */

/* No wait here is longer than the disk takes for those in front, which is bounded; the deadline only makes
 * the waiter look again. */
static void wait_a_while(struct port_queue *queue)
{
    (void)port_wait(queue, &fs_lock, port_now() + PORT_SECOND);
}

void fs_log_begin(void)
{
    tx.waiting++;
    while (tx.taken)
        wait_a_while(&tx.turn);
    tx.waiting--;
    tx.taken = true;
    tx.changed = false;
}

enum err fs_log_end(enum err err)
{
    struct member self = {.next = tx.members, .done = !tx.changed, .err = ERR_OK};
    port_assert(tx.taken, "fs: turn passed on twice");
    if (tx.changed)
        tx.members = &self;
    tx.turns = tx.members != NULL ? tx.turns + 1 : 0;
    if (tx.members != NULL && (tx.waiting == 0 || tx.turns >= TURNS_MAX)) {
        tx.turns = 0;
        (void)commit(); /* `self` is told as the others are */
    }
    tx.taken = false;
    port_wake_one(&tx.turn);
    while (!self.done)
        wait_a_while(&tx.durable);
    return err != ERR_OK ? err : self.err;
}

enum err fs_log_empty(void)
{
    enum err err = tx.count > 0 ? commit() : ERR_OK;
    return err == ERR_OK ? empty() : err;
}

/* ---- Changes ---- */

u64 fs_log_transaction(void)
{
    return tx.sequence + 1;
}

bool fs_log_has_changed(void)
{
    return tx.changed;
}

void fs_log_made(u32 inode)
{
    if (tx.made_count < MADE_MAX)
        tx.made[tx.made_count] = inode;
    tx.made_count++;
}

static bool is_made(u32 inode)
{
    for (u32 i = 0; i < tx.made_count && i < MADE_MAX; i++)
        if (tx.made[i] == inode)
            return true;
    return tx.made_count > MADE_MAX;
}

bool fs_log_wait_for(u32 inode)
{
    bool waited = false;
    for (; is_made(inode); waited = true)
        wait_a_while(&tx.durable);
    return waited;
}

u32 fs_log_attempt(void)
{
    return tx.attempt;
}

/* Everything is as it was before the attempt. */
static void undo(void)
{
    for (u32 i = 0; i < tx.saved_count; i++)
        memcpy(port_arena_slot(tx.saved_slot[i]), port_arena_slot(tx.saved_in[i]), XV6FS_BLOCK_SIZE);
    for (u32 i = tx.mark; i < tx.count; i++)
        if (tx.blank[i])
            fs_cache_forget(tx.slot[i]);
    release(tx.mark, false);
}

static enum err save(u32 slot)
{
    if (tx.saved_count == FS_LOG_OLD_MAX)
        return ERR_NO_SPACE;
    enum err err = fs_cache_take_slot(&tx.saved_in[tx.saved_count]);
    if (err != ERR_OK)
        return err;
    tx.saved_slot[tx.saved_count] = slot;
    memcpy(port_arena_slot(tx.saved_in[tx.saved_count]), port_arena_slot(slot), XV6FS_BLOCK_SIZE);
    tx.saved_count++;
    return ERR_OK;
}

/* Puts a pinned buffer under the transaction's own pin, once, and keeps what it held, once an attempt. */
static enum err add(u32 block, u32 slot, bool blank)
{
    u32 i = 0;
    while (i < tx.count && tx.slot[i] != slot)
        i++;
    if (i < tx.count && tx.touched[i] == tx.attempt)
        return ERR_OK;
    if (i == tx.count && room() == 0) {
        tx.full = true;
        return ERR_NO_SPACE;
    }
    bool forget = blank && i >= tx.mark;
    enum err err = forget ? ERR_OK : save(slot);
    if (err != ERR_OK)
        return err;
    if (i == tx.count) {
        fs_cache_pin(slot);
        tx.home[i] = block;
        tx.slot[i] = slot;
        tx.count++;
    }
    tx.touched[i] = tx.attempt;
    tx.blank[i] = forget;
    return ERR_OK;
}

enum err fs_log_block(u32 block, u8 **bytes)
{
    u32 slot;
    enum err err = fs_cache_get(block, &slot);
    if (err != ERR_OK)
        return err;
    err = add(block, slot, false);
    *bytes = port_arena_slot(slot);
    fs_cache_put(slot);
    return err;
}

enum err fs_log_block_blank(u32 block, u8 **bytes)
{
    u32 slot;
    bool cached;
    enum err err = fs_cache_get_blank(block, &slot, &cached);
    if (err != ERR_OK)
        return err;
    err = add(block, slot, true);
    *bytes = port_arena_slot(slot);
    if (err != ERR_OK && !cached)
        fs_cache_forget(slot);
    fs_cache_put(slot);
    return err;
}

/* Blocks read for an attempt stay pinned for the next one: as many as a change can need, the last ones. */
#define READ_MAX FS_LOG_OLD_MAX

struct attempts {
    u32 slot[READ_MAX];
    u32 count; /* so far; the last READ_MAX are pinned */
};

static enum err read_missing(struct attempts *attempts, u32 block)
{
    u32 slot;
    enum err err = fs_cache_get(block, &slot);
    if (err != ERR_OK)
        return err;
    u32 *place = &attempts->slot[attempts->count % READ_MAX];
    if (attempts->count >= READ_MAX)
        fs_cache_put(*place);
    *place = slot;
    attempts->count++;
    return ERR_OK;
}

/* Commits what others have changed, and if there is nothing of them brings home what the log holds. */
static enum err make_room(void)
{
    return tx.count > 0 ? commit() : empty();
}

/* One attempt. `missing`: the block it lacked, or 0. */
static enum err attempt(enum err (*change)(void *), void *argument, u32 *missing)
{
    tx.attempt++;
    tx.mark = tx.count;
    tx.saved_count = 0;
    tx.full = false;
    fs_cache_attempt_begin();
    enum err err = change(argument);
    *missing = fs_cache_attempt_end();
    if (*missing != 0 && err == ERR_OK)
        err = ERR_DEVICE;
    if (err != ERR_OK)
        undo();
    else
        tx.changed = tx.changed || tx.saved_count > 0 || tx.count > tx.mark;
    while (tx.saved_count > 0)
        fs_cache_put(tx.saved_in[--tx.saved_count]);
    return err;
}

enum err fs_log_change(enum err (*change)(void *argument), void *argument)
{
    struct attempts attempts = {.count = 0};
    port_assert(tx.taken, "fs: change without the turn");
    enum err err = settle();
    for (bool again = err == ERR_OK; again;) {
        u32 missing;
        again = false;
        err = attempt(change, argument, &missing);
        if (missing != 0) {
            err = read_missing(&attempts, missing);
            again = err == ERR_OK;
        } else if (err != ERR_OK && tx.full && tx.count + tx.used > 0) {
            err = make_room();
            again = err == ERR_OK;
        }
    }
    for (u32 i = 0; i < READ_MAX && i < attempts.count; i++)
        fs_cache_put(attempts.slot[i]);
    return err;
}
