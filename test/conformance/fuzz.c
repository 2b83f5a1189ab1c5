/*
 * Random but plausible system calls, from a seed: with the boot arguments `fuzz=CALLS seed=N` in place of the
 * tests.
 *
 * Three workers share a small CSpace with an untyped, their own TCBs, their own CNode and a few objects, and
 * call whatever the dice say. They can harm each other in every way but one: nobody changes another's program
 * counter, stack or code, so that a worker that runs does what is written here. The root task runs when all
 * workers wait or are dead. It starts those anew that can be, and after some calls ends the round: it revokes
 * the untyped all comes from and builds the world anew. The workers hold the only caps to their endpoint and
 * notification, and each second worker is held by nobody else, so all these may end within a round.
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

/* What a round is mostly about: everything, or endpoints, notifications and who waits there. */
static enum theme { THEME_ALL, THEME_MEETINGS, THEMES } theme;

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
    static const u8 copying[] = {CNodeCopy, CNodeMint, CNodeDelete, CNodeDelete, CNodeRevoke};

    switch (type) {
    case 1:
        return RISCVPageMap + dice(3);
    case 2:
        return UntypedRetype;
    case 3:
        return RISCVPageTableMap + dice(2);
    case 10:
        if (theme == THEME_MEETINGS && dice(2))
            return copying[dice(ARRAY_SIZE(copying))];
        return CNodeRevoke + dice(9);
    case 11:
        return RISCVASIDControlMakePool;
    case 12:
        if (theme == THEME_MEETINGS && dice(2))
            return TCBBindNotification + dice(2);
        return thread[dice(ARRAY_SIZE(thread))];
    case 13:
        return RISCVASIDPoolAssign;
    case 20:
        return DomainSetSet + dice(3);
    default:
        return dice(nInvocationLabels);
    }
}

/* A slot that is likely to hold a cap of `type` (0: nothing), if there is any. */
static u64 slot_like(u64 type)
{
    u64 slot = dice(SLOTS);

    for (u32 i = 0; i < 6 && sel4_simple(seL4_SysDebugCapIdentify, slot) != type; i++)
        slot = dice(SLOTS);
    return slot;
}

/* For an operation on the workers' CNode: on a cap that may be counted, waited for or derived from, or from
 * such a cap to an empty slot. */
static void likely_slots(u64 label, u64 words[8])
{
    static const u8 types[THEMES][4] = {[THEME_ALL] = {2, 4, 6, 12}, [THEME_MEETINGS] = {4, 4, 6, 6}};
    u64 slot = dice(3) ? slot_like(types[theme][dice(4)]) : SLOT_ENDPOINT + dice(2);
    bool one_slot = label == CNodeDelete || label == CNodeRevoke || label == CNodeCancelBadgedSends;

    words[0] = one_slot ? slot : slot_like(0);
    words[2] = slot;
    words[4] = seL4_AllRights.words[0];
    words[5] = dice(3);
}

static void random_words(u64 label, u64 words[8])
{
    for (u32 i = 0; i < 8; i++)
        words[i] = dice(50) ? dice(SLOTS) : ~dice(100);
    switch (label) {
    case UntypedRetype:
        words[0] = dice(9);
        words[1] = words[0] == seL4_CapTableObject ? 1 + dice(4) : dice(2) ? 12 : 4 + dice(10);
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
        } else if (dice(3) <= theme) {
            likely_slots(label, words);
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

/* A capability to use. */
static u64 random_cap(void)
{
    static const u8 meetings[] = {SLOT_CNODE,        SLOT_CNODE,       SLOT_CNODE,   SLOT_CNODE,
                                  SLOT_TCB,          SLOT_TCB + 1,     SLOT_TCB + 2, SLOT_ENDPOINT,
                                  SLOT_NOTIFICATION, SLOT_NOTIFICATION};

    if (dice(3) > theme)
        return dice(SLOTS);
    return theme == THEME_MEETINGS ? meetings[dice(ARRAY_SIZE(meetings))]
                                   : SLOT_CNODE + dice(SLOT_FREE - SLOT_CNODE);
}

/* One call. Arguments go to the kernel through the worker's own mapped buffer, whether the kernel reads that
 * or another. */
static void random_call(seL4_IPCBuffer *buffer)
{
    u64 cptr = random_cap(), type = sel4_simple(seL4_SysDebugCapIdentify, cptr), label = label_for(type);
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
    if (label >= CNodeRevoke && label <= CNodeSaveCaller && dice(2))
        buffer->caps_or_badges[0] = SLOT_CNODE;
    if (label == TCBBindNotification && dice(2))
        buffer->caps_or_badges[0] = slot_like(6);
    if (label == RISCVASIDControlMakePool && dice(2)) {
        buffer->caps_or_badges[0] = slot_like(2);
        buffer->caps_or_badges[1] = SLOT_CNODE;
    }
    if (label == TCBSetPriority || label == TCBSetMCPriority || label == TCBSetSchedParams)
        buffer->caps_or_badges[0] = SLOT_TCB + dice(WORKERS);
    buffer->receiveCNode = SLOT_CNODE;
    buffer->receiveIndex = dice(SLOTS);
    buffer->receiveDepth = RADIX;
    message = seL4_MessageInfo_new(label, 0, caps, length).words[0];
    sel4_exchange(number, cptr, &message, words);
}

static void worker(u64 buffer, u64 waits)
{
    if (waits)
        sel4_simple(seL4_SysRecv, SLOT_NOTIFICATION);
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

/* Gives the cap away. */
static void hand(seL4_CPtr cnode, u64 slot, seL4_CPtr cap)
{
    OK(seL4_CNode_Move(cnode, slot, RADIX, CNODE, cap, 64));
}

/* A world for the workers, all of it from the pool. Half the time the notification is bound to `waiter`. */
static void begin_round(struct helper *helpers[WORKERS], u64 waiter)
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
    hand(cnode, SLOT_UNTYPED, untyped);
    give(cnode, SLOT_POOL, seL4_CapInitThreadASIDPool, 15, 0);
    give(cnode, SLOT_ASID, seL4_CapASIDControl, 15, 0);
    give(cnode, SLOT_DOMAIN, seL4_CapDomain, 15, 0);
    seL4_CPtr notification = object_new(seL4_NotificationObject, 0);
    if (dice(2))
        OK(seL4_TCB_BindNotification(helpers[waiter]->tcb, notification));
    hand(cnode, SLOT_ENDPOINT, object_new(seL4_EndpointObject, 0));
    hand(cnode, SLOT_NOTIFICATION, notification);
    tables_new(VSPACE, AT);
    for (u32 i = 0; i < FRAMES; i++)
        hand(cnode, SLOT_FREE + i, page_new(VSPACE, AT + i * PAGE_SIZE));
}

/* Plays one round of `calls`. Fewer are made if the workers have killed each other. */
static u64 play_round(u64 calls)
{
    struct helper *helpers[WORKERS];
    u64 waiter = dice(WORKERS);

    begin_round(helpers, waiter);
    round_calls = calls;
    for (u32 i = 0; i < WORKERS; i++) {
        helper_start(helpers[i], worker, (u64)helpers[i]->buffer, i == waiter);
        if (dice(2))
            OK(seL4_CNode_Delete(CNODE, helpers[i]->tcb, 64));
    }
    /* Below the workers: each lowering lets them run until all wait. */
    for (u32 turn = 0; turn < 200 && round_calls > 0; turn++) {
        OK(seL4_TCB_SetPriority(TCB, TCB, PRIORITY - 10));
        OK(seL4_TCB_SetPriority(TCB, TCB, seL4_MaxPrio));
        for (u32 i = 0; i < WORKERS; i++) {
            if (slot_is_empty(helpers[i]->tcb))
                continue;
            OK(seL4_TCB_Suspend(helpers[i]->tcb));
            OK(seL4_TCB_SetSchedParams(helpers[i]->tcb, TCB, PRIORITY + 2, PRIORITY + i));
            helper_start(helpers[i], worker, (u64)helpers[i]->buffer, 0);
        }
    }
    calls -= round_calls;
    round_calls = 0; /* no worker runs any more: we are above them until all are gone */
    return calls;
}

void fuzz(u64 calls, u64 seed)
{
    u64 made = 0, rounds = 0;

    state = seed ? seed : 1;
    for (; made < calls; rounds++) {
        theme = rounds % THEMES;
        made += play_round(calls - made < ROUND_CALLS ? calls - made : ROUND_CALLS);
        end_test();
    }
    print("fuzz: %lu calls in %lu rounds, seed %lu\n", made, rounds, seed);
}
