/*
 * The console: bytes out, lines in. The contract of each operation is in port/console.def.
 *
 * One thread of the service waits for the UART's interrupt and feeds the line discipline; it is the only one
 * that types. Output has one owner at a time: a call of cons_write() from its first byte to its last, or the
 * echo of one byte.
 *
 * Called by: unix, through port/console.h; the placement, for start and restart.
 * Locking:   input_lock guards what is kept (kept.h); output_lock guards who owns the output. Neither is
 * taken while the other is held, and no holder waits for the device: the echo is sent between two holds of
 * input_lock (line.h says why), and the output's owner holds no lock while it sends.
 * Fails:     a UART that takes no byte for a second: the byte and the rest of that write are dropped,
 * ERR_DEVICE.
 * Not here:  which bytes mean what (line.c), what a death leaves of them (kept.c), registers (uart.c).
 */
#include "port/console.h"
#include "port/device.h"
#include "port/request.h"
#include "port/sync.h"
#include "port/thread.h"
#include "port/time.h"
#include "port/transfer.h"
#include "service/console/kept.h"
#include "service/console/uart.h"
#include "service/inject.h"

/* How many bytes one pass takes from the UART: a device that always claims to have one more must not keep the
 * thread from waiting for the interrupt, where it can be seen to wait. A pass that stops early is called
 * again at once. */
#define BYTES_A_PASS 64u

/* The input thread looks at the UART this often even without an interrupt, so that a lost one costs no more
 * than this. */
#define INPUT_PATROL PORT_SECOND

/* No call waits without a limit: who waits for a person looks this often whether it should go on waiting, so
 * that one which waits where nobody will ever wake it can be told from it. */
#define WAIT_LOOK PORT_SECOND

/* Waiting for room in the UART: a few looks at the register, then naps, so that a UART whose other end is
 * slow (a pipe on the host) costs no processor time; then the byte is given up. */
#define OUTPUT_POLLS   256u
#define OUTPUT_NAP     PORT_MILLISECOND
#define OUTPUT_TIMEOUT PORT_SECOND

static struct {
    struct port_lock input_lock;
    struct port_queue readers;  /* wait for delivered bytes or for being cancelled */
    struct port_queue watchers; /* wait for attention */

    struct port_lock output_lock;
    struct port_queue writers; /* wait for the output's owner to end */
    struct port_queue nap;     /* nobody wakes it: the owner sleeps here */
    bool owned;

    u32 irq; /* set before any thread runs, constant from then on */
} console;

/* ---- Output ---- */

static void output_begin(void)
{
    port_lock_acquire(&console.output_lock);
    while (console.owned)
        (void)port_wait(&console.writers, &console.output_lock, port_now() + WAIT_LOOK);
    console.owned = true;
    port_lock_release(&console.output_lock);
}

static void output_end(void)
{
    port_lock_acquire(&console.output_lock);
    console.owned = false;
    port_wake_one(&console.writers);
    port_lock_release(&console.output_lock);
}

static bool output_wait(void)
{
    for (u32 i = 0; i < OUTPUT_POLLS; i++) {
        if (cons_uart_ready())
            return true;
    }
    for (u64 limit = port_now() + OUTPUT_TIMEOUT; port_now() < limit;) {
        port_lock_acquire(&console.output_lock);
        (void)port_wait(&console.nap, &console.output_lock, port_now() + OUTPUT_NAP);
        port_lock_release(&console.output_lock);
        if (cons_uart_ready())
            return true;
    }
    return false;
}

/* By the output's owner. */
static enum err output(const volatile u8 *bytes, u64 length)
{
    for (u64 i = 0; i < length; i++) {
        if (!output_wait())
            return ERR_DEVICE;
        cons_uart_send(bytes[i]);
    }
    return ERR_OK;
}

static void echo(struct cons_line_action action)
{
    static const u8 wipe[] = {'\b', ' ', '\b'};

    if (action.deed != CONS_LINE_STORE && action.deed != CONS_LINE_ERASE)
        return;
    output_begin();
    if (action.deed == CONS_LINE_STORE)
        (void)output(&action.byte, 1);
    for (u32 i = 0; action.deed == CONS_LINE_ERASE && i < action.count; i++)
        (void)output(wipe, sizeof(wipe));
    output_end();
}

/* ---- Input ---- */

/* Does what the byte that was taken from the UART asks for, if there is one: a new generation finds one that
 * the dead one had taken. */
static void type_pending(void)
{
    struct cons_line_action action;
    bool any;

    port_lock_acquire(&console.input_lock);
    any = cons_kept_pending(&action);
    port_lock_release(&console.input_lock);
    if (!any)
        return;

    echo(action);

    port_lock_acquire(&console.input_lock);
    if (cons_kept_apply(action))
        port_wake_all(&console.readers);
    if (action.deed == CONS_LINE_ATTENTION)
        port_wake_all(&console.watchers);
    port_lock_release(&console.input_lock);
}

static bool receive(void)
{
    bool any;

    port_lock_acquire(&console.input_lock);
    any = cons_uart_receive(cons_kept_receiver());
    port_lock_release(&console.input_lock);
    return any;
}

static void input_thread(void *unused)
{
    (void)unused;
    type_pending();
    for (;;) {
        for (u32 i = 0; i < BYTES_A_PASS && receive(); i++)
            type_pending();
        (void)port_irq_wait(console.irq, port_now() + INPUT_PATROL);
    }
}

/* ---- What the service offers ---- */

static enum err start(bool first)
{
    enum err err = cons_kept_start(first);

    if (err == ERR_OK)
        err = cons_uart_open(first, &console.irq);
    if (err != ERR_OK)
        return err;
    port_device_taken(cons_kept_receiver());
    port_lock_init(&console.input_lock, "console input");
    port_lock_init(&console.output_lock, "console output");
    port_queue_init(&console.readers, "console readers");
    port_queue_init(&console.watchers, "console attention");
    port_queue_init(&console.writers, "console writers");
    port_queue_init(&console.nap, "console nap");
    return port_thread_start("console input", input_thread, NULL);
}

enum err cons_start(void)
{
    return start(true);
}

/* What was typed and not yet read is kept, and what the old generation had not taken from the UART is still
 * there. */
enum err cons_restart(void)
{
    return start(false);
}

enum err cons_write(u64 transfer, u64 length)
{
    const volatile u8 *bytes = port_transfer(transfer);
    enum err err;

    inject_point(SERVICE_CONSOLE);
    if (bytes == NULL || length > PORT_TRANSFER_SIZE)
        return ERR_ARGUMENT;
    output_begin();
    err = output(bytes, length);
    output_end();
    return err;
}

enum err cons_read(u64 reader, u64 transfer, u64 length, u64 *count)
{
    u8 *bytes = port_transfer(transfer);
    u64 done = 0;
    bool cancelled;

    inject_point(SERVICE_CONSOLE);
    if (reader >= CONS_READERS || bytes == NULL || length > PORT_TRANSFER_SIZE)
        return ERR_ARGUMENT;
    port_lock_acquire(&console.input_lock);
    for (;;) {
        cancelled = cons_kept_cancelled(reader);
        if (cancelled || cons_kept_take(port_request_identity(), bytes, length, &done))
            break;
        (void)port_wait(&console.readers, &console.input_lock, port_now() + WAIT_LOOK);
    }
    port_lock_release(&console.input_lock);
    if (cancelled)
        return ERR_CANCELLED;
    *count = done;
    return ERR_OK;
}

static enum err set_cancelled(u64 reader, bool cancelled)
{
    inject_point(SERVICE_CONSOLE);
    if (reader >= CONS_READERS)
        return ERR_ARGUMENT;
    port_lock_acquire(&console.input_lock);
    cons_kept_cancel(reader, cancelled);
    port_wake_all(&console.readers);
    port_lock_release(&console.input_lock);
    return ERR_OK;
}

enum err cons_cancel(u64 reader)
{
    return set_cancelled(reader, true);
}

enum err cons_forget(u64 reader)
{
    return set_cancelled(reader, false);
}

enum err cons_attention(void)
{
    inject_point(SERVICE_CONSOLE);
    port_lock_acquire(&console.input_lock);
    while (!cons_kept_attention(port_request_identity()))
        (void)port_wait(&console.watchers, &console.input_lock, port_now() + WAIT_LOOK);
    port_lock_release(&console.input_lock);
    return ERR_OK;
}
