/*
 * Unit tests of lib/, on the host, under the address and undefined-behaviour sanitizers.
 *
 * Arguments: a device tree of QEMU's `virt`, the table of symbols of this very program (linked at fixed
 * addresses), an archive that holds that table twice, as "symbols" and as "again". string.c is compiled with
 * its functions renamed to own_*, so that they are tested and not the C library's. Damaged input is handed
 * over in blocks of malloc, where the sanitizer sees every byte read outside.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/archive.h"
#include "lib/elf.h"
#include "lib/err.h"
#include "lib/faults.h"
#include "lib/fdt.h"
#include "lib/format.h"
#include "lib/string.h"
#include "lib/symbols.h"
#include "lib/words.h"

void *own_memcpy(void *to, const void *from, size_t n);
void *own_memmove(void *to, const void *from, size_t n);
void *own_memset(void *to, int value, size_t n);
int own_memcmp(const void *a, const void *b, size_t n);
size_t own_strlen(const char *s);
int own_strcmp(const char *a, const char *b);
int own_strncmp(const char *a, const char *b, size_t n);

struct blob {
    u8 *bytes;
    u64 size;
};

static struct blob tree_file, symbols_file, archive_file;

static struct blob read_blob(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct blob blob = {0};
    if (!file || fseek(file, 0, SEEK_END) != 0)
        exit(2);
    blob.size = (u64)ftell(file);
    blob.bytes = malloc(blob.size);
    rewind(file);
    if (!blob.bytes || fread(blob.bytes, 1, blob.size, file) != blob.size)
        exit(2);
    fclose(file);
    return blob;
}

/* xorshift64: the same sequence in every run. */
static u64 random_u64(void)
{
    static u64 state = 0x9e3779b97f4a7c15u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* Calls `use` with many damaged copies: bytes changed, the end cut off, or both. */
static void damage(struct blob good, u32 rounds, u64 hot, void (*use)(const void *bytes, u64 size))
{
    for (u32 round = 0; round < rounds; round++) {
        u64 size = random_u64() % 4 == 0 ? random_u64() % (good.size + 1) : good.size;
        u8 *copy = malloc(size + 1);
        u8 *bytes = realloc(copy, size > 0 ? size : 1);
        memcpy(bytes, good.bytes, size);
        for (u64 n = random_u64() % 4; n > 0 && size > 0; n--) {
            /* Half of the damage goes where the headers are. */
            u64 span = random_u64() % 2 ? min_u64(hot, size) : size;
            u64 at = random_u64() % span;
            bytes[at] = random_u64() % 2 ? (u8)random_u64() : (u8)(bytes[at] ^ 1u << random_u64() % 8);
        }
        use(bytes, size);
        free(bytes);
    }
}

/* ---- strings ---- */

static void test_copies(void **state)
{
    (void)state;
    enum { ROOM = 224 };
    _Alignas(8) u8 source[ROOM], mine[ROOM], theirs[ROOM];
    for (u32 round = 0; round < 60000; round++) {
        u64 n = random_u64() % 150, to = random_u64() % 40, from = random_u64() % 40;
        for (u64 i = 0; i < ROOM; i++) {
            source[i] = (u8)random_u64();
            mine[i] = theirs[i] = (u8)i;
        }
        switch (round % 3) {
        case 0:
            assert_ptr_equal(own_memcpy(mine + to, source + from, n), mine + to);
            memcpy(theirs + to, source + from, n);
            break;
        case 1:
            assert_ptr_equal(own_memmove(mine + to, mine + from, n), mine + to);
            memmove(theirs + to, theirs + from, n);
            break;
        default:
            assert_ptr_equal(own_memset(mine + to, (int)from - 20, n), mine + to);
            memset(theirs + to, (int)from - 20, n);
        }
        assert_memory_equal(mine, theirs, ROOM);
    }
}

static int sign(int value)
{
    return (value > 0) - (value < 0);
}

static void test_comparisons(void **state)
{
    (void)state;
    for (u32 round = 0; round < 20000; round++) {
        _Alignas(8) char a[48], b[48];
        for (u64 i = 0; i < sizeof(a); i++)
            a[i] = b[i] = (char)('a' + random_u64() % 26);
        a[16 + random_u64() % 32] = b[16 + random_u64() % 32] = '\0';
        a[47] = b[47] = '\0';
        if (random_u64() % 2)
            b[random_u64() % 47] = (char)random_u64();
        u64 x = random_u64() % 2 * (random_u64() % 16), y = random_u64() % 2 ? x : random_u64() % 16;
        u64 n = random_u64() % 32;
        assert_int_equal(sign(own_memcmp(a + x, b + y, n)), sign(memcmp(a + x, b + y, n)));
        assert_int_equal(sign(own_strcmp(a + x, b + y)), sign(strcmp(a + x, b + y)));
        assert_int_equal(sign(own_strncmp(a + x, b + y, n)), sign(strncmp(a + x, b + y, n)));
        assert_int_equal(own_strlen(a + x), strlen(a + x));
    }
}

static void test_string_copy(void **state)
{
    (void)state;
    char to[4];
    assert_true(string_copy(to, "abc", sizeof(to)));
    assert_string_equal(to, "abc");
    assert_false(string_copy(to, "abcd", sizeof(to)));
    assert_string_equal(to, "abc");
    assert_true(string_copy(to, "", 1));
    assert_false(string_copy(to, "x", 1));
    assert_string_equal(to, "");
}

static void test_pages(void **state)
{
    (void)state;
    u8 *pages = aligned_alloc(PAGE_SIZE, 2 * PAGE_SIZE);
    for (u64 i = 0; i < 2 * PAGE_SIZE; i++)
        pages[i] = (u8)random_u64();
    page_copy(pages, pages + PAGE_SIZE);
    assert_memory_equal(pages, pages + PAGE_SIZE, PAGE_SIZE);
    u8 kept = pages[PAGE_SIZE];
    page_zero(pages);
    for (u64 i = 0; i < PAGE_SIZE; i++)
        assert_int_equal(pages[i], 0);
    assert_int_equal(pages[PAGE_SIZE], kept);
    free(pages);
}

/* ---- formatting ---- */

/* Not format_string itself, whose formats the compiler checks: some here are wrong on purpose. */
static u64 print(char *buffer, u64 size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    u64 length = format_string_va(buffer, size, format, arguments);
    va_end(arguments);
    return length;
}

/* Compares with the C library, which means the same by the formats both know. */
#define SAME(...)                                                                                            \
    do {                                                                                                     \
        char mine[128], theirs[128];                                                                         \
        u64 length = format_string(mine, sizeof(mine), __VA_ARGS__);                                         \
        assert_int_equal(length, snprintf(theirs, sizeof(theirs), __VA_ARGS__));                             \
        assert_string_equal(mine, theirs);                                                                   \
    } while (0)

#define PRINTS(expected, ...)                                                                                \
    do {                                                                                                     \
        char text[128];                                                                                      \
        assert_int_equal(print(text, sizeof(text), __VA_ARGS__), strlen(expected));                          \
        assert_string_equal(text, expected);                                                                 \
    } while (0)

static void test_format(void **state)
{
    (void)state;
    SAME("plain");
    SAME("%d %i %u", -5, 77, 4000000000u);
    SAME("%d %ld %lld", (int)INT32_MIN, (long)INT64_MIN, (long long)INT64_MAX);
    SAME("%lu %llu %lx %lX", UINT64_MAX, 0ull, UINT64_MAX, 0xabcdeful);
    SAME("[%5d|%-5d|%05d|%2d]", -42, -42, -42, 12345);
    SAME("[%8x|%-8x|%08x|%016lx]", 0xbeefu, 0xbeefu, 0xbeefu, 0xbeeful);
    SAME("[%s|%6s|%-6s|%.2s|%6.1s|%.0s|%40s]", "abc", "abc", "abc", "abc", "abc", "abc", "x");
    SAME("[%c|%3c|%-3c]%%", 'x', 'y', 'z');
    SAME("%s%s", "", "");
    PRINTS("0x0000000000001000 (null)", "%p %s", (void *)0x1000, (char *)NULL);
    PRINTS("[(n]", "[%.2s]", (char *)NULL);
    PRINTS("%q %.3d %", "%q %.3d %");
    PRINTS("%-", "%-");
    PRINTS("%lll 7", "%lll %d", 7);

    char unterminated[2] = {'h', 'i'};
    PRINTS("hi", "%.2s", unterminated);

    char small[5];
    assert_int_equal(format_string(small, sizeof(small), "%s", "abcdefg"), 7);
    assert_string_equal(small, "abcd");
    assert_int_equal(format_string(small, 1, "%d", 123), 3);
    assert_string_equal(small, "");
    assert_int_equal(format_string(NULL, 0, "%d%s", 123, "xy"), 5);
    assert_int_equal(print(small, sizeof(small), "%99999999999d", 1), 1024);
}

static void test_err(void **state)
{
    (void)state;
    assert_string_equal(err_text(ERR_OK), "no error");
    for (int i = 0; i < ERR_COUNT; i++)
        assert_string_not_equal(err_text((enum err)i), "unknown error");
    assert_string_equal(err_text(ERR_COUNT), "unknown error");
    assert_string_equal(err_text((enum err) - 1), "unknown error");
}

/* ---- words and faults ---- */

static void test_words(void **state)
{
    (void)state;
    const char *text =
        "  fault=xmap:double-map@2 panic=exit\tfault=fs:hang-loop run= faulty=1 run n=0x1F big=12345678901\n";
    char value[24];
    assert_true(words_value(text, "panic", value, sizeof(value)));
    assert_string_equal(value, "exit");
    assert_true(words_nth(text, "fault", 0, value, sizeof(value)));
    assert_string_equal(value, "xmap:double-map@2");
    assert_true(words_nth(text, "fault", 1, value, sizeof(value)));
    assert_string_equal(value, "fs:hang-loop");
    assert_false(words_nth(text, "fault", 2, value, sizeof(value)));
    assert_string_equal(value, "");
    assert_true(words_value(text, "run", value, sizeof(value)));
    assert_string_equal(value, "");
    assert_false(words_value(text, "faul", value, sizeof(value)));
    assert_false(words_value("", "x", value, sizeof(value)));
    assert_true(words_value(text, "fault", value, 18));
    assert_true(words_value(text, "fault", value, 17)); /* one too short for the NUL */
    assert_string_equal(value, "");

    u64 number = 7;
    assert_true(words_value_number(text, "n", &number));
    assert_int_equal(number, 0x1f);
    assert_false(words_value_number(text, "panic", &number));
    assert_int_equal(number, 0x1f);
    assert_true(words_number("18446744073709551615", &number));
    assert_true(number == UINT64_MAX);
    assert_false(words_number("18446744073709551616", &number));
    assert_true(words_number("0xffffffffffffffff", &number));
    assert_false(words_number("0x10000000000000000", &number));
    assert_false(words_number("0x", &number));
    assert_false(words_number("", &number));
    assert_false(words_number("-1", &number));
    assert_false(words_number("12a", &number));
    assert_string_equal(words_digits("12a", &number), "a");
}

static void test_faults(void **state)
{
    (void)state;
    struct fault_counter counter = {0};
    assert_false(fault_counter_fires(&counter));
    fault_counter_arm(&counter, 3, false);
    for (u32 i = 1; i < 10; i++)
        assert_int_equal(fault_counter_fires(&counter), i == 3);
    fault_counter_arm(&counter, 2, true);
    for (u32 i = 1; i < 10; i++)
        assert_int_equal(fault_counter_fires(&counter), i >= 2);
    assert_int_equal(counter.fired, 1 + 8);
    fault_counter_arm(&counter, 0, false);
    assert_false(fault_counter_fires(&counter));

    char service[FAULT_TEXT_MAX], name[FAULT_TEXT_MAX];
    u64 n = 0;
    bool always = true;
    assert_true(fault_text_parse("xmap:double-map", service, name, &n, &always));
    assert_string_equal(service, "xmap");
    assert_string_equal(name, "double-map");
    assert_int_equal(n, 1);
    assert_false(always);
    assert_true(fault_text_parse("fs:crash-null@12+", service, name, &n, &always));
    assert_string_equal(service, "fs");
    assert_int_equal(n, 12);
    assert_true(always);
    static const char *const wrong[] = {"",
                                        ":",
                                        "fs",
                                        "fs:",
                                        ":x",
                                        "fs:@1",
                                        "fs:x@",
                                        "fs:x@+",
                                        "fs:x@1-",
                                        "fs:x@1+2",
                                        "fs:x@a",
                                        "fs:123456789012345678901234",
                                        "123456789012345678901234:x"};
    for (u32 i = 0; i < ARRAY_SIZE(wrong); i++)
        assert_false(fault_text_parse(wrong[i], service, name, &n, &always));
    assert_true(
        fault_text_parse("12345678901234567890123:12345678901234567890123@3", service, name, &n, &always));
    assert_int_equal(n, 3);
}

/* ---- ELF ---- */

struct elf_image {
    struct elf_header header;
    struct elf_program_header program[2];
    u8 text[64];
};

static struct elf_image elf_sample(void)
{
    struct elf_image image = {
        .header = {.magic = ELF_MAGIC,
                   .class = ELF_CLASS_64,
                   .data = ELF_DATA_LITTLE,
                   .version = 1,
                   .type = ELF_TYPE_EXEC,
                   .machine = ELF_MACHINE_RISCV,
                   .entry = 0x1000,
                   .phoff = sizeof(struct elf_header),
                   .phentsize = sizeof(struct elf_program_header),
                   .phnum = 2},
        .program = {{.type = 0x70000003, .filesz = 8, .memsz = 0},
                    {.type = ELF_SEGMENT_LOAD,
                     .flags = ELF_FLAG_READ | ELF_FLAG_EXEC,
                     .offset = offsetof(struct elf_image, text),
                     .vaddr = 0x1000,
                     .filesz = 64,
                     .memsz = 128}},
    };
    return image;
}

static void use_elf(const void *bytes, u64 size)
{
    struct elf_segment segment;
    enum err err = ERR_OK;
    for (u32 n = 0; err == ERR_OK && n < 100000; n++) {
        err = elf_segment(bytes, size, n, &segment);
        if (err == ERR_OK && segment.file_size > 0) {
            assert_true(segment.offset < size && segment.file_size <= size - segment.offset);
            assert_true(((const u8 *)bytes)[segment.offset + segment.file_size - 1] <= 255);
        }
    }
    assert_true(err == ERR_NOT_FOUND || err == ERR_NOT_EXECUTABLE);
}

static void test_elf(void **state)
{
    (void)state;
    struct elf_image image = elf_sample();
    struct elf_segment segment;
    struct elf_header header;
    assert_int_equal(elf_read_header(&image, sizeof(image), ELF_MACHINE_RISCV, &header), ERR_OK);
    assert_int_equal(elf_read_header(&image, sizeof(image), 62, &header), ERR_NOT_EXECUTABLE);
    assert_int_equal(elf_read_header(&image, 63, ELF_MACHINE_RISCV, &header), ERR_NOT_EXECUTABLE);
    assert_int_equal(elf_segment(&image, sizeof(image), 0, &segment), ERR_OK);
    assert_int_equal(elf_segment(&image, sizeof(image), 1, &segment), ERR_OK);
    assert_int_equal(segment.type, ELF_SEGMENT_LOAD);
    assert_int_equal(segment.address, 0x1000);
    assert_int_equal(segment.memory_size, 128);
    assert_int_equal(elf_segment(&image, sizeof(image), 2, &segment), ERR_NOT_FOUND);
    assert_int_equal(elf_segment(&image, sizeof(image) - 1, 1, &segment), ERR_NOT_EXECUTABLE);

    image.program[1].memsz = 63;
    assert_int_equal(elf_segment(&image, sizeof(image), 1, &segment), ERR_NOT_EXECUTABLE);
    image = elf_sample();
    image.program[1].vaddr = UINT64_MAX - 100;
    assert_int_equal(elf_segment(&image, sizeof(image), 1, &segment), ERR_NOT_EXECUTABLE);
    image = elf_sample();
    image.program[1].offset = UINT64_MAX - 10;
    assert_int_equal(elf_segment(&image, sizeof(image), 1, &segment), ERR_NOT_EXECUTABLE);
    image = elf_sample();
    image.header.phoff = UINT64_MAX - 10;
    assert_int_equal(elf_segment(&image, sizeof(image), 1, &segment), ERR_NOT_EXECUTABLE);

    image = elf_sample();
    damage((struct blob){(u8 *)&image, sizeof(image)}, 40000, sizeof(image), use_elf);
}

/* ---- symbols ---- */

static void use_symbols(const void *bytes, u64 size)
{
    struct symbol_table table;
    if (!symbols_open(&table, bytes, size))
        assert_int_equal(table.count, 0);
    for (u32 i = 0; i < 20; i++) {
        u64 offset = 0;
        u64 address = i == 0 ? 0 : i == 1 ? UINT64_MAX : table.base + random_u64() % 0x100000;
        const char *name = symbols_find(&table, address, &offset);
        if (name)
            assert_true(strlen(name) > 0 && offset <= address);
    }
}

static void test_symbols(void **state)
{
    (void)state;
    struct symbol_table table;
    u64 offset;
    assert_true(symbols_open(&table, NULL, 0));
    assert_null(symbols_find(&table, 5, &offset));

    assert_true(symbols_open(&table, symbols_file.bytes, symbols_file.size));
    assert_true(table.count > 50);
    assert_string_equal(symbols_find(&table, (u64)symbols_find, &offset), "symbols_find");
    assert_int_equal(offset, 0);
    assert_string_equal(symbols_find(&table, (u64)test_symbols + 3, &offset), "test_symbols");
    assert_int_equal(offset, 3);
    assert_null(symbols_find(&table, table.base - 1, &offset));
    assert_null(symbols_find(&table, 0, &offset));
    assert_null(symbols_find(&table, UINT64_MAX, &offset));
    assert_null(symbols_find(&table, table.base + table.entries[table.count - 1].offset, &offset));
    assert_false(symbols_open(&table, symbols_file.bytes, symbols_file.size - 1));
    damage(symbols_file, 2000, 64, use_symbols);
}

/* ---- archive ---- */

static void use_archive(const void *bytes, u64 size)
{
    struct archive_file file = {0};
    u64 sum = 0;
    while (archive_next(bytes, size, &file)) {
        sum += strlen(file.name);
        for (u64 i = 0; i < file.size; i += 64)
            sum += ((const u8 *)file.data)[i];
        if (file.size > 0)
            sum += ((const u8 *)file.data)[file.size - 1];
    }
    assert_true(sum < UINT64_MAX);
}

static void test_archive(void **state)
{
    (void)state;
    u64 size = 0;
    const void *data = archive_find(archive_file.bytes, archive_file.size, "symbols", &size);
    assert_non_null(data);
    assert_int_equal(((u64)data - (u64)archive_file.bytes) % PAGE_SIZE, 0);
    assert_int_equal(size, symbols_file.size);
    assert_memory_equal(data, symbols_file.bytes, size);
    data = archive_find(archive_file.bytes, archive_file.size, "again", &size);
    assert_non_null(data);
    assert_int_equal(size, symbols_file.size);
    assert_memory_equal(data, symbols_file.bytes, size);
    assert_null(archive_find(archive_file.bytes, archive_file.size, "agai", &size));
    assert_null(archive_find(archive_file.bytes, archive_file.size, "TRAILER!!!", &size));
    assert_null(archive_find(archive_file.bytes, 0, "again", &size));

    struct archive_file first = {0};
    assert_true(archive_next(archive_file.bytes, archive_file.size, &first));
    assert_string_equal(first.name, "symbols");
    damage(archive_file, 500, 110, use_archive);
    damage((struct blob){archive_file.bytes + first.next, archive_file.size - first.next}, 3000, 110,
           use_archive);
}

/* ---- device tree ---- */

/* A tree built by hand, for what QEMU's does not have: NOPs, default cells, three cells, a list of strings.
 */
struct builder {
    u8 structure[512];
    u64 used;
    char strings[128];
    u64 strings_used;
};

static void put_u32(u8 *to, u64 value)
{
    for (u32 i = 0; i < 4; i++)
        to[i] = (u8)(value >> (24 - 8 * i));
}

static void add_word(struct builder *b, u32 word)
{
    put_u32(b->structure + b->used, word);
    b->used += 4;
}

static void add_bytes(struct builder *b, const void *bytes, u64 length)
{
    memcpy(b->structure + b->used, bytes, length);
    b->used = round_up(b->used + length, 4);
}

static void begin_node(struct builder *b, const char *name)
{
    add_word(b, 1);
    add_bytes(b, name, strlen(name) + 1);
}

static void add_property(struct builder *b, const char *name, const void *value, u32 length)
{
    add_word(b, 3);
    add_word(b, length);
    add_word(b, (u32)b->strings_used);
    add_bytes(b, value, length);
    memcpy(b->strings + b->strings_used, name, strlen(name) + 1);
    b->strings_used += strlen(name) + 1;
}

static struct blob finish(const struct builder *b)
{
    struct blob blob = {.size = 40 + b->used + b->strings_used};
    const u64 header[10] = {0xd00dfeed, blob.size, 40, 40 + b->used, 40, 17, 16, 0, b->strings_used, b->used};
    blob.bytes = calloc(1, blob.size);
    for (u32 i = 0; i < 10; i++)
        put_u32(blob.bytes + 4 * i, header[i]);
    memcpy(blob.bytes + 40, b->structure, b->used);
    memcpy(blob.bytes + 40 + b->used, b->strings, b->strings_used);
    return blob;
}

static struct blob small_tree(void)
{
    struct builder b = {0};
    add_word(&b, 4);
    begin_node(&b, "");
    add_property(&b, "compatible", "maker,board\0board", 18);
    begin_node(&b, "bus@1"); /* cells of the root: 2 and 1, by default */
    add_property(&b, "reg", "\0\0\0\1\0\0\0\2\0\0\0\3", 12);
    add_word(&b, 4);
    add_property(&b, "#address-cells", "\0\0\0\1", 4);
    add_property(&b, "#size-cells", "\0\0\0\0", 4);
    begin_node(&b, "part@5");
    add_property(&b, "reg", "\0\0\0\5\0\0\0\6", 8);
    add_property(&b, "empty", "", 0);
    add_property(&b, "open", "abc", 3);
    add_word(&b, 2);
    begin_node(&b, "part@7");
    add_word(&b, 2);
    add_word(&b, 2);
    begin_node(&b, "wide");
    add_property(&b, "#address-cells", "\0\0\0\3", 4);
    begin_node(&b, "leaf");
    add_property(&b, "reg", "\0\0\0\5\0\0\0\6\0\0\0\7\0\0\0\7", 16);
    add_word(&b, 2);
    add_word(&b, 2);
    begin_node(&b, "last@9");
    add_property(&b, "reg", "\0\0\0\0\0\0\0\11\0\0\0\12", 12);
    add_word(&b, 2);
    add_word(&b, 2);
    add_word(&b, 9);
    return finish(&b);
}

static void use_fdt(const void *bytes, u64 size)
{
    struct fdt fdt;
    struct fdt_node node;
    if (!fdt_open(&fdt, bytes, size))
        return;
    u64 sum = 0;
    for (bool more = fdt_first(&fdt, &node); more; more = fdt_next(&fdt, &node)) {
        u64 address, reg_size;
        u32 length;
        sum += strlen(node.name) + node.depth;
        for (u32 i = 0; fdt_reg(&fdt, node, i, &address, &reg_size); i++)
            sum += address ^ reg_size;
        sum += fdt_compatible(&fdt, node, "ns16550a");
        const char *text = fdt_string(&fdt, node, "compatible");
        sum += text ? strlen(text) : 0;
        const u8 *value = fdt_property(&fdt, node, "interrupts", &length);
        for (u32 i = 0; value && i < length; i++)
            sum += value[i];
        fdt_number(&fdt, node, "phandle", &address);
    }
    fdt_find_path(&fdt, "/soc/part/leaf", &node);
    assert_true(sum != 1);
}

static void test_fdt_small(void **state)
{
    (void)state;
    struct blob blob = small_tree();
    struct fdt fdt;
    struct fdt_node node;
    u64 address, size;
    u32 length;
    static const char *const names[] = {"", "bus@1", "part@5", "part@7", "wide", "leaf", "last@9"};
    static const u32 depths[] = {0, 1, 2, 2, 1, 2, 1};
    u32 n = 0;

    assert_true(fdt_open(&fdt, blob.bytes, blob.size));
    assert_int_equal(fdt.total_size, blob.size);
    for (bool more = fdt_first(&fdt, &node); more; more = fdt_next(&fdt, &node), n++) {
        assert_true(n < ARRAY_SIZE(names));
        assert_string_equal(node.name, names[n]);
        assert_int_equal(node.depth, depths[n]);
    }
    assert_int_equal(n, ARRAY_SIZE(names));

    assert_true(fdt_find_path(&fdt, "/", &node));
    assert_true(fdt_compatible(&fdt, node, "board"));
    assert_true(fdt_compatible(&fdt, node, "maker,board"));
    assert_false(fdt_compatible(&fdt, node, "maker"));
    assert_true(fdt_find_path(&fdt, "/bus", &node));
    assert_true(fdt_reg(&fdt, node, 0, &address, &size));
    assert_true(address == 0x100000002 && size == 3);
    assert_false(fdt_reg(&fdt, node, 1, &address, &size));
    assert_true(fdt_find_path(&fdt, "/bus@1/part@5", &node));
    assert_true(fdt_reg(&fdt, node, 1, &address, &size));
    assert_true(address == 6 && size == 0);
    assert_non_null(fdt_property(&fdt, node, "empty", &length));
    assert_int_equal(length, 0);
    assert_null(fdt_string(&fdt, node, "open"));
    assert_null(fdt_string(&fdt, node, "empty"));
    assert_null(fdt_property(&fdt, node, "#size-cells", &length));
    assert_true(fdt_find_path(&fdt, "/wide/leaf", &node));
    assert_false(fdt_reg(&fdt, node, 0, &address, &size));
    assert_true(fdt_find_path(&fdt, "/last", &node));
    assert_true(fdt_reg(&fdt, node, 0, &address, &size));
    assert_true(address == 9 && size == 10);
    assert_false(fdt_find_path(&fdt, "/leaf", &node));
    assert_false(fdt_find_path(&fdt, "/bus/leaf", &node));
    assert_false(fdt_find_path(&fdt, "/bus/part/leaf", &node));
    assert_false(fdt_find_path(&fdt, "bus", &node));

    assert_false(fdt_open(&fdt, blob.bytes, blob.size - 1));
    assert_false(fdt_open(&fdt, blob.bytes, 39));
    damage(blob, 60000, blob.size, use_fdt);
    free(blob.bytes);

    struct builder deep = {0};
    for (u32 i = 0; i < FDT_DEPTH_MAX + 1; i++)
        begin_node(&deep, "");
    for (u32 i = 0; i < FDT_DEPTH_MAX + 1; i++)
        add_word(&deep, 2);
    add_word(&deep, 9);
    blob = finish(&deep);
    assert_false(fdt_open(&fdt, blob.bytes, blob.size));
    free(blob.bytes);
}

static void test_fdt_virt(void **state)
{
    (void)state;
    struct fdt fdt;
    struct fdt_node node;
    u64 address, size, number;
    u32 cpus = 0, disks = 0;

    /* The file is longer than the tree. */
    assert_true(fdt_total_size(tree_file.bytes) < tree_file.size);
    tree_file.size = fdt_total_size(tree_file.bytes);
    assert_true(fdt_open(&fdt, tree_file.bytes, tree_file.size));
    assert_true(fdt_find_path(&fdt, "/chosen", &node));
    assert_string_equal(fdt_string(&fdt, node, "bootargs"), "panic=exit");
    assert_true(fdt_find_path(&fdt, "/memory", &node));
    assert_string_equal(fdt_string(&fdt, node, "device_type"), "memory");
    assert_true(fdt_reg(&fdt, node, 0, &address, &size));
    assert_true(address == 0x80000000 && size == 128ul << 20);
    assert_true(fdt_find_path(&fdt, "/cpus", &node));
    assert_true(fdt_number(&fdt, node, "timebase-frequency", &number));
    assert_int_equal(number, 10000000);
    for (bool more = fdt_first(&fdt, &node); more; more = fdt_next(&fdt, &node)) {
        const char *type = fdt_string(&fdt, node, "device_type");
        if (type && strcmp(type, "cpu") == 0) {
            assert_true(fdt_reg(&fdt, node, 0, &address, &size));
            assert_true(address == cpus && size == 0);
            cpus++;
        }
        if (fdt_compatible(&fdt, node, "virtio,mmio")) {
            assert_true(fdt_reg(&fdt, node, 0, &address, &size));
            assert_true(fdt_number(&fdt, node, "interrupts", &number));
            assert_true(size == 0x1000 && address == 0x10000000 + 0x1000 * number);
            disks++;
        }
        if (fdt_compatible(&fdt, node, "ns16550a")) {
            assert_true(fdt_reg(&fdt, node, 0, &address, &size));
            assert_int_equal(address, 0x10000000);
        }
    }
    assert_int_equal(cpus, 2);
    assert_int_equal(disks, 8);
    damage(tree_file, 3000, 40, use_fdt);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copies),      cmocka_unit_test(test_comparisons),
        cmocka_unit_test(test_string_copy), cmocka_unit_test(test_pages),
        cmocka_unit_test(test_format),      cmocka_unit_test(test_err),
        cmocka_unit_test(test_words),       cmocka_unit_test(test_faults),
        cmocka_unit_test(test_elf),         cmocka_unit_test(test_symbols),
        cmocka_unit_test(test_archive),     cmocka_unit_test(test_fdt_small),
        cmocka_unit_test(test_fdt_virt),
    };
    if (argc != 4) {
        fprintf(stderr, "usage: test_lib TREE SYMBOLS ARCHIVE\n");
        return 2;
    }
    tree_file = read_blob(argv[1]);
    symbols_file = read_blob(argv[2]);
    archive_file = read_blob(argv[3]);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(tree_file.bytes);
    free(symbols_file.bytes);
    free(archive_file.bytes);
    return failed;
}
