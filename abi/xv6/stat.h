/* What fstat tells. The four bytes before `size` are padding, which the system writes as zeros. */
#ifndef ABI_XV6_STAT_H
#define ABI_XV6_STAT_H

#include <stddef.h>
#include <stdint.h>

#define T_DIR    1
#define T_FILE   2
#define T_DEVICE 3

struct stat {
    int32_t dev; /* always 1 */
    uint32_t ino;
    int16_t type; /* T_* */
    int16_t nlink;
    uint64_t size; /* bytes */
};

_Static_assert(sizeof(struct stat) == 24, "programs reserve 24 bytes");
_Static_assert(offsetof(struct stat, ino) == 4 && offsetof(struct stat, type) == 8 &&
                   offsetof(struct stat, nlink) == 10 && offsetof(struct stat, size) == 16,
               "programs know these offsets");

#endif
