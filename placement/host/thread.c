/*
 * port/thread.h on the host: detached threads of the C library, as many as HOST_THREADS at a time.
 */
#include "port/thread.h"
#include <pthread.h>
#include <stdlib.h>

#define HOST_THREADS 80

struct start {
    void (*entry)(void *);
    void *argument;
};

static u32 running;

static void *trampoline(void *opaque)
{
    struct start start = *(struct start *)opaque;
    free(opaque);
    start.entry(start.argument);
    port_thread_exit();
}

enum err port_thread_start(const char *name, void (*entry)(void *), void *argument)
{
    (void)name;
    if (__atomic_add_fetch(&running, 1, __ATOMIC_SEQ_CST) > HOST_THREADS)
        goto refuse;
    struct start *start = malloc(sizeof *start);
    if (start == NULL)
        goto refuse;
    *start = (struct start){.entry = entry, .argument = argument};
    pthread_t thread;
    if (pthread_create(&thread, NULL, trampoline, start) != 0) {
        free(start);
        goto refuse;
    }
    pthread_detach(thread);
    return ERR_OK;
refuse:
    __atomic_sub_fetch(&running, 1, __ATOMIC_SEQ_CST);
    return ERR_NO_SLOT;
}

_Noreturn void port_thread_exit(void)
{
    __atomic_sub_fetch(&running, 1, __ATOMIC_SEQ_CST);
    pthread_exit(NULL);
}

u32 port_threads_free(void)
{
    u32 now = __atomic_load_n(&running, __ATOMIC_SEQ_CST);
    return now < HOST_THREADS ? HOST_THREADS - now : 0;
}
