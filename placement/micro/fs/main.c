/* The fs server: the core's operations on its endpoint. Its calls to block go out through the stubs below. */
#include "placement/micro/server/operations.h"
#include "port/block.h"
#include "port/fs.h"

#define OPERATION OPERATION_STUB
#include "port/block.def"
#undef OPERATION

#define OPERATION_FILE "port/fs.def"
#include "placement/micro/server/tables.h"

static const struct server_loop loop = {
    .operations = operations, .outs = operation_outs, .count = ARRAY_SIZE(operations)};

void server_main(void)
{
    server_live(&loop, fs_start, fs_restart);
}
