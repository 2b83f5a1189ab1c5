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

/* Two of each space, since a program that copies something has two buffers; the first was used last. */
#define KEPT_PAGES 2u

static struct kept_page kept_pages[PORT_SPACES][KEPT_PAGES];

void unix_pages_init(void)
{
    memset(kept_pages, 0, sizeof(kept_pages));
}

static void drop(struct kept_page *kept)
{
    if (kept->access == 0)
        return;
    kept->access = 0;
    (void)repeat_patiently(xmap_unpin(kept->frame));
}

void unix_pages_drop(u64 space, uaddr from, uaddr to)
{
    for (u32 i = 0; i < KEPT_PAGES; i++) {
        struct kept_page *kept = &kept_pages[space][i];

        if (kept->page >= from && kept->page < to)
            drop(kept);
    }
}

static enum err pin(u64 space, uaddr page, u64 access, u64 *frame, u8 **bytes)
{
    enum err err = repeat_patiently(xmap_pin(space, page, access, frame));

    if (err != ERR_OK)
        return err;
    *bytes = port_program_bytes(*frame);
    if (*bytes != NULL)
        return ERR_OK;
    (void)repeat_patiently(xmap_unpin(*frame));
    return ERR_NO_MEMORY;
}

/* Whether the page is kept for this access, reading or writing. */
static inline bool is_kept(const struct kept_page *kept, uaddr page, u64 access)
{
    return kept->page == page && (kept->access & access) != 0;
}

static inline enum err show(const struct kept_page *kept, uaddr address, struct user_page *page)
{
    page->bytes = kept->bytes + address % PAGE_SIZE;
    page->left = PAGE_SIZE - address % PAGE_SIZE;
    return ERR_OK;
}

/* As unix_page_at(), of a page that is not the first of the two, or kept for less. It becomes the first. */
static __attribute__((noinline)) enum err bring_forward(u64 space, uaddr address, u64 access,
                                                        struct user_page *page)
{
    struct kept_page *kept = kept_pages[space];
    struct kept_page first = kept[0];
    uaddr start = round_down(address, PAGE_SIZE);

    if (first.page != start) {
        kept[0] = kept[1];
        kept[1] = first;
    }
    if (is_kept(kept, start, access))
        return show(kept, address, page);
    drop(kept);
    enum err err = pin(space, start, access, &kept->frame, &kept->bytes);

    if (err != ERR_OK)
        return err;
    kept->page = start;
    kept->access = access == XMAP_RIGHT_WRITE ? access | XMAP_RIGHT_READ : access;
    return show(kept, address, page);
}

enum err unix_page_at(u64 space, uaddr address, u64 access, struct user_page *page)
{
    const struct kept_page *kept = kept_pages[space];

    if (!is_kept(kept, round_down(address, PAGE_SIZE), access))
        return bring_forward(space, address, access, page);
    return show(kept, address, page);
}

/* The page may get a frame of its own by this, and is not used again soon: it is not kept. */
enum err unix_page_load(u64 space, uaddr page, u64 *frame, u8 **bytes)
{
    unix_pages_drop(space, page, page + PAGE_SIZE);
    return pin(space, page, XMAP_RIGHTS_ALL, frame, bytes);
}

void unix_page_loaded(u64 frame)
{
    (void)repeat_patiently(xmap_unpin(frame));
}

/* The copies of more than one page. The common ones, of a few bytes in one page, are below. */
static __attribute__((noinline)) u64 read_pages(u64 space, void *to, uaddr from, u64 length)
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

static __attribute__((noinline)) u64 write_pages(u64 space, uaddr to, const void *from, u64 length)
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

/* The bytes themselves, if all of them lie in the page used last; else NULL. */
static inline u8 *at_hand(u64 space, uaddr address, u64 access, u64 length)
{
    const struct kept_page *kept = kept_pages[space];
    u64 inside = address % PAGE_SIZE;

    return is_kept(kept, address - inside, access) && length <= PAGE_SIZE - inside ? kept->bytes + inside
                                                                                   : NULL;
}

u64 unix_user_read(u64 space, void *to, uaddr from, u64 length)
{
    const u8 *bytes = at_hand(space, from, XMAP_RIGHT_READ, length);

    if (bytes == NULL)
        return read_pages(space, to, from, length);
    memcpy(to, bytes, length);
    return length;
}

u64 unix_user_write(u64 space, uaddr to, const void *from, u64 length)
{
    u8 *bytes = at_hand(space, to, XMAP_RIGHT_WRITE, length);

    if (bytes == NULL)
        return write_pages(space, to, from, length);
    memcpy(bytes, from, length);
    return length;
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
