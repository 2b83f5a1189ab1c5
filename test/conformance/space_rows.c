/* Threads in address spaces of their own, and what happens when a thread loses or changes its own:
 * sections 6.4, 8.4, 9 and 11.4 of the sheet. The names say section and subject. */
#include "test/conformance/conformance.h"

#define FOREIGN 0xc1 /* a system call seL4 does not have: a fault at will */

static seL4_CPtr asid_pool_new(void)
{
    seL4_CPtr asid_pool = slot_new();
    OK(seL4_RISCV_ASIDControl_MakePool(seL4_CapASIDControl, object_new(seL4_UntypedObject, 12), CNODE,
                                       asid_pool, 64));
    return asid_pool;
}

static void map_copy(seL4_CPtr space, seL4_CPtr frame, u64 address)
{
    seL4_CPtr copy = cap_copy(frame, 15);

    if (seL4_RISCV_Page_Map(copy, space, address, seL4_AllRights, 0) == seL4_NoError)
        return;
    tables_new(space, address);
    OK(seL4_RISCV_Page_Map(copy, space, address, seL4_AllRights, 0));
}

/* A second address space with all of this image in it, where it is here. */
static seL4_CPtr space_like_ours(seL4_CPtr asid_pool)
{
    seL4_CPtr space = object_new(seL4_RISCV_PageTableObject, 0);
    u64 frames = info->userImageFrames.end - info->userImageFrames.start;
    u64 image = (u64)info->ipcBuffer - frames * PAGE_SIZE;

    OK(seL4_RISCV_ASIDPool_Assign(asid_pool, space));
    for (u64 i = 0; i < frames; i++)
        map_copy(space, info->userImageFrames.start + i, image + i * PAGE_SIZE);
    return space;
}

/* Helper `n`, in `space`, with its buffer there. */
static struct helper *helper_in(seL4_CPtr space, u32 n, u64 priority, seL4_CPtr fault)
{
    struct helper *helper = helper_new(n, priority, 0);

    map_copy(space, helper->buffer_frame, (u64)helper->buffer);
    OK(seL4_TCB_SetSpace(helper->tcb, fault, CNODE, 0, space, 0));
    return helper;
}

static void expect_fetch_fault(seL4_CPtr endpoint)
{
    EQUAL(seL4_Recv(endpoint, NULL).words[0], (u64)seL4_Fault_VMFault << 12 | 4);
    EQUAL(seL4_GetMR(0), seL4_GetMR(1)); /* the next instruction is the one that is missing */
    EQUAL(seL4_GetMR(2), 1);
    EQUAL(seL4_GetMR(3), 1);
}

/* ---- Messages between spaces --------------------------------------------------------------------------- */

static const u8 lengths[] = {0, 1, 3, 4, 5, 64, 120};

/* Calls with each length and expects each word back, one more. */
static void caller(u64 endpoint, u64 b)
{
    (void)b;
    for (u32 i = 0; i < ARRAY_SIZE(lengths); i++) {
        for (u64 word = 0; word < lengths[i]; word++)
            seL4_SetMR((int)word, i * 1000 + word);
        seL4_MessageInfo_t answer = seL4_Call(endpoint, seL4_MessageInfo_new(i, 0, 0, lengths[i]));
        if (answer.words[0] != ((u64)(i + 1) << 12 | lengths[i]))
            helper_stop();
        for (u64 word = 0; word < lengths[i]; word++) {
            if (seL4_GetMR((int)word) != i * 1000 + word + 1)
                helper_stop();
        }
        steps++;
    }
    helper_stop();
}

/* Calls between two spaces, at priorities that take the short ways and at ones that do not. */
static void calls(void)
{
    static const u8 priorities[] = {255, 254, 100};

    for (u32 n = 0; n < ARRAY_SIZE(priorities); n++) {
        seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
        seL4_CPtr space = space_like_ours(seL4_CapInitThreadASIDPool);
        steps = 0;
        helper_start(helper_in(space, n, priorities[n], 0), caller, cap_mint(endpoint, 15, 6), 0);
        seL4_Word badge;
        seL4_MessageInfo_t message = seL4_Recv(endpoint, &badge);
        for (u32 i = 0;; i++) {
            EQUAL(badge, 6);
            EQUAL(message.words[0], (u64)i << 12 | lengths[i]);
            for (u64 word = 0; word < lengths[i]; word++) {
                EQUAL(seL4_GetMR((int)word), i * 1000 + word);
                seL4_SetMR((int)word, i * 1000 + word + 1);
            }
            message = seL4_MessageInfo_new(i + 1, 0, 0, lengths[i]);
            if (i == ARRAY_SIZE(lengths) - 1)
                break;
            message = seL4_ReplyRecv(endpoint, message, &badge);
        }
        seL4_Reply(message);
        let_run();
        EQUAL(steps, ARRAY_SIZE(lengths));
        OK(seL4_CNode_Revoke(CNODE, pool, 64));
    }
}

/* System calls of another system, handled across spaces: the register the answer is in changes, no other. */
static void foreign_caller(u64 rounds, u64 b)
{
    (void)b;
    for (u64 i = 0; i < rounds; i++) {
        struct registers registers = {{i, 11, 12, 13, 14, 15}};
        system_call(FOREIGN, &registers);
        if (registers.a[0] != i * 2)
            helper_stop();
        for (u64 j = 1; j < 6; j++) {
            if (registers.a[j] != 10 + j)
                helper_stop();
        }
        steps++;
    }
    helper_stop();
}

static void foreign_calls(void)
{
    static const u8 priorities[] = {255, 254};

    for (u32 n = 0; n < ARRAY_SIZE(priorities); n++) {
        seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
        seL4_CPtr space = space_like_ours(seL4_CapInitThreadASIDPool);
        steps = 0;
        helper_start(helper_in(space, n, priorities[n], endpoint), foreign_caller, 10, 0);
        seL4_MessageInfo_t message = seL4_Recv(endpoint, NULL);
        for (u64 i = 0;; i++) {
            EQUAL(message.words[0], (u64)seL4_Fault_UnknownSyscall << 12 | 11);
            EQUAL(seL4_GetMR(3), i);
            seL4_SetMR(0, seL4_GetMR(0) + 4);
            seL4_SetMR(3, i * 2);
            message = seL4_MessageInfo_new(0, 0, 0, 4);
            if (i == 9)
                break;
            message = seL4_ReplyRecv(endpoint, message, NULL);
        }
        seL4_Reply(message);
        let_run();
        EQUAL(steps, 10);
        OK(seL4_CNode_Revoke(CNODE, pool, 64));
    }
}

/* ---- Oneself ------------------------------------------------------------------------------------------- */

static volatile u64 change_to; /* a space, for the helper to change to */

static void change_space(u64 tcb, u64 fault)
{
    u64 error = seL4_TCB_SetSpace(tcb, fault, CNODE, 0, change_to, 0);
    seL4_Yield(); /* a kernel may look at the space only when it chooses who runs */
    steps = error + 1;
    steps = steps * 10 + 2;
    helper_stop();
}

/* A thread gives itself another space, and goes on in it; one without its code is its end. */
static void own_space(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0),
              empty = object_new(seL4_RISCV_PageTableObject, 0);
    struct helper *helper = helper_new(0, 254, endpoint);

    OK(seL4_RISCV_ASIDPool_Assign(seL4_CapInitThreadASIDPool, empty));
    change_to = space_like_ours(seL4_CapInitThreadASIDPool);
    map_copy(change_to, helper->buffer_frame, (u64)helper->buffer);
    helper_start(helper, change_space, helper->tcb, endpoint);
    let_run();
    EQUAL(steps, 12);
    change_to = empty;
    steps = 0;
    helper_start(helper, change_space, helper->tcb, endpoint);
    expect_fetch_fault(endpoint);
    EQUAL(steps, 0);
    OK(seL4_TCB_SetSpace(helper->tcb, endpoint, CNODE, 0, VSPACE, 0));
    seL4_Reply(seL4_MessageInfo_new(0, 0, 0, 0));
    let_run();
    EQUAL(steps, 12);
}

static void lose(u64 invocation, u64 cap)
{
    sel4_invoke(CNODE, invocation, 0, 2, cap, 64, 0, 0);
    seL4_Yield();
    enter_note(2, 0);
}

/* A thread revokes the cap its own space was made of: that is the end of the copy in its TCB. */
static void own_space_revoked(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    seL4_CPtr space = space_like_ours(seL4_CapInitThreadASIDPool);
    struct helper *helper = helper_in(space, 0, 254, endpoint);

    steps = 0;
    helper_start(helper, lose, CNodeRevoke, space);
    expect_fetch_fault(endpoint);
    OK(seL4_TCB_SetSpace(helper->tcb, endpoint, CNODE, 0, space, 0));
    seL4_Reply(seL4_MessageInfo_new(0, 0, 0, 0));
    let_run();
    EQUAL(steps, 2);
}

/* Or it deletes the pool its ASID is of. */
static void own_pool_deleted(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0), asid_pool = asid_pool_new();
    seL4_CPtr space = space_like_ours(asid_pool);
    struct helper *helper = helper_in(space, 0, 254, endpoint);

    steps = 0;
    helper_start(helper, enter_note, 1, 0);
    let_run();
    EQUAL(steps, 1);
    helper_start(helper, lose, CNodeDelete, asid_pool);
    expect_fetch_fault(endpoint);
    OK(seL4_TCB_SetSpace(helper->tcb, endpoint, CNODE, 0, space, 0)); /* it passes for one still */
    seL4_Reply(seL4_MessageInfo_new(0, 0, 0, 0));
    expect_fetch_fault(endpoint);
    OK(seL4_TCB_SetSpace(helper->tcb, endpoint, CNODE, 0, VSPACE, 0));
    seL4_Reply(seL4_MessageInfo_new(0, 0, 0, 0));
    let_run();
    EQUAL(steps, 12);
}

/* The pool of another thread's space goes while that waits: it faults when it would go on. */
static void other_pool_deleted(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0), fault = object_new(seL4_EndpointObject, 0);
    seL4_CPtr asid_pool = asid_pool_new(), space = space_like_ours(asid_pool);

    helper_start(helper_in(space, 0, 254, fault), enter_call, endpoint, 0);
    seL4_Recv(endpoint, NULL);
    OK(seL4_CNode_Delete(CNODE, asid_pool, 64));
    seL4_Reply(seL4_MessageInfo_new(0, 0, 0, 0));
    expect_fetch_fault(fault);
}

/* A thread gives itself another CSpace: its next system call is in that. */
static void change_cspace(u64 tcb, u64 cnode)
{
    seL4_TCB_SetSpace(tcb, 1ul << 60, cnode, 0, VSPACE, 0);
    seL4_Call(2ul << 60, seL4_MessageInfo_new(5, 0, 0, 0));
    seL4_Call(3ul << 60, seL4_MessageInfo_new(6, 0, 0, 0)); /* nothing there: it comes back at once */
    seL4_Call(2ul << 60, seL4_MessageInfo_new(7, 0, 0, 0));
    seL4_Wait(3ul << 60, NULL);
    helper_stop();
}

static void own_cspace(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0), cnode = object_new(seL4_CapTableObject, 4);
    struct helper *helper = helper_new(0, 254, 0);

    OK(seL4_CNode_Copy(cnode, 1, 4, CNODE, endpoint, 64, seL4_AllRights));
    OK(seL4_CNode_Copy(cnode, 2, 4, CNODE, endpoint, 64, seL4_AllRights));
    helper_start(helper, change_cspace, helper->tcb, cnode);
    EQUAL(seL4_MessageInfo_get_label(seL4_Recv(endpoint, NULL)), 5);
    EQUAL(seL4_MessageInfo_get_label(seL4_ReplyRecv(endpoint, seL4_MessageInfo_new(0, 0, 0, 0), NULL)), 7);
    EQUAL(seL4_MessageInfo_get_label(seL4_ReplyRecv(endpoint, seL4_MessageInfo_new(0, 0, 0, 0), NULL)),
          seL4_Fault_CapFault);
    EQUAL(seL4_GetMR(1), 3ul << 60);
}

/* A thread takes its own buffer away: the next message is cut. */
static void drop_buffer(u64 tcb, u64 endpoint)
{
    seL4_TCB_SetIPCBuffer(tcb, 0, CNODE);
    struct registers registers = {{endpoint, 3ul << 7 | 20, 1, 2, 3, 4}};
    system_call(seL4_SysSend, &registers);
    helper_stop();
}

static void own_buffer(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    struct helper *helper = helper_new(0, 254, 0);

    helper_start(helper, drop_buffer, helper->tcb, endpoint);
    EQUAL(seL4_Recv(endpoint, NULL).words[0], 4);
}

/* A thread copies its registers to another and stops by the same call: the other stands at it. */
static void copy_and_stop(u64 tcb, u64 self)
{
    seL4_TCB_CopyRegisters(tcb, self, 1, 0, 1, 1, 0);
    enter_note(3, 0);
}

static void own_registers(void)
{
    struct helper *helper = helper_new(0, 254, 0);
    seL4_CPtr tcb = object_new(seL4_TCBObject, 0);
    seL4_UserContext mine, copy;

    steps = 0;
    helper_start(helper, copy_and_stop, tcb, helper->tcb);
    let_run();
    OK(seL4_TCB_ReadRegisters(helper->tcb, 0, 0, 32, &mine));
    OK(seL4_TCB_ReadRegisters(tcb, 0, 0, 32, &copy));
    for (u64 i = 0; i < 32; i++)
        EQUAL(((u64 *)&copy)[i], ((u64 *)&mine)[i]);
    EQUAL(mine.a7, (u64)seL4_SysCall);
    OK(seL4_TCB_Resume(helper->tcb)); /* it makes the call again, and stops again */
    let_run();
    EQUAL(steps, 0);
}

const struct test space_rows[] = {
    {"9.3 calls between address spaces", calls},
    {"4.6.3 unknown system calls handled in another address space", foreign_calls},
    {"6.4 SetSpace: a thread changes its own VSpace", own_space},
    {"8.4 a thread revokes its own VSpace", own_space_revoked},
    {"11.4 a thread deletes the pool of its own ASID", own_pool_deleted},
    {"11.4 a thread that waits loses its ASID", other_pool_deleted},
    {"6.4 SetSpace: a thread changes its own CSpace", own_cspace},
    {"6.4 SetIPCBuffer: a thread drops its own buffer", own_buffer},
    {"6.4 CopyRegisters: a thread suspends itself", own_registers},
    {NULL, NULL},
};
