/*
 * Measures the microkernel's operations, as its root task: each row of rows.def between marker instructions.
 *
 * It uses the seL4 API alone and no debug call, so the same ELF measures seL4 itself, release builds
 * included. It prints nothing: what fails ends the run, and the rows from there on have no samples.
 *
 * Priorities decide who runs when, and are part of what is measured: the root task and its partners have
 * PRIORITY and hand over to each other by messages, signals and yields; a new thread that is to run at once
 * has one more.
 */
#include "abi/sel4/sel4.h"
#include "lib/types.h"
#include "system/bench/mark.h"

#define SAMPLES    32
#define PRIORITY   100
#define FRAMES     256 /* of the row that revokes: as many as one Retype makes */
#define TCB        seL4_CapInitThreadTCB
#define CNODE      seL4_CapInitThreadCNode
#define VSPACE     seL4_CapInitThreadVSpace
#define STACK      2048
#define BUFFERS_AT 0x20000000ul /* IPC buffers of partners, a page each */
#define FRAME_AT   0x20100000ul /* where a frame is mapped and unmapped; same page table */

/* A thread that takes part in a row. */
struct partner {
    seL4_CPtr tcb;
    u64 block[2]; /* what its tp points to */
    u8 stack[STACK] __attribute__((aligned(16)));
};

enum { SAME, OTHER, PARTNERS };

static const seL4_BootInfo *info;
static struct partner partners[PARTNERS];
static seL4_CPtr pool; /* an untyped that everything comes from */
static seL4_CPtr next_slot;
static seL4_CPtr other_vspace;
static seL4_CPtr endpoint;
static seL4_CPtr here, there; /* notifications */

_Noreturn void root_main(seL4_BootInfo *boot_info);

static _Noreturn void end(void)
{
    MARK_END();
    for (;;) /* without the plugin */
        seL4_Yield();
}

static void must(seL4_Error error)
{
    if (error != seL4_NoError)
        end();
}

/* ---- Objects ------------------------------------------------------------------------------------------- */

static seL4_CPtr object_new(u64 type, u64 size_bits)
{
    seL4_CPtr slot = next_slot++;
    must(seL4_Untyped_Retype(pool, type, size_bits, CNODE, 0, 0, slot, 1));
    return slot;
}

/* Maps a frame with all access, and the page tables that are missing. */
static void map(seL4_CPtr frame, seL4_CPtr vspace, u64 address)
{
    while (seL4_RISCV_Page_Map(frame, vspace, address, seL4_AllRights, seL4_RISCV_Default_VMAttributes) ==
           seL4_FailedLookup) {
        seL4_CPtr table = object_new(seL4_RISCV_PageTableObject, 0);
        must(seL4_RISCV_PageTable_Map(table, vspace, address, seL4_RISCV_Default_VMAttributes));
    }
}

/* An address space that shares every page of this image, at the same addresses. */
static seL4_CPtr vspace_new(void)
{
    extern const u8 image_start[];
    seL4_CPtr vspace = object_new(seL4_RISCV_PageTableObject, 0);
    must(seL4_RISCV_ASIDPool_Assign(seL4_CapInitThreadASIDPool, vspace));
    for (seL4_CPtr frame = info->userImageFrames.start; frame < info->userImageFrames.end; frame++) {
        seL4_CPtr copy = next_slot++;
        must(seL4_CNode_Copy(CNODE, copy, seL4_WordBits, CNODE, frame, seL4_WordBits, seL4_AllRights));
        map(copy, vspace, (u64)image_start + (frame - info->userImageFrames.start) * PAGE_SIZE);
    }
    return vspace;
}

static void partner_new(u32 which, seL4_CPtr vspace)
{
    struct partner *partner = &partners[which];
    u64 buffer = BUFFERS_AT + which * PAGE_SIZE;
    seL4_CPtr frame = object_new(seL4_RISCV_4K_Page, 0);
    map(frame, vspace, buffer);
    partner->block[0] = buffer;
    partner->tcb = object_new(seL4_TCBObject, 0);
    must(seL4_TCB_Configure(partner->tcb, endpoint, CNODE, 0, vspace, 0, buffer, frame));
    must(seL4_TCB_SetSchedParams(partner->tcb, TCB, seL4_MaxPrio, PRIORITY));
}

static seL4_Error thread_run(seL4_CPtr tcb, struct partner *partner, void (*entry)(u64 length), u64 length)
{
    seL4_UserContext context = {
        .pc = (u64)entry,
        .sp = (u64)partner->stack + STACK,
        .a0 = length,
        .tp = (u64)partner->block,
    };
    return seL4_TCB_WriteRegisters(tcb, 1, 0, 32, &context);
}

/* Makes the partner run from `entry` on and gives it the time to block. The entry does not return. */
static void partner_run(u32 which, void (*entry)(u64 length), u64 length)
{
    must(thread_run(partners[which].tcb, &partners[which], entry, length));
    seL4_Yield();
}

static void partner_stop(u32 which)
{
    must(seL4_TCB_Suspend(partners[which].tcb));
}

/* ---- One thread ---------------------------------------------------------------------------------------- */

static void measure_alone(void)
{
    for (u32 i = 0; i < SAMPLES; i++) {
        MARK_START(ROW_yield);
        seL4_Yield();
        MARK_STOP(ROW_yield);
    }
    for (u32 i = 0; i < SAMPLES; i++) {
        seL4_Word word = 0, mr[4] = {0};
        MARK_START(ROW_nbrecv);
        sel4_exchange(seL4_SysNBRecv, endpoint, &word, mr);
        MARK_STOP(ROW_nbrecv);
    }
    for (u32 i = 0; i < SAMPLES; i++) {
        seL4_Word word = 0, mr[4] = {0};
        MARK_START(ROW_null);
        sel4_exchange(seL4_SysCall, seL4_CapNull, &word, mr);
        MARK_STOP(ROW_null);
    }
    for (u32 i = 0; i < SAMPLES; i++) {
        seL4_Word word = seL4_MessageInfo_new(RISCVPageGetAddress, 0, 0, 0).words[0], mr[4] = {0};
        MARK_START(ROW_get_address);
        sel4_exchange(seL4_SysCall, seL4_CapInitThreadIPCBuffer, &word, mr);
        MARK_STOP(ROW_get_address);
        must((seL4_Error)(word >> 12));
    }
    for (u32 i = 0; i < SAMPLES; i++) {
        MARK_START(ROW_signal_wait);
        seL4_Signal(here);
        seL4_Wait(here, NULL);
        MARK_STOP(ROW_signal_wait);
    }
}

/* ---- Two threads --------------------------------------------------------------------------------------- */

/* Answers every message with as many words as it had. */
static void serve(u64 length)
{
    seL4_Word word = 0, mr[4] = {0};
    sel4_exchange(seL4_SysRecv, endpoint, &word, mr);
    for (;;) {
        word = length;
        sel4_exchange(seL4_SysReplyRecv, endpoint, &word, mr);
    }
}

/* Calls the server, which then waits already: a constant row, for the markers. */
#define MEASURE_CALLS(row, which, length)                                                                    \
    do {                                                                                                     \
        partner_run(which, serve, length);                                                                   \
        for (u32 i = 0; i < SAMPLES; i++) {                                                                  \
            seL4_Word word = (length), mr[4] = {0};                                                          \
            MARK_START(row);                                                                                 \
            sel4_exchange(seL4_SysCall, endpoint, &word, mr);                                                \
            MARK_STOP(row);                                                                                  \
            if (word != (length))                                                                            \
                end();                                                                                       \
        }                                                                                                    \
        partner_stop(which);                                                                                 \
    } while (0)

static void measure_calls(void)
{
    MEASURE_CALLS(ROW_ipc_0, SAME, 0);
    MEASURE_CALLS(ROW_ipc_0_other, OTHER, 0);
    MEASURE_CALLS(ROW_ipc_10, SAME, 10);
    MEASURE_CALLS(ROW_ipc_10_other, OTHER, 10);
}

static void answer_signals(u64 unused)
{
    (void)unused;
    for (;;) {
        seL4_Wait(there, NULL);
        seL4_Signal(here);
    }
}

static void measure_signals(void)
{
    partner_run(SAME, answer_signals, 0);
    for (u32 i = 0; i < SAMPLES; i++) {
        MARK_START(ROW_ping_pong);
        seL4_Signal(there);
        seL4_Wait(here, NULL);
        MARK_STOP(ROW_ping_pong);
    }
    partner_stop(SAME);
}

static void yield_always(u64 unused)
{
    (void)unused;
    for (;;)
        seL4_Yield();
}

static void measure_yields(void)
{
    partner_run(SAME, yield_always, 0);
    for (u32 i = 0; i < SAMPLES; i++) {
        MARK_START(ROW_yield_equal);
        seL4_Yield();
        MARK_STOP(ROW_yield_equal);
    }
    partner_stop(SAME);
}

/* ---- Faults: the root task is the partner's handler ---------------------------------------------------- */

static void load_from_nowhere(u64 unused)
{
    (void)unused;
    for (;;)
        __asm__ volatile("lb zero, 0(zero)");
}

static void measure_vm_faults(void)
{
    seL4_Word word = 0, mr[4];
    partner_run(SAME, load_from_nowhere, 0);
    sel4_exchange(seL4_SysRecv, endpoint, &word, mr);
    for (u32 i = 0; i < SAMPLES; i++) {
        word = 0; /* no registers are changed: the same load again */
        MARK_START(ROW_vm_fault);
        sel4_exchange(seL4_SysReplyRecv, endpoint, &word, mr);
        MARK_STOP(ROW_vm_fault);
        if (word >> 12 != seL4_Fault_VMFault)
            end();
    }
    partner_stop(SAME);
}

/* As a program of another system does: a number the kernel does not know, arguments kept in registers. */
static void call_unknown(u64 unused)
{
    register u64 a0 __asm__("a0") = unused;
    register u64 a7 __asm__("a7") = 11;
    for (;;)
        __asm__ volatile("ecall" : "+r"(a0) : "r"(a7) : "memory");
}

/* The handler gives a result in a0 and lets the program go on behind its ecall, as the unix server does. */
static void measure_unknown(void)
{
    seL4_Word word = 0, mr[4];
    partner_run(SAME, call_unknown, 0);
    sel4_exchange(seL4_SysRecv, endpoint, &word, mr);
    for (u32 i = 0; i < SAMPLES; i++) {
        word = seL4_UnknownSyscall_A0 + 1;
        mr[seL4_UnknownSyscall_FaultIP] += 4;
        mr[seL4_UnknownSyscall_A0] = i;
        MARK_START(ROW_unknown);
        sel4_exchange(seL4_SysReplyRecv, endpoint, &word, mr);
        MARK_STOP(ROW_unknown);
        if (word >> 12 != seL4_Fault_UnknownSyscall || mr[seL4_UnknownSyscall_A0] != i)
            end();
    }
    partner_stop(SAME);
}

/* ---- Memory and capabilities --------------------------------------------------------------------------- */

static void measure_retype(void)
{
    seL4_CPtr fresh = object_new(seL4_UntypedObject, seL4_PageBits + 6);
    for (u32 i = 0; i < SAMPLES; i++) {
        seL4_CPtr slot = next_slot++;
        MARK_START(ROW_retype);
        seL4_Error error = seL4_Untyped_Retype(fresh, seL4_RISCV_4K_Page, 0, CNODE, 0, 0, slot, 1);
        MARK_STOP(ROW_retype);
        must(error);
    }
    /* an untyped that was used is zeroed before it is used again: whenever the kernel does that, it is in
     * here */
    seL4_CPtr used = object_new(seL4_UntypedObject, seL4_PageBits);
    for (u32 i = 0; i < SAMPLES; i++) {
        must(seL4_Untyped_Retype(used, seL4_RISCV_4K_Page, 0, CNODE, 0, 0, next_slot, 1));
        MARK_START(ROW_retype_reset);
        seL4_Error deleted = seL4_CNode_Delete(CNODE, next_slot, seL4_WordBits);
        seL4_Error error = seL4_Untyped_Retype(used, seL4_RISCV_4K_Page, 0, CNODE, 0, 0, next_slot, 1);
        MARK_STOP(ROW_retype_reset);
        must(deleted);
        must(error);
        must(seL4_CNode_Delete(CNODE, next_slot, seL4_WordBits));
    }
}

static void measure_pages(void)
{
    seL4_CPtr frame = object_new(seL4_RISCV_4K_Page, 0);
    map(frame, VSPACE, FRAME_AT);
    must(seL4_RISCV_Page_Unmap(frame));
    for (u32 i = 0; i < SAMPLES; i++) {
        MARK_START(ROW_map);
        seL4_Error mapped =
            seL4_RISCV_Page_Map(frame, VSPACE, FRAME_AT, seL4_AllRights, seL4_RISCV_Default_VMAttributes);
        MARK_STOP(ROW_map);
        *(volatile u64 *)FRAME_AT = i;
        MARK_START(ROW_unmap);
        seL4_Error unmapped = seL4_RISCV_Page_Unmap(frame);
        MARK_STOP(ROW_unmap);
        must(mapped);
        must(unmapped);
    }
}

static void measure_slots(void)
{
    seL4_CPtr slot = next_slot++;
    for (u32 i = 0; i < SAMPLES; i++) {
        MARK_START(ROW_copy);
        seL4_Error copied =
            seL4_CNode_Copy(CNODE, slot, seL4_WordBits, CNODE, endpoint, seL4_WordBits, seL4_AllRights);
        MARK_STOP(ROW_copy);
        MARK_START(ROW_delete);
        seL4_Error deleted = seL4_CNode_Delete(CNODE, slot, seL4_WordBits);
        MARK_STOP(ROW_delete);
        must(copied);
        must(deleted);
        MARK_START(ROW_mint);
        seL4_Error minted =
            seL4_CNode_Mint(CNODE, slot, seL4_WordBits, CNODE, endpoint, seL4_WordBits, seL4_AllRights, 7);
        MARK_STOP(ROW_mint);
        must(minted);
        must(seL4_CNode_Delete(CNODE, slot, seL4_WordBits));
    }
}

static void measure_revoke(void)
{
    seL4_CPtr untyped = object_new(seL4_UntypedObject, seL4_LargePageBits);
    for (u32 i = 0; i < SAMPLES / 8; i++) {
        must(seL4_Untyped_Retype(untyped, seL4_RISCV_4K_Page, 0, CNODE, 0, 0, next_slot, FRAMES));
        MARK_START(ROW_revoke);
        seL4_Error revoked = seL4_CNode_Revoke(CNODE, untyped, seL4_WordBits);
        MARK_STOP(ROW_revoke);
        must(revoked);
    }
}

static void wait_for_nothing(u64 unused)
{
    (void)unused;
    for (;;)
        seL4_Wait(there, NULL);
}

/* A thread with one priority more than ours: when its registers are written it runs until it waits. */
static void measure_threads(void)
{
    struct partner *partner = &partners[SAME]; /* its stack and block, while it does not run */
    seL4_CPtr untyped = object_new(seL4_UntypedObject, seL4_TCBBits + 6);
    seL4_CPtr slot = next_slot++;
    for (u32 i = 0; i < SAMPLES; i++) {
        MARK_START(ROW_thread);
        seL4_Error error = seL4_Untyped_Retype(untyped, seL4_TCBObject, 0, CNODE, 0, 0, slot, 1);
        error |= seL4_TCB_Configure(slot, seL4_CapNull, CNODE, 0, VSPACE, 0, 0, seL4_CapNull);
        error |= seL4_TCB_SetSchedParams(slot, TCB, PRIORITY + 1, PRIORITY + 1);
        error |= thread_run(slot, partner, wait_for_nothing, 0);
        MARK_STOP(ROW_thread);
        MARK_START(ROW_thread_delete);
        error |= seL4_CNode_Delete(CNODE, slot, seL4_WordBits);
        MARK_STOP(ROW_thread_delete);
        must(error);
    }
}

/* ---- All of it ----------------------------------------------------------------------------------------- */

static seL4_CPtr largest_untyped(void)
{
    u32 best = 0;
    for (u32 i = 0; i < info->untyped.end - info->untyped.start; i++) {
        if (!info->untypedList[i].isDevice &&
            (info->untypedList[best].isDevice ||
             info->untypedList[i].sizeBits > info->untypedList[best].sizeBits))
            best = i;
    }
    return info->untyped.start + best;
}

void root_main(seL4_BootInfo *boot_info)
{
    static void *block[2];

    MARK_INSTANT(ROW_boot);
    info = boot_info;
    block[0] = info->ipcBuffer;
    seL4_SetThreadBlock(block);
    pool = largest_untyped();
    next_slot = info->empty.start;
    must(seL4_TCB_SetPriority(TCB, TCB, PRIORITY));
    endpoint = object_new(seL4_EndpointObject, 0);
    here = object_new(seL4_NotificationObject, 0);
    there = object_new(seL4_NotificationObject, 0);
    other_vspace = vspace_new();
    partner_new(SAME, VSPACE);
    partner_new(OTHER, other_vspace);
    measure_alone();
    measure_calls();
    measure_signals();
    measure_vm_faults();
    measure_unknown();
    measure_retype();
    measure_pages();
    measure_slots();
    measure_revoke();
    measure_yields();
    measure_threads();
    end();
}
