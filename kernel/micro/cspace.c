/* CSpace lookups. The contract is in cspace.h. */
#include "kernel/micro/cspace.h"

/*
 * Follows the lowest `bits` bits of `cptr` from `cap`. On success *left bits remain, because the slot reached
 * holds no CNode to go on with.
 */
static struct slot *resolve(const struct cap *cap, u64 cptr, u32 bits, u32 *left,
                            struct lookup_failure *lookup)
{
    if (cap->type != CAP_CNODE) {
        *lookup = (struct lookup_failure){.type = seL4_InvalidRoot};
        return NULL;
    }
    for (;;) {
        u32 radix = cap_radix(*cap), guard_size = cap->guard_size, level = guard_size + radix;
        u64 guard = cap->guard;

        /* The two shifts are of fewer than 64 bits: a guard that is there leaves a rest below 64. */
        if (guard_size &&
            (guard_size > bits || (cptr >> (bits - guard_size) & ((1ul << guard_size) - 1)) != guard)) {
            *lookup = (struct lookup_failure){seL4_GuardMismatch, bits, guard, guard_size};
            return NULL;
        }
        if (level > bits) {
            *lookup = (struct lookup_failure){seL4_DepthMismatch, bits, level, 0};
            return NULL;
        }
        u64 index = cptr >> (bits - level) & ((1ul << radix) - 1);
        struct slot *slot = (struct slot *)cap_object(*cap) + index;
        bits -= level;
        if (bits == 0 || slot->cap.type != CAP_CNODE) {
            *left = bits;
            return slot;
        }
        cap = &slot->cap;
    }
}

struct slot *cspace_walk(const struct tcb *tcb, u64 cptr, struct lookup_failure *lookup)
{
    u32 left;
    return resolve(&tcb->slots[TCB_CSPACE].cap, cptr, seL4_WordBits, &left, lookup);
}

enum result cnode_lookup(const struct cap *root, u64 index, u64 depth, bool source, struct slot **out)
{
    struct lookup_failure lookup;
    u32 left;

    if (depth == seL4_WordBits) {
        u64 path = index;
        left = seL4_WordBits;
        *out = cspace_enter(root, &path, &left);
        if (*out && left == 0)
            return RESULT_OK;
    }
    lookup = (struct lookup_failure){.type = seL4_InvalidRoot};
    if (root->type != CAP_CNODE)
        return fail_lookup(source, &lookup);
    if (depth < 1 || depth > seL4_WordBits)
        return fail_range(1, seL4_WordBits);
    *out = resolve(root, index, (u32)depth, &left, &lookup);
    if (!*out)
        return fail_lookup(source, &lookup);
    if (left) {
        lookup = (struct lookup_failure){.type = seL4_DepthMismatch, .bits_left = left};
        return fail_lookup(source, &lookup);
    }
    return RESULT_OK;
}

struct slot *cnode_try_lookup(const struct cap *root, u64 index, u64 depth)
{
    struct lookup_failure lookup;
    u32 left = 0;

    if (depth < 1 || depth > seL4_WordBits)
        return NULL;
    struct slot *slot = resolve(root, index, (u32)depth, &left, &lookup);
    return left ? NULL : slot;
}

u32 lookup_failure_details(const struct lookup_failure *lookup)
{
    static const u8 details[] = {
        [seL4_NoFailure] = 0,     [seL4_InvalidRoot] = 0,   [seL4_MissingCapability] = 1,
        [seL4_DepthMismatch] = 2, [seL4_GuardMismatch] = 3,
    };
    return details[lookup->type];
}
