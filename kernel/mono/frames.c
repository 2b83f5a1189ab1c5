/*
 * Frames of memory: a free list threaded through the free pages themselves, and a bit for each frame that is
 * in use.
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
    u32 total; /* fixed at boot */
    u32 list;  /* first free frame; its first word holds the next one */
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
    frames.list = NO_FRAME;
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

static u32 take_locked(void)
{
    u32 frame = frames.list;

    if (frame != NO_FRAME) {
        frames.list = *(u32 *)arch_direct(frame_address(frame));
        return frame;
    }
    for (u32 i = 0; i < ARRAY_SIZE(frames.fresh); i++) {
        if (frames.fresh[i].next < frames.fresh[i].end)
            return frames.fresh[i].next++;
    }
    return NO_FRAME;
}

enum err mono_frame_alloc(u32 *frame)
{
    bool interrupts = mono_spin_lock(&frames.spin);
    u32 taken = take_locked();

    if (taken != NO_FRAME) {
        frames.free--;
        frames.used[taken / 64] |= 1ul << taken % 64;
        *frame = taken;
    }
    mono_spin_unlock(&frames.spin, interrupts);
    return taken == NO_FRAME ? ERR_NO_MEMORY : ERR_OK;
}

void mono_frame_free(u32 frame)
{
    bool interrupts = mono_spin_lock(&frames.spin);

    kernel_assert(frame < frames.total && (frames.used[frame / 64] >> frame % 64 & 1), "frame freed twice");
    frames.used[frame / 64] &= ~(1ul << frame % 64);
    *(u32 *)arch_direct(frame_address(frame)) = frames.list;
    frames.list = frame;
    frames.free++;
    mono_spin_unlock(&frames.spin, interrupts);
}
