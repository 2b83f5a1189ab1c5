/*
 * The console service as long as micro has no console server: output goes to the supervisor's line; there is
 * no input.
 */
#include "port/console.h"
#include "placement/micro/server/runtime.h"
#include "port/transfer.h"

enum err cons_write(u64 transfer, u64 length)
{
    const u8 *bytes = port_transfer(transfer);

    if (!bytes || length > PORT_TRANSFER_SIZE)
        return ERR_ARGUMENT;
    server_log((const char *)bytes, length);
    return ERR_OK;
}

enum err cons_read(u64 reader, u64 transfer, u64 length, u64 *count)
{
    (void)reader, (void)transfer, (void)length, (void)count;
    return ERR_ABSENT;
}

enum err cons_cancel(u64 reader)
{
    (void)reader;
    return ERR_ABSENT;
}

enum err cons_forget(u64 reader)
{
    (void)reader;
    return ERR_ABSENT;
}

enum err cons_attention(void)
{
    return ERR_ABSENT;
}
