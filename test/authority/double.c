/*
 * A server in the place of a real one, with all that the image's description gives it, and the wish for more.
 * It tries everything it can name, and says on the serial line what it could do; test/test_authority.py knows
 * what that should be.
 *
 *   memory FIRST PAGES r|rw    pages it can read, or read and write, in its own range: offsets from its base
 *   outside ADDRESS PAGES ..   likewise elsewhere
 *   slot FIRST COUNT TYPE      capabilities of one type in slots that follow each other
 *   in SLOT FIRST COUNT TYPE   likewise in the CNode that is entered through the slot
 *   client SERVICE ..          who answers behind the slot to call that service
 *   device PLACE NAME          what the supervisor says the window is
 *   names COUNT ..             how many address spaces it could name, until the identifiers were used up
 *   marks COUNT pages          it has left its mark in what is its own, and nobody's was there
 *   done WHAT                  an attempt that should have failed
 *   tried ..                   the counts
 *
 * With the boot argument walk=requests, and the real supervisor: what the supervisor answers to each request.
 *
 * All of it happens on thread 0. A fault in a probe is answered by the root task, so that the double lives
 * on.
 */
#include "lib/format.h"
#include "placement/micro/server/runtime.h"
#include "port/log.h"
#include "port/system.h"
#include "test/authority/authority.h"

#define ROOT_SLOTS     (1u << CSPACE_RADIX)
#define RANGE_PAGES    (SERVER_RANGE / PAGE_SIZE)
#define REGION_PAGES   512ul /* what one page table maps */
#define COARSE         64ul  /* where nothing is ever placed, every so many pages */
#define RETURN         0x8082u
#define ASK_WHO        7777u
#define REQUESTS       64u
#define ENTRIES        4096u
#define ENTRIES_OF_MAP (1u << 17) /* xmap's kept CNode, on a machine of the default size */

static const char *const names[SERVERS_COUNT] = {"xmap", "unix", "fs", "block", "console", "timer"};

/* About as much memory as the larger ones of the real servers have; what they hold is within reach and may be
 * tried. */
#define OWN_PAGES 30
static volatile u8 own[OWN_PAGES * PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

static struct {
    u64 attempts, faults, errors;
} tried;

static void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void tell(const char *format, ...)
{
    char text[128];
    va_list arguments;

    va_start(arguments, format);
    format_string_va(text, sizeof(text), format, arguments);
    va_end(arguments);
    port_log("[authority] %s: %s\n", names[server_info()->service], text);
}

/* ---- Memory ---- */

enum access { ACCESS_NONE, ACCESS_READ, ACCESS_WRITE };
static const char *const access_names[] = {"none", "r", "rw"};

/* Whether the attempt came through. */
static bool passes(s64 result)
{
    tried.attempts++;
    if (result < 0)
        tried.faults++;
    return result >= 0;
}

/* Devices are not written: they would act on it. */
static bool is_device(u64 address)
{
    u64 first = server_base() + SERVER_DEVICES;

    return address >= first && address < first + DEVICES_MAX * PAGE_SIZE;
}

/* Stores a return instruction and runs it; then all is as before. */
static void try_execute(u64 address, u64 word)
{
    bool executes;

    probe_store(address, RETURN);
    executes = passes(probe_execute(address));
    probe_store(address, word);
    if (executes)
        tell("done executes 0x%lx", address);
}

static enum access access_of(u64 address)
{
    s64 word = probe_load(address);

    if (!passes(word))
        return ACCESS_NONE;
    if (is_device(address) || !passes(probe_store(address, (u64)word)))
        return ACCESS_READ;
    try_execute(address, (u64)word);
    return ACCESS_WRITE;
}

/* Says which of the pages are within reach, in runs of equal access. */
static void sweep(const char *what, u64 base, u64 first, u64 pages, u64 stride)
{
    enum access current = ACCESS_NONE;
    u64 begin = 0;

    for (u64 page = 0; page <= pages; page += stride) {
        enum access access = page < pages ? access_of(base + first + page * PAGE_SIZE) : ACCESS_NONE;

        if (access == current)
            continue;
        if (current != ACCESS_NONE)
            tell("%s 0x%lx %lu %s", what, first + begin * PAGE_SIZE, page - begin, access_names[current]);
        current = access;
        begin = page;
    }
}

/* The parts of its own range in which layout.h places something, each in a run of tables. */
static const struct part {
    u64 first, regions;
} parts[] = {{0, 2},
             {SERVER_INFO, 1},
             {SERVER_THREADS, (THREADS_MAX * THREAD_AREA >> 21) + 1},
             {SERVER_KEPT, 4},
             {SERVER_DEVICES, 1},
             {SERVER_DMA, 1},
             {SERVER_TRANSFERS, 1}};

static void try_own_range(void)
{
    u64 at = 0;

    for (u32 i = 0; i < ARRAY_SIZE(parts); i++) {
        sweep("memory", server_base(), at, (parts[i].first - at) / PAGE_SIZE, COARSE);
        sweep("memory", server_base(), parts[i].first, parts[i].regions * REGION_PAGES, 1);
        at = parts[i].first + parts[i].regions * REGION_PAGES * PAGE_SIZE;
    }
    sweep("memory", server_base(), at, RANGE_PAGES - at / PAGE_SIZE, COARSE);
}

static void try_address(u64 address)
{
    u64 page = round_down(address, PAGE_SIZE);

    if (page >= server_base() && page < server_base() + SERVER_RANGE)
        return;
    sweep("outside", 0, page, 1, 1);
    if (passes(probe_store(page, 0)))
        tell("done stores to 0x%lx", page);
    if (passes(probe_execute(page)))
        tell("done executes 0x%lx", page);
}

/* The board's devices and memory at their physical addresses, and where a kernel may have them: all that is
 * behind a power of two, from both ends of the address space. */
static void try_elsewhere(void)
{
    static const u64 physical[] = {0x100000,   0x101000,   0x2000000,  0xc000000,  0xc200000,  0x10000000,
                                   0x10001000, 0x10002000, 0x10008000, 0x30000000, 0x80000000, 0x80200000};

    for (u32 i = 0; i < ARRAY_SIZE(physical); i++) {
        try_address(physical[i]);
        for (u32 bit = 30; bit < 64; bit++)
            try_address(physical[i] - (1ul << bit));
    }
    for (u32 bit = 12; bit < 64; bit++)
        try_address(-(1ul << bit));
    for (u32 bit = 12; bit < 64; bit++) {
        if (1ul << bit != ARENA_BASE)
            try_address(1ul << bit);
    }
    try_address(0);
    sweep("outside", 0, ARENA_BASE - REGION_PAGES * PAGE_SIZE, 3 * REGION_PAGES, 1);
    sweep("outside", 0, WINDOW_BASE, 2 * REGION_PAGES, 1);
    for (u64 server = 0; server < SERVERS_COUNT + 2; server++) {
        for (u32 i = 0; i < ARRAY_SIZE(parts) && SERVER_BASE(server) != server_base(); i++)
            sweep("outside", 0, SERVER_BASE(server) + parts[i].first, 8, 1);
    }
}

/* ---- What is behind it ---- */

/* The last word but one of a page that nobody else should have: who has it. */
#define MARK(service) (0x6d61726b00000000ul | (service))
#define MARK_PLACE    (PAGE_SIZE - 16)

static u64 *mark_of(u64 page)
{
    return (u64 *)(page + MARK_PLACE);
}

static void find_mark(u64 page)
{
    for (u64 service = 0; service < SERVERS_COUNT; service++) {
        if (service != server_info()->service && *mark_of(page) == MARK(service))
            tell("done shares 0x%lx with %s", page - server_base(), names[service]);
    }
}

static void leave_mark(u64 page)
{
    find_mark(page);
    *mark_of(page) = MARK(server_info()->service);
}

/* Whoever has had the page since then has looked at it and marked it. */
static void recognise_mark(u64 page)
{
    find_mark(page);
    if (*mark_of(page) != MARK(server_info()->service))
        tell("done loses 0x%lx", page - server_base());
}

static u64 each_page(u64 first, u64 pages, void (*deed)(u64 page))
{
    for (u64 i = 0; i < pages; i++)
        deed(first + i * PAGE_SIZE);
    return pages;
}

/* All pages that are for this server alone and that nothing else writes to; returns their number. The
 * thread that runs uses its stack. */
static u64 each_own_page(void (*deed)(u64 page))
{
    const struct server_info *info = server_info();
    u64 count = each_page((u64)own, OWN_PAGES, deed);

    count += each_page(server_base() + SERVER_KEPT, info->kept_size / PAGE_SIZE, deed);
    count += each_page(server_base() + SERVER_DMA, info->dma_pages, deed);
    for (u64 thread = 1; thread < info->threads; thread++)
        count += each_page(server_base() + SERVER_THREADS + thread * THREAD_AREA + THREAD_STACK_TOP -
                               THREAD_STACK_PAGES * PAGE_SIZE,
                           THREAD_STACK_PAGES, deed);
    return count;
}

/* ---- Capabilities ---- */

enum { TYPE_NULL = 0, TYPE_UNTYPED = 2, TYPE_ENDPOINT = 4, TYPE_NOTIFICATION = 6 };

/* Operations that no capability answers with success if nothing comes with the message. */
static const u16 labels[] = {
    UntypedRetype,
    TCBReadRegisters,
    TCBWriteRegisters,
    TCBConfigure,
    TCBSetPriority,
    TCBSetSpace,
    CNodeCopy,
    CNodeMint,
    CNodeMove,
    CNodeRevoke,
    CNodeDelete,
    IRQIssueIRQHandler,
    DomainSetSet,
    RISCVPageTableMap,
    RISCVPageMap,
    IRQSetIRQHandler,
    RISCVASIDControlMakePool,
    RISCVASIDPoolAssign,
};

static void expect_refusal(s64 info, const char *what, u64 capability)
{
    tried.attempts++;
    if (info < 0)
        tried.faults++;
    else if ((u64)info >> 12 != seL4_NoError)
        tried.errors++;
    else
        tell("done %s 0x%lx", what, capability);
}

static s64 call(u64 capability, u64 label)
{
    u64 mr[4] = {0};

    return probe_message(seL4_SysCall, capability, seL4_MessageInfo_new(label, 0, 0, 0).words[0], mr);
}

/* A Call on an endpoint is a message to its server, and on a notification a signal: these are not for nothing
 * there. */
static void try_labels(u64 capability, u64 type)
{
    if (type == TYPE_ENDPOINT || type == TYPE_NOTIFICATION)
        return;
    for (u32 i = 0; i < ARRAY_SIZE(labels); i++)
        expect_refusal(call(capability, labels[i]), "operates on", capability);
}

/* Receives at no endpoint but its own. From an object of another type nothing can be received either. */
static void try_receive(u64 capability, u64 type)
{
    u64 mr[4] = {0};

    if (type != TYPE_NOTIFICATION && capability != CPTR(SLOT_SERVICE))
        expect_refusal(probe_message(seL4_SysNBRecv, capability, 0, mr), "receives from", capability);
}

static void tell_run(u64 slot, u64 first, u64 count, u64 type)
{
    if (count == 0 || type == TYPE_NULL)
        return;
    if (slot)
        tell("in %lu %lu %lu %lu", slot, first, count, type);
    else
        tell("slot %lu %lu %lu", first, count, type);
}

/* The capabilities in a CNode: the root one (slot 0), or that in `slot`. */
static void try_slots(u64 slot, u64 count)
{
    u64 begin = 0, current = TYPE_NULL;

    for (u64 i = 0; i < count; i++) {
        u64 capability = slot ? CPTR_IN(slot, i) : CPTR(i);
        u64 type = seL4_DebugCapIdentify(capability);

        if (type != TYPE_NULL || i < ROOT_SLOTS) {
            try_labels(capability, type);
            try_receive(capability, type);
        }
        if (type == current)
            continue;
        tell_run(slot, begin, i - begin, current);
        begin = i;
        current = type;
    }
    tell_run(slot, begin, count - begin, current);
}

/* Names outside its CSpace: the guard refuses. */
static void try_wild_names(void)
{
    for (u32 bit = CSPACE_RADIX + CSPACE_SHIFT; bit < 64; bit++) {
        expect_refusal(call(1ul << bit, UntypedRetype), "finds", 1ul << bit);
        expect_refusal(call(1ul << bit | CPTR(SLOT_SERVICE), UntypedRetype), "finds", 1ul << bit);
    }
}

/* Its own threads above others, a piece of memory larger than what it has, its own endpoint as a sender. */
static void try_more(void)
{
    u64 tcb = CPTR(SLOT_THREAD), mine = server_info()->service == SERVICE_UNIX ? 151 : 1;

    expect_refusal(call(CPTR(SLOT_SERVICE), 0), "sends to", CPTR(SLOT_SERVICE));
    for (u64 priority = mine; priority < 256; priority += 15) {
        expect_refusal((s64)seL4_TCB_SetPriority(tcb, tcb, priority) << 12, "sets the priority of", tcb);
        expect_refusal((s64)seL4_TCB_SetMCPriority(tcb, tcb, priority) << 12, "sets the greatest priority of",
                       tcb);
    }
    for (u64 slot = 0; slot < ROOT_SLOTS; slot++) {
        if (seL4_DebugCapIdentify(CPTR(slot)) == TYPE_UNTYPED)
            expect_refusal(
                (s64)seL4_Untyped_Retype(CPTR(slot), seL4_UntypedObject, 30, CNODE_PRIVATE, 0, 0, 0, 1) << 12,
                "retypes", CPTR(slot));
    }
}

/* Names address spaces until its pool has no identifier left. The root task says what that means to others.
 */
static void use_up_identifiers(void)
{
    u64 named = 0;
    bool over = false;

    if (seL4_DebugCapIdentify(CPTR(SLOT_ASID_POOL)) == TYPE_NULL)
        return;
    for (u64 i = 0; i < ENTRIES_OF_MAP && !over; i++) {
        if (seL4_DebugCapIdentify(CPTR_IN(SLOT_KEPT, i)) != TYPE_UNTYPED)
            continue;
        while (!over && seL4_Untyped_Retype(CPTR_IN(SLOT_KEPT, i), seL4_RISCV_PageTableObject, 0, CNODE_KEPT,
                                            0, 0, named, 1) == seL4_NoError) {
            over =
                seL4_RISCV_ASIDPool_Assign(CPTR(SLOT_ASID_POOL), CPTR_IN(SLOT_KEPT, named)) != seL4_NoError;
            named += !over;
        }
    }
    tell("names %lu address spaces%s", named, over ? "" : " and has no memory for more");
}

/* ---- Who is there ---- */

/* Asks each service it may call who it is and whom it takes the caller for, and passes a capability along,
 * which must not arrive: these endpoints have no right to grant. */
static void ask_clients(void)
{
    for (u64 service = 0; service < SERVERS_COUNT; service++) {
        u64 capability = CPTR(SLOT_CLIENT + service), mr[4] = {0};
        s64 info;

        if (seL4_DebugCapIdentify(capability) != TYPE_ENDPOINT)
            continue;
        seL4_SetCap(0, CPTR(SLOT_THREAD));
        info = probe_message(seL4_SysCall, capability, seL4_MessageInfo_new(ASK_WHO, 0, 1, 0).words[0], mr);
        tell("client %lu answers %ld service %lu badge 0x%lx capabilities %lu", service, info >> 12, mr[0],
             mr[1], mr[2]);
    }
}

static _Noreturn void answer_clients(void)
{
    for (;;) {
        u64 badge = 0, caps;
        seL4_MessageInfo_t info;

        seL4_SetCapReceivePath(CNODE_PRIVATE, 0, CSPACE_SHIFT);
        info = seL4_Recv(CPTR(SLOT_SERVICE), &badge);
        caps = seL4_MessageInfo_get_extraCaps(info);
        seL4_SetMR(0, server_info()->service);
        seL4_SetMR(1, badge);
        seL4_SetMR(2, caps);
        seL4_Reply(seL4_MessageInfo_new(0, 0, 0, 3));
    }
}

/* ---- The supervisor ---- */

/* Every request there may be, with the numbers that would do the least harm. What is left to unix unix does:
 * it ends the machine. */
static void try_requests(void)
{
    bool is_unix = server_info()->service == SERVICE_UNIX;

    server_ask(SUPERVISOR_READY, 1, ERR_OK, 0, 0);
    for (u64 label = 0; label < REQUESTS && !is_unix; label++) {
        if (label != SUPERVISOR_LOG && label != SUPERVISOR_READY)
            tell("request %lu answers: %s", label, err_text((enum err)server_ask(label, 3, 0, 1, 0)));
    }
    tell("requests are over");
    if (is_unix)
        server_ask(SUPERVISOR_POWER_OFF, 1, 0, 0, 0);
    answer_clients();
}

void server_main(void)
{
    const struct server_info *info = server_info();
    char walk[16];
    u64 many = info->service == SERVICE_XMAP ? ENTRIES_OF_MAP : ENTRIES;

    if (port_boot_argument("walk", walk, sizeof(walk)))
        try_requests();
    tell("begins; kept %lu pools %lu", info->kept_size / PAGE_SIZE, info->pools);
    for (u64 i = 0; i < info->devices; i++)
        tell("device %lu %s", i, info->device[i].compatible);
    tell("marks %lu pages", each_own_page(leave_mark));
    try_own_range();
    try_elsewhere();
    try_slots(0, ROOT_SLOTS);
    try_slots(SLOT_NAMES, ENTRIES);
    try_slots(SLOT_KEPT, many);
    try_slots(SLOT_PRIVATE, many);
    try_wild_names();
    try_more();
    use_up_identifiers();
    each_own_page(recognise_mark);
    ask_clients();
    tell("tried %lu faults %lu errors %lu", tried.attempts, tried.faults, tried.errors);
    server_ask(SUPERVISOR_READY, 1, 0, 0, 0);
    answer_clients();
}
