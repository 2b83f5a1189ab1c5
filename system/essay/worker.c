/*
 * The worker: the essay's innocent program on its allocator, then the double map, then the crash.
 *
 * It says what it finds: the second map is refused by the kernel page by page, xmap drops that answer and
 * leaks the frames. What kills the worker is not this but its store to address 0, as in the essay.
 */
#include "system/essay/essay.h"
#include "system/essay/xmap.h"

/* The essay's page allocator (user/lib/arena.c), which knows nothing of this kernel. */
int alloc_init(void);
void *page_alloc(void);
void page_free(void *page);

#define PAGES        5
#define REGION_PAGES 4
#define MARK         0xDEADBEEFu

struct worker_memory worker_memory;

static struct authority authority = {
    .cnode = WORKER_SLOT_CNODE,
    .vspace = WORKER_SLOT_VSPACE,
    .untyped = WORKER_SLOT_UNTYPED,
    .next_slot = WORKER_SLOT_FREE,
    .end_slot = 1ul << WORKER_CNODE_BITS,
};

/* Zero, but the compiler must not know. */
static volatile u64 nowhere;

/* Ends the worker by a fault of another kind than the one main waits for. */
static void require(bool well, const char *what)
{
    if (well)
        return;
    printf("[WORKER] FAILED: %s\n", what);
    __builtin_trap();
}

static void use_allocator(void)
{
    require(alloc_init() == 0, "the allocator starts");
    u32 *pages[PAGES];
    for (u32 i = 0; i < PAGES; i++) {
        pages[i] = page_alloc();
        require(pages[i] != NULL, "a page can be allocated");
        *pages[i] = i * 100;
    }
    for (u32 i = 0; i < PAGES; i++)
        require(*pages[i] == i * 100, "pages are separate");
    printf("[WORKER] Allocated %d pages\n", PAGES);
    for (u32 i = 0; i < PAGES; i++)
        page_free(pages[i]);
    printf("[WORKER] Freed pages\n");
}

static void map_twice(void)
{
    xmap_region_t region;
    require(xmap_reserve(REGION_PAGES * PAGE_SIZE, &region) == 0, "a region can be reserved");
    require(xmap_map(&region, XMAP_READ | XMAP_WRITE) == 0, "a region can be mapped");
    volatile u32 *value = (volatile u32 *)region.start;
    *value = MARK;
    printf("[WORKER] First map: wrote 0x%X\n", MARK);

    printf("[WORKER] Second map (BUG: leaks %d frames)\n", REGION_PAGES);
    u64 before = xmap_frames_held();
    int result = xmap_map(&region, XMAP_READ | XMAP_WRITE);
    u64 after = xmap_frames_held();
    for (u32 page = 0; page < REGION_PAGES; page++) {
        seL4_Error answer = xmap_page_answer(page);
        printf("[WORKER]   page %u: the kernel answered %d%s\n", page, (int)answer,
               answer == seL4_DeleteFirst ? " (DeleteFirst: a page is mapped there)" : "");
    }
    printf("[WORKER]   xmap_map dropped that and returned %d\n", result);
    printf("[WORKER]   frames held: %lu before, %lu after\n", before, after);
    printf("[WORKER] Value now: 0x%x (old data %s)\n", *value, *value == MARK ? "kept" : "lost");
    require(xmap_unmap(&region) == 0, "the region can be unmapped");
    printf("[WORKER] Unmapped: %lu frames held, %lu of them at no address\n", xmap_frames_held(),
           xmap_frames_held() - (before - REGION_PAGES));
}

/* What the essay's worker could do to its main thread, and this one cannot. */
static void reach_for_main(void)
{
    witness = MARK;
    printf("[WORKER] Wrote 0x%X at %p, where main has a variable\n", MARK, (const void *)&witness);
    printf("[WORKER] Tried to suspend main: error %d\n", (int)seL4_TCB_Suspend(seL4_CapInitThreadTCB));
}

_Noreturn void worker_main(void)
{
    seL4_SetIPCBuffer((seL4_IPCBuffer *)worker_memory.ipc_buffer);
    printf("[WORKER] Started\n");
    xmap_init(&authority);
    use_allocator();
    map_twice();
    reach_for_main();
    printf("[WORKER] Crashing...\n");
    *(volatile u32 *)nowhere = 42;
    for (;;)
        seL4_Yield();
}
