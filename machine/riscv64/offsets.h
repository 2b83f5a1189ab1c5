/*
 * Offsets of the structures that assembly reads, checked against machine/arch.h by machine/riscv64/hart.c.
 */
#ifndef MACHINE_RISCV64_OFFSETS_H
#define MACHINE_RISCV64_OFFSETS_H

#define FRAME_X(n)      (8 * (n))
#define FRAME_PC        256
#define FRAME_STATUS    264
#define FRAME_CAUSE     272
#define FRAME_VALUE     280
#define FRAME_KERNEL_SP 288
#define FRAME_KERNEL_TP 296
#define FRAME_RESERVED  304
#define FRAME_SIZE      320

#define HART_STACK_LIMIT     0
#define HART_EMERGENCY_STACK 8
#define HART_CURRENT         32
#define HART_KERNEL_DATA     40
#define HART_START_STACK     48
#define HART_START_ENTRY     56
#define HART_START_SATP      64
#define HART_SIZE            72

#define BOOT_STACK_SIZE      16384
#define EMERGENCY_STACK_SIZE 8192

#endif
