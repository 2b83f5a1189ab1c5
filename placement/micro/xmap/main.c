/*
 * The xmap server: the core's operations on its endpoint, and one request of the placement's own.
 */
#include "placement/micro/server/operations.h"
#include "placement/micro/xmap/server.h"
#include "port/vspace.h"
#include "port/xmap.h"

#define OPERATION_FILE "port/xmap.def"
#include "placement/micro/server/tables.h"

/* The address space of a program, for its thread: unix makes threads, xmap the spaces they run in. */
static seL4_MessageInfo_t request(u64 label, const u64 *words)
{
    u64 root = label == XMAP_GIVE_VSPACE ? vspace_root_cap((u32)words[0]) : 0;

    if (!root)
        return seL4_MessageInfo_new(ERR_NOT_FOUND, 0, 0, 0);
    seL4_SetCap(0, root);
    return seL4_MessageInfo_new(ERR_OK, 0, 1, 0);
}

/* vspace.c notes every change of the second. */
static void note(void)
{
    struct server_record *record = server_record();

    record->request_free = record->current_free;
}

static const struct server_loop loop = {.operations = operations,
                                        .outs = operation_outs,
                                        .count = ARRAY_SIZE(operations),
                                        .request = request,
                                        .note = note};

static enum err start(void)
{
    enum err err = vspace_begin();

    return err == ERR_OK ? xmap_start() : err;
}

static enum err restart(void)
{
    enum err err = vspace_begin();

    return err == ERR_OK ? xmap_restart() : err;
}

void server_main(void)
{
    server_live(&loop, start, restart);
}
