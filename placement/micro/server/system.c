/* Ports log and system, and the counters of named faults, in a server: through the supervisor and the record
 * page. */
#include "port/system.h"
#include "lib/format.h"
#include "lib/string.h"
#include "lib/words.h"
#include "placement/common/fault.h"
#include "placement/micro/server/runtime.h"
#include "port/log.h"

struct fault_counter *placement_fault_counters(void)
{
    return server_record()->counters;
}

u64 *placement_fault_armed(void)
{
    return &server_record()->armed;
}

/* The counters of another service lie in its own record: only the supervisor can reach them all. */
enum err port_fault_arm(enum port_fault fault, u64 n, bool always)
{
    return (enum err)server_ask(SUPERVISOR_ARM, 3, fault, n, always);
}

void server_log(const char *bytes, u64 length)
{
    while (length > 0) {
        u64 piece = min_u64(length, SUPERVISOR_LOG_MAX);
        seL4_MessageInfo_t info = seL4_MessageInfo_new(SUPERVISOR_LOG, 0, 0, 1 + (piece + 7) / 8);

        seL4_SetMR(0, piece);
        memcpy(&seL4_GetIPCBuffer()->msg[1], bytes, piece);
        seL4_Call(CPTR(SLOT_SUPERVISOR), info);
        bytes += piece;
        length -= piece;
    }
}

void port_log(const char *format, ...)
{
    char text[256];
    va_list arguments;
    u64 length;

    va_start(arguments, format);
    length = format_string_va(text, sizeof(text), format, arguments);
    va_end(arguments);
    server_log(text, min_u64(length, sizeof(text) - 1));
}

/* The supervisor learns of it as of any other fault of this server, and finds the reason in the record. */
void port_fatal(const char *invariant)
{
    string_copy(server_record()->fatal, invariant, sizeof(server_record()->fatal));
    for (;;)
        __asm__ volatile("ebreak" ::: "memory");
}

bool port_boot_argument(const char *name, char *value, u64 size)
{
    return words_value(server_info()->bootargs, name, value, size);
}

void port_power_off(u32 code)
{
    for (;;)
        server_ask(SUPERVISOR_POWER_OFF, 1, code, 0, 0);
}
