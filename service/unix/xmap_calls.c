/*
 * Duo's own calls: xmap for programs, arming a fault, ending the machine; numbers and arguments in
 * abi/xv6/xmap.h.
 *
 * A call that dies with the memory service is not repeated: the program is told (XMAP_ERESTART), and what
 * became of its region it can see by xmap_query.
 *
 * A structure of the caller is read and written back before anything is done, so that a bad pointer changes
 * nothing. It may lie inside the region it describes; if that is then gone, the last write has no place to
 * go, and is left out.
 */
#include "lib/faults.h"
#include "port/fault.h"
#include "port/fs.h"
#include "port/system.h"
#include "port/vspace.h"
#include "port/xmap.h"
#include "service/unix/calls.h"

#define XMAP_RIGHTS (XMAP_READ | XMAP_WRITE | XMAP_EXEC)

_Static_assert(XMAP_READ == XMAP_RIGHT_READ && XMAP_WRITE == XMAP_RIGHT_WRITE && XMAP_EXEC == XMAP_RIGHT_EXEC,
               "rights of programs are passed on as they are");

static s64 result_of(enum err err)
{
    switch (err) {
    case ERR_OK:
        return 0;
    case ERR_MAPPED:
        return XMAP_EMAPPED;
    case ERR_NOT_MAPPED:
        return XMAP_EUNMAPPED;
    case ERR_NO_MEMORY:
    case ERR_NO_SLOT:
    case ERR_QUOTA:
        return XMAP_ENOMEM;
    case ERR_OVERLAP:
        return XMAP_EOVERLAP;
    case ERR_PEER_RESTARTED:
        return XMAP_ERESTART;
    default:
        return XMAP_EINVAL;
    }
}

static bool store(const struct process *process, uaddr address, const xmap_region_t *region)
{
    return unix_user_write(process->memory.space, address, region, sizeof(*region)) == sizeof(*region);
}

static bool fetch(const struct process *process, uaddr address, xmap_region_t *region)
{
    return unix_user_read(process->memory.space, region, address, sizeof(*region)) == sizeof(*region) &&
           store(process, address, region);
}

/* The region that starts here is about to change. How long it is only xmap knows, so all above is dropped:
 * buffers mostly lie below such regions. */
static void drop_from(const struct process *process, uaddr start)
{
    unix_pages_drop(process->memory.space, start, PORT_USER_END);
}

/* Apart from its caller, whose usual way it shall not make longer. */
static __attribute__((noinline)) s64 take_back(const struct process *process, u64 start)
{
    (void)repeat_patiently(xmap_release(process->memory.space, start, XMAP_KIND_CALL));
    return XMAP_EINVAL;
}

/* Reserves, and tells where; undone if the caller cannot be told. */
static s64 reserve(const struct process *process, u64 start, u64 length, uaddr address)
{
    xmap_region_t region = {.length = length};
    enum err err = xmap_reserve(process->memory.space, start, length, XMAP_KIND_CALL, &region.start);

    if (err != ERR_OK)
        return result_of(err);
    return store(process, address, &region) ? 0 : take_back(process, region.start);
}

/* Any size but 0 will do: it is rounded up to whole pages. */
s64 unix_call_xmap_reserve(struct process *process, const u64 *argument)
{
    if (argument[0] == 0)
        return XMAP_EINVAL;
    if (argument[0] > ~0ul - PAGE_SIZE)
        return XMAP_ENOMEM;
    return reserve(process, XMAP_ANYWHERE, round_up(argument[0], PAGE_SIZE), argument[1]);
}

/* Address 0, which to xmap means any address, is where a program's text is. */
s64 unix_call_xmap_reserve_at(struct process *process, const u64 *argument)
{
    xmap_region_t region;

    if (!fetch(process, argument[0], &region))
        return XMAP_EINVAL;
    if (region.start == XMAP_ANYWHERE)
        return XMAP_EOVERLAP;
    return reserve(process, region.start, region.length, argument[0]);
}

static bool rights_valid(s32 rights, s32 allowed)
{
    return (rights & ~allowed) == 0 && (rights & XMAP_RIGHTS) != 0;
}

static s64 told(const struct process *process, uaddr address, xmap_region_t *region, s32 rights, enum err err)
{
    if (err != ERR_OK)
        return result_of(err);
    region->prot = rights;
    (void)store(process, address, region);
    return 0;
}

s64 unix_call_xmap_map(struct process *process, const u64 *argument)
{
    s32 rights = (s32)argument[1];
    u64 how = rights & XMAP_LAZY ? XMAP_FILL_LAZY : XMAP_FILL_NOW;
    xmap_region_t region;
    enum err err;

    if (!rights_valid(rights, XMAP_RIGHTS | XMAP_LAZY) || !fetch(process, argument[0], &region))
        return XMAP_EINVAL;
    rights &= XMAP_RIGHTS;
    err = xmap_map(process->memory.space, region.start, XMAP_KIND_CALL, (u64)rights, how);
    return told(process, argument[0], &region, rights, err);
}

s64 unix_call_xmap_protect(struct process *process, const u64 *argument)
{
    s32 rights = (s32)argument[1];
    xmap_region_t region;
    enum err err;

    if (!rights_valid(rights, XMAP_RIGHTS) || !fetch(process, argument[0], &region))
        return XMAP_EINVAL;
    drop_from(process, region.start);
    err = xmap_protect(process->memory.space, region.start, XMAP_KIND_CALL, (u64)rights);
    return told(process, argument[0], &region, rights, err);
}

s64 unix_call_xmap_unmap(struct process *process, const u64 *argument)
{
    xmap_region_t region;
    enum err err;

    if (!fetch(process, argument[0], &region))
        return XMAP_EINVAL;
    drop_from(process, region.start);
    err = xmap_unmap(process->memory.space, region.start, XMAP_KIND_CALL);
    return told(process, argument[0], &region, 0, err);
}

s64 unix_call_xmap_release(struct process *process, const u64 *argument)
{
    xmap_region_t region;
    enum err err;

    if (!fetch(process, argument[0], &region))
        return XMAP_EINVAL;
    drop_from(process, region.start);
    err = xmap_release(process->memory.space, region.start, XMAP_KIND_CALL);
    return told(process, argument[0], &region, 0, err);
}

/* Says it of the program's own segments, stack and heap as well. */
s64 unix_call_xmap_query(struct process *process, const u64 *argument)
{
    xmap_region_t region = {0};
    u64 start = 0;
    u64 size = 0;
    u64 state = 0;
    enum err err = repeat_once(xmap_query(process->memory.space, argument[0], &start, &size, &state));

    if (err != ERR_OK)
        return result_of(err);
    region.start = start;
    region.length = size;
    region.prot = state >> 16 & 1 ? (s32)(state >> 8 & XMAP_RIGHTS) : 0;
    return store(process, argument[1], &region) ? 0 : XMAP_EINVAL;
}

s64 unix_call_xmap_usage(struct process *process, const u64 *argument)
{
    u64 pages[3];
    enum err err = repeat_once(xmap_usage(&pages[0], &pages[1], &pages[2]));

    if (err != ERR_OK)
        return result_of(err);
    return unix_user_write(process->memory.space, argument[0], pages, sizeof(pages)) == sizeof(pages)
               ? 0
               : XMAP_EINVAL;
}

/* The counts come as arguments, so an `@n` in the text is not looked at. */
s64 unix_call_fault_arm(struct process *process, const u64 *argument)
{
    char text[2 * FAULT_TEXT_MAX];
    char service[FAULT_TEXT_MAX];
    char name[FAULT_TEXT_MAX];
    enum port_fault fault;
    bool always;
    u64 n;

    if ((s64)argument[1] < 0 || !unix_user_string(process->memory.space, argument[0], text, sizeof(text)) ||
        !fault_text_parse(text, service, name, &n, &always) ||
        port_fault_find(service, name, &fault) != ERR_OK)
        return FAILED;
    return port_fault_arm(fault, argument[1], (s32)argument[2] != 0) == ERR_OK ? 0 : FAILED;
}

s64 unix_call_power_off(struct process *process, const u64 *argument)
{
    (void)process;
    (void)fs_sync(); /* so that the next boot finds nothing to recover; what was acknowledged is safe without
                        it */
    port_power_off((s32)argument[0] == 0 ? EXIT_CLEAN : EXIT_TEST_FAILED);
}
