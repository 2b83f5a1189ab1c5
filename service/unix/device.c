/* The console as a program's device: its bytes go through the thread's transfer page. */
#include "lib/string.h"
#include "port/console.h"
#include "port/time.h"
#include "port/transfer.h"
#include "port/xmap.h"
#include "service/unix/file.h"

/* How many bytes from `address` on can be stored, up to `length`. */
static u64 writable_bytes(const struct process *process, uaddr address, u64 length)
{
    struct user_page page;
    u64 found = 0;

    while (found < length &&
           unix_page_at(process->memory.space, address + found, XMAP_RIGHT_WRITE, &page) == ERR_OK) {
        found += page.left;
    }
    return min_u64(found, length);
}

/*
 * A read waits for hours, so deaths of console are not counted over the whole of it: only as many as
 * PATIENT_TRIES in a row, each within a second of the one before, as a supervisor counts them too, may have
 * come from the request itself.
 */
struct row {
    u32 deaths;
    u64 last; /* when that was */
};

/* One more. False: too many in a row. */
static bool count_death(struct row *row)
{
    u64 now = port_now();

    row->deaths = row->deaths > 0 && now - row->last < PORT_SECOND ? row->deaths + 1 : 1;
    row->last = now;
    return row->deaths < PATIENT_TRIES;
}

/*
 * Waits for a line. A cancel meant for an earlier process of the same number, or one that came late, finds us
 * not killed: it is forgotten and the console asked again. The order is what makes this safe: forget, then
 * look whether we are killed, then ask; a kill sets its flag before it cancels.
 */
static enum err read_line(struct process *process, u64 transfer, u64 length, u64 *count)
{
    u32 reader = unix_process_number(process);
    struct row row = {0};
    enum err err;

    for (;;) {
        if (!unix_wait_begin(process, WAIT_CONSOLE, 0))
            return ERR_CANCELLED;
        err = cons_read(reader, transfer, length, count);
        unix_wait_end(process);
        if (err == ERR_CANCELLED)
            (void)cons_forget(reader);
        else if (err != ERR_PEER_RESTARTED || !count_death(&row))
            return err;
        else
            port_request_again();
    }
}

/* If the buffer goes bad, the bytes before are stored, and one more is taken from the line and lost: as in
 * xv6. At most a page a call. */
s64 unix_console_read(struct process *process, uaddr address, s32 length)
{
    u64 transfer = port_transfer_id();
    u8 *bytes = port_transfer(transfer);
    u64 wanted;
    u64 good;
    u64 count;

    if (length <= 0)
        return 0;
    if (bytes == NULL)
        return -1;
    wanted = min_u64((u64)length, PORT_TRANSFER_SIZE);
    good = writable_bytes(process, address, wanted);
    if (read_line(process, transfer, min_u64(wanted, good + 1), &count) != ERR_OK)
        return -1;
    return (s64)unix_user_write(process->memory.space, address, bytes, min_u64(count, good));
}

/* How many bytes went out before the buffer went bad, or the UART failed; -1 only if the first ones failed
 * there. */
s64 unix_console_write(struct process *process, uaddr address, s32 length)
{
    u64 transfer = port_transfer_id();
    u8 *bytes = port_transfer(transfer);
    s64 done = 0;

    if (length > 0 && bytes == NULL)
        return -1;
    while (done < length) {
        u64 wanted = min_u64((u64)(length - done), PORT_TRANSFER_SIZE);
        u64 got = unix_user_read(process->memory.space, bytes, address + (u64)done, wanted);

        if (got > 0 && repeat_once(cons_write(transfer, got)) != ERR_OK)
            return done > 0 ? done : -1;
        done += (s64)got;
        if (got < wanted)
            break;
    }
    return done;
}
