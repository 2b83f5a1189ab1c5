/* Regions of a process, and sbrk. */
#include "service/unix/memory.h"
#include "port/vspace.h"
#include "port/xmap.h"
#include "service/unix/process.h"

/* How much of its heap a process may have at once and not on demand, however large the machine: programs for
 * xv6 rely on it that 1000 MiB cannot be had, and count memory by taking it all. Larger memory is asked of
 * xmap. */
#define EAGER_MAX (896ul << 20)

/*
 * A region is made in two calls; if xmap dies in one of them, what there is of it is released and both are
 * done again, once. A release of what is not there does nothing.
 */
enum err unix_memory_add(const struct memory *memory, u64 start, u64 end, u64 rights, u64 fill)
{
    enum err err = ERR_PEER_RESTARTED;
    u64 at;

    for (u32 attempt = 0; attempt < 2 && err == ERR_PEER_RESTARTED; attempt++) {
        err = start >= end ? ERR_RANGE
                           : xmap_reserve(memory->space, start, end - start, XMAP_KIND_PROGRAM, &at);
        if (err != ERR_OK && err != ERR_PEER_RESTARTED)
            return err;
        if (err == ERR_OK)
            err = xmap_map(memory->space, start, XMAP_KIND_PROGRAM, rights, fill);
        if (err != ERR_OK)
            (void)repeat_patiently(xmap_release(memory->space, start, XMAP_KIND_PROGRAM));
    }
    return err;
}

enum err unix_memory_guard(const struct memory *memory, u64 start, u64 end)
{
    u64 at;
    enum err err = xmap_reserve(memory->space, start, end - start, XMAP_KIND_PROGRAM, &at);

    if (err == ERR_PEER_RESTARTED) {
        (void)repeat_patiently(xmap_release(memory->space, start, XMAP_KIND_PROGRAM));
        err = xmap_reserve(memory->space, start, end - start, XMAP_KIND_PROGRAM, &at);
    }
    return err;
}

/* The heap's region begins where the break was when it first grew over a page, and ends at the break's page:
 * so growth is always at its end. Shrinking below its beginning ends it, and whatever else lies there, the
 * stack included. */
static enum err grow_pages(struct memory *memory, u64 end, u64 fill)
{
    u64 start = round_up(memory->size, PAGE_SIZE);
    u64 eager = fill == XMAP_FILL_NOW ? end - start : 0;
    enum err err;

    if (end == start)
        return ERR_OK;
    if (eager > EAGER_MAX - memory->eager)
        return ERR_QUOTA;
    if (memory->heap_start == memory->heap_end) {
        err = unix_memory_add(memory, start, end, XMAP_RIGHT_READ | XMAP_RIGHT_WRITE, fill);
        if (err == ERR_OK)
            memory->heap_start = start;
    } else {
        err = repeat_once(xmap_resize(memory->space, memory->heap_start, end - memory->heap_start, fill));
    }
    if (err != ERR_OK)
        return err;
    memory->heap_end = end;
    memory->eager += eager;
    return ERR_OK;
}

static enum err shrink_pages(struct memory *memory, u64 size)
{
    u64 from = round_up(size, PAGE_SIZE);
    u64 to = round_up(memory->size, PAGE_SIZE);
    enum err err;

    if (from == to)
        return ERR_OK;
    unix_pages_drop(memory->space, from, to);
    /* Patiently: else the pages might be gone, and `size` not. */
    err = repeat_patiently(xmap_cut(memory->space, from, to));
    if (err != ERR_OK)
        return err;
    memory->heap_end = from;
    if (memory->heap_start > from)
        memory->heap_start = from;
    memory->eager = min_u64(memory->eager, memory->heap_end - memory->heap_start);
    return ERR_OK;
}

s64 unix_memory_sbrk(struct memory *memory, s32 change, bool lazy)
{
    u64 old = memory->size;
    u64 amount = change < 0 ? -(u64)(s64)change : (u64)change;
    enum err err;

    if (change < 0) {
        if (amount > old)
            return (s64)old;
        err = shrink_pages(memory, old - amount);
        amount = -amount;
    } else {
        if (amount > PORT_USER_END - old)
            return -1;
        err = grow_pages(memory, round_up(old + amount, PAGE_SIZE), lazy ? XMAP_FILL_LAZY : XMAP_FILL_NOW);
    }
    if (err != ERR_OK)
        return -1;
    memory->size = old + amount;
    return (s64)old;
}
