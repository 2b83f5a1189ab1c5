/*
 * Address spaces: Sv39 page tables, frames in them, and the ASIDs that name them.
 *
 * A frame or page-table cap remembers where it is mapped as (ASID, address), never as a pointer: a table
 * above it, or the whole space, may be gone by the time the cap is used. Whoever acts on a mapping therefore
 * looks the space up by its ASID and walks it again, and changes only an entry that still says what the cap
 * remembers.
 * (seL4 Reference Manual, "Address Spaces and Virtual Memory"; RISC-V privileged specification, Sv39.)
 */
#ifndef KERNEL_MICRO_VSPACE_H
#define KERNEL_MICRO_VSPACE_H

#include "kernel/micro/objects.h"

/*
 * Which space the hart translates by, and which a thread is to run in. Both are words for the hart, table and
 * ASID in one.
 *
 * To find the word for a thread takes a look at its cap and at the ASID's pool. It is remembered in the TCB,
 * with the number of changes there had been until then. A change is whatever may make such a memory wrong: a
 * cap to a table of some space goes (it may be the thread's own), or a pool of ASIDs does. So what a TCB says
 * holds as long as its number is still the latest.
 */
extern u64 vspace_active;
extern u64 vspace_changes; /* begins with 1: a new TCB knows nothing */

/* Makes the hart use the space of the current thread, and remembers it; a thread without a usable space gets
 * the kernel's alone, and is looked at again next time. */
void vspace_activate(void);

/* The same after a change that may have taken the space in use away. */
void vspace_reload(void);

/* The entry that maps a frame where its cap says, NULL if none does: the record may be stale. */
u64 *frame_entry(struct cap frame);

/* Takes a mapped frame or table out of the space its cap remembers. */
void frame_unmap(struct cap frame);
void page_table_unmap(struct cap table);

/* True if `cap` is a page table that was mapped or given an ASID: what a thread's VSpace must be. */
static inline bool cap_is_vspace(struct cap cap)
{
    return cap.type == CAP_PAGE_TABLE && cap.asid;
}

/* For ASID pools: which pool has number asid / 512. NULL if none. */
extern struct asid_pool *asid_pools[1u << seL4_NumASIDPoolsBits];

/* The root table of an ASID, NULL if it is not in use. ASID 0 never is. */
static inline u64 *asid_root(u64 asid)
{
    const struct asid_pool *pool = asid_pools[asid >> seL4_ASIDPoolIndexBits];
    return pool ? pool->root[asid & ((1u << seL4_ASIDPoolIndexBits) - 1)] : NULL;
}

/* The last cap to a pool, or to the table that is the root of an ASID, is going. */
void asid_pool_delete(struct cap pool);
void asid_delete(u64 asid, const u64 *root);

/* Boot: puts `page` with `flags` at `address`, all tables being there; puts the table in place for `address`.
 */
void vspace_boot_map(u64 *root, uaddr address, paddr page, u64 flags);

#endif
