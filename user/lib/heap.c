/*
 * malloc and free: one list of free blocks, in the order of their addresses.
 *
 * No two blocks of the list touch: free() merges a block with both its neighbours. So what is freed entirely
 * is one block again, and a large request can follow many small ones. The first block that is large enough is
 * taken. Memory comes from sbrk(), is never given back, and need not be contiguous: the program may move the
 * break, too.
 */
#include "user/user.h"

/* The header of every block. `size` counts bytes, the header's included, in multiples of the header's own
 * size. */
struct block {
    u64 size;
    struct block *next; /* while free */
};

#define UNIT    sizeof(struct block)
#define GROWTH  (64 * 1024ul) /* how much is asked of the system at once: few calls, little waste */
#define LARGEST (1ul << 30)   /* sbrk() takes an int */

_Static_assert(sizeof(struct block) == 16, "blocks keep 16-byte alignment");

static struct block *free_list;

static struct block *end_of(struct block *block)
{
    return (struct block *)((char *)block + block->size);
}

void free(void *memory)
{
    if (memory == NULL)
        return;
    struct block *block = (struct block *)memory - 1;
    struct block *before = NULL;
    struct block *after = free_list;
    while (after != NULL && after < block) {
        before = after;
        after = after->next;
    }
    block->next = after;
    if (after != NULL && end_of(block) == after) {
        block->size += after->size;
        block->next = after->next;
    }
    if (before == NULL) {
        free_list = block;
    } else if (end_of(before) == block) {
        before->size += block->size;
        before->next = block->next;
    } else {
        before->next = block;
    }
}

/* Adds at least `size` bytes to the list; less than GROWTH only if that cannot be had. */
static bool grow(u64 size)
{
    u64 ask = max_u64(size, GROWTH) + UNIT; /* a unit more, because the break may be unaligned */
    char *start = sbrk((int)ask);
    if (start == (char *)-1) {
        ask = size + UNIT;
        start = sbrk((int)ask);
    }
    if (start == (char *)-1)
        return false;
    u64 skipped = round_up((u64)start, UNIT) - (u64)start;
    struct block *block = (struct block *)(start + skipped);
    block->size = round_down(ask - skipped, UNIT);
    free(block + 1);
    return true;
}

/* Takes `size` bytes off the first block that has them, from its upper end, so that the list needs no change.
 */
static struct block *take(u64 size)
{
    struct block **place = &free_list;
    while (*place != NULL && (*place)->size < size)
        place = &(*place)->next;
    struct block *block = *place;
    if (block == NULL)
        return NULL;
    if (block->size == size) {
        *place = block->next;
        return block;
    }
    block->size -= size;
    block = end_of(block);
    block->size = size;
    return block;
}

void *malloc(size_t n)
{
    if (n > LARGEST)
        return NULL;
    u64 size = round_up(max_u64(n, 1), UNIT) + UNIT;
    struct block *block = take(size);
    if (block == NULL && grow(size))
        block = take(size);
    return block == NULL ? NULL : block + 1;
}
