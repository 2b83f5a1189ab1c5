/*
 * The tables of a server of operations. A server's main.c defines OPERATION_FILE as its port/SERVICE.def and
 * includes this once: it makes the entries, and `operations` and `operation_outs` for its struct server_loop.
 */
#ifndef PLACEMENT_MICRO_SERVER_TABLES_H
#define PLACEMENT_MICRO_SERVER_TABLES_H

#include "placement/micro/server/operations.h"

#define OPERATION OPERATION_ENTRY
#include OPERATION_FILE
#undef OPERATION

static const server_operation operations[] = {
#define OPERATION OPERATION_IN_TABLE
#include OPERATION_FILE
#undef OPERATION
};

static const u8 operation_outs[] = {
#define OPERATION OPERATION_OUT_TABLE
#include OPERATION_FILE
#undef OPERATION
};

#endif
