/*
 * Marker instructions: between which two places the counting plugin (tools/bench/count.c) counts.
 *
 * On any hart and at any privilege level they do nothing. The ids are those of rows.def.
 */
#ifndef SYSTEM_BENCH_MARK_H
#define SYSTEM_BENCH_MARK_H

enum {
#define ROW(id, name) ROW_##name = (id),
#include "system/bench/rows.def"
#undef ROW
};

/* clang-format off */
#define MARK(kind, id)  __asm__ volatile("sltiu x0, x0, %0" : : "i"((kind) << 8 | (id)) : "memory")
/* clang-format on */
#define MARK_START(id)   MARK(1, id)
#define MARK_STOP(id)    MARK(2, id) /* one sample: what was executed since the start */
#define MARK_INSTANT(id) MARK(3, id) /* one sample: what was executed since power-on */
#define MARK_END()       MARK(4, 0)  /* ends the emulator; nothing happens without the plugin */

#endif
