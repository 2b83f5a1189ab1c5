/*
 * What a hart supplies to a kernel: traps, address translation, time, waiting, floating-point state,
 * backtraces.
 *
 * The implementation is machine/riscv64. Register and bit names follow the RISC-V privileged
 * specification 1.12; "SPEC n.m" below is a section of it. Outside machine/ only two
 * things touch a CSR: micro's own vector for user mode (kernel/micro/entry.S), and micro's servers and
 * supervisor, which read the time as any program may.
 *
 * Every function here runs with any interrupt state, does not wait and cannot fail, unless it says otherwise.
 */
#ifndef MACHINE_ARCH_H
#define MACHINE_ARCH_H

#include "lib/types.h"

#define ARCH_HARTS_MAX 8

/* ---- Traps ------------------------------------------------------------------------------------------------
 *
 * While a hart runs in user mode its sscratch holds the address of the running thread's arch_frame. A trap
 * from user mode saves the user registers there, loads sp and tp from kernel_sp and kernel_tp of the frame,
 * and goes on in the kernel with interrupts off. How it goes on is where the kernels differ:
 *
 *   mono runs a program on a kernel thread of its own: the trap is the return from arch_user_run(frame).
 *   micro has one kernel stack and a trap vector of its own for user mode (kernel/micro/entry.S), which hands
 * traps from the kernel on to the one here.
 *
 * A trap taken in supervisor mode pushes an arch_frame on the current stack and calls trap_from_kernel(),
 * which the kernel defines; when that returns the interrupted code goes on. If the stack has no room (below
 * hart->stack_limit) the trap code moves to the hart's emergency stack first, so an overflow is reported too.
 */
struct arch_frame {
    u64 x[32];  /* x[0] is not used; x[n] is register xn: x1 ra, x2 sp, x3 gp, x4 tp, x10..x17 a0..a7 */
    u64 pc;     /* sepc: where the thread resumes */
    u64 status; /* sstatus to resume with; a user thread cannot change it: see arch_frame_init_user() */
    u64 cause;  /* scause of the last trap */
    u64 value;  /* stval of the last trap */
    u64 kernel_sp;
    u64 kernel_tp;   /* the hart that runs the thread: struct arch_hart * */
    u64 reserved[2]; /* micro writes the first at each return to user mode; it means nothing */
};

enum {
    REG_RA = 1,
    REG_SP = 2,
    REG_GP = 3,
    REG_TP = 4,
    REG_T0 = 5,
    REG_S0 = 8,
    REG_A0 = 10,
    REG_A1 = 11,
    REG_A2 = 12,
    REG_A3 = 13,
    REG_A4 = 14,
    REG_A5 = 15,
    REG_A6 = 16,
    REG_A7 = 17,
};

/* scause values, SPEC 4.1.8 */
#define CAUSE_INTERRUPT      (1ul << 63)
#define CAUSE_FETCH_MISALIGN 0
#define CAUSE_FETCH_ACCESS   1
#define CAUSE_ILLEGAL        2
#define CAUSE_BREAKPOINT     3
#define CAUSE_LOAD_ACCESS    5
#define CAUSE_STORE_ACCESS   7
#define CAUSE_USER_CALL      8
#define CAUSE_FETCH_PAGE     12
#define CAUSE_LOAD_PAGE      13
#define CAUSE_STORE_PAGE     15
#define CAUSE_IRQ_SOFTWARE   (CAUSE_INTERRUPT | 1)
#define CAUSE_IRQ_TIMER      (CAUSE_INTERRUPT | 5)
#define CAUSE_IRQ_EXTERNAL   (CAUSE_INTERRUPT | 9)

/* The cause in words ("store page fault"); never NULL. */
const char *arch_cause_text(u64 cause);

/* What belongs to a hart. tp holds its address whenever kernel code runs. */
struct arch_hart {
    u64 stack_limit; /* lowest address the current kernel stack may use; 0: no check (offset 0 in trap.S) */
    u64 emergency_stack; /* top of the stack used after an overflow (offset 8 in trap.S) */
    u64 id;              /* hart id of the firmware */
    u64 index;           /* 0 .. number of running harts - 1; 0 is the boot hart */
    void *current;       /* the kernel's own: its running thread */
    void *kernel_data;   /* the kernel's own */
    u64 start_stack;     /* arch_hart_start(): where the hart begins */
    u64 start_entry;
    u64 start_satp;
};

/* The hart this runs on. Where threads may move between harts, valid as long as interrupts stay off. */
static inline struct arch_hart *arch_hart(void);

/* arch_hart()->current in one step: right for a thread that may be moved to another hart at any moment. */
static inline void *arch_current(void);

/* arch_hart()->kernel_data in one step: valid as arch_hart() is. */
static inline void *arch_kernel_data(void);

/* All user registers zero, status for user mode with interrupts on and the floating-point unit off. */
void arch_frame_init_user(struct arch_frame *frame);

/*
 * Continues the user thread of `frame` and returns after its next trap, with interrupts off; frame->cause
 * says why. Called on a kernel stack with interrupts off; kernel_sp and kernel_tp are filled in here. The
 * caller's registers are the compiler's to keep: nothing is saved twice. Returns `frame`.
 */
static inline struct arch_frame *arch_user_run(struct arch_frame *frame);

/* Defined by each kernel. Interrupts are off. May switch threads and return later. */
void trap_from_kernel(struct arch_frame *frame);

/* ---- Kernel threads ------------------------------------------------------------------------------------ */

struct arch_switch {
    u64 ra, sp, s[12];
};

/* Saves the running kernel thread in `from`, continues `to` where it was saved. Interrupts must be off. */
void arch_switch(struct arch_switch *from, struct arch_switch *to);

/* Makes `to` begin at entry(argument) on the stack whose top is `stack_top` (16-byte aligned). entry must not
 * return. */
void arch_switch_prepare(struct arch_switch *to, u64 stack_top, void (*entry)(void *), void *argument);

/* ---- Interrupts and time ------------------------------------------------------------------------------- */

static inline bool arch_irq_disable(void);         /* returns whether they were on */
static inline void arch_irq_restore(bool enabled); /* with what arch_irq_disable() returned */
bool arch_irq_enabled(void);
u64 arch_irq_pending(void); /* sip & sie: nonzero if a trap would be taken were interrupts on */
#define ARCH_PENDING_SOFTWARE (1ul << 1)
#define ARCH_PENDING_TIMER    (1ul << 5)
#define ARCH_PENDING_EXTERNAL (1ul << 9)

/* Waits until an interrupt is pending, taken or not. Works with interrupts off. */
void arch_wait_for_interrupt(void);

u64 arch_time(void); /* the time CSR; board.timebase counts a second */
void arch_timer_set(
    u64 when); /* timer interrupt once arch_time() >= when; clears a pending one; ~0 for never */

/* ---- Other harts -----------------------------------------------------------------------------------------
 *
 * A machine begins with one hart, the boot hart, whose structure is the machine layer's. The kernel supplies
 * the structures of the others, zeroed, in the kernel image.
 */

/*
 * Starts hart->id at entry() on the stack below `stack_top`, tp = hart, interrupts off, with arch_kernel_root
 * and the trap vector set. hart->stack_limit and emergency_stack are the caller's to set before. entry must
 * not return. Returns false if the firmware does not know the hart or cannot start it (SBI 1.0, section 9).
 * One hart at a time: the next only when entry() of this one has been reached.
 */
bool arch_hart_start(struct arch_hart *hart, u64 stack_top, void (*entry)(void));

/* This hart takes interrupts from other harts from now on. */
void arch_ipi_accept(void);

/* Interrupts another hart, or this one: CAUSE_IRQ_SOFTWARE until it calls arch_ipi_clear(). */
void arch_ipi_send(const struct arch_hart *hart);
void arch_ipi_clear(void);

/* Like arch_tlb_flush_asid(), for another hart that runs; complete when this returns. */
void arch_tlb_flush_remote(const struct arch_hart *hart, u64 asid);

/* Between the turns of a loop that waits for another hart. */
static inline void arch_relax(void);

/* ---- Address translation: Sv39, SPEC 4.4 ------------------------------------------------------------------
 *
 * Kernel and user share each address space. The kernel's half, entries 256..511 of every root table, is the
 * same everywhere and global:
 *
 *   0xffffffc000000000  direct map: physical 0 upward in 1 GiB pages, read-write, never executable
 *   0xffffffff40000000  kernel window: 1 GiB of 4 KiB pages the kernel maps for itself (mono: thread stacks)
 *   0xffffffff80200000  the kernel image, physical 0x80200000: text read-execute, read-only data,
 *                       the rest read-write
 */
#define ARCH_DIRECT_BASE 0xffffffc000000000ul
#define ARCH_DIRECT_GIB  253ul
#define ARCH_WINDOW_BASE 0xffffffff40000000ul
#define ARCH_WINDOW_SIZE 0x40000000ul
#define ARCH_IMAGE_BASE  0xffffffff80000000ul
#define ARCH_IMAGE_PHYS  0x80000000ul

#define PTE_V    (1ul << 0)
#define PTE_R    (1ul << 1)
#define PTE_W    (1ul << 2)
#define PTE_X    (1ul << 3)
#define PTE_U    (1ul << 4)
#define PTE_G    (1ul << 5)
#define PTE_A    (1ul << 6)
#define PTE_D    (1ul << 7)
#define PTE_LEAF (PTE_R | PTE_W | PTE_X)

#define ARCH_TABLE_ENTRIES 512
#define ARCH_TABLE_LEVELS  3 /* level 2 is the root */

static inline void *arch_direct(paddr address)
{
    return (void *)(ARCH_DIRECT_BASE + address);
}

/* The physical address behind a pointer into the direct map or the kernel image. */
static inline paddr arch_physical(const void *pointer)
{
    u64 address = (u64)pointer;
    return address >= ARCH_IMAGE_BASE ? address - ARCH_IMAGE_BASE + ARCH_IMAGE_PHYS
                                      : address - ARCH_DIRECT_BASE;
}

static inline u64 arch_pte(paddr address, u64 flags)
{
    return (address >> PAGE_SHIFT) << 10 | flags;
}

static inline paddr arch_pte_address(u64 pte)
{
    return ((pte >> 10) & ((1ul << 44) - 1)) << PAGE_SHIFT;
}

/* Index of `address` in a table of `level` (0 leaf, 2 root). */
static inline u64 arch_table_index(u64 address, u32 level)
{
    return (address >> (PAGE_SHIFT + 9 * level)) & (ARCH_TABLE_ENTRIES - 1);
}

extern u64 arch_kernel_root[ARCH_TABLE_ENTRIES]; /* the root table with nothing in its user half */

/* Copies the kernel's half into a fresh root table (4 KiB, direct map); the user half is left as it is. */
void arch_root_init(u64 *root);

/* Switches to the address space of `root` under `asid`. No flush: callers flush what they change or recycle.
 */
void arch_space_switch(paddr root, u64 asid);

void arch_tlb_flush_page(uaddr address, u64 asid); /* one page of one space, this hart */
void arch_tlb_flush_asid(u64 asid);                /* one space without global pages, this hart */
void arch_tlb_flush_all(void);                     /* everything, this hart */
void arch_fence_i(void);                           /* instruction fetches see earlier stores, this hart */
void arch_fence_io(void); /* orders memory and device accesses, SPEC (unprivileged) 2.7 */

/* Maps a page of the kernel window. `address` lies in the window; table pages come from table_page(), which
 * returns a zeroed page or NULL. Returns false if that failed or the page is mapped already. Boot time only.
 */
bool arch_window_map(u64 address, paddr page, u64 flags, void *(*table_page)(void));

/* ---- Floating point ------------------------------------------------------------------------------------ */

struct arch_fpu {
    u64 f[32];
    u64 fcsr;
};
#define ARCH_STATUS_FS       (3ul << 13) /* sstatus.FS in arch_frame.status: Off 0, Initial 1, Clean 2, Dirty 3 */
#define ARCH_STATUS_FS_CLEAN (2ul << 13)
#define ARCH_STATUS_FS_DIRTY (3ul << 13)

void arch_fpu_save(struct arch_fpu *state); /* stores the unit's registers; enables it meanwhile */
void arch_fpu_load(const struct arch_fpu *state);

/* ---- Start and end ------------------------------------------------------------------------------------- */

/*
 * Defined by each kernel: called once on the boot hart, interrupts off, on the boot stack (16 KiB), with the
 * kernel's half mapped, bss zeroed and the vector set; nothing of the board is initialised yet.
 */
_Noreturn void kernel_main(u64 hart_id, paddr device_tree);

/*
 * Walks the frame pointers from (pc, fp); every address read must lie in [stack_low, stack_high). Stores up
 * to `max` return addresses, the first one being pc itself. `ra` is that register, which counts if pc lies in
 * a function that calls nobody. Returns how many.
 */
u32 arch_backtrace(u64 pc, u64 ra, u64 fp, u64 stack_low, u64 stack_high, u64 *addresses, u32 max);

#include "machine/riscv64/inline.h"

#endif
