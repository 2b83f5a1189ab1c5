/*
 * exec: a new memory is built aside, then takes the place of the old one.
 *
 * The file is hostile: everything it says is checked against the limits of an address space before it is
 * used. What xv6 accepts is accepted: class, machine and version are not asked, segments may be writable and
 * executable at once, and lie anywhere in the file.
 *
 * Fails:    at any step before commit(), with the old memory untouched and the new one given back; commit()
 * fails only at its first step. Not here: the argument vector (arguments.c), the process's thread (run.c).
 */
#include "service/unix/exec.h"
#include "lib/elf.h"
#include "lib/string.h"
#include "port/vspace.h"
#include "port/xmap.h"
#include "service/unix/file.h"

/* Above the segments there must be room for a guard page and the stack. */
#define IMAGE_END (PORT_USER_END - (1 + USERSTACK) * PAGE_SIZE)

/* Reads exactly `length` bytes of the file. */
static enum err fetch(u64 inode, u64 offset, void *to, u64 length)
{
    u64 count;
    enum err err = offset > ~(u32)0 ? ERR_NOT_EXECUTABLE : unix_inode_read(inode, offset, to, length, &count);

    if (err != ERR_OK)
        return err;
    return count == length ? ERR_OK : ERR_NOT_EXECUTABLE;
}

static enum err check_segment(const struct elf_program_header *segment)
{
    if (segment->memsz < segment->filesz || segment->vaddr % PAGE_SIZE != 0 || segment->vaddr > IMAGE_END ||
        segment->memsz > IMAGE_END - segment->vaddr || segment->offset > ~(u32)0)
        return ERR_NOT_EXECUTABLE;
    return ERR_OK;
}

static u64 rights_of(u32 flags)
{
    return XMAP_RIGHT_READ | (flags & ELF_FLAG_WRITE ? XMAP_RIGHT_WRITE : 0) |
           (flags & ELF_FLAG_EXEC ? XMAP_RIGHT_EXEC : 0);
}

/* Makes memory up to the segment's end, a gap below it included; a segment below the size uses what is there.
 */
static enum err extend(struct memory *memory, const struct elf_program_header *segment)
{
    u64 end = segment->vaddr + segment->memsz;
    u64 from = round_up(memory->size, PAGE_SIZE);
    u64 to = round_up(end, PAGE_SIZE);
    enum err err = ERR_OK;

    if (to > from)
        err = unix_memory_add(memory, from, to, rights_of(segment->flags), XMAP_FILL_NOW);
    if (err != ERR_OK)
        return err;
    memory->size = max_u64(memory->size, end);
    return memory->size == 0 ? ERR_NOT_EXECUTABLE : ERR_OK;
}

static enum err fill(const struct memory *memory, u64 inode, const struct elf_program_header *segment)
{
    u64 frame;
    u8 *bytes;
    enum err err = ERR_OK;

    for (u64 done = 0; done < segment->filesz && err == ERR_OK; done += PAGE_SIZE) {
        err = unix_page_load(memory->space, segment->vaddr + done, &frame, &bytes);
        if (err != ERR_OK)
            return err;
        err = fetch(inode, segment->offset + done, bytes, min_u64(PAGE_SIZE, segment->filesz - done));
        unix_page_loaded(frame);
    }
    return err;
}

static enum err load(struct memory *memory, u64 inode, u64 *entry)
{
    struct elf_header header;
    struct elf_program_header segment;
    enum err err = fetch(inode, 0, &header, sizeof(header));

    if (err != ERR_OK)
        return err;
    if (!elf_check_magic(&header) || header.entry % 2 != 0)
        return ERR_NOT_EXECUTABLE;
    for (u32 i = 0; i < header.phnum; i++) {
        err = fetch(inode, (u32)header.phoff + i * sizeof(segment), &segment, sizeof(segment));
        if (err != ERR_OK)
            return err;
        if (segment.type != ELF_SEGMENT_LOAD)
            continue;
        err = check_segment(&segment);
        if (err == ERR_OK)
            err = extend(memory, &segment);
        if (err == ERR_OK)
            err = fill(memory, inode, &segment);
        if (err != ERR_OK)
            return err;
    }
    *entry = header.entry;
    return ERR_OK;
}

/* The strings were measured before; should they have changed since, they are cut, not read further. */
static bool copy_argument(const struct process *process, const struct arguments *arguments, u32 i, u8 *to)
{
    u64 length = arguments->length[i];

    to[length] = '\0';
    if (arguments->text != NULL) {
        memcpy(to, arguments->text, length);
        return true;
    }
    return unix_user_read(process->memory.space, to, arguments->source[i], length) == length;
}

/* Puts guard, stack and arguments above the segments. */
static enum err build_stack(struct memory *memory, const struct process *process,
                            const struct arguments *arguments, u64 *sp)
{
    u64 base = round_up(memory->size, PAGE_SIZE) + PAGE_SIZE;
    u16 place[ARGUMENTS_MAX];
    u16 vector;
    struct user_page page;
    enum err err;

    if (!unix_arguments_place(arguments, place, &vector))
        return ERR_ARGUMENT;
    err = unix_memory_guard(memory, base - PAGE_SIZE, base);
    if (err == ERR_OK)
        err = unix_memory_add(memory, base, base + PAGE_SIZE, XMAP_RIGHT_READ | XMAP_RIGHT_WRITE,
                              XMAP_FILL_NOW);
    if (err == ERR_OK)
        err = unix_page_at(memory->space, base, XMAP_RIGHT_WRITE, &page);
    if (err != ERR_OK)
        return err;
    for (u32 i = 0; i < arguments->count && err == ERR_OK; i++) {
        u64 pointer = base + place[i];

        if (!copy_argument(process, arguments, i, page.bytes + place[i]))
            err = ERR_ARGUMENT;
        memcpy(page.bytes + vector + i * sizeof(pointer), &pointer, sizeof(pointer));
    }
    memory->size = base + PAGE_SIZE;
    memory->heap_start = memory->size;
    memory->heap_end = memory->size;
    *sp = base + vector;
    return err;
}

static void set_name(struct process *process, const char *path)
{
    const char *last = path;

    for (const char *at = path; *at != '\0'; at++) {
        if (*at == '/')
            last = at + 1;
    }
    port_lock_acquire(&unix_table.lock);
    (void)string_copy(process->name, last, sizeof(process->name));
    port_lock_release(&unix_table.lock);
}

static enum err commit(struct process *process, const struct memory *fresh)
{
    u64 old = process->memory.space;
    enum err err = port_program_set_space(unix_process_number(process), fresh->space);

    if (err != ERR_OK)
        return err;
    process->memory = *fresh;
    unix_space_destroy(old);
    return ERR_OK;
}

enum err unix_exec(struct process *process, const char *path, const struct arguments *arguments)
{
    struct memory fresh = {0};
    u64 inode;
    u64 entry;
    u64 sp;
    bool made;
    enum err err = unix_path_inode(process, path, &inode);

    if (err != ERR_OK)
        return err;
    unix_content_lock(inode); /* first: who waits for it needs no second space yet */
    err = unix_space_create(&fresh.space);
    made = err == ERR_OK;
    if (made)
        err = load(&fresh, inode, &entry);
    unix_content_unlock(inode);
    unix_inode_put(inode);
    if (err == ERR_OK)
        err = build_stack(&fresh, process, arguments, &sp);
    if (err == ERR_OK)
        err = commit(process, &fresh);
    if (err != ERR_OK) {
        if (made)
            unix_space_destroy(fresh.space);
        return err;
    }
    set_name(process, path);
    port_program_enter(unix_process_number(process), entry, sp, arguments->count, sp);
    return ERR_OK;
}
