/* Each row of the tables of endpoints, interrupts and domains, and a real interrupt. The names say section
 * and row. */
#include "test/conformance/conformance.h"

/* QEMU virt: the goldfish real-time clock. Its registers, in words: see QEMU's docs/specs, "goldfish_rtc". */
#define RTC_ADDRESS 0x101000ul
#define RTC_IRQ     11
#define DEVICE_AT   0x30000000ul
enum {
    RTC_TIME_LOW,
    RTC_TIME_HIGH,
    RTC_ALARM_LOW,
    RTC_ALARM_HIGH,
    RTC_IRQ_ENABLED,
    RTC_CLEAR_ALARM,
    RTC_ALARM_STATUS,
    RTC_CLEAR_INTERRUPT
};

/* The untyped whose memory holds `address`. */
static seL4_CPtr find_device(u64 address)
{
    for (u64 i = 0; i < info->untyped.end - info->untyped.start; i++) {
        const seL4_UntypedDesc *untyped = &info->untypedList[i];
        if (address - untyped->paddr < 1ul << untyped->sizeBits)
            return info->untyped.start + i;
    }
    return 0;
}

/* The page at `address`: what is before it becomes untypeds that nobody uses. */
static seL4_CPtr frame_at(seL4_CPtr untyped, u64 address)
{
    u64 at = info->untypedList[untyped - info->untyped.start].paddr;

    while (at < address) {
        u64 bits = 12;
        while (at % (2ul << bits) == 0 && at + (2ul << bits) <= address)
            bits++;
        OK(seL4_Untyped_Retype(untyped, seL4_UntypedObject, bits, CNODE, 0, 0, slot_new(), 1));
        at += 1ul << bits;
    }
    seL4_CPtr frame = slot_new();
    OK(seL4_Untyped_Retype(untyped, seL4_RISCV_4K_Page, 0, CNODE, 0, 0, frame, 1));
    EQUAL(seL4_RISCV_Page_GetAddress(frame).paddr, address);
    return frame;
}

static volatile u32 *const clock = (volatile u32 *)DEVICE_AT;
static seL4_CPtr clock_memory, clock_handler;

void alarm_begin(seL4_CPtr notification)
{
    seL4_CPtr frame = slot_new();

    clock_memory = find_device(RTC_ADDRESS);
    clock_handler = slot_new();
    OK(seL4_Untyped_Retype(clock_memory, seL4_UntypedObject, 12, CNODE, 0, 0, frame, 1));
    OK(seL4_CNode_Delete(CNODE, frame, 64));
    frame = frame_at(clock_memory, RTC_ADDRESS);
    tables_new(VSPACE, DEVICE_AT);
    OK(seL4_RISCV_Page_Map(frame, VSPACE, DEVICE_AT, seL4_ReadWrite, seL4_RISCV_ExecuteNever));
    OK(seL4_IRQControl_Get(seL4_CapIRQControl, RTC_IRQ, CNODE, clock_handler, 64));
    OK(seL4_IRQHandler_SetNotification(clock_handler, notification));
}

void alarm_set(u64 delay)
{
    u64 when = clock[RTC_TIME_LOW];

    when += (u64)clock[RTC_TIME_HIGH] << 32;
    when += delay;
    clock[RTC_IRQ_ENABLED] = 1;
    clock[RTC_ALARM_HIGH] = (u32)(when >> 32);
    clock[RTC_ALARM_LOW] = (u32)when;
}

void alarm_clear(void)
{
    clock[RTC_CLEAR_INTERRUPT] = 1;
}

void alarm_end(void)
{
    clock[RTC_IRQ_ENABLED] = 0;
    OK(seL4_CNode_Revoke(CNODE, clock_memory, 64));
}

static void endpoint_right(void)
{
    seL4_CPtr endpoint = object_new(seL4_EndpointObject, 0), deaf = cap_copy(endpoint, 14);
    FAILS1(sel4_invoke(deaf, 0, 0, 0, 0, 0, 0, 0), seL4_InvalidCapability, 0);
    seL4_Send(deaf, seL4_MessageInfo_new(0, 0, 0, 0));
}

static void notification_right(void)
{
    seL4_CPtr notification = object_new(seL4_NotificationObject, 0);
    seL4_Word badge = 1;
    FAILS1(sel4_invoke(cap_mint(notification, 2, 9), 0, 0, 0, 0, 0, 0, 0), seL4_InvalidCapability, 0);
    seL4_Poll(notification, &badge);
    EQUAL(badge, 0);
}

static void get_ok(void)
{
    seL4_CPtr handler = slot_new();
    OK(seL4_IRQControl_Get(seL4_CapIRQControl, IRQ_UNUSED, CNODE, handler, 64));
    EQUAL(seL4_DebugCapIdentify(handler), 16);
}

static void get_1(void)
{
    EQUAL(sel4_invoke(seL4_CapIRQControl, IRQIssueIRQHandler, 0, 3, 0, 0, 0, 0), seL4_TruncatedMessage);
    seL4_SetCap(0, CNODE);
    EQUAL(sel4_invoke(seL4_CapIRQControl, IRQIssueIRQHandler, 1, 2, 0, 0, 0, 0), seL4_TruncatedMessage);
}

static void get_2(void)
{
    FAILS2(seL4_IRQControl_Get(seL4_CapIRQControl, 0, TCB, TCB, 64), seL4_RangeError, 1, 96);
    FAILS2(seL4_IRQControl_Get(seL4_CapIRQControl, 97, TCB, TCB, 64), seL4_RangeError, 1, 96);
}

static void get_3(void)
{
    OK(seL4_IRQControl_Get(seL4_CapIRQControl, IRQ_UNUSED, CNODE, slot_new(), 64));
    EQUAL(seL4_IRQControl_Get(seL4_CapIRQControl, IRQ_UNUSED, TCB, TCB, 64), seL4_RevokeFirst);
    EQUAL(seL4_IRQControl_Get(seL4_CapIRQControl, 96, TCB, TCB, 64), seL4_RevokeFirst);
}

static void get_4(void)
{
    FAILS2(seL4_IRQControl_Get(seL4_CapIRQControl, IRQ_UNUSED, TCB, 1, 64), seL4_FailedLookup, 0,
           seL4_InvalidRoot);
}

static void get_5(void)
{
    EQUAL(seL4_IRQControl_Get(seL4_CapIRQControl, IRQ_UNUSED, CNODE, TCB, 64), seL4_DeleteFirst);
}

static void gettrigger_ok(void)
{
    seL4_CPtr handler = slot_new();
    OK(seL4_IRQControl_GetTrigger(seL4_CapIRQControl, IRQ_UNUSED, 1, CNODE, handler, 64));
    EQUAL(seL4_DebugCapIdentify(handler), 16);
}

static void gettrigger_1(void)
{
    EQUAL(sel4_invoke(seL4_CapIRQControl, RISCVIRQIssueIRQHandlerTrigger, 0, 4, 0, 0, 0, 0),
          seL4_TruncatedMessage);
    seL4_SetCap(0, CNODE);
    EQUAL(sel4_invoke(seL4_CapIRQControl, RISCVIRQIssueIRQHandlerTrigger, 1, 3, 0, 0, 0, 0),
          seL4_TruncatedMessage);
}

static void gettrigger_2(void)
{
    FAILS2(seL4_IRQControl_GetTrigger(seL4_CapIRQControl, 0, 1, TCB, TCB, 64), seL4_RangeError, 1, 96);
    FAILS2(seL4_IRQControl_GetTrigger(seL4_CapIRQControl, 97, 1, TCB, TCB, 64), seL4_RangeError, 1, 96);
}

static void gettrigger_3(void)
{
    OK(seL4_IRQControl_GetTrigger(seL4_CapIRQControl, IRQ_UNUSED, 1, CNODE, slot_new(), 64));
    EQUAL(seL4_IRQControl_GetTrigger(seL4_CapIRQControl, IRQ_UNUSED, 1, TCB, TCB, 64), seL4_RevokeFirst);
    EQUAL(seL4_IRQControl_GetTrigger(seL4_CapIRQControl, 96, 1, TCB, TCB, 64), seL4_RevokeFirst);
}

static void gettrigger_4(void)
{
    FAILS2(seL4_IRQControl_GetTrigger(seL4_CapIRQControl, IRQ_UNUSED, 1, TCB, 1, 64), seL4_FailedLookup, 0,
           seL4_InvalidRoot);
}

static void gettrigger_5(void)
{
    EQUAL(seL4_IRQControl_GetTrigger(seL4_CapIRQControl, IRQ_UNUSED, 1, CNODE, TCB, 64), seL4_DeleteFirst);
}

static void handler_ok(void)
{
    seL4_CPtr handler = slot_new();
    OK(seL4_IRQControl_Get(seL4_CapIRQControl, IRQ_UNUSED, CNODE, handler, 64));
    seL4_CPtr notification = object_new(seL4_NotificationObject, 0);
    OK(seL4_IRQHandler_SetNotification(handler, notification));
    OK(seL4_IRQHandler_SetNotification(handler, cap_mint(notification, 1, 5)));
    OK(seL4_IRQHandler_Ack(handler));
    OK(seL4_IRQHandler_Clear(handler));
    OK(seL4_IRQHandler_Clear(handler));
}

static void handler_1(void)
{
    seL4_CPtr handler = slot_new();
    OK(seL4_IRQControl_Get(seL4_CapIRQControl, IRQ_UNUSED, CNODE, handler, 64));
    EQUAL(sel4_invoke(handler, IRQSetIRQHandler, 0, 0, 0, 0, 0, 0), seL4_TruncatedMessage);
    FAILS1(seL4_IRQHandler_SetNotification(handler, TCB), seL4_InvalidCapability, 0);
    FAILS1(seL4_IRQHandler_SetNotification(handler, cap_copy(object_new(seL4_NotificationObject, 0), 2)),
           seL4_InvalidCapability, 0);
}

static void handler_gone(void)
{
    seL4_CPtr handler = slot_new();
    OK(seL4_IRQControl_Get(seL4_CapIRQControl, IRQ_UNUSED, CNODE, handler, 64));
    OK(seL4_CNode_Copy(CNODE, slot_new(), 64, CNODE, handler, 64, seL4_AllRights));
    OK(seL4_CNode_Revoke(CNODE, seL4_CapIRQControl, 64));
    CHECK(slot_is_empty(handler) && slot_is_empty(handler + 1));
    OK(seL4_IRQControl_Get(seL4_CapIRQControl, IRQ_UNUSED, CNODE, handler, 64));
}

static void rtc(void)
{
    seL4_CPtr notification = object_new(seL4_NotificationObject, 0);
    seL4_Word badge = 0;

    alarm_begin(cap_mint(notification, 15, 0x21));
    for (int round = 0; round < 2; round++) {
        alarm_set(2000000);
        seL4_Wait(notification, &badge);
        EQUAL(badge, 0x21);
        alarm_clear();
    }
    seL4_Poll(notification, &badge);
    EQUAL(badge, 0);
    alarm_end();
}

/* A thread that waits for the interrupt takes the hart from a lower one at work. */
static void rtc_preempts(void)
{
    seL4_CPtr notification = object_new(seL4_NotificationObject, 0);
    seL4_Word badge = 0;
    static volatile u64 counter;

    alarm_begin(cap_mint(notification, 15, 4));
    helper_start(helper_new(0, 100, 0), enter_spin, (u64)&counter, 0);
    u64 before = counter;
    for (u64 round = 1; counter == before && round <= 20; round++) {
        alarm_set(round * 1000000); /* it may come before we wait: then once more, later */
        seL4_Wait(notification, &badge);
        EQUAL(badge, 4);
        alarm_clear();
    }
    CHECK(counter > before);
    alarm_end();
}

static void domain_set(void)
{
    OK(seL4_DomainSet_Set(seL4_CapDomain, 0, TCB));
    EQUAL(sel4_invoke(seL4_CapDomain, DomainSetSet, 0, 0, 0, 0, 0, 0), seL4_TruncatedMessage);
    FAILS1(sel4_invoke(seL4_CapDomain, DomainSetSet, 0, 1, 1, 0, 0, 0), seL4_InvalidArgument, 0);
    EQUAL(sel4_invoke(seL4_CapDomain, DomainSetSet, 0, 1, 0, 0, 0, 0), seL4_TruncatedMessage);
    FAILS1(seL4_DomainSet_Set(seL4_CapDomain, 0, CNODE), seL4_InvalidArgument, 1);
}

static void domain_configure(void)
{
    OK(seL4_DomainSet_ScheduleConfigure(seL4_CapDomain, 0, 0, (1ul << 56) - 1));
    EQUAL(sel4_invoke(seL4_CapDomain, DomainSetScheduleConfigure, 0, 2, 0, 0, 0, 0), seL4_TruncatedMessage);
    FAILS2(seL4_DomainSet_ScheduleConfigure(seL4_CapDomain, 1, 1, 1), seL4_RangeError, 0, 0);
    FAILS2(seL4_DomainSet_ScheduleConfigure(seL4_CapDomain, 0, 1, 1ul << 56), seL4_RangeError, 0, 0);
    FAILS1(seL4_DomainSet_ScheduleConfigure(seL4_CapDomain, 0, 0, 1ul << 56), seL4_InvalidArgument, 2);
    FAILS1(seL4_DomainSet_ScheduleConfigure(seL4_CapDomain, 0, 0, 0), seL4_InvalidArgument, 2);
}

static void domain_start(void)
{
    OK(seL4_DomainSet_ScheduleSetStart(seL4_CapDomain, 0));
    EQUAL(sel4_invoke(seL4_CapDomain, DomainSetScheduleSetStart, 0, 0, 0, 0, 0, 0), seL4_TruncatedMessage);
    FAILS2(seL4_DomainSet_ScheduleSetStart(seL4_CapDomain, 2), seL4_RangeError, 0, 1);
    FAILS1(seL4_DomainSet_ScheduleSetStart(seL4_CapDomain, 1), seL4_InvalidArgument, 0);
}

const struct test irq_rows[] = {
    {"6.5 an endpoint without the right to write", endpoint_right},
    {"6.5 a notification without the right to signal", notification_right},
    {"6.6 Get succeeds", get_ok},
    {"6.6 Get 1: message too short, no cap", get_1},
    {"6.6 Get 2: no such interrupt", get_2},
    {"6.6 Get 3: taken already, or the timer", get_3},
    {"6.6 Get 4: the slot is not found", get_4},
    {"6.6 Get 5: the slot is occupied", get_5},
    {"6.6 GetTrigger succeeds", gettrigger_ok},
    {"6.6 GetTrigger 1: message too short, no cap", gettrigger_1},
    {"6.6 GetTrigger 2: no such interrupt", gettrigger_2},
    {"6.6 GetTrigger 3: taken already, or the timer", gettrigger_3},
    {"6.6 GetTrigger 4: the slot is not found", gettrigger_4},
    {"6.6 GetTrigger 5: the slot is occupied", gettrigger_5},
    {"6.7 SetNotification, Ack and Clear succeed", handler_ok},
    {"6.7 SetNotification: no cap, no notification, no right to signal", handler_1},
    {"8.5 without its last handler cap an interrupt can be had anew", handler_gone},
    {"12.2 a real interrupt: the clock signals, with the badge, twice without Ack", rtc},
    {"12.2 an interrupt lets a higher thread run at once", rtc_preempts},
    {"6.12 DomainSet Set: success and errors in order", domain_set},
    {"6.12 ScheduleConfigure: success and errors in order", domain_configure},
    {"6.12 ScheduleSetStart: success and errors in order", domain_start},
    {NULL, NULL},
};
