/*
 * virtio block devices behind virtio-mmio: registers, queue layout, request format.
 *
 * Names and numbers are those of the Virtual I/O Device specification 1.1: registers 4.2.2, device
 * status 2.1, split virtqueues 2.6, block device 5.2.
 */
#ifndef BLOCK_VIRTIO_H
#define BLOCK_VIRTIO_H

#include "lib/types.h"
#include "port/device.h"

/* 4.2.2: offsets of 32-bit registers */
enum virtio_register {
    VIRTIO_MAGIC = 0x000,
    VIRTIO_VERSION = 0x004,
    VIRTIO_DEVICE_ID = 0x008,
    VIRTIO_DEVICE_FEATURES = 0x010,
    VIRTIO_DEVICE_FEATURES_SEL = 0x014,
    VIRTIO_DRIVER_FEATURES = 0x020,
    VIRTIO_DRIVER_FEATURES_SEL = 0x024,
    VIRTIO_QUEUE_SEL = 0x030,
    VIRTIO_QUEUE_NUM_MAX = 0x034,
    VIRTIO_QUEUE_NUM = 0x038,
    VIRTIO_QUEUE_READY = 0x044,
    VIRTIO_QUEUE_NOTIFY = 0x050,
    VIRTIO_INTERRUPT_STATUS = 0x060,
    VIRTIO_INTERRUPT_ACK = 0x064,
    VIRTIO_STATUS = 0x070,
    VIRTIO_QUEUE_DESC = 0x080,   /* low word; the high word follows */
    VIRTIO_QUEUE_DRIVER = 0x090, /* likewise */
    VIRTIO_QUEUE_DEVICE = 0x0a0, /* likewise */
    VIRTIO_CONFIG_GENERATION = 0x0fc,
    VIRTIO_BLK_CAPACITY = 0x100, /* 5.2.4: sectors of 512 bytes, low word first */
};

#define VIRTIO_MAGIC_VALUE    0x74726976u
#define VIRTIO_VERSION_MODERN 2u
#define VIRTIO_ID_BLOCK       2u

#define VIRTIO_STATUS_ACKNOWLEDGE 1u
#define VIRTIO_STATUS_DRIVER      2u
#define VIRTIO_STATUS_DRIVER_OK   4u
#define VIRTIO_STATUS_FEATURES_OK 8u
#define VIRTIO_STATUS_NEEDS_RESET 64u
#define VIRTIO_STATUS_FAILED      128u

/* Feature bits, in the word that FEATURES_SEL 0 or 1 shows */
#define VIRTIO_BLK_F_RO    (1u << 5)
#define VIRTIO_BLK_F_FLUSH (1u << 9)
#define VIRTIO_F_VERSION_1 (1u << 0) /* word 1: bit 32 */

#define VIRTQ_SIZE 128u

struct virtq_desc {
    u64 addr;
    u32 len;
    u16 flags;
    u16 next;
};
#define VIRTQ_DESC_NEXT  1u
#define VIRTQ_DESC_WRITE 2u /* the device writes there */

struct virtq_avail {
    u16 flags;
    u16 idx;
    u16 ring[VIRTQ_SIZE];
    u16 used_event;
};

struct virtq_used {
    u16 flags;
    u16 idx;
    struct {
        u32 id;
        u32 len;
    } ring[VIRTQ_SIZE];
    u16 avail_event;
};

struct virtio_blk_header {
    u32 type;
    u32 reserved;
    u64 sector;
};
#define VIRTIO_BLK_IN    0u
#define VIRTIO_BLK_OUT   1u
#define VIRTIO_BLK_FLUSH 4u

#define VIRTIO_BLK_OK     0u
#define VIRTIO_BLK_IOERR  1u
#define VIRTIO_BLK_UNSUPP 2u

_Static_assert(sizeof(struct virtq_desc) == 16, "2.6.5");
_Static_assert(offsetof(struct virtq_used, ring) == 4, "2.6.8");
_Static_assert(sizeof(struct virtio_blk_header) == 16, "5.2.6");

/* One register (registers.c; a simulated device in the unit test). */
u32 virtio_read(const struct port_device *device, u32 offset);
void virtio_write(const struct port_device *device, u32 offset, u32 value);

#endif
