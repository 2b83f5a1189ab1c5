/*
 * Random but plausible system calls, from a seed: with the boot arguments `fuzz=CALLS seed=N` in place of the
 * tests.
 *
 * Three workers share a small CSpace with an untyped, their own TCBs, their own CNode and a few objects, and
 * call whatever the dice say. They can harm each other in every way but one: nobody changes another's program
 * counter, stack or code, so that a worker that runs does what is written here. The root task runs when all
 * workers wait or are dead. It starts those anew that can be, and after some calls ends the round: it revokes
 * the untyped all comes from and builds the world anew.
 *
 * What is tested is the kernel: that it survives, and with the boot argument check=N that its invariants
 * hold.
 */
#include "test/conformance/conformance.h"

#define WORKERS     3
#define RADIX       5
#define SLOTS       (1u << RADIX)
#define ROUND_CALLS 300 /* few: the workers soon have nothing left to work with */
#define MEMORY_BITS 17
#define AT          0x50000000ul
#define FRAMES      4 /* mapped at the start */
#define PRIORITY    100

/* The workers' slots that are filled at the start of a round. */
enum {
    SLOT_CNODE = 1,
    SLOT_SPACE,
    SLOT_TCB,
    SLOT_UNTYPED = SLOT_TCB + WORKERS,
    SLOT_POOL,
    SLOT_ASID,
    SLOT_DOMAIN,
    SLOT_ENDPOINT,
    SLOT_NOTIFICATION,
    SLOT_FREE
};

static u64 state, round_calls;

static u64 dice(u64 sides)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (state * 0x2545f4914f6cdd1dul >> 32) % sides;
}

/* Labels that suit a type of capability; what would change a worker's registers or thread pointer is left
 * out. */
static u64 label_for(u64 type)
{
    static const u8 thread[] = {
        TCBReadRegisters, TCBSetPriority,      TCBSetMCPriority,      TCBSetSchedParams,
        TCBSetIPCBuffer,  TCBSetSpace,         TCBConfigure,          TCBSuspend,
        TCBResume,        TCBBindNotification, TCBUnbindNotification, TCBSetFlags};

    switch (type) {
    case 1:
        return RISCVPageMap + dice(3);
    case 2:
        return UntypedRetype;
    case 3:
        return RISCVPageTableMap + dice(2);
    case 10:
        return CNodeRevoke + dice(9);
    case 11:
        return RISCVASIDControlMakePool;
    case 12:
        return thread[dice(ARRAY_SIZE(thread))];
    case 13:
        return RISCVASIDPoolAssign;
    case 20:
        return DomainSetSet + dice(3);
    default:
        return dice(nInvocationLabels);
    }
}

static void random_words(u64 label, u64 words[8])
{
    for (u32 i = 0; i < 8; i++)
        words[i] = dice(50) ? dice(SLOTS) : ~dice(100);
    switch (label) {
    case UntypedRetype:
        words[0] = dice(9);
        words[1] = words[0] == seL4_CapTableObject ? 1 + dice(4) : 4 + dice(10);
        words[3] = dice(4) ? 0 : RADIX;
        words[5] = 1 + dice(4);
        break;
    case CNodeRevoke:
    case CNodeDelete:
    case CNodeCancelBadgedSends:
    case CNodeCopy:
    case CNodeMint:
    case CNodeMove:
    case CNodeMutate:
    case CNodeRotate:
    case CNodeSaveCaller:
        words[1] = words[3] = dice(8) ? RADIX : 1 + dice(64);
        if (label == CNodeRotate) {
            words[2] = words[5] = 0;
            words[3] = dice(SLOTS);
            words[4] = words[7] = RADIX;
        }
        break;
    case TCBSetPriority:
    case TCBSetMCPriority:
    case TCBSetSchedParams:
        words[0] = PRIORITY - 2 + dice(5);
        words[1] = PRIORITY - 2 + dice(5);
        break;
    case TCBSetIPCBuffer:
        words[0] = dice(4) * 1024;
        break;
    case TCBConfigure:
        words[3] = dice(4) * 1024; /* and on with the spaces */
        /* fall through */
    case TCBSetSpace:
        words[1] = dice(2) ? 0 : 64 - RADIX;
        words[2] = 0;
        break;
    case RISCVASIDControlMakePool:
        words[1] = RADIX;
        break;
    case RISCVPageMap:
    case RISCVPageTableMap:
        words[0] = AT + (dice(4) << 12 | dice(3) << 21);
        words[1] = dice(4);
        words[2] = dice(2);
        break;
    default:
        break;
    }
}

/* One call. Arguments go to the kernel through the worker's own mapped buffer, whether the kernel reads that
 * or another. */
static void random_call(seL4_IPCBuffer *buffer)
{
    u64 cptr = dice(SLOTS), type = sel4_simple(seL4_SysDebugCapIdentify, cptr), label = label_for(type);
    u64 words[8], length = dice(30) ? 8 : dice(9), caps = dice(10) ? 3 : dice(4), message;
    /* Most calls are Calls of objects; messages to endpoints and notifications are of all kinds, and may
     * wait. */
    s64 number = type != 0 && type != 4 && type != 6 && dice(8) ? seL4_SysCall : -(s64)(1 + dice(8));

    random_words(label, words);
    if (type == 4 || type == 6 || type == 0)
        caps = dice(4);
    for (u32 i = 4; i < 8; i++)
        buffer->msg[i] = words[i];
    for (u32 i = 0; i < 3; i++)
        buffer->caps_or_badges[i] = dice(2) ? SLOT_CNODE + dice(2) : dice(SLOTS);
    if (label == TCBConfigure || label == TCBSetSpace) {
        buffer->caps_or_badges[0] = SLOT_CNODE;
        buffer->caps_or_badges[1] = SLOT_SPACE;
    }
    if (label == TCBSetPriority || label == TCBSetMCPriority || label == TCBSetSchedParams)
        buffer->caps_or_badges[0] = SLOT_TCB + dice(WORKERS);
    buffer->receiveCNode = SLOT_CNODE;
    buffer->receiveIndex = dice(SLOTS);
    buffer->receiveDepth = RADIX;
    message = seL4_MessageInfo_new(label, 0, caps, length).words[0];
    sel4_exchange(number, cptr, &message, words);
}

static void worker(u64 buffer, u64 unused)
{
    (void)unused;
    for (;;) {
        if (round_calls > 0) {
            round_calls--;
            random_call((seL4_IPCBuffer *)buffer);
        } else {
            sel4_simple(seL4_SysRecv, SLOT_NOTIFICATION); /* until the round is over */
        }
    }
}

static void give(seL4_CPtr cnode, u64 slot, seL4_CPtr cap, u64 rights, u64 data)
{
    OK(seL4_CNode_Mint(cnode, slot, RADIX, CNODE, cap, 64, (seL4_CapRights_t){{rights}}, data));
}

/* A world for the workers, all of it from the pool. */
static void begin_round(struct helper *helpers[WORKERS])
{
    seL4_CPtr cnode = object_new(seL4_CapTableObject, RADIX),
              untyped = object_new(seL4_UntypedObject, MEMORY_BITS);
    u64 guard = 64 - RADIX;

    /* The named cap has no guard, for paths of RADIX bits; the thread's own lookups go through the guarded
     * copy. */
    give(cnode, SLOT_CNODE, cnode, 15, 0);
    give(cnode, SLOT_SPACE, VSPACE, 15, 0);
    for (u32 i = 0; i < WORKERS; i++) {
        helpers[i] = helper_new(i, PRIORITY, 0);
        OK(seL4_TCB_SetSchedParams(helpers[i]->tcb, TCB, PRIORITY + 2, PRIORITY + i));
        OK(seL4_TCB_SetSpace(helpers[i]->tcb, SLOT_ENDPOINT, cnode, guard, VSPACE, 0));
        give(cnode, SLOT_TCB + i, helpers[i]->tcb, 15, 0);
    }
    OK(seL4_CNode_Move(cnode, SLOT_UNTYPED, RADIX, CNODE, untyped, 64));
    give(cnode, SLOT_POOL, seL4_CapInitThreadASIDPool, 15, 0);
    give(cnode, SLOT_ASID, seL4_CapASIDControl, 15, 0);
    give(cnode, SLOT_DOMAIN, seL4_CapDomain, 15, 0);
    give(cnode, SLOT_ENDPOINT, object_new(seL4_EndpointObject, 0), 15, 5);
    seL4_CPtr notification = object_new(seL4_NotificationObject, 0);
    give(cnode, SLOT_NOTIFICATION, notification, 15, 6);
    if (dice(2))
        OK(seL4_TCB_BindNotification(helpers[0]->tcb, notification));
    tables_new(VSPACE, AT);
    for (u32 i = 0; i < FRAMES; i++)
        OK(seL4_CNode_Move(cnode, SLOT_FREE + i, RADIX, CNODE, page_new(VSPACE, AT + i * PAGE_SIZE), 64));
}

/* Plays one round of `calls`. Fewer are made if the workers have killed each other. */
static u64 play_round(u64 calls)
{
    struct helper *helpers[WORKERS];

    begin_round(helpers);
    round_calls = calls;
    for (u32 i = 0; i < WORKERS; i++)
        helper_start(helpers[i], worker, (u64)helpers[i]->buffer, 0);
    /* Below the workers: each lowering lets them run until all wait. */
    for (u32 turn = 0; turn < 200 && round_calls > 0; turn++) {
        OK(seL4_TCB_SetPriority(TCB, TCB, PRIORITY - 10));
        OK(seL4_TCB_SetPriority(TCB, TCB, seL4_MaxPrio));
        for (u32 i = 0; i < WORKERS; i++) {
            OK(seL4_TCB_Suspend(helpers[i]->tcb));
            OK(seL4_TCB_SetSchedParams(helpers[i]->tcb, TCB, PRIORITY + 2, PRIORITY + i));
            helper_start(helpers[i], worker, (u64)helpers[i]->buffer, 0);
        }
    }
    calls -= round_calls;
    round_calls = 0;
    for (u32 i = 0; i < WORKERS; i++)
        OK(seL4_TCB_Suspend(helpers[i]->tcb));
    return calls;
}

void fuzz(u64 calls, u64 seed)
{
    u64 made = 0, rounds = 0;

    state = seed ? seed : 1;
    for (; made < calls; rounds++) {
        made += play_round(calls - made < ROUND_CALLS ? calls - made : ROUND_CALLS);
        end_test();
    }
    print("fuzz: %lu calls in %lu rounds, seed %lu\n", made, rounds, seed);
}
