/* Paths, links, directories [1.4]. */
#include "user/systest/systest.h"

static void slashes(void)
{
    make_file("f", "x", 1);
    equal(mkdir("d"), 0, "mkdir");
    make_file("d/g", "x", 1);
    require(exists("f/") && exists("f///"), "slashes behind a file's name");
    require(exists("d//g") && exists(".//d/./g") && exists("d/../d/g"), "detours");
    require(exists("///") && exists("/..") && exists("/../../systest.d/f"), "above the root is the root");
    require(!exists("f/g") && !exists("f/.") && !exists("d/g/h"), "a file is not a directory");
    require(!exists("e") && !exists("e/f"), "what is missing is missing");
    equal(mkdir("e/"), 0, "mkdir with a slash behind");
    equal(unlink("e/"), 0, "unlink with a slash behind");
    unlink("d/g");
    unlink("d");
    unlink("f");
}

/* Nothing is a name for the current directory, but not for a new one [1.4]. */
static void empty_paths(void)
{
    static const char *const nameless[] = {"", "/", "//"};
    require(exists(""), "open of an empty path");
    equal(chdir(""), 0, "chdir to an empty path");
    make_file("f", "x", 1);
    for (u32 i = 0; i < ARRAY_SIZE(nameless); i++) {
        equal(open(nameless[i], O_CREATE | O_RDWR), -1, "open to create");
        equal(mkdir(nameless[i]), -1, "mkdir");
        equal(mknod(nameless[i], 1, 1), -1, "mknod");
        equal(unlink(nameless[i]), -1, "unlink");
        equal(link("f", nameless[i]), -1, "link");
    }
    unlink("f");
}

/* Names are cut to 14 bytes, silently [1.4]. */
static void long_names(void)
{
    make_file("12345678901234", "x", 1);
    require(exists("123456789012345"), "a name of 15 bytes stands for its first 14");
    equal(mkdir("123456789012345"), -1, "mkdir of a name that is there, cut");
    equal(unlink("12345678901234567890"), 0, "unlink of a longer name");
    equal(mkdir("abcdefghijklmnop"), 0, "mkdir of a long name");
    make_file("abcdefghijklmnxyz/f", "x", 1);
    equal(unlink("abcdefghijklmn/f"), 0, "unlink in it");
    equal(unlink("abcdefghijklmn"), 0, "unlink of it");
}

/* Any byte but '/' and NUL is legal. */
static void odd_names(void)
{
    static const char *const odd[] = {" ", "\x80\xff", "a b", "-", "...", "\n", "*", "~"};
    for (u32 i = 0; i < ARRAY_SIZE(odd); i++) {
        make_file(odd[i], "x", 1);
        require(exists(odd[i]), "the file can be opened");
    }
    for (u32 i = 0; i < ARRAY_SIZE(odd); i++)
        equal(unlink(odd[i]), 0, "unlink");
}

static void making_refused(void)
{
    make_file("f", "x", 1);
    equal(mkdir("d"), 0, "mkdir");
    equal(mkdir("d"), -1, "mkdir of a directory that is there");
    equal(mkdir("f"), -1, "mkdir of a file that is there");
    equal(mkdir("."), -1, "mkdir of .");
    equal(mkdir("missing/d"), -1, "mkdir in a missing directory");
    equal(mkdir("f/d"), -1, "mkdir in a file");
    equal(mknod("f", 1, 1), -1, "mknod of a file that is there");
    equal(mknod("missing/n", 1, 1), -1, "mknod in a missing directory");
    equal(open("f/g", O_CREATE | O_RDWR), -1, "open to create in a file");
    equal(open("missing/g", O_CREATE | O_RDWR), -1, "open to create in a missing directory");
    equal(chdir("f"), -1, "chdir to a file");
    equal(chdir("missing"), -1, "chdir to what is missing");
    equal(chdir("f/d"), -1, "chdir to something in a file");
    equal(mknod("d", 1, 1), -1, "mknod of a directory that is there");
    equal(mknod("f/n", 1, 1), -1, "mknod in a file");
    equal(link("f", "f/g"), -1, "link in a file");
    equal(open("d", O_CREATE | O_RDWR), -1, "open to create of a directory that is there");
    equal(stat_of("f").nlink, 1, "links of the file");
    equal(mknod("dev", 9, 3), 0, "mknod");
    equal(mkdir("dev"), -1, "mkdir of a device that is there");
    equal(chdir("dev"), -1, "chdir to a device");
    equal(open("dev/g", O_CREATE | O_RDWR), -1, "open to create in a device");
    equal(close(open_well("dev", O_CREATE | O_RDWR | O_TRUNC)), 0,
          "open to create of a device that is there");
    equal(stat_of("dev").type, T_DEVICE, "its type, still");
    unlink("dev");
    unlink("f");
    unlink("d");
}

static void linking(void)
{
    make_file("f", "abc", 3);
    equal(mkdir("d"), 0, "mkdir");
    equal(link("f", "f"), -1, "link to its own name");
    equal(link("missing", "g"), -1, "link of what is missing");
    equal(link("d", "e"), -1, "link of a directory");
    equal(link(".", "e"), -1, "link of .");
    equal(link("f", "d"), -1, "link to a name that is there");
    equal(link("f", "missing/g"), -1, "link in a missing directory");
    equal(stat_of("f").nlink, 1, "links after refusals");
    equal(stat_of("d").nlink, 1, "links of the directory after refusals");
    equal(link("f", "d/g"), 0, "link");
    equal(link("d/g", "h"), 0, "link of the link");
    equal(stat_of("h").nlink, 3, "links");
    equal(unlink("f"), 0, "unlink of the first name");
    equal((s64)stat_of("d/g").size, 3, "size by the second name");
    equal(unlink("d/g"), 0, "unlink of the second name");
    equal(stat_of("h").nlink, 1, "links");
    equal(unlink("h"), 0, "unlink of the third name");
    equal(unlink("d"), 0, "unlink of the directory");
    equal(mknod("dev", 1, 0), 0, "mknod");
    equal(link("dev", "dev2"), 0, "link of a device");
    equal(unlink("dev"), 0, "unlink of a device");
    equal(stat_of("dev2").type, T_DEVICE, "its other name");
    equal(unlink("dev2"), 0, "unlink");
}

/* A new directory has one link and two records; each directory in it is one
 * more link [1.4, 11 point 29]. */
static void directory_links(void)
{
    int outer = stat_of(".").nlink;
    equal(mkdir("d"), 0, "mkdir");
    equal(stat_of("d").nlink, 1, "links of a new directory");
    equal((s64)stat_of("d").size, 32, "size of a new directory");
    equal(stat_of(".").nlink, outer + 1, "links of its parent");
    equal(mkdir("d/e"), 0, "mkdir in it");
    equal(stat_of("d").nlink, 2, "links of a directory with one in it");
    equal(unlink("d"), -1, "unlink of a directory that is not empty");
    equal(unlink("d/e"), 0, "unlink of the inner one");
    equal(stat_of("d").nlink, 1, "links of the outer one");
    equal(unlink("d"), 0, "unlink of the outer one");
    equal(stat_of(".").nlink, outer, "links of its parent");
}

static void unlinking_refused(void)
{
    equal(mkdir("d"), 0, "mkdir");
    make_file("d/f", "x", 1);
    equal(unlink("d"), -1, "unlink of a directory with a file");
    equal(unlink("."), -1, "unlink of .");
    equal(unlink(".."), -1, "unlink of ..");
    equal(unlink("d/."), -1, "unlink of d/.");
    equal(unlink("d/.."), -1, "unlink of d/..");
    equal(unlink("/"), -1, "unlink of /");
    equal(unlink("missing"), -1, "unlink of what is missing");
    equal(unlink("d/f/g"), -1, "unlink in a file");
    equal(unlink("d/f"), 0, "unlink of the file");
    equal(unlink("d"), 0, "unlink of the directory");
}

/* A directory that was removed while somebody is in it: nothing is in it any
 * more, and nothing can be made in it; then it is left [1.4, unlinked cwd; 2
 * row 8]. */
static void removed_directory(void)
{
    equal(mkdir("d"), 0, "mkdir");
    equal(mkdir("d/e"), 0, "mkdir");
    equal(chdir("d/e"), 0, "chdir");
    equal(unlink("../../d/e"), 0, "unlink of the directory we are in");
    equal(unlink("../../d"), -1, "its path is gone, .. included");
    equal(unlink("/systest.d/d"), 0, "unlink of its parent");
    require(exists("."), "the directory itself can be opened");
    require(!exists("..") && !exists("../c") && !exists("../../f"), ".. leads nowhere");
    equal(chdir(".."), -1, "chdir to ..");
    equal(open("f", O_CREATE | O_RDWR), -1, "open to create in it");
    equal(mkdir("g"), -1, "mkdir in it");
    equal(mknod("g", 1, 1), -1, "mknod in it");
    equal(link("/README", "g"), -1, "link into it");
    equal(chdir("/systest.d"), 0, "chdir out of it");
}

static void in_removed_directory(u64 unused)
{
    (void)unused;
    equal(mkdir("d"), 0, "mkdir");
    equal(chdir("d"), 0, "chdir");
    equal(unlink("../d"), 0, "unlink");
}

/* Whoever leaves a removed directory by ending, gives its inode back
 * [usertests' exitiput]. */
static void end_in_removed_directory(void)
{
    for (u32 i = 0; i < 30; i++)
        equal(fate_of(in_removed_directory, 0), 0, "the status");
    equal(mkdir("d"), 0, "mkdir");
    equal(unlink("d"), 0, "unlink");
}

/* Nested as deep as xv6's tests do, and back [usertests' iref]. */
static void deep_directories(void)
{
    for (u32 i = 0; i < 51; i++) {
        equal(mkdir("deep"), 0, "mkdir");
        equal(chdir("deep"), 0, "chdir");
        require(open("", O_CREATE) == -1 && link("/README", "") == -1, "empty names are refused");
    }
    for (u32 i = 0; i < 51; i++) {
        equal(chdir(".."), 0, "chdir");
        equal(unlink("deep"), 0, "unlink");
    }
}

/* More distinct files are open at a time than xv6 has inodes in memory, which is its end [7: the 49th]. */
#define HOLDERS    6u
#define HELD_FILES 10u /* others of its descriptors are taken */

static int opened[2];
static int release[2];

static void hold_files(u64 number)
{
    char count = 0;
    char byte;
    close(release[1]);
    for (u32 i = 0; i < HELD_FILES; i++) {
        int fd = open(numbered("f", (u32)number * HELD_FILES + i), O_CREATE | O_RDWR);
        count = (char)(count + (fd >= 0));
    }
    equal(write(opened[1], &count, 1), 1, "write");
    read(release[0], &byte, 1);
}

static void many_open_files(void)
{
    u32 total = 0;
    equal(pipe(opened) | pipe(release), 0, "pipe");
    for (u64 i = 0; i < HOLDERS; i++)
        spawn(hold_files, i);
    for (u32 i = 0; i < HOLDERS; i++) {
        char count = 0;
        equal(read(opened[0], &count, 1), 1, "read");
        total += (u32)count;
    }
    equal(total, HOLDERS * HELD_FILES, "distinct files open at a time");
    require(exists("f0"), "and one more");
    close(release[1]);
    for (u32 i = 0; i < HOLDERS; i++) {
        int status = -2;
        require(wait(&status) > 0 && status == 0, "the status");
    }
    for (u32 i = 0; i < total; i++)
        equal(unlink(numbered("f", i)), 0, "unlink");
}

/* One file with many names, in a directory of many blocks. */
static void many_links(void)
{
    u32 count = 200;
    make_file("f", "x", 1);
    for (u32 i = 0; i < count; i++)
        equal(link("f", numbered("x", i)), 0, "link");
    equal(stat_of("f").nlink, (s64)count + 1, "links");
    equal(unlink("f"), 0, "unlink");
    for (u32 i = 0; i < count; i++)
        equal(unlink(numbered("x", i)), 0, "unlink");
    require(!exists("x0"), "all are gone");
}

const struct test name_tests[] = {
    {"slashes", slashes, NEEDS_DISK},
    {"empty-paths", empty_paths, NEEDS_DISK},
    {"long-names", long_names, NEEDS_DISK},
    {"odd-names", odd_names, NEEDS_DISK},
    {"making-refused", making_refused, NEEDS_DISK},
    {"linking", linking, NEEDS_DISK},
    {"directory-links", directory_links, NEEDS_DISK},
    {"unlinking-refused", unlinking_refused, NEEDS_DISK},
    {"removed-directory", removed_directory, NEEDS_DISK},
    {"end-in-removed-directory", end_in_removed_directory, NEEDS_DISK},
    {"deep-directories", deep_directories, NEEDS_DISK},
    {"many-open-files", many_open_files, NEEDS_DISK},
    {"many-links", many_links, NEEDS_DISK | IS_SLOW},
    {NULL, NULL, 0},
};
