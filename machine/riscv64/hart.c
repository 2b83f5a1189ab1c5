/*
 * The hart: CSRs, time, firmware calls, address-space switches, floating point, backtraces.
 *
 * The only file of C that touches CSRs. Section numbers are of the RISC-V privileged specification 1.12.
 */
#include "machine/riscv64/hart.h"
#include "machine/arch.h"
#include "machine/riscv64/offsets.h"

_Static_assert(sizeof(struct arch_frame) == FRAME_SIZE, "trap.S");
_Static_assert(offsetof(struct arch_frame, x) == FRAME_X(0), "trap.S");
_Static_assert(offsetof(struct arch_frame, pc) == FRAME_PC, "trap.S");
_Static_assert(offsetof(struct arch_frame, status) == FRAME_STATUS, "trap.S");
_Static_assert(offsetof(struct arch_frame, cause) == FRAME_CAUSE, "trap.S");
_Static_assert(offsetof(struct arch_frame, value) == FRAME_VALUE, "trap.S");
_Static_assert(offsetof(struct arch_frame, kernel_sp) == FRAME_KERNEL_SP, "trap.S");
_Static_assert(offsetof(struct arch_frame, kernel_tp) == FRAME_KERNEL_TP, "trap.S");
_Static_assert(offsetof(struct arch_frame, reserved) == FRAME_RESERVED, "trap.S");
_Static_assert(offsetof(struct arch_hart, stack_limit) == HART_STACK_LIMIT, "trap.S");
_Static_assert(offsetof(struct arch_hart, emergency_stack) == HART_EMERGENCY_STACK, "trap.S");
_Static_assert(offsetof(struct arch_hart, current) == HART_CURRENT, "inline.h");
_Static_assert(offsetof(struct arch_hart, kernel_data) == HART_KERNEL_DATA, "inline.h");
_Static_assert(offsetof(struct arch_hart, start_stack) == HART_START_STACK, "start.S");
_Static_assert(offsetof(struct arch_hart, start_entry) == HART_START_ENTRY, "start.S");
_Static_assert(offsetof(struct arch_hart, start_satp) == HART_START_SATP, "start.S");
_Static_assert(sizeof(struct arch_hart) == HART_SIZE, "start.S");
_Static_assert(sizeof(struct arch_switch) == 14 * 8, "trap.S");

#define csr_read(name)                                                                                       \
    ({                                                                                                       \
        u64 value_;                                                                                          \
        __asm__ volatile(".option push\n.option arch, +zicsr\ncsrr %0, " name "\n.option pop"                \
                         : "=r"(value_));                                                                    \
        value_;                                                                                              \
    })
#define csr_write(name, value)                                                                               \
    __asm__ volatile(".option push\n.option arch, +zicsr\ncsrw " name                                        \
                     ", %0\n.option pop" ::"r"((u64)(value))                                                 \
                     : "memory")
#define csr_set(name, bits)                                                                                  \
    __asm__ volatile(".option push\n.option arch, +zicsr\ncsrs " name ", %0\n.option pop" ::"r"((u64)(bits)) \
                     : "memory")
#define csr_clear(name, bits)                                                                                \
    __asm__ volatile(".option push\n.option arch, +zicsr\ncsrc " name ", %0\n.option pop" ::"r"((u64)(bits)) \
                     : "memory")

#define STATUS_SPIE (1ul << 5)
#define STATUS_SPP  (1ul << 8)
#define SATP_SV39   (8ul << 60)
#define STIMECMP    "0x14d" /* extension Sstc; the assembler of Debian 12 knows no name for it */

const char *arch_cause_text(u64 cause)
{
    static const char *const exceptions[] = {
        "misaligned fetch", "fetch access fault", "illegal instruction", "breakpoint",
        "misaligned load",  "load access fault",  "misaligned store",    "store access fault",
        "user system call", "kernel system call", "exception 10",        "machine system call",
        "fetch page fault", "load page fault",    "exception 14",        "store page fault",
    };

    if (cause == CAUSE_IRQ_SOFTWARE)
        return "interrupt from another hart";
    if (cause == CAUSE_IRQ_TIMER)
        return "timer interrupt";
    if (cause == CAUSE_IRQ_EXTERNAL)
        return "external interrupt";
    return cause < ARRAY_SIZE(exceptions) ? exceptions[cause] : "unknown cause";
}

void arch_frame_init_user(struct arch_frame *frame)
{
    *frame = (struct arch_frame){.status = STATUS_SPIE}; /* SPP 0: user mode */
}

void switch_begin(void);

void arch_switch_prepare(struct arch_switch *to, u64 stack_top, void (*entry)(void *), void *argument)
{
    *to = (struct arch_switch){.ra = (u64)switch_begin, .sp = stack_top};
    to->s[1] = (u64)entry;
    to->s[2] = (u64)argument;
}

bool arch_irq_enabled(void)
{
    return csr_read("sstatus") & ARCH_STATUS_SIE;
}

u64 arch_irq_pending(void)
{
    return csr_read("sip") & csr_read("sie");
}

void arch_wait_for_interrupt(void)
{
    __asm__ volatile("wfi" ::: "memory");
}

/* SBI 1.0, section 3: arguments in a0 to a4, the function in a6 and a7, the answer in a0 and a1. */
static s64 sbi_call_long(u64 extension, u64 function, u64 first, u64 second, u64 third, u64 fourth, u64 fifth,
                         u64 *value)
{
    register u64 a0 __asm__("a0") = first;
    register u64 a1 __asm__("a1") = second;
    register u64 a2 __asm__("a2") = third;
    register u64 a3 __asm__("a3") = fourth;
    register u64 a4 __asm__("a4") = fifth;
    register u64 a6 __asm__("a6") = function;
    register u64 a7 __asm__("a7") = extension;

    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a3), "r"(a4), "r"(a6), "r"(a7) : "memory");
    if (value)
        *value = a1;
    return (s64)a0;
}

s64 sbi_call(u64 extension, u64 function, u64 first, u64 second, u64 *value)
{
    return sbi_call_long(extension, function, first, second, 0, 0, 0, value);
}

static bool timer_is_local;

void hart_timer_init(bool sstc)
{
    timer_is_local = sstc;
    arch_timer_set(~0ul);
}

u64 arch_time(void)
{
    return csr_read("time");
}

void arch_timer_set(u64 when)
{
    if (timer_is_local)
        csr_write(STIMECMP, when);
    else
        sbi_call(SBI_TIME, 0, when, 0, NULL);
}

void hart_start_other(void); /* start.S */

/* Whom a hart takes itself for that the firmware sends to the image's entry instead (start.S). */
extern paddr hart_starting;
paddr hart_starting;

bool arch_hart_start(struct arch_hart *hart, u64 stack_top, void (*entry)(void))
{
    hart->start_stack = stack_top;
    hart->start_entry = (u64)entry;
    hart->start_satp = SATP_SV39 | arch_physical(arch_kernel_root) >> PAGE_SHIFT;
    hart_starting = arch_physical(hart);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return sbi_call_long(SBI_HART, SBI_HART_START, hart->id, arch_physical((void *)hart_start_other),
                         arch_physical(hart), 0, 0, NULL) == 0;
}

void arch_ipi_accept(void)
{
    csr_set("sie", ARCH_PENDING_SOFTWARE);
}

void arch_ipi_send(const struct arch_hart *hart)
{
    sbi_call(SBI_IPI, 0, 1, hart->id, NULL);
}

void arch_ipi_clear(void)
{
    csr_clear("sip", ARCH_PENDING_SOFTWARE);
}

/* Start 0 and size ~0: all addresses. */
void arch_tlb_flush_remote(const struct arch_hart *hart, u64 asid)
{
    sbi_call_long(SBI_FENCE, SBI_FENCE_VMA_ASID, 1, hart->id, 0, ~0ul, asid, NULL);
}

void arch_root_init(u64 *root)
{
    for (u32 i = ARCH_TABLE_ENTRIES / 2; i < ARCH_TABLE_ENTRIES; i++)
        root[i] = arch_kernel_root[i];
}

void arch_space_switch(paddr root, u64 asid)
{
    csr_write("satp", SATP_SV39 | asid << 44 | root >> PAGE_SHIFT);
}

void arch_tlb_flush_page(uaddr address, u64 asid)
{
    __asm__ volatile("sfence.vma %0, %1" ::"r"(address), "r"(asid) : "memory");
}

void arch_tlb_flush_asid(u64 asid)
{
    __asm__ volatile("sfence.vma zero, %0" ::"r"(asid) : "memory");
}

void arch_tlb_flush_all(void)
{
    __asm__ volatile("sfence.vma" ::: "memory");
}

void arch_fence_i(void)
{
    __asm__ volatile(".option push\n.option arch, +zifencei\nfence.i\n.option pop" ::: "memory");
}

void arch_fence_io(void)
{
    __asm__ volatile("fence iorw, iorw" ::: "memory");
}

/* The 32 registers in turn, by the same instruction. */
#define EACH_FPU(op)                                                                                         \
    op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7) op(8) op(9) op(10) op(11) op(12) op(13) op(14) op(15)    \
        op(16) op(17) op(18) op(19) op(20) op(21) op(22) op(23) op(24) op(25) op(26) op(27) op(28) op(29)    \
            op(30) op(31)

void arch_fpu_save(struct arch_fpu *state)
{
    csr_set("sstatus", ARCH_STATUS_FS);
#define STORE(n) "fsd f" #n ", 8*" #n "(%0)\n"
    __asm__ volatile(".option push\n.option arch, +d, +zicsr\n" EACH_FPU(
                         STORE) "frcsr t0\nsd t0, 256(%0)\n.option pop" ::"r"(state)
                     : "t0", "memory");
#undef STORE
}

void arch_fpu_load(const struct arch_fpu *state)
{
    csr_set("sstatus", ARCH_STATUS_FS);
#define LOAD(n) "fld f" #n ", 8*" #n "(%0)\n"
    __asm__ volatile(".option push\n.option arch, +d, +zicsr\n" EACH_FPU(
                         LOAD) "ld t0, 256(%0)\nfscsr t0\n.option pop" ::"r"(state)
                     : "t0", "memory");
#undef LOAD
}

/* A C function's stack frame: the word below fp is the return address, the one below that the caller's fp. A
 * function that calls nobody saves the latter only, where otherwise the return address is. */
u32 arch_backtrace(u64 pc, u64 ra, u64 fp, u64 stack_low, u64 stack_high, u64 *addresses, u32 max)
{
    u32 count = 0;

    if (max > 0)
        addresses[count++] = pc;
    while (count < max && fp % 8 == 0 && fp >= stack_low + 16 && fp <= stack_high) {
        const u64 *words = (const u64 *)fp;
        u64 caller = words[-1], next = words[-2];

        if (count == 1 && caller > fp && caller <= stack_high) {
            next = caller;
            caller = ra;
        }
        if (caller == 0)
            break;
        addresses[count++] = caller;
        if (next <= fp) /* frames lie upward: anything else is damage or the end */
            break;
        fp = next;
    }
    return count;
}
