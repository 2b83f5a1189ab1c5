/*
 * ASIDs: 128 pools of 512, each ASID naming the root table of one address space.
 *
 * An ASID is free again as soon as its root or its pool is deleted. Caps that remember it may be stale from
 * then on; vspace.h says how that is borne. ASID 0 is never given out: it stands for "not mapped".
 *
 * Called by: invocations of the ASID control and of pools, deletion, boot.
 */
#include "kernel/micro/cdt.h"
#include "kernel/micro/cspace.h"
#include "kernel/micro/vspace.h"
#include "lib/string.h"

#define POOL_SIZE (1u << seL4_ASIDPoolIndexBits)

struct asid_pool *asid_pools[1u << seL4_NumASIDPoolsBits];

void asid_pool_delete(struct cap cap)
{
    if (asid_pools[cap.pool / POOL_SIZE] != cap_object(cap))
        return;
    asid_pools[cap.pool / POOL_SIZE] = NULL;
    vspace_reload();
    arch_tlb_flush_all();
}

void asid_delete(u64 asid, const u64 *root)
{
    if (asid_root(asid) != root)
        return;
    asid_pools[asid / POOL_SIZE]->root[asid % POOL_SIZE] = NULL;
    vspace_reload();
    arch_tlb_flush_asid(asid);
}

enum result asid_control_invoke(struct invocation *in)
{
    struct slot *slot;
    u64 pool = 0;

    if (in->label != RISCVASIDControlMakePool)
        return fail(seL4_IllegalOperation);
    if (in->length < 2 || in->extra_count < 2)
        return fail(seL4_TruncatedMessage);
    while (pool < ARRAY_SIZE(asid_pools) && asid_pools[pool])
        pool++;
    if (pool == ARRAY_SIZE(asid_pools))
        return fail(seL4_DeleteFirst);
    struct slot *untyped = in->extra[0];
    if (untyped->cap.type != CAP_UNTYPED || untyped->cap.size != seL4_ASIDPoolBits || untyped->cap.device)
        return fail_cap(1);
    if (slot_has_children(untyped))
        return fail(seL4_RevokeFirst);
    enum result result =
        cnode_lookup(&in->extra[1]->cap, invocation_word(in, 0), invocation_word(in, 1), false, &slot);
    if (result)
        return result;
    if (!slot_empty(slot))
        return fail(seL4_DeleteFirst);

    struct cap cap = cap_make(CAP_ASID_POOL, untyped->cap.address, seL4_ASIDPoolBits);
    cap.pool = pool * POOL_SIZE;
    page_zero(cap_object(cap));
    untyped->cap.watermark = cap_bytes(untyped->cap);
    cdt_insert(slot, cap, untyped);
    asid_pools[pool] = cap_object(cap);
    return RESULT_OK;
}

enum result asid_pool_invoke(struct invocation *in)
{
    struct asid_pool *pool = cap_object(in->cap);
    struct lookup_failure lookup = {.type = seL4_InvalidRoot};
    u64 number = in->cap.pool / POOL_SIZE, index = number == 0 ? 1 : 0;

    if (in->label != RISCVASIDPoolAssign)
        return fail(seL4_IllegalOperation);
    if (in->extra_count < 1)
        return fail(seL4_TruncatedMessage);
    struct slot *table = in->extra[0];
    if (table->cap.type != CAP_PAGE_TABLE || table->cap.asid)
        return fail_cap(1);
    if (!asid_pools[number])
        return fail_lookup(false, &lookup);
    if (asid_pools[number] != pool)
        return fail_cap(0);
    while (index < POOL_SIZE && pool->root[index])
        index++;
    if (index == POOL_SIZE)
        return fail(seL4_DeleteFirst);

    table->cap.asid = in->cap.pool + index;
    table->cap.vaddr = 0;
    pool->root[index] = cap_object(table->cap);
    arch_root_init(pool->root[index]);
    return RESULT_OK;
}
