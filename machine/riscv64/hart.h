/* Between the files of the machine layer only. */
#ifndef MACHINE_RISCV64_HART_H
#define MACHINE_RISCV64_HART_H

#include "lib/types.h"

/* Chooses how arch_timer_set() works: the hart's own stimecmp (extension Sstc) or the firmware. */
void hart_timer_init(bool sstc);

/* A firmware call, SBI 1.0 section 3. Returns the error word; *value (may be NULL) gets the value word. */
s64 sbi_call(u64 extension, u64 function, u64 a0, u64 a1, u64 *value);

#define SBI_TIME           0x54494d45ul
#define SBI_RESET          0x53525354ul
#define SBI_HART           0x48534dul   /* "HSM", section 9 */
#define SBI_IPI            0x735049ul   /* "sPI", section 7 */
#define SBI_FENCE          0x52464e43ul /* "RFNC", section 8 */
#define SBI_HART_START     0
#define SBI_FENCE_VMA_ASID 2
#define SBI_PUTCHAR_OLD    1ul /* legacy console, for a machine whose tree cannot be read */

#endif
