/* The ids of rows.def, as constants for markers. */
#ifndef USER_BENCH_ROWS_H
#define USER_BENCH_ROWS_H

enum {
#define ROW(id, name)  ROW_##name = (id),
#define BOOT(id, name) ROW(id, name)
#include "user/bench/rows.def"
#undef BOOT
#undef ROW
};

#endif
