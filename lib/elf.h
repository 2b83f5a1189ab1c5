/*
 * ELF files: 64-bit, little-endian (System V ABI, chapter 4 and 5; RISC-V ELF psABI for the machine number).
 *
 * Only what a loader needs: the file header and the program headers. Field names are the specification's. A
 * file in memory may lie at any address, so everything is copied out of it. Nothing here waits or keeps a
 * pointer.
 */
#ifndef LIB_ELF_H
#define LIB_ELF_H

#include "lib/err.h"
#include "lib/types.h"

/* The first four bytes as a little-endian number: 0x7f 'E' 'L' 'F'. */
#define ELF_MAGIC 0x464c457fu

struct elf_header {
    u32 magic;
    u8 class;   /* ELF_CLASS_64 */
    u8 data;    /* ELF_DATA_LITTLE */
    u8 version; /* 1 */
    u8 pad[9];
    u16 type;    /* ELF_TYPE_EXEC, ELF_TYPE_DYN */
    u16 machine; /* ELF_MACHINE_RISCV */
    u32 file_version;
    u64 entry;
    u64 phoff; /* program headers: offset in the file */
    u64 shoff;
    u32 flags;
    u16 ehsize;
    u16 phentsize; /* sizeof(struct elf_program_header) */
    u16 phnum;
    u16 shentsize;
    u16 shnum;
    u16 shstrndx;
};

struct elf_program_header {
    u32 type;  /* ELF_SEGMENT_* */
    u32 flags; /* ELF_FLAG_* */
    u64 offset;
    u64 vaddr;
    u64 paddr;
    u64 filesz;
    u64 memsz;
    u64 align;
};

_Static_assert(sizeof(struct elf_header) == 64, "ELF64 file header");
_Static_assert(sizeof(struct elf_program_header) == 56, "ELF64 program header");

#define ELF_CLASS_64      2
#define ELF_DATA_LITTLE   1
#define ELF_TYPE_EXEC     2
#define ELF_TYPE_DYN      3
#define ELF_MACHINE_RISCV 243
#define ELF_MACHINE_ANY   0 /* for elf_check_header() */

#define ELF_SEGMENT_LOAD 1u
#define ELF_FLAG_EXEC    1u
#define ELF_FLAG_WRITE   2u
#define ELF_FLAG_READ    4u

/* All that xv6's loader asks of a header. */
bool elf_check_magic(const struct elf_header *header);

/* What a careful loader asks: a 64-bit little-endian executable with fixed addresses for `machine`, and
 * program headers of the size we know. */
bool elf_check_header(const struct elf_header *header, u16 machine);

/* Copies the header of a file in memory, if it passes elf_check_header(). ERR_NOT_EXECUTABLE. */
enum err elf_read_header(const void *file, u64 size, u16 machine, struct elf_header *out);

struct elf_segment {
    u32 type;
    u32 flags;
    u64 offset; /* [offset, offset + file_size) lies inside the file */
    u64 file_size;
    u64 address;     /* ELF_SEGMENT_LOAD: [address, address + memory_size) does not wrap, and */
    u64 memory_size; /* ELF_SEGMENT_LOAD: memory_size >= file_size */
};

/*
 * The n-th segment (from 0) of a file in memory. ERR_NOT_FOUND behind the last one: that ends a loop over
 * them. ERR_NOT_EXECUTABLE: not an ELF file of any machine, or a header or segment outside the file or with
 * impossible sizes.
 */
enum err elf_segment(const void *file, u64 size, u32 n, struct elf_segment *out);

#endif
