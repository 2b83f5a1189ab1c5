/*
 * bystander: two processes that go on while something befalls the system, and say so, once a tick each:
 *
 *     <a.ROUND>    does nothing but say so: as long as it does, the machine lives
 *     <b.ROUND>    has first used a file, a pipe, memory and a child of its own, and checked them
 *     <b.ROUND failed CALL>    a call has failed, and <b.ROUND wrong WHAT> if what it gave was not what was written
 *
 * The marks have no line of their own, so that the output of others is whole again when they are taken out.
 */
#include "abi/xv6/fcntl.h"
#include "user/user.h"

#define WORDS 2048 /* of the file: more than one block */

static unsigned int words[WORDS];
static int round;

static bool failed(const char *call)
{
    printf("<b.%d failed %s>", round, call);
    return false;
}

static bool wrong(const char *what)
{
    printf("<b.%d wrong %s>", round, what);
    return false;
}

static unsigned int word(int i)
{
    return (unsigned int)round * 2654435761u + (unsigned int)i * 40503u;
}

static bool use_file(void)
{
    int file = open("bystander-file", O_CREATE | O_RDWR | O_TRUNC);

    if (file < 0)
        return failed("open");
    for (int i = 0; i < WORDS; i++)
        words[i] = word(i);
    if (write(file, words, sizeof(words)) != sizeof(words))
        return failed("write");
    if (close(file) < 0 || (file = open("bystander-file", O_RDONLY)) < 0)
        return failed("open");
    if (read(file, words, sizeof(words)) != sizeof(words))
        return failed("read");
    for (int i = 0; i < WORDS; i++) {
        if (words[i] != word(i))
            return wrong("file");
    }
    return close(file) == 0 || failed("close");
}

/* The child answers with the word plus one, out of memory that it has a copy of. */
static bool use_child(void)
{
    int ends[2], status = -1, answer = 0;
    int *grown = (int *)sbrk(4096);

    if (grown == (int *)-1)
        return failed("sbrk");
    *grown = round;
    if (pipe(ends) < 0)
        return failed("pipe");
    int child = fork();
    if (child == 0) {
        ++*grown;
        exit(write(ends[1], grown, sizeof(*grown)) == sizeof(*grown) ? 0 : 1);
    }
    if (child < 0)
        return failed("fork");
    if (wait(&status) != child)
        return failed("wait");
    if (status != 0)
        return failed("child");
    if (read(ends[0], &answer, sizeof(answer)) != sizeof(answer))
        return failed("pipe");
    if (answer != round + 1 || *grown != round)
        return wrong("memory");
    return (close(ends[0]) == 0 && close(ends[1]) == 0 && sbrk(-4096) != (char *)-1) || failed("close");
}

int main(void)
{
    bool works = fork() == 0;

    for (round = 1;; round++) {
        if (!works)
            printf("<a.%d>", round);
        else if (use_file() && use_child())
            printf("<b.%d>", round);
        pause(1);
    }
}
