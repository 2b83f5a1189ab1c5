/*
 * Frames of memory: a free list threaded through the free pages themselves, and a bit for each frame that is
 * in use.
 *
 * Frames that are known to be zero, given back by who emptied them (space.c), have a list of their own, for
 * who needs zeroes.
 *
 * At boot nothing is touched: frames that were never used lie above `fresh` in two ranges (the device tree
 * lies between them) and are handed out when the list is empty.
 *
 * Locking: frames.spin. Nothing here waits.
 * Not here: which frame is whose (service/xmap).
 */
#include "kernel/mono/spin.h"
#include "kernel/mono/thread.h"
#include "lib/string.h"
#include "machine/board.h"
#include "machine/panic.h"

#define NO_FRAME (~0u)

extern u8 kernel_end[];

struct range {
    u32 next, end; /* frames not yet handed out once */
};

static struct {
    struct mono_spin spin;
    u32 total;  /* fixed at boot */
    u32 list;   /* first free frame; its first word holds the next one */
    u32 zeroed; /* the same, of free frames whose other words are all 0 */
    u64 free;
    struct range fresh[2];
    u64 *used; /* one bit a frame */
} frames = {.spin = MONO_SPIN(RANK_FRAMES, "frames")};

paddr frame_address(u32 frame)
{
    return board.memory_base + ((u64)frame << PAGE_SHIFT);
}

u32 frame_number(paddr address)
{
    return (u32)((address - board.memory_base) >> PAGE_SHIFT);
}

void frames_init(void)
{
    paddr first = round_up(arch_physical(kernel_end), PAGE_SIZE);
    paddr end = round_down(board.memory_base + board.memory_size, PAGE_SIZE);
    paddr tree = round_down(board.tree, PAGE_SIZE);
    paddr tree_end = round_up(board.tree + board.tree_size, PAGE_SIZE);
    bool inside = tree >= first && tree_end <= end;

    frames.total = (u32)((end - board.memory_base) >> PAGE_SHIFT);
    frames.list = frames.zeroed = NO_FRAME;
    frames.fresh[0] = (struct range){frame_number(first), frame_number(inside ? tree : end)};
    frames.fresh[1] = (struct range){frame_number(inside ? tree_end : end), frame_number(end)};
    frames.free = frames.fresh[0].end - frames.fresh[0].next + frames.fresh[1].end - frames.fresh[1].next;
    frames.used = mono_boot_alloc(round_up(frames.total, 64) / 8);
    kernel_assert(frames.used, "memory too small");
}

void *mono_boot_alloc_raw(u64 size)
{
    u64 pages = round_up(size, PAGE_SIZE) >> PAGE_SHIFT;
    bool interrupts = mono_spin_lock(&frames.spin);
    void *memory = NULL;

    if (size > 0 && pages <= frames.fresh[0].end - frames.fresh[0].next) {
        memory = arch_direct(frame_address(frames.fresh[0].next));
        frames.fresh[0].next += (u32)pages;
        frames.free -= pages;
    }
    mono_spin_unlock(&frames.spin, interrupts);
    return memory;
}

void *mono_boot_alloc(u64 size)
{
    u8 *memory = mono_boot_alloc_raw(size);

    for (u64 at = 0; memory && at < size; at += PAGE_SIZE)
        page_zero(memory + at);
    return memory;
}

void *mono_frame_bytes(u32 frame)
{
    return frame < frames.total ? arch_direct(frame_address(frame)) : NULL;
}

paddr mono_physical(const void *memory)
{
    return arch_physical(memory);
}

u64 mono_memory_size(void)
{
    return board.memory_size;
}

u32 mono_frames_total(void)
{
    return frames.total;
}

u64 mono_frames_free(void)
{
    return __atomic_load_n(&frames.free, __ATOMIC_RELAXED);
}

static u32 *link_of(u32 frame)
{
    return arch_direct(frame_address(frame));
}

static u32 pop(u32 *list)
{
    u32 frame = *list;

    if (frame != NO_FRAME)
        *list = *link_of(frame);
    return frame;
}

/* From the list that is asked for; then one that was never used; then from the other list. */
static u32 take_locked(bool zeroed)
{
    u32 frame = pop(zeroed ? &frames.zeroed : &frames.list);

    for (u32 i = 0; frame == NO_FRAME && i < ARRAY_SIZE(frames.fresh); i++) {
        if (frames.fresh[i].next < frames.fresh[i].end)
            frame = frames.fresh[i].next++;
    }
    return frame != NO_FRAME ? frame : pop(zeroed ? &frames.list : &frames.zeroed);
}

/* *is_zero: it came from the list of zeroed ones, so all but its first word is 0. */
static enum err take(u32 *frame, bool zeroed, bool *is_zero)
{
    bool interrupts = mono_spin_lock(&frames.spin);
    u32 first = frames.zeroed, taken = take_locked(zeroed);

    *is_zero = taken == first;
    if (taken != NO_FRAME) {
        frames.free--;
        frames.used[taken / 64] |= 1ul << taken % 64;
        *frame = taken;
    }
    mono_spin_unlock(&frames.spin, interrupts);
    return taken == NO_FRAME ? ERR_NO_MEMORY : ERR_OK;
}

enum err mono_frame_alloc(u32 *frame)
{
    bool is_zero;

    return take(frame, false, &is_zero);
}

enum err frame_alloc_zeroed(u32 *frame)
{
    bool is_zero;
    enum err err = take(frame, true, &is_zero);

    if (err != ERR_OK)
        return err;
    if (is_zero)
        *link_of(*frame) = 0;
    else
        page_zero(link_of(*frame));
    return ERR_OK;
}

static void give(u32 frame, u32 *list)
{
    bool interrupts = mono_spin_lock(&frames.spin);

    kernel_assert(frame < frames.total && (frames.used[frame / 64] >> frame % 64 & 1), "frame freed twice");
    frames.used[frame / 64] &= ~(1ul << frame % 64);
    *link_of(frame) = *list;
    *list = frame;
    frames.free++;
    mono_spin_unlock(&frames.spin, interrupts);
}

void mono_frame_free(u32 frame)
{
    give(frame, &frames.list);
}

void frame_free_zeroed(u32 frame)
{
    give(frame, &frames.zeroed);
}
