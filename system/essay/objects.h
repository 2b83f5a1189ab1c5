/*
 * Kernel objects and mappings, made with a given authority: seL4's calls and nothing else.
 *
 * Main and its worker both use this, each with an authority of its own. In both CSpaces the number of a slot
 * is its CPtr: the root CNode's guard covers the upper bits, so a lookup in it takes all 64.
 */
#ifndef SYSTEM_ESSAY_OBJECTS_H
#define SYSTEM_ESSAY_OBJECTS_H

#include "abi/sel4/sel4.h"
#include "lib/types.h"

/* What somebody may use to get memory and to map it. */
struct authority {
    seL4_CNode cnode;     /* root of the CSpace that the other numbers are for */
    seL4_CPtr vspace;     /* where page tables are added on demand */
    seL4_Untyped untyped; /* where all objects come from */
    seL4_CPtr next_slot;  /* slots from here on ... */
    seL4_CPtr end_slot;   /* ... up to here, exclusively, are empty */
};

/* Depth of a lookup of any slot, see above. */
#define SLOT_DEPTH 64

/* Takes `count` empty slots; the first, or seL4_CapNull when there are not so many. */
seL4_CPtr slots_take(struct authority *by, u64 count);

/* Creates an object in `slot`, which must be empty. `size_bits` counts for CNodes and untypeds only. */
seL4_Error object_create(struct authority *by, seL4_CPtr slot, seL4_Word type, seL4_Word size_bits);

/*
 * Maps the frame into `vspace`, with page tables made by `by` where they are missing. What else may be wrong
 * is the kernel's answer: seL4_DeleteFirst where a page is mapped already. Without a slot:
 * seL4_NotEnoughMemory.
 */
seL4_Error frame_map(struct authority *by, seL4_CPtr vspace, seL4_CPtr frame, u64 address,
                     seL4_CapRights_t rights, seL4_RISCV_VMAttributes attributes);

#endif
