/* The console server: the core's operations on its endpoint. */
#include "placement/micro/server/operations.h"
#include "port/console.h"

#define OPERATION_FILE "port/console.def"
#include "placement/micro/server/tables.h"

static const struct server_loop loop = {
    .operations = operations, .outs = operation_outs, .count = ARRAY_SIZE(operations)};

void server_main(void)
{
    server_live(&loop, cons_start, cons_restart);
}
