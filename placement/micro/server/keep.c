/*
 * Port keep in a server: memory the supervisor maps into every generation, with an undo record at its start.
 *
 * The first page holds the record: what the open step has overwritten. server_keep_recover(), called before
 * anything else in a new generation, writes it back.
 */
#include "placement/micro/server/keep.h"
#include "lib/string.h"
#include "placement/micro/server/runtime.h"
#include "port/keep.h"
#include "port/log.h"

struct undo {
    u64 ranges; /* 0: no step is open; counted up after the bytes are saved */
    u64 bytes;
    struct {
        u64 address, size, at;
    } range[PORT_KEEP_RANGES];
    u8 saved[PORT_KEEP_BYTES +
             PORT_KEEP_RANGES * sizeof(u64)]; /* each range's begin at a multiple of a word */
};
_Static_assert(PORT_KEEP_BYTES % sizeof(u64) == 0 && offsetof(struct undo, saved) % sizeof(u64) == 0,
               "saved words are aligned");
_Static_assert(sizeof(struct undo) <= PAGE_SIZE, "the undo record is one page");

static u64 taken = PAGE_SIZE;

static struct undo *undo(void)
{
    return (struct undo *)(server_base() + SERVER_KEPT);
}

static void close_step(void)
{
    __atomic_store_n(&undo()->ranges, 0, __ATOMIC_RELEASE);
    undo()->bytes = 0;
}

bool server_keep_recover(void)
{
    struct undo *u = undo();
    u64 low = server_base() + SERVER_KEPT, high = low + server_info()->kept_size;

    if (u->ranges > PORT_KEEP_RANGES)
        return false;
    for (u64 i = u->ranges; i > 0; i--) { /* latest first: ranges may overlap */
        u64 address = u->range[i - 1].address, size = u->range[i - 1].size, at = u->range[i - 1].at;

        if (size > sizeof(u->saved) || at > sizeof(u->saved) - size || address < low + PAGE_SIZE ||
            address > high - size)
            return false;
        memcpy((void *)address, u->saved + at, size);
    }
    close_step();
    return true;
}

void *port_keep_memory(u64 size)
{
    u64 at = taken;

    if (size > server_info()->kept_size - taken)
        return NULL;
    taken += round_up(size, PAGE_SIZE);
    return (void *)(server_base() + SERVER_KEPT + at);
}

/* Eight bytes of whatever type lies there. */
typedef u64 __attribute__((may_alias)) word;

/* Most ranges are a few whole words; `to` is the start of one. */
static void save(u8 *to, const void *range, u64 size)
{
    if (((u64)range | size) % sizeof(word) != 0) {
        memcpy(to, range, size);
        return;
    }
    for (u64 at = 0; at < size; at += sizeof(word))
        *(word *)(to + at) = *(const word *)((const u8 *)range + at);
}

void port_keep_begin(void *range, u64 size)
{
    struct undo *u = undo();
    u64 n = u->ranges, at = u->bytes;

    port_assert(n < PORT_KEEP_RANGES && size <= sizeof(u->saved) - at, "kept step too long");
    u->range[n].address = (u64)range;
    u->range[n].size = size;
    u->range[n].at = at;
    save(u->saved + at, range, size);
    u->bytes = round_up(at + size, sizeof(word));
    __atomic_store_n(&u->ranges, n + 1, __ATOMIC_RELEASE);
}

void port_keep_commit(void)
{
    port_assert(undo()->ranges > 0, "kept step closed twice");
    close_step();
}
