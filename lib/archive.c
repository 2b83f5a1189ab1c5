/* Archives of files. The contract and the format are in archive.h. */
#include "lib/archive.h"
#include "lib/string.h"

#define HEADER_SIZE 110u

/* Offsets of the fields that matter, each 8 hexadecimal digits. */
#define FIELD_FILESIZE 54u
#define FIELD_NAMESIZE 94u

static bool read_field(const char *digits, u64 *value)
{
    *value = 0;
    for (u32 i = 0; i < 8; i++) {
        char c = digits[i];
        u32 digit;
        if (c >= '0' && c <= '9')
            digit = (u32)(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (u32)(c - 'a') + 10;
        else if (c >= 'A' && c <= 'F')
            digit = (u32)(c - 'A') + 10;
        else
            return false;
        *value = *value << 4 | digit;
    }
    return true;
}

bool archive_next(const void *archive, u64 size, struct archive_file *file)
{
    const char *bytes = archive;
    u64 at = file->next;
    u64 file_size, name_size;

    if (at > size || size - at < HEADER_SIZE || memcmp(bytes + at, "070701", 6) != 0 ||
        !read_field(bytes + at + FIELD_FILESIZE, &file_size) ||
        !read_field(bytes + at + FIELD_NAMESIZE, &name_size))
        return false;
    /* Both sizes are below 2^32 and `at` is at most `size`, the size of something in memory: no sum here
     * wraps. */
    u64 name = at + HEADER_SIZE;
    u64 data = round_up(name + name_size, 4);
    if (data > size || file_size > size - data)
        return false;
    if (name_size == 0 || bytes[name + name_size - 1] != '\0' || strcmp(bytes + name, "TRAILER!!!") == 0)
        return false;
    *file = (struct archive_file){
        .name = bytes + name,
        .data = bytes + data,
        .size = file_size,
        .next = round_up(data + file_size, 4),
    };
    return true;
}

const void *archive_find(const void *archive, u64 size, const char *name, u64 *file_size)
{
    struct archive_file file = {0};
    while (archive_next(archive, size, &file))
        if (strcmp(file.name, name) == 0) {
            *file_size = file.size;
            return file.data;
        }
    return NULL;
}
