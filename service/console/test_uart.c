/* The UART of unit tests; see test_uart.h. */
#include "service/console/test_uart.h"
#include "port/device.h"
#include "port/time.h"
#include "service/console/uart.h"
#include <pthread.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static u8 typed[4096];
static u64 typed_start, typed_end;
static char sent[1 << 20];
static u64 sent_length;
static bool is_stalled;

void test_uart_type(const char *bytes, u64 length)
{
    pthread_mutex_lock(&lock);
    for (u64 i = 0; i < length; i++)
        typed[typed_end++ % sizeof(typed)] = (u8)bytes[i];
    pthread_mutex_unlock(&lock);
}

void test_uart_type_text(const char *text)
{
    test_uart_type(text, strlen(text));
}

void test_uart_stall(bool stalled)
{
    pthread_mutex_lock(&lock);
    is_stalled = stalled;
    pthread_mutex_unlock(&lock);
}

const char *test_uart_sent(u64 *length)
{
    pthread_mutex_lock(&lock);
    sent[sent_length] = '\0';
    *length = sent_length;
    pthread_mutex_unlock(&lock);
    return sent;
}

void test_uart_clear(void)
{
    pthread_mutex_lock(&lock);
    sent_length = 0;
    sent[0] = '\0';
    pthread_mutex_unlock(&lock);
}

bool test_uart_wait_for(const char *text)
{
    for (u32 i = 0; i < 5000; i++) {
        bool found;

        pthread_mutex_lock(&lock);
        found = memmem(sent, sent_length, text, strlen(text)) != NULL;
        pthread_mutex_unlock(&lock);
        if (found)
            return true;
        usleep(1000);
    }
    return false;
}

/* A process may be forked off while some thread is in here. */
static void hold(void)
{
    pthread_mutex_lock(&lock);
}

static void let_go(void)
{
    pthread_mutex_unlock(&lock);
}

enum err cons_uart_open(bool first, u32 *irq)
{
    if (first)
        (void)pthread_atfork(hold, let_go, let_go);
    pthread_mutex_lock(&lock);
    if (first)
        typed_start = typed_end;
    pthread_mutex_unlock(&lock);
    *irq = 10;
    return ERR_OK;
}

bool cons_uart_receive(u32 *kept)
{
    bool any;

    pthread_mutex_lock(&lock);
    any = typed_start != typed_end;
    if (any)
        *kept = (u8)typed[typed_start++ % sizeof(typed)];
    pthread_mutex_unlock(&lock);
    return any;
}

bool cons_uart_ready(void)
{
    bool ready;

    pthread_mutex_lock(&lock);
    ready = !is_stalled;
    pthread_mutex_unlock(&lock);
    return ready;
}

void cons_uart_send(u8 byte)
{
    pthread_mutex_lock(&lock);
    if (sent_length < sizeof(sent) - 1)
        sent[sent_length++] = (char)byte;
    pthread_mutex_unlock(&lock);
}

void port_device_taken(u32 *kept)
{
    (void)kept;
}

enum err port_irq_wait(u32 irq, u64 deadline)
{
    (void)irq;
    while (port_now() < deadline) {
        bool any;

        pthread_mutex_lock(&lock);
        any = typed_start != typed_end;
        pthread_mutex_unlock(&lock);
        if (any)
            return ERR_OK;
        usleep(500);
    }
    return ERR_TIMEOUT;
}
