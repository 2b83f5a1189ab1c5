/*
 * Deleting capabilities. The contract is in delete.h.
 *
 * The zombie of an endpoint or notification stands for its queue, which is emptied from the head. It does not
 * look like an endpoint to anybody, so no thread can queue up again.
 *
 * The zombie of a CNode or TCB (here: a container) stands for its slots, which are emptied from the last to
 * the first; `left` says how many are to come. If a container's last slot holds the last cap to another
 * container, that one goes first. Neither recursion nor a search for the way back is allowed, so the zombies
 * change places. The slot being deleted, `top`, always holds the zombie to work on; the one to return to
 * waits in the first slot of the container it is working on, and that slot's cap takes the place that became
 * free:
 *
 *            top          A, the end         B, the first
 *   before   zombie A     last cap to B      cap c
 *   after    zombie B     cap c              zombie A          B is marked as nested
 *   later    zombie A     cap c              (B is gone)
 *
 * One case needs care: `top` itself may lie in a container that dies (a CNode that holds the last cap to
 * itself, or a ring of several). A container must not be given up while a cap lies in it. So a zombie in its
 * own container skips itself and goes last. And where `top` lies in B, zombie A takes its place in A's own
 * end instead of B's first slot; nobody returns to it then, but it is still in the derivation order, and who
 * revokes A's memory finds and finishes it.
 */
#include "kernel/micro/delete.h"
#include "kernel/micro/cdt.h"
#include "kernel/micro/debug.h"
#include "kernel/micro/fpu.h"
#include "kernel/micro/ipc.h"
#include "kernel/micro/irq.h"
#include "kernel/micro/thread.h"
#include "kernel/micro/trap.h"
#include "kernel/micro/vspace.h"
#include "machine/panic.h"

/* What an object that makes no zombie does when a cap to it goes. */
static void finalise(struct cap cap, bool final)
{
    if (cap.type == CAP_FRAME && cap.asid)
        frame_unmap(cap);
    if (cap.type == CAP_PAGE_TABLE)
        vspace_changes++;
    if (!final)
        return;
    switch (cap.type) {
    case CAP_NOTIFICATION:
        notification_unbind(notification_bound(cap_object(cap)));
        break;
    case CAP_PAGE_TABLE:
        if (cap.asid && asid_root(cap.asid) == cap_object(cap))
            asid_delete(cap.asid, cap_object(cap));
        else if (cap.asid)
            page_table_unmap(cap);
        break;
    case CAP_ASID_POOL:
        asid_pool_delete(cap);
        break;
    case CAP_IRQ_HANDLER:
        irq_release(cap.irq);
        break;
    default:
        break;
    }
}

static bool is_container(struct cap cap)
{
    return cap.type == CAP_CNODE || cap.type == CAP_TCB;
}

/* True for an endpoint or notification that somebody waits for. Both begin with their queue. */
static bool has_waiters(struct cap cap)
{
    return (cap.type == CAP_ENDPOINT || cap.type == CAP_NOTIFICATION) &&
           ((const struct wait_queue *)cap_object(cap))->head;
}

static void delete_now(struct slot *slot)
{
    struct cap cap = slot->cap;
    bool final = slot_is_final(slot);

    cdt_remove(slot);
    finalise(cap, final);
}

void slot_delete_simple(struct slot *slot)
{
    if (slot_empty(slot))
        return;
    kernel_assert(!slot_delete_is_long(slot), "deleting this cap is one step");
    delete_now(slot);
}

bool slot_delete_is_long(const struct slot *slot)
{
    return slot->cap.type == CAP_ZOMBIE ||
           ((is_container(slot->cap) || has_waiters(slot->cap)) && slot_is_final(slot));
}

/* The last cap to an object, of a kind that takes long to delete, becomes a zombie. Nobody can use the object
 * from here on; a thread ends. */
static void become_zombie(struct slot *slot)
{
    struct cap zombie = cap_make(CAP_ZOMBIE, slot->cap.address, slot->cap.size);

    if (slot->cap.type == CAP_CNODE) {
        zombie.left = 1ul << cap_radix(slot->cap);
    } else if (slot->cap.type == CAP_TCB) {
        struct tcb *tcb = cap_object(slot->cap);
        notification_unbind(tcb);
        thread_suspend(tcb);
        fpu_release(tcb);
        debug_thread_gone(tcb);
        zombie.rights = ZOMBIE_TCB;
        zombie.left = TCB_SLOTS;
    } else {
        if (slot->cap.type == CAP_NOTIFICATION) /* the bound thread may be the one that waits */
            notification_unbind(notification_bound(cap_object(slot->cap)));
        zombie.rights = ZOMBIE_QUEUE;
    }
    slot->cap = zombie;
}

static struct slot *zombie_slots(struct cap zombie)
{
    return cap_object(zombie);
}

static bool lies_in(const struct slot *slot, struct cap container)
{
    return (u64)slot - (u64)cap_object(container) < cap_bytes(container);
}

/* `end`, the last slot of top's zombie A, holds zombie B: goes on with B, as the picture above shows. */
static void descend(struct slot *top, struct slot *end)
{
    struct cap a = top->cap, b = end->cap;
    struct slot *first = zombie_slots(b), aside = {0};

    if (lies_in(top, b)) {
        if (top == first)
            b.rights &= ~ZOMBIE_NESTED;
        cdt_swap(top, a, end, b);
        return;
    }
    b.rights |= ZOMBIE_NESTED;
    cdt_move(&aside, b, end);
    if (!slot_empty(first))
        cdt_move(end, first->cap, first);
    cdt_move(first, a, top);
    cdt_move(top, b, &aside);
}

/* All slots of top's zombie are empty but, if it is nested, the first. */
static void finish(struct slot *top)
{
    struct cap zombie = top->cap;
    struct slot *outer = zombie_slots(zombie);

    if (!(zombie.rights & ZOMBIE_NESTED) || slot_empty(outer)) {
        cdt_remove(top);
        return;
    }
    if (lies_in(top, zombie)) {
        zombie.rights &= ~ZOMBIE_NESTED;
        cdt_swap(top, zombie, outer, outer->cap);
        return;
    }
    cdt_remove(top);
    cdt_move(top, outer->cap, outer);
}

/* Begins the deletion of a cap, if that is long. */
static void begin(struct slot *slot)
{
    if (slot->cap.type != CAP_ZOMBIE && slot_delete_is_long(slot))
        become_zombie(slot);
}

/* True for a zombie with slots to be emptied. */
static bool is_full_zombie(struct cap cap)
{
    return cap.type == CAP_ZOMBIE && !(cap.rights & ZOMBIE_QUEUE);
}

/* One step of deleting a cap that contains no others. An interrupt's binding goes before the interrupt's last
 * handler cap. */
static void delete_plain(struct slot *slot)
{
    if (slot->cap.type == CAP_IRQ_HANDLER && slot_is_final(slot) && !slot_empty(irq_binding(slot->cap.irq))) {
        slot = irq_binding(slot->cap.irq);
        begin(slot);
    }
    if (slot->cap.type != CAP_ZOMBIE)
        delete_now(slot);
    else if (!queue_restart_first(cap_object(slot->cap)))
        cdt_remove(slot);
}

/* One step towards an empty slot. */
static void delete_step(struct slot *top)
{
    begin(top);
    if (!is_full_zombie(top->cap)) {
        delete_plain(top);
        return;
    }
    if (top->cap.left == 0) {
        finish(top);
        return;
    }
    struct slot *slots = zombie_slots(top->cap), *end = &slots[top->cap.left - 1];
    bool keeps_outer = end == slots && (top->cap.rights & ZOMBIE_NESTED);
    if (slot_empty(end) || end == top || keeps_outer) {
        top->cap.left--;
        return;
    }
    begin(end);
    if (is_full_zombie(end->cap))
        descend(top, end);
    else
        delete_plain(end);
}

enum result slot_delete(struct slot *slot)
{
    while (!slot_empty(slot)) {
        delete_step(slot);
        if (preemption_point(1) && !slot_empty(slot))
            return RESULT_PREEMPTED;
    }
    return RESULT_OK;
}

enum result slot_revoke(struct slot *slot)
{
    while (slot_has_children(slot)) {
        if (slot_delete(slot_next(slot)) || (preemption_point(1) && slot_has_children(slot)))
            return RESULT_PREEMPTED;
    }
    return RESULT_OK;
}
