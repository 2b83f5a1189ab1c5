/*
 * The block cache: which arena slot holds which disk block.
 *
 * A buffer found by its block's number is always the newest version of that block. It differs from the disk
 * only while the log holds it pinned; so every buffer on the list of slots to take can be dropped without a
 * write.
 *
 * Locking: fs_lock.
 * Fails:   ERR_NO_MEMORY when every slot is pinned or lent; nobody waits for a slot, so there is no deadlock.
 */
#include "lib/string.h"
#include "port/block.h"
#include "port/keep.h"
#include "port/log.h"
#include "service/fs/core.h"

#define BUCKETS 1024u
#define NONE    0xffffu /* no slot: slot numbers are below FS_BUFFERS_MAX */

struct buffer {
    u32 block; /* 0: none (block 0 is never cached) */
    u16 pins;
    u16 next;         /* in its bucket, if it has a block */
    u16 older, newer; /* in the list of slots to take, if on it */
};

static struct {
    u32 slots;
    u16 oldest,
        newest; /* ends of the list of slots to take: free ones first, then in order of their last use */
    u16 bucket[BUCKETS];
    struct buffer buffer[FS_BUFFERS_MAX];
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

enum err fs_cache_get_blank(u32 block, u32 *slot)
{
    u32 found = find(block);
    if (found != NONE) {
        fs_cache_pin(found);
        *slot = found;
        return ERR_OK;
    }
    found = take();
    if (found == NONE)
        return ERR_NO_MEMORY;
    cache.buffer[found].pins = 1;
    name(found, block);
    *slot = found;
    return ERR_OK;
}

enum err fs_cache_get(u32 block, u32 *slot)
{
    bool cached = find(block) != NONE;
    enum err err = fs_cache_get_blank(block, slot);
    if (err != ERR_OK || cached)
        return err;
    err = fs_disk_read(block, *slot);
    if (err != ERR_OK) {
        fs_cache_forget(*slot);
        fs_cache_put(*slot);
    }
    return err;
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

/* After the second death of block in one request the answer is an error, as for a device that does not
 * answer. */
static enum err answer(enum err err)
{
    return err == ERR_OK ? ERR_OK : ERR_DEVICE;
}

enum err fs_disk_read(u32 block, u32 slot)
{
    enum err err = blk_read(block, slot);
    if (err == ERR_PEER_RESTARTED)
        err = blk_read(block, slot);
    return answer(err);
}

enum err fs_disk_write(u32 block, u32 slot)
{
    enum err err = blk_write(block, slot);
    if (err == ERR_PEER_RESTARTED)
        err = blk_write(block, slot);
    return answer(err);
}

enum err fs_disk_flush(void)
{
    enum err err = blk_flush();
    if (err == ERR_PEER_RESTARTED)
        err = blk_flush();
    return answer(err);
}
