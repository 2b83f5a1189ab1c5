/*
 * The memory of a process, and copies to and from it.
 *
 * Layout, from address 0: segments of the program, a guard page, one page of stack, the heap. All of it is
 * regions of xmap of the kind XMAP_KIND_PROGRAM; `size` is xv6's break, to the byte. What the program makes
 * by its own xmap calls lies elsewhere in the same space and is no concern of this file.
 *
 * Nothing here needs a lock: a process's memory is touched by its own thread only, or by its maker while it
 * is NEW. Every function may call xmap, which does not wait but for its own locks.
 */
#ifndef SERVICE_UNIX_MEMORY_H
#define SERVICE_UNIX_MEMORY_H

#include "lib/err.h"
#include "lib/types.h"

struct memory {
    u64 space;
    u64 size;
    u64 heap_start; /* pages of the region that sbrk grows: [heap_start, heap_end); none if equal */
    u64 heap_end;   /* if there are some, round_up(size) */
    u64 eager;      /* bytes of the heap that count towards EAGER_MAX; at most the heap's size */
};

/* ---- Spaces (space.c) ---- */

void unix_space_init(void);

/* As the xmap operations of these names, but repeated if xmap dies in the call: once, and destroy up to three
 * times; should even that fail, what is left of the space goes at a later sweep (space.c). */
enum err unix_space_create(u64 *space);
enum err unix_space_fork(u64 parent, u64 *child);
void unix_space_destroy(u64 space);

/* ---- Regions (memory.c) ---- */

/* Adds the mapped region [start, end), zero-filled, at or above all others of the kind. On an error nothing
 * has changed. */
enum err unix_memory_add(const struct memory *memory, u64 start, u64 end, u64 rights, u64 fill);

/* Sets [start, end) aside so that nothing will be there. */
enum err unix_memory_guard(const struct memory *memory, u64 start, u64 end);

/* xv6's sbrk: the old break, or -1 with nothing changed. Shrinking never fails; by more than the size it does
 * nothing. */
s64 unix_memory_sbrk(struct memory *memory, s32 change, bool lazy);

/* ---- Copies (user_copy.c) ---- */

/* A page of a program, in place: `bytes` of it are at hand, from the address asked for to the page's end. */
struct user_page {
    u8 *bytes;
    u64 left;
};

/* Before the first program. */
void unix_pages_init(void);

/*
 * `access` is XMAP_RIGHT_READ or XMAP_RIGHT_WRITE. Fills lazy pages and breaks copy-on-write. Anything a
 * program may pass is a legal address. The page is the thread's own to use until it asks for two others, or
 * drops it: xmap has pinned it, and it stays so after the call.
 */
enum err unix_page_at(u64 space, uaddr address, u64 access, struct user_page *page);

/* Before what is in [from, to) changes by an operation of xmap: nothing of it stays pinned. `from` is
 * page-aligned. */
void unix_pages_drop(u64 space, uaddr from, uaddr to);

/* Pins a page for exec's loader, whatever its rights; it may be written until unix_page_loaded(). */
enum err unix_page_load(u64 space, uaddr page, u64 *frame, u8 **bytes);
void unix_page_loaded(u64 frame);

/* Copy page by page up to the first page that refuses; what came before stays copied. Return how many bytes.
 */
u64 unix_user_read(u64 space, void *to, uaddr from, u64 length);
u64 unix_user_write(u64 space, uaddr to, const void *from, u64 length);

/* Copies a string with its NUL into to[0..size). False if there is no NUL within `size` bytes, or a page
 * refuses. */
bool unix_user_string(u64 space, uaddr from, char *to, u64 size);

/* The length of a string of fewer than `size` bytes, without its NUL; false as above. */
bool unix_user_string_length(u64 space, uaddr from, u64 size, u64 *length);

#endif
