/*
 * The essay's main thread, a root task: it starts the worker, waits for its fault, and shows that nothing
 * else was harmed.
 *
 * The worker gets what its xmap needs and no more: the text, read-only; data, bss, stack and IPC buffer in
 * frames of its own; an untyped for its memory; the fault endpoint, to send only. It shares no writable
 * memory with main and cannot name main's thread, CNode, or any other capability of main's.
 *
 * Priorities: main is above the worker, so the worker runs only while main waits, and their lines never mix.
 */
#include "lib/string.h"
#include "system/essay/essay.h"
#include "system/essay/xmap.h"

_Static_assert(__builtin_offsetof(seL4_BootInfo, ipcBuffer) == 0x20,
               "start.S knows where the IPC buffer is told");

#define WORKER_BADGE    0x77
#define WORKER_PRIORITY (seL4_MaxPrio - 1)
#define UNTYPED_BITS    21 /* room for everything made here: the worker's untyped and some 20 pages */
#define COPY_WINDOW     0x60000000ul /* a page of main's address space, apart from xmap's area */

volatile u64 witness = WITNESS_VALUE;

/* From root.ld. */
extern u8 image_start[], image_data[], image_data_end[], image_end[];

/* Main's capabilities to what the worker is made of. */
static struct {
    seL4_CPtr cnode, vspace, untyped, endpoint, thread;
    seL4_CPtr buffer_frame;
} worker;

void root_main(seL4_BootInfo *bootinfo);

/* Says why and ends the machine. */
static void require(bool well, const char *what)
{
    if (well)
        return;
    printf("[MAIN] FAILED: %s\n", what);
    seL4_DebugHalt();
}

static void accept(seL4_Error error, const char *what)
{
    if (error != seL4_NoError)
        printf("[MAIN] error %d\n", (int)error);
    require(error == seL4_NoError, what);
}

/* The smallest untyped that will do: a kernel may clear all of it at the first use. */
static seL4_CPtr choose_untyped(const seL4_BootInfo *bootinfo)
{
    u64 best = 0;
    bool found = false;
    for (u64 i = 0; i < bootinfo->untyped.end - bootinfo->untyped.start; i++) {
        const seL4_UntypedDesc *candidate = &bootinfo->untypedList[i];
        if (candidate->isDevice || candidate->sizeBits < UNTYPED_BITS)
            continue;
        if (!found || candidate->sizeBits < bootinfo->untypedList[best].sizeBits)
            best = i;
        found = true;
    }
    require(found, "there is an untyped of 2 MiB");
    return bootinfo->untyped.start + best;
}

static struct authority bootstrap(const seL4_BootInfo *bootinfo)
{
    return (struct authority){
        .cnode = seL4_CapInitThreadCNode,
        .vspace = seL4_CapInitThreadVSpace,
        .untyped = choose_untyped(bootinfo),
        .next_slot = bootinfo->empty.start,
        .end_slot = bootinfo->empty.end,
    };
}

static seL4_CPtr take_slot(struct authority *mine)
{
    seL4_CPtr slot = slots_take(mine, 1);
    require(slot != seL4_CapNull, "there is an empty slot");
    return slot;
}

static seL4_CPtr create(struct authority *mine, seL4_Word type, seL4_Word size_bits)
{
    seL4_CPtr slot = take_slot(mine);
    accept(object_create(mine, slot, type, size_bits), "an object can be created");
    return slot;
}

/* The page of the image at `address`, to be read and executed. Main's own mapping is another capability's. */
static void share_text(struct authority *mine, const seL4_BootInfo *bootinfo, u64 address)
{
    seL4_CPtr own = bootinfo->userImageFrames.start + (address - (u64)image_start) / PAGE_SIZE;
    seL4_CPtr copy = take_slot(mine);
    accept(seL4_CNode_Copy(mine->cnode, copy, SLOT_DEPTH, mine->cnode, own, SLOT_DEPTH, seL4_CanRead),
           "a frame's capability can be copied");
    accept(frame_map(mine, worker.vspace, copy, address, seL4_CanRead, seL4_RISCV_Default_VMAttributes),
           "the worker's text can be mapped");
}

/* A frame of its own for the worker at `address`, filled with what main has there, the rest zero. */
static seL4_CPtr give_page(struct authority *mine, u64 address, u64 filled)
{
    seL4_CPtr frame = create(mine, seL4_RISCV_4K_Page, 0);
    if (filled > 0) {
        accept(frame_map(mine, mine->vspace, frame, COPY_WINDOW, seL4_ReadWrite, seL4_RISCV_ExecuteNever),
               "a frame can be mapped for filling");
        memcpy((void *)COPY_WINDOW, (const void *)address, filled);
        accept(seL4_RISCV_Page_Unmap(frame), "a filled frame can be unmapped");
    }
    accept(frame_map(mine, worker.vspace, frame, address, seL4_ReadWrite, seL4_RISCV_ExecuteNever),
           "the worker's data can be mapped");
    return frame;
}

static void create_vspace(struct authority *mine, const seL4_BootInfo *bootinfo)
{
    worker.vspace = create(mine, seL4_RISCV_PageTableObject, 0);
    accept(seL4_RISCV_ASIDPool_Assign(seL4_CapInitThreadASIDPool, worker.vspace), "an address space is made");
    for (u64 address = (u64)image_start; address < (u64)image_data; address += PAGE_SIZE)
        share_text(mine, bootinfo, address);
    for (u64 address = (u64)image_data; address < (u64)image_end; address += PAGE_SIZE) {
        u64 left = address < (u64)image_data_end ? (u64)image_data_end - address : 0;
        seL4_CPtr frame = give_page(mine, address, min_u64(left, PAGE_SIZE));
        if (address == (u64)worker_memory.ipc_buffer)
            worker.buffer_frame = frame;
    }
}

/* Puts a capability of main's into the worker's CNode; with a guard or badge in `data`, where it has one. */
static void give(struct authority *mine, seL4_CPtr cap, seL4_Word slot, seL4_CapRights_t rights,
                 seL4_Word data)
{
    accept(seL4_CNode_Mint(worker.cnode, slot, WORKER_CNODE_BITS, mine->cnode, cap, SLOT_DEPTH, rights, data),
           "the worker is given a capability");
}

static void create_cspace(struct authority *mine, seL4_Word guard)
{
    worker.cnode = create(mine, seL4_CapTableObject, WORKER_CNODE_BITS);
    worker.endpoint = create(mine, seL4_EndpointObject, 0);
    worker.untyped = create(mine, seL4_UntypedObject, WORKER_UNTYPED_BITS);
    give(mine, worker.cnode, WORKER_SLOT_CNODE, seL4_AllRights, guard);
    give(mine, worker.vspace, WORKER_SLOT_VSPACE, seL4_AllRights, 0);
    give(mine, worker.untyped, WORKER_SLOT_UNTYPED, seL4_AllRights, 0);
    /* A fault is a Call by the kernel in the worker's name: it needs to write and to be replied to. */
    give(mine, worker.endpoint, WORKER_SLOT_FAULTS, seL4_CapRights_new(1, 0, 0, 1), WORKER_BADGE);
}

static void create_worker(struct authority *mine, const seL4_BootInfo *bootinfo)
{
    seL4_Word guard = seL4_CNode_CapData_new(0, seL4_WordBits - WORKER_CNODE_BITS).words[0];
    create_vspace(mine, bootinfo);
    create_cspace(mine, guard);
    worker.thread = create(mine, seL4_TCBObject, 0);
    seL4_DebugNameThread(worker.thread, "worker");
    accept(seL4_TCB_Configure(worker.thread, WORKER_SLOT_FAULTS, worker.cnode, guard, worker.vspace, 0,
                              (u64)worker_memory.ipc_buffer, worker.buffer_frame),
           "the worker's thread can be configured");
    accept(seL4_TCB_SetSchedParams(worker.thread, seL4_CapInitThreadTCB, 0, WORKER_PRIORITY),
           "the worker's priority can be set");
    seL4_UserContext registers = {
        .pc = (u64)worker_main,
        .sp = (u64)(worker_memory.stack + sizeof(worker_memory.stack)),
        .tp = (u64)worker_memory.thread_block,
    };
    accept(seL4_TCB_WriteRegisters(worker.thread, true, 0, sizeof(registers) / sizeof(seL4_Word), &registers),
           "the worker can be started");
}

static void report_fault(void)
{
    seL4_Word badge, pc = 0, address = 0, fetch = 0, status = 0;
    seL4_MessageInfo_t info = seL4_RecvWithMRs(worker.endpoint, &badge, &pc, &address, &fetch, &status);
    seL4_Word type = seL4_MessageInfo_get_label(info);
    printf("\n[MAIN] Worker faulted (type=%lu)\n", type);
    printf("[MAIN]   badge 0x%lx, address 0x%lx, pc 0x%lx, status %lu (7 is a store)\n", badge, address, pc,
           status);
    require(badge == WORKER_BADGE && type == seL4_Fault_VMFault && address == 0 && fetch == 0,
            "it is the worker's access to address 0");
}

/* The same xmap in main's address space and with main's authority works on. */
static void check_mapping(struct authority *mine)
{
    xmap_region_t region;
    xmap_init(mine);
    require(xmap_reserve(PAGE_SIZE, &region) == 0, "main can reserve a page");
    require(xmap_map(&region, XMAP_READ | XMAP_WRITE) == 0, "main can map a page");
    require(xmap_page_answer(0) == seL4_NoError, "the kernel maps main's page");
    volatile u64 *word = (volatile u64 *)region.start;
    require(*word == 0, "main's page is zero, although the worker wrote at its address");
    *word = WITNESS_VALUE;
    require(*word == WITNESS_VALUE, "main's page holds what is written");
    require(xmap_unmap(&region) == 0 && xmap_release(&region) == 0, "main can unmap its page");
    printf("[MAIN] Mapped, used and unmapped a page of my own\n");
}

/* Whatever the worker made came from one untyped. Creating an object of its full size succeeds only if all of
 * it is free. */
static void reclaim(struct authority *mine)
{
    accept(seL4_TCB_Suspend(worker.thread), "the worker can be suspended");
    accept(seL4_CNode_Revoke(mine->cnode, worker.untyped, SLOT_DEPTH), "the worker's memory can be revoked");
    struct authority all_of_it = *mine;
    all_of_it.untyped = worker.untyped;
    accept(object_create(&all_of_it, take_slot(mine), seL4_UntypedObject, WORKER_UNTYPED_BITS),
           "the worker's memory is free again");
    printf("[MAIN] Took back all %lu KiB of the worker's memory, leaked frames included\n",
           (1ul << WORKER_UNTYPED_BITS) / 1024);
}

void root_main(seL4_BootInfo *bootinfo)
{
    printf("\n=== seL4 xmap Fault Isolation Demo ===\n\n");
    struct authority mine = bootstrap(bootinfo);
    create_worker(&mine, bootinfo);
    printf("[MAIN] Worker thread created\n");
    printf("[MAIN] Waiting for worker fault...\n");
    report_fault();

    printf("[MAIN] Main thread still alive - fault isolation works!\n");
    require(witness == WITNESS_VALUE, "main's variable is unchanged");
    printf("[MAIN] My variable at %p is still 0x%lX\n", (const void *)&witness, witness);
    check_mapping(&mine);
    reclaim(&mine);
    printf("[MAIN] Kernel stable. Demo complete.\n");
    seL4_DebugHalt();
}
