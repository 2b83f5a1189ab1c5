/* The console server: the core's operations on its endpoint. */
#include "placement/micro/server/operations.h"
#include "port/console.h"

#define OPERATION OPERATION_ENTRY
#include "port/console.def"
#undef OPERATION

static const server_operation operations[] = {
#define OPERATION OPERATION_IN_TABLE
#include "port/console.def"
#undef OPERATION
};

static const u8 outs[] = {
#define OPERATION OPERATION_OUT_TABLE
#include "port/console.def"
#undef OPERATION
};

static const struct server_loop loop = {
    .operations = operations, .outs = outs, .count = ARRAY_SIZE(operations)};

void server_main(void)
{
    server_live(&loop, cons_start, cons_restart);
}
