/* The derivation order. The contract is in cdt.h. */
#include "kernel/micro/cdt.h"
#include "machine/panic.h"

/* Links `slot` between `before` and what follows it. */
static void link_behind(struct slot *slot, struct slot *before)
{
    struct slot *after = slot_next(before);

    slot->prev = before;
    slot_set_next(slot, after);
    slot_set_next(before, slot);
    if (after)
        after->prev = slot;
}

void cdt_insert_root(struct slot *slot, struct cap cap)
{
    kernel_assert(slot_empty(slot), "a cap is only put into an empty slot");
    slot->cap = cap;
    slot->prev = NULL;
    slot_set_next(slot, NULL);
    slot->original = true;
    slot->first_badged = true;
}

void cdt_insert_new(struct slot *slot, struct cap cap, struct slot *untyped)
{
    kernel_assert(slot_empty(slot), "a cap is only put into an empty slot");
    slot->cap = cap;
    slot->original = true;
    slot->first_badged = true;
    link_behind(slot, untyped);
}

/* True if the derived cap may be a parent itself. */
static bool derived_is_original(struct cap cap, struct cap source)
{
    switch (cap.type) {
    case CAP_ENDPOINT:
    case CAP_NOTIFICATION:
        return cap.badge != source.badge;
    case CAP_UNTYPED:
        return true;
    case CAP_IRQ_HANDLER:
        return source.type == CAP_IRQ_CONTROL;
    default:
        return false;
    }
}

void cdt_insert(struct slot *slot, struct cap cap, struct slot *source)
{
    kernel_assert(slot_empty(slot), "a cap is only put into an empty slot");
    slot->cap = cap;
    slot->original = slot->first_badged = derived_is_original(cap, source->cap);
    if (cap.type == CAP_UNTYPED)
        source->cap.watermark = cap_bytes(source->cap);
    link_behind(slot, source);
}

void cdt_move(struct slot *to, struct cap cap, struct slot *from)
{
    kernel_assert(slot_empty(to), "a cap is only put into an empty slot");
    *to = *from;
    to->cap = cap;
    *from = (struct slot){0};
    if (to->prev)
        slot_set_next(to->prev, to);
    if (slot_next(to))
        slot_next(to)->prev = to;
}

void cdt_swap(struct slot *a, struct cap cap_for_b, struct slot *b, struct cap cap_for_a)
{
    struct slot aside = {0};

    cdt_move(&aside, cap_for_b, a);
    cdt_move(a, cap_for_a, b);
    cdt_move(b, cap_for_b, &aside);
}

void cdt_remove(struct slot *slot)
{
    struct slot *next = slot_next(slot);

    if (slot->prev)
        slot_set_next(slot->prev, next);
    if (next) {
        next->prev = slot->prev;
        next->first_badged |= slot->first_badged;
    }
    *slot = (struct slot){0};
}

bool slot_is_parent(const struct slot *parent, const struct slot *child)
{
    if (!parent->original || !cap_contains(parent->cap, child->cap))
        return false;
    if (parent->cap.type != CAP_ENDPOINT && parent->cap.type != CAP_NOTIFICATION)
        return true;
    return parent->cap.badge == 0 || (parent->cap.badge == child->cap.badge && !child->first_badged);
}

bool slot_has_children(const struct slot *slot)
{
    const struct slot *next = slot_next(slot);
    return next && slot_is_parent(slot, next);
}

/* The addresses differ for most neighbours, and tell the quickest. */
static bool same_object(const struct slot *a, const struct slot *b)
{
    return a && b && a->cap.address == b->cap.address && cap_same_object(a->cap, b->cap);
}

bool slot_is_final(const struct slot *slot)
{
    return !same_object(slot->prev, slot) && !same_object(slot, slot_next(slot));
}
