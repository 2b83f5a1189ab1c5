/*
 * From the machine layer to the first program: finds memory, loads the root task, and gives it everything.
 *
 * All of the machine's memory but the kernel image, the device tree and the root task's own objects becomes
 * untyped caps, all else that is no interrupt controller becomes device untyped caps. After that the kernel
 * owns nothing. The order of slots and the layout of the boot information are the API's (abi/sel4/types.h).
 *
 * Runs once, on the boot stack. What is wrong here is wrong with the machine or the image, so it panics.
 * (seL4 Reference Manual, "System Bootstrapping".)
 */
#include "kernel/micro/bits.h"
#include "kernel/micro/cdt.h"
#include "kernel/micro/debug.h"
#include "kernel/micro/ipc.h"
#include "kernel/micro/schedule.h"
#include "kernel/micro/thread.h"
#include "kernel/micro/trap.h"
#include "kernel/micro/vspace.h"
#include "lib/elf.h"
#include "lib/string.h"
#include "lib/words.h"
#include "machine/board.h"
#include "machine/panic.h"

#define RANGES_MAX    16
#define ROOT_ASID     1
#define ROOT_PRIORITY seL4_MaxPrio
#define PHYSICAL_TOP  (1ul << 39) /* of the device memory programs can have */
#define TABLE_BITS    (PAGE_SHIFT + seL4_PageTableIndexBits)
#define GIB_BITS      (TABLE_BITS + seL4_PageTableIndexBits)
#define IMAGE_TOP     (seL4_UserTop - (16ul << 20)) /* leaves room for the boot information */
#define CNODE_SIZE    (1ul << (CONFIG_ROOT_CNODE_SIZE_BITS + seL4_SlotBits))

extern u8 kernel_start[], kernel_end[];

/* ---- Ranges of physical memory ---------------------------------------------------------------------- */

struct range {
    paddr start, end;
};

/* RAM nobody uses, in address order, whole pages. */
static struct range memory[RANGES_MAX];
static u32 memory_count;

static void range_delete(u32 i)
{
    memory_count--;
    memmove(&memory[i], &memory[i + 1], (memory_count - i) * sizeof(memory[0]));
}

static void range_insert(u32 i, struct range range)
{
    kernel_assert(memory_count < RANGES_MAX, "free memory is in few pieces at boot");
    memmove(&memory[i + 1], &memory[i], (memory_count - i) * sizeof(memory[0]));
    memory[i] = range;
    memory_count++;
}

/* Takes all pages that [start, end) touches out of the free memory. */
static void reserve(paddr start, paddr end)
{
    start = round_down(start, PAGE_SIZE);
    end = round_up(end, PAGE_SIZE);
    for (u32 i = 0; i < memory_count; i++) {
        struct range range = memory[i];
        if (end <= range.start || start >= range.end)
            continue;
        range_delete(i);
        if (end < range.end)
            range_insert(i, (struct range){end, range.end});
        if (start > range.start)
            range_insert(i, (struct range){range.start, start});
    }
}

/* The first byte of RAM the kernel counts as RAM; what is below is the firmware's. */
static paddr memory_start(void)
{
    return arch_physical(kernel_start);
}

static paddr memory_end(void)
{
    return board.memory_base + board.memory_size;
}

static void memory_init(void)
{
    memory[0] = (struct range){memory_start(), memory_end()};
    memory_count = 1;
    reserve(memory_start(), arch_physical(kernel_end));
    reserve(board.tree, board.tree + board.tree_size);
}

/* Takes `size` bytes, aligned like the root CNode, from the highest range that has them. They are zeroed. */
static paddr take(u64 size)
{
    for (u32 i = memory_count; i-- > 0;) {
        struct range range = memory[i];
        if (size > range.end - range.start)
            continue;
        paddr start = round_down(range.end - size, CNODE_SIZE);
        if (start < range.start)
            continue;
        reserve(start, start + size);
        memset(arch_direct(start), 0, size);
        return start;
    }
    panic("not enough memory for the root task: %lu KiB are needed in one piece", size / 1024);
}

/* ---- The root task's image -------------------------------------------------------------------------- */

struct image {
    const void *file;
    u64 file_size;
    uaddr entry;
    uaddr low, high; /* whole pages */
};

static struct image image_open(void)
{
    struct image image = {.file = arch_direct(board.initrd_start),
                          .file_size = board.initrd_end - board.initrd_start,
                          .low = ~0ul};
    struct elf_header header;
    struct elf_segment segment;

    if (image.file_size == 0)
        panic("no root task: start QEMU with -initrd ROOT.elf");
    if (elf_read_header(image.file, image.file_size, ELF_MACHINE_RISCV, &header))
        panic("the root task (initrd) is not a static riscv64 ELF file");
    image.entry = header.entry;
    for (u32 i = 0; elf_segment(image.file, image.file_size, i, &segment) == ERR_OK; i++) {
        if (segment.type != ELF_SEGMENT_LOAD || segment.memory_size == 0)
            continue;
        image.low = min_u64(image.low, segment.address);
        image.high = max_u64(image.high, segment.address + segment.memory_size);
    }
    if (image.low >= image.high || image.low % PAGE_SIZE || image.high > IMAGE_TOP)
        panic("the root task (initrd) has no segments, or unaligned ones, or too high ones");
    image.high = round_up(image.high, PAGE_SIZE);
    return image;
}

static void image_load(const struct image *image, paddr to)
{
    struct elf_segment segment;

    for (u32 i = 0; elf_segment(image->file, image->file_size, i, &segment) == ERR_OK; i++) {
        if (segment.type == ELF_SEGMENT_LOAD)
            memcpy((u8 *)arch_direct(to) + (segment.address - image->low),
                   (const u8 *)image->file + segment.offset, segment.file_size);
    }
}

/* ---- Objects and caps ------------------------------------------------------------------------------- */

/* The root task's objects, in one block of memory; the CNode is first because it must be aligned most. */
struct root {
    struct image image;
    u64 extra_size; /* of the extra boot information, in bytes */
    uaddr low, top; /* addresses that need page tables */
    struct slot *cnode;
    seL4_SlotPos next; /* first slot not used yet */
    u64 *space;
    struct tcb *tcb;
    paddr pool, tables, pages; /* pages: image, IPC buffer, boot information, extra boot information */
    seL4_BootInfo *info;
};

static u64 regions(const struct root *root, u32 bits)
{
    return ((root->top - 1) >> bits) - (root->low >> bits) + 1;
}

static void put(const struct root *root, seL4_SlotPos slot, struct cap cap)
{
    cdt_insert_root(&root->cnode[slot], cap);
}

/* Puts a page-table cap for each region of 2^bits bytes into the next slots, and the tables into the space.
 */
static void make_tables(struct root *root, u32 bits)
{
    for (u64 region = root->low >> bits; region <= (root->top - 1) >> bits; region++) {
        struct cap cap = cap_make(CAP_PAGE_TABLE, root->tables, seL4_PageTableBits);
        cap.asid = ROOT_ASID;
        cap.vaddr = region << bits;
        put(root, root->next++, cap);
        vspace_boot_map(root->space, region << bits, root->tables, 0);
        root->tables += PAGE_SIZE;
    }
}

/* Maps the page and puts its cap into `slot`. */
static void make_page(struct root *root, seL4_SlotPos slot, uaddr address)
{
    struct cap cap = cap_make(CAP_FRAME, root->pages + (address - root->image.low), seL4_PageBits);

    cap.rights = RIGHT_READ | RIGHT_WRITE;
    cap.asid = ROOT_ASID;
    cap.vaddr = address;
    put(root, slot, cap);
    vspace_boot_map(root->space, address, cap.address, PTE_R | PTE_W | PTE_X | PTE_U | PTE_A | PTE_D);
}

static seL4_SlotRegion make_pages(struct root *root, uaddr from, uaddr to)
{
    seL4_SlotRegion region = {.start = root->next};

    for (uaddr address = from; address < to; address += PAGE_SIZE)
        make_page(root, root->next++, address);
    region.end = root->next;
    return region;
}

static void root_allocate(struct root *root)
{
    u64 extra_pages = round_up(root->extra_size, PAGE_SIZE), extra_span = 0;

    if (extra_pages)
        for (extra_span = PAGE_SIZE; extra_span < root->extra_size;)
            extra_span *= 2;
    root->low = root->image.low;
    root->top = root->image.high + 2 * PAGE_SIZE + extra_span;

    u64 tables = (regions(root, GIB_BITS) + regions(root, TABLE_BITS)) * PAGE_SIZE;
    u64 pages = root->image.high - root->image.low + 2 * PAGE_SIZE + extra_pages;
    /* behind the CNode: ASID pool, root table, a page with the TCB, tables, pages */
    paddr block = take(CNODE_SIZE + 3 * PAGE_SIZE + tables + pages);
    root->cnode = arch_direct(block);
    root->pool = block + CNODE_SIZE;
    root->space = arch_direct(root->pool + PAGE_SIZE);
    root->tcb = arch_direct(root->pool + 2 * PAGE_SIZE);
    root->tables = root->pool + 3 * PAGE_SIZE;
    root->pages = root->tables + tables;
    root->info = arch_direct(root->pages + (root->image.high - root->image.low) + PAGE_SIZE);
}

static struct cap sized(struct cap cap, u64 word)
{
    cap.data_word = word;
    return cap;
}

static void make_initial_caps(struct root *root)
{
    struct asid_pool *pool = arch_direct(root->pool);
    struct cap cnode =
        cap_make(CAP_CNODE, arch_physical(root->cnode), CONFIG_ROOT_CNODE_SIZE_BITS + seL4_SlotBits);
    struct cap space = cap_make(CAP_PAGE_TABLE, arch_physical(root->space), seL4_PageTableBits);

    cnode.guard_size = seL4_WordBits - CONFIG_ROOT_CNODE_SIZE_BITS;
    space.asid = ROOT_ASID;
    asid_pools[0] = pool;
    pool->root[ROOT_ASID] = root->space;
    arch_root_init(root->space);
    put(root, seL4_CapInitThreadTCB, cap_make(CAP_TCB, arch_physical(root->tcb), seL4_TCBBits));
    put(root, seL4_CapInitThreadCNode, cnode);
    put(root, seL4_CapInitThreadVSpace, space);
    put(root, seL4_CapIRQControl, cap_make(CAP_IRQ_CONTROL, 0, 0));
    put(root, seL4_CapASIDControl, cap_make(CAP_ASID_CONTROL, 0, 0));
    put(root, seL4_CapInitThreadASIDPool, sized(cap_make(CAP_ASID_POOL, root->pool, seL4_ASIDPoolBits), 0));
    put(root, seL4_CapDomain, cap_make(CAP_DOMAIN, 0, 0));
}

/* ---- Untyped memory --------------------------------------------------------------------------------- */

/* Cuts [start, end) into the largest aligned powers of two, from its start on. */
static void make_untypeds(struct root *root, paddr start, paddr end, bool device)
{
    while (start < end) {
        u32 bits = (u32)min_u64(bit_highest(end - start), seL4_MaxUntypedBits);
        if (start)
            bits = (u32)min_u64(bits, bit_lowest(start));
        u64 n = root->next - root->info->untyped.start;
        if (bits >= seL4_MinUntypedBits && n < CONFIG_MAX_NUM_BOOTINFO_UNTYPED_CAPS) {
            struct cap cap = cap_make(CAP_UNTYPED, start, bits);
            cap.device = device;
            /* Memory counts as used, so that the first Retype zeroes it. */
            put(root, root->next++, sized(cap, device ? 0 : 1ul << bits));
            root->info->untypedList[n] =
                (seL4_UntypedDesc){.paddr = start, .sizeBits = (u8)bits, .isDevice = device};
        }
        start += 1ul << bits;
    }
}

/* Everything that is neither RAM nor an interrupt controller. */
static void make_device_untypeds(struct root *root)
{
    u64 region = 1ul << seL4_LargePageBits;
    const struct range taken[] = {
        {memory_start(), memory_end()},
        {round_down(board.plic, region), round_up(board.plic + board.plic_size, region)},
        {round_down(board.clint, region), round_up(board.clint + board.clint_size, region)},
    };

    for (paddr at = 0; at < PHYSICAL_TOP;) {
        struct range next = {PHYSICAL_TOP, PHYSICAL_TOP};
        for (u32 i = 0; i < ARRAY_SIZE(taken); i++) {
            if (taken[i].end > taken[i].start && taken[i].start >= at && taken[i].start < next.start)
                next = taken[i];
        }
        make_untypeds(root, at, next.start, true);
        at = next.end;
    }
}

/* ---- Boot information and first thread -------------------------------------------------------------- */

static void make_boot_info(struct root *root)
{
    uaddr buffer = root->image.high, info = buffer + PAGE_SIZE, extra = info + PAGE_SIZE;
    seL4_BootInfoHeader *chunk = (seL4_BootInfoHeader *)((u8 *)root->info + PAGE_SIZE);

    root->next = seL4_NumInitialCaps;
    root->info->extraLen = root->extra_size;
    root->info->numNodes = 1;
    root->info->ipcBuffer = (seL4_IPCBuffer *)buffer;
    root->info->initThreadCNodeSizeBits = CONFIG_ROOT_CNODE_SIZE_BITS;

    root->info->userImagePaging.start = root->next;
    make_tables(root, GIB_BITS);
    make_tables(root, TABLE_BITS);
    root->info->userImagePaging.end = root->next;
    make_page(root, seL4_CapInitThreadIPCBuffer, buffer);
    make_page(root, seL4_CapBootInfoFrame, info);
    root->info->extraBIPages = make_pages(root, extra, extra + round_up(root->extra_size, PAGE_SIZE));
    root->info->userImageFrames = make_pages(root, root->image.low, root->image.high);

    chunk->id = SEL4_BOOTINFO_HEADER_FDT;
    chunk->len = root->extra_size;
    memcpy(chunk + 1, arch_direct(board.tree), board.tree_size);

    root->info->untyped.start = root->next;
    make_device_untypeds(root);
    for (u32 i = 0; i < memory_count; i++)
        make_untypeds(root, memory[i].start, memory[i].end, false);
    root->info->untyped.end = root->next;
    root->info->empty = (seL4_SlotRegion){root->next, 1ul << CONFIG_ROOT_CNODE_SIZE_BITS};
}

static void start_thread(struct root *root)
{
    struct tcb *tcb = root->tcb;
    struct cap buffer = root->cnode[seL4_CapInitThreadIPCBuffer].cap;

    thread_init(tcb);
    string_copy(tcb->name, "rootserver", sizeof(tcb->name));
    buffer.asid = 0; /* a copy is not mapped itself */
    buffer.vaddr = 0;
    cdt_insert(&tcb->slots[TCB_CSPACE], root->cnode[seL4_CapInitThreadCNode].cap,
               &root->cnode[seL4_CapInitThreadCNode]);
    cdt_insert(&tcb->slots[TCB_VSPACE], root->cnode[seL4_CapInitThreadVSpace].cap,
               &root->cnode[seL4_CapInitThreadVSpace]);
    cdt_insert(&tcb->slots[TCB_BUFFER], buffer, &root->cnode[seL4_CapInitThreadIPCBuffer]);
    reply_prepare(tcb);
    tcb->buffer_address = root->image.high;
    tcb->priority = tcb->max_priority = ROOT_PRIORITY;
    tcb->frame.pc = tcb->fault_pc = root->image.entry;
    tcb->frame.x[REG_A0] = root->image.high + PAGE_SIZE;
    thread_set_state(tcb, THREAD_RUNNING);
    schedule_wake(tcb);
}

/* ---- The start -------------------------------------------------------------------------------------- */

static void panic_who(char *text, u64 size)
{
    debug_thread_name(current, text, size);
}

static bool panic_stack(u64 sp, u64 *low, u64 *high)
{
    *low = (u64)kernel_stack;
    *high = (u64)kernel_stack + KERNEL_STACK_SIZE;
    return sp >= *low && sp < *high;
}

static void init_panic(void)
{
    static const struct panic_info info = {
        .kernel = "micro", .lost = "every program and server", .who = panic_who, .stack = panic_stack};
    char value[8];

    panic_set_info(&info);
    panic_set_exit(words_value(board.bootargs, "panic", value, sizeof(value)) && strcmp(value, "exit") == 0);
}

/* A separate function, so that its variables are off the stack before the first program runs. */
static void boot(void)
{
    struct root root = {.image = image_open(), .extra_size = sizeof(seL4_BootInfoHeader) + board.tree_size};

    memory_init();
    reserve(board.initrd_start, board.initrd_end);
    root_allocate(&root);
    image_load(&root.image, root.pages);

    /* The file is not needed any more: free memory is all but the kernel, the tree and the block just filled.
     */
    paddr block = arch_physical(root.cnode),
          block_end = arch_physical(root.info) + PAGE_SIZE + root.extra_size;
    memory_init();
    reserve(block, block_end);

    make_initial_caps(&root);
    make_boot_info(&root);
    start_thread(&root);
}

void kernel_main(u64 hart_id, paddr device_tree)
{
    arch_hart()->id = hart_id; /* the interrupt controller has an input for each */
    board_init(device_tree);
    init_panic();
    schedule_init();
    trap_prepare();
    boot();
    debug_init();
    debug_print("Booting all finished, dropped to user space\n");
    trap_start();
    arch_hart()->stack_limit = (u64)kernel_stack;
    trap_return();
    panic("the first trap returned");
}
