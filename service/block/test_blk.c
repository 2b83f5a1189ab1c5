/*
 * The block service against a simulated virtio disk that can misbehave in every way the driver claims to
 * survive.
 *
 * The device is a thread. It takes the place of registers.c and of port/device.h; the rest of the ports is
 * the host's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "placement/host/host.h"
#include "port/arena.h"
#include "port/block.h"
#include "port/device.h"
#include "port/log.h"
#include "port/sync.h"
#include "port/thread.h"
#include "port/time.h"
#include "service/block/virtio.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCKS      64u
#define DMA_ADDRESS 0x90000000ul

enum mischief {
    BEHAVES,
    IO_ERROR,        /* the next request fails */
    UNSUPPORTED,     /* likewise */
    NO_STATUS,       /* answers without a status */
    WRONG_ID,        /* names a request nobody made */
    WRONG_ID_PARITY, /* names a descriptor that is no head */
    WRONG_INDEX,     /* the used index jumps */
    SILENT_ONCE,     /* swallows a request */
    SILENT,          /* swallows all, until told otherwise */
    NO_INTERRUPT,    /* answers without an interrupt */
    WANTS_RESET,     /* sets NEEDS_RESET and swallows the request */
    DEAD,            /* ignores even a reset */
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool started;
    /* what the driver set */
    u32 status, device_features_sel, driver_features_sel, driver_features[2];
    u32 queue_ready, interrupt;
    u64 queue[3]; /* desc, driver, device */
    u16 taken;    /* of the avail ring */
    bool notified;
    bool at_work; /* with what it was notified of */
    /* what the test set */
    enum mischief mischief;
    u32 delay_us;
    bool flushes_first; /* of what it finds together; the others once more as late */
    u32 id, version, features, queue_max;
    /* what happened */
    u32 resets, flushes, requests, together; /* most requests found at once */
    u8 disk[BLOCKS * BLK_BLOCK_SIZE];
    u8 dma[PAGE_SIZE] __attribute__((aligned(4096)));
    u64 generation; /* service threads of older ones end */
    u32 threads;    /* service threads that have come to port_irq_wait() */
} dev = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .generation = 1};

static u8 *at(u64 address)
{
    if (address >= DMA_ADDRESS && address < DMA_ADDRESS + PAGE_SIZE)
        return dev.dma + (address - DMA_ADDRESS);
    assert_true(address >= port_arena_device_address(0));
    return port_arena_slot(0) + (address - port_arena_device_address(0));
}

/* ---- Registers ---- */

u32 virtio_read(const struct port_device *device, u32 offset)
{
    (void)device;
    u32 value = 0;
    pthread_mutex_lock(&dev.lock);
    switch (offset) {
    case VIRTIO_MAGIC:
        value = VIRTIO_MAGIC_VALUE;
        break;
    case VIRTIO_VERSION:
        value = dev.version;
        break;
    case VIRTIO_DEVICE_ID:
        value = dev.id;
        break;
    case VIRTIO_DEVICE_FEATURES:
        value = dev.device_features_sel == 1 ? VIRTIO_F_VERSION_1 : dev.features;
        break;
    case VIRTIO_QUEUE_NUM_MAX:
        value = dev.queue_max;
        break;
    case VIRTIO_QUEUE_READY:
        value = dev.queue_ready;
        break;
    case VIRTIO_INTERRUPT_STATUS:
        value = dev.interrupt;
        break;
    case VIRTIO_STATUS:
        value = dev.status;
        break;
    case VIRTIO_BLK_CAPACITY:
        value = BLOCKS * 2 + 1; /* an odd sector at the end is not used */
        break;
    }
    pthread_mutex_unlock(&dev.lock);
    return value;
}

static void set_status(u32 value)
{
    if (value == 0) {
        if (dev.mischief == DEAD)
            return;
        dev.resets++;
        dev.queue_ready = 0;
        dev.interrupt = 0;
        dev.taken = 0;
        dev.notified = false;
    }
    dev.status = value;
}

void virtio_write(const struct port_device *device, u32 offset, u32 value)
{
    (void)device;
    pthread_mutex_lock(&dev.lock);
    switch (offset) {
    case VIRTIO_DEVICE_FEATURES_SEL:
        dev.device_features_sel = value;
        break;
    case VIRTIO_DRIVER_FEATURES_SEL:
        dev.driver_features_sel = value;
        break;
    case VIRTIO_DRIVER_FEATURES:
        dev.driver_features[dev.driver_features_sel & 1] = value;
        break;
    case VIRTIO_QUEUE_READY:
        dev.queue_ready = value;
        break;
    case VIRTIO_QUEUE_NOTIFY:
        dev.notified = true;
        break;
    case VIRTIO_INTERRUPT_ACK:
        dev.interrupt &= ~value;
        break;
    case VIRTIO_STATUS:
        set_status(value);
        break;
    case VIRTIO_QUEUE_DESC:
    case VIRTIO_QUEUE_DRIVER:
    case VIRTIO_QUEUE_DEVICE:
        dev.queue[(offset - VIRTIO_QUEUE_DESC) / 0x10] = value;
        break;
    }
    pthread_cond_broadcast(&dev.changed);
    pthread_mutex_unlock(&dev.lock);
}

/* ---- port/device.h ---- */

enum err port_device_find(const char *compatible, u32 n, struct port_device *device)
{
    assert_string_equal(compatible, "virtio,mmio");
    if (n >= 1)
        return ERR_NOT_FOUND;
    *device = (struct port_device){.window = dev.dma, .size = 0x200, .irq = 8};
    return ERR_OK;
}

enum err port_irq_wait(u32 irq, u64 deadline)
{
    assert_int_equal(irq, 8);
    assert_int_equal(deadline, PORT_FOREVER);
    pthread_mutex_lock(&dev.lock);
    static __thread u64 mine;
    if (mine == 0) {
        mine = dev.generation;
        dev.threads++;
        pthread_cond_broadcast(&dev.changed);
    }
    while (dev.interrupt == 0 && mine == dev.generation)
        pthread_cond_wait(&dev.changed, &dev.lock);
    bool old = mine != dev.generation;
    if (old) {
        dev.threads--;
        pthread_cond_broadcast(&dev.changed);
    }
    pthread_mutex_unlock(&dev.lock);
    if (old)
        port_thread_exit();
    return ERR_OK;
}

void port_device_fence(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

enum err port_dma_page(u32 index, void **memory, u64 *device_address)
{
    assert_int_equal(index, 0);
    *memory = dev.dma;
    *device_address = DMA_ADDRESS;
    return ERR_OK;
}

/* ---- The device's thread ---- */

static u8 carry_out(const struct virtq_desc *d, u32 head)
{
    const struct virtio_blk_header *header = (const void *)at(d[head].addr);
    assert_int_equal(d[head].len, 16);
    assert_int_equal(d[head].flags, VIRTQ_DESC_NEXT);
    if (header->type == VIRTIO_BLK_FLUSH) {
        dev.flushes++;
        return VIRTIO_BLK_OK;
    }
    u64 sector = header->sector;
    assert_true(header->type == VIRTIO_BLK_IN || header->type == VIRTIO_BLK_OUT);
    u32 next = d[head].next;
    for (; (d[next].flags & VIRTQ_DESC_NEXT) != 0; next = d[next].next) { /* the last one is the status */
        const struct virtq_desc *data = &d[next];
        assert_int_equal(data->len, BLK_BLOCK_SIZE);
        assert_true(sector % 2 == 0 && sector / 2 < BLOCKS);
        u8 *place = dev.disk + sector * 512;
        assert_int_equal(data->flags,
                         VIRTQ_DESC_NEXT | (header->type == VIRTIO_BLK_IN ? VIRTQ_DESC_WRITE : 0));
        if (header->type == VIRTIO_BLK_IN)
            memcpy(at(data->addr), place, BLK_BLOCK_SIZE);
        else
            memcpy(place, at(data->addr), BLK_BLOCK_SIZE);
        sector += 2;
    }
    assert_int_not_equal(next, d[head].next);
    dev.requests++;
    return VIRTIO_BLK_OK;
}

static void answer(u32 head)
{
    const struct virtq_desc *d = (const void *)at(dev.queue[0]);
    struct virtq_used *used = (void *)at(dev.queue[2]);
    enum mischief mischief = dev.mischief;
    if (mischief != SILENT && mischief != DEAD)
        dev.mischief = BEHAVES;
    if (mischief == SILENT || mischief == SILENT_ONCE || mischief == DEAD)
        return;
    if (mischief == WANTS_RESET) {
        dev.status |= VIRTIO_STATUS_NEEDS_RESET;
        dev.interrupt |= 2;
        return;
    }
    u8 status = mischief == IO_ERROR      ? VIRTIO_BLK_IOERR
                : mischief == UNSUPPORTED ? VIRTIO_BLK_UNSUPP
                                          : carry_out(d, head);
    u32 last = head;
    while ((d[last].flags & VIRTQ_DESC_NEXT) != 0)
        last = d[last].next;
    assert_int_equal(d[last].flags, VIRTQ_DESC_WRITE);
    if (mischief != NO_STATUS)
        *at(d[last].addr) = status;
    u32 id = mischief == WRONG_ID ? 999 : mischief == WRONG_ID_PARITY ? head + 1 : head;
    used->ring[used->idx % VIRTQ_SIZE].id = id;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    used->idx += mischief == WRONG_INDEX ? 100 : 1;
    if (mischief != NO_INTERRUPT)
        dev.interrupt |= 1;
}

/* A device may answer in any order: here the flushes of those it has found. */
static void answer_flushes_first(const volatile struct virtq_avail *avail)
{
    u16 taken = dev.taken, end = avail->idx;
    for (u16 i = taken; i != end; i++) {
        u32 head = avail->ring[i % VIRTQ_SIZE];
        const struct virtq_desc *d = (const void *)at(dev.queue[0]);
        if (((const struct virtio_blk_header *)(const void *)at(d[head].addr))->type == VIRTIO_BLK_FLUSH)
            answer(head);
    }
    dev.taken = end;
    pthread_cond_broadcast(&dev.changed);
    pthread_mutex_unlock(&dev.lock);
    usleep(dev.delay_us);
    pthread_mutex_lock(&dev.lock);
    for (u16 i = taken; i != end; i++) {
        u32 head = avail->ring[i % VIRTQ_SIZE];
        const struct virtq_desc *d = (const void *)at(dev.queue[0]);
        if (((const struct virtio_blk_header *)(const void *)at(d[head].addr))->type != VIRTIO_BLK_FLUSH)
            answer(head);
    }
}

static void *run_device(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&dev.lock);
    for (;;) {
        dev.at_work = false;
        while (!dev.notified)
            pthread_cond_wait(&dev.changed, &dev.lock);
        dev.notified = false;
        dev.at_work = true;
        if (dev.delay_us != 0) {
            pthread_mutex_unlock(&dev.lock);
            usleep(dev.delay_us);
            pthread_mutex_lock(&dev.lock);
        }
        if ((dev.status & VIRTIO_STATUS_DRIVER_OK) == 0 || dev.queue_ready == 0)
            continue;
        const volatile struct virtq_avail *avail = (const void *)at(dev.queue[1]);
        u32 found = (u16)(avail->idx - dev.taken);
        dev.together = found > dev.together ? found : dev.together;
        if (dev.flushes_first)
            answer_flushes_first(avail);
        while (dev.taken != avail->idx)
            answer(avail->ring[dev.taken++ % VIRTQ_SIZE]);
        pthread_cond_broadcast(&dev.changed);
    }
    return NULL;
}

static void misbehave(enum mischief mischief)
{
    pthread_mutex_lock(&dev.lock);
    dev.mischief = mischief;
    dev.resets = 0;
    pthread_mutex_unlock(&dev.lock);
}

/* The service's threads die with it. */
static void kill_service(void)
{
    pthread_mutex_lock(&dev.lock);
    dev.generation++;
    pthread_cond_broadcast(&dev.changed);
    while (dev.threads > 0)
        pthread_cond_wait(&dev.changed, &dev.lock);
    pthread_mutex_unlock(&dev.lock);
}

/* Starts it, and lets its thread come to its place, so that kill_service() finds it there. */
static void start_service(enum err (*start)(void))
{
    assert_int_equal(start(), ERR_OK);
    pthread_mutex_lock(&dev.lock);
    while (dev.threads == 0)
        pthread_cond_wait(&dev.changed, &dev.lock);
    pthread_mutex_unlock(&dev.lock);
}

static int setup(void **state)
{
    (void)state;
    host_reset();
    host_log_quiet = true;
    host_arena_set(256);
    kill_service();
    dev.mischief = BEHAVES;
    dev.delay_us = 0;
    dev.flushes_first = false;
    dev.id = VIRTIO_ID_BLOCK;
    dev.version = VIRTIO_VERSION_MODERN;
    dev.features = VIRTIO_BLK_F_FLUSH | 1u << 28;
    dev.queue_max = 1024;
    dev.flushes = dev.requests = dev.together = 0;
    dev.status = 0;
    for (u32 i = 0; i < sizeof dev.disk; i++)
        dev.disk[i] = (u8)(i / BLK_BLOCK_SIZE + i);
    if (!dev.started) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, run_device, NULL), 0);
        pthread_detach(thread);
        dev.started = true;
    }
    memset(dev.dma, 0xee, sizeof dev.dma);
    start_service(blk_start);
    return 0;
}

static void check_read(u64 block, u32 slot)
{
    memset(port_arena_slot(slot), 0, BLK_BLOCK_SIZE);
    assert_int_equal(blk_read(block, slot), ERR_OK);
    assert_memory_equal(port_arena_slot(slot), dev.disk + block * BLK_BLOCK_SIZE, BLK_BLOCK_SIZE);
}

static void test_plain(void **state)
{
    (void)state;
    u64 blocks;
    assert_int_equal(blk_size(&blocks), ERR_OK);
    assert_int_equal(blocks, BLOCKS);
    assert_int_equal(dev.driver_features[0], VIRTIO_BLK_F_FLUSH);
    assert_int_equal(dev.driver_features[1], VIRTIO_F_VERSION_1);
    for (u32 n = 0; n < 500; n++)
        check_read(n * 7 % BLOCKS, n % 256);
    memset(port_arena_slot(3), 0x5a, BLK_BLOCK_SIZE);
    assert_int_equal(blk_write(BLOCKS - 1, 3), ERR_OK);
    check_read(BLOCKS - 1, 4);
    assert_int_equal(dev.disk[sizeof dev.disk - 1], 0x5a);
    assert_int_equal(blk_flush(), ERR_OK);
    assert_int_equal(dev.flushes, 1);
    assert_int_equal(blk_read(BLOCKS, 0), ERR_RANGE);
    assert_int_equal(blk_write(~0ul, 0), ERR_RANGE);
    assert_int_equal(blk_read(0, 256), ERR_RANGE);
    assert_int_equal(blk_read(0, 1ul << 32), ERR_RANGE);
}

/* Several transfers at once: neighbours share a request, the others are under way together. */
static void test_many(void **state)
{
    (void)state;
    static u8 expected[BLOCKS * BLK_BLOCK_SIZE];
    memcpy(expected, dev.disk, sizeof expected);
    dev.delay_us = 2000; /* so that the device looks once all have been published */
    static const u64 blocks[BLK_MANY] = {10, 11, 40, 3, 4};
    u64 words[BLK_MANY];
    for (u32 i = 0; i < BLK_MANY; i++) {
        words[i] = BLK_WORD(blocks[i], 20 + i);
        memset(port_arena_slot(20 + i), (int)(0x60 + i), BLK_BLOCK_SIZE);
        memset(expected + blocks[i] * BLK_BLOCK_SIZE, (int)(0x60 + i), BLK_BLOCK_SIZE);
    }
    assert_int_equal(blk_write_many(words[0], words[1], words[2], words[3], words[4]), ERR_OK);
    assert_memory_equal(dev.disk, expected, sizeof expected);
    assert_int_equal(dev.requests, 3);
    assert_int_equal(dev.together, 3);
    dev.requests = 0;
    for (u32 i = 0; i < BLK_MANY; i++)
        words[i] = BLK_WORD(20 + i, 30 + i);
    assert_int_equal(blk_read_many(words[0], words[1], words[2], words[3], words[4]), ERR_OK);
    assert_memory_equal(port_arena_slot(30), dev.disk + 20 * BLK_BLOCK_SIZE, BLK_MANY * BLK_BLOCK_SIZE);
    assert_int_equal(dev.requests, 1);
    assert_int_equal(blk_read_many(words[1], BLK_NONE, words[3], BLK_NONE, BLK_NONE), ERR_OK);
    assert_int_equal(dev.requests, 2);
    assert_int_equal(blk_read_many(BLK_NONE, 0, 0, 0, 0), ERR_OK);
    assert_int_equal(dev.requests, 2);
    /* one that cannot be: then none */
    assert_int_equal(blk_read_many(words[0], BLK_WORD(BLOCKS, 1), BLK_NONE, 0, 0), ERR_RANGE);
    assert_int_equal(blk_read_many(words[0], BLK_WORD(1, 256), BLK_NONE, 0, 0), ERR_RANGE);
    assert_int_equal(dev.requests, 2);
    /* one of two requests fails: so does the operation, and the next one works */
    misbehave(IO_ERROR);
    assert_int_equal(blk_read_many(words[0], words[2], BLK_NONE, 0, 0), ERR_DEVICE);
    check_read(5, 5);
    misbehave(SILENT_ONCE);
    assert_int_equal(blk_read_many(words[0], words[2], words[4], BLK_NONE, 0), ERR_OK);
    assert_int_equal(dev.resets, 1);
}

static void test_refused_devices(void **state)
{
    (void)state;
    kill_service();
    dev.version = 1;
    assert_int_equal(blk_start(), ERR_NOT_FOUND);
    dev.version = 2;
    dev.id = 1;
    assert_int_equal(blk_start(), ERR_NOT_FOUND);
    dev.id = VIRTIO_ID_BLOCK;
    dev.queue_max = 8;
    assert_int_equal(blk_start(), ERR_DEVICE);
    dev.queue_max = VIRTQ_SIZE;
    start_service(blk_start);
}

static void test_read_only_without_cache(void **state)
{
    (void)state;
    kill_service();
    dev.features = VIRTIO_BLK_F_RO;
    start_service(blk_start);
    assert_int_equal(blk_write(1, 1), ERR_DEVICE);
    assert_int_equal(blk_flush(), ERR_OK);
    assert_int_equal(dev.flushes, 0);
    check_read(1, 1);
}

static void test_errors(void **state)
{
    (void)state;
    static const enum mischief refusals[] = {IO_ERROR, UNSUPPORTED};
    for (u32 i = 0; i < ARRAY_SIZE(refusals); i++) {
        misbehave(refusals[i]);
        assert_int_equal(blk_read(1, 1), ERR_DEVICE);
        assert_int_equal(dev.resets, 0);
        check_read(1, 1);
        misbehave(refusals[i]);
        assert_int_equal(blk_flush(), ERR_DEVICE);
    }
    static const enum mischief nonsense[] = {NO_STATUS, WRONG_ID, WRONG_ID_PARITY, WRONG_INDEX};
    for (u32 i = 0; i < ARRAY_SIZE(nonsense); i++) {
        misbehave(nonsense[i]);
        assert_int_equal(blk_read(1, 1), ERR_DEVICE);
        assert_int_equal(dev.resets, 1);
        check_read(2, 1);
    }
}

static void test_silence(void **state)
{
    (void)state;
    misbehave(SILENT_ONCE);
    u64 start = port_now();
    check_read(5, 5); /* after a reset the second try succeeds */
    assert_true(port_now() - start >= PORT_SECOND);
    assert_int_equal(dev.resets, 1);
    misbehave(SILENT);
    assert_int_equal(blk_read(5, 5), ERR_DEVICE);
    assert_int_equal(dev.resets, 2);
    misbehave(DEAD);
    start = port_now();
    assert_int_equal(blk_read(5, 5), ERR_DEVICE);
    assert_int_equal(blk_read(5, 5), ERR_DEVICE); /* at once: not ready */
    assert_true(port_now() - start < 2 * PORT_SECOND);
    misbehave(BEHAVES);
    check_read(6, 6);
    misbehave(WANTS_RESET);
    check_read(7, 7);
    assert_int_equal(dev.resets, 1);
}

static void test_lost_interrupt(void **state)
{
    (void)state;
    u64 fastest = PORT_FOREVER; /* of several: the computer may have had something else to do */
    for (u64 n = 9; n < 14; n++) {
        misbehave(NO_INTERRUPT);
        u64 start = port_now();
        check_read(n, (u32)n);
        fastest = min_u64(fastest, port_now() - start);
        assert_int_equal(dev.resets, 0);
        if (n == 9) /* it might have come a moment later */
            assert_null(strstr(host_log_text, "interrupts are lost"));
    }
    assert_true(fastest < PORT_SECOND / 2);
    assert_non_null(strstr(host_log_text, "interrupts are lost"));
}

static u32 failures, running;

static void client(void *argument)
{
    u64 seed = (u64)argument;
    u32 slot = (u32)seed * 2;
    for (u32 n = 0; n < 60; n++) {
        seed = seed * 6364136223846793005ul + 1442695040888963407ul;
        u64 block = (u64)argument * 2 + (seed >> 40) % 2; /* two blocks of its own */
        memset(port_arena_slot(slot), (int)(seed >> 50), BLK_BLOCK_SIZE);
        if (blk_write(block, slot) != ERR_OK || blk_read(block, slot + 1) != ERR_OK ||
            memcmp(port_arena_slot(slot), port_arena_slot(slot + 1), BLK_BLOCK_SIZE) != 0 ||
            (n % 16 == 0 && blk_flush() != ERR_OK) ||
            blk_read_many(BLK_WORD(1, 100 + slot), BLK_WORD(30, 101 + slot), BLK_WORD(50, 100 + slot),
                          BLK_NONE, 0) != ERR_OK)
            __atomic_add_fetch(&failures, 1, __ATOMIC_SEQ_CST);
    }
    __atomic_sub_fetch(&running, 1, __ATOMIC_SEQ_CST);
    port_thread_exit();
}

/* More callers than requests; now and then a request is swallowed, and all that was under way is repeated. */
static void test_many_callers(void **state)
{
    (void)state;
    dev.delay_us = 200;
    failures = 0;
    running = 24;
    for (u64 i = 0; i < 24; i++)
        assert_int_equal(port_thread_start("client", client, (void *)i), ERR_OK);
    usleep(30000);
    misbehave(SILENT_ONCE);
    while (__atomic_load_n(&running, __ATOMIC_SEQ_CST) > 0)
        usleep(1000);
    assert_int_equal(failures, 0);
    assert_true(dev.together > 1);
    assert_int_equal(dev.resets, 1);
}

static void late_writer(void *argument)
{
    u64 n = (u64)argument;
    u64 words[BLK_MANY]; /* blocks that do not follow each other: each is a request of its own */
    for (u32 i = 0; i < BLK_MANY; i++) {
        words[i] = BLK_WORD(2 * (BLK_MANY * n + i), 100 + BLK_MANY * n + i);
        memset(port_arena_slot((u32)(100 + BLK_MANY * n + i)), (int)(0x80 + BLK_MANY * n + i),
               BLK_BLOCK_SIZE);
    }
    if (blk_write_many(words[0], words[1], words[2], words[3], words[4]) != ERR_OK)
        __atomic_add_fetch(&failures, 1, __ATOMIC_SEQ_CST);
    __atomic_sub_fetch(&running, 1, __ATOMIC_SEQ_CST);
    port_thread_exit();
}

/* How many requests the driver has ever put into the ring. */
static u16 published(void)
{
    pthread_mutex_lock(&dev.lock);
    u16 idx = ((const volatile struct virtq_avail *)(const void *)at(dev.queue[1]))->idx;
    pthread_mutex_unlock(&dev.lock);
    return idx;
}

/* After an answer to a flush the device still looks at what it has found beside it. */
static void wait_until_idle(void)
{
    bool idle = false;

    while (!idle) {
        usleep(1000);
        pthread_mutex_lock(&dev.lock);
        idle = !dev.notified && !dev.at_work;
        pthread_mutex_unlock(&dev.lock);
    }
}

static bool all_wait_for_the_device(u16 before)
{
    pthread_mutex_lock(&dev.lock);
    bool result = dev.taken == before;
    pthread_mutex_unlock(&dev.lock);
    return result;
}

#define WRITERS       4
#define RING_HOLDS    16 /* requests */
#define MOST_ATTEMPTS 10

/* Returns whether the device had answered nothing when the flush began. */
static bool flush_behind_writers(void)
{
    u16 before = published();
    failures = 0;
    running = WRITERS;
    memset(dev.disk, 0, sizeof(dev.disk));
    for (u64 n = 0; n < WRITERS; n++) {
        assert_int_equal(port_thread_start("late", late_writer, (void *)n), ERR_OK);
        u16 most = (u16)min_u64(BLK_MANY * (n + 1), RING_HOLDS);
        while ((u16)(published() - before) <
               most) /* or the flush may be the older one, which need not wait */
            usleep(100);
    }
    bool early = all_wait_for_the_device(before);
    assert_int_equal(blk_flush(), ERR_OK);
    for (u32 i = 0; i < WRITERS * BLK_MANY; i++)
        assert_int_equal(dev.disk[2 * i * BLK_BLOCK_SIZE], 0x80 + i);
    while (__atomic_load_n(&running, __ATOMIC_SEQ_CST) > 0)
        usleep(1000);
    assert_int_equal(failures, 0);
    return early;
}

/* More requests are wanted than there are: a flush waits for those, too, that have not begun. A dead client's
 * last writes are such, and its next generation relies on the flush. A computer that is busy may be so late
 * that the device has answered before: that says nothing, and is done once more. */
static void test_flush_waits_for_the_waiting(void **state)
{
    (void)state;
    u32 attempts = 1;
    dev.delay_us = 100000;
    dev.flushes_first = true;
    while (!flush_behind_writers()) {
        assert_true(++attempts <= MOST_ATTEMPTS);
        wait_until_idle();
    }
}

static void test_restart(void **state)
{
    (void)state;
    check_read(3, 3);
    kill_service();
    misbehave(BEHAVES);
    start_service(blk_restart);
    assert_int_equal(dev.resets, 1);
    check_read(4, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_plain, setup),
        cmocka_unit_test_setup(test_many, setup),
        cmocka_unit_test_setup(test_refused_devices, setup),
        cmocka_unit_test_setup(test_read_only_without_cache, setup),
        cmocka_unit_test_setup(test_errors, setup),
        cmocka_unit_test_setup(test_silence, setup),
        cmocka_unit_test_setup(test_lost_interrupt, setup),
        cmocka_unit_test_setup(test_many_callers, setup),
        cmocka_unit_test_setup(test_flush_waits_for_the_waiting, setup),
        cmocka_unit_test_setup(test_restart, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
