/*
 * Port vspace on mono: frames and page tables are the kernel's, and every byte of memory is in sight.
 *
 * Only the checks are here: what xmap must know of its own doing is a broken invariant of xmap, not of the
 * kernel.
 */
#include "port/vspace.h"
#include "kernel/mono/mono.h"
#include "port/log.h"
#include "port/program.h"

_Static_assert(PORT_SPACES <= MONO_SPACES, "a root table for each space");
_Static_assert(PORT_READ == MONO_READ && PORT_WRITE == MONO_WRITE && PORT_EXEC == MONO_EXEC, "the same bits");

u32 port_frames_total(void)
{
    return mono_frames_total();
}

u64 port_frames_free(void)
{
    return mono_frames_free();
}

enum err port_frame_alloc(u32 *frame)
{
    return mono_frame_alloc(frame);
}

void port_frame_free(u32 frame)
{
    mono_frame_free(frame);
}

void *port_frame_bytes(u32 frame)
{
    return mono_frame_bytes(frame);
}

u8 *port_program_bytes(u64 frame)
{
    return frame <= ~0u ? mono_frame_bytes((u32)frame) : NULL;
}

enum err port_frame_lend(u32 frame)
{
    (void)frame; /* the direct map shows every frame to every service */
    return ERR_OK;
}

bool port_space_exists(u32 space)
{
    return mono_space_exists(space);
}

enum err port_space_create(u32 space)
{
    port_assert(space < PORT_SPACES, "space out of range");
    return mono_space_create(space);
}

void port_space_destroy(u32 space)
{
    port_assert(mono_space_exists(space), "space destroyed twice");
    port_assert(mono_page_next(space, 0, PORT_USER_END) == PORT_USER_END, "space destroyed with pages");
    mono_space_destroy(space);
}

enum err port_map(u32 space, uaddr address, u32 frame, u32 rights)
{
    enum err err;

    port_assert(mono_space_exists(space), "map in no space");
    port_assert(address % PAGE_SIZE == 0 && address < PORT_USER_END, "map outside the user's range");
    port_assert(rights != 0 && frame < mono_frames_total(), "map of nothing");
    err = mono_page_map(space, address, frame, rights);
    port_assert(err != ERR_MAPPED, "mappages: remap");
    return err;
}

enum err port_unmap(u32 space, uaddr address, u32 *frame)
{
    return mono_page_unmap(space, address, frame);
}

enum err port_protect(u32 space, uaddr address, u32 rights)
{
    port_assert(rights != 0, "protect to nothing");
    return mono_page_protect(space, address, rights);
}

enum err port_lookup(u32 space, uaddr address, u32 *frame, u32 *rights)
{
    return address < PORT_USER_END ? mono_page_lookup(space, address, frame, rights) : ERR_NOT_MAPPED;
}

uaddr port_next_mapped(u32 space, uaddr from, uaddr to)
{
    return mono_page_next(space, from, to);
}
