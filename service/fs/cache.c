/*
 * The block cache: which arena slot holds which disk block.
 *
 * A buffer found by its block's number is always the newest version of that block. It differs from what the
 * disk holds, in the log or at home, only while the log has it pinned; so every buffer on the list of slots
 * to take can be dropped without a write.
 *
 * A buffer being read is pinned by its reader and `loading`; whoever else wants it waits until that ends, and
 * looks again.
 *
 * Locking: fs_lock, released while the disk works.
 * Fails:   ERR_NO_MEMORY when every slot is pinned or lent; nobody waits for a slot, so there is no deadlock.
 */
#include "lib/string.h"
#include "port/block.h"
#include "port/keep.h"
#include "port/log.h"
#include "port/time.h"
#include "service/fs/core.h"

_Static_assert(FS_FETCH_MAX <= BLK_MANY, "a fetch is one request");

#define BUCKETS 1024u
#define NONE    0xffffu /* no slot: slot numbers are below FS_BUFFERS_MAX */

struct buffer {
    u32 block; /* 0: none (block 0 is never cached) */
    u16 pins : 15;
    u16 loading : 1;
    u16 next;         /* in its bucket, if it has a block */
    u16 older, newer; /* in the list of slots to take, if on it */
};

static struct {
    u32 slots;
    u16 oldest,
        newest; /* ends of the list of slots to take: free ones first, then in order of their last use */
    u16 bucket[BUCKETS];
    struct buffer buffer[FS_BUFFERS_MAX];
    struct port_queue loaded;   /* a buffer is not loading any more */
    bool attempt;               /* nothing may be waited for */
    u32 missing;                /* the first block an attempt has not found */
    u32 copies;                 /* blocks whose newest version is in the log: */
    u32 copy_of[XV6FS_LOG_MAX]; /* which, */
    u32 copy_at[XV6FS_LOG_MAX]; /* and where */
} cache;

static bool is_idle(u32 slot)
{
    return cache.buffer[slot].pins == 0 && fs_kept->lent[slot] == 0;
}

static void list_remove(u32 slot)
{
    struct buffer *b = &cache.buffer[slot];
    if (b->older != NONE)
        cache.buffer[b->older].newer = b->newer;
    else
        cache.oldest = b->newer;
    if (b->newer != NONE)
        cache.buffer[b->newer].older = b->older;
    else
        cache.newest = b->older;
}

/* A buffer goes to the end used last, a free slot to the end taken first. */
static void list_insert(u32 slot)
{
    struct buffer *b = &cache.buffer[slot];
    if (b->block != 0) {
        b->older = cache.newest;
        b->newer = NONE;
    } else {
        b->older = NONE;
        b->newer = cache.oldest;
    }
    if (b->older != NONE)
        cache.buffer[b->older].newer = (u16)slot;
    else
        cache.oldest = (u16)slot;
    if (b->newer != NONE)
        cache.buffer[b->newer].older = (u16)slot;
    else
        cache.newest = (u16)slot;
}

static u16 *bucket_of(u32 block)
{
    return &cache.bucket[block % BUCKETS];
}

static u32 find(u32 block)
{
    u32 slot = *bucket_of(block);
    while (slot != NONE && cache.buffer[slot].block != block)
        slot = cache.buffer[slot].next;
    return slot;
}

static void name(u32 slot, u32 block)
{
    cache.buffer[slot].block = block;
    cache.buffer[slot].next = *bucket_of(block);
    *bucket_of(block) = (u16)slot;
}

static void unname(u32 slot)
{
    u16 *link = bucket_of(cache.buffer[slot].block);
    while (*link != slot)
        link = &cache.buffer[*link].next;
    *link = cache.buffer[slot].next;
    cache.buffer[slot].block = 0;
}

/* Takes the slot used longest ago off the list; it has no block then. NONE if the list is empty. */
static u32 take(void)
{
    u32 slot = cache.oldest;
    if (slot == NONE)
        return NONE;
    list_remove(slot);
    if (cache.buffer[slot].block != 0)
        unname(slot);
    return slot;
}

enum err fs_cache_start(void)
{
    memset(&cache, 0, sizeof cache);
    cache.oldest = cache.newest = NONE;
    port_queue_init(&cache.loaded, "fs: block read");
    for (u32 i = 0; i < BUCKETS; i++)
        cache.bucket[i] = NONE;
    u32 slots = (u32)min_u64(port_arena_slots(), FS_BUFFERS_MAX);
    if (slots < FS_BUFFERS_MIN)
        return ERR_NO_MEMORY;
    cache.slots = slots;
    cache.buffer[FS_SLOT_ZERO].pins = 1;
    cache.buffer[FS_SLOT_SCRATCH].pins = 1;
    memset(port_arena_slot(FS_SLOT_ZERO), 0, PORT_SLOT_SIZE);
    for (u32 slot = slots; slot-- > 0;)
        if (is_idle(slot))
            list_insert(slot);
    return ERR_OK;
}

void fs_cache_pin(u32 slot)
{
    if (is_idle(slot))
        list_remove(slot);
    cache.buffer[slot].pins++;
    port_assert(cache.buffer[slot].pins != 0, "fs: buffer pinned too often");
}

void fs_cache_put(u32 slot)
{
    port_assert(cache.buffer[slot].pins > 0, "fs: buffer not pinned");
    cache.buffer[slot].pins--;
    if (is_idle(slot))
        list_insert(slot);
}

void fs_cache_forget(u32 slot)
{
    port_assert(cache.buffer[slot].pins > 0, "fs: buffer forgotten while not pinned");
    if (cache.buffer[slot].block != 0)
        unname(slot);
}

/* ---- Blocks into buffers ---- */

void fs_cache_copy_is_at(u32 block, u32 place)
{
    port_assert(cache.copies < XV6FS_LOG_MAX, "fs: more copies than a log can hold");
    cache.copy_of[cache.copies] = block;
    cache.copy_at[cache.copies] = place;
    cache.copies++;
}

void fs_cache_copies_are_home(void)
{
    cache.copies = 0;
}

/* Where the newest version of the block is. */
static u32 place_of(u32 block)
{
    for (u32 i = cache.copies; i-- > 0;)
        if (cache.copy_of[i] == block)
            return cache.copy_at[i];
    return block;
}

bool fs_cache_has(u32 block)
{
    u32 slot = find(block);
    return slot != NONE && !cache.buffer[slot].loading;
}

void fs_cache_attempt_begin(void)
{
    cache.attempt = true;
    cache.missing = 0;
}

u32 fs_cache_attempt_end(void)
{
    cache.attempt = false;
    return cache.missing;
}

static enum err miss(u32 block)
{
    if (cache.missing == 0)
        cache.missing = block;
    return ERR_DEVICE;
}

/* A slot for the block, pinned, to be read into. NONE: there is none. */
static u32 load_begin(u32 block)
{
    u32 slot = take();
    if (slot == NONE)
        return NONE;
    cache.buffer[slot].pins = 1;
    cache.buffer[slot].loading = true;
    name(slot, block);
    return slot;
}

static void load_end(u32 slot, enum err err)
{
    cache.buffer[slot].loading = false;
    if (err != ERR_OK)
        fs_cache_forget(slot);
    port_wake_all(&cache.loaded);
}

/*
 * While a copy in the log is read, the log may be emptied and its place be used for another block. The block
 * itself cannot change meanwhile, for nobody can have its buffer; so the copy was the right one if it still
 * is.
 */
static enum err read_newest(u32 block, u32 slot)
{
    u32 place;
    enum err err;
    do {
        place = place_of(block);
        err = fs_disk_read(place, slot);
    } while (err == ERR_OK && place_of(block) != place);
    return err;
}

static enum err load(u32 block, u32 *slot)
{
    u32 taken = load_begin(block);
    if (taken == NONE)
        return ERR_NO_MEMORY;
    enum err err = read_newest(block, taken);
    load_end(taken, err);
    if (err == ERR_OK)
        *slot = taken;
    else
        fs_cache_put(taken);
    return err;
}

enum err fs_cache_get(u32 block, u32 *slot)
{
    for (;;) {
        u32 found = find(block);
        if (found != NONE && !cache.buffer[found].loading) {
            fs_cache_pin(found);
            *slot = found;
            return ERR_OK;
        }
        if (cache.attempt)
            return miss(block);
        if (found == NONE)
            return load(block, slot);
        /* as long as the disk takes, which is bounded; the deadline only makes us look again */
        (void)port_wait(&cache.loaded, &fs_lock, port_now() + PORT_SECOND);
    }
}

enum err fs_cache_take_slot(u32 *slot)
{
    u32 taken = take();
    if (taken == NONE)
        return ERR_NO_MEMORY;
    cache.buffer[taken].pins = 1;
    *slot = taken;
    return ERR_OK;
}

enum err fs_cache_get_blank(u32 block, u32 *slot, bool *cached)
{
    port_assert(cache.attempt, "fs: blank block outside an attempt");
    u32 found = find(block);
    *cached = found != NONE;
    if (found != NONE) {
        if (cache.buffer[found].loading)
            return miss(block);
        fs_cache_pin(found);
        *slot = found;
        return ERR_OK;
    }
    enum err err = fs_cache_take_slot(slot);
    if (err == ERR_OK)
        name(*slot, block);
    return err;
}

/* A small cache keeps what it has: reading ahead would drive out what is needed next. */
#define FETCH_SLOTS_MIN 64u

void fs_cache_fetch(const u32 *blocks, u32 count)
{
    u32 wanted[FS_FETCH_MAX];
    u32 slots[FS_FETCH_MAX];
    u32 n = 0;
    port_assert(count <= FS_FETCH_MAX && !cache.attempt, "fs: fetch of too much, or in an attempt");
    if (cache.slots < FETCH_SLOTS_MIN)
        return;
    for (u32 i = 0; i < count; i++) {
        if (blocks[i] == 0 || find(blocks[i]) != NONE || place_of(blocks[i]) != blocks[i])
            continue;
        u32 slot = load_begin(blocks[i]);
        if (slot == NONE)
            break;
        wanted[n] = blocks[i];
        slots[n++] = slot;
    }
    if (n == 0)
        return;
    enum err err = fs_disk_read_many(wanted, slots, n);
    for (u32 i = 0; i < n; i++) {
        load_end(slots[i], err);
        fs_cache_put(slots[i]);
    }
}

/* ---- Lending ---- */

u64 fs_slots_pack(const u32 *slots, u32 count)
{
    u64 word = 0;
    for (u32 i = 0; i < FS_SLOTS; i++)
        word |= (u64)(i < count ? slots[i] : FS_NO_SLOT) << 16 * i;
    return word;
}

u32 fs_slots_unpack(u64 word, u32 *slots)
{
    u32 count = 0;
    while (count < FS_SLOTS && (word >> 16 * count & 0xffff) != FS_NO_SLOT) {
        slots[count] = (u32)(word >> 16 * count & 0xffff);
        count++;
    }
    return count;
}

enum err fs_cache_lend(const u32 *slots, u32 count)
{
    for (u32 i = 0; i < count; i++)
        if (fs_kept->lent[slots[i]] >= FS_LENT_TO_WRITER - FS_SLOTS)
            return ERR_NO_MEMORY;
    if (count == 0)
        return ERR_OK;
    for (u32 i = 0; i < count; i++)
        port_keep_begin(&fs_kept->lent[slots[i]], sizeof fs_kept->lent[0]);
    for (u32 i = 0; i < count; i++)
        fs_kept->lent[slots[i]]++;
    fs_request_note(fs_slots_pack(slots, count));
    port_keep_commit();
    return ERR_OK;
}

enum err fs_cache_lend_empty(u32 *slots, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        slots[i] = take();
        if (slots[i] == NONE) {
            while (i-- > 0)
                list_insert(slots[i]);
            return ERR_NO_MEMORY;
        }
    }
    for (u32 i = 0; i < count; i++)
        port_keep_begin(&fs_kept->lent[slots[i]], sizeof fs_kept->lent[0]);
    for (u32 i = 0; i < count; i++)
        fs_kept->lent[slots[i]] = FS_LENT_TO_WRITER;
    fs_request_note(fs_slots_pack(slots, count));
    port_keep_commit();
    return ERR_OK;
}

bool fs_cache_lent_to_writer(u32 slot)
{
    return slot < cache.slots && fs_kept->lent[slot] == FS_LENT_TO_WRITER;
}

enum err fs_cache_take_back(const u32 *slots, u32 count, bool from_writer)
{
    for (u32 i = 0; i < count; i++) {
        u32 before = 0; /* how often the same slot was named already */
        for (u32 j = 0; j < i; j++)
            before += slots[j] == slots[i];
        if (slots[i] >= cache.slots || fs_cache_lent_to_writer(slots[i]) != from_writer)
            return ERR_ARGUMENT;
        if (before >= (from_writer ? 1 : fs_kept->lent[slots[i]]))
            return ERR_ARGUMENT;
    }
    if (count == 0)
        return ERR_OK;
    for (u32 i = 0; i < count; i++)
        port_keep_begin(&fs_kept->lent[slots[i]], sizeof fs_kept->lent[0]);
    for (u32 i = 0; i < count; i++)
        fs_kept->lent[slots[i]] = from_writer ? 0 : (u16)(fs_kept->lent[slots[i]] - 1);
    fs_request_note(FS_SLOTS_NONE);
    port_keep_commit();
    for (u32 i = 0; i < count; i++) {
        bool last = true; /* a slot named twice goes to the list once */
        for (u32 j = i + 1; j < count; j++)
            last = last && slots[j] != slots[i];
        if (last && is_idle(slots[i]))
            list_insert(slots[i]);
    }
    return ERR_OK;
}

void fs_cache_take_all_back(void)
{
    for (u32 slot = 0; slot < cache.slots; slot++) {
        if (fs_kept->lent[slot] == 0)
            continue;
        port_keep_begin(&fs_kept->lent[slot], sizeof fs_kept->lent[0]);
        fs_kept->lent[slot] = 0;
        port_keep_commit();
        if (is_idle(slot))
            list_insert(slot);
    }
}

/* ---- The disk ---- */

/* After the second death of block in one request the answer is an error, as for a device that does not
 * answer. */
static enum err answer(enum err err)
{
    port_lock_acquire(&fs_lock);
    return err == ERR_OK ? ERR_OK : ERR_DEVICE;
}

enum err fs_disk_read(u32 block, u32 slot)
{
    port_lock_release(&fs_lock);
    enum err err = blk_read(block, slot);
    if (err == ERR_PEER_RESTARTED)
        err = blk_read(block, slot);
    return answer(err);
}

enum err fs_disk_write(u32 block, u32 slot)
{
    port_lock_release(&fs_lock);
    enum err err = blk_write(block, slot);
    if (err == ERR_PEER_RESTARTED)
        err = blk_write(block, slot);
    return answer(err);
}

/* The words of one request. */
static void set_words(u64 *words, const u32 *blocks, const u32 *slots, u32 count)
{
    for (u32 i = 0; i < BLK_MANY; i++)
        words[i] = i < count ? BLK_WORD(blocks[i], slots[i]) : BLK_NONE;
}

enum err fs_disk_read_many(const u32 *blocks, const u32 *slots, u32 count)
{
    u64 w[BLK_MANY];
    set_words(w, blocks, slots, count);
    port_lock_release(&fs_lock);
    enum err err = blk_read_many(w[0], w[1], w[2], w[3], w[4]);
    if (err == ERR_PEER_RESTARTED)
        err = blk_read_many(w[0], w[1], w[2], w[3], w[4]);
    return answer(err);
}

enum err fs_disk_write_many(const u32 *blocks, const u32 *slots, u32 count)
{
    u64 w[BLK_MANY];
    enum err err = ERR_OK;
    port_lock_release(&fs_lock);
    for (u32 done = 0; done < count && err == ERR_OK; done += BLK_MANY) {
        set_words(w, blocks + done, slots + done, count - done);
        err = blk_write_many(w[0], w[1], w[2], w[3], w[4]);
        if (err == ERR_PEER_RESTARTED)
            err = blk_write_many(w[0], w[1], w[2], w[3], w[4]);
    }
    return answer(err);
}

enum err fs_disk_flush(void)
{
    port_lock_release(&fs_lock);
    enum err err = blk_flush();
    if (err == ERR_PEER_RESTARTED)
        err = blk_flush();
    return answer(err);
}
