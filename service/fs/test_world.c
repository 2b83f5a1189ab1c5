/*
 * Images and short forms of the operations, for the unit tests of the file system.
 */
#include "service/fs/test_world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void world_image(const char *mkfs_arguments)
{
    char image[64], command[512];
    const char *mkfs = getenv("MKFS");
    snprintf(image, sizeof image, "/tmp/fs-test-%d.img", (int)getpid());
    snprintf(command, sizeof command, "%s %s %s", mkfs != NULL ? mkfs : "build/host/mkfs", image,
             mkfs_arguments);
    if (system(command) != 0)
        fail_msg("%s", command);
    host_disk_reset();
    if (!host_disk_load(image))
        fail_msg("cannot read %s", image);
    unlink(image);
}

int world_setup(void **state)
{
    static u8 *fresh; /* one run of mkfs is enough */
    static u64 blocks;
    (void)state;
    host_reset();
    host_arena_set(256);
    host_log_quiet = true;
    if (fresh == NULL) {
        char file[64], arguments[128];
        snprintf(file, sizeof file, "/tmp/fs-test-%d-hello", (int)getpid());
        FILE *hello = fopen(file, "w");
        assert_non_null(hello);
        fputs("hello, disk\n", hello);
        fclose(hello);
        snprintf(arguments, sizeof arguments, "hello=%s", file);
        world_image(arguments);
        unlink(file);
        blocks = host_disk_blocks();
        fresh = malloc(blocks * 1024);
        memcpy(fresh, host_disk_bytes(), blocks * 1024);
    }
    host_disk_set(fresh, blocks);
    assert_ok(fs_start());
    return 0;
}

int world_teardown(void **state)
{
    (void)state;
    host_reset();
    host_disk_reset();
    return 0;
}

enum err world_reboot(u64 seed)
{
    host_disk_power_cut(seed);
    host_disk_stop_after_writes(0);
    host_reset();
    return fs_start();
}

static u64 name_word(const char *name, u32 from)
{
    u64 word = 0;
    size_t length = strlen(name);
    for (u32 i = from; i < from + 8 && i < length; i++)
        word |= (u64)(u8)name[i] << (i - from) * 8;
    return word;
}

u64 name0(const char *name)
{
    return name_word(name, 0);
}

u64 name1(const char *name)
{
    return name_word(name, 8);
}

enum err lookup(u64 directory, const char *name, u64 *inode)
{
    return fs_lookup(directory, NAME(name), inode);
}

u64 open_path(const char *path)
{
    u64 at = FS_ROOT;
    assert_ok(fs_get(at));
    while (*path != '\0') {
        char name[16] = "";
        size_t length = strcspn(path, "/");
        memcpy(name, path, length < 14 ? length : 14);
        u64 next;
        enum err err = lookup(at, name, &next);
        assert_ok(fs_put(at));
        if (err != ERR_OK)
            return 0;
        at = next;
        path += length;
        path += strspn(path, "/");
    }
    return at;
}

u64 create(u64 directory, const char *name, u64 type)
{
    u64 inode = 0;
    assert_ok(fs_create(directory, NAME(name), type, 0, &inode));
    return inode;
}

enum err put_bytes(u64 inode, u64 offset, const void *bytes, u64 length)
{
    u64 slots;
    enum err err = fs_slots_lend(&slots);
    if (err != ERR_OK)
        return err;
    const u8 *from = bytes;
    while (length > 0 && err == ERR_OK) {
        u64 part = 4096 - offset % 1024;
        if (part > length)
            part = length;
        for (u64 i = 0; i < part; i++) {
            u64 at = offset % 1024 + i;
            port_arena_slot((u32)(slots >> 16 * (at / 1024) & 0xffff))[at % 1024] = from[i];
        }
        u64 fresh = slots;
        err = fs_write(inode, offset, part, slots, 0, &fresh);
        slots = fresh;
        offset += part;
        from += part;
        length -= part;
    }
    assert_ok(fs_slots_return(slots));
    return err;
}

u64 get_bytes(u64 inode, u64 offset, void *bytes, u64 length)
{
    u8 *to = bytes;
    u64 done = 0;
    while (done < length) {
        u64 slots, count;
        assert_ok(fs_read(inode, offset + done, length - done, &slots, &count));
        for (u64 i = 0; i < count; i++) {
            u64 at = (offset + done) % 1024 + i;
            to[done + i] = port_arena_slot((u32)(slots >> 16 * (at / 1024) & 0xffff))[at % 1024];
        }
        assert_ok(fs_read_done(slots));
        if (count == 0)
            break;
        done += count;
    }
    return done;
}

u64 size_of(u64 inode)
{
    u64 attributes, size;
    assert_ok(fs_stat(inode, &attributes, &size));
    return size;
}

u32 links_of(u64 inode)
{
    u64 attributes, size;
    assert_ok(fs_stat(inode, &attributes, &size));
    return FS_STAT_LINKS(attributes);
}

u32 random_next(u64 *state)
{
    *state = *state * 6364136223846793005ul + 1442695040888963407ul;
    return (u32)(*state >> 33);
}

void fill(u8 *bytes, u64 length, u32 seed)
{
    u64 state = seed;
    for (u64 i = 0; i < length; i++)
        bytes[i] = (u8)random_next(&state);
}
