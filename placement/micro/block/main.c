/* The block server: the core's operations on its endpoint. */
#include "placement/micro/server/operations.h"
#include "port/block.h"

#define OPERATION OPERATION_ENTRY
#include "port/block.def"
#undef OPERATION

static const server_operation operations[] = {
#define OPERATION OPERATION_IN_TABLE
#include "port/block.def"
#undef OPERATION
};

static const u8 outs[] = {
#define OPERATION OPERATION_OUT_TABLE
#include "port/block.def"
#undef OPERATION
};

static const struct server_loop loop = {
    .operations = operations, .outs = outs, .count = ARRAY_SIZE(operations)};

void server_main(void)
{
    server_live(&loop, blk_start, blk_restart);
}
