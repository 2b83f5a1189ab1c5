/* A directory read as a file is a row of these records; a free one has inum 0. */
#ifndef ABI_XV6_DIRENT_H
#define ABI_XV6_DIRENT_H

#include <stdint.h>

/* Longer names are cut to this, silently. A name of just this length has no NUL. */
#define DIRSIZ 14

struct dirent {
    uint16_t inum;
    char name[DIRSIZ];
};

_Static_assert(sizeof(struct dirent) == 16, "programs read directories in steps of 16 bytes");

#endif
