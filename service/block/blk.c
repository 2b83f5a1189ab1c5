/*
 * The block service: one virtio disk, several requests at a time.
 *
 * A request is FREE, or BUSY while the device has it, or DONE until the thread that asked has taken its
 * result:
 *
 *     caller:  FREE --publish--> BUSY, waits          takes the result, DONE --> FREE
 *     device:                        puts its number into the used ring, interrupts
 *     service thread:                                 collect: BUSY --> DONE, wakes the caller
 *
 * Request n has the descriptors 7n .. 7n + 6 (header, data, status), so there is nothing to allocate and an
 * answer is checked by arithmetic. Blocks that follow each other on the disk share a request. A caller with
 * several requests begins them all before it waits, and tells the device once. Callers look into the used
 * ring themselves when nobody has woken them for a while: a lost interrupt costs BLK_LOOK, no more.
 *
 * The device is not trusted. What it may not do (an index or a number out of range, an unknown status,
 * silence for BLK_TIMEOUT) leads to a reset. After silence, what was under way is asked once more; after
 * nonsense it fails. Until a reset has worked the device is not ready, and each new request tries it again.
 * Only a device that ignores even a reset could still write into a slot it was lent; nothing here can prevent
 * that.
 *
 * Locking: blk.lock guards everything. It is not held while a caller waits.
 */
#include "lib/string.h"
#include "port/arena.h"
#include "port/block.h"
#include "port/device.h"
#include "port/log.h"
#include "port/sync.h"
#include "port/thread.h"
#include "port/time.h"
#include "service/block/virtio.h"
#include "service/inject.h"

#define REQUESTS    16u
#define DESCRIPTORS (2 + BLK_MANY)            /* of one request: header, data, status */
#define TRIES       2u                        /* how often a request is given to the device */
#define BLK_TIMEOUT PORT_SECOND               /* for each try */
#define PATIENCE    (2 * TRIES * BLK_TIMEOUT) /* for a free request */
#define BLK_LOOK    (100 * PORT_MILLISECOND)  /* how long a caller relies on the interrupt */
#define LOST        5u                        /* so many answers without an interrupt: none comes, not late */
#define RESET_READS 100000u                   /* how often the status is read until a reset must be done */

/* Shared with the device: one page. The status bytes are apart from what only we write. */
struct queue_memory {
    struct virtq_desc desc[VIRTQ_SIZE];
    struct virtq_avail avail;
    struct virtq_used used;
    struct virtio_blk_header header[REQUESTS];
    u8 status[REQUESTS];
};
_Static_assert(sizeof(struct queue_memory) <= PAGE_SIZE, "one page of device memory");
_Static_assert(DESCRIPTORS *REQUESTS <= VIRTQ_SIZE, "descriptors for each request");

#define STATUS_NONE 0xffu /* no status of the specification: the device has not written one */

enum request_state {
    REQUEST_FREE,
    REQUEST_BUSY,
    REQUEST_DONE,
};

struct request {
    enum request_state state;
    enum err result; /* when DONE */
    u32 type;        /* VIRTIO_BLK_* */
    u32 tries;
    u64 block;             /* the first one */
    u32 count;             /* how many; 0: a flush */
    u64 address[BLK_MANY]; /* of the data, for the device */
    u64 serial;            /* in order of their beginning */
    u64 deadline;          /* when the device must have answered this try */
    struct port_queue done;
};

struct batch;

static struct {
    struct port_lock lock;
    struct port_queue freed; /* a request has become FREE */
    struct port_queue ended; /* an operation has */
    struct batch *open;      /* operations that have begun and not ended */
    struct port_device device;
    bool ready; /* initialised, and has not misbehaved since */
    bool read_only;
    bool has_cache; /* writes need a flush */
    u64 blocks;
    u64 serial;
    volatile struct queue_memory *memory;
    u64 memory_address; /* of the same, for the device */
    bool untold;        /* requests were published since the device was last notified */
    u16 seen;           /* how much of the used ring was collected */
    u32 overtaken;      /* how often answers were found by looking since the last interrupt */
    struct request request[REQUESTS];
} blk;

static u32 read_register(u32 offset)
{
    return virtio_read(&blk.device, offset);
}

static void write_register(u32 offset, u32 value)
{
    virtio_write(&blk.device, offset, value);
}

static void write_address(u32 offset, u64 place)
{
    u64 address = blk.memory_address + place;
    write_register(offset, (u32)address);
    write_register(offset + 4, (u32)(address >> 32));
}

/* ---- The device from reset to ready, 3.1.1 and 4.2.3.1 ---- */

static enum err give_up(const char *why)
{
    write_register(VIRTIO_STATUS, VIRTIO_STATUS_FAILED);
    port_log("block: device refused: %s\n", why);
    return ERR_DEVICE;
}

static u64 read_capacity(void)
{
    for (u32 i = 0; i < RESET_READS; i++) {
        u32 generation = read_register(VIRTIO_CONFIG_GENERATION);
        u64 low = read_register(VIRTIO_BLK_CAPACITY);
        u64 high = read_register(VIRTIO_BLK_CAPACITY + 4);
        if (read_register(VIRTIO_CONFIG_GENERATION) == generation)
            return high << 32 | low;
    }
    return 0;
}

/* Resets first: until then the memory may still be the device's. Afterwards no request is the device's any
 * more. */
static enum err device_init(void)
{
    blk.ready = false;
    write_register(VIRTIO_STATUS, 0);
    u32 reads = 0;
    while (read_register(VIRTIO_STATUS) != 0)
        if (++reads == RESET_READS)
            return give_up("no reset");
    port_device_fence();
    memset((void *)blk.memory, 0, sizeof *blk.memory);
    blk.seen = 0;
    blk.untold = false;

    u32 status = VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER;
    write_register(VIRTIO_STATUS, VIRTIO_STATUS_ACKNOWLEDGE);
    write_register(VIRTIO_STATUS, status);
    write_register(VIRTIO_DEVICE_FEATURES_SEL, 1);
    if ((read_register(VIRTIO_DEVICE_FEATURES) & VIRTIO_F_VERSION_1) == 0)
        return give_up("not a modern device");
    write_register(VIRTIO_DEVICE_FEATURES_SEL, 0);
    u32 features = read_register(VIRTIO_DEVICE_FEATURES) & (VIRTIO_BLK_F_RO | VIRTIO_BLK_F_FLUSH);
    blk.read_only = (features & VIRTIO_BLK_F_RO) != 0;
    blk.has_cache = (features & VIRTIO_BLK_F_FLUSH) != 0;
    write_register(VIRTIO_DRIVER_FEATURES_SEL, 0);
    write_register(VIRTIO_DRIVER_FEATURES, features);
    write_register(VIRTIO_DRIVER_FEATURES_SEL, 1);
    write_register(VIRTIO_DRIVER_FEATURES, VIRTIO_F_VERSION_1);
    status |= VIRTIO_STATUS_FEATURES_OK;
    write_register(VIRTIO_STATUS, status);
    if ((read_register(VIRTIO_STATUS) & VIRTIO_STATUS_FEATURES_OK) == 0)
        return give_up("features");

    write_register(VIRTIO_QUEUE_SEL, 0);
    if (read_register(VIRTIO_QUEUE_READY) != 0)
        return give_up("queue in use");
    if (read_register(VIRTIO_QUEUE_NUM_MAX) < VIRTQ_SIZE)
        return give_up("queue too short");
    write_register(VIRTIO_QUEUE_NUM, VIRTQ_SIZE);
    write_address(VIRTIO_QUEUE_DESC, offsetof(struct queue_memory, desc));
    write_address(VIRTIO_QUEUE_DRIVER, offsetof(struct queue_memory, avail));
    write_address(VIRTIO_QUEUE_DEVICE, offsetof(struct queue_memory, used));
    port_device_fence();
    write_register(VIRTIO_QUEUE_READY, 1);
    write_register(VIRTIO_STATUS, status | VIRTIO_STATUS_DRIVER_OK);
    blk.blocks = read_capacity() / (BLK_BLOCK_SIZE / 512);
    blk.ready = true;
    return ERR_OK;
}

/* ---- Requests ---- */

static void set_descriptor(u32 index, u64 address, u32 length, u32 flags)
{
    volatile struct virtq_desc *d = &blk.memory->desc[index];
    d->addr = address;
    d->len = length;
    d->flags = (u16)flags;
    d->next = (u16)(index + 1);
}

/* Gives the request to the device, which is ready, and hears of it by notify(). */
static void publish(struct request *r)
{
    u32 n = (u32)(r - blk.request);
    volatile struct queue_memory *m = blk.memory;
    m->header[n].type = r->type;
    m->header[n].sector = r->block * (BLK_BLOCK_SIZE / 512);
    m->status[n] = STATUS_NONE;
    u32 next = DESCRIPTORS * n;
    set_descriptor(next++,
                   blk.memory_address + offsetof(struct queue_memory, header) + n * sizeof m->header[0],
                   sizeof m->header[0], VIRTQ_DESC_NEXT);
    for (u32 i = 0; i < r->count; i++)
        set_descriptor(next++, r->address[i], BLK_BLOCK_SIZE,
                       VIRTQ_DESC_NEXT | (r->type == VIRTIO_BLK_IN ? VIRTQ_DESC_WRITE : 0));
    set_descriptor(next, blk.memory_address + offsetof(struct queue_memory, status) + n, 1, VIRTQ_DESC_WRITE);

    r->state = REQUEST_BUSY;
    r->tries++;
    r->deadline = port_now() + BLK_TIMEOUT;
    u16 idx = m->avail.idx;
    m->avail.ring[idx % VIRTQ_SIZE] = (u16)(DESCRIPTORS * n);
    port_device_fence(); /* the device sees the request before the index that covers it */
    m->avail.idx = (u16)(idx + 1);
    blk.untold = true;
}

/* Before any wait: the device has heard of all that was published. */
static void notify(void)
{
    if (!blk.untold)
        return;
    blk.untold = false;
    port_device_fence();
    write_register(VIRTIO_QUEUE_NOTIFY, 0);
}

static void finish(struct request *r, enum err result)
{
    r->state = REQUEST_DONE;
    r->result = result;
    port_wake_all(&r->done);
}

/* Resets the device. What was under way is asked again (`again`, and not too often already) or fails. */
static void recover(bool again)
{
    bool ready = device_init() == ERR_OK;
    for (u32 n = 0; n < REQUESTS; n++) {
        struct request *r = &blk.request[n];
        if (r->state != REQUEST_BUSY)
            continue;
        if (ready && again && r->tries < TRIES)
            publish(r);
        else
            finish(r, ERR_DEVICE);
    }
    notify();
}

/* Takes one answer. False: it makes no sense. */
static bool collect_one(u32 id)
{
    if (id % DESCRIPTORS != 0 || id / DESCRIPTORS >= REQUESTS ||
        blk.request[id / DESCRIPTORS].state != REQUEST_BUSY)
        return false;
    u8 status = blk.memory->status[id / DESCRIPTORS];
    if (status != VIRTIO_BLK_OK && status != VIRTIO_BLK_IOERR && status != VIRTIO_BLK_UNSUPP)
        return false;
    finish(&blk.request[id / DESCRIPTORS], status == VIRTIO_BLK_OK ? ERR_OK : ERR_DEVICE);
    return true;
}

/* Takes all answers that are there. Returns whether there were any. */
static bool collect(void)
{
    if (!blk.ready)
        return false;
    u16 idx = blk.memory->used.idx;
    u16 first = blk.seen;
    bool sound = (u16)(idx - first) <= REQUESTS;
    port_device_fence(); /* the entries are read after the index that covers them */
    while (sound && blk.seen != idx) {
        sound = collect_one(blk.memory->used.ring[blk.seen % VIRTQ_SIZE].id);
        blk.seen++;
    }
    if (!sound) {
        port_log("block: the device's answer makes no sense, resetting it\n");
        recover(false);
        return true;
    }
    return idx != first;
}

/* Waits a while for the request. The lock is released meanwhile. */
static void wait_for(struct request *r)
{
    u64 serial = r->serial;
    if (port_wait(&r->done, &blk.lock, min_u64(r->deadline, port_now() + BLK_LOOK)) == ERR_OK)
        return;
    if (collect()) {
        if (++blk.overtaken == LOST)
            port_log("block: interrupts are lost\n");
        return;
    }
    if (r->serial == serial && r->state == REQUEST_BUSY && port_now() >= r->deadline) {
        port_log("block: no answer for block %lu, resetting the device\n", r->block);
        recover(true);
    }
}

static struct request *find_free(void)
{
    for (u32 n = 0; n < REQUESTS; n++)
        if (blk.request[n].state == REQUEST_FREE)
            return &blk.request[n];
    return NULL;
}

/* What one operation has under way: requests in the order of their beginning, and the first error. On the
 * stack of its thread. */
struct batch {
    struct batch *next; /* of those open */
    u64 serial;         /* of its beginning */
    struct request *request[BLK_MANY];
    u32 first, end;
    enum err err;
};

static void open_batch(struct batch *batch)
{
    batch->serial = blk.serial++;
    batch->next = blk.open;
    blk.open = batch;
}

/* The oldest operation is the last in the list. */
static bool earlier_is_open(u64 serial)
{
    for (const struct batch *batch = blk.open; batch != NULL; batch = batch->next)
        if (batch->serial < serial)
            return true;
    return false;
}

/*
 * Every operation begun before `serial` has ended when this returns: also one that waits for a free request,
 * or has begun a part of its requests only, since what it writes would come after the flush. Each ends within
 * a bounded time, whoever asked for it, so the deadline only makes the waiter look again.
 */
static void wait_for_earlier(u64 serial)
{
    while (earlier_is_open(serial))
        (void)port_wait(&blk.ended, &blk.lock, port_now() + BLK_TIMEOUT);
}

/* Takes the result of the batch's oldest request. */
static void reap(struct batch *batch)
{
    struct request *r = batch->request[batch->first++];
    notify();
    while (r->state == REQUEST_BUSY)
        wait_for(r);
    if (batch->err == ERR_OK)
        batch->err = r->result;
    r->state = REQUEST_FREE;
    port_wake_one(&blk.freed);
}

/*
 * A request to use. Nobody waits for others' requests while he has some of his own under way, so there is no
 * circle. NULL: the device does not answer.
 *
 * Whatever the device does, those before us end within PATIENCE. But a service that is held stands still
 * while the clock goes on, and when it goes on we may come before those who have their answers by then. So a
 * wait counts for no longer than it was meant to be.
 */
static struct request *get_request(struct batch *batch)
{
    u64 waited = 0;
    struct request *r;
    while ((r = find_free()) == NULL) {
        if (batch->first < batch->end) {
            reap(batch);
        } else if (waited < PATIENCE) {
            u64 since = port_now();
            (void)port_wait(&blk.freed, &blk.lock, since + BLK_LOOK);
            waited += min_u64(port_now() - since, BLK_LOOK);
        } else {
            return NULL;
        }
    }
    return blk.ready || device_init() == ERR_OK ? r : NULL;
}

/* Begins one request of `count` blocks that follow each other; 0: a flush. */
static void begin(struct batch *batch, u32 type, u64 block, const u64 *addresses, u32 count)
{
    struct request *r = get_request(batch);
    if (r == NULL) {
        batch->err = ERR_DEVICE;
        return;
    }
    r->type = type;
    r->block = block;
    r->count = count;
    for (u32 i = 0; i < count; i++)
        r->address[i] = addresses[i];
    r->serial = blk.serial++;
    r->tries = 0;
    publish(r);
    batch->request[batch->end++] = r;
}

static enum err finish_all(struct batch *batch)
{
    while (batch->first < batch->end)
        reap(batch);
    struct batch **link = &blk.open;
    while (*link != batch)
        link = &(*link)->next;
    *link = batch->next;
    port_wake_all(&blk.ended);
    return batch->err;
}

/* ---- The service thread ---- */

static void serve_interrupts(void *unused)
{
    (void)unused;
    for (;;) {
        (void)port_irq_wait(blk.device.irq, PORT_FOREVER);
        port_lock_acquire(&blk.lock);
        /* acknowledged first: an answer that comes after it interrupts again */
        write_register(VIRTIO_INTERRUPT_ACK, read_register(VIRTIO_INTERRUPT_STATUS));
        (void)collect();
        blk.overtaken = 0;
        if (blk.ready && (read_register(VIRTIO_STATUS) & VIRTIO_STATUS_NEEDS_RESET) != 0) {
            port_log("block: the device asks for a reset\n");
            recover(true);
        }
        port_lock_release(&blk.lock);
    }
}

/* ---- Operations ---- */

enum err blk_size(u64 *blocks)
{
    inject_point(SERVICE_BLOCK);
    port_lock_acquire(&blk.lock);
    *blocks = blk.blocks;
    port_lock_release(&blk.lock);
    return ERR_OK;
}

/* How many of the words follow each other on the disk, from the first on. */
static u32 run_length(const u64 *words, u32 count)
{
    u32 length = 1;
    while (length < count && words[length] >> BLK_SLOT_BITS == (words[0] >> BLK_SLOT_BITS) + length)
        length++;
    return length;
}

static enum err transfer(u32 type, const u64 *words, u32 count)
{
    u64 address[BLK_MANY];
    struct batch batch = {.err = ERR_OK};
    inject_point(SERVICE_BLOCK);
    for (u32 i = 0; i < count; i++) {
        address[i] = port_arena_device_address((u32)(words[i] & BLK_SLOT_MASK));
        if (address[i] == 0)
            return ERR_RANGE;
    }
    port_lock_acquire(&blk.lock);
    open_batch(&batch);
    for (u32 i = 0; i < count; i++)
        if (words[i] >> BLK_SLOT_BITS >= blk.blocks)
            batch.err = ERR_RANGE;
    if (batch.err == ERR_OK && type == VIRTIO_BLK_OUT && blk.read_only)
        batch.err = ERR_DEVICE;
    for (u32 i = 0; i < count && batch.err == ERR_OK;) {
        u32 length = run_length(&words[i], count - i);
        begin(&batch, type, words[i] >> BLK_SLOT_BITS, &address[i], length);
        i += length;
    }
    enum err err = finish_all(&batch);
    port_lock_release(&blk.lock);
    return err;
}

static enum err transfer_one(u32 type, u64 block, u64 slot)
{
    if (block >= BLK_NONE >> BLK_SLOT_BITS || slot > BLK_SLOT_MASK)
        return ERR_RANGE;
    u64 word = BLK_WORD(block, slot);
    return transfer(type, &word, 1);
}

enum err blk_read(u64 block, u64 slot)
{
    return transfer_one(VIRTIO_BLK_IN, block, slot);
}

enum err blk_write(u64 block, u64 slot)
{
    return transfer_one(VIRTIO_BLK_OUT, block, slot);
}

static enum err transfer_many(u32 type, const u64 *words)
{
    u32 count = 0;
    while (count < BLK_MANY && words[count] != BLK_NONE)
        count++;
    return transfer(type, words, count);
}

enum err blk_read_many(u64 word0, u64 word1, u64 word2, u64 word3, u64 word4)
{
    const u64 words[BLK_MANY] = {word0, word1, word2, word3, word4};
    return transfer_many(VIRTIO_BLK_IN, words);
}

enum err blk_write_many(u64 word0, u64 word1, u64 word2, u64 word3, u64 word4)
{
    const u64 words[BLK_MANY] = {word0, word1, word2, word3, word4};
    return transfer_many(VIRTIO_BLK_OUT, words);
}

/* Also waits for all that was begun before it, whoever asked: a restarted fs relies on that, since requests
 * of its former generation may still be under way. */
enum err blk_flush(void)
{
    inject_point(SERVICE_BLOCK);
    port_lock_acquire(&blk.lock);
    struct batch batch = {.err = ERR_OK};
    open_batch(&batch);
    wait_for_earlier(batch.serial);
    if (blk.has_cache)
        begin(&batch, VIRTIO_BLK_FLUSH, 0, NULL, 0);
    enum err err = finish_all(&batch);
    port_lock_release(&blk.lock);
    return err;
}

/* ---- Start and restart ---- */

static enum err find_device(void)
{
    for (u32 n = 0; port_device_find("virtio,mmio", n, &blk.device) == ERR_OK; n++) {
        if (read_register(VIRTIO_MAGIC) != VIRTIO_MAGIC_VALUE ||
            read_register(VIRTIO_DEVICE_ID) != VIRTIO_ID_BLOCK)
            continue;
        if (read_register(VIRTIO_VERSION) == VIRTIO_VERSION_MODERN)
            return ERR_OK;
        port_log(
            "block: a legacy virtio disk was passed over (QEMU: -global virtio-mmio.force-legacy=false)\n");
    }
    port_log("block: no virtio disk\n");
    return ERR_NOT_FOUND;
}

enum err blk_start(void)
{
    memset(&blk, 0, sizeof blk);
    port_lock_init(&blk.lock, "block");
    port_queue_init(&blk.freed, "block: free request");
    port_queue_init(&blk.ended, "block: operation");
    for (u32 n = 0; n < REQUESTS; n++)
        port_queue_init(&blk.request[n].done, "block: request");
    enum err err = find_device();
    void *memory;
    if (err == ERR_OK)
        err = port_dma_page(0, &memory, &blk.memory_address);
    if (err != ERR_OK)
        return err;
    blk.memory = memory;
    err = device_init();
    if (err == ERR_OK && blk.read_only)
        port_log("block: the disk is read-only\n");
    if (err == ERR_OK && blk.device.irq != 0)
        err = port_thread_start("block interrupts", serve_interrupts, NULL);
    return err;
}

/* Nothing is kept but the device's memory, and device_init() resets the device before it touches that.
 * Requests that the former generation had under way end with its callers' ERR_PEER_RESTARTED. */
enum err blk_restart(void)
{
    return blk_start();
}
