/* Capabilities as values. The contract is in cap.h. */
#include "kernel/micro/cap.h"

/* True if the memory of `b` lies inside that of `a`. */
static bool memory_contains(struct cap a, struct cap b)
{
    u64 from = a.address, to = b.address;
    return to >= from && to - from < cap_bytes(a) && cap_bytes(b) <= cap_bytes(a) - (to - from);
}

bool cap_contains(struct cap a, struct cap b)
{
    switch (a.type) {
    case CAP_UNTYPED:
        return b.size != 0 && memory_contains(a, b);
    case CAP_FRAME:
        return b.type == CAP_FRAME && memory_contains(a, b);
    case CAP_ENDPOINT:
    case CAP_NOTIFICATION:
    case CAP_TCB:
    case CAP_CNODE:
    case CAP_PAGE_TABLE:
    case CAP_ASID_POOL:
    case CAP_REPLY:
        return b.type == a.type && b.address == a.address && b.size == a.size;
    case CAP_IRQ_CONTROL:
        return b.type == CAP_IRQ_CONTROL || b.type == CAP_IRQ_HANDLER;
    case CAP_IRQ_HANDLER:
        return b.type == CAP_IRQ_HANDLER && b.irq == a.irq;
    case CAP_ASID_CONTROL:
    case CAP_DOMAIN:
        return b.type == a.type;
    default:
        return false;
    }
}

bool cap_same_object(struct cap a, struct cap b)
{
    switch (a.type) {
    case CAP_UNTYPED:
    case CAP_IRQ_CONTROL:
        return false;
    case CAP_FRAME:
        return b.type == CAP_FRAME && b.address == a.address && b.size == a.size && b.device == a.device;
    default:
        return cap_contains(a, b);
    }
}

struct cap cap_mask(struct cap cap, u64 rights)
{
    switch (cap.type) {
    case CAP_ENDPOINT:
        cap.rights &= rights;
        break;
    case CAP_NOTIFICATION:
        cap.rights &= rights & (RIGHT_READ | RIGHT_WRITE);
        break;
    case CAP_REPLY:
        cap.rights &= (rights & RIGHT_GRANT) | REPLY_MASTER;
        break;
    case CAP_FRAME:
        cap.rights &= rights;
        if (!(cap.rights & RIGHT_READ))
            cap.rights = 0; /* write without read is no access at all */
        break;
    default:
        break;
    }
    return cap;
}

struct cap cap_with_data(struct cap cap, u64 data, bool preserve)
{
    static const struct cap null;
    struct cap wanted = {.data_word = data};

    switch (cap.type) {
    case CAP_ENDPOINT:
    case CAP_NOTIFICATION:
        if (preserve || cap.badge)
            return null;
        cap.badge = data;
        return cap;
    case CAP_CNODE:
        if (wanted.guard_size + cap_radix(cap) > seL4_WordBits)
            return null;
        cap.guard_size = wanted.guard_size;
        cap.guard = wanted.guard & ((1ul << wanted.guard_size) - 1);
        return cap;
    default:
        return cap;
    }
}
