/*
 * A root task that lets the microkernel work for long: one system call after the other that has much to do. A
 * plugin in QEMU counts meanwhile how long an interrupt would have had to wait.
 *
 * It makes no debug call, so that it runs on a release build, too. It says nothing: that all went well is
 * seen from the machine's end, for what fails spins for ever.
 */
#include "abi/sel4/sel4.h"
#include "lib/types.h"

#define TCB    seL4_CapInitThreadTCB
#define CNODE  seL4_CapInitThreadCNode
#define VSPACE seL4_CapInitThreadVSpace

#define MANY       256 /* the most objects that one Retype makes */
#define LARGE_BITS 22  /* an untyped that takes long to zero */
#define SENDERS    48
#define STACK      256
#define BADGE      7
#define PAGES_AT   0x30000000ul /* where pages are mapped, */
#define BUFFERS_AT 0x20000000ul /* where the partner's IPC buffer is, */
#define END_AT     0x38000000ul /* and the register that ends the machine */
#define END_DEVICE 0x100000ul   /* its physical address on QEMU's virt board */
#define END_OK     0x5555u

static const seL4_BootInfo *info;
static seL4_CPtr pool;  /* the untyped all comes from */
static seL4_CPtr first; /* the first slot of many that are empty */
static u8 stacks[SENDERS][STACK] __attribute__((aligned(16)));
static u64 partner_block[2]; /* what its tp points to */

_Noreturn void root_main(seL4_BootInfo *boot_info);

static void must(seL4_Error error)
{
    while (error != seL4_NoError)
        ;
}

static void make(u64 type, u64 size_bits, seL4_CPtr slot, u64 count)
{
    must(seL4_Untyped_Retype(pool, type, size_bits, CNODE, 0, 0, slot, count));
}

static void copy(seL4_CPtr cnode, u64 slot, u64 depth, seL4_CPtr source)
{
    must(seL4_CNode_Copy(cnode, slot, depth, CNODE, source, seL4_WordBits, seL4_AllRights));
}

static void delete (seL4_CPtr slot)
{
    must(seL4_CNode_Delete(CNODE, slot, seL4_WordBits));
}

/* Ends what all has been made of the pool. */
static void clear(void)
{
    must(seL4_CNode_Revoke(CNODE, pool, seL4_WordBits));
}

/* ---- Memory ----------------------------------------------------------------------------------------- */

static void retype_many(void)
{
    static const u8 types[] = {
        seL4_TCBObject,     seL4_EndpointObject, seL4_NotificationObject,   seL4_CapTableObject,
        seL4_UntypedObject, seL4_RISCV_4K_Page,  seL4_RISCV_PageTableObject};

    for (u32 i = 0; i < ARRAY_SIZE(types); i++) {
        make(types[i], 4, first, MANY);
        clear();
    }
}

/* Zeroing what was used: of a large untyped, and of a page table that was mapped. */
static void reset(void)
{
    make(seL4_UntypedObject, LARGE_BITS, first, 1);
    for (u32 i = 0; i < 2; i++) {
        must(seL4_Untyped_Retype(first, seL4_RISCV_Mega_Page, 0, CNODE, 0, 0, first + 1, 2));
        must(seL4_CNode_Revoke(CNODE, first, seL4_WordBits));
    }
    must(seL4_Untyped_Retype(first, seL4_EndpointObject, 0, CNODE, 0, 0, first + 1, 1));
    clear();
}

/* An address space with many pages, then its pages, its tables and its ASID gone at once. */
static void end_space(void)
{
    seL4_CPtr space = first, table = first + 1, frame = first + 4;

    make(seL4_RISCV_PageTableObject, 0, space, 3);
    make(seL4_RISCV_4K_Page, 0, frame, MANY);
    must(seL4_RISCV_ASIDPool_Assign(seL4_CapInitThreadASIDPool, space));
    for (u32 i = 0; i < 2; i++)
        must(seL4_RISCV_PageTable_Map(table + i, space, PAGES_AT, seL4_RISCV_Default_VMAttributes));
    for (u32 i = 0; i < MANY; i++)
        must(seL4_RISCV_Page_Map(frame + i, space, PAGES_AT + i * PAGE_SIZE, seL4_AllRights,
                                 seL4_RISCV_Default_VMAttributes));
    must(seL4_RISCV_PageTable_Unmap(table + 1));
    clear();
}

/* A pool of ASIDs that are all in use. */
static void end_asid_pool(void)
{
    make(seL4_UntypedObject, seL4_ASIDPoolBits, first, 1);
    must(seL4_RISCV_ASIDControl_MakePool(seL4_CapASIDControl, first, CNODE, first + 1, seL4_WordBits));
    for (u32 n = 0; n < 2; n++) {
        make(seL4_RISCV_PageTableObject, 0, first + 2 + n * MANY, MANY);
        for (u32 i = 0; i < MANY; i++)
            must(seL4_RISCV_ASIDPool_Assign(first + 1, first + 2 + n * MANY + i));
    }
    delete (first + 1);
    clear();
}

/* ---- Capabilities ----------------------------------------------------------------------------------- */

/* A CNode of 4,096 slots that are all full, and goes with its last cap; its caps are copies of one. */
static void end_cnode(void)
{
    u64 radix = 12;

    make(seL4_EndpointObject, 0, first, 1);
    make(seL4_CapTableObject, radix, first + 1, 1);
    for (u64 i = 0; i < 1ul << radix; i++)
        copy(first + 1, i, radix, first);
    delete (first + 1);
    make(seL4_CapTableObject, radix, first + 1, 1);
    for (u64 i = 0; i < 1ul << radix; i++)
        copy(first + 1, i, radix, first);
    must(seL4_CNode_Revoke(CNODE, first, seL4_WordBits));
    clear();
}

/* CNodes each of which holds the last cap to the next. */
static void end_chain(void)
{
    make(seL4_CapTableObject, 4, first, MANY);
    for (seL4_CPtr i = first + MANY - 1; i > first; i--)
        must(seL4_CNode_Move(i - 1, 15, 4, CNODE, i, seL4_WordBits));
    delete (first);
    clear();
}

/* ---- Threads ---------------------------------------------------------------------------------------- */

static void send(u64 endpoint)
{
    seL4_Send(endpoint, seL4_MessageInfo_new(0, 0, 0, 0));
    for (;;)
        seL4_Yield();
}

static void thread_run(seL4_CPtr tcb, u32 n, void (*entry)(u64 argument), u64 argument)
{
    seL4_UserContext context = {
        .pc = (u64)entry, .sp = (u64)stacks[n] + STACK, .a0 = argument, .tp = (u64)partner_block};

    must(seL4_TCB_WriteRegisters(tcb, 1, 0, 32, &context));
}

/* Threads that wait at `to`, all of them. */
static void fill_queue(seL4_CPtr tcb, seL4_CPtr to)
{
    make(seL4_TCBObject, 0, tcb, SENDERS);
    for (u32 i = 0; i < SENDERS; i++) {
        must(seL4_TCB_SetSpace(tcb + i, 0, CNODE, 0, VSPACE, 0));
        must(seL4_TCB_SetSchedParams(tcb + i, TCB, seL4_MaxPrio, 100));
        thread_run(tcb + i, i, send, to);
    }
    must(seL4_TCB_SetPriority(TCB, TCB, 50));
    must(seL4_TCB_SetPriority(TCB, TCB, seL4_MaxPrio));
}

/* Long queues: cancelled by badge, ended with their endpoint, and with their threads. */
static void end_queue(void)
{
    for (u32 way = 0; way < 3; way++) {
        seL4_CPtr endpoint = first, badged = first + 1, tcb = first + 2;
        make(seL4_EndpointObject, 0, endpoint, 1);
        must(seL4_CNode_Mint(CNODE, badged, seL4_WordBits, CNODE, endpoint, seL4_WordBits, seL4_AllRights,
                             BADGE));
        fill_queue(tcb, badged);
        if (way == 0)
            must(seL4_CNode_CancelBadgedSends(CNODE, badged, seL4_WordBits));
        if (way < 2) {
            delete (badged);
            delete (endpoint);
        }
        clear();
    }
}

static void reply_with_all(u64 endpoint)
{
    seL4_MessageInfo_t message = seL4_Recv(endpoint, NULL);

    for (;;)
        message = seL4_ReplyRecv(endpoint, message, NULL);
}

/* Messages of the greatest length, with as many caps as one may have. */
static void talk(void)
{
    seL4_CPtr endpoint = first, tcb = first + 1, frame = first + 2, table = first + 3;

    make(seL4_EndpointObject, 0, endpoint, 1);
    make(seL4_TCBObject, 0, tcb, 1);
    make(seL4_RISCV_4K_Page, 0, frame, 1);
    make(seL4_RISCV_PageTableObject, 0, table, 2);
    for (u32 i = 0; i < 2; i++)
        seL4_RISCV_PageTable_Map(table + i, VSPACE, BUFFERS_AT, seL4_RISCV_Default_VMAttributes);
    must(seL4_RISCV_Page_Map(frame, VSPACE, BUFFERS_AT, seL4_AllRights, seL4_RISCV_Default_VMAttributes));
    partner_block[0] = BUFFERS_AT;
    must(seL4_TCB_Configure(tcb, 0, CNODE, 0, VSPACE, 0, BUFFERS_AT, frame));
    must(seL4_TCB_SetSchedParams(tcb, TCB, seL4_MaxPrio, seL4_MaxPrio));
    thread_run(tcb, 0, reply_with_all, endpoint);
    for (u32 i = 0; i < seL4_MsgMaxExtraCaps; i++)
        seL4_SetCap((int)i, endpoint);
    for (u32 i = 0; i < 4; i++)
        seL4_Call(endpoint, seL4_MessageInfo_new(0, 0, seL4_MsgMaxExtraCaps, seL4_MsgMaxLength));
    clear();
}

/* ---- The end ---------------------------------------------------------------------------------------- */

/* Ends the machine by its register. The device's untyped is cut until the register's page is next. */
static void end(void)
{
    seL4_CPtr untyped = info->untyped.start, slot = first;
    const seL4_UntypedDesc *desc = info->untypedList;

    while (END_DEVICE - desc->paddr >= 1ul << desc->sizeBits) {
        desc++;
        untyped++;
    }
    for (u64 at = desc->paddr; at < END_DEVICE;) {
        u64 bits = PAGE_SHIFT;
        while (at % (2ul << bits) == 0 && at + (2ul << bits) <= END_DEVICE)
            bits++;
        must(seL4_Untyped_Retype(untyped, seL4_UntypedObject, bits, CNODE, 0, 0, slot++, 1));
        at += 1ul << bits;
    }
    must(seL4_Untyped_Retype(untyped, seL4_RISCV_4K_Page, 0, CNODE, 0, 0, slot, 1));
    make(seL4_RISCV_PageTableObject, 0, slot + 1, 2);
    for (u32 i = 0; i < 2; i++)
        seL4_RISCV_PageTable_Map(slot + 1 + i, VSPACE, END_AT, seL4_RISCV_Default_VMAttributes);
    must(seL4_RISCV_Page_Map(slot, VSPACE, END_AT, seL4_ReadWrite, seL4_RISCV_ExecuteNever));
    *(volatile u32 *)END_AT = END_OK;
}

void root_main(seL4_BootInfo *boot_info)
{
    u64 best = 0;

    info = boot_info;
    first = info->empty.start;
    for (u64 i = 0; i < info->untyped.end - info->untyped.start; i++) {
        if (!info->untypedList[i].isDevice && info->untypedList[i].sizeBits > best) {
            best = info->untypedList[i].sizeBits;
            pool = info->untyped.start + i;
        }
    }
    retype_many();
    reset();
    end_space();
    end_asid_pool();
    end_cnode();
    end_chain();
    end_queue();
    talk();
    end();
    for (;;)
        ;
}
