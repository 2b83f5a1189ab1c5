/*
 * Building and ending servers: see process.h.
 *
 * Frames that outlive a server, or that others have mapped too, go into it as copies of their capabilities,
 * in the slots of server->shared; when the server ends the copies are deleted, and with them the mappings.
 */
#include "placement/micro/root/process.h"
#include "lib/archive.h"
#include "lib/elf.h"
#include "lib/format.h"
#include "lib/string.h"
#include "placement/micro/root/console.h"
#include "placement/micro/root/registers.h"
#include "placement/micro/unix/server.h"
#include "placement/micro/xmap/server.h"

#define PAGE_BITS       12
#define LARGE_PAGE_BITS 21
#define RECORDS         0x2000400000ul /* where the supervisor sees the record pages */
#define SERVER_MCP      150            /* unix sets the priority of its programs */

/* Slots of one server: its image, its CNodes and tables; and for each thread TCB, notification, stack, two
 * pages. */
#define SLOTS_BASE   40
#define THREAD_SLOTS (4 + THREAD_STACK_PAGES)
#define TABLE_PAGES                                                                                          \
    44 /* page tables of image, threads, kept memory, devices; the root; the information page; waste */
#define SHARED_SLOTS 8 /* beside kept memory and transfer pages: record, arena, devices */

#define POOL_BITS  16            /* the smallest piece worth giving to programs */
#define ROOT_SPARE (128ul << 10) /* what stays with the supervisor when programs get the rest */

struct server servers[SERVERS_COUNT];
u64 process_timer_signal;

extern const u8 servers_archive[], servers_archive_end[];

/* xmap's kept part beside the common one. */
static struct {
    u64 cnode, radix;
    u64 asid_pool;              /* their own, so that xmap cannot use up the servers' identifiers */
    u64 frames, usable, tables; /* numbers of frames; how many of them there are; page tables */
    u64 pools;
    struct info_pool pool[POOLS_MAX];
} programs;

static struct kept_memory arena; /* the block cache: one large page */
static u64 irq_handlers[SERVERS_COUNT][DEVICES_MAX];

/* ---- What the image's description says ---- */

static const struct server_description descriptions[] = {
#define SERVER(service, name, priority, threads, loops, kept, restarts, patience, without)                   \
    {SERVER_ID_##service, name, priority, threads, loops, kept, restarts, patience, SYSTEM_##without},
#include "placement/micro/root/description.h"
};

static const struct {
    u32 server;
    const char *compatible;
    u32 n;
} devices[] = {
#define DEVICE(server, compatible, n) {SERVER_ID_##server, compatible, n},
#include "placement/micro/root/description.h"
};

static const struct {
    u32 client, service;
} clients[] = {
#define CLIENT(client, service) {SERVER_ID_##client, SERVER_ID_##service},
#include "placement/micro/root/description.h"
};

static const u8 dma_pages[SERVERS_COUNT] = {
#define DMA(server, pages) [SERVER_ID_##server] = (pages),
#include "placement/micro/root/description.h"
};

static const bool has_arena[SERVERS_COUNT] = {
#define ARENA(server) [SERVER_ID_##server] = true,
#include "placement/micro/root/description.h"
};

static const bool sees_transfers[SERVERS_COUNT] = {
#define TRANSFERS(server) [SERVER_ID_##server] = true,
#include "placement/micro/root/description.h"
};

bool process_may_call(u32 client, u32 service)
{
    for (u32 i = 0; i < ARRAY_SIZE(clients); i++) {
        if (clients[i].client == client && clients[i].service == service)
            return true;
    }
    return false;
}

/* ---- Kept ---- */

static const void *file(const char *server, const char *suffix, u64 *size)
{
    char name[32];
    const void *data;

    format_string(name, sizeof(name), "%s%s", server, suffix);
    data = archive_find(servers_archive, (u64)(servers_archive_end - servers_archive), name, size);
    if (!data)
        root_fail("a server's image is not in the archive");
    return data;
}

static u64 bits_for(u64 value)
{
    u64 bits = 0;

    while (1ul << bits < value)
        bits++;
    return bits;
}

static u64 take_frames(u64 type, u64 bits, u64 count)
{
    static struct supply supply; /* its beginning only: what it makes stays */

    if (count == 0)
        return 0;
    supply_init(&supply, 1ul << bits_for(count << bits), count);
    return supply_make(&supply, type, 0, count);
}

/* `pages` pages: large ones as far as they go, small ones for the rest. */
static struct kept_memory kept_take(u64 pages)
{
    struct kept_memory kept = {.large_count = pages >> (LARGE_PAGE_BITS - PAGE_BITS),
                               .count = pages & ((1u << (LARGE_PAGE_BITS - PAGE_BITS)) - 1)};

    kept.large = take_frames(seL4_RISCV_Mega_Page, LARGE_PAGE_BITS, kept.large_count);
    kept.small = take_frames(seL4_RISCV_4K_Page, PAGE_BITS, kept.count);
    return kept;
}

static u64 kept_size(const struct kept_memory *kept)
{
    return (kept->large_count << LARGE_PAGE_BITS) + (kept->count << PAGE_BITS);
}

static u64 kept_address(const struct kept_memory *kept)
{
    seL4_RISCV_Page_GetAddress_t address =
        seL4_RISCV_Page_GetAddress(kept->large_count ? kept->large : kept->small);

    return address.error == seL4_NoError ? address.paddr : 0;
}

/* Before any memory is taken: how much programs may get, and the size of all that grows with it. */
static void programs_plan(void)
{
    u64 memory = untyped_free();

    programs.frames = min_u64(memory >> PAGE_BITS, XMAP_FRAMES_MAX);
    programs.tables = XMAP_TABLES_MAX;
    programs.radix = bits_for(XMAP_KEPT_POOL(programs.frames, programs.tables) + POOLS_MAX);
}

static u64 kept_pages(const struct server_description *d)
{
    if (d->service == SERVICE_XMAP)
        return 1 +
               (XMAP_PORT_KEPT(programs.frames, programs.tables) + XMAP_CORE_KEPT(programs.frames)) /
                   PAGE_SIZE +
               2;
    return d->kept_pages;
}

static u64 image_pages(const char *server)
{
    u64 size, pages = 0;
    const u8 *image = file(server, ".elf", &size);
    struct elf_segment segment;

    for (u32 n = 0; elf_segment(image, size, n, &segment) == ERR_OK; n++) {
        if (segment.type == ELF_SEGMENT_LOAD)
            pages += round_up(segment.memory_size, PAGE_SIZE) / PAGE_SIZE + 1;
    }
    return pages;
}

static u64 window_tables(const struct server_description *d)
{
    return d->service == SERVICE_XMAP || d->service == SERVICE_UNIX ? programs.frames / 512 + 2 : 0;
}

static u64 private_radix(const struct server_description *d)
{
    switch (d->service) {
    case SERVICE_XMAP:
        return bits_for(programs.frames);
    case SERVICE_UNIX:
        return UNIX_PRIVATE_RADIX;
    case SERVER_TIMER:
        return bits_for(SIGNALS);
    default:
        return 0;
    }
}

/* All that process_start() makes, and what aligning it may waste: the largest object once more. */
static u64 private_bytes(const struct server_description *d)
{
    bool is_unix = d->service == SERVICE_UNIX;
    u64 pages = image_pages(d->name) + d->threads * (THREAD_STACK_PAGES + 1 + is_unix) + window_tables(d);
    u64 objects = d->threads * ((1ul << seL4_TCBBits) + (1ul << seL4_NotificationBits)) +
                  (1ul << (CSPACE_RADIX + seL4_SlotBits)) + (1ul << (private_radix(d) + seL4_SlotBits)) +
                  (is_unix ? 2ul << UNIX_PROGRAM_BITS : 0);

    return (pages + TABLE_PAGES) * PAGE_SIZE + objects;
}

static void irqs_prepare(u32 service)
{
    u32 place = 0;

    for (u32 i = 0; i < ARRAY_SIZE(devices); i++) {
        const struct root_device *device;

        if (devices[i].server != service)
            continue;
        device = root_device(devices[i].compatible, devices[i].n);
        if (device && device->irq)
            irq_handlers[service][place] = irq_handler_take(device->irq);
        place++;
    }
}

static void prepare(const struct server_description *d)
{
    struct server *server = &servers[d->service];
    u64 size, shared;

    if (!programs.frames) {
        programs_plan();
        arena = kept_take((1ul << ARENA_BITS) >> PAGE_BITS);
    }
    server->description = d;
    server->endpoint = supply_make(&root_supply, seL4_EndpointObject, 0, 1);
    server->record_frame = kept_take(1).small;
    server->kept = kept_take(kept_pages(d));
    server->dma = kept_take(dma_pages[d->service]);
    server->record = (struct server_record *)(RECORDS + d->service * PAGE_SIZE);
    page_map(&root_supply, seL4_CapInitThreadVSpace, server->record_frame, (u64)server->record,
             seL4_ReadWrite, false);
    supply_init(&server->supply, private_bytes(d),
                image_pages(d->name) + SLOTS_BASE + d->threads * THREAD_SLOTS + window_tables(d));
    shared = SHARED_SLOTS + server->kept.large_count + server->kept.count + server->dma.count;
    if (sees_transfers[d->service])
        server->seen_transfers = slots_take(THREADS_MAX);
    server->shared.first = server->shared.next = slots_take(shared);
    server->shared.end = server->shared.first + shared;
    irqs_prepare(d->service);
    const void *symbols = file(d->name, ".symbols", &size);
    symbols_open(&server->symbols, symbols, size);
}

/* All memory that is left, largest pieces first, but for a spare. */
static void pools_take(void)
{
    u64 planned = programs.frames, bits = 30, slot = XMAP_KEPT_POOL(planned, programs.tables);

    programs.frames = 0;
    while (programs.pools < POOLS_MAX && programs.frames < planned && untyped_free() > ROOT_SPARE) {
        u64 pool = untyped_take_at_most(&bits);

        if (bits < POOL_BITS)
            break;
        cap_copy(programs.cnode, slot + programs.pools, programs.radix, pool, seL4_AllRights);
        programs.pool[programs.pools] = (struct info_pool){
            (u32)programs.frames, (u32)min_u64(1ul << (bits - PAGE_BITS), planned - programs.frames)};
        programs.frames += programs.pool[programs.pools++].count;
    }
    programs.usable = programs.frames;
    programs.frames = planned; /* the layout stays as planned */
}

static void programs_prepare(void)
{
    u64 tables = XMAP_KEPT_TABLES(programs.frames, programs.tables);

    programs.cnode = slots_take(1);
    if (seL4_Untyped_Retype(untyped_take(programs.radix + seL4_SlotBits), seL4_CapTableObject, programs.radix,
                            ROOT_CNODE, 0, 0, programs.cnode, 1) != seL4_NoError)
        root_fail("no memory for the slots of programs' memory");
    programs.asid_pool = slots_take(1);
    if (seL4_RISCV_ASIDControl_MakePool(seL4_CapASIDControl, untyped_take(seL4_ASIDPoolBits), ROOT_CNODE,
                                        programs.asid_pool, ROOT_DEPTH) != seL4_NoError)
        root_fail("no identifiers for programs' address spaces");
    cap_copy(programs.cnode, tables, programs.radix, untyped_take(XMAP_TABLES_BITS), seL4_AllRights);
    cap_copy(programs.cnode, tables + 1, programs.radix, untyped_take(XMAP_ROOTS_BITS), seL4_AllRights);
    pools_take();
}

void process_prepare_all(void)
{
    for (u32 i = 0; i < ARRAY_SIZE(descriptions); i++)
        prepare(&descriptions[i]);
    programs_prepare();
}

/* ---- Image ---- */

/* A frame with the part of the segment that falls on the page at `address`; zero elsewhere. */
static void load_page(struct server *server, const u8 *image, const struct elf_segment *segment, u64 address)
{
    u64 frame = supply_make(&server->supply, seL4_RISCV_4K_Page, 0, 1);
    u64 from = max_u64(address, segment->address);
    u64 to = min_u64(address + PAGE_SIZE, segment->address + segment->file_size);

    if (from < to) {
        u8 *page = scratch_map(frame);

        memcpy(page + (from - address), image + segment->offset + (from - segment->address), to - from);
        scratch_unmap(frame);
    }
    page_map(&server->supply, server->vspace, frame, address,
             segment->flags & ELF_FLAG_WRITE ? seL4_ReadWrite : seL4_CanRead, segment->flags & ELF_FLAG_EXEC);
}

static u64 load_image(struct server *server)
{
    u64 base = SERVER_BASE(server->description->service), size;
    const u8 *image = file(server->description->name, ".elf", &size);
    struct elf_header header;
    struct elf_segment segment;

    if (elf_read_header(image, size, ELF_MACHINE_RISCV, &header) != ERR_OK)
        root_fail("a server's image is not an executable");
    for (u32 n = 0; elf_segment(image, size, n, &segment) == ERR_OK; n++) {
        if (segment.type != ELF_SEGMENT_LOAD)
            continue;
        if (segment.address < base || segment.address - base > SERVER_INFO - segment.memory_size)
            root_fail("a server's image is not at its addresses");
        for (u64 page = round_down(segment.address, PAGE_SIZE); page < segment.address + segment.memory_size;
             page += PAGE_SIZE)
            load_page(server, image, &segment, page);
    }
    return header.entry;
}

/* ---- Shared frames ---- */

static void map_shared(struct server *server, u64 frame, u64 address)
{
    u64 copy = server->shared.next++;

    if (copy >= server->shared.end)
        root_fail("a server's slots for shared frames are used up");
    cap_copy(ROOT_CNODE, copy, ROOT_DEPTH, frame, seL4_ReadWrite);
    page_map(&server->supply, server->vspace, copy, address, seL4_ReadWrite, false);
}

static void map_kept(struct server *server, const struct kept_memory *kept, u64 address)
{
    for (u64 i = 0; i < kept->large_count; i++) {
        u64 copy = server->shared.next++;

        cap_copy(ROOT_CNODE, copy, ROOT_DEPTH, kept->large + i, seL4_ReadWrite);
        large_page_map(&server->supply, server->vspace, copy, address + (i << LARGE_PAGE_BITS));
    }
    address += kept->large_count << LARGE_PAGE_BITS;
    for (u64 i = 0; i < kept->count; i++)
        map_shared(server, kept->small + i, address + i * PAGE_SIZE);
}

/* Registers and the interrupt; the information page says what is where. */
static void map_devices(struct server *server, struct server_info *info)
{
    u32 service = server->description->service, place = 0;

    for (u32 i = 0; i < ARRAY_SIZE(devices); i++) {
        const struct root_device *device;

        if (devices[i].server != service)
            continue;
        device = root_device(devices[i].compatible, devices[i].n);
        if (!device)
            continue;
        map_shared(server, device_frame(device->base),
                   SERVER_BASE(service) + SERVER_DEVICES + place * PAGE_SIZE);
        string_copy(info->device[place].compatible, devices[i].compatible,
                    sizeof(info->device[place].compatible));
        info->device[place].size = min_u64(device->size, PAGE_SIZE);
        info->device[place].irq = device->irq;
        if (device->irq)
            cap_copy(server->cnode, SLOT_IRQ_HANDLER + place, CSPACE_RADIX, irq_handlers[service][place],
                     seL4_AllRights);
        place++;
    }
    info->devices = place;
}

static void map_all(struct server *server)
{
    static struct server_info info;
    const struct server_description *d = server->description;
    u64 base = SERVER_BASE(d->service), frame = supply_make(&server->supply, seL4_RISCV_4K_Page, 0, 1);

    info = (struct server_info){
        .service = d->service,
        .generation = server->generation,
        .threads = d->threads,
        .operation_threads = d->loops,
        .time_unit = time_unit(root_board.timebase),
        .kept_size = kept_size(&server->kept),
        .frames = programs.frames,
        .usable = programs.usable,
        .tables = programs.tables,
        .pools = programs.pools,
        .dma_address = server->dma.count ? kept_address(&server->dma) : 0,
        .dma_pages = server->dma.count,
        .arena_address = has_arena[d->service] ? kept_address(&arena) : 0,
        .transfers = servers[SERVICE_UNIX].description ? servers[SERVICE_UNIX].description->threads : 0,
    };
    memcpy(info.pool, programs.pool, sizeof(info.pool));
    string_copy(info.bootargs, root_board.bootargs, sizeof(info.bootargs));
    map_shared(server, server->record_frame, base + SERVER_RECORD);
    map_kept(server, &server->kept, base + SERVER_KEPT);
    map_kept(server, &server->dma, base + SERVER_DMA);
    map_devices(server, &info);
    if (has_arena[d->service])
        map_kept(server, &arena, ARENA_BASE);
    if (d->service == SERVICE_XMAP || d->service == SERVICE_UNIX)
        tables_map(&server->supply, server->vspace, WINDOW_BASE, programs.frames * PAGE_SIZE);
    if (sees_transfers[d->service])
        tables_map(&server->supply, server->vspace, base + SERVER_TRANSFERS, 1);
    memcpy(scratch_map(frame), &info, sizeof(info));
    scratch_unmap(frame);
    page_map(&server->supply, server->vspace, frame, base + SERVER_INFO, seL4_CanRead, false);
}

static void map_transfer(struct server *server, u64 thread, u64 frame)
{
    u64 copy = server->seen_transfers + thread;

    seL4_CNode_Delete(ROOT_CNODE, copy, ROOT_DEPTH); /* of the client's former generation */
    cap_copy(ROOT_CNODE, copy, ROOT_DEPTH, frame, seL4_ReadWrite);
    page_map(&server->supply, server->vspace, copy,
             SERVER_BASE(server->description->service) + SERVER_TRANSFERS + thread * PAGE_SIZE,
             seL4_ReadWrite, false);
}

/* Once both are there, whichever was built last: the client's transfer pages in the server that reads them.
 */
static void map_transfers(struct server *server)
{
    struct server *client = &servers[SERVICE_UNIX];

    for (u32 s = 0; s < SERVERS_COUNT; s++) {
        if (!sees_transfers[s] || !servers[s].vspace || !client->vspace ||
            (&servers[s] != server && client != server))
            continue;
        for (u64 thread = 0; thread < client->description->threads; thread++)
            map_transfer(&servers[s], thread, client->transfer[thread]);
    }
}

/* ---- Capabilities ---- */

static void give(struct server *server, u64 slot, u64 source, seL4_CapRights_t rights)
{
    cap_copy(server->cnode, slot, CSPACE_RADIX, source, rights);
}

/* A CNode twice: to be entered, and by its name to be operated on. */
static void give_cnode(struct server *server, u64 slot, u64 name, u64 source, u64 guard_bits)
{
    u64 guard = seL4_CNode_CapData_new(0, guard_bits).words[0];

    cap_mint(server->cnode, slot, CSPACE_RADIX, source, seL4_AllRights, guard);
    cap_mint(server->names, name & ((1u << NAMES_RADIX) - 1), NAMES_RADIX, source, seL4_AllRights, guard);
}

/* The largest object of a server comes first, so that aligning it wastes nothing. */
static void make_private_cnode(struct server *server)
{
    u64 radix = private_radix(server->description);

    server->private_radix = radix;
    server->private_cnode = radix ? supply_make(&server->supply, seL4_CapTableObject, radix, 1) : 0;
}

static const seL4_CapRights_t call_rights = {{seL4_RightWrite | seL4_RightGrantReply}};
static const seL4_CapRights_t serve_rights = {{seL4_RightRead}};
/* Its answers may carry a capability. */
static const seL4_CapRights_t xmap_rights = {{seL4_RightRead | seL4_RightGrant}};

static void give_xmap(struct server *server)
{
    give_cnode(server, SLOT_KEPT, CNODE_KEPT, programs.cnode, CSPACE_SHIFT - programs.radix);
    give(server, SLOT_VSPACE, server->vspace, seL4_AllRights);
    give(server, SLOT_ASID_POOL, programs.asid_pool, seL4_AllRights);
    if (servers[SERVICE_UNIX].vspace)
        give(server, SLOT_UNIX_VSPACE, servers[SERVICE_UNIX].vspace, seL4_AllRights);
}

static void give_unix(struct server *server)
{
    struct server *xmap = &servers[SERVICE_XMAP];

    give(server, SLOT_PROGRAMS, supply_make(&server->supply, seL4_UntypedObject, UNIX_PROGRAM_BITS, 1),
         seL4_AllRights);
    if (xmap->vspace)
        give(xmap, SLOT_UNIX_VSPACE, server->vspace, seL4_AllRights);
}

static void give_all(struct server *server)
{
    const struct server_description *d = server->description;

    cap_mint(server->cnode, SLOT_NAMES, CSPACE_RADIX, server->names, seL4_AllRights,
             seL4_CNode_CapData_new(0, CSPACE_SHIFT - NAMES_RADIX).words[0]);
    cap_mint(server->cnode, SLOT_SUPERVISOR, CSPACE_RADIX, supervisor_endpoint, call_rights,
             BADGE_OF(d->service));
    give(server, SLOT_SERVICE, server->endpoint, d->service == SERVICE_XMAP ? xmap_rights : serve_rights);
    for (u32 i = 0; i < ARRAY_SIZE(clients); i++) {
        if (clients[i].client == d->service)
            cap_mint(server->cnode, SLOT_CLIENT + clients[i].service, CSPACE_RADIX,
                     servers[clients[i].service].endpoint, call_rights, BADGE_OF(d->service));
    }
    if (d->service == SERVICE_XMAP)
        give_xmap(server);
    if (d->service == SERVICE_UNIX)
        give_unix(server);
    if (server->private_cnode)
        give_cnode(server, SLOT_PRIVATE, CNODE_PRIVATE, server->private_cnode,
                   CSPACE_SHIFT - server->private_radix);
}

/* The timer can signal every thread: all of them when it is new, else those of the server that is. And the
 * supervisor can signal the timer. */
static void give_timer(struct server *server)
{
    struct server *timer = &servers[SERVER_TIMER];

    if (timer == server && process_timer_signal) {
        seL4_CNode_Delete(ROOT_CNODE, process_timer_signal, ROOT_DEPTH);
        cap_mint(ROOT_CNODE, process_timer_signal, ROOT_DEPTH, server->notification[0], seL4_CanWrite,
                 BADGE_SIGNAL);
    }
    for (u32 s = 0; s < SERVERS_COUNT && timer->private_cnode; s++) {
        if (!servers[s].vspace || (&servers[s] != server && timer != server))
            continue;
        for (u64 thread = 0; thread < servers[s].description->threads; thread++) {
            u64 slot = SIGNAL_OF(s, thread);

            if (timer != server) /* empty, unless the timer has put something there */
                seL4_CNode_Delete(timer->private_cnode, slot, (seL4_Uint8)timer->private_radix);
            cap_mint(timer->private_cnode, slot, timer->private_radix, servers[s].notification[thread],
                     seL4_CanWrite, BADGE_SIGNAL);
        }
    }
}

/* ---- Threads ---- */

static u64 thread_address(const struct server *server, u64 thread, u64 offset)
{
    return SERVER_BASE(server->description->service) + SERVER_THREADS + thread * THREAD_AREA + offset;
}

static void map_new(struct server *server, u64 frame, u64 address)
{
    page_map(&server->supply, server->vspace, frame, address, seL4_ReadWrite, false);
}

static void make_thread(struct server *server, u64 thread)
{
    const struct server_description *d = server->description;
    struct supply *supply = &server->supply;
    u64 tcb = server->tcb[thread], notification = server->notification[thread];
    u64 stack = supply_make(supply, seL4_RISCV_4K_Page, 0, THREAD_STACK_PAGES);
    u64 buffer = supply_make(supply, seL4_RISCV_4K_Page, 0, 1);
    u64 guard = seL4_CNode_CapData_new(0, CSPACE_GUARD_BITS).words[0];
    u64 *block = (u64 *)((u8 *)scratch_map(buffer) + (THREAD_BLOCK - THREAD_IPC));

    block[0] = thread_address(server, thread, THREAD_IPC); /* struct sync_thread begins so */
    block[1] = thread;
    scratch_unmap(buffer);
    for (u64 i = 0; i < THREAD_STACK_PAGES; i++)
        map_new(server, stack + i,
                thread_address(server, thread, THREAD_STACK_TOP - (THREAD_STACK_PAGES - i) * PAGE_SIZE));
    map_new(server, buffer, thread_address(server, thread, THREAD_IPC));
    if (d->service == SERVICE_UNIX) {
        server->transfer[thread] = supply_make(supply, seL4_RISCV_4K_Page, 0, 1);
        map_new(server, server->transfer[thread], thread_address(server, thread, THREAD_TRANSFER));
    }
    give(server, SLOT_THREAD + 2 * thread, tcb, seL4_AllRights);
    cap_mint(server->cnode, SLOT_THREAD + 2 * thread + 1, CSPACE_RADIX, notification, seL4_ReadWrite,
             BADGE_SIGNAL);
    cap_mint(server->cnode, SLOT_FAULT + thread, CSPACE_RADIX, supervisor_endpoint, call_rights,
             BADGE_OF_THREAD(d->service, thread));
    if (seL4_TCB_Configure(tcb, CPTR(SLOT_FAULT + thread), server->cnode, guard, server->vspace, 0,
                           thread_address(server, thread, THREAD_IPC), buffer) != seL4_NoError ||
        seL4_TCB_SetSchedParams(tcb, seL4_CapInitThreadTCB, d->service == SERVICE_UNIX ? SERVER_MCP : 0,
                                d->priority) != seL4_NoError ||
        seL4_TCB_BindNotification(tcb, notification) != seL4_NoError)
        root_fail("a server's thread cannot be configured");
    server->stack[thread] = stack;
}

/* All at once, and before the pages: objects smaller than a page between pages would waste the rest of each.
 */
static void make_thread_objects(struct server *server)
{
    u64 threads = server->description->threads;
    u64 tcb = supply_make(&server->supply, seL4_TCBObject, 0, threads);
    u64 notification = supply_make(&server->supply, seL4_NotificationObject, 0, threads);

    for (u64 thread = 0; thread < threads; thread++) {
        server->tcb[thread] = tcb + thread;
        server->notification[thread] = notification + thread;
    }
}

static void run(struct server *server, u64 entry)
{
    seL4_UserContext registers = {.pc = entry,
                                  .sp = thread_address(server, 0, THREAD_STACK_TOP),
                                  .tp = thread_address(server, 0, THREAD_BLOCK)};

    if (registers_write(server->tcb[0], true, &registers) != seL4_NoError)
        root_fail("a server cannot be started");
}

void process_start(struct server *server)
{
    const struct server_description *d = server->description;
    u64 entry;

    server->generation++;
    server->state = SERVER_STARTING;
    memset(server->watch, 0, sizeof(server->watch)); /* what was seen was the former generation's */
    server->start_looks = 0;
    make_private_cnode(server);
    server->vspace = supply_make(&server->supply, seL4_RISCV_PageTableObject, 0, 1);
    if (seL4_RISCV_ASIDPool_Assign(seL4_CapInitThreadASIDPool, server->vspace) != seL4_NoError)
        root_fail("no identifier for an address space");
    server->cnode = supply_make(&server->supply, seL4_CapTableObject, CSPACE_RADIX, 1);
    server->names = supply_make(&server->supply, seL4_CapTableObject, NAMES_RADIX, 1);
    entry = load_image(server);
    map_all(server);
    give_all(server);
    make_thread_objects(server);
    for (u64 thread = 0; thread < d->threads; thread++)
        make_thread(server, thread);
    map_transfers(server);
    give_timer(server);
    if (d->service == SERVICE_UNIX && servers[SERVICE_XMAP].description)
        servers[SERVICE_XMAP].record->client = server->generation % LEND_MAX + 1;
    memset(server->record->fatal, 0, sizeof(server->record->fatal));
    for (u64 thread = 0; thread < THREADS_MAX; thread++) /* the serials go on: layout.h */
        server->record->calls[thread].state = CALL_NONE;
    memset(server->record->work, 0, sizeof(server->record->work));
    server->private_pages = server->supply.pages;
    server->private_slots = server->supply.next - server->supply.first;
    run(server, entry);
}

/* Keeps what a thread has taken out of a device and not stored yet (port/device.h). */
static void save_taken(struct server *server)
{
    u64 place = server->record->take_place;

    for (u64 thread = 0; place && thread < server->description->threads; thread++) {
        seL4_UserContext registers = {0};

        registers_read(server->tcb[thread], &registers);
        if (registers.pc == place)
            server->record->taken = RECORD_TAKEN | (registers.a0 & 0xff);
    }
}

void process_end(struct server *server)
{
    save_taken(server);
    for (u64 slot = server->shared.first; slot < server->shared.next; slot++)
        seL4_CNode_Delete(ROOT_CNODE, slot, ROOT_DEPTH);
    server->shared.next = server->shared.first;
    for (u64 thread = 0; thread < THREADS_MAX && server->seen_transfers; thread++)
        seL4_CNode_Delete(ROOT_CNODE, server->seen_transfers + thread, ROOT_DEPTH);
    supply_reset(&server->supply);
    server->vspace = 0;
    server->cnode = 0;
    server->private_cnode = 0;
}

void process_start_all(void)
{
    for (u32 i = 0; i < ARRAY_SIZE(descriptions); i++)
        process_start(&servers[descriptions[i].service]);
}
