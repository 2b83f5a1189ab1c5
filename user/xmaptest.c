/*
 * The essay's program: an allocator on xmap, then a region mapped twice.
 *
 * The service as it should be refuses the second map. With the fault xmap:double-map armed it commits the
 * essay's error; what becomes of that is for the kernel below to show, and this program says truthfully what
 * it found afterwards.
 */
#include "user/lib/arena.h"
#include "user/user.h"

#define MARK          0xDEADBEEFu
#define WORDS_OF_PAGE (PAGE_SIZE / sizeof(u32))

/* Says which check failed; the checks after it could only confuse. */
static void require(bool well, const char *what)
{
    if (well)
        return;
    printf("xmaptest: FAILED: %s\n", what);
    exit(1);
}

static void demonstrate_arena(void)
{
    require(alloc_init() == 0, "the allocator starts");
    char *first = page_alloc();
    char *second = page_alloc();
    require(first != NULL && second != NULL && first != second, "two pages can be allocated");
    printf("Allocated: %p, %p\n", first, second);
    first[0] = 'A';
    second[0] = 'B';
    printf("Data: %c, %c\n", first[0], second[0]);
    page_free(first);
    page_free(second);
    printf("Freed pages\n\n");
}

/* All pages of the arena, each with a value of its own; the allocator's chain runs through them, so it is
 * checked, too. */
static void check_arena(void)
{
    static u32 *pages[ARENA_PAGES];
    for (u32 i = 0; i < ARENA_PAGES; i++) {
        pages[i] = page_alloc();
        require(pages[i] != NULL, "the arena still has all its pages");
        *pages[i] = i;
    }
    require(page_alloc() == NULL, "the arena has no page too many");
    for (u32 i = 0; i < ARENA_PAGES; i++)
        require(*pages[i] == i, "the arena's pages are separate");
    for (u32 i = ARENA_PAGES; i-- > 0;)
        page_free(pages[i]);
    printf("The arena's %d pages still work\n", ARENA_PAGES);
}

static void check_region(const xmap_region_t *region)
{
    volatile u32 *words = (volatile u32 *)region->start;
    require(words[0] == MARK, "the value written before is still there");
    printf("Value still 0x%X\n", words[0]);
    words[1] = 1;
    words[WORDS_OF_PAGE] = 2;
    require(words[0] == MARK && words[1] == 1 && words[WORDS_OF_PAGE] == 2, "the region can be written");
}

static void check_new_region(void)
{
    xmap_region_t region;
    require(xmap_reserve(PAGE_SIZE * 2, &region) == 0, "a new region can be reserved");
    require(xmap_map(&region, XMAP_READ | XMAP_WRITE) == 0, "a new region can be mapped");
    volatile u32 *words = (volatile u32 *)region.start;
    require(words[0] == 0 && words[WORDS_OF_PAGE] == 0, "new pages are zero");
    words[0] = 1;
    words[WORDS_OF_PAGE] = 2;
    require(words[0] == 1 && words[WORDS_OF_PAGE] == 2, "a new region can be used");
    require(xmap_unmap(&region) == 0, "a new region can be unmapped");
    require(xmap_release(&region) == 0, "a new region can be released");
    printf("A new region can be reserved, mapped, used, unmapped and released\n");
}

int main(void)
{
    printf("=== xmap allocator demo ===\n\n");
    demonstrate_arena();

    printf("Triggering double-map bug...\n");
    xmap_region_t region;
    require(xmap_reserve(PAGE_SIZE * 2, &region) == 0, "a region can be reserved");
    require(xmap_map(&region, XMAP_READ | XMAP_WRITE) == 0, "a region can be mapped");
    printf("First map OK\n");
    *(volatile u32 *)region.start = MARK;

    int result = xmap_map(&region, XMAP_READ | XMAP_WRITE);
    switch (result) {
    case XMAP_EMAPPED:
        printf("Second map refused: the region is mapped already\n");
        check_region(&region);
        printf("xmaptest: the service is correct\n");
        return 0;
    case XMAP_ERESTART:
        printf("Second map failed: the memory service died and was restarted\n");
        check_region(&region);
        check_arena();
        check_new_region();
        printf("xmaptest: survived the death of the memory service\n");
        return 0;
    case 0:
        printf("Second map OK (leaked first mapping)\n");
        return 1;
    default:
        printf("xmaptest: FAILED: the second map returned %d\n", result);
        return 1;
    }
}
