/*
 * Capabilities as values, and the slots that hold them.
 *
 * A cap names an object by its physical address and says what its holder may do. Everything the kernel knows
 * about a cap is in its 16 bytes; a slot adds the cap's place in the derivation order (cdt.h). Functions here
 * compute on values and change no state.
 */
#ifndef KERNEL_MICRO_CAP_H
#define KERNEL_MICRO_CAP_H

#include "abi/sel4/types.h"
#include "lib/types.h"
#include "machine/arch.h"

/* For pieces of the few straight ways whose every instruction counts, which are read better as functions. */
#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* The numbers are those programs see through seL4_DebugCapIdentify. */
enum cap_type {
    CAP_NULL = 0,
    CAP_FRAME = 1,
    CAP_UNTYPED = 2,
    CAP_PAGE_TABLE = 3,
    CAP_ENDPOINT = 4,
    CAP_NOTIFICATION = 6,
    CAP_REPLY = 8,
    CAP_CNODE = 10,
    CAP_ASID_CONTROL = 11,
    CAP_TCB = 12,
    CAP_ASID_POOL = 13,
    CAP_IRQ_CONTROL = 14,
    CAP_IRQ_HANDLER = 16,
    CAP_ZOMBIE = 18, /* the last cap to an object that is being deleted step by step (delete.c) */
    CAP_DOMAIN = 20,
};

/* Rights, as in the API's rights word; a notification's are "signal" and "wait". */
#define RIGHT_WRITE       seL4_RightWrite
#define RIGHT_READ        seL4_RightRead
#define RIGHT_GRANT       seL4_RightGrant
#define RIGHT_GRANT_REPLY seL4_RightGrantReply
#define RIGHTS_ALL        15u

/* The rights field of two types that have no rights of that kind. */
#define REPLY_MASTER  1u /* the hidden master of a thread; RIGHT_GRANT keeps its meaning */
#define ZOMBIE_TCB    1u /* what dies is a TCB, */
#define ZOMBIE_QUEUE  4u /* or what begins with a wait queue, an endpoint or notification, else a CNode */
#define ZOMBIE_NESTED 2u /* one of its slots holds the zombie to go on with afterwards */

struct cap {
    u64 type : 5;
    u64 rights : 4;
    u64 size : 6;     /* log2 of the object's bytes; 0 if the cap stands for no memory of its own */
    u64 device : 1;   /* untyped, frame: not RAM, never zeroed, no IPC buffer */
    u64 address : 48; /* physical, of the object; a reply cap's is that of the caller's TCB */
    union {
        u64 badge; /* endpoint, notification */
        struct {
            u64 guard_size : 6; /* CNode: together in the format of the API's data word */
            u64 guard : 58;
        };
        u64 data_word;
        u64 watermark; /* untyped: bytes in use, from the start */
        struct {
            u64 asid : 16; /* frame, page table: where it is mapped; 0 is nowhere */
            u64 vaddr : 48;
        };
        u64 pool; /* ASID pool: its first ASID */
        u64 irq;  /* IRQ handler */
        u64 left; /* zombie of a CNode or TCB: slots still to be emptied */
    };
};

/* A slot. Lists link neighbours in derivation order; the flags are explained in cdt.h. */
struct slot {
    struct cap cap;
    struct slot *prev;
    u64 original : 1;
    u64 first_badged : 1;
    u64 next_bits : 62; /* the address without its two lowest bits, which are 0 */
};

_Static_assert(sizeof(struct cap) == 16, "a cap is two words");
_Static_assert(sizeof(struct slot) == 1u << seL4_SlotBits, "a slot has the size programs reckon with");

static inline struct slot *slot_next(const struct slot *slot)
{
    return (struct slot *)((u64)slot->next_bits << 2);
}

static inline void slot_set_next(struct slot *slot, const struct slot *next)
{
    slot->next_bits = (u64)next >> 2;
}

static inline bool slot_empty(const struct slot *slot)
{
    return slot->cap.type == CAP_NULL;
}

/* The object behind a cap that stands for RAM. */
static inline void *cap_object(struct cap cap)
{
    return arch_direct(cap.address);
}

static inline u64 cap_bytes(struct cap cap)
{
    return 1ul << cap.size;
}

/* Number of address bits a CNode translates. */
static inline u32 cap_radix(struct cap cap)
{
    return (u32)cap.size - seL4_SlotBits;
}

/* A cap of `type` to the object at `address` with 2^size bytes and no rights. */
static inline struct cap cap_make(enum cap_type type, paddr address, u32 size)
{
    return (struct cap){.type = type, .address = address, .size = size};
}

/* True if `b` stands for something inside what `a` stands for: the relation behind revocation. */
bool cap_contains(struct cap a, struct cap b);

/* True if both stand for one object, so that neither is its last cap. */
bool cap_same_object(struct cap a, struct cap b);

/* `cap` with at most the rights of the API's rights word. */
struct cap cap_mask(struct cap cap, u64 rights);

/* `cap` with the badge or guard of the API's data word; a null cap if it cannot have that. `preserve`: the
 * cap stays the same one (Mutate, Rotate) instead of becoming a new one (Mint). */
struct cap cap_with_data(struct cap cap, u64 data, bool preserve);

/* True if `frame` can hold an IPC buffer that the kernel reads, and with `write` also writes. */
static inline bool cap_is_buffer(const struct cap *frame, bool write)
{
    u32 needed = write ? RIGHT_READ | RIGHT_WRITE : RIGHT_READ;
    return frame->type == CAP_FRAME && !frame->device && (frame->rights & needed) == needed;
}

#endif
