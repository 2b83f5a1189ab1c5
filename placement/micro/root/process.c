/* Building and ending servers: see process.h. */
#include "placement/micro/root/process.h"
#include "lib/archive.h"
#include "lib/elf.h"
#include "lib/format.h"
#include "lib/string.h"
#include "placement/micro/root/console.h"
#include "placement/micro/unix/server.h"
#include "placement/micro/xmap/server.h"
#include "port/vspace.h"

#define PAGE_BITS     12
#define SUPPLY_SLOTS  1200           /* of one server */
#define RECORDS       0x2000400000ul /* where the supervisor sees the record pages */
#define POOL_BITS_MAX 26             /* programs' frames: 64 MiB, as many as xmap/vspace.c has slots for */
#define TABLES_BITS   22             /* programs' page tables */
#define LEAF_TABLES   512
#define SERVER_MCP    150 /* unix sets the priority of its programs */

struct server servers[SERVICE_COUNT];

extern const u8 servers_archive[], servers_archive_end[];

/* xmap's kept part beside the common one. */
static struct {
    u64 cnode, frames;
} programs;

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

static void programs_prepare(void)
{
    u64 bits = POOL_BITS_MAX;

    u64 pool = untyped_take_at_most(&bits), tables = untyped_take(TABLES_BITS);

    programs.frames = 1ul << (bits - PAGE_BITS);
    programs.cnode = slots_take(1);
    if (seL4_Untyped_Retype(untyped_take(XMAP_KEPT_RADIX + seL4_SlotBits), seL4_CapTableObject,
                            XMAP_KEPT_RADIX, ROOT_CNODE, 0, 0, programs.cnode, 1) != seL4_NoError)
        root_fail("no memory for the slots of programs' memory");
    cap_copy(programs.cnode, XMAP_KEPT_POOL, XMAP_KEPT_RADIX, pool, seL4_AllRights);
    cap_copy(programs.cnode, XMAP_KEPT_TABLES, XMAP_KEPT_RADIX, tables, seL4_AllRights);
}

void process_prepare(const struct server_description *description)
{
    struct server *server = &servers[description->service];
    static struct supply kept; /* its beginning only: kept objects stay where they are */
    u64 bits = PAGE_BITS, size;

    while (1ul << (bits - PAGE_BITS) < description->kept_pages + 2)
        bits++;
    supply_init(&kept, bits, description->kept_pages + 2);
    server->description = description;
    server->endpoint = supply_make(&root_supply, seL4_EndpointObject, 0, 1);
    server->record_copy = slots_take(1);
    server->record_frame = supply_make(&kept, seL4_RISCV_4K_Page, 0, 1);
    if (description->kept_pages)
        server->kept_frames = supply_make(&kept, seL4_RISCV_4K_Page, 0, description->kept_pages);
    server->record = (struct server_record *)(RECORDS + description->service * PAGE_SIZE);
    page_map(&root_supply, seL4_CapInitThreadVSpace, server->record_frame, (u64)server->record,
             seL4_ReadWrite, false);
    supply_init(&server->supply, description->private_bits, SUPPLY_SLOTS);
    const void *symbols = file(description->name, ".symbols", &size);
    symbols_open(&server->symbols, symbols, size);
    if (description->service == SERVICE_XMAP)
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

static void map_info(struct server *server)
{
    const struct server_description *d = server->description;
    u64 frame = supply_make(&server->supply, seL4_RISCV_4K_Page, 0, 1);
    struct server_info *info = scratch_map(frame);

    *info = (struct server_info){
        .service = d->service,
        .generation = server->generation,
        .threads = d->threads,
        .operation_threads = d->loops,
        .time_unit = 1000000000ul / root_board.timebase,
        .kept_size = d->kept_pages * PAGE_SIZE,
        .frames = programs.frames,
        .leaf_tables = LEAF_TABLES,
    };
    string_copy(info->bootargs, root_board.bootargs, sizeof(info->bootargs));
    scratch_unmap(frame);
    page_map(&server->supply, server->vspace, frame, SERVER_BASE(d->service) + SERVER_INFO, seL4_CanRead,
             false);
}

/* Kept pages keep their capability; it forgets the address space that is gone and is mapped in the new one.
 */
static void map_kept(struct server *server)
{
    const struct server_description *d = server->description;
    u64 base = SERVER_BASE(d->service);

    cap_copy(ROOT_CNODE, server->record_copy, ROOT_DEPTH, server->record_frame, seL4_ReadWrite);
    page_map(&server->supply, server->vspace, server->record_copy, base + SERVER_RECORD, seL4_ReadWrite,
             false);
    for (u64 i = 0; i < d->kept_pages; i++) {
        seL4_RISCV_Page_Unmap(server->kept_frames + i);
        page_map(&server->supply, server->vspace, server->kept_frames + i, base + SERVER_KEPT + i * PAGE_SIZE,
                 seL4_ReadWrite, false);
    }
    if (d->service == SERVICE_XMAP || d->service == SERVICE_UNIX)
        tables_map(&server->supply, server->vspace, WINDOW_BASE, programs.frames * PAGE_SIZE);
}

/* ---- Capabilities ---- */

#define SERVER_CNODE_DEPTH CSPACE_RADIX /* as the supervisor names its slots: without the guard */

static void give(struct server *server, u64 slot, u64 source, seL4_CapRights_t rights)
{
    cap_copy(server->cnode, slot, SERVER_CNODE_DEPTH, source, rights);
}

/* A CNode twice: to be entered, and by its name to be operated on. */
static void give_cnode(struct server *server, u64 slot, u64 name, u64 source, u64 guard_bits)
{
    u64 guard = seL4_CNode_CapData_new(0, guard_bits).words[0];

    if (slot)
        cap_mint(server->cnode, slot, SERVER_CNODE_DEPTH, source, seL4_AllRights, guard);
    cap_mint(server->names, name & ((1u << NAMES_RADIX) - 1), NAMES_RADIX, source, seL4_AllRights, guard);
}

static void give_private_cnode(struct server *server, u64 radix)
{
    give_cnode(server, SLOT_PRIVATE, CNODE_PRIVATE,
               supply_make(&server->supply, seL4_CapTableObject, radix, 1), CSPACE_SHIFT - radix);
}

static const seL4_CapRights_t call_rights = {{1 | 8}};  /* write, grant reply */
static const seL4_CapRights_t serve_rights = {{2 | 4}}; /* read; grant: answers may carry a capability */

static void give_xmap(struct server *server)
{
    give_cnode(server, SLOT_KEPT, CNODE_KEPT, programs.cnode, CSPACE_SHIFT - XMAP_KEPT_RADIX);
    give_private_cnode(server, XMAP_PRIVATE_RADIX);
    give(server, SLOT_VSPACE, server->vspace, seL4_AllRights);
    give(server, SLOT_ASID_POOL, seL4_CapInitThreadASIDPool, seL4_AllRights);
    if (servers[SERVICE_UNIX].vspace)
        give(server, SLOT_UNIX_VSPACE, servers[SERVICE_UNIX].vspace, seL4_AllRights);
}

static void give_unix(struct server *server)
{
    struct server *xmap = &servers[SERVICE_XMAP];

    give_private_cnode(server, UNIX_PRIVATE_RADIX);
    give_cnode(server, 0, CNODE_OWN, server->cnode, CSPACE_GUARD_BITS);
    give(server, SLOT_PROGRAMS, supply_make(&server->supply, seL4_UntypedObject, UNIX_PROGRAM_BITS, 1),
         seL4_AllRights);
    if (xmap->cnode)
        give(xmap, SLOT_UNIX_VSPACE, server->vspace, seL4_AllRights);
}

static void give_all(struct server *server)
{
    const struct server_description *d = server->description;

    cap_mint(server->cnode, SLOT_NAMES, SERVER_CNODE_DEPTH, server->names, seL4_AllRights,
             seL4_CNode_CapData_new(0, CSPACE_SHIFT - NAMES_RADIX).words[0]);
    cap_mint(server->cnode, SLOT_SUPERVISOR, SERVER_CNODE_DEPTH, supervisor_endpoint, call_rights,
             BADGE_OF(d->service));
    give(server, SLOT_SERVICE, server->endpoint, serve_rights);
#define CLIENT(from, to)                                                                                     \
    if (d->service == SERVICE_##from)                                                                        \
        cap_mint(server->cnode, SLOT_CLIENT + SERVICE_##to, SERVER_CNODE_DEPTH,                              \
                 servers[SERVICE_##to].endpoint, call_rights, BADGE_OF(d->service));
#define SERVER(...)
#include "system/micro.def"
#undef SERVER
#undef CLIENT
    if (d->service == SERVICE_XMAP)
        give_xmap(server);
    if (d->service == SERVICE_UNIX)
        give_unix(server);
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
    u64 tcb = supply_make(supply, seL4_TCBObject, 0, 1);
    u64 notification = supply_make(supply, seL4_NotificationObject, 0, 1);
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
    map_new(server, supply_make(supply, seL4_RISCV_4K_Page, 0, 1),
            thread_address(server, thread, THREAD_TRANSFER));
    give(server, SLOT_THREAD + 2 * thread, tcb, seL4_AllRights);
    cap_mint(server->cnode, SLOT_THREAD + 2 * thread + 1, SERVER_CNODE_DEPTH, notification, seL4_ReadWrite,
             BADGE_SIGNAL);
    cap_mint(server->cnode, SLOT_FAULT + thread, SERVER_CNODE_DEPTH, supervisor_endpoint, call_rights,
             BADGE_OF_THREAD(d->service, thread));
    if (seL4_TCB_Configure(tcb, CPTR(SLOT_FAULT + thread), server->cnode, guard, server->vspace, 0,
                           thread_address(server, thread, THREAD_IPC), buffer) != seL4_NoError ||
        seL4_TCB_SetSchedParams(tcb, seL4_CapInitThreadTCB, d->service == SERVICE_UNIX ? SERVER_MCP : 0,
                                d->priority) != seL4_NoError ||
        seL4_TCB_BindNotification(tcb, notification) != seL4_NoError)
        root_fail("a server's thread cannot be configured");
    server->tcb[thread] = tcb;
    server->stack[thread] = stack;
}

static void run(struct server *server, u64 entry)
{
    seL4_UserContext registers = {.pc = entry,
                                  .sp = thread_address(server, 0, THREAD_STACK_TOP),
                                  .tp = thread_address(server, 0, THREAD_BLOCK)};

    if (seL4_TCB_WriteRegisters(server->tcb[0], 1, 0, 32, &registers) != seL4_NoError)
        root_fail("a server cannot be started");
}

void process_start(struct server *server)
{
    const struct server_description *d = server->description;
    u64 entry;

    server->generation++;
    server->state = SERVER_STARTING;
    server->vspace = supply_make(&server->supply, seL4_RISCV_PageTableObject, 0, 1);
    if (seL4_RISCV_ASIDPool_Assign(seL4_CapInitThreadASIDPool, server->vspace) != seL4_NoError)
        root_fail("no identifier for an address space");
    server->cnode = supply_make(&server->supply, seL4_CapTableObject, CSPACE_RADIX, 1);
    server->names = supply_make(&server->supply, seL4_CapTableObject, NAMES_RADIX, 1);
    entry = load_image(server);
    map_info(server);
    map_kept(server);
    give_all(server);
    for (u64 thread = 0; thread < d->threads; thread++)
        make_thread(server, thread);
    memset(server->record->fatal, 0, sizeof(server->record->fatal));
    memset(server->record->calls, 0, sizeof(server->record->calls));
    server->private_pages = server->supply.pages;
    server->private_slots = server->supply.next - server->supply.first;
    run(server, entry);
}

void process_end(struct server *server)
{
    supply_reset(&server->supply);
    seL4_CNode_Delete(ROOT_CNODE, server->record_copy, ROOT_DEPTH); /* kept memory: not part of the supply */
    server->vspace = 0;
    server->cnode = 0;
}
