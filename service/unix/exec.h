/* exec: arguments and the loader. */
#ifndef SERVICE_UNIX_EXEC_H
#define SERVICE_UNIX_EXEC_H

#include "service/unix/process.h"

#define ARGUMENTS_MAX (MAXARG - 1)

/* The strings of an argument vector: measured first, copied later, straight into the new stack page. */
struct arguments {
    u32 count;
    const char *text; /* not NULL: the only argument lies here, in this service (process 1) */
    uaddr source[ARGUMENTS_MAX];
    u16 length[ARGUMENTS_MAX]; /* without the NUL */
};

/* Fetches the pointers and measures the strings. ERR_ARGUMENT: no NULL among the first MAXARG, a pointer not
 * inside the process's size, a string not readable or longer than a page. */
enum err unix_arguments_fetch(const struct process *process, uaddr vector, struct arguments *arguments);

/* Where in the stack page each string and the vector of pointers go; the vector's place is the stack pointer.
 * False if they do not fit. */
bool unix_arguments_place(const struct arguments *arguments, u16 place[ARGUMENTS_MAX], u16 *vector);

/* Replaces the process's program. On any error the old one is untouched. By the process's own thread, or its
 * maker. */
enum err unix_exec(struct process *process, const char *path, const struct arguments *arguments);

#endif
