/*
 * What the unit tests of the file system share: a fresh image, short forms of the operations, and an
 * independent reader of the raw image that knows nothing of the service's code.
 */
#ifndef FS_TEST_WORLD_H
#define FS_TEST_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "abi/disk/xv6fs.h"
#include "lib/err.h"
#include "placement/host/host.h"
#include "port/arena.h"
#include "port/fs.h"

#define assert_err(call, wanted) assert_string_equal(err_text(call), err_text(wanted))
#define assert_ok(call)          assert_err(call, ERR_OK)

/* ---- test_world.c: images and operations ---- */

/* Runs mkfs with these arguments and makes its image the disk. Nothing is started. */
void world_image(const char *mkfs_arguments);
/* A default image with the file "hello" ("hello, disk\n"), reset ports, and the service started. */
int world_setup(void **state);
int world_teardown(void **state);
/* Power lost (see host_disk_power_cut) and on again: nothing kept, fs_start(). */
enum err world_reboot(u64 seed);

u64 name0(const char *name), name1(const char *name); /* the two words of a name */
#define NAME(text) name0(text), name1(text)

enum err lookup(u64 directory, const char *name, u64 *inode);
u64 open_path(const char *path); /* "a/b/c" from the root; 0: not there. Takes a reference. */
u64 create(u64 directory, const char *name, u64 type);
enum err put_bytes(u64 inode, u64 offset, const void *bytes, u64 length); /* in as many writes as needed */
u64 get_bytes(u64 inode, u64 offset, void *bytes,
              u64 length); /* how many were there; fails the test on an error */
u64 size_of(u64 inode);
u32 links_of(u64 inode);
void fill(u8 *bytes, u64 length, u32 seed); /* a pattern */
u32 random_next(u64 *state);

/* ---- test_walk.c: the image as it lies on the disk ---- */

struct walk {
    const char *wrong; /* NULL: consistent; else the first thing found */
    u32 where;         /* an inode or block number that goes with it */
    u32 orphans;       /* inodes in use without links */
    u32 free_blocks;
    u32 free_inodes;
    u64 digest; /* of the tree: names, types, links, contents, each record's place */
};

/* Of the tree under `name` in the root: names, types, links, contents, but no numbers of inodes or blocks.
 * 0: it is not there. */
u64 walk_subtree(const u8 *image, u64 blocks, const char *name);

struct walk walk_image(const u8 *image, u64 blocks);
void assert_consistent(u32 orphans);
#define walk_disk() walk_image(host_disk_bytes(), host_disk_blocks())

#endif
