/*
 * Hostile images: whatever the disk says, no operation crashes, loops or asserts.
 *
 * Seeded: FS_SEED (a number) and FS_ROUNDS choose another run. Each round damages the metadata of an image
 * that has files, directories and links in it, starts the service and runs many operations over every inode
 * number. Errors are fine; what is not fine ends this program (sanitizers, an assertion, an alarm).
 */
#include "service/fs/test_world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static u8 *good;
static u64 good_blocks;

static u64 setting(const char *name, u64 otherwise)
{
    const char *text = getenv(name);
    return text != NULL ? strtoul(text, NULL, 0) : otherwise;
}

static void furnish(void)
{
    static u8 bytes[40000];
    char name[16];
    u64 d = create(FS_ROOT, "dir", FS_TYPE_DIRECTORY);
    for (u32 n = 0; n < 8; n++) {
        snprintf(name, sizeof name, "f%u", n);
        u64 f = create(n % 2 == 0 ? FS_ROOT : d, name, FS_TYPE_FILE);
        assert_ok(put_bytes(f, 0, bytes, 1 + n * 5000));
        if (n % 3 == 0) {
            snprintf(name, sizeof name, "l%u", n);
            assert_ok(fs_link(f, d, NAME(name)));
        }
        assert_ok(fs_put(f));
    }
    u64 e = create(d, "e", FS_TYPE_DIRECTORY);
    create(e, "deep", FS_TYPE_DIRECTORY);
    u64 dev;
    assert_ok(fs_create(FS_ROOT, NAME("console"), FS_TYPE_DEVICE, 1, &dev));
    assert_consistent(0);
    good_blocks = host_disk_blocks();
    good = malloc(good_blocks * 1024);
    memcpy(good, host_disk_bytes(), good_blocks * 1024);
}

/* A number as an attacker would choose it. */
static u32 number(u64 *seed)
{
    static const u32 liked[] = {0,      1,      2,      3,          15,         16,        30,     32,
                                33,     45,     46,     47,         48,         60,        199,    200,
                                201,    1999,   2000,   2001,       1024,       65535,     0x7fff, 0x8000,
                                0xffff, 274432, 274433, 0x7fffffff, 0x80000000, 0xffffffff};
    u32 r = random_next(seed);
    return r % 3 == 0   ? random_next(seed)
           : r % 3 == 1 ? liked[random_next(seed) % ARRAY_SIZE(liked)]
                        : r % 2100;
}

static void damage(u64 *seed)
{
    u8 *disk = host_disk_bytes();
    u32 changes = 1 + random_next(seed) % 12;
    while (changes-- > 0) {
        u32 inode = random_next(seed) % 20;
        struct xv6fs_inode *i = (void *)(disk + 33 * 1024 + inode * 64);
        switch (random_next(seed) % 12) {
        case 0:
            i->type = (s16)number(seed);
            break;
        case 1:
            i->nlink = (s16)number(seed);
            break;
        case 2:
            i->size = number(seed);
            break;
        case 3:
            i->indirect = number(seed);
            break;
        case 4: /* any word of the bitmap */
            ((u32 *)(disk + 46 * 1024))[random_next(seed) % 64] = number(seed);
            break;
        case 5: { /* a record of a directory, or any word of a data block */
            u32 block = 47 + random_next(seed) % 60;
            ((u32 *)(disk + block * 1024ul))[random_next(seed) % 256] = number(seed);
            break;
        }
        case 6: { /* the inode of a record in the root */
            struct xv6fs_record *r = (void *)(disk + 47 * 1024);
            r[random_next(seed) % 16].inode = (u16)number(seed);
            break;
        }
        case 7: /* the log header, seldom: most such images are refused */
            if (random_next(seed) % 8 == 0)
                ((u32 *)(disk + 2048))[random_next(seed) % 4] = number(seed);
            break;
        case 8:
            if (random_next(seed) % 8 == 0)
                ((u32 *)(disk + 1024))[random_next(seed) % 8] = number(seed);
            break;
        case 9: /* a record with a type's name that is one of the others */
            memcpy(i, disk + 33 * 1024 + random_next(seed) % 20 * 64, 64);
            break;
        default:
            i->direct[random_next(seed) % 12] = number(seed);
        }
    }
}

static const char *const names[] = {"dir", "e",  "deep",  "f0",      "f1",  "f2", "f3",
                                    "l0",  "l3", "hello", "console", "new", "..", "."};

static void operate(u64 *seed)
{
    u64 held[24] = {FS_ROOT};
    u32 count = 1;
    static u8 bytes[6000];
    for (u32 n = 0; n < 150; n++) {
        u64 a = held[random_next(seed) % count];
        u64 b = held[random_next(seed) % count];
        const char *name = names[random_next(seed) % ARRAY_SIZE(names)];
        u64 inode, attributes, size, slots, got;
        switch (random_next(seed) % 10) {
        case 0:
        case 1:
        case 2:
            if (count < ARRAY_SIZE(held) && lookup(a, name, &inode) == ERR_OK)
                held[count++] = inode;
            break;
        case 3:
            if (count < ARRAY_SIZE(held) &&
                fs_create(a, NAME(name), 1 + random_next(seed) % 2, 0, &inode) == ERR_OK)
                held[count++] = inode;
            break;
        case 4:
            (void)fs_link(a, b, NAME(name));
            break;
        case 5:
            (void)fs_unlink(a, NAME(name));
            break;
        case 6:
            (void)fs_stat(a, &attributes, &size);
            if (fs_read(a, random_next(seed) % 300000, 4096, &slots, &got) == ERR_OK)
                assert_ok(fs_read_done(slots));
            break;
        case 7:
            (void)put_bytes(a, random_next(seed) % 20000, bytes, 1 + random_next(seed) % sizeof bytes);
            break;
        case 8:
            (void)fs_truncate(a);
            break;
        default:
            if (count > 1) {
                u32 which = 1 + random_next(seed) % (count - 1);
                (void)fs_put(held[which]);
                held[which] = held[--count];
            }
        }
    }
    while (count > 1)
        (void)fs_put(held[--count]);
}

static void test_damaged_images(void **state)
{
    (void)state;
    u64 first = setting("FS_SEED", 1), rounds = setting("FS_ROUNDS", 600);
    u32 refused = 0, clean = 0;
    furnish();
    for (u64 round = first; round < first + rounds; round++) {
        u64 seed = round;
        host_reset();
        host_disk_set(good, good_blocks);
        damage(&seed);
        alarm(20);
        enum err err = fs_start();
        if (err != ERR_OK) {
            assert_err(err, ERR_CORRUPT);
            refused++;
            continue;
        }
        operate(&seed);
        operate(&seed);
        /* it must be possible to mount what is left */
        host_reset();
        err = fs_start();
        if (err != ERR_OK)
            assert_err(err, ERR_CORRUPT);
        clean += walk_disk().wrong == NULL;
    }
    alarm(0);
    printf("%lu images: %u refused at the start, %u consistent at the end\n", rounds, refused, clean);
    free(good);
}

/* The same operations on a sound image, with a disk that fails now and then: it stays sound. */
static void test_failing_disk(void **state)
{
    (void)state;
    u64 first = setting("FS_SEED", 1), rounds = setting("FS_ROUNDS", 600) / 4;
    furnish();
    for (u64 round = first; round < first + rounds; round++) {
        u64 seed = round * 77;
        host_reset();
        host_disk_set(good, good_blocks);
        assert_ok(fs_start());
        host_disk_fail_reads(1 + random_next(&seed) % 40, 1 + random_next(&seed) % 5);
        host_disk_fail_writes(1 + random_next(&seed) % 100, 1 + random_next(&seed) % 8);
        host_disk_fail_flushes(1 + random_next(&seed) % 40, 1 + random_next(&seed) % 3);
        operate(&seed);
        host_disk_fail_reads(0, 0);
        host_disk_fail_writes(0, 0);
        host_disk_fail_flushes(0, 0);
        assert_ok(world_reboot(round));
        assert_consistent(0);
        operate(&seed);
        host_reset();
        assert_ok(fs_start());
        assert_consistent(0);
    }
    free(good);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {T(test_damaged_images), T(test_failing_disk)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
