/*
 * port/block.h on the host: a disk image in memory, with a volatile write cache and failures on demand.
 *
 * Two copies of the image: `now` is what a read returns; `medium` is what a power cut would leave, brought up
 * to date by each flush. Between them lies the list of writes not flushed, with their bytes, in order.
 */
#include "placement/host/host.h"
#include "port/arena.h"
#include "port/block.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    u64 events[HOST_DISK_RECORD_MAX];
    u64 event_count;
} disk;

static void forget_pending(void)
{
    while (disk.first != NULL) {
        struct pending *p = disk.first;
        disk.first = p->next;
        free(p);
    }
    disk.last = NULL;
}

void host_disk_reset(void)
{
    forget_pending();
    free(disk.now);
    free(disk.medium);
    memset(&disk, 0, sizeof disk);
}

void host_disk_set(const u8 *bytes, u64 blocks)
{
    host_disk_reset();
    disk.now = malloc(blocks * BLK_BLOCK_SIZE);
    disk.medium = malloc(blocks * BLK_BLOCK_SIZE);
    if (disk.now == NULL || disk.medium == NULL)
        abort();
    memcpy(disk.now, bytes, blocks * BLK_BLOCK_SIZE);
    memcpy(disk.medium, bytes, blocks * BLK_BLOCK_SIZE);
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

enum err blk_read(u64 block, u64 slot)
{
    host_instant();
    u8 *bytes = slot < port_arena_slots() ? port_arena_slot((u32)slot) : NULL;
    if (block >= disk.blocks || bytes == NULL)
        return ERR_RANGE;
    disk.counts.reads++;
    if (fails(&disk.reads))
        return ERR_DEVICE;
    memcpy(bytes, disk.now + block * BLK_BLOCK_SIZE, BLK_BLOCK_SIZE);
    host_instant();
    return ERR_OK;
}

enum err blk_write(u64 block, u64 slot)
{
    host_instant();
    const u8 *bytes = slot < port_arena_slots() ? port_arena_slot((u32)slot) : NULL;
    if (block >= disk.blocks || bytes == NULL)
        return ERR_RANGE;
    disk.counts.writes++;
    if (fails(&disk.writes))
        return ERR_DEVICE;
    struct pending *p = malloc(sizeof *p);
    if (p == NULL)
        abort();
    p->next = NULL;
    p->block = block;
    memcpy(p->bytes, bytes, BLK_BLOCK_SIZE);
    memcpy(disk.now + block * BLK_BLOCK_SIZE, bytes, BLK_BLOCK_SIZE);
    if (disk.last == NULL)
        disk.first = p;
    else
        disk.last->next = p;
    disk.last = p;
    record(block);
    if (disk.writes_left > 0 && --disk.writes_left == 0)
        host_death_after(1);
    host_instant();
    return ERR_OK;
}

enum err blk_flush(void)
{
    host_instant();
    disk.counts.flushes++;
    if (fails(&disk.flushes))
        return ERR_DEVICE;
    record(HOST_DISK_FLUSH);
    for (struct pending *p = disk.first; p != NULL; p = p->next)
        memcpy(disk.medium + p->block * BLK_BLOCK_SIZE, p->bytes, BLK_BLOCK_SIZE);
    forget_pending();
    host_instant();
    return ERR_OK;
}
