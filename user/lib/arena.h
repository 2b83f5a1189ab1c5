/* The essay's page allocator: 64 pages of one xmap region, handed out one by one. */
#ifndef USER_LIB_ARENA_H
#define USER_LIB_ARENA_H

#define ARENA_PAGES 64

/* Reserves and maps the arena and says so; does nothing when that is done already. 0, or -1 (said, too). */
int alloc_init(void);

/* One page, its content undefined; NULL when all are taken or there is no arena. */
void *page_alloc(void);

/* Gives `page` back. Must come from page_alloc() and not be free: what cannot be a page of the arena is
 * refused aloud. */
void page_free(void *page);

#endif
