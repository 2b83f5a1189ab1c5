/* For programs written for xv6: directory records, and the sizes of files on its disk. */
#ifndef USER_COMPAT_FS_H
#define USER_COMPAT_FS_H

#include "abi/xv6/dirent.h"

#define ROOTINO   1    /* the root directory's inode */
#define BSIZE     1024 /* bytes of a block */
#define NDIRECT   12
#define NINDIRECT 256
#define MAXFILE   (NDIRECT + NINDIRECT) /* blocks of the largest file */

#endif
