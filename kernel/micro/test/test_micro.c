/*
 * Random system calls against the kernel's objects, on the developer's computer, the invariants checked after
 * each.
 *
 * The kernel's files are linked as they are; below is the world they run in: one block of memory as the only
 * untyped, a few threads at the start, interrupts that come when the dice say so (so that long work is cut
 * anywhere). Each round ends with the revocation of the untyped, which must leave nothing but the caps the
 * round began with.
 *
 *   test_micro [ROUNDS [SEED]]
 *
 * With libFuzzer (make fuzz-micro) the dice are replaced by its input, and so led by coverage.
 */
#include "kernel/micro/cdt.h"
#include "kernel/micro/check.h"
#include "kernel/micro/cspace.h"
#include "kernel/micro/debug.h"
#include "kernel/micro/delete.h"
#include "kernel/micro/fastpath.h"
#include "kernel/micro/fpu.h"
#include "kernel/micro/ipc.h"
#include "kernel/micro/irq.h"
#include "kernel/micro/schedule.h"
#include "kernel/micro/thread.h"
#include "kernel/micro/trap.h"
#include "kernel/micro/vspace.h"
#include "machine/board.h"
#include "machine/panic.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALLS_IN_ROUND 150 /* few: a world soon has nothing left to work with */
#define MEMORY_BITS    20
#define RADIX          6 /* of the first thread's CNode */
#define SLOTS          (1u << RADIX)
#define WORKERS        4 /* threads at the start */

enum {
    SLOT_TCB = 1,
    SLOT_CNODE = SLOT_TCB + WORKERS,
    SLOT_SPACE,
    SLOT_IRQ,
    SLOT_ASID,
    SLOT_POOL,
    SLOT_DOMAIN,
    SLOT_UNTYPED,
    SLOT_FREE
};

static u8 memory[1u << MEMORY_BITS] __attribute__((aligned(1u << MEMORY_BITS)));
static struct slot cnode[SLOTS] __attribute__((aligned(32 * SLOTS)));
static struct tcb workers[WORKERS] __attribute__((aligned(2048)));
static seL4_IPCBuffer buffers[WORKERS][4] __attribute__((aligned(4096)));
static u64 space[ARCH_TABLE_ENTRIES] __attribute__((aligned(4096)));
static struct asid_pool pool __attribute__((aligned(4096)));
static struct tcb *threads;
static u64 seed, calls;

/* What a round is mostly about. */
static enum theme { THEME_ALL, THEME_CONTAINERS, THEME_SPACES, THEMES } theme;

/* ---- The dice --------------------------------------------------------------------------------------- */

/* What the dice show is read from here as long as there is something; then they are thrown. (libFuzzer) */
static const u8 *dice_input;
static u64 dice_input_left;

static u64 dice(u64 sides)
{
    if (dice_input_left >= 2) {
        u64 shown = dice_input[0] | (u64)dice_input[1] << 8;
        dice_input += 2;
        dice_input_left -= 2;
        return shown % sides;
    }
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (seed * 0x2545f4914f6cdd1dul >> 32) % sides;
}

static bool chance(u64 one_in)
{
    return dice(one_in) == 0;
}

/* ---- What the kernel expects around it -------------------------------------------------------------- */

u64 arch_kernel_root[ARCH_TABLE_ENTRIES];

void arch_root_init(u64 *root)
{
    (void)root;
}

static u64 hart_space;

static u64 hart_word(paddr root, u64 asid)
{
    return asid << 48 | root;
}

void arch_space_switch(paddr root, u64 asid)
{
    hart_space = hart_word(root, asid);
}

u64 entry_space(void)
{
    return hart_space;
}

void arch_tlb_flush_page(uaddr address, u64 asid)
{
    (void)address;
    (void)asid;
}

void arch_tlb_flush_asid(u64 asid)
{
    (void)asid;
}

void arch_tlb_flush_all(void)
{
}

void board_irq_enable(u32 source)
{
    (void)source;
}

void board_irq_disable(u32 source)
{
    (void)source;
}

void board_irq_complete(u32 source)
{
    (void)source;
}

u32 board_irq_claim(void)
{
    return (u32)dice(4);
}

void trap_init_frame(struct arch_frame *frame)
{
    (void)frame;
}

/* A trap ends in a program; here it ends in the test. */
void entry_return(struct arch_frame *frame)
{
    (void)frame;
}

void entry_return_in(struct arch_frame *frame, u64 space)
{
    (void)frame;
    hart_space = space;
}

void trap_resume(void)
{
    vspace_activate();
}

void trap_return(void)
{
}

void trap_fault(void)
{
    fault_raise(current);
}

void trap_handle_interrupt(void)
{
    schedule_tick();
}

bool preemption_point(u32 units)
{
    (void)units;
    return chance(8);
}

struct tcb *fpu_owner;

void fpu_release(const struct tcb *tcb)
{
    (void)tcb;
}

void page_zero(void *page)
{
    memset(page, 0, PAGE_SIZE);
}

void panic(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fprintf(stderr, "test_micro: call %lu: panic: ", calls);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    abort();
}

void debug_print(const char *format, ...)
{
    (void)format;
}

void debug_failure(const struct invocation *invocation)
{
    (void)invocation;
}

void debug_unhandled_fault(const struct tcb *tcb, const struct lookup_failure *lookup)
{
    (void)tcb;
    (void)lookup;
}

bool debug_checking;

bool debug_syscall(s64 number)
{
    (void)number;
    return false;
}

void debug_thread_new(struct tcb *tcb)
{
    tcb->all_prev = NULL;
    tcb->all_next = threads;
    if (threads)
        threads->all_prev = tcb;
    threads = tcb;
}

void debug_thread_gone(struct tcb *tcb)
{
    if (tcb->all_prev)
        tcb->all_prev->all_next = tcb->all_next;
    else
        threads = tcb->all_next;
    if (tcb->all_next)
        tcb->all_next->all_prev = tcb->all_prev;
}

/* ---- A round ---------------------------------------------------------------------------------------- */

static void put(u32 slot, struct cap cap)
{
    cdt_insert_root(&cnode[slot], cap);
}

static void begin_worker(u32 i, struct cap root, struct cap table)
{
    struct tcb *tcb = &workers[i];
    struct cap buffer = cap_make(CAP_FRAME, (paddr)buffers[i], seL4_PageBits);

    buffer.rights = RIGHT_READ | RIGHT_WRITE;
    put(SLOT_TCB + i, cap_make(CAP_TCB, (paddr)tcb, seL4_TCBBits));
    thread_init(tcb);
    cdt_insert(&tcb->slots[TCB_CSPACE], root, &cnode[SLOT_CNODE]);
    cdt_insert(&tcb->slots[TCB_VSPACE], table, &cnode[SLOT_SPACE]);
    cdt_insert_root(&tcb->slots[TCB_BUFFER], buffer);
    tcb->priority = tcb->max_priority = (u8)(250 + dice(3));
    tcb->fault_handler = SLOT_FREE + dice(8);
}

/* An invocation of the first thread while it is alone; repeated until it is not preempted. Returns the error.
 */
static u64 invoke_now(u64 cptr, u64 label, const u64 words[8], u64 extra0, u64 extra1)
{
    struct tcb *tcb = &workers[0];

    do {
        schedule();
        tcb->frame.x[REG_A0] = cptr;
        tcb->frame.x[REG_A1] = message_info(label, 0, 3, 8);
        for (u32 i = 0; i < 8; i++)
            message_set(tcb, buffers[0], i, words[i]);
        buffers[0]->caps_or_badges[0] = extra0;
        buffers[0]->caps_or_badges[1] = extra1;
        buffers[0]->caps_or_badges[2] = 0;
        syscall_handle(seL4_SysCall);
    } while (tcb->state == THREAD_RESTART);
    return tcb->frame.x[REG_A1] >> 12;
}

static void make_object(u64 slot, u64 type, u64 size)
{
    u64 words[8] = {type, size, 0, 0, slot, 1};

    if (invoke_now(SLOT_UNTYPED, UntypedRetype, words, SLOT_CNODE, 0))
        panic("the round's objects cannot be made");
}

/*
 * Containers each of which holds a cap to the next, the last one to the first, at places and in an order the
 * dice choose; then most of the caps outside are deleted, so that the ring is held by nothing but itself.
 */
static void make_ring(void)
{
    u64 count = 1 + dice(4), radix[4], words[8] = {0};

    for (u64 i = 0; i < count; i++) {
        radix[i] = dice(4); /* 0: a thread, whose CSpace is the next */
        make_object(SLOT_FREE + i, radix[i] ? seL4_CapTableObject : seL4_TCBObject, radix[i]);
    }
    for (u64 i = 0; i < count; i++) {
        u64 next = SLOT_FREE + (i + 1) % count, copies = 1 + dice(3);
        for (u64 n = 0; n < copies && radix[i]; n++) {
            u64 copy[8] = {dice(1u << radix[i]), radix[i], next, 64, 15};
            invoke_now(SLOT_FREE + i, CNodeCopy, copy, SLOT_CNODE, 0);
        }
        if (!radix[i])
            invoke_now(SLOT_FREE + i, TCBSetSpace, words, next, SLOT_SPACE);
    }
    for (u64 i = 0; i < count; i++) {
        u64 gone[8] = {SLOT_FREE + i, 64};
        if (dice(4))
            invoke_now(SLOT_CNODE, CNodeDelete, gone, 0, 0);
    }
}

/* An endpoint, and two notifications of which one is bound to a thread. */
static void make_meeting_places(void)
{
    const u64 words[8] = {0};

    make_object(SLOT_FREE, seL4_EndpointObject, 0);
    make_object(SLOT_FREE + 1, seL4_NotificationObject, 0);
    make_object(SLOT_FREE + 2, seL4_NotificationObject, 0);
    if (invoke_now(SLOT_TCB + dice(WORKERS), TCBBindNotification, words, SLOT_FREE + 1, 0))
        panic("the round's notification cannot be bound");
}

/* Two tables and some pages at the lowest addresses. */
static void make_mappings(void)
{
    for (u64 i = 0; i < 6; i++) {
        u64 words[8] = {i << PAGE_SHIFT, dice(4)};
        make_object(SLOT_FREE + i, i < 2 ? seL4_RISCV_PageTableObject : seL4_RISCV_4K_Page, 0);
        if (invoke_now(SLOT_FREE + i, i < 2 ? RISCVPageTableMap : RISCVPageMap, words, SLOT_SPACE, 0))
            panic("the round's pages cannot be mapped");
    }
}

static void begin(void)
{
    struct cap root = cap_make(CAP_CNODE, (paddr)cnode, RADIX + seL4_SlotBits);
    struct cap table = cap_make(CAP_PAGE_TABLE, (paddr)space, seL4_PageTableBits);
    struct cap untyped = cap_make(CAP_UNTYPED, (paddr)memory, MEMORY_BITS);

    memset(memory, 0, sizeof(memory));
    memset(workers, 0, sizeof(workers));
    memset(cnode, 0, sizeof(cnode));
    memset(space, 0, sizeof(space));
    memset(&pool, 0, sizeof(pool));
    memset(asid_pools, 0, sizeof(asid_pools));
    threads = NULL;
    root.guard_size = 64 - RADIX;
    table.asid = 1;
    asid_pools[0] = &pool;
    pool.root[1] = space;
    put(SLOT_CNODE, root);
    put(SLOT_SPACE, table);
    put(SLOT_IRQ, cap_make(CAP_IRQ_CONTROL, 0, 0));
    put(SLOT_ASID, cap_make(CAP_ASID_CONTROL, 0, 0));
    put(SLOT_POOL, cap_make(CAP_ASID_POOL, (paddr)&pool, seL4_ASIDPoolBits));
    put(SLOT_DOMAIN, cap_make(CAP_DOMAIN, 0, 0));
    put(SLOT_UNTYPED, untyped);
    for (u32 i = 0; i < WORKERS; i++)
        begin_worker(i, root, table);
    thread_resume(&workers[0]);
    schedule();
    if (theme == THEME_ALL)
        make_meeting_places();
    if (theme == THEME_CONTAINERS)
        make_ring();
    if (theme == THEME_SPACES)
        make_mappings();
    for (u32 i = 1; i < WORKERS; i++)
        thread_resume(&workers[i]);
    schedule();
}

/* A number that is now and then absurd, else below `limit`. */
static u64 number(u64 limit)
{
    if (chance(200))
        return ~dice(100);
    return dice(limit);
}

/* A path to a slot: of the first CNode with 64 bits, of a small one with few. */
static void path_to_slot(u64 *index, u64 *depth)
{
    bool small = chance(theme == THEME_CONTAINERS ? 2 : 4);

    *depth = small ? dice(4) : chance(50) ? 65 : 64;
    *index = small ? dice(1u << *depth) : dice(2) ? SLOT_FREE + dice(8) : number(SLOTS);
}

/* A slot of the first CNode with a cap of `type`, if there is one at hand. */
static u64 slot_with(u32 type)
{
    u64 slot = dice(SLOTS);

    for (u32 i = 0; i < SLOTS && cnode[slot].cap.type != type; i++)
        slot = (slot + 1) % SLOTS;
    return slot;
}

/* A type whose caps the round is about, and which can be derived, counted or waited for. */
static u32 favourite(void)
{
    static const u8 types[THEMES][3] = {[THEME_ALL] = {CAP_ENDPOINT, CAP_ENDPOINT, CAP_NOTIFICATION},
                                        [THEME_CONTAINERS] = {CAP_CNODE, CAP_CNODE, CAP_TCB},
                                        [THEME_SPACES] = {CAP_UNTYPED, CAP_UNTYPED, CAP_FRAME}};
    return types[theme][dice(3)];
}

/* Of an operation on the first CNode: on a cap of a favourite type, or from such a cap to an empty slot. */
static void favourite_arguments(u64 label, u64 *words)
{
    bool one_slot = label == CNodeDelete || label == CNodeRevoke || label == CNodeCancelBadgedSends;

    words[0] = slot_with(one_slot ? favourite() : CAP_NULL);
    if (words[0] == SLOT_UNTYPED) /* rarely enough otherwise: the round would soon be over */
        words[0] = SLOT_FREE;
    words[2] = slot_with(favourite());
    words[1] = words[3] = 64;
    words[4] = RIGHTS_ALL;
}

/* Arguments with a meaning for `label`; *length is how many. */
static void arguments(u64 label, u64 *words, u64 *length)
{
    *length = dice(40) ? 8 : dice(8);
    for (u32 i = 0; i < 8; i++)
        words[i] = number(32);
    switch (label) {
    case UntypedRetype: {
        static const u8 containers[] = {seL4_CapTableObject, seL4_CapTableObject, seL4_TCBObject,
                                        seL4_EndpointObject};
        static const u8 spaces[] = {seL4_RISCV_4K_Page, seL4_RISCV_PageTableObject, seL4_UntypedObject};
        words[0] = theme == THEME_CONTAINERS ? containers[dice(4)]
                   : theme == THEME_SPACES   ? spaces[dice(3)]
                                             : number(9);
        words[1] = words[0] == seL4_CapTableObject ? 1 + dice(3) : dice(2) ? 12 : number(16);
        path_to_slot(&words[2], &words[3]);
        if (dice(3))
            words[3] = 0;
        words[4] = number(SLOTS);
        words[5] = number(4);
        break;
    }
    case CNodeRotate:
        path_to_slot(&words[0], &words[1]);
        path_to_slot(&words[3], &words[4]);
        path_to_slot(&words[6], &words[7]);
        words[2] = words[5] = 0;
        break;
    case CNodeCopy:
    case CNodeMint:
    case CNodeMove:
    case CNodeMutate:
    case CNodeDelete:
    case CNodeRevoke:
    case CNodeSaveCaller:
    case CNodeCancelBadgedSends:
        path_to_slot(&words[0], &words[1]);
        path_to_slot(&words[2], &words[3]);
        words[4] = dice(16);
        words[5] = dice(3);
        if (dice(3) == 0)
            favourite_arguments(label, words);
        break;
    case TCBConfigure:
    case TCBSetSpace:
        words[0] = dice(SLOTS);
        words[1] = dice(2) ? 0 : dice(64);
        words[3] = dice(3) * 1024;
        break;
    case TCBWriteRegisters:
        words[0] = 1;
        words[1] = dice(6);
        break;
    case IRQIssueIRQHandler:
        words[0] = 1 + dice(3);
        path_to_slot(&words[1], &words[2]);
        break;
    case RISCVASIDControlMakePool:
        path_to_slot(&words[0], &words[1]);
        break;
    case RISCVPageMap:
    case RISCVPageTableMap:
        words[0] = dice(4) ? dice(4) << 12 : dice(2) << 21 | dice(2) << 30;
        words[1] = dice(4);
        words[2] = dice(2);
        break;
    default:
        break;
    }
}

/* A cap for any use, by the theme of the round. */
static u64 random_cap(void)
{
    if (chance(3))
        return theme == THEME_SPACES ? SLOT_SPACE : SLOT_CNODE;
    return theme == THEME_CONTAINERS && dice(2) ? slot_with(CAP_CNODE) : number(SLOTS);
}

/* One system call of the current thread. */
static void random_call(void)
{
    u64 *x = current->frame.x, length, words[8];
    u64 cptr = dice(2)   ? slot_with(CAP_CNODE)
               : dice(2) ? slot_with((u32)dice(32))
                         : number(SLOTS),
        label = dice(nInvocationLabels), extra = dice(4);
    s64 syscall = -(s64)(1 + dice(8));
    seL4_IPCBuffer *buffer = message_buffer(current, true);

    /* Most calls are invocations whose label suits the cap. */
    if (dice(3)) {
        static const u8 first_label[32] = {[CAP_UNTYPED] = UntypedRetype,
                                           [CAP_TCB] = TCBReadRegisters,
                                           [CAP_CNODE] = CNodeRevoke,
                                           [CAP_FRAME] = RISCVPageMap,
                                           [CAP_PAGE_TABLE] = RISCVPageTableMap,
                                           [CAP_ASID_CONTROL] = RISCVASIDControlMakePool,
                                           [CAP_ASID_POOL] = RISCVASIDPoolAssign,
                                           [CAP_IRQ_CONTROL] = IRQIssueIRQHandler,
                                           [CAP_IRQ_HANDLER] = IRQAckIRQ,
                                           [CAP_DOMAIN] = DomainSetSet};
        static const u8 labels[32] = {[CAP_TCB] = 15,       [CAP_CNODE] = 9,       [CAP_FRAME] = 3,
                                      [CAP_PAGE_TABLE] = 2, [CAP_IRQ_HANDLER] = 3, [CAP_DOMAIN] = 3};
        struct lookup_failure lookup = {0};
        struct slot *slot = cspace_lookup(current, cptr, &lookup);
        u32 type = slot ? slot->cap.type : 0;
        label = first_label[type] + (labels[type] ? dice(labels[type]) : 0);
        if (dice(8))
            extra = 3;
        syscall = seL4_SysCall;
    } else if (dice(2)) {
        cptr = slot_with(dice(2) ? CAP_ENDPOINT : CAP_NOTIFICATION);
    }
    arguments(label, words, &length);
    if (chance(300))
        syscall = 0xc1;
    current->fault_pc = current->frame.pc;
    current->frame.pc += 4;
    x[REG_A0] = cptr;
    x[REG_A1] = message_info(label, 0, buffer ? extra : 0, length);
    for (u32 i = 0; i < 4; i++)
        x[REG_A2 + i] = words[i];
    for (u32 i = 4; buffer && i < 8; i++)
        buffer->msg[i] = words[i];
    for (u32 i = 0; buffer && i < 3; i++)
        buffer->caps_or_badges[i] = random_cap();
    if (buffer) {
        buffer->receiveCNode = SLOT_CNODE;
        buffer->receiveIndex = dice(SLOTS);
        buffer->receiveDepth = 64;
    }
    if (label >= CNodeRevoke && label <= CNodeSaveCaller && buffer && dice(2))
        buffer->caps_or_badges[0] = SLOT_CNODE;
    if (label == RISCVASIDControlMakePool && buffer && dice(2)) {
        buffer->caps_or_badges[0] = slot_with(CAP_UNTYPED);
        buffer->caps_or_badges[1] = SLOT_CNODE;
    }
    if (label == TCBBindNotification && buffer && dice(2))
        buffer->caps_or_badges[0] = slot_with(CAP_NOTIFICATION);
    if (label == TCBConfigure && buffer && dice(4)) {
        buffer->caps_or_badges[0] = SLOT_CNODE;
        buffer->caps_or_badges[1] = SLOT_SPACE;
    }
    fastpath_system_call(x[REG_A0], x[REG_A1], syscall);
}

/* True if the thread has not begun to be deleted. */
static bool is_alive(const struct tcb *tcb)
{
    const struct tcb *other = threads;

    while (other && other != tcb)
        other = other->all_next;
    return other;
}

/* Somebody must run: lets a thread that waits, or has stopped, repeat its call. False if all have been
 * deleted. */
static bool wake_somebody(void)
{
    for (u32 n = (u32)dice(WORKERS), i = 0; i < WORKERS; i++, n = (n + 1) % WORKERS) {
        if (current == &idle_thread && is_alive(&workers[n]) &&
            thread_cap(&workers[n], TCB_CSPACE).type == CAP_CNODE) {
            thread_resume(&workers[n]);
            schedule();
        }
    }
    return current != &idle_thread;
}

static void check(void)
{
    const char *broken = check_kernel(threads, current);

    for (u32 i = 0; i < SLOTS && !broken; i++) {
        if (!slot_empty(&cnode[i]) && !cnode[i].prev)
            broken = check_list(&cnode[i], threads);
    }
    if (!broken)
        broken = check_mappings();
    if (broken)
        panic("broken: %s", broken);
}

/* As a trap ends: the current thread goes on, in its own space or in the kernel's alone. */
static void go_on(void)
{
    struct cap cap = thread_cap(current, TCB_VSPACE);
    bool usable = cap_is_vspace(cap) && asid_root(cap.asid) == cap_object(cap);

    trap_continue(current);
    if (hart_space != (usable ? hart_word(cap.address, cap.asid) : hart_word((paddr)arch_kernel_root, 0)))
        panic("a thread runs in a space that is not its own");
}

/* No list that can still be reached goes through the memory. */
static void check_memory_unused(void)
{
    for (u32 i = 0; i < SLOTS; i++) {
        for (const struct slot *slot = slot_next(&cnode[i]); slot; slot = slot_next(slot)) {
            if ((u64)slot - (u64)memory < sizeof(memory))
                panic("a cap lies in memory that was revoked");
        }
    }
}

/* Everything derived from the memory goes, wherever its untyped cap is now; returns false if it was deleted.
 */
static bool revoke_all(void)
{
    struct slot *root = NULL;

    for (u32 i = 0; i < SLOTS; i++) {
        if (cnode[i].cap.type == CAP_UNTYPED && cnode[i].cap.size == MEMORY_BITS && !cnode[i].prev)
            root = &cnode[i];
    }
    if (!root)
        return false;
    while (slot_revoke(root) == RESULT_PREEMPTED)
        ;
    if (slot_empty(root))
        return false;
    if (slot_next(root))
        panic("something is left after the revocation of all memory");
    schedule();
    check();
    check_memory_unused();
    return true;
}

/* One round of at most `limit` calls; true if it ended with a complete revocation. */
static bool play_round(u32 limit)
{
    begin();
    for (u32 i = 0; i < limit; i++, calls++) {
        random_call();
        schedule();
        go_on();
        check();
        if (current == &idle_thread && !wake_somebody())
            break;
    }
    bool complete = revoke_all();
    /* What may be left belongs to the first threads; it goes with the round. */
    while (current != &idle_thread) {
        thread_suspend(current);
        schedule();
    }
    for (u64 irq = 1; irq < 4; irq++) {
        while (slot_delete(irq_binding(irq)) == RESULT_PREEMPTED)
            ;
        irq_release(irq);
    }
    return complete;
}

/*
 * Two rows of ASIDPool_Assign's errors that no program can reach, because a pool's number is freed with the
 * last cap to it: a cap whose number no pool has, and one whose number is another pool's.
 */
static void check_forged_pools(void)
{
    static struct asid_pool forged __attribute__((aligned(4096)));
    static const u64 words[8];
    struct cap cap = cap_make(CAP_ASID_POOL, (paddr)&forged, seL4_ASIDPoolBits);
    const u64 *mr = &workers[0].frame.x[REG_A2];

    theme = THEME_CONTAINERS;
    begin();
    for (u32 i = 1; i < WORKERS; i++)
        thread_suspend(&workers[i]);
    make_object(SLOTS - 1, seL4_RISCV_PageTableObject, 0);
    put(SLOTS - 2, cap);
    if (invoke_now(SLOTS - 2, RISCVASIDPoolAssign, words, SLOTS - 1, 0) != seL4_InvalidCapability ||
        mr[0] != 0)
        panic("a cap with the number of another pool is refused");
    cnode[SLOTS - 2].cap.pool = 1u << seL4_ASIDPoolIndexBits;
    if (invoke_now(SLOTS - 2, RISCVASIDPoolAssign, words, SLOTS - 1, 0) != seL4_FailedLookup || mr[0] != 0 ||
        mr[1] != seL4_InvalidRoot)
        panic("a cap with the number of no pool is refused");
    if (cnode[SLOTS - 1].cap.asid)
        panic("a table has got an ASID of a pool that is not there");
    cdt_remove(&cnode[SLOTS - 2]);
    thread_suspend(&workers[0]);
    schedule();
}

/* libFuzzer's entry: the first byte is the theme, the rest what the dice show; the round ends with the input.
 */
int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    if (size < 8)
        return 0;
    seed = 20240607;
    theme = data[0] % THEMES;
    dice_input = data + 1;
    dice_input_left = size - 1;
    play_round((u32)size / 16);
    dice_input_left = 0;
    return 0;
}

/* Weak, because libFuzzer brings a main of its own. */
__attribute__((weak)) int main(int argc, char **argv)
{
    u64 rounds = argc > 1 ? strtoul(argv[1], NULL, 0) : 1000, complete = 0;

    seed = argc > 2 ? strtoul(argv[2], NULL, 0) : 20240607;
    check_forged_pools();
    for (u64 round = 0; round < rounds; round++) {
        u64 start = seed;
        theme = round % THEMES;
        complete += play_round(CALLS_IN_ROUND);
        if (argc > 3)
            printf("round %lu, seed %lu\n", round, start);
    }
    printf("test_micro: %lu system calls in %lu rounds, %lu with a complete revocation\n", calls, rounds,
           complete);
    return 0;
}
