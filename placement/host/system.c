/*
 * port/system.h on the host, and host_reset().
 */
#include "port/system.h"
#include "placement/host/host.h"
#include <stdlib.h>
#include <string.h>

const char *host_boot_arguments = "";
void (*host_on_power_off)(u32 code);

bool port_boot_argument(const char *name, char *value, u64 size)
{
    u64 name_length = strlen(name);
    for (const char *word = host_boot_arguments; *word != '\0';) {
        u64 length = strcspn(word, " ");
        if (length > name_length && strncmp(word, name, name_length) == 0 && word[name_length] == '=') {
            u64 value_length = length - name_length - 1;
            if (value_length >= size)
                return false;
            memcpy(value, word + name_length + 1, value_length);
            value[value_length] = '\0';
            return true;
        }
        word += length;
        word += strspn(word, " ");
    }
    return false;
}

_Noreturn void port_power_off(u32 code)
{
    if (host_on_power_off != NULL)
        host_on_power_off(code);
    exit((int)code);
}

void host_reset(void)
{
    host_keep_reset();
    host_fault_reset();
    host_time_reset();
    host_log_clear();
    host_on_fatal = NULL;
    host_on_instant = NULL;
    host_request(0);
    host_on_power_off = NULL;
    host_boot_arguments = "";
}
