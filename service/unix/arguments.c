/* The argument vector of exec: measuring it, and its place in the stack page. */
#include "service/unix/exec.h"

/* A slot of the vector must lie inside the process's size to the byte: xv6's one check that is not by pages.
 */
static bool fetch_pointer(const struct memory *memory, uaddr slot, uaddr *pointer)
{
    return slot < memory->size && memory->size - slot >= sizeof(*pointer) &&
           unix_user_read(memory->space, pointer, slot, sizeof(*pointer)) == sizeof(*pointer);
}

enum err unix_arguments_fetch(const struct process *process, uaddr vector, struct arguments *arguments)
{
    const struct memory *memory = &process->memory;
    uaddr pointer;
    u64 length;

    arguments->text = NULL;
    for (arguments->count = 0;; arguments->count++) {
        if (!fetch_pointer(memory, vector + arguments->count * sizeof(pointer), &pointer))
            return ERR_ARGUMENT;
        if (pointer == 0)
            return ERR_OK;
        if (arguments->count == ARGUMENTS_MAX)
            return ERR_ARGUMENT;
        if (!unix_user_string_length(memory->space, pointer, PAGE_SIZE, &length))
            return ERR_ARGUMENT;
        arguments->source[arguments->count] = pointer;
        arguments->length[arguments->count] = (u16)length;
    }
}

/* Takes `size` bytes off the top of what is left, down to a multiple of 16. */
static bool push(u64 *top, u64 size)
{
    if (size > *top)
        return false;
    *top = round_down(*top - size, 16);
    return true;
}

/*
 *   page end   string 0, string 1, ..., each aligned to 16
 *              vector: count pointers and a NULL     <- stack pointer
 *   page start
 */
bool unix_arguments_place(const struct arguments *arguments, u16 place[ARGUMENTS_MAX], u16 *vector)
{
    u64 top = PAGE_SIZE;

    for (u32 i = 0; i < arguments->count; i++) {
        if (!push(&top, arguments->length[i] + 1ul))
            return false;
        place[i] = (u16)top;
    }
    if (!push(&top, (arguments->count + 1ul) * sizeof(uaddr)))
        return false;
    *vector = (u16)top;
    return true;
}
