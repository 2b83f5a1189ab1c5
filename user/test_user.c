/*
 * Unit tests, on the host, of what programs consist of: grammar and life of the shell, patterns, heap,
 * printing, text.
 *
 * The library's functions that the C library has, too, are compiled under names with own_ in front (room.mk).
 */
#include "user/lib/command.h"
#include "user/lib/match.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

void *own_malloc(size_t n);
void own_free(void *memory);
void own_fprintf(int fd, const char *format, ...);
int own_atoi(const char *s);
char *own_gets(char *buffer, int max);
char *own_strchr(const char *s, char c);
char *own_strcpy(char *to, const char *from);
char *own_sbrk(int n);
int own_write(int fd, const void *bytes, int n);
int own_read(int fd, void *buffer, int n);
int own_open(const char *path, int flags);
int own_fstat(int fd, void *st);
int own_close(int fd);

/* What the shell makes of a line: its tokens as one character each, or the message. */
static void expect_line(const char *line, const char *expected)
{
    static struct command command;
    char kinds[COMMAND_LINE_MAX + 1];
    strcpy(command.line, line);
    const char *wrong = command_parse(&command);
    for (u32 i = 0; i < command.count; i++)
        kinds[i] = command.tokens[i].kind;
    kinds[command.count] = '\0';
    assert_string_equal(wrong != NULL ? wrong : kinds, expected);
}

static void test_command(void **state)
{
    (void)state;
    expect_line("", "");
    expect_line(" \t\n", "");
    expect_line("ls", "w");
    expect_line("echo a>b>>c<d|wc;(x&y)>z&", "ww>waw<w|w;(w&w)>w&");
    expect_line("a|b", "w|w");
    expect_line("> f", ">w");
    expect_line("a >> b < c", "waw<w");
    expect_line("(a; b &) > c | d", "(w;w&)>w|w");
    expect_line("((((a))))", "((((w))))");
    expect_line("a;", "w;");
    expect_line("; a", "syntax");
    expect_line("a ;; b", "syntax");
    expect_line("a | | b", "syntax");
    expect_line("a |", "syntax");
    expect_line("| a", "syntax");
    expect_line("()", "syntax");
    expect_line("a (b)", "syntax");
    expect_line("(a) b", "syntax");
    expect_line("a )", "syntax");
    expect_line(")", "syntax");
    expect_line("(a", "syntax - missing )");
    expect_line("a >", "missing file for redirection");
    expect_line("a > | b", "missing file for redirection");
    expect_line("1 2 3 4 5 6 7 8 9 a b c d e f g h i j k l m n o p q r s t u v",
                "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwww");
    expect_line("1 2 3 4 5 6 7 8 9 a b c d e f g h i j k l m n o p q r s t u v w", "too many args");
    expect_line(
        "(((((((((((((((((((((((((((((((((((((((((((((((((a)))))))))))))))))))))))))))))))))))))))))))))))))",
        "(((((((((((((((((((((((((((((((((((((((((((((((((w))))))))))))))))))))))))))))))))))))))))))))))))"
        ")");
}

static void test_command_words(void **state)
{
    (void)state;
    static struct command command;
    strcpy(command.line, "cat<in|wc>out;(a;b)&c");
    assert_null(command_parse(&command));
    assert_string_equal(command.tokens[0].word, "cat");
    assert_string_equal(command.tokens[2].word, "in");
    assert_string_equal(command.tokens[4].word, "wc");
    assert_int_equal(command_find(&command, 0, command.count, ';', '&'), 7);
    assert_int_equal(command_find(&command, 0, 7, '|', '|'), 3);
    assert_int_equal(command_find(&command, 8, command.count, ';', '&'), 13);
    assert_int_equal(command_find(&command, 9, command.count, ')', ')'), 12);
    assert_int_equal(command_find(&command, 14, command.count, ';', '&'), command.count);
}

/* Lines typed at the real shell, standard output and error together; every prompt is on standard error, too.
 */
static void expect_shell(const char *lines, const char *expected)
{
    char output[4096];
    FILE *file = fopen("sh.in", "w");
    fputs(lines, file);
    fclose(file);
    FILE *shell = popen("./sh < sh.in 2>&1", "r");
    output[fread(output, 1, sizeof(output) - 1, shell)] = '\0';
    assert_int_equal(pclose(shell), 0);
    assert_string_equal(output, expected);
}

static void test_shell(void **state)
{
    (void)state;
    expect_shell("", "$ ");
    expect_shell("\n  \n", "$ $ $ ");
    expect_shell("echo one two\n", "$ one two\n$ ");
    expect_shell("echo no newline", "$ no newline\n$ ");
    expect_shell("echo a > f; echo b >> f; cat < f | cat | wc -l; cat f\n", "$ 2\na\nb\n$ ");
    expect_shell("(echo x; (echo y)) > f; cat f; rm f\n", "$ x\ny\n$ ");
    expect_shell("cd /\npwd\n", "$ $ /\n$ ");
    expect_shell("(cd /; pwd); cd nowhere\n", "$ /\ncannot cd nowhere\n$ ");
    expect_shell("sleep 0.1 & echo first\n", "$ first\n$ ");
    expect_shell("nosuchprogram\n", "$ exec nosuchprogram failed\n$ ");
    expect_shell("cat < nosuchfile; echo on\n", "$ open nosuchfile failed\non\n$ ");
    expect_shell("echo a ( b )\n", "$ syntax\n$ ");
    /* 99 bytes without a newline are a line; the rest is the next one */
    expect_shell(
        "echo 3456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 "
        "123456echo next\n",
        "$ 3456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 "
        "123456\n$ next\n$ ");
}

static void expect_match(const char *pattern_text, const char *line, bool expected)
{
    static struct pattern pattern;
    assert_true(pattern_compile(&pattern, pattern_text));
    if (pattern_matches(&pattern, line, strlen(line)) != expected)
        fail_msg("'%s' in '%s' is not %d", pattern_text, line, expected);
}

static void test_match(void **state)
{
    (void)state;
    expect_match("", "", true);
    expect_match("", "abc", true);
    expect_match("b", "abc", true);
    expect_match("d", "abc", false);
    expect_match("^b", "abc", false);
    expect_match("^ab", "abc", true);
    expect_match("bc$", "abc", true);
    expect_match("ab$", "abc", false);
    expect_match("^abc$", "abc", true);
    expect_match("^$", "", true);
    expect_match("^$", "a", false);
    expect_match("$", "a", true);
    expect_match("a.c", "xabcx", true);
    expect_match("a.c", "ac", false);
    expect_match("ab*c", "ac", true);
    expect_match("ab*c", "abbbbc", true);
    expect_match("ab*c", "abbbb", false);
    expect_match("^a*a$", "aaaa", true);
    expect_match("^a*b*c*$", "aabbcc", true);
    expect_match("^a*b*c*$", "aabbca", false);
    expect_match("^.*x.*y$", "axbycy", true);
    expect_match("^.*x.*y$", "axbycz", false);
    expect_match("a$b", "a$b", true);
    expect_match("a^b", "a^b", true);
    expect_match("*a", "*a", true);
    expect_match("\xe9*$", "caf\xe9\xe9", true);
    static struct pattern pattern;
    char longest[PATTERN_ATOMS_MAX + 2];
    memset(longest, 'a', sizeof(longest));
    longest[PATTERN_ATOMS_MAX + 1] = '\0';
    assert_false(pattern_compile(&pattern, longest));
    expect_match(longest + 1, longest + 1, true);
    expect_match(longest + 1, longest + 2, false);
}

static char *heap_memory;
static u64 heap_used;
static u64 heap_limit;

char *own_sbrk(int n)
{
    if (heap_used + (u64)n > heap_limit)
        return (char *)-1;
    heap_used += (u64)n;
    return heap_memory + heap_used - n;
}

/* Ends with everything freed and merged: a block of nearly all the memory can be had, whatever was done
 * before. */
static void test_heap(void **state)
{
    (void)state;
    enum { BLOCKS = 200, ROUNDS = 20000 };
    u8 *blocks[BLOCKS] = {0};
    u64 sizes[BLOCKS] = {0};
    heap_limit = 4 << 20;
    heap_memory = malloc(heap_limit);
    own_sbrk(3); /* the program may have moved the break */
    srand(1);
    for (int round = 0; round < ROUNDS; round++) {
        int i = rand() % BLOCKS;
        for (u64 at = 0; at < sizes[i]; at++)
            assert_int_equal(blocks[i][at], i);
        own_free(blocks[i]);
        sizes[i] = (u64)(rand() % 3 ? rand() % 300 : rand() % 20000);
        blocks[i] = own_malloc(sizes[i]);
        assert_non_null(blocks[i]);
        assert_int_equal((u64)blocks[i] % 16, 0);
        memset(blocks[i], i, sizes[i]);
        if (round == ROUNDS / 2)
            own_sbrk(1000);
    }
    for (int i = 0; i < BLOCKS; i++)
        own_free(blocks[i]);
    assert_null(own_malloc(heap_limit));
    assert_null(own_malloc(~0ul));
    assert_null(own_malloc(1ul << 40));

    /* as usertests' `mem`: take all, free all, then a block larger than any of them */
    void **chain = NULL;
    void **block;
    while ((block = own_malloc(10001)) != NULL) {
        *block = chain;
        chain = block;
    }
    while (chain != NULL) {
        block = *chain;
        own_free(chain);
        chain = block;
    }
    block = own_malloc(20 * 1024);
    assert_non_null(block);
    own_free(block);
    own_free(NULL);
    free(heap_memory);
}

static char written[1024];
static u64 written_length;
static int writes;

int own_write(int fd, const void *bytes, int n)
{
    assert_int_equal(fd, 2);
    memcpy(written + written_length, bytes, (u64)n);
    written_length += (u64)n;
    writes++;
    return n;
}

static void test_print(void **state)
{
    (void)state;
    own_fprintf(2, "%-14s %d %u %lu|%x|%c|%p|%%\n", "README", 2, 3u, 2305ul, 0xbeefu, 'c', (void *)0x3fef000);
    written[written_length] = '\0';
    assert_string_equal(written, "README         2 3 2305|beef|c|0x0000000003fef000|%\n");
    assert_int_equal(writes, 1);
    written_length = 0;
    own_fprintf(2, "%s%300d", "", 7);
    assert_int_equal(written_length, 300);
    assert_int_equal(written[299], '7');
    assert_int_equal(writes, 4);
    own_fprintf(2, "%s", "");
    assert_int_equal(writes, 4);
}

static const char *input;

int own_read(int fd, void *buffer, int n)
{
    assert_int_equal(fd, 0);
    assert_int_equal(n, 1);
    if (*input == '\0')
        return 0;
    *(char *)buffer = *input++;
    return 1;
}

/* stat() is linked with the rest of its file and not called. */
int own_open(const char *path, int flags)
{
    (void)path;
    return -flags;
}

int own_fstat(int fd, void *st)
{
    (void)st;
    return fd;
}

int own_close(int fd)
{
    return fd;
}

static void test_text(void **state)
{
    (void)state;
    char line[8];
    assert_int_equal(own_atoi("123x"), 123);
    assert_int_equal(own_atoi(""), 0);
    assert_int_equal(own_atoi("-5"), 0);
    assert_string_equal(own_strcpy(line, "abc"), "abc");
    assert_ptr_equal(own_strchr(line, 'b'), line + 1);
    assert_null(own_strchr(line, 'x'));
    input = "one\ntwo-three\n";
    assert_string_equal(own_gets(line, sizeof(line)), "one\n");
    assert_string_equal(own_gets(line, sizeof(line)), "two-thr");
    assert_string_equal(own_gets(line, sizeof(line)), "ee\n");
    assert_string_equal(own_gets(line, sizeof(line)), "");
}

int main(int argc, char **argv)
{
    /* The folder of the host's shell is also where it may leave files. */
    if (argc != 2 || chdir(argv[1]) < 0)
        return 2;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_command), cmocka_unit_test(test_command_words), cmocka_unit_test(test_shell),
        cmocka_unit_test(test_match),   cmocka_unit_test(test_heap),          cmocka_unit_test(test_print),
        cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
