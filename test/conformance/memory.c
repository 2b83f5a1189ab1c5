/* Boot information, Untyped memory, Retype: errors in their order, watermarks, derivation of untypeds. */
#include "test/conformance/conformance.h"

static void boot_information(void)
{
    static const u8 types[seL4_NumInitialCaps] = {0, 12, 10, 3, 14, 11, 13, 0, 0, 1, 1, 20};
    const seL4_BootInfoHeader *chunk = (const seL4_BootInfoHeader *)((u64)info + PAGE_SIZE);
    u64 devices = 0;

    EQUAL(info->nodeID, 0);
    EQUAL(info->numNodes, 1);
    EQUAL(info->initThreadCNodeSizeBits, CONFIG_ROOT_CNODE_SIZE_BITS);
    EQUAL((u64)info->ipcBuffer + PAGE_SIZE, (u64)info);
    EQUAL(info->userImagePaging.start, seL4_NumInitialCaps);
    EQUAL(info->extraBIPages.start, info->userImagePaging.end);
    EQUAL(info->userImageFrames.start, info->extraBIPages.end);
    EQUAL(info->untyped.start, info->userImageFrames.end);
    EQUAL(info->empty.start, info->untyped.end);
    EQUAL(info->empty.end, 1u << CONFIG_ROOT_CNODE_SIZE_BITS);
    EQUAL(chunk->id, SEL4_BOOTINFO_HEADER_FDT);
    EQUAL(chunk->len, info->extraLen);
    EQUAL(*(const u32 *)(chunk + 1), 0xedfe0dd0); /* the device tree's magic, big-endian */
    for (u64 slot = 0; slot < seL4_NumInitialCaps; slot++)
        EQUAL(seL4_DebugCapIdentify(slot), types[slot]);
    for (u64 slot = seL4_NumInitialCaps; slot < info->empty.start; slot++)
        CHECK(!slot_is_empty(slot));
    for (u64 slot = info->empty.start + 1; slot < info->empty.end; slot++)
        CHECK(slot_is_empty(slot));
    for (u64 i = 0; i < info->untyped.end - info->untyped.start; i++) {
        const seL4_UntypedDesc *untyped = &info->untypedList[i];
        EQUAL(untyped->paddr & ((1ul << untyped->sizeBits) - 1), 0);
        devices += untyped->isDevice;
        CHECK(i == 0 || !untyped->isDevice || untyped[-1].isDevice);
    }
    CHECK(devices > 0);
}

static void retype_errors(void)
{
    seL4_CPtr slot = slot_new(), limit = 1ul << CONFIG_ROOT_CNODE_SIZE_BITS;

    EQUAL(sel4_invoke(pool, TCBSuspend, 0, 0, 0, 0, 0, 0), seL4_IllegalOperation);
    EQUAL(sel4_invoke(pool, UntypedRetype, 0, 6, 99, 0, 0, 0), seL4_TruncatedMessage);
    EQUAL(sel4_invoke(pool, UntypedRetype, 1, 5, 99, 0, 0, 0), seL4_TruncatedMessage);
    EQUAL(seL4_Untyped_Retype(pool, 9, 99, CNODE, 0, 0, slot, 1), seL4_InvalidArgument);
    EQUAL(seL4_GetMR(0), 0);
    EQUAL(seL4_Untyped_Retype(pool, seL4_EndpointObject, 64, CNODE, 0, 0, slot, 1), seL4_RangeError);
    EQUAL(seL4_GetMR(1), seL4_MaxUntypedBits);
    EQUAL(seL4_Untyped_Retype(pool, seL4_CapTableObject, 34, CNODE, 0, 0, slot, 1), seL4_RangeError);
    EQUAL(seL4_Untyped_Retype(pool, seL4_CapTableObject, 0, CNODE, 0, 0, slot, 1), seL4_InvalidArgument);
    EQUAL(seL4_GetMR(0), 1);
    EQUAL(seL4_Untyped_Retype(pool, seL4_UntypedObject, 3, CNODE, 0, 0, slot, 1), seL4_InvalidArgument);
    EQUAL(seL4_Untyped_Retype(pool, seL4_EndpointObject, 0, TCB, 0, 1, slot, 1), seL4_FailedLookup);
    EQUAL(seL4_GetMR(0), 0);
    EQUAL(seL4_GetMR(1), seL4_InvalidRoot);
    EQUAL(seL4_Untyped_Retype(pool, seL4_EndpointObject, 0, CNODE, 0, 65, slot, 1), seL4_RangeError);
    EQUAL(seL4_Untyped_Retype(pool, seL4_EndpointObject, 0, CNODE, TCB, 64, slot, 1), seL4_FailedLookup);
    EQUAL(seL4_GetMR(1), seL4_MissingCapability);
    EQUAL(seL4_GetMR(2), 64);
    EQUAL(seL4_Untyped_Retype(pool, seL4_EndpointObject, 0, CNODE, 0, 0, limit, 0), seL4_RangeError);
    EQUAL(seL4_GetMR(1), limit - 1);
    EQUAL(seL4_Untyped_Retype(pool, seL4_EndpointObject, 0, CNODE, 0, 0, slot, 0), seL4_RangeError);
    EQUAL(seL4_GetMR(0), 1);
    EQUAL(seL4_GetMR(1), 256);
    EQUAL(seL4_Untyped_Retype(pool, seL4_EndpointObject, 0, CNODE, 0, 0, slot, 257), seL4_RangeError);
    EQUAL(seL4_Untyped_Retype(pool, seL4_EndpointObject, 0, CNODE, 0, 0, limit - 2, 3), seL4_RangeError);
    EQUAL(seL4_GetMR(1), 2);
    EQUAL(seL4_Untyped_Retype(pool, seL4_EndpointObject, 0, CNODE, 0, 0, TCB, 1), seL4_DeleteFirst);
    EQUAL(seL4_Untyped_Retype(pool, seL4_UntypedObject, 38, CNODE, 0, 0, slot, 1), seL4_NotEnoughMemory);
    EQUAL(seL4_GetMR(0), 1ul << info->untypedList[pool - info->untyped.start].sizeBits);
    EQUAL(seL4_Untyped_Retype(info->untyped.start, seL4_EndpointObject, 0, CNODE, 0, 0, slot, 1),
          seL4_InvalidArgument);
    CHECK(slot_is_empty(slot));
}

static void retype_watermark(void)
{
    seL4_CPtr small = object_new(seL4_UntypedObject, 13), first = slot_new(), second = slot_new(), i;

    OK(seL4_Untyped_Retype(small, seL4_EndpointObject, 0, CNODE, 0, 0, first, 1));
    /* One page is lost to alignment: the test is on the unaligned watermark, so one page fits and two do not.
     */
    EQUAL(seL4_Untyped_Retype(small, seL4_RISCV_4K_Page, 0, CNODE, 0, 0, second, 2), seL4_NotEnoughMemory);
    EQUAL(seL4_GetMR(0), 8192 - 16);
    OK(seL4_Untyped_Retype(small, seL4_RISCV_4K_Page, 0, CNODE, 0, 0, second, 1));
    EQUAL(seL4_Untyped_Retype(small, seL4_EndpointObject, 0, CNODE, 0, 0, slot_new(), 1),
          seL4_NotEnoughMemory);
    EQUAL(seL4_GetMR(0), 0);
    OK(seL4_CNode_Delete(CNODE, first, 64));
    EQUAL(seL4_Untyped_Retype(small, seL4_EndpointObject, 0, CNODE, 0, 0, first, 1), seL4_NotEnoughMemory);
    OK(seL4_CNode_Delete(CNODE, second, 64));
    first = slot_new();
    for (i = 0; i < 255; i++)
        slot_new();
    OK(seL4_Untyped_Retype(small, seL4_NotificationObject, 0, CNODE, 0, 0, first, 256));
    EQUAL(seL4_Untyped_Retype(small, seL4_UntypedObject, 4, CNODE, 0, 0, second, 1), seL4_NotEnoughMemory);
    OK(seL4_CNode_Revoke(CNODE, small, 64));
    for (i = 0; i < 256; i++)
        CHECK(slot_is_empty(first + i));
}

static void untyped_copy(void)
{
    seL4_CPtr small = object_new(seL4_UntypedObject, 12), copy = slot_new(), object = slot_new();

    OK(seL4_CNode_Copy(CNODE, copy, 64, CNODE, small, 64, seL4_AllRights));
    EQUAL(seL4_CNode_Copy(CNODE, object, 64, CNODE, small, 64, seL4_AllRights), seL4_RevokeFirst);
    EQUAL(seL4_Untyped_Retype(small, seL4_EndpointObject, 0, CNODE, 0, 0, object, 1), seL4_NotEnoughMemory);
    EQUAL(seL4_GetMR(0), 0);
    OK(seL4_Untyped_Retype(copy, seL4_EndpointObject, 0, CNODE, 0, 0, object, 1));
    /* Deleting the copy leaves its child to the source. */
    OK(seL4_CNode_Delete(CNODE, copy, 64));
    CHECK(!slot_is_empty(object));
    OK(seL4_CNode_Revoke(CNODE, small, 64));
    CHECK(slot_is_empty(object));
    OK(seL4_Untyped_Retype(small, seL4_RISCV_4K_Page, 0, CNODE, 0, 0, object, 1));
}

static void memory_is_zeroed(void)
{
    seL4_CPtr small = object_new(seL4_UntypedObject, 12), frame = slot_new();
    u64 *words = (u64 *)0x30000000;

    tables_new(VSPACE, (u64)words);
    for (int round = 0; round < 2; round++) {
        OK(seL4_Untyped_Retype(small, seL4_RISCV_4K_Page, 0, CNODE, 0, 0, frame, 1));
        OK(seL4_RISCV_Page_Map(frame, VSPACE, (u64)words, seL4_AllRights, 0));
        for (u32 i = 0; i < PAGE_SIZE / sizeof(u64); i++) {
            EQUAL(words[i], 0);
            words[i] = ~0ul;
        }
        OK(seL4_CNode_Delete(CNODE, frame, 64));
    }
}

static void device_memory(void)
{
    seL4_CPtr device = 0, frame = slot_new();

    for (u64 i = 0; i < info->untyped.end - info->untyped.start; i++) {
        if (info->untypedList[i].paddr == 0x10000000 && info->untypedList[i].isDevice)
            device = info->untyped.start + i;
    }
    CHECK(device);
    OK(seL4_Untyped_Retype(device, seL4_RISCV_4K_Page, 0, CNODE, 0, 0, frame, 1));
    seL4_RISCV_Page_GetAddress_t address = seL4_RISCV_Page_GetAddress(frame);
    OK(address.error);
    EQUAL(address.paddr, 0x10000000);
    tables_new(VSPACE, 0x30000000);
    OK(seL4_RISCV_Page_Map(frame, VSPACE, 0x30000000, seL4_ReadWrite, seL4_RISCV_ExecuteNever));
    CHECK(*(volatile u8 *)0x30000005 & 0x20); /* the UART's line status: it can take a byte */
    EQUAL(seL4_TCB_SetIPCBuffer(TCB, 0x30000000, frame), seL4_IllegalOperation);
    OK(seL4_CNode_Delete(CNODE, frame, 64));
}

const struct test memory_tests[] = {
    {"boot information", boot_information},
    {"retype: errors in order", retype_errors},
    {"retype: watermark", retype_watermark},
    {"untyped: copies", untyped_copy},
    {"untyped: memory is zeroed", memory_is_zeroed},
    {"untyped: device memory", device_memory},
    {NULL, NULL},
};
