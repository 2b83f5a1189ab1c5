/*
 * The essay's page allocator, correct on purpose: it trusts xmap, and what goes wrong is not its doing.
 *
 * Free pages are chained through their own first word, the lowest first at the beginning. Nothing but xmap is
 * used.
 */
#include "user/lib/arena.h"
#include "user/user.h"

struct free_page {
    struct free_page *next;
};

static struct {
    xmap_region_t region; /* length 0 before alloc_init() */
    struct free_page *free_list;
} arena;

int alloc_init(void)
{
    if (arena.region.length != 0)
        return 0;
    xmap_region_t region;
    if (xmap_reserve(ARENA_PAGES * PAGE_SIZE, &region) < 0) {
        printf("alloc_init: xmap_reserve failed\n");
        return -1;
    }
    if (xmap_map(&region, XMAP_READ | XMAP_WRITE) < 0) {
        printf("alloc_init: xmap_map failed\n");
        xmap_release(&region);
        return -1;
    }
    arena.region = region;
    for (u64 page = ARENA_PAGES; page-- > 0;)
        page_free((void *)(region.start + page * PAGE_SIZE));
    printf("Allocator initialized: %d pages available\n", ARENA_PAGES);
    return 0;
}

void *page_alloc(void)
{
    struct free_page *page = arena.free_list;
    if (page != NULL)
        arena.free_list = page->next;
    return page;
}

void page_free(void *memory)
{
    if ((u64)memory % PAGE_SIZE != 0 || (u64)memory - arena.region.start >= arena.region.length) {
        printf("page_free: %p is no page of the arena\n", memory);
        return;
    }
    struct free_page *page = memory;
    page->next = arena.free_list;
    arena.free_list = page;
}
