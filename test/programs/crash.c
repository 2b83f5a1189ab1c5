/*
 * crash: children that do what a program must not do; the parent says how each ended.
 *
 * Prints `crash NAME: status N` for each way; -1 is what a killed program's parent must see. Exit status 0 if
 * all are -1.
 */
#include "user/user.h"

static void store_to_null(void)
{
    *(volatile int *)0 = 1;
}

static void load_from_kernel(void)
{
    (void)*(volatile int *)0xffffffff80200000;
}

static void store_to_text(void)
{
    *(volatile int *)(unsigned long)store_to_null = 0;
}

static void jump_to_nowhere(void)
{
    ((void (*)(void))0x3f00000000ul)();
}

static void illegal(void)
{
    __asm__ volatile(".4byte 0");
}

static void overflow_stack(void)
{
    char *sp = __builtin_frame_address(0);
    *(volatile char *)(sp - 4096) = 1; /* the stack is one page, and the page below it is not there */
}

static void loop(void)
{
    for (;;)
        __asm__ volatile("");
}

static const struct {
    const char *name;
    void (*deed)(void);
} ways[] = {
    {"store-to-null", store_to_null},
    {"load-from-kernel", load_from_kernel},
    {"store-to-text", store_to_text},
    {"jump-to-nowhere", jump_to_nowhere},
    {"illegal", illegal},
    {"overflow-stack", overflow_stack},
    {"killed-in-a-loop", loop},
};

int main(void)
{
    int wrong = 0;
    for (unsigned int i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        int child = fork();
        if (child < 0) {
            printf("crash: fork failed\n");
            exit(1);
        }
        if (child == 0) {
            ways[i].deed();
            exit(0);
        }
        if (ways[i].deed == loop)
            kill(child);
        int status = 0;
        wait(&status);
        printf("crash %s: status %d\n", ways[i].name, status);
        wrong += status != -1;
    }
    exit(wrong != 0);
}
