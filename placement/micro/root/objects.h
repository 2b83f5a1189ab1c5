/*
 * The supervisor's stock: slots of its CNode, untyped memory, device frames, and how pages get into address
 * spaces.
 *
 * Nothing here is ever given back one by one: what must come back is retyped from an untyped of its own
 * (struct supply) and returns when that untyped is revoked.
 *
 * Every function that cannot do its work ends the system with a message (root_fail): it runs at boot, or out
 * of a supply whose size is fixed.
 */
#ifndef PLACEMENT_MICRO_ROOT_OBJECTS_H
#define PLACEMENT_MICRO_ROOT_OBJECTS_H

#include "abi/sel4/sel4.h"
#include "lib/types.h"

#define ROOT_CNODE seL4_CapInitThreadCNode
#define ROOT_DEPTH 64

#define KNOWN_MAX 640

/* Memory, as a few untypeds from large to small, and a range of slots; both used up from the start. */
#define SUPPLY_PIECES 5
struct supply {
    u64 untyped[SUPPLY_PIECES], bits[SUPPLY_PIECES];
    u64 pieces, current;
    u64 first, next, end; /* slots */
    u64 known[KNOWN_MAX]; /* page tables of the one address space whose tables come from here */
    u64 known_count;
    u64 pages; /* frames and tables made of it */
};

void objects_init(const seL4_BootInfo *info);

/* `count` slots in a row, for good. */
u64 slots_take(u64 count);

/* An untyped of 2^bits bytes. `largest` (bits) gives the largest one up to that and says which. */
u64 untyped_take(u64 bits);
u64 untyped_take_at_most(u64 *bits);

/* Bytes that could still be taken, in pieces of a page at least. */
u64 untyped_free(void);

/* A supply of at least `bytes` bytes with `slots` slots; back to its beginning, everything made of it gone.
 */
void supply_init(struct supply *supply, u64 bytes, u64 slots);
void supply_reset(struct supply *supply);

/* What a supply just reset has lost: slots that are still full, and untypeds that lack memory, at most SUPPLY_PIECES.
 * Asks the kernel: all slots are filled with objects, then one object is made of all the memory of each untyped, which
 * works only if everything came back; then all go again. */
u64 supply_lost(struct supply *supply);

/* A new object; its slot. `count` objects in slots that follow each other. */
u64 supply_make(struct supply *supply, u64 type, u64 bits, u64 count);

/* The frame at a device's address; 0 if the kernel gives no such memory. The same one when asked again. */
u64 device_frame(u64 address);

/* The capability to handle a device's interrupt. Once for each. */
u64 irq_handler_take(u64 irq);

/* Maps a frame; page tables come from `tables`, which serves this address space alone. */
void page_map(struct supply *tables, u64 vspace, u64 frame, u64 address, seL4_CapRights_t rights,
              bool executable);
/* The same for a page of 2 MiB, read-write: it needs one table fewer. */
void large_page_map(struct supply *tables, u64 vspace, u64 frame, u64 address);

/* The tables alone, for [address, address + size). */
void tables_map(struct supply *tables, u64 vspace, u64 address, u64 size);

/* Shows a frame to the supervisor, one at a time; whoever had it mapped through the same capability loses it.
 */
void *scratch_map(u64 frame);
void scratch_unmap(u64 frame);

/* The supply for the supervisor's own tables and copies. */
extern struct supply root_supply;

/* A capability copied to a new slot of a server's CNode (radix bits deep), with a badge or CNode guard if not
 * 0. */
void cap_copy(u64 cnode, u64 slot, u64 radix, u64 source, seL4_CapRights_t rights);
void cap_mint(u64 cnode, u64 slot, u64 radix, u64 source, seL4_CapRights_t rights, u64 data);

_Noreturn void root_fail(const char *what);

#endif
