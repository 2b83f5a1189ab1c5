/* Copies to and from programs, page by page; see memory.h. */
#include "lib/string.h"
#include "port/program.h"
#include "port/xmap.h"
#include "service/unix/memory.h"
#include "service/unix/process.h"

enum err unix_page_pin(u64 space, uaddr address, u64 access, struct user_page *page)
{
    u64 inside = address % PAGE_SIZE;
    enum err err;

    page->frame = 0;
    err = repeat_once(xmap_pin(space, address - inside, access, &page->frame));
    if (err != ERR_OK)
        return err;
    page->bytes = port_program_bytes(page->frame);
    if (page->bytes == NULL) {
        unix_page_unpin(page);
        return ERR_NO_MEMORY;
    }
    page->bytes += inside;
    page->left = PAGE_SIZE - inside;
    return ERR_OK;
}

void unix_page_unpin(const struct user_page *page)
{
    (void)repeat_once(xmap_unpin(page->frame));
}

u64 unix_user_read(u64 space, void *to, uaddr from, u64 length)
{
    struct user_page page;
    u64 done = 0;

    while (done < length && unix_page_pin(space, from + done, XMAP_RIGHT_READ, &page) == ERR_OK) {
        u64 part = min_u64(page.left, length - done);

        memcpy((u8 *)to + done, page.bytes, part);
        unix_page_unpin(&page);
        done += part;
    }
    return done;
}

u64 unix_user_write(u64 space, uaddr to, const void *from, u64 length)
{
    struct user_page page;
    u64 done = 0;

    while (done < length && unix_page_pin(space, to + done, XMAP_RIGHT_WRITE, &page) == ERR_OK) {
        u64 part = min_u64(page.left, length - done);

        memcpy(page.bytes, (const u8 *)from + done, part);
        unix_page_unpin(&page);
        done += part;
    }
    return done;
}

/* Each byte is read once: another program may share the page. */
static bool string(u64 space, uaddr from, char *to, u64 size, u64 *length)
{
    struct user_page page;

    for (u64 done = 0; done < size;) {
        if (unix_page_pin(space, from + done, XMAP_RIGHT_READ, &page) != ERR_OK)
            return false;
        for (u64 i = 0; i < page.left && done < size; i++, done++) {
            char byte = (char)page.bytes[i];

            if (to != NULL)
                to[done] = byte;
            if (byte == '\0') {
                unix_page_unpin(&page);
                *length = done;
                return true;
            }
        }
        unix_page_unpin(&page);
    }
    return false;
}

bool unix_user_string(u64 space, uaddr from, char *to, u64 size)
{
    u64 length;

    return string(space, from, to, size, &length);
}

bool unix_user_string_length(u64 space, uaddr from, u64 size, u64 *length)
{
    return string(space, from, NULL, size, length);
}
