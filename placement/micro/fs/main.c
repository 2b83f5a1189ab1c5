/* The fs server: the core's operations on its endpoint. Its calls to block go out through the stubs below. */
#include "placement/micro/server/operations.h"
#include "port/block.h"
#include "port/fs.h"

#define OPERATION OPERATION_STUB
#include "port/block.def"
#undef OPERATION

#define OPERATION OPERATION_ENTRY
#include "port/fs.def"
#undef OPERATION

static const server_operation operations[] = {
#define OPERATION OPERATION_IN_TABLE
#include "port/fs.def"
#undef OPERATION
};

static const u8 outs[] = {
#define OPERATION OPERATION_OUT_TABLE
#include "port/fs.def"
#undef OPERATION
};

static const struct server_loop loop = {
    .operations = operations, .outs = outs, .count = ARRAY_SIZE(operations)};

void server_main(void)
{
    server_live(&loop, fs_start, fs_restart);
}
