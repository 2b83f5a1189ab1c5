/*
 * Invocations of CNodes: moving and deriving capabilities.
 *
 * Arguments name a destination slot by index and depth below the invoked CNode, and sources likewise below
 * CNodes given as extra caps.
 * (seL4 Reference Manual, "Capability Spaces", and the methods of CNodes in "seL4 API Reference".)
 */
#include "kernel/micro/cdt.h"
#include "kernel/micro/cspace.h"
#include "kernel/micro/delete.h"
#include "kernel/micro/ipc.h"
#include "kernel/micro/schedule.h"

/* Copy, Mint, Move, Mutate: MR2/MR3 source, then rights (Copy, Mint) and data (Mint, Mutate). */
static enum result copy_or_move(struct invocation *in, struct slot *destination)
{
    bool derives = in->label == CNodeCopy || in->label == CNodeMint;
    u32 length = in->label == CNodeMint ? 6 : in->label == CNodeMove ? 4 : 5;
    struct slot *source;
    struct cap cap;

    if (in->length < 4 || in->extra_count < 1)
        return fail(seL4_TruncatedMessage);
    if (!slot_empty(destination))
        return fail(seL4_DeleteFirst);
    u64 depth = invocation_word(in, 3);
    enum result result = cnode_lookup(&in->extra[0]->cap, invocation_word(in, 2), depth, true, &source);
    if (result)
        return result;
    if (slot_empty(source))
        return fail_missing(true, depth);
    if (in->length < length)
        return fail(seL4_TruncatedMessage);
    cap = source->cap;
    if (derives)
        cap = cap_mask(cap, invocation_word(in, 4));
    if (in->label == CNodeMint)
        cap = cap_with_data(cap, invocation_word(in, 5), false);
    if (in->label == CNodeMutate)
        cap = cap_with_data(cap, invocation_word(in, 4), true);
    if (derives) {
        result = cap_derive(source, cap, &cap);
        if (result)
            return result;
    }
    if (cap.type == CAP_NULL)
        return fail(seL4_IllegalOperation);

    if (derives)
        cdt_insert(destination, cap, source);
    else
        cdt_move(destination, cap, source);
    return RESULT_OK;
}

/* MR2 data for the cap that comes to the destination; MR3/MR4 pivot; MR5 data for the cap that comes to the
 * pivot; MR6/MR7 source. pivot -> destination, source -> pivot. */
static enum result rotate(struct invocation *in, struct slot *destination)
{
    struct slot *source, *pivot;

    if (in->length < 8 || in->extra_count < 2)
        return fail(seL4_TruncatedMessage);
    u64 pivot_depth = invocation_word(in, 4), source_depth = invocation_word(in, 7);
    enum result result =
        cnode_lookup(&in->extra[1]->cap, invocation_word(in, 6), source_depth, true, &source);
    if (!result)
        result = cnode_lookup(&in->extra[0]->cap, invocation_word(in, 3), pivot_depth, true, &pivot);
    if (result)
        return result;
    if (pivot == source || pivot == destination)
        return fail(seL4_IllegalOperation);
    if (source != destination && !slot_empty(destination))
        return fail(seL4_DeleteFirst);
    if (slot_empty(source))
        return fail_missing(true, source_depth);
    if (slot_empty(pivot))
        return fail_missing(false, pivot_depth);
    struct cap new_source = cap_with_data(source->cap, invocation_word(in, 5), true);
    struct cap new_pivot = cap_with_data(pivot->cap, invocation_word(in, 2), true);
    if (new_source.type == CAP_NULL || new_pivot.type == CAP_NULL)
        return fail(seL4_IllegalOperation);

    if (source == destination) {
        cdt_swap(source, new_source, pivot, new_pivot);
    } else {
        cdt_move(destination, new_pivot, pivot);
        cdt_move(pivot, new_source, source);
    }
    return RESULT_OK;
}

static enum result cancel_badged_sends(struct slot *slot)
{
    if (slot->cap.type != CAP_ENDPOINT || slot->cap.rights != RIGHTS_ALL)
        return fail(seL4_IllegalOperation);
    return slot->cap.badge ? endpoint_cancel_badged(cap_object(slot->cap), slot->cap.badge) : RESULT_OK;
}

static enum result save_caller(struct slot *destination)
{
    struct slot *caller = &current->slots[TCB_CALLER];

    if (!slot_empty(destination))
        return fail(seL4_DeleteFirst);
    if (!slot_empty(caller))
        cdt_move(destination, caller->cap, caller);
    return RESULT_OK;
}

enum result cnode_invoke(struct invocation *in)
{
    struct slot *slot;

    if (in->label < CNodeRevoke || in->label > CNodeSaveCaller)
        return fail(seL4_IllegalOperation);
    if (in->length < 2)
        return fail(seL4_TruncatedMessage);
    enum result result = cnode_lookup(&in->cap, invocation_word(in, 0), invocation_word(in, 1), false, &slot);
    if (result)
        return result;

    switch (in->label) {
    case CNodeRevoke:
        return slot_revoke(slot);
    case CNodeDelete:
        return slot_delete(slot);
    case CNodeCancelBadgedSends:
        return cancel_badged_sends(slot);
    case CNodeSaveCaller:
        return save_caller(slot);
    case CNodeRotate:
        return rotate(in, slot);
    default:
        return copy_or_move(in, slot);
    }
}
