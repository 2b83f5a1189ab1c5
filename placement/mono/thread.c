/* Ports thread, time, log and system on mono. */
#include "port/thread.h"
#include "kernel/mono/mono.h"
#include "lib/words.h"
#include "placement/mono/lock_order.h"
#include "port/log.h"
#include "port/system.h"
#include "port/time.h"

enum err port_thread_start(const char *name, void (*entry)(void *), void *argument)
{
    return mono_thread_start(name, CLASS_SERVICE, entry, argument);
}

void port_thread_exit(void)
{
    lock_order_end();
    mono_thread_exit();
}

u32 port_threads_free(void)
{
    return mono_threads_free();
}

u64 port_now(void)
{
    return mono_nanoseconds();
}

void port_log(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    mono_log(format, arguments);
    va_end(arguments);
}

void port_fatal(const char *invariant)
{
    mono_panic(invariant);
}

bool port_boot_argument(const char *name, char *value, u64 size)
{
    return words_value(mono_boot_arguments(), name, value, size);
}

void port_power_off(u32 code)
{
    mono_power_off(code);
}
