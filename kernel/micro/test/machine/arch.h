/*
 * The hart as the kernel's objects see it, on the developer's computer: found instead of the real
 * machine/arch.h. The kernel's "physical" addresses are the test's own.
 */
#ifndef MACHINE_ARCH_H
#define MACHINE_ARCH_H

#include "lib/types.h"

struct arch_frame {
    u64 x[32], pc, status, cause, value, kernel_sp, kernel_tp, kernel_entry, reserved;
};

enum {
    REG_RA = 1,
    REG_SP = 2,
    REG_TP = 4,
    REG_A0 = 10,
    REG_A1 = 11,
    REG_A2 = 12,
    REG_A6 = 16,
};

#define CAUSE_FETCH_ACCESS 1

struct arch_fpu {
    u64 f[32], fcsr;
};

#define PTE_V    (1ul << 0)
#define PTE_R    (1ul << 1)
#define PTE_W    (1ul << 2)
#define PTE_X    (1ul << 3)
#define PTE_U    (1ul << 4)
#define PTE_A    (1ul << 6)
#define PTE_D    (1ul << 7)
#define PTE_LEAF (PTE_R | PTE_W | PTE_X)

#define ARCH_STATUS_FS       (3ul << 13)
#define ARCH_STATUS_FS_CLEAN (2ul << 13)

#define ARCH_TABLE_ENTRIES 512
#define ARCH_TABLE_LEVELS  3

static inline void *arch_direct(paddr address)
{
    return (void *)address;
}

static inline paddr arch_physical(const void *pointer)
{
    return (paddr)pointer;
}

static inline u64 arch_pte(paddr address, u64 flags)
{
    return (address >> PAGE_SHIFT) << 10 | flags;
}

static inline paddr arch_pte_address(u64 pte)
{
    return ((pte >> 10) & ((1ul << 44) - 1)) << PAGE_SHIFT;
}

static inline u64 arch_table_index(u64 address, u32 level)
{
    return (address >> (PAGE_SHIFT + 9 * level)) & (ARCH_TABLE_ENTRIES - 1);
}

extern u64 arch_kernel_root[ARCH_TABLE_ENTRIES];

void arch_root_init(u64 *root);
void arch_space_switch(paddr root, u64 asid);
void arch_tlb_flush_page(uaddr address, u64 asid);
void arch_tlb_flush_asid(u64 asid);
void arch_tlb_flush_all(void);

#endif
