/*
 * Untyped memory: where all objects come from.
 *
 * The kernel keeps no allocator. An untyped cap has a watermark; objects are cut off at it, one behind the
 * other, and memory is free again only as a whole, when nothing derived from the cap is left. It is zeroed
 * then, so that new objects always begin as zeroes.
 * (seL4 Reference Manual, "Kernel Services and Objects": memory allocation.)
 */
#include "kernel/micro/cdt.h"
#include "kernel/micro/cspace.h"
#include "kernel/micro/thread.h"
#include "kernel/micro/trap.h"
#include "lib/string.h"

/* log2 of an object's bytes; size_argument matters for two types. */
static u64 object_size(u64 type, u64 size_argument)
{
    switch (type) {
    case seL4_UntypedObject:
        return size_argument;
    case seL4_TCBObject:
        return seL4_TCBBits;
    case seL4_EndpointObject:
        return seL4_EndpointBits;
    case seL4_NotificationObject:
        return seL4_NotificationBits;
    case seL4_CapTableObject:
        return size_argument + seL4_SlotBits;
    case seL4_RISCV_Giga_Page:
        return seL4_HugePageBits;
    case seL4_RISCV_4K_Page:
        return seL4_PageBits;
    case seL4_RISCV_Mega_Page:
        return seL4_LargePageBits;
    default:
        return seL4_PageTableBits;
    }
}

static bool is_page(u64 type)
{
    return type == seL4_RISCV_Giga_Page || type == seL4_RISCV_4K_Page || type == seL4_RISCV_Mega_Page;
}

/* The first cap to a new object, but for its address. */
static struct cap new_cap(u64 type, u32 size, bool device)
{
    static const u8 cap_types[seL4_ObjectTypeCount] = {
        [seL4_UntypedObject] = CAP_UNTYPED,
        [seL4_TCBObject] = CAP_TCB,
        [seL4_EndpointObject] = CAP_ENDPOINT,
        [seL4_NotificationObject] = CAP_NOTIFICATION,
        [seL4_CapTableObject] = CAP_CNODE,
        [seL4_RISCV_Giga_Page] = CAP_FRAME,
        [seL4_RISCV_4K_Page] = CAP_FRAME,
        [seL4_RISCV_Mega_Page] = CAP_FRAME,
        [seL4_RISCV_PageTableObject] = CAP_PAGE_TABLE,
    };
    struct cap cap = cap_make(cap_types[type], 0, size);

    cap.device = device;
    if (cap.type == CAP_ENDPOINT)
        cap.rights = RIGHTS_ALL;
    else if (cap.type == CAP_NOTIFICATION || cap.type == CAP_FRAME)
        cap.rights = RIGHT_READ | RIGHT_WRITE;
    return cap;
}

/*
 * Cuts `count` objects off at `address`, where memory is zero (or a device's), and puts their caps into the
 * slots from `destination` on. All or none: the API shows nobody a Retype half done, so there is no
 * preemption point, and little is done for each.
 */
static void make_objects(struct slot *untyped, struct cap cap, paddr address, u64 count,
                         struct slot *destination)
{
    for (u64 i = 0; i < count; i++) {
        cap.address = address + (i << cap.size);
        if (cap.type == CAP_TCB)
            thread_init(cap_object(cap));
        cdt_insert_new(&destination[i], cap, untyped);
    }
}

/* Zeroes everything below the watermark, downward, and lowers it. */
static enum result reset(struct slot *untyped)
{
    struct cap *cap = &untyped->cap;

    if (cap->device) {
        cap->watermark = 0;
        return RESULT_OK;
    }
    u64 chunk = min_u64(cap_bytes(*cap), PAGE_SIZE);
    cap->watermark = round_up(cap->watermark, chunk);
    while (cap->watermark) {
        cap->watermark -= chunk;
        void *bytes = (u8 *)cap_object(*cap) + cap->watermark;
        if (chunk == PAGE_SIZE)
            page_zero(bytes);
        else
            memset(bytes, 0, chunk);
        if (cap->watermark && preemption_point((u32)(chunk / 256) + 1))
            return RESULT_PREEMPTED;
    }
    return RESULT_OK;
}

/* The CNode whose slots the new caps go to, as MR2 index and MR3 depth name it. */
static enum result find_destination(const struct invocation *in, struct cap *cnode)
{
    u64 depth = invocation_word(in, 3);
    struct slot *slot = in->extra[0];

    if (depth) {
        enum result result = cnode_lookup(&in->extra[0]->cap, invocation_word(in, 2), depth, false, &slot);
        if (result)
            return result;
    }
    *cnode = slot->cap;
    return cnode->type == CAP_CNODE ? RESULT_OK : fail_missing(false, depth);
}

enum result untyped_invoke(struct invocation *in)
{
    struct cap cnode, *untyped = &in->slot->cap;

    if (in->label != UntypedRetype)
        return fail(seL4_IllegalOperation);
    if (in->length < 6 || in->extra_count < 1)
        return fail(seL4_TruncatedMessage);
    u64 type = invocation_word(in, 0), size_argument = invocation_word(in, 1);
    u64 offset = invocation_word(in, 4), count = invocation_word(in, 5);
    if (type >= seL4_ObjectTypeCount)
        return fail_argument(0);
    u64 size = object_size(type, size_argument);
    if (size_argument >= seL4_WordBits || size > seL4_MaxUntypedBits)
        return fail_range(0, seL4_MaxUntypedBits);
    if (type == seL4_CapTableObject && size_argument == 0)
        return fail_argument(1);
    if (type == seL4_UntypedObject && size_argument < seL4_MinUntypedBits)
        return fail_argument(1);
    enum result result = find_destination(in, &cnode);
    if (result)
        return result;
    u64 slots = 1ul << cap_radix(cnode);
    if (offset > slots - 1)
        return fail_range(0, slots - 1);
    if (count < 1 || count > CONFIG_RETYPE_FAN_OUT_LIMIT)
        return fail_range(1, CONFIG_RETYPE_FAN_OUT_LIMIT);
    if (count > slots - offset)
        return fail_range(1, slots - offset);
    struct slot *destination = (struct slot *)cap_object(cnode) + offset;
    for (u64 i = 0; i < count; i++) {
        if (!slot_empty(&destination[i]))
            return fail(seL4_DeleteFirst);
    }
    bool fresh = !slot_has_children(in->slot);
    u64 left = cap_bytes(*untyped) - (fresh ? 0 : untyped->watermark);
    if (left >> size < count)
        return fail_memory(left);
    if (untyped->device && type != seL4_UntypedObject && !is_page(type))
        return fail_argument(1);

    if (fresh && reset(in->slot))
        return RESULT_PREEMPTED;
    u64 at = round_up(untyped->watermark, 1ul << size);
    untyped->watermark = at + (count << size);
    make_objects(in->slot, new_cap(type, (u32)size, untyped->device), untyped->address + at, count,
                 destination);
    return RESULT_OK;
}
