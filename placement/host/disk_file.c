/*
 * port/block.h on the host: a disk image in memory, with a volatile write cache and failures on demand.
 *
 * Two copies of the image: `now` is what a read returns; `medium` is what a power cut would leave, brought up
 * to date by each flush. Between them lies the list of writes not flushed, with their bytes, in order.
 *
 * Operations may come from several threads; `mutex` makes each transfer of a block and each flush one step.
 */
#include "placement/host/host.h"
#include "port/arena.h"
#include "port/block.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct pending {
    struct pending *next;
    u64 block;
    u8 bytes[BLK_BLOCK_SIZE];
};

/* The n-th call from now fails, and the count - 1 after it. */
struct failure {
    u64 n, count;
};

static struct {
    u8 *now, *medium;
    u64 blocks;
    struct pending *first, *last;
    struct failure reads, writes, flushes;
    u64 writes_left; /* 0: no limit */
    struct host_disk_counts counts;
    u64 requests;
    u64 events[HOST_DISK_RECORD_MAX];
    u64 event_count;
    bool tracing;
    struct host_disk_event *trace;
    u64 trace_count, trace_room;
    u64 flush_time; /* nanoseconds */
    bool hold;
    u32 held; /* flushes that wait */
} disk;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t held_changed = PTHREAD_COND_INITIALIZER;

static void forget_pending(void)
{
    while (disk.first != NULL) {
        struct pending *p = disk.first;
        disk.first = p->next;
        free(p);
    }
    disk.last = NULL;
}

static void forget_trace(void)
{
    for (u64 i = 0; i < disk.trace_count; i++)
        free((void *)disk.trace[i].bytes);
    free(disk.trace);
    disk.trace = NULL;
    disk.trace_count = disk.trace_room = 0;
}

/* Forgets all but the memory of the images, which the next disk of that size gets: tests set thousands. */
static void forget_disk(void)
{
    u8 *now = disk.now, *medium = disk.medium;
    u64 blocks = disk.blocks;
    forget_pending();
    forget_trace();
    memset(&disk, 0, sizeof disk);
    disk.now = now;
    disk.medium = medium;
    disk.blocks = blocks;
}

void host_disk_reset(void)
{
    forget_disk();
    free(disk.now);
    free(disk.medium);
    disk.now = disk.medium = NULL;
    disk.blocks = 0;
}

void host_disk_set(const u8 *bytes, u64 blocks)
{
    if (blocks == disk.blocks)
        forget_disk();
    else
        host_disk_reset();
    if (disk.now == NULL) {
        disk.now = malloc(blocks * BLK_BLOCK_SIZE);
        disk.medium = malloc(blocks * BLK_BLOCK_SIZE);
    }
    if (disk.now == NULL || disk.medium == NULL)
        abort();
    memmove(disk.now, bytes, blocks * BLK_BLOCK_SIZE); /* a test may set the disk from itself */
    memcpy(disk.medium, disk.now, blocks * BLK_BLOCK_SIZE);
    disk.blocks = blocks;
}

bool host_disk_load(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    bool good = fseek(file, 0, SEEK_END) == 0;
    long size = good ? ftell(file) : -1;
    u8 *bytes = size > 0 && size % BLK_BLOCK_SIZE == 0 ? malloc((size_t)size) : NULL;
    good = bytes != NULL && fseek(file, 0, SEEK_SET) == 0 && fread(bytes, (size_t)size, 1, file) == 1;
    if (good)
        host_disk_set(bytes, (u64)size / BLK_BLOCK_SIZE);
    free(bytes);
    fclose(file);
    return good;
}

bool host_disk_save(const char *path)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        return false;
    bool good = fwrite(disk.now, BLK_BLOCK_SIZE, disk.blocks, file) == disk.blocks;
    return fclose(file) == 0 && good;
}

u8 *host_disk_bytes(void)
{
    return disk.now;
}

u64 host_disk_blocks(void)
{
    return disk.blocks;
}

void host_disk_fail_reads(u64 n, u64 count)
{
    disk.reads = (struct failure){n, count};
}

void host_disk_fail_writes(u64 n, u64 count)
{
    disk.writes = (struct failure){n, count};
}

void host_disk_fail_flushes(u64 n, u64 count)
{
    disk.flushes = (struct failure){n, count};
}

void host_disk_stop_after_writes(u64 n)
{
    disk.writes_left = n;
}

struct host_disk_counts host_disk_counts(void)
{
    return disk.counts;
}

u64 host_disk_requests(void)
{
    return __atomic_load_n(&disk.requests, __ATOMIC_SEQ_CST);
}

u64 host_disk_record(const u64 **events)
{
    *events = disk.events;
    return disk.event_count;
}

void host_disk_record_clear(void)
{
    disk.event_count = 0;
}

static void record(u64 event)
{
    if (disk.event_count < HOST_DISK_RECORD_MAX)
        disk.events[disk.event_count++] = event;
}

/* Under the mutex. */
static void trace(enum host_disk_event_kind kind, u64 value, const u8 *bytes)
{
    if (!disk.tracing)
        return;
    if (disk.trace_count == disk.trace_room) {
        disk.trace_room = disk.trace_room * 2 + 64;
        disk.trace = realloc(disk.trace, disk.trace_room * sizeof *disk.trace);
    }
    u8 *copy = bytes != NULL ? malloc(BLK_BLOCK_SIZE) : NULL;
    if (disk.trace == NULL || (bytes != NULL && copy == NULL))
        abort();
    if (copy != NULL)
        memcpy(copy, bytes, BLK_BLOCK_SIZE);
    disk.trace[disk.trace_count++] = (struct host_disk_event){kind, value, copy};
}

void host_disk_trace(void)
{
    memcpy(disk.medium, disk.now, disk.blocks * BLK_BLOCK_SIZE);
    forget_pending();
    forget_trace();
    disk.tracing = true;
}

void host_disk_mark(u64 value)
{
    pthread_mutex_lock(&mutex);
    trace(HOST_DISK_MARK, value, NULL);
    pthread_mutex_unlock(&mutex);
}

u64 host_disk_events(const struct host_disk_event **events)
{
    *events = disk.trace;
    return disk.trace_count;
}

void host_disk_slow(u64 nanoseconds)
{
    disk.flush_time = nanoseconds;
}

void host_disk_hold(bool hold)
{
    pthread_mutex_lock(&mutex);
    disk.hold = hold;
    pthread_cond_broadcast(&held_changed);
    pthread_mutex_unlock(&mutex);
}

void host_disk_held(u32 count)
{
    pthread_mutex_lock(&mutex);
    while (disk.held < count)
        pthread_cond_wait(&held_changed, &mutex);
    pthread_mutex_unlock(&mutex);
}

void host_disk_power_cut(u64 seed)
{
    u64 random = seed;
    for (struct pending *p = disk.first; p != NULL; p = p->next) {
        /* Knuth's MMIX generator: any good mixing of the seed will do */
        random = random * 6364136223846793005ul + 1442695040888963407ul;
        if (seed == 0 || (random >> 60 & 1) != 0)
            memcpy(disk.medium + p->block * BLK_BLOCK_SIZE, p->bytes, BLK_BLOCK_SIZE);
    }
    forget_pending();
    memcpy(disk.now, disk.medium, disk.blocks * BLK_BLOCK_SIZE);
}

static bool fails(struct failure *failure)
{
    if (failure->n == 0)
        return false;
    if (failure->n > 1) {
        failure->n--;
        return false;
    }
    if (--failure->count == 0)
        failure->n = 0;
    return true;
}

enum err blk_start(void)
{
    return disk.now != NULL ? ERR_OK : ERR_NOT_FOUND;
}

enum err blk_restart(void)
{
    return blk_start();
}

enum err blk_size(u64 *blocks)
{
    *blocks = disk.blocks;
    return ERR_OK;
}

static u8 *slot_bytes(u64 block, u64 slot)
{
    return block < disk.blocks && slot < port_arena_slots() ? port_arena_slot((u32)slot) : NULL;
}

static enum err read_one(u64 block, u8 *bytes)
{
    pthread_mutex_lock(&mutex);
    disk.counts.reads++;
    bool failed = fails(&disk.reads);
    if (!failed)
        memcpy(bytes, disk.now + block * BLK_BLOCK_SIZE, BLK_BLOCK_SIZE);
    pthread_mutex_unlock(&mutex);
    return failed ? ERR_DEVICE : ERR_OK;
}

/* Under the mutex. */
static void append_pending(u64 block, const u8 *bytes)
{
    struct pending *p = malloc(sizeof *p);
    if (p == NULL)
        abort();
    p->next = NULL;
    p->block = block;
    memcpy(p->bytes, bytes, BLK_BLOCK_SIZE);
    if (disk.last == NULL)
        disk.first = p;
    else
        disk.last->next = p;
    disk.last = p;
}

static enum err write_one(u64 block, const u8 *bytes)
{
    pthread_mutex_lock(&mutex);
    disk.counts.writes++;
    bool failed = fails(&disk.writes);
    bool last = false;
    if (!failed) {
        append_pending(block, bytes);
        memcpy(disk.now + block * BLK_BLOCK_SIZE, bytes, BLK_BLOCK_SIZE);
        record(block);
        trace(HOST_DISK_WRITE, block, bytes);
        last = disk.writes_left > 0 && --disk.writes_left == 0;
    }
    pthread_mutex_unlock(&mutex);
    if (last) {
        host_death_after(1);
        host_instant();
    }
    return failed ? ERR_DEVICE : ERR_OK;
}

static enum err transfer(bool out, const u64 *words, u32 count)
{
    host_instant();
    for (u32 i = 0; i < count; i++)
        if (slot_bytes(words[i] >> BLK_SLOT_BITS, words[i] & BLK_SLOT_MASK) == NULL)
            return ERR_RANGE;
    enum err err = ERR_OK;
    __atomic_add_fetch(&disk.requests, 1, __ATOMIC_SEQ_CST);
    for (u32 i = 0; i < count; i++) {
        u64 block = words[i] >> BLK_SLOT_BITS;
        u8 *bytes = slot_bytes(block, words[i] & BLK_SLOT_MASK);
        enum err one = out ? write_one(block, bytes) : read_one(block, bytes);
        err = err == ERR_OK ? one : err;
    }
    if (err == ERR_OK)
        host_instant();
    return err;
}

enum err blk_read(u64 block, u64 slot)
{
    u64 word = BLK_WORD(block, slot);
    return slot_bytes(block, slot) != NULL ? transfer(false, &word, 1) : ERR_RANGE;
}

enum err blk_write(u64 block, u64 slot)
{
    u64 word = BLK_WORD(block, slot);
    return slot_bytes(block, slot) != NULL ? transfer(true, &word, 1) : ERR_RANGE;
}

static enum err transfer_many(bool out, const u64 *words)
{
    u32 count = 0;
    while (count < BLK_MANY && words[count] != BLK_NONE)
        count++;
    return transfer(out, words, count);
}

enum err blk_read_many(u64 word0, u64 word1, u64 word2, u64 word3, u64 word4)
{
    const u64 words[BLK_MANY] = {word0, word1, word2, word3, word4};
    return transfer_many(false, words);
}

enum err blk_write_many(u64 word0, u64 word1, u64 word2, u64 word3, u64 word4)
{
    const u64 words[BLK_MANY] = {word0, word1, word2, word3, word4};
    return transfer_many(true, words);
}

static void flush_now(void)
{
    record(HOST_DISK_FLUSH);
    trace(HOST_DISK_FLUSHED, 0, NULL);
    for (struct pending *p = disk.first; p != NULL; p = p->next)
        memcpy(disk.medium + p->block * BLK_BLOCK_SIZE, p->bytes, BLK_BLOCK_SIZE);
    forget_pending();
}

enum err blk_flush(void)
{
    host_instant();
    if (disk.flush_time > 0)
        (void)nanosleep(&(struct timespec){.tv_nsec = (long)disk.flush_time}, NULL);
    pthread_mutex_lock(&mutex);
    disk.held++;
    pthread_cond_broadcast(&held_changed);
    while (disk.hold)
        pthread_cond_wait(&held_changed, &mutex);
    disk.held--;
    disk.counts.flushes++;
    bool failed = fails(&disk.flushes);
    if (!failed)
        flush_now();
    pthread_mutex_unlock(&mutex);
    if (failed)
        return ERR_DEVICE;
    host_instant();
    return ERR_OK;
}
