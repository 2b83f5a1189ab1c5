/*
 * Copies to and from programs, page by page; see memory.h.
 *
 * The pages of a space that were pinned last stay pinned, because a program mostly hands over the same few
 * buffers: then a copy asks nothing of xmap. A kept page is the one its program sees as long as nothing
 * changes that page; whoever is about to let xmap change pages drops what is kept of them first:
 *
 *   a fault of the page (run.c): a page kept for reading may get a frame of its own
 *   sbrk downward (memory.c); unmap, release and protect (xmap_calls.c)
 *   fork, and the end of the space (space.c)
 *
 * All of these, and every copy, are done by the one thread that serves the space's process: no lock.
 */
#include "lib/string.h"
#include "port/program.h"
#include "port/vspace.h"
#include "port/xmap.h"
#include "service/unix/memory.h"
#include "service/unix/process.h"

struct kept_page {
    uaddr page;
    u64 access; /* what it was pinned for: XMAP_RIGHT_*, to write includes to read; 0: nothing is kept here */
    u64 frame;
    u8 *bytes;
};

static struct kept_pages {
    struct kept_page pages[2]; /* a program that copies something has two buffers */
    u32 latest;                /* which of them was used last */
} kept_pages[PORT_SPACES];

void unix_pages_init(void)
{
    memset(kept_pages, 0, sizeof(kept_pages));
}

static void drop(struct kept_page *kept)
{
    if (kept->access == 0)
        return;
    kept->access = 0;
    (void)repeat_once(xmap_unpin(kept->frame));
}

void unix_pages_drop(u64 space, uaddr from, uaddr to)
{
    for (u32 i = 0; i < ARRAY_SIZE(kept_pages[space].pages); i++) {
        struct kept_page *kept = &kept_pages[space].pages[i];

        if (kept->page >= from && kept->page < to)
            drop(kept);
    }
}

static enum err pin(u64 space, uaddr page, u64 access, u64 *frame, u8 **bytes)
{
    enum err err = repeat_once(xmap_pin(space, page, access, frame));

    if (err != ERR_OK)
        return err;
    *bytes = port_program_bytes(*frame);
    if (*bytes != NULL)
        return ERR_OK;
    (void)repeat_once(xmap_unpin(*frame));
    return ERR_NO_MEMORY;
}

/* In place of one kept for less, if there is one; else of the one not used last. */
static enum err keep(struct kept_pages *all, u64 space, uaddr page, u64 access)
{
    struct kept_page *kept;

    if (all->pages[all->latest].page != page)
        all->latest ^= 1;
    kept = &all->pages[all->latest];
    drop(kept);
    enum err err = pin(space, page, access, &kept->frame, &kept->bytes);

    if (err != ERR_OK)
        return err;
    kept->page = page;
    kept->access = access == XMAP_RIGHT_WRITE ? access | XMAP_RIGHT_READ : access;
    return ERR_OK;
}

/* Whether this page is kept for this access, reading or writing. It is the one used last then. */
static inline bool find(struct kept_pages *all, uaddr page, u64 access)
{
    for (u32 i = 0; i < ARRAY_SIZE(all->pages); i++) {
        const struct kept_page *kept = &all->pages[i];

        if (kept->page == page && (kept->access & access) != 0) {
            all->latest = i;
            return true;
        }
    }
    return false;
}

enum err unix_page_at(u64 space, uaddr address, u64 access, struct user_page *page)
{
    struct kept_pages *all = &kept_pages[space];
    u64 inside = address % PAGE_SIZE;

    if (!find(all, address - inside, access)) {
        enum err err = keep(all, space, address - inside, access);

        if (err != ERR_OK)
            return err;
    }
    page->bytes = all->pages[all->latest].bytes + inside;
    page->left = PAGE_SIZE - inside;
    return ERR_OK;
}

/* The page may get a frame of its own by this, and is not used again soon: it is not kept. */
enum err unix_page_load(u64 space, uaddr page, u64 *frame, u8 **bytes)
{
    unix_pages_drop(space, page, page + PAGE_SIZE);
    return pin(space, page, XMAP_RIGHTS_ALL, frame, bytes);
}

void unix_page_loaded(u64 frame)
{
    (void)repeat_once(xmap_unpin(frame));
}

u64 unix_user_read(u64 space, void *to, uaddr from, u64 length)
{
    struct user_page page;
    u64 done = 0;

    while (done < length && unix_page_at(space, from + done, XMAP_RIGHT_READ, &page) == ERR_OK) {
        u64 part = min_u64(page.left, length - done);

        memcpy((u8 *)to + done, page.bytes, part);
        done += part;
    }
    return done;
}

u64 unix_user_write(u64 space, uaddr to, const void *from, u64 length)
{
    struct user_page page;
    u64 done = 0;

    while (done < length && unix_page_at(space, to + done, XMAP_RIGHT_WRITE, &page) == ERR_OK) {
        u64 part = min_u64(page.left, length - done);

        memcpy(page.bytes, (const u8 *)from + done, part);
        done += part;
    }
    return done;
}

/* Each byte is read once: another program may share the page. */
static bool string(u64 space, uaddr from, char *to, u64 size, u64 *length)
{
    struct user_page page;

    for (u64 done = 0; done < size;) {
        if (unix_page_at(space, from + done, XMAP_RIGHT_READ, &page) != ERR_OK)
            return false;
        for (u64 i = 0; i < page.left && done < size; i++, done++) {
            char byte = (char)page.bytes[i];

            if (to != NULL)
                to[done] = byte;
            if (byte == '\0') {
                *length = done;
                return true;
            }
        }
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
