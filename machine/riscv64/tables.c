/*
 * The kernel's half of every address space (the map is in machine/arch.h).
 *
 * boot_tables() runs before translation is on, at physical addresses: it may use nothing but pc-relative
 * references.
 */
#include "lib/string.h"
#include "machine/arch.h"

#define IMAGE_TABLES 4 /* of 2 MiB each: the image with its bss lies in the 8 MiB from 0x80200000 */
#define SATP_SV39    (8ul << 60)

__attribute__((aligned(4096))) u64 arch_kernel_root[ARCH_TABLE_ENTRIES];
static __attribute__((aligned(4096))) u64 image_level1[ARCH_TABLE_ENTRIES];
static __attribute__((aligned(4096))) u64 image_level0[IMAGE_TABLES][ARCH_TABLE_ENTRIES];
static __attribute__((aligned(4096))) u64 window_level1[ARCH_TABLE_ENTRIES];

/* From the linker script; page-aligned. */
extern u8 kernel_start[], text_end[], rodata_end[], kernel_end[];

u64 boot_tables(void);

u64 boot_tables(void)
{
    const u64 kept = PTE_V | PTE_G | PTE_A | PTE_D;
    u64 first = (u64)kernel_start, image = ARCH_TABLE_ENTRIES - 2, window = ARCH_TABLE_ENTRIES - 3;

    for (u64 i = 0; i < ARCH_DIRECT_GIB; i++)
        arch_kernel_root[ARCH_TABLE_ENTRIES / 2 + i] = arch_pte(i << 30, kept | PTE_R | PTE_W);
    arch_kernel_root[2] = arch_pte(ARCH_IMAGE_PHYS, kept | PTE_LEAF);
    arch_kernel_root[image] = arch_pte((paddr)image_level1, PTE_V);
    arch_kernel_root[window] = arch_pte((paddr)window_level1, PTE_V);

    for (u64 i = 0; i < IMAGE_TABLES; i++)
        image_level1[1 + i] = arch_pte((paddr)image_level0[i], PTE_V);
    for (paddr page = first; page < (paddr)kernel_end; page += PAGE_SIZE) {
        u64 flags = kept | PTE_R | PTE_W;

        if (page < (paddr)text_end)
            flags = kept | PTE_R | PTE_X;
        else if (page < (paddr)rodata_end)
            flags = kept | PTE_R;
        image_level0[(page - first) >> 21][(page >> PAGE_SHIFT) & (ARCH_TABLE_ENTRIES - 1)] =
            arch_pte(page, flags);
    }
    return SATP_SV39 | (paddr)arch_kernel_root >> PAGE_SHIFT;
}

bool arch_window_map(u64 address, paddr page, u64 flags, void *(*table_page)(void))
{
    u64 *middle = &window_level1[arch_table_index(address, 1)];
    u64 *leaf;

    if (!(*middle & PTE_V)) {
        void *table = table_page();

        if (!table)
            return false;
        *middle = arch_pte(arch_physical(table), PTE_V);
    }
    leaf = (u64 *)arch_direct(arch_pte_address(*middle)) + arch_table_index(address, 0);
    if (*leaf & PTE_V)
        return false;
    *leaf = arch_pte(page, flags | PTE_V | PTE_G | PTE_A | PTE_D);
    arch_tlb_flush_all();
    return true;
}
