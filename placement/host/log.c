/*
 * port/log.h on the host: the terminal's standard error, and a copy that tests may search.
 */
#include "port/log.h"
#include "placement/host/host.h"
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool host_log_quiet;
char host_log_text[HOST_LOG_SIZE];
void (*host_on_fatal)(const char *invariant);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards used and host_log_text */
static u64 used;

/* A core's format is one of lib/format.h, which the C library's printf understands too. */
void port_log(const char *format, ...)
{
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);

    u64 length = strlen(line);
    pthread_mutex_lock(&lock);
    if (used + length >= HOST_LOG_SIZE) {
        memmove(host_log_text, host_log_text + used / 2, used - used / 2);
        used -= used / 2;
    }
    memcpy(host_log_text + used, line, length + 1);
    used += length;
    if (!host_log_quiet)
        fputs(line, stderr);
    pthread_mutex_unlock(&lock);
}

void host_log_clear(void)
{
    pthread_mutex_lock(&lock);
    used = 0;
    host_log_text[0] = '\0';
    pthread_mutex_unlock(&lock);
}

_Noreturn void port_fatal(const char *invariant)
{
    if (host_on_fatal != NULL)
        host_on_fatal(invariant);
    fprintf(stderr, "fatal: %s\n", invariant);
    abort();
}
