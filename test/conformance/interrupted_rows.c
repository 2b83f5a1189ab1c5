/* Long operations that an interrupt cuts in two, and what can be seen in between: sections 8.4 and 12.4 of
 * the sheet. The names say section and subject. */
#include "test/conformance/conformance.h"

#define WORKING  100     /* our priority while we do the long work */
#define WATCHING 200     /* that of the helper, which the clock wakes */
#define DELAY    1000000 /* nanoseconds */
#define ATTEMPTS 20      /* the interrupt may come before the work, or behind it */

/* The work is on `work_slot`; a watcher looks at it when the clock has woken it, and may meddle. */
static seL4_CPtr work_slot, spare_slot, work_memory;
static volatile u64 seen; /* what was in the slot then */
static volatile u64 answers[8];

#define ENDPOINTS  32768
#define CNODE_BITS 16
#define ZOMBIE     18 /* what seL4_DebugCapIdentify says of a cap to what is half deleted */

/* A CNode with many endpoints in its lower half, in a new slot. */
static void fill_cnode(void)
{
    work_memory = object_new(seL4_UntypedObject, 22);
    work_slot = slot_new();
    spare_slot = slot_new();
    OK(seL4_Untyped_Retype(work_memory, seL4_CapTableObject, CNODE_BITS, CNODE, 0, 0, work_slot, 1));
    for (u64 i = 0; i < ENDPOINTS; i += 256)
        OK(seL4_Untyped_Retype(work_memory, seL4_EndpointObject, 0, CNODE, work_slot, 64, i, 256));
}

/* Does `work` while `watch` waits for the clock, until that comes in between. `wanted`: what the watcher then
 * leaves in `seen`. */
static void interrupt(void (*watch)(u64 notification, u64 b), u64 (*work)(void), u64 wanted)
{
    seL4_CPtr notification = object_new(seL4_NotificationObject, 0);
    struct helper *watcher = helper_new(0, WATCHING, 0);

    alarm_begin(cap_mint(notification, 15, 1));
    for (u64 attempt = 0; attempt < ATTEMPTS; attempt++) {
        fill_cnode();
        seen = ~0ul;
        helper_start(watcher, watch, notification, 0);
        OK(seL4_TCB_SetPriority(TCB, TCB, WORKING));
        alarm_set(DELAY * (1 + attempt / 4));
        OK(work());
        while (seen == ~0ul)
            ; /* the clock has come at the latest now */
        CHECK(slot_is_empty(work_slot));
        OK(seL4_TCB_SetPriority(TCB, TCB, seL4_MaxPrio));
        if (seen == wanted)
            break;
        OK(seL4_CNode_Revoke(CNODE, work_memory, 64));
        OK(seL4_CNode_Delete(CNODE, work_memory, 64));
    }
    alarm_end();
    EQUAL(seen, wanted);
}

static u64 delete_work(void)
{
    return seL4_CNode_Delete(CNODE, work_slot, 64);
}

/* Waits for the clock; true if it came while the CNode was being deleted. */
static bool caught_zombie(seL4_CPtr notification)
{
    seL4_Wait(notification, NULL);
    alarm_clear();
    return seL4_DebugCapIdentify(work_slot) == ZOMBIE;
}

static _Noreturn void watched(u64 what)
{
    seen = what;
    helper_stop();
}

/* Tries everything one can try with a capability that is half gone. */
static void try_zombie(u64 notification, u64 b)
{
    (void)b;
    if (!caught_zombie(notification))
        watched(0);
    answers[0] = sel4_invoke(work_slot, CNodeRevoke, 0, 2, 1, 64, 0, 0) << 8 | seL4_GetMR(0);
    answers[1] = sel4_invoke(work_slot, TCBSuspend, 0, 0, 0, 0, 0, 0) << 8 | seL4_GetMR(0);
    answers[2] = seL4_CNode_Copy(CNODE, spare_slot, 64, CNODE, work_slot, 64, seL4_AllRights);
    answers[3] = seL4_CNode_Mint(CNODE, spare_slot, 64, CNODE, work_slot, 64, seL4_AllRights, 0);
    answers[4] = seL4_CNode_Copy(CNODE, work_slot, 64, CNODE, TCB, 64, seL4_AllRights);
    answers[5] = seL4_Untyped_Retype(pool, seL4_EndpointObject, 0, CNODE, work_slot, 64, 0, 1);
    answers[6] = seL4_Untyped_Retype(pool, seL4_EndpointObject, 0, CNODE, 0, 0, work_slot, 1);
    answers[7] = seL4_TCB_SetPriority(TCB, work_slot, 1);
    watched(ZOMBIE);
}

static void check_answers(void)
{
    static const u64 wanted[] = {seL4_InvalidCapability << 8,
                                 seL4_InvalidCapability << 8,
                                 seL4_IllegalOperation,
                                 seL4_IllegalOperation,
                                 seL4_DeleteFirst,
                                 seL4_FailedLookup,
                                 seL4_DeleteFirst,
                                 seL4_InvalidCapability};
    for (u32 i = 0; i < ARRAY_SIZE(wanted); i++)
        EQUAL(answers[i], wanted[i]);
    CHECK(slot_is_empty(spare_slot));
}

static void zombie_of_cnode(void)
{
    interrupt(try_zombie, delete_work, ZOMBIE);
    check_answers();
}

/* Somebody else deletes what is half gone; the first to have begun finds its work done. */
static void finish_zombie(u64 notification, u64 b)
{
    (void)b;
    if (!caught_zombie(notification))
        watched(0);
    answers[0] = seL4_CNode_Delete(CNODE, work_slot, 64);
    answers[1] = seL4_DebugCapIdentify(work_slot);
    watched(ZOMBIE);
}

static void zombie_deleted_by_two(void)
{
    interrupt(finish_zombie, delete_work, ZOMBIE);
    EQUAL(answers[0], 0);
    EQUAL(answers[1], 0);
}

/* Somebody else revokes the memory all of it lies in. */
static void revoke_under_zombie(u64 notification, u64 b)
{
    (void)b;
    if (!caught_zombie(notification))
        watched(0);
    answers[0] = seL4_CNode_Revoke(CNODE, work_memory, 64);
    answers[1] = seL4_Untyped_Retype(work_memory, seL4_UntypedObject, 22, CNODE, 0, 0, spare_slot, 1);
    watched(ZOMBIE);
}

static void zombie_revoked(void)
{
    interrupt(revoke_under_zombie, delete_work, ZOMBIE);
    EQUAL(answers[0], 0);
    EQUAL(answers[1], 0);
}

/* A half-deleted cap can be moved; who began goes on with an empty slot, and the rest is deleted where it is.
 */
static void move_zombie(u64 notification, u64 b)
{
    (void)b;
    if (!caught_zombie(notification))
        watched(0);
    answers[0] = seL4_CNode_Move(CNODE, spare_slot, 64, CNODE, work_slot, 64);
    answers[1] = seL4_DebugCapIdentify(spare_slot);
    watched(ZOMBIE);
}

static void zombie_moved(void)
{
    interrupt(move_zombie, delete_work, ZOMBIE);
    EQUAL(answers[0], 0);
    EQUAL(answers[1], 18);
    OK(seL4_CNode_Delete(CNODE, spare_slot, 64));
    CHECK(slot_is_empty(spare_slot));
    OK(seL4_CNode_Revoke(CNODE, work_memory, 64));
    OK(seL4_Untyped_Retype(work_memory, seL4_UntypedObject, 22, CNODE, 0, 0, spare_slot, 1));
}

/* A long Revoke: the watcher finds the first objects there and the last ones gone, or the reverse. */
static u64 revoke_work(void)
{
    u64 error = seL4_CNode_Revoke(CNODE, work_memory, 64);
    return error ? error : seL4_CNode_Delete(CNODE, work_memory, 64);
}

static void look_at_revoke(u64 notification, u64 b)
{
    (void)b;
    seL4_Wait(notification, NULL);
    alarm_clear();
    u64 gone = 0;
    if (!slot_is_empty(work_slot)) {
        gone = seL4_CNode_Copy(CNODE, spare_slot, 64, work_slot, ENDPOINTS - 1, CNODE_BITS, seL4_AllRights) ==
               seL4_FailedLookup;
        if (!gone)
            seL4_CNode_Delete(CNODE, spare_slot, 64);
    }
    watched(gone);
}

static void revoke_in_two(void)
{
    interrupt(look_at_revoke, revoke_work, 1);
}

/* The tick does not take the hart from a thread in the middle of a long operation to give it to its equals.
 */
static void no_turns(void)
{
    static volatile u64 counter;
    struct helper *spinner = helper_new(0, WORKING, 0);

    fill_cnode();
    u64 before = counter;
    OK(seL4_TCB_SetPriority(TCB, TCB, WORKING));
    helper_start(spinner, enter_spin, (u64)&counter, 0);
    while (counter == before)
        ; /* now our slice is new */
    before = counter;
    OK(seL4_CNode_Revoke(CNODE, work_memory, 64));
    EQUAL(counter, before);
    OK(seL4_TCB_SetPriority(TCB, TCB, seL4_MaxPrio));
    CHECK(slot_is_empty(work_slot));
}

const struct test interrupted_rows[] = {
    {"6.0 a CNode half deleted is no capability, but occupies its slot", zombie_of_cnode},
    {"8.4 what one began to delete another deletes to the end", zombie_deleted_by_two},
    {"8.4 what is half deleted goes with the memory it lies in", zombie_revoked},
    {"8.1 what is half deleted can be moved", zombie_moved},
    {"12.4 a long Revoke lets a higher thread in", revoke_in_two},
    {"10.5 a long Revoke is not interrupted for equal threads", no_turns},
    {NULL, NULL},
};
