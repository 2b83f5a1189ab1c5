/* Duo's own calls for memory [abi/xv6/xmap.h]. */
#include "lib/format.h"
#include "user/systest/systest.h"

#define READ_WRITE (XMAP_READ | XMAP_WRITE)

static xmap_region_t reserved(u64 pages)
{
    xmap_region_t region = {0, 0, -1};
    equal(xmap_reserve(pages * PAGE_SIZE, &region), 0, "xmap_reserve");
    return region;
}

static xmap_region_t mapped(u64 pages, int prot)
{
    xmap_region_t region = reserved(pages);
    equal(xmap_map(&region, prot), 0, "xmap_map");
    return region;
}

static void load(u64 address)
{
    (void)*(volatile char *)address;
}

static void store(u64 address)
{
    *(volatile char *)address = 7;
}

static void jump(u64 address)
{
    ((void (*)(void))address)();
}

static void reserve_region(void)
{
    u64 before = free_pages();
    xmap_region_t region = reserved(3);
    xmap_region_t found;
    equal((s64)(region.start % PAGE_SIZE), 0, "the start's place in a page");
    equal((s64)region.length, 3 * PAGE_SIZE, "length");
    equal(region.prot, 0, "prot");
    require(region.start >= (u64)sbrk(0), "it is above the break");
    require(before - free_pages() <= 2, "a reservation takes no pages");
    equal(fate_of(load, region.start), ENDED, "the status after a load");
    equal(xmap_query((void *)(region.start + 2 * PAGE_SIZE + 5), &found), 0, "xmap_query");
    require(found.start == region.start && found.length == region.length && found.prot == 0, "what it finds");
    equal(xmap_release(&region), 0, "xmap_release");
    equal(xmap_query((void *)region.start, &found), XMAP_EINVAL, "xmap_query of what was released");
    equal(xmap_release(&region), XMAP_EINVAL, "xmap_release, again");

    equal(xmap_reserve(1, &region), 0, "xmap_reserve of a byte");
    equal((s64)region.length, PAGE_SIZE, "its length");
    equal(xmap_release(&region), 0, "xmap_release");
}

static void reserve_refused(void)
{
    xmap_region_t region;
    equal(xmap_reserve(0, &region), XMAP_EINVAL, "nothing");
    require(xmap_reserve(1ul << 38, &region) < 0, "the whole address space");
    require(xmap_reserve(1ul << 40, &region) < 0, "more than the address space");
    require(xmap_reserve(~0ul, &region) < 0, "a size that wraps");
    require(xmap_reserve(~0ul - 4096, &region) < 0, "a size that nearly wraps");
    for (u32 i = 0; i < BAD_ADDRESSES; i++) {
        xmap_region_t *bad = (xmap_region_t *)bad_addresses[i];
        equal(xmap_reserve(PAGE_SIZE, bad), XMAP_EINVAL, "xmap_reserve with a bad pointer");
        equal(xmap_reserve_at(bad), XMAP_EINVAL, "xmap_reserve_at with a bad pointer");
        equal(xmap_map(bad, READ_WRITE), XMAP_EINVAL, "xmap_map with a bad pointer");
        equal(xmap_unmap(bad), XMAP_EINVAL, "xmap_unmap with a bad pointer");
        equal(xmap_release(bad), XMAP_EINVAL, "xmap_release with a bad pointer");
        equal(xmap_protect(bad, XMAP_READ), XMAP_EINVAL, "xmap_protect with a bad pointer");
        equal(xmap_query(&region, bad), XMAP_EINVAL, "xmap_query with a bad pointer");
        require(xmap_query(bad, &region) < 0, "xmap_query of a bad address");
    }
}

/* The essay's call, as it should be: a second map is refused, and harms
 * nothing. */
static void map_twice(void)
{
    xmap_region_t region = reserved(2);
    volatile u32 *words = (volatile u32 *)region.start;
    equal(xmap_unmap(&region), XMAP_EUNMAPPED, "xmap_unmap before");
    equal(xmap_protect(&region, XMAP_READ), XMAP_EUNMAPPED, "xmap_protect before");
    equal(xmap_map(&region, READ_WRITE), 0, "xmap_map");
    equal(region.prot, READ_WRITE, "prot");
    words[0] = 42;
    words[PAGE_SIZE / 4] = 43;
    equal(xmap_map(&region, READ_WRITE), XMAP_EMAPPED, "xmap_map, again");
    equal(xmap_map(&region, XMAP_READ | XMAP_LAZY), XMAP_EMAPPED, "xmap_map, again, lazily");
    require(words[0] == 42 && words[PAGE_SIZE / 4] == 43, "the content stays");
    words[0] = 44;
    equal(xmap_unmap(&region), 0, "xmap_unmap");
    equal(region.prot, 0, "prot");
    equal(fate_of(load, region.start), ENDED, "the status after a load");
    equal(xmap_map(&region, READ_WRITE), 0, "xmap_map");
    require(words[0] == 0 && words[PAGE_SIZE / 4] == 0, "pages are zero again");
    equal(xmap_release(&region), 0, "xmap_release while mapped");
    equal(fate_of(load, region.start), ENDED, "the status after a load");
}

static void map_refused(void)
{
    static const int odd[] = {0, XMAP_LAZY, 16, 16 | READ_WRITE, (int)0x80000001u, -1, 1 << 30};
    xmap_region_t region = reserved(1);
    xmap_region_t inside = {region.start + PAGE_SIZE, PAGE_SIZE, 0};
    xmap_region_t text = {0, PAGE_SIZE, 0};
    xmap_region_t stack = {stack_page(), PAGE_SIZE, 0};
    for (u32 i = 0; i < ARRAY_SIZE(odd); i++) {
        equal(xmap_map(&region, odd[i]), XMAP_EINVAL, "xmap_map with an odd prot");
        equal(xmap_protect(&region, odd[i]), XMAP_EINVAL, "xmap_protect with an odd prot");
    }
    equal(xmap_protect(&region, XMAP_READ | XMAP_LAZY), XMAP_EINVAL, "xmap_protect to lazy");
    require(xmap_map(&inside, READ_WRITE) < 0, "xmap_map where no region starts");
    require(xmap_map(&text, READ_WRITE) < 0, "xmap_map of text");
    require(xmap_unmap(&text) < 0, "xmap_unmap of text");
    require(xmap_release(&text) < 0, "xmap_release of text");
    require(xmap_protect(&text, READ_WRITE) < 0, "xmap_protect of text");
    require(xmap_unmap(&stack) < 0, "xmap_unmap of the stack");
    require(xmap_release(&stack) < 0, "xmap_release of the stack");
    equal(xmap_release(&region), 0, "xmap_release");
}

/* Rights hold for the program and for the system's copies; content survives
 * their changes. */
static void protect_region(void)
{
    xmap_region_t region = mapped(2, READ_WRITE);
    int fds[2];
    *(volatile char *)region.start = 'p';
    equal(pipe(fds), 0, "pipe");
    equal(write(fds[1], "x", 1), 1, "write");
    equal(fate_of(jump, region.start), ENDED, "the status after a jump");
    equal(xmap_protect(&region, XMAP_READ), 0, "xmap_protect");
    equal(region.prot, XMAP_READ, "prot");
    equal(*(volatile char *)region.start, 'p', "the content");
    equal(fate_of(load, region.start), 0, "the status after a load");
    equal(fate_of(store, region.start), ENDED, "the status after a store");
    equal(read(fds[0], (void *)region.start, 1), -1, "read by the system");
    equal(write(fds[1], (void *)region.start, 1), 1, "write by the system");
    equal(xmap_protect(&region, READ_WRITE), 0, "xmap_protect back");
    equal(fate_of(store, region.start + PAGE_SIZE), 0, "the status after a store");
    equal(xmap_protect(&region, XMAP_READ | XMAP_EXEC), 0, "xmap_protect to execute");
    equal(fate_of(store, region.start), ENDED, "the status after a store");
    equal(xmap_release(&region), 0, "xmap_release");
}

/* Instructions that a program writes can be executed where it asked for that.
 */
static void execute_region(void)
{
    xmap_region_t region = mapped(1, READ_WRITE | XMAP_EXEC);
    volatile u32 *words = (volatile u32 *)region.start;
    words[0] = 0x00008067; /* ret */
    __asm__ volatile(".4byte 0x100f" : : : "memory");
    equal(fate_of(jump, region.start), 0, "the status after a jump");
    equal(xmap_release(&region), 0, "xmap_release");
}

static void lazy_region(void)
{
    u64 before = free_pages();
    xmap_region_t region = mapped(1024, READ_WRITE | XMAP_LAZY);
    u64 start = region.start;
    equal(region.prot, READ_WRITE, "prot");
    require(before - free_pages() < 16, "it takes no memory");
    for (u64 i = 0; i < 64; i++)
        *(volatile char *)(start + i * 16 * PAGE_SIZE) = 1;
    require(before - free_pages() >= 64, "touched pages do");
    equal(*(volatile char *)(start + PAGE_SIZE), 0, "a byte of an untouched page");
    equal(fate_of(jump, start + 2 * PAGE_SIZE), ENDED, "the status after a jump");
    equal(xmap_usage((u64 *)(start + 3 * PAGE_SIZE)), 0, "a structure stored in an untouched page");
    equal(xmap_unmap(&region), 0, "xmap_unmap");
    require(before - free_pages() < 32, "the pages are back, though not those of the tables");
    equal(xmap_map(&region, READ_WRITE), 0, "xmap_map, eagerly");
    require(before - free_pages() >= 1024, "now all of it is there");
    equal(xmap_release(&region), 0, "xmap_release");
    require(free_pages() + 32 >= before, "the pages are back");
}

static void reserve_at_places(void)
{
    xmap_region_t whole = reserved(4);
    xmap_region_t region = {whole.start + PAGE_SIZE, PAGE_SIZE, 0};
    equal(xmap_reserve_at(&region), XMAP_EOVERLAP, "inside another");
    equal(xmap_release(&whole), 0, "xmap_release");
    equal(xmap_reserve_at(&region), 0, "where it is free");
    xmap_region_t below = {whole.start, PAGE_SIZE, 0};
    xmap_region_t above = {whole.start + 2 * PAGE_SIZE, 2 * PAGE_SIZE, 0};
    xmap_region_t over = {whole.start, 4 * PAGE_SIZE, 0};
    equal(xmap_reserve_at(&over), XMAP_EOVERLAP, "around another");
    equal(xmap_reserve_at(&below), 0, "just below");
    equal(xmap_reserve_at(&above), 0, "just above");
    equal(xmap_release(&below) | xmap_release(&region) | xmap_release(&above), 0, "xmap_release");

    xmap_region_t odd[] = {
        {whole.start + 1, PAGE_SIZE, 0}, {whole.start, PAGE_SIZE - 1, 0}, {whole.start, 0, 0},
        {0x4000000000ul, PAGE_SIZE, 0},  {0x3fffffe000ul, PAGE_SIZE, 0},  {~0ul - 4095, PAGE_SIZE, 0},
        {whole.start, ~0ul - 4095, 0},
    };
    for (u32 i = 0; i < ARRAY_SIZE(odd); i++)
        equal(xmap_reserve_at(&odd[i]), XMAP_EINVAL, "an odd place");
    xmap_region_t text = {0, PAGE_SIZE, 0};
    xmap_region_t stack = {stack_page(), PAGE_SIZE, 0};
    equal(xmap_reserve_at(&text), XMAP_EOVERLAP, "on the text");
    equal(xmap_reserve_at(&stack), XMAP_EOVERLAP, "on the stack");
}

/* The break cannot grow through a region, and a region cannot lie below the
 * break. */
static void break_meets_region(void)
{
    u64 top = round_up((u64)sbrk(0), PAGE_SIZE);
    xmap_region_t region = {top + 4 * PAGE_SIZE, PAGE_SIZE, 0};
    equal(xmap_reserve_at(&region), 0, "a region four pages above the break");
    equal((s64)sbrk(5 * PAGE_SIZE), -1, "sbrk over the region");
    equal((s64)sbrklazy(5 * PAGE_SIZE), -1, "lazy sbrk over the region");
    require((u64)sbrk(4 * PAGE_SIZE) == top, "sbrk up to the region");
    equal((s64)sbrk(1), -1, "a byte more");
    equal(xmap_release(&region), 0, "xmap_release");
    require((u64)sbrk(1) == top + 4 * PAGE_SIZE, "a byte more, when the region is gone");
}

/* Says what query says of a program's own parts, too. */
static void query_parts(void)
{
    xmap_region_t found;
    equal(xmap_query((void *)(u64)query_parts, &found), 0, "xmap_query of text");
    equal(found.prot, XMAP_READ | XMAP_EXEC, "the text's rights");
    equal(xmap_query(buffer, &found), 0, "xmap_query of data");
    equal(found.prot, READ_WRITE, "the data's rights");
    equal(xmap_query((void *)stack_page(), &found), 0, "xmap_query of the stack");
    equal(found.prot, READ_WRITE, "the stack's rights");
    equal((s64)found.length, PAGE_SIZE, "the stack's length");
    equal(xmap_query((void *)(stack_page() - 1), &found), 0, "xmap_query of the guard page");
    equal(found.prot, 0, "the guard page's rights");
}

static void change_region(u64 address)
{
    volatile char *bytes = (volatile char *)address;
    equal(bytes[0], 'p', "what the child finds");
    bytes[0] = 'c';
    bytes[PAGE_SIZE] = 'c';
    xmap_region_t region = {address, 0, 0};
    equal(xmap_unmap(&region), 0, "xmap_unmap in the child");
    equal(xmap_release(&region), 0, "xmap_release in the child");
}

/* A child has regions of its own that look like its parent's; what it does to
 * them is its own matter. */
static void fork_region(void)
{
    xmap_region_t region = mapped(2, READ_WRITE);
    xmap_region_t lazy = mapped(1024, READ_WRITE | XMAP_LAZY);
    volatile char *bytes = (volatile char *)region.start;
    bytes[0] = 'p';
    equal(fate_of(change_region, region.start), 0, "the child's status");
    equal(bytes[0], 'p', "what the parent finds");
    equal(bytes[PAGE_SIZE], 0, "what the parent finds in the second page");
    *(volatile char *)lazy.start = 'p';
    equal(fate_of(change_region, lazy.start), 0, "the child's status, lazy");
    equal(xmap_release(&region) | xmap_release(&lazy), 0, "xmap_release");
}

static void leave_regions(u64 unused)
{
    (void)unused;
    for (u32 i = 0; i < 20; i++) {
        xmap_region_t region = mapped(1 + i % 5, i % 2 ? READ_WRITE : READ_WRITE | XMAP_LAZY);
        *(volatile char *)region.start = 1;
        if (i % 3 == 0)
            equal(xmap_unmap(&region), 0, "xmap_unmap");
    }
}

/* exit gives everything back. */
static void exit_with_regions(void)
{
    u64 before = free_pages();
    for (u32 i = 0; i < 5; i++)
        equal(fate_of(leave_regions, 0), 0, "the status");
    equal((s64)free_pages(), (s64)before, "free pages");
}

/* exec ends all regions. */
static void exec_ends_regions(void)
{
    static char digits[24];
    u64 before = free_pages();
    int pid = fork();
    if (pid == 0) {
        xmap_region_t region = mapped(100, READ_WRITE);
        format_string(digits, sizeof(digits), "%lu", region.start);
        char *words[] = {"systest", SYSTEST_PART, "region", digits, NULL};
        exec(SYSTEST_PATH, words);
        exit(99);
    }
    require(pid > 0, "fork");
    equal(end_of(pid), 0, "whether there is a region after exec");
    equal((s64)free_pages(), (s64)before, "free pages");
}

/* Reserving is free; mapping more than there is, is refused and changes
 * nothing. */
static void map_too_much(void)
{
    u64 pages[3];
    equal(xmap_usage(pages), 0, "xmap_usage");
    require(pages[0] <= pages[1] && pages[2] <= pages[1], "free and committed are parts of the total");
    xmap_region_t region = reserved(pages[1] + 1);
    equal(xmap_map(&region, READ_WRITE), XMAP_ENOMEM, "xmap_map of more than all memory");
    equal(xmap_unmap(&region), XMAP_EUNMAPPED, "xmap_unmap of what was not mapped");
    require(pages[0] - free_pages() < 8, "the refused pages are free");
    equal(xmap_map(&region, READ_WRITE | XMAP_LAZY), 0, "xmap_map, lazily");
    *(volatile char *)region.start = 1;
    equal(xmap_release(&region), 0, "xmap_release");
    require(pages[0] - free_pages() < 8, "all is free");
}

/* All memory that is free can be had by one program, also where that is far more than a heap may have: as
 * much at once as goes, then half as much, down to a few pages. Each part is zero and its own. */
static void map_all_memory(void)
{
    static xmap_region_t parts[32];
    u64 before = free_pages();
    u64 taken = 0;
    u32 count = 0;
    u64 pages = before - before / 128; /* tables of pages take their part, too */
    while (pages >= 16 && count < ARRAY_SIZE(parts)) {
        xmap_region_t region = reserved(pages);
        if (xmap_map(&region, READ_WRITE) == 0) {
            parts[count++] = region;
            taken += pages;
        } else {
            equal(xmap_release(&region), 0, "xmap_release of what could not be mapped");
        }
        pages = min_u64(pages / 2, free_pages());
    }
    require(taken >= before - before / 64, "all memory but a little can be mapped");
    for (u32 i = 0; i < count; i++) {
        volatile u64 *words = (volatile u64 *)parts[i].start;
        u64 last = parts[i].length / sizeof(u64) - 1;
        equal((s64)(words[0] | words[last]), 0, "the first and the last word of a part");
        words[0] = words[last] = parts[i].start;
    }
    for (u32 i = 0; i < count; i++) {
        volatile u64 *words = (volatile u64 *)parts[i].start;
        equal((s64)words[0], (s64)parts[i].start, "the first word, later");
        equal((s64)words[parts[i].length / sizeof(u64) - 1], (s64)parts[i].start, "the last word, later");
        equal(xmap_release(&parts[i]), 0, "xmap_release");
    }
    require(before - free_pages() <= before / 512 + 8,
            "all is free again but the tables, which a program keeps");
}

/* As many regions as the service has room for, then an error; after their end
 * as many again. */
static void hold_regions(u64 unused)
{
    xmap_region_t region;
    u32 first = 0;
    u32 second = 0;
    (void)unused;
    static u64 starts[2000];
    while (first < ARRAY_SIZE(starts) && xmap_reserve(PAGE_SIZE, &region) == 0)
        starts[first++] = region.start;
    require(first >= 16, "a program can have 16 regions");
    if (first < ARRAY_SIZE(starts))
        equal(xmap_reserve(PAGE_SIZE, &region), XMAP_ENOMEM, "one more");
    for (u32 i = 0; i < first; i++) {
        region.start = starts[i];
        equal(xmap_release(&region), 0, "xmap_release");
    }
    while (second < first && xmap_reserve(PAGE_SIZE, &region) == 0)
        second++;
    equal(second, first, "regions the second time");
}

static void many_regions(void)
{
    equal(fate_of(hold_regions, 0), 0, "the status");
    xmap_region_t region = reserved(1);
    equal(xmap_release(&region), 0, "others can still have regions");
}

/* The structure may lie in the region it describes. */
static void region_in_itself(void)
{
    xmap_region_t region = mapped(1, READ_WRITE);
    xmap_region_t *inside = (xmap_region_t *)region.start;
    *inside = region;
    equal(xmap_protect(inside, READ_WRITE), 0, "xmap_protect");
    equal(inside->prot, READ_WRITE, "prot");
    equal(xmap_unmap(inside), 0, "xmap_unmap");
    equal(xmap_unmap(&region), XMAP_EUNMAPPED, "xmap_unmap, again");
    equal(xmap_release(&region), 0, "xmap_release");
}

static u64 random_state = 12345;

static u32 random_below(u32 limit)
{
    random_state = random_state * 6364136223846793005ul + 1442695040888963407ul;
    return (u32)(random_state >> 33) % limit;
}

/* Random calls against a model: a region is absent, reserved, or mapped with a
 * mark in it. */
static void random_regions(void)
{
    static struct {
        xmap_region_t region;
        int state; /* 0 absent, 1 reserved, 2 mapped */
        char mark;
    } model[8];
    for (u32 i = 0; i < 1500; i++) {
        u32 k = random_below(ARRAY_SIZE(model));
        volatile char *bytes = (volatile char *)model[k].region.start;
        int state = model[k].state;
        switch (random_below(4)) {
        case 0:
            if (state == 0) {
                model[k].region = reserved(1 + random_below(5));
                model[k].state = 1;
            } else {
                equal(xmap_release(&model[k].region), 0, "xmap_release");
                model[k].state = 0;
            }
            break;
        case 1:
            if (state == 0)
                break;
            equal(xmap_map(&model[k].region, READ_WRITE | (random_below(2) ? XMAP_LAZY : 0)),
                  state == 1 ? 0 : XMAP_EMAPPED, "xmap_map");
            if (state == 1)
                model[k].mark = 0;
            model[k].state = 2;
            break;
        case 2:
            if (state == 0)
                break;
            equal(xmap_unmap(&model[k].region), state == 2 ? 0 : XMAP_EUNMAPPED, "xmap_unmap");
            model[k].state = 1;
            break;
        default:
            if (state != 2)
                break;
            equal(bytes[model[k].region.length - 1], model[k].mark, "the mark");
            bytes[model[k].region.length - 1] = model[k].mark = (char)i;
            break;
        }
    }
}

const struct test xmap_tests[] = {
    {"xmap-reserve", reserve_region, NEEDS_NOTHING},
    {"xmap-reserve-refused", reserve_refused, NEEDS_NOTHING},
    {"xmap-map-twice", map_twice, NEEDS_NOTHING},
    {"xmap-map-refused", map_refused, NEEDS_NOTHING},
    {"xmap-protect", protect_region, NEEDS_NOTHING},
    {"xmap-execute", execute_region, NEEDS_NOTHING},
    {"xmap-lazy", lazy_region, NEEDS_NOTHING},
    {"xmap-reserve-at", reserve_at_places, NEEDS_NOTHING},
    {"xmap-meets-break", break_meets_region, NEEDS_NOTHING},
    {"xmap-query", query_parts, NEEDS_NOTHING},
    {"xmap-fork", fork_region, NEEDS_NOTHING},
    {"xmap-exit", exit_with_regions, NEEDS_NOTHING},
    {"xmap-exec", exec_ends_regions, NEEDS_DISK},
    {"xmap-too-much", map_too_much, NEEDS_NOTHING},
    {"xmap-all-memory", map_all_memory, IS_SLOW},
    {"xmap-many-regions", many_regions, NEEDS_NOTHING},
    {"xmap-in-itself", region_in_itself, NEEDS_NOTHING},
    {"xmap-random", random_regions, NEEDS_NOTHING},
    {NULL, NULL, 0},
};
