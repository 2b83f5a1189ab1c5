/*
 * xmapcalls: what the xmap calls promise, one line a check. Exits 0 only if all hold.
 *
 * What must end a program is done by a child: its status is -1 then. Every check gives back what it took, so
 * that the last one can compare the system's free pages with those at the beginning.
 */
#include "user/user.h"

#define READ_WRITE (XMAP_READ | XMAP_WRITE)

static int failures;

static void check(bool well, const char *what)
{
    printf("%s: %s\n", well ? "ok" : "FAILED", what);
    if (!well)
        failures++;
}

static volatile u32 *words_of(const xmap_region_t *region)
{
    return (volatile u32 *)region->start;
}

static xmap_region_t mapped(u64 pages, int prot)
{
    xmap_region_t region = {0, 0, 0};
    if (xmap_reserve(pages * PAGE_SIZE, &region) != 0 || xmap_map(&region, prot) != 0)
        check(false, "a region for the next check can be had");
    return region;
}

/* How a child ends that does `deed`: its exit status, -1 if the system ended it, -2 if there was no child. */
static int fate_of(void (*deed)(const xmap_region_t *), const xmap_region_t *region)
{
    int status;
    int pid = fork();
    if (pid == 0) {
        deed(region);
        exit(0);
    }
    if (pid < 0 || wait(&status) != pid)
        return -2;
    return status;
}

static void load(const xmap_region_t *region)
{
    (void)*words_of(region);
}

static void store(const xmap_region_t *region)
{
    *words_of(region) = 7;
}

static void jump(const xmap_region_t *region)
{
    ((void (*)(void))region->start)();
}

static void map_more_and_end(const xmap_region_t *region)
{
    xmap_region_t eager = mapped(32, READ_WRITE);
    xmap_region_t lazy = mapped(1024, READ_WRITE | XMAP_LAZY);
    *words_of(&eager) = *words_of(&lazy) = *words_of(region);
}

static void check_life(void)
{
    xmap_region_t region = {0, 0, -1};
    check(xmap_reserve(2 * PAGE_SIZE, &region) == 0, "reserve");
    check(region.start % PAGE_SIZE == 0 && region.length == 2 * PAGE_SIZE && region.prot == 0,
          "reserve says where, how long, and that nothing is mapped");
    check(fate_of(load, &region) == -1, "a region only reserved cannot be read");
    check(xmap_unmap(&region) == XMAP_EUNMAPPED, "unmap of an unmapped region is refused");
    check(xmap_protect(&region, XMAP_READ) == XMAP_EUNMAPPED, "protect of an unmapped region is refused");
    check(xmap_map(&region, READ_WRITE) == 0 && region.prot == READ_WRITE, "map");
    volatile u32 *words = words_of(&region);
    check(words[0] == 0 && words[2 * PAGE_SIZE / sizeof(u32) - 1] == 0, "mapped pages are zero");
    words[0] = 42;
    check(xmap_map(&region, READ_WRITE) == XMAP_EMAPPED, "a second map is refused");
    check(words[0] == 42, "a refused map changes nothing");
    check(xmap_unmap(&region) == 0 && region.prot == 0, "unmap");
    check(fate_of(load, &region) == -1, "an unmapped region cannot be read");
    check(xmap_map(&region, READ_WRITE) == 0 && words[0] == 0, "mapped again, the pages are zero again");
    check(xmap_release(&region) == 0, "release while mapped");
    check(fate_of(load, &region) == -1, "a released region cannot be read");
    check(xmap_map(&region, READ_WRITE) == XMAP_EINVAL, "a released region cannot be mapped");
    check(xmap_release(&region) == XMAP_EINVAL, "a second release is refused");
}

static void check_arguments(void)
{
    xmap_region_t region;
    check(xmap_reserve(0, &region) == XMAP_EINVAL, "reserve of nothing is refused");
    check(xmap_reserve(PAGE_SIZE, NULL) < 0, "a pointer to the program's text is refused");
    check(xmap_reserve(PAGE_SIZE, (xmap_region_t *)~0ul) == XMAP_EINVAL, "a wild pointer is refused");
    check(xmap_reserve(1ul << 40, &region) < 0, "more than the address space is refused");
    check(xmap_reserve(~0ul, &region) < 0, "a size that wraps is refused");

    check(xmap_reserve(PAGE_SIZE, &region) == 0, "a region for bad arguments");
    check(xmap_map(&region, READ_WRITE | 16) == XMAP_EINVAL, "map with foreign bits is refused");
    check(xmap_map(&region, (int)0x80000001u) == XMAP_EINVAL, "map with a negative prot is refused");
    check(xmap_map(&region, 0) == XMAP_EINVAL, "map with no right is refused");
    check(xmap_map(&region, READ_WRITE) == 0, "it can still be mapped");
    check(xmap_protect(&region, 32 | XMAP_READ) == XMAP_EINVAL, "protect with foreign bits is refused");
    check(xmap_release(&region) == 0, "it can be released");

    xmap_region_t text = {0, PAGE_SIZE, 0};
    check(xmap_unmap(&text) < 0 && xmap_release(&text) < 0, "the program's text is no region of the calls");
    check(xmap_protect(&text, READ_WRITE) < 0, "the program's text cannot be made writable");
}

static void check_rights(void)
{
    xmap_region_t region = mapped(1, READ_WRITE);
    *words_of(&region) = 42;
    check(fate_of(jump, &region) == -1, "without the right to execute, a jump ends the program");
    check(xmap_protect(&region, XMAP_READ) == 0 && region.prot == XMAP_READ, "protect");
    check(*words_of(&region) == 42, "protect keeps the content");
    check(fate_of(store, &region) == -1, "without the right to write, a store ends the program");
    int fds[2];
    check(pipe(fds) == 0 && write(fds[1], "x", 1) == 1, "a pipe with a byte in it");
    check(read(fds[0], (void *)region.start, 1) == -1, "the system does not write there either");
    close(fds[0]);
    close(fds[1]);
    check(xmap_protect(&region, READ_WRITE) == 0 && fate_of(store, &region) == 0,
          "the right can be given back");
    check(xmap_release(&region) == 0, "the region can be released");
}

static void check_fork(void)
{
    xmap_region_t region = mapped(1, READ_WRITE);
    *words_of(&region) = 42;
    check(fate_of(store, &region) == 0, "a child can write to the region it inherits");
    check(*words_of(&region) == 42, "and its parent does not see that");
    check(fate_of(map_more_and_end, &region) == 0, "a program can end with regions mapped");
    check(xmap_release(&region) == 0, "the parent can release its own");
}

static void check_places(void)
{
    xmap_region_t first;
    check(xmap_reserve(4 * PAGE_SIZE, &first) == 0 && xmap_release(&first) == 0,
          "a place that is free again");
    xmap_region_t here = {first.start + PAGE_SIZE, 2 * PAGE_SIZE, 0};
    check(xmap_reserve_at(&here) == 0 && here.start == first.start + PAGE_SIZE, "reserve_at");
    xmap_region_t over = {first.start + 2 * PAGE_SIZE, 2 * PAGE_SIZE, 0};
    check(xmap_reserve_at(&over) == XMAP_EOVERLAP, "an overlap is refused");
    xmap_region_t behind = {first.start + 3 * PAGE_SIZE, PAGE_SIZE, 0};
    check(xmap_reserve_at(&behind) == 0, "a neighbour is not");
    xmap_region_t odd = {first.start + 1, PAGE_SIZE, 0};
    check(xmap_reserve_at(&odd) == XMAP_EINVAL, "an address inside a page is refused");
    xmap_region_t high = {1ul << 38, PAGE_SIZE, 0};
    check(xmap_reserve_at(&high) == XMAP_EINVAL, "an address beyond the program's is refused");
    xmap_region_t on_text = {0, PAGE_SIZE, 0};
    check(xmap_reserve_at(&on_text) == XMAP_EOVERLAP, "the program's text is in the way");

    check(xmap_map(&here, READ_WRITE) == 0, "what was reserved at an address can be mapped");
    xmap_region_t found;
    check(xmap_query((void *)(here.start + PAGE_SIZE + 8), &found) == 0 && found.start == here.start &&
              found.length == here.length && found.prot == READ_WRITE,
          "query finds the region of an address");
    check(xmap_query((void *)behind.start, &found) == 0 && found.prot == 0, "query of a reserved region");
    check(xmap_query((void *)first.start, &found) < 0, "query of an address in no region is refused");
    check(xmap_release(&behind) == 0 && xmap_release(&here) == 0, "both can be released");
}

static void check_lazy(void)
{
    u64 before[3];
    u64 after[3];
    xmap_region_t region;
    check(xmap_reserve(512 * PAGE_SIZE, &region) == 0, "a region for lazy pages");
    check(xmap_usage(before) == 0 && before[0] <= before[1], "usage before");
    check(xmap_map(&region, READ_WRITE | XMAP_LAZY) == 0, "map on demand");
    check(xmap_usage(after) == 0 && after[0] + 256 > before[0], "takes no memory at once");
    volatile u32 *words = words_of(&region);
    check(words[100 * PAGE_SIZE / sizeof(u32)] == 0, "a lazy page reads as zero");
    words[200 * PAGE_SIZE / sizeof(u32)] = 42;
    check(words[200 * PAGE_SIZE / sizeof(u32)] == 42, "and can be written");
    int fds[2];
    char *untouched = (char *)region.start + 300 * PAGE_SIZE;
    check(pipe(fds) == 0 && write(fds[1], untouched, 1) == 1 && read(fds[0], untouched + PAGE_SIZE, 1) == 1,
          "the system touches lazy pages, too");
    close(fds[0]);
    close(fds[1]);
    check(xmap_map(&region, READ_WRITE) == XMAP_EMAPPED, "a lazy region is mapped");
    check(xmap_release(&region) == 0, "it can be released");
}

static void check_exhaustion(void)
{
    u64 pages[3];
    xmap_region_t region;
    check(xmap_usage(pages) == 0, "usage before exhaustion");
    check(xmap_reserve((pages[1] + 1) * PAGE_SIZE, &region) == 0, "reserving takes no memory");
    check(xmap_map(&region, READ_WRITE) == XMAP_ENOMEM, "more than all memory is refused");
    check(xmap_unmap(&region) == XMAP_EUNMAPPED, "and nothing of it is mapped");
    check(xmap_release(&region) == 0, "it can be released");
}

int main(void)
{
    u64 before[3] = {0};
    u64 after[3] = {0};
    check_fork(); /* once before counting, so that what the system takes once and keeps is not counted */
    check(xmap_usage(before) == 0, "usage");
    check_life();
    check_arguments();
    check_rights();
    check_fork();
    check_places();
    check_lazy();
    check_exhaustion();
    xmap_usage(after);
    check(after[0] >= before[0], "no page is lost");
    if (failures > 0) {
        printf("xmapcalls: %d failed\n", failures);
        return 1;
    }
    printf("xmapcalls: all passed\n");
    return 0;
}
