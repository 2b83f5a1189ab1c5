/* What a message carries: words, badges, caps: sections 9.3 and 9.4 of the sheet. The names say section and
 * subject. */
#include "test/conformance/conformance.h"

#define AT       0x40000000ul
#define BAD_CPTR (1ul << 40)

/* ---- Words --------------------------------------------------------------------------------------------- */

/* Sends with an info word of any kind. */
static void send_raw(u64 cptr, u64 info_word)
{
    struct registers registers = {{cptr, info_word, 1000, 1001, 1002, 1003}};
    system_call(seL4_SysSend, &registers);
    helper_stop();
}

static struct helper *sender_new(u32 n, seL4_CPtr endpoint, u64 info_word)
{
    struct helper *helper = helper_new(n, 254, 0);

    for (u64 i = 0; i < seL4_MsgMaxLength; i++)
        helper->buffer->msg[i] = 1000 + i;
    helper_start(helper, send_raw, endpoint, info_word);
    return helper;
}

/* A received message: its registers, as they were found. */
static struct registers receive(seL4_CPtr endpoint)
{
    struct registers registers = {{endpoint, 0, 92, 93, 94, 95}};

    for (u64 i = 0; i < seL4_MsgMaxLength; i++)
        seL4_SetMR((int)i, 500 + i);
    seL4_GetIPCBuffer()->tag = 0xabcdef;
    system_call(seL4_SysRecv, &registers);
    return registers;
}

/* All lengths: exactly so many words arrive, in registers or in the buffer, and nothing else is written. */
static void lengths(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0), badged = cap_mint(endpoint, 15, ~0ul);
    struct helper *helper = helper_new(0, 254, 0);

    for (u64 length = 0; length <= 127; length++) {
        u64 arrives = length > 120 ? 120 : length;
        for (u64 i = 0; i < seL4_MsgMaxLength; i++)
            helper->buffer->msg[i] = 1000 + i;
        helper_start(helper, send_raw, badged, length);
        struct registers registers = receive(endpoint);
        EQUAL(registers.a[0], ~0ul);
        EQUAL(registers.a[1], arrives);
        for (u64 i = 0; i < 4; i++)
            EQUAL(registers.a[2 + i], i < arrives ? 1000 + i : 92 + i);
        for (u64 i = 0; i < seL4_MsgMaxLength; i++)
            EQUAL(seL4_GetMR((int)i), i < 4 || i >= arrives ? 500 + i : 1000 + i);
        EQUAL(seL4_GetIPCBuffer()->tag, 0xabcdef);
    }
}

static void whole_label(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);

    /* The bits of unwrapped caps are the receiver's to get, not the sender's to set. */
    sender_new(0, endpoint, 0xfedcba987654ful << 12 | 7ul << 9 | 2);
    EQUAL(receive(endpoint).a[1], 0xfedcba987654ful << 12 | 2);
}

static void sender_without_buffer(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    struct helper *helper = helper_new(0, 254, 0);

    OK(seL4_TCB_SetIPCBuffer(helper->tcb, 0, CNODE));
    helper_start(helper, send_raw, endpoint, 3ul << 7 | 9);
    EQUAL(receive(endpoint).a[1], 4);
}

/* A frame cap without write is enough to send from. */
static void sender_with_read_only_buffer(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    struct helper *helper = helper_new(0, 254, 0);

    OK(seL4_TCB_SetIPCBuffer(helper->tcb, (u64)helper->buffer, cap_copy(helper->buffer_frame, 2)));
    for (u64 i = 0; i < seL4_MsgMaxLength; i++)
        helper->buffer->msg[i] = 1000 + i;
    helper_start(helper, send_raw, endpoint, 120);
    EQUAL(receive(endpoint).a[1], 120);
    EQUAL(seL4_GetMR(119), 1119);
}

/* A frame cap without any access is no buffer at all. */
static void sender_with_unreadable_buffer(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    struct helper *helper = helper_new(0, 254, 0);

    OK(seL4_TCB_SetIPCBuffer(helper->tcb, (u64)helper->buffer, cap_copy(helper->buffer_frame, 1)));
    helper->buffer->caps_or_badges[0] = BAD_CPTR;
    helper_start(helper, send_raw, endpoint, 1ul << 7 | 120);
    EQUAL(receive(endpoint).a[1], 4);
}

static volatile u64 received[6];

static void receive_raw(u64 cptr, u64 b)
{
    struct registers registers = {{cptr, 0, 92, 93, 94, 95}};

    (void)b;
    system_call(seL4_SysRecv, &registers);
    for (u64 i = 0; i < 6; i++)
        received[i] = registers.a[i];
    helper_stop();
}

/* How many of 20 words and one cap reach a receiver whose buffer is the frame of `buffer` (0: none). */
static u64 receive_with(u32 n, seL4_CPtr buffer_rights)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0), target = slot_new();
    struct helper *helper = helper_new(n, 254, 0);

    if (buffer_rights)
        OK(seL4_TCB_SetIPCBuffer(helper->tcb, (u64)helper->buffer,
                                 cap_copy(helper->buffer_frame, buffer_rights)));
    else
        OK(seL4_TCB_SetIPCBuffer(helper->tcb, 0, CNODE));
    helper->buffer->receiveCNode = CNODE;
    helper->buffer->receiveIndex = target;
    helper->buffer->receiveDepth = 64;
    helper_start(helper, receive_raw, endpoint, 0);
    let_run();
    seL4_SetCap(0, TCB);
    seL4_Send(endpoint, seL4_MessageInfo_new(3, 0, 1, 20));
    let_run();
    EQUAL(slot_is_empty(target), buffer_rights != 3);
    return received[1];
}

static void receiver_without_buffer(void)
{
    EQUAL(receive_with(0, 0), 3ul << 12 | 4);
}

static void receiver_with_read_only_buffer(void)
{
    EQUAL(receive_with(0, 2), 3ul << 12 | 4);
    EQUAL(receive_with(1, 3), 3ul << 12 | 1ul << 7 | 20);
}

/* The buffer's frame is revoked: the thread has none any more. */
static void buffer_revoked(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    struct helper *helper = helper_new(0, 254, 0);

    OK(seL4_CNode_Revoke(CNODE, helper->buffer_frame, 64));
    helper_start(helper, send_raw, endpoint, 20);
    EQUAL(receive(endpoint).a[1], 4);
}

/* The message of a queued sender is what its registers and its buffer hold when it is received. */
static void read_late(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0);
    struct helper *helper = sender_new(0, endpoint, 9);
    seL4_UserContext context;

    let_run();
    OK(seL4_TCB_ReadRegisters(helper->tcb, 0, 0, 32, &context));
    context.a1 = 5ul << 12 | 6;
    context.a3 = 31;
    OK(seL4_TCB_WriteRegisters(helper->tcb, 0, 0, 32, &context));
    helper->buffer->msg[5] = 51;
    struct registers registers = receive(endpoint);
    EQUAL(registers.a[1], 5ul << 12 | 6);
    EQUAL(registers.a[2], 1000);
    EQUAL(registers.a[3], 31);
    EQUAL(seL4_GetMR(5), 51);
}

/* ---- Caps ---------------------------------------------------------------------------------------------- */

/* Sends up to three caps to ourselves by way of helper 0; what arrives is described by the info word. Each
 * test has its own target slot. */
struct parcel {
    seL4_CPtr endpoint, target;
    struct helper *helper;
};

static struct parcel parcel_new(void)
{
    struct parcel parcel = {object_new(seL4_EndpointObject, 0), slot_new(), helper_new(0, 254, 0)};

    seL4_SetCapReceivePath(CNODE, parcel.target, 64);
    return parcel;
}

/* Returns extraCaps << 3 | capsUnwrapped. */
static u64 parcel_send(struct parcel *parcel, u64 count, seL4_CPtr a, seL4_CPtr b, seL4_CPtr c)
{
    parcel->helper->buffer->msg[0] = a;
    parcel->helper->buffer->msg[1] = b;
    parcel->helper->buffer->msg[2] = c;
    helper_start(parcel->helper, enter_call_with_caps, parcel->endpoint, count);
    seL4_MessageInfo_t message = seL4_Recv(parcel->endpoint, NULL);
    return seL4_MessageInfo_get_extraCaps(message) << 3 | seL4_MessageInfo_get_capsUnwrapped(message);
}

/* These arrive, as what they are. */
static void transferable(void)
{
    struct parcel parcel = parcel_new();
    seL4_CPtr handler = slot_new();

    OK(seL4_IRQControl_Get(seL4_CapIRQControl, IRQ_UNUSED, CNODE, handler, 64));
    seL4_CPtr caps[] = {TCB,
                        CNODE,
                        VSPACE,
                        seL4_CapASIDControl,
                        seL4_CapInitThreadASIDPool,
                        seL4_CapDomain,
                        seL4_CapInitThreadIPCBuffer,
                        handler,
                        object_new(seL4_EndpointObject, 0),
                        object_new(seL4_NotificationObject, 0),
                        object_new(seL4_UntypedObject, 12)};
    for (u32 i = 0; i < ARRAY_SIZE(caps); i++) {
        EQUAL(parcel_send(&parcel, 1, caps[i], 0, 0), 1 << 3);
        EQUAL(seL4_DebugCapIdentify(parcel.target), seL4_DebugCapIdentify(caps[i]));
        OK(seL4_CNode_Delete(CNODE, parcel.target, 64));
    }
}

/* These do not, and end the transfer without an error. */
static void not_transferable(void)
{
    struct parcel parcel = parcel_new();
    seL4_CPtr used = object_new(seL4_UntypedObject, 12), saved = slot_new(),
              other = object_new(seL4_EndpointObject, 0);

    OK(seL4_Untyped_Retype(used, seL4_EndpointObject, 0, CNODE, 0, 0, slot_new(), 1));
    helper_start(helper_new(1, 254, 0), enter_call, other, 0);
    seL4_Recv(other, NULL);
    OK(seL4_CNode_SaveCaller(CNODE, saved, 64));
    seL4_CPtr caps[] = {slot_new(), seL4_CapIRQControl, object_new(seL4_RISCV_PageTableObject, 0), used,
                        saved};
    for (u32 i = 0; i < ARRAY_SIZE(caps); i++) {
        EQUAL(parcel_send(&parcel, 1, caps[i], 0, 0), 0);
        EQUAL(parcel_send(&parcel, 2, caps[i], TCB, 0), 0);
        EQUAL(parcel_send(&parcel, 3, parcel.endpoint, caps[i], parcel.endpoint), 1 << 3 | 1);
        CHECK(slot_is_empty(parcel.target));
    }
    EQUAL(seL4_DebugCapIdentify(saved), 8);
}

static void order_of_caps(void)
{
    struct parcel parcel = parcel_new();
    seL4_CPtr badged = cap_mint(parcel.endpoint, 1, 0x99);

    EQUAL(parcel_send(&parcel, 3, TCB, badged, parcel.endpoint), 3 << 3 | 6);
    EQUAL(seL4_GetBadge(1), 0x99);
    EQUAL(seL4_GetBadge(2), 0);
    EQUAL(seL4_DebugCapIdentify(parcel.target), 12);
    OK(seL4_CNode_Delete(CNODE, parcel.target, 64));
    EQUAL(parcel_send(&parcel, 3, badged, TCB, TCB), 2 << 3 | 1);
    OK(seL4_CNode_Delete(CNODE, parcel.target, 64));
    EQUAL(parcel_send(&parcel, 3, TCB, CNODE, badged), 1 << 3);
    EQUAL(seL4_DebugCapIdentify(parcel.target), 12);
}

/* A badge needs no place to be put in. */
static void unwrap_without_slot(void)
{
    struct parcel parcel = parcel_new();

    seL4_SetCapReceivePath(0, 0, 0);
    EQUAL(parcel_send(&parcel, 2, parcel.endpoint, parcel.endpoint, 0), 2 << 3 | 3);
    EQUAL(parcel_send(&parcel, 2, parcel.endpoint, TCB, 0), 1 << 3 | 1);
}

/* Each way in which the receiver's words name no empty slot. */
static void receive_paths(void)
{
    struct parcel parcel = parcel_new();
    seL4_CPtr small = object_new(seL4_CapTableObject, 4);
    const struct {
        u64 cnode, index, depth;
    } bad[] = {{0, 0, 0},
               {CNODE, parcel.target, 0},
               {CNODE, parcel.target, 65},
               {CNODE, parcel.target, 13},
               {BAD_CPTR, parcel.target, 64},
               {TCB, parcel.target, 64},
               {slot_new(), parcel.target, 64},
               {CNODE, TCB, 64},
               {CNODE, BAD_CPTR, 64},
               {small, 3, 3},
               {small, 0x30, 8}};
    for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
        seL4_SetCapReceivePath(bad[i].cnode, bad[i].index, bad[i].depth);
        EQUAL(parcel_send(&parcel, 1, TCB, 0, 0), 0);
        CHECK(slot_is_empty(parcel.target));
    }
    seL4_SetCapReceivePath(small, 3, 4);
    EQUAL(parcel_send(&parcel, 1, TCB, 0, 0), 1 << 3);
    OK(seL4_CNode_Delete(small, 3, 4));
    /* Bits above the depth do not count. */
    seL4_SetCapReceivePath(small, 0x123, 4);
    EQUAL(parcel_send(&parcel, 1, TCB, 0, 0), 1 << 3);
    OK(seL4_CNode_Move(CNODE, parcel.target, 64, small, 3, 4));
}

/* The caps are looked up again when they are handed over: one that is gone by then stops, one whose path has
 * gone leaves the message without any. */
static void caps_looked_up_late(void)
{
    struct parcel parcel = parcel_new();
    seL4_CPtr doomed = cap_copy(TCB, 15);
    seL4_MessageInfo_t message;

    parcel.helper->buffer->msg[0] = parcel.endpoint;
    parcel.helper->buffer->msg[1] = doomed;
    helper_start(parcel.helper, enter_call_with_caps, parcel.endpoint, 2);
    let_run();
    OK(seL4_CNode_Delete(CNODE, doomed, 64));
    message = seL4_Recv(parcel.endpoint, NULL);
    EQUAL(message.words[0], 1ul << 9 | 1ul << 7);
    helper_start(parcel.helper, enter_call_with_caps, parcel.endpoint, 2);
    let_run();
    parcel.helper->buffer->caps_or_badges[1] = BAD_CPTR;
    message = seL4_Recv(parcel.endpoint, NULL);
    EQUAL(message.words[0], 0);
}

static void without_grant(void)
{
    struct parcel parcel = parcel_new();
    seL4_CPtr endpoint = parcel.endpoint;

    for (u64 right = 1; right <= 8; right *= 2) {
        parcel.endpoint = cap_copy(endpoint, 15 & ~right);
        if (right == 1)
            continue; /* it cannot send */
        helper_start(parcel.helper, enter_call_with_caps, parcel.endpoint, 0);
        seL4_Recv(endpoint, NULL);
        parcel.helper->buffer->msg[0] = endpoint;
        parcel.helper->buffer->msg[1] = TCB;
        helper_start(parcel.helper, enter_call_with_caps, parcel.endpoint, 2);
        EQUAL(seL4_Recv(endpoint, NULL).words[0], right == 4 ? 0 : 1ul << 9 | 2ul << 7);
        OK(seL4_CNode_Delete(CNODE, parcel.target, 64));
    }
}

/* What arrives is a copy as by CNode Copy with all rights: a badge, rights and place in the derivation. */
static void copies(void)
{
    struct parcel parcel = parcel_new();
    seL4_CPtr other = object_new(seL4_EndpointObject, 0), badged = cap_mint(other, 3, 7), copy = slot_new();

    EQUAL(parcel_send(&parcel, 1, badged, 0, 0), 1 << 3);
    EQUAL(seL4_CNode_Mint(CNODE, copy, 64, CNODE, parcel.target, 64, seL4_AllRights, 7),
          seL4_IllegalOperation);
    EQUAL(seL4_CNode_CancelBadgedSends(CNODE, parcel.target, 64), seL4_IllegalOperation); /* rights 3 */
    OK(seL4_CNode_Revoke(CNODE, badged, 64));
    CHECK(slot_is_empty(parcel.target));
    EQUAL(parcel_send(&parcel, 1, other, 0, 0), 1 << 3);
    OK(seL4_CNode_CancelBadgedSends(CNODE, parcel.target, 64));
}

static void untyped_arrives(void)
{
    struct parcel parcel = parcel_new();
    seL4_CPtr untyped = object_new(seL4_UntypedObject, 12), object = slot_new();

    EQUAL(parcel_send(&parcel, 1, untyped, 0, 0), 1 << 3);
    FAILS1(seL4_Untyped_Retype(untyped, seL4_EndpointObject, 0, CNODE, 0, 0, object, 1), seL4_NotEnoughMemory,
           0);
    OK(seL4_Untyped_Retype(parcel.target, seL4_EndpointObject, 0, CNODE, 0, 0, object, 1));
    OK(seL4_CNode_Revoke(CNODE, untyped, 64));
    CHECK(slot_is_empty(parcel.target) && slot_is_empty(object));
}

static void frame_arrives_unmapped(void)
{
    struct parcel parcel = parcel_new();
    seL4_CPtr frame = page_new(VSPACE, AT);

    EQUAL(parcel_send(&parcel, 1, frame, 0, 0), 1 << 3);
    OK(seL4_RISCV_Page_Map(parcel.target, VSPACE, AT + PAGE_SIZE, seL4_AllRights, 0));
    *(volatile u64 *)AT = 5;
    EQUAL(*(volatile u64 *)(AT + PAGE_SIZE), 5);
    OK(seL4_CNode_Delete(CNODE, parcel.target, 64));
    EQUAL(*(volatile u64 *)AT, 5);
}

/* A cap travels with a Send as well, and to a receiver that waits. */
static void send_caps(u64 endpoint, u64 cap)
{
    seL4_SetCap(0, cap);
    seL4_Send(endpoint, seL4_MessageInfo_new(0, 0, 1, 0));
    helper_stop();
}

static void cap_by_send(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0), target = slot_new();

    seL4_SetCapReceivePath(CNODE, target, 64);
    helper_start(helper_new(0, 100, 0), send_caps, endpoint, TCB);
    EQUAL(seL4_Recv(endpoint, NULL).words[0], 1ul << 7);
    EQUAL(seL4_DebugCapIdentify(target), 12);
}

const struct test transfer_rows[] = {
    {"9.3 each length, to the word; lengths above 120 are 120", lengths},
    {"9.3 a label of 52 bits", whole_label},
    {"9.3 a sender without a buffer: four words, no caps", sender_without_buffer},
    {"4.5 a sender may have a buffer it cannot write", sender_with_read_only_buffer},
    {"4.5 a buffer that cannot be read is none", sender_with_unreadable_buffer},
    {"9.3 a receiver without a buffer: four words, no caps", receiver_without_buffer},
    {"4.5 a receiver needs a buffer it can write", receiver_with_read_only_buffer},
    {"4.5 a buffer whose frame is revoked is none", buffer_revoked},
    {"9.1 the message of a queued sender is read when it is received", read_late},
    {"9.4 what can be handed over", transferable},
    {"9.4 what cannot, ends the transfer", not_transferable},
    {"9.4 caps and badges in any order, one cap at most", order_of_caps},
    {"9.4 a badge needs no slot", unwrap_without_slot},
    {"9.4 each way to offer no slot, and two to offer one", receive_paths},
    {"9.4 the caps are looked up when they are handed over", caps_looked_up_late},
    {"9.4 without the right to grant nothing goes, not even a badge", without_grant},
    {"9.4 what arrives is a copy, with its rights and its badge", copies},
    {"9.4 an untyped arrives as a child, which takes all", untyped_arrives},
    {"9.4 a frame arrives unmapped", frame_arrives_unmapped},
    {"9.4 a cap with a Send to a thread that waits", cap_by_send},
    {NULL, NULL},
};
