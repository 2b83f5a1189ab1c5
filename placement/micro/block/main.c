/* The block server: the core's operations on its endpoint. */
#include "placement/micro/server/operations.h"
#include "port/block.h"

#define OPERATION_FILE "port/block.def"
#include "placement/micro/server/tables.h"

static const struct server_loop loop = {
    .operations = operations, .outs = operation_outs, .count = ARRAY_SIZE(operations)};

void server_main(void)
{
    server_live(&loop, blk_start, blk_restart);
}
