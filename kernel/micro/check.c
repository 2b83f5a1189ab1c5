/* The kernel's invariants. The contract is in check.h. */
#include "kernel/micro/check.h"
#include "kernel/micro/cdt.h"
#include "kernel/micro/vspace.h"

#define CNODE_DEPTH_MAX 3 /* CNodes in CNodes that are looked into */

/* A bit that page-table entries leave to software (RSW): set in each mapping that has a cap, between
 * check_list() of all lists and check_mappings(). */
#define PTE_HAS_CAP (1ul << 8)

/* True if the memory of `inner` lies inside that of `outer`. */
static bool memory_inside(struct cap inner, struct cap outer)
{
    u64 from = inner.address - outer.address;
    return inner.address >= outer.address && from < cap_bytes(outer) &&
           cap_bytes(inner) <= cap_bytes(outer) - from;
}

/*
 * The children of an untyped cap lie inside it and below its watermark. New ones are put in front of older
 * ones and have higher addresses, so disjoint means descending; a child's own descendants follow it and lie
 * inside it.
 */
static const char *check_untyped(const struct slot *untyped)
{
    u64 limit = untyped->cap.address + untyped->cap.watermark, inside_from = limit;

    if (untyped->cap.watermark > cap_bytes(untyped->cap))
        return "a watermark lies inside its untyped";
    for (const struct slot *s = slot_next(untyped); s && slot_is_parent(untyped, s); s = slot_next(s)) {
        u64 from = s->cap.address, to = from + cap_bytes(s->cap);
        if (from >= inside_from && to <= limit)
            continue; /* descends from, or is another cap to, the child before */
        if (to > inside_from)
            return "objects in one untyped are disjoint";
        inside_from = from;
        limit = to;
    }
    return NULL;
}

/*
 * Two neighbours in the derivation order. Where both stand for memory, that of the second lies inside that of
 * the first, or below it: it descends from the first, or from something in front of both. The first cap to an
 * object stands in front of all others to it, and a badge that differs from the one before begins a run.
 */
static const char *check_neighbours(const struct slot *slot, const struct slot *next)
{
    struct cap a = slot->cap, b = next->cap;
    bool badged = (b.type == CAP_ENDPOINT || b.type == CAP_NOTIFICATION) && b.badge;

    if (a.size && b.size && b.address + cap_bytes(b) > a.address && !memory_inside(b, a))
        return "the derivation order descends in memory";
    if (next->original && !badged && cap_same_object(a, b))
        return "the first cap to an object stands in front of the others";
    if (badged && !next->first_badged && !(cap_same_object(a, b) && a.badge == b.badge))
        return "the first cap with a badge is marked as such";
    return NULL;
}

static bool is_thread(const struct tcb *threads, const void *object)
{
    while (threads && threads != object)
        threads = threads->all_next;
    return threads;
}

static bool waits_in_queue(const struct tcb *tcb)
{
    return tcb->state == THREAD_BLOCKED_ON_SEND || tcb->state == THREAD_BLOCKED_ON_RECEIVE ||
           tcb->state == THREAD_BLOCKED_ON_NOTIFICATION;
}

/* What the object of a cap points to: threads that exist and know of it. */
static const char *check_object(struct cap cap, const struct tcb *threads)
{
    const struct wait_queue *queue = cap_object(cap); /* of an endpoint or notification */

    if (cap.type == CAP_TCB || cap.type == CAP_REPLY)
        return is_thread(threads, cap_object(cap)) ? NULL : "the thread behind a cap exists";
    if (cap.type != CAP_ENDPOINT && cap.type != CAP_NOTIFICATION)
        return NULL;
    for (const struct tcb *tcb = queue->head; tcb; tcb = tcb->wait_next) {
        if (!is_thread(threads, tcb) || tcb->waiting_for != queue || !waits_in_queue(tcb))
            return "a queue holds threads that wait for its object";
    }
    if (cap.type == CAP_NOTIFICATION) {
        const struct tcb *bound = notification_bound(cap_object(cap));
        if (bound && (!is_thread(threads, bound) || bound->bound != cap_object(cap)))
            return "a binding is known on both sides";
        if (bound && queue->head && (queue->head != bound || queue->tail != bound))
            return "nobody but the bound thread waits for a notification";
    }
    return NULL;
}

/* `head` is an untyped's. False if `object` lies in its memory, but no cap of `types` (a bit each)
 * is to it: it is gone, and somebody still points there. */
static bool is_there(const struct slot *head, const void *object, u64 types)
{
    struct cap wanted = {.address = arch_physical(object)};

    if (!object || !memory_inside(wanted, head->cap))
        return true;
    for (const struct slot *slot = head; slot; slot = slot_next(slot)) {
        if (slot->cap.address == wanted.address && (types >> slot->cap.type & 1))
            return true;
    }
    return false;
}

#define TYPE(type) (1ul << CAP_##type)
/* A zombie too, as long as its queue is not empty. */
#define TYPES_WITH_QUEUE (TYPE(ENDPOINT) | TYPE(NOTIFICATION) | TYPE(ZOMBIE))

/* What is pointed to in the memory of the list's untyped has a cap. */
static const char *check_pointers(const struct slot *head, const struct tcb *threads)
{
    if (head->cap.type != CAP_UNTYPED || head->cap.device)
        return NULL;
    for (const struct tcb *tcb = threads; tcb; tcb = tcb->all_next) {
        if (!is_there(head, tcb, TYPE(TCB)))
            return "a thread has a cap";
        if (waits_in_queue(tcb) && !is_there(head, tcb->waiting_for, TYPES_WITH_QUEUE))
            return "what a thread waits for has a cap";
        if (!is_there(head, tcb->bound, TYPE(NOTIFICATION)))
            return "a bound notification has a cap";
    }
    for (u32 i = 0; i < ARRAY_SIZE(asid_pools); i++) {
        if (!is_there(head, asid_pools[i], TYPE(ASID_POOL)))
            return "an ASID pool in use has a cap";
        for (u32 k = 0; asid_pools[i] && k < ARRAY_SIZE(asid_pools[i]->root); k++) {
            const u64 *root = asid_pools[i]->root[k];
            if (root && !is_there(head, root, TYPE(PAGE_TABLE)))
                return "the root table of an ASID has a cap";
        }
    }
    return NULL;
}

const char *check_list(const struct slot *head, const struct tcb *threads)
{
    const struct slot *prev = NULL;
    const char *broken = NULL;

    for (const struct slot *slot = head; slot && !broken; prev = slot, slot = slot_next(slot)) {
        if (slot->prev != prev)
            return "neighbours in the derivation order name each other";
        if (slot_empty(slot))
            return "a linked slot holds a cap";
        if (slot->cap.type == CAP_FRAME && slot->cap.asid) {
            u64 *entry = frame_entry(slot->cap);
            if (entry)
                *entry |= PTE_HAS_CAP;
        }
        if (prev)
            broken = check_neighbours(prev, slot);
        if (!broken)
            broken = check_object(slot->cap, threads);
        if (!broken && slot->cap.type == CAP_UNTYPED && slot->original)
            broken = check_untyped(slot);
    }
    return broken ? broken : check_pointers(head, threads);
}

static const char *check_wait_queue(const struct tcb *tcb)
{
    /* Endpoint and notification both begin with their queue. */
    const struct wait_queue *queue = tcb->waiting_for;

    if (tcb->wait_prev ? tcb->wait_prev->wait_next != tcb : queue->head != tcb)
        return "a waiting thread is in the queue it waits in";
    if (tcb->wait_next ? tcb->wait_next->wait_prev != tcb : queue->tail != tcb)
        return "a waiting thread is in the queue it waits in";
    if (queue->head->state != tcb->state)
        return "threads in one queue wait for the same";
    return NULL;
}

/* What the thread remembers of its space is so: its cap names the root of an ASID. */
static bool space_is_known_rightly(const struct tcb *tcb)
{
    struct cap cap = thread_cap(tcb, TCB_VSPACE);

    return tcb->space_known != vspace_changes ||
           (cap_is_vspace(cap) && asid_root(cap.asid) == cap_object(cap));
}

const char *check_thread(const struct tcb *tcb, const struct tcb *running)
{
    const struct slot *reply = slot_next(&tcb->slots[TCB_REPLY]);
    struct cap caller = tcb->slots[TCB_CALLER].cap;

    if (tcb->queued != (thread_runnable(tcb) && tcb != running))
        return "exactly the runnable threads but the running one are in a ready queue";
    if (reply && tcb->state != THREAD_BLOCKED_ON_REPLY) /* the reverse may be: its holder can delete it */
        return "only a thread that waits for a reply has a reply cap out";
    if (reply && (reply->cap.type != CAP_REPLY || cap_object(reply->cap) != tcb))
        return "the master's child is the thread's reply cap";
    if (caller.type == CAP_REPLY &&
        ((const struct tcb *)cap_object(caller))->state != THREAD_BLOCKED_ON_REPLY)
        return "a reply cap names a thread that waits for it";
    if (!space_is_known_rightly(tcb))
        return "a thread remembers a space only as long as it has it";
    if (tcb->bound && notification_bound(tcb->bound) != tcb)
        return "a binding is known on both sides";
    if (tcb->fault.type && tcb->state != THREAD_BLOCKED_ON_SEND && tcb->state != THREAD_BLOCKED_ON_REPLY)
        return "only a waiting thread has a pending fault";
    return waits_in_queue(tcb) ? check_wait_queue(tcb) : NULL;
}

/* One slot: the list it heads; the neighbours if it is inside a list; the slots of the CNode it names. */
static const char *check_slot(const struct slot *slot, const struct tcb *threads, u32 depth)
{
    const struct slot *next = slot_next(slot);
    const char *broken = NULL;

    if (slot_empty(slot))
        return slot->prev || next ? "an empty slot has no neighbours" : NULL;
    if ((slot->prev && slot_next(slot->prev) != slot) || (next && next->prev != slot))
        return "neighbours in the derivation order name each other";
    if (!slot->prev)
        broken = check_list(slot, threads);
    if (slot->cap.type != CAP_CNODE || depth == CNODE_DEPTH_MAX)
        return broken;
    const struct slot *slots = cap_object(slot->cap);
    for (u64 i = 0; i < 1ul << cap_radix(slot->cap) && !broken; i++) {
        bool itself = slots[i].cap.type == CAP_CNODE && slots[i].cap.address == slot->cap.address;
        broken = check_slot(&slots[i], threads, itself ? CNODE_DEPTH_MAX : depth + 1);
    }
    return broken;
}

/* The mappings below a table: each must have been marked. Takes the marks away. */
static bool all_have_caps(u64 *table, u32 level, u32 entries)
{
    bool good = true;

    for (u32 i = 0; i < entries; i++) {
        u64 entry = table[i];
        if (!(entry & PTE_V))
            continue;
        if (entry & PTE_LEAF) {
            good &= (entry & PTE_HAS_CAP) != 0;
            table[i] = entry & ~PTE_HAS_CAP;
        } else if (level > 0) {
            good &= all_have_caps(arch_direct(arch_pte_address(entry)), level - 1, ARCH_TABLE_ENTRIES);
        }
    }
    return good;
}

const char *check_mappings(void)
{
    bool good = true;

    for (u32 i = 0; i < ARRAY_SIZE(asid_pools); i++) {
        for (u32 k = 0; asid_pools[i] && k < ARRAY_SIZE(asid_pools[i]->root); k++) {
            if (asid_pools[i]->root[k])
                good &= all_have_caps(asid_pools[i]->root[k], ARCH_TABLE_LEVELS - 1, USER_TABLE_ENTRIES);
        }
    }
    return good ? NULL : "every mapped page has a cap that says so";
}

const char *check_kernel(const struct tcb *threads, const struct tcb *running)
{
    const char *broken = NULL;

    if (running->state != THREAD_IDLE && !is_thread(threads, running))
        return "the running thread exists";
    for (const struct tcb *tcb = threads; tcb && !broken; tcb = tcb->all_next) {
        broken = check_thread(tcb, running);
        for (u32 i = 0; i < TCB_SLOTS && !broken; i++)
            broken = check_slot(&tcb->slots[i], threads, 0);
    }
    return broken;
}
