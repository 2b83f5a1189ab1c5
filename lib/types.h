/*
 * The integer types used everywhere.
 *
 * Plain char is unsigned on riscv64 and signed on the host: nothing computes with it, u8 and s8 are for that.
 */
#ifndef LIB_TYPES_H
#define LIB_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

/* Addresses of three worlds. A kernel-virtual address is a pointer; the other two are numbers. */
typedef u64 paddr; /* physical: what page tables and devices hold */
typedef u64 uaddr; /* virtual, in a program's address space: never dereferenced outside that program */

#define PAGE_SHIFT 12
#define PAGE_SIZE  4096ul

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* For `align` a power of two. round_up(x) wraps to 0 when x > 2^64 - align: callers bound x first. */
static inline u64 round_down(u64 value, u64 align)
{
    return value & ~(align - 1);
}

static inline u64 round_up(u64 value, u64 align)
{
    return (value + align - 1) & ~(align - 1);
}

static inline u64 min_u64(u64 a, u64 b)
{
    return a < b ? a : b;
}

static inline u64 max_u64(u64 a, u64 b)
{
    return a > b ? a : b;
}

#endif
