/* printf on the kernel's debug console, one system call a character: all that both address spaces have. */
#include "system/essay/essay.h"

#include "abi/sel4/sel4.h"
#include "lib/format.h"

static void put(void *context, const char *bytes, u64 length)
{
    (void)context;
    for (u64 i = 0; i < length; i++)
        seL4_DebugPutChar(bytes[i]);
}

void printf(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    format_to(put, NULL, format, arguments);
    va_end(arguments);
}
