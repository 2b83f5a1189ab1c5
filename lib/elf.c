/* ELF files in memory. The contract is in elf.h. Bounds are compared by subtraction, so that no sum can wrap.
 */
#include "lib/elf.h"
#include "lib/string.h"

bool elf_check_magic(const struct elf_header *header)
{
    return header->magic == ELF_MAGIC;
}

bool elf_check_header(const struct elf_header *header, u16 machine)
{
    return elf_check_magic(header) && header->class == ELF_CLASS_64 && header->data == ELF_DATA_LITTLE &&
           header->version == 1 && header->type == ELF_TYPE_EXEC &&
           (machine == ELF_MACHINE_ANY || header->machine == machine) &&
           header->phentsize == sizeof(struct elf_program_header);
}

/* True if [offset, offset + length) lies in [0, size). */
static bool inside(u64 offset, u64 length, u64 size)
{
    return offset <= size && length <= size - offset;
}

enum err elf_read_header(const void *file, u64 size, u16 machine, struct elf_header *out)
{
    if (size < sizeof(*out))
        return ERR_NOT_EXECUTABLE;
    memcpy(out, file, sizeof(*out));
    return elf_check_header(out, machine) ? ERR_OK : ERR_NOT_EXECUTABLE;
}

enum err elf_segment(const void *file, u64 size, u32 n, struct elf_segment *out)
{
    struct elf_header header;
    struct elf_program_header program;

    enum err err = elf_read_header(file, size, ELF_MACHINE_ANY, &header);
    if (err)
        return err;
    if (!inside(header.phoff, (u64)header.phnum * sizeof(program), size))
        return ERR_NOT_EXECUTABLE;
    if (n >= header.phnum)
        return ERR_NOT_FOUND;
    memcpy(&program, (const u8 *)file + header.phoff + n * sizeof(program), sizeof(program));
    if (!inside(program.offset, program.filesz, size))
        return ERR_NOT_EXECUTABLE;
    /* Other types may describe bytes that never come into memory, with a memsz of 0. */
    if (program.type == ELF_SEGMENT_LOAD &&
        (program.filesz > program.memsz || program.memsz > UINT64_MAX - program.vaddr))
        return ERR_NOT_EXECUTABLE;
    *out = (struct elf_segment){
        .type = program.type,
        .flags = program.flags,
        .offset = program.offset,
        .file_size = program.filesz,
        .address = program.vaddr,
        .memory_size = program.memsz,
    };
    return ERR_OK;
}
