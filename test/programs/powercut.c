/*
 * powercut SCRIPT...: file operations with an acknowledgement after each, for tests that stop the disk in
 * between.
 *
 * Each SCRIPT is a file that one worker, a process of its own, reads line by line:
 *
 *     create P | truncate P | unlink P | mkdir P | link OLD NEW | write P OFFSET LENGTH SEED | hold P | drop
 *
 * After an operation has returned the worker prints <WORKER:COUNT:RESULT> in one piece and waits for a line
 * with its number before it goes on. So whoever reads the console can note the acknowledgement before the
 * worker asks the disk for anything more. One process reads these lines and tells the workers by pipes: if
 * they read themselves, one would go on by a line meant for another. `hold` leaves a file open until `drop`.
 *
 * Written are bytes that depend on SEED and position only; tools/duo/powercut.py has the same formula.
 */
#include "abi/xv6/fcntl.h"
#include "user/user.h"

#define WORDS      5
#define LINE_MAX   100
#define WRITE_MAX  16384
#define SCRIPT_MAX 16384
#define WORKERS    8

static char script[SCRIPT_MAX + 1];
static char buffer[WRITE_MAX];
static int held = -1;

static int close_new(int fd)
{
    return fd < 0 ? -1 : close(fd);
}

static int do_create(char **word)
{
    return close_new(open(word[1], O_CREATE | O_WRONLY));
}

static int do_truncate(char **word)
{
    return close_new(open(word[1], O_TRUNC | O_WRONLY));
}

static int do_unlink(char **word)
{
    return unlink(word[1]);
}

static int do_mkdir(char **word)
{
    return mkdir(word[1]);
}

static int do_link(char **word)
{
    return link(word[1], word[2]);
}

/* There is no seek: a file is read up to where it is to be written. */
static int do_write(char **word)
{
    int offset = atoi(word[2]);
    int length = atoi(word[3]);
    unsigned int seed = (unsigned int)atoi(word[4]);
    int fd = open(word[1], O_RDWR);

    if (fd < 0 || offset > WRITE_MAX || length > WRITE_MAX || read(fd, buffer, offset) != offset) {
        close_new(fd);
        return -1;
    }
    for (unsigned int i = 0; i < (unsigned int)length; i++)
        buffer[i] = (char)(seed * 29 + i * 37 + (i >> 8) * 101);
    int written = write(fd, buffer, length);
    close(fd);
    return written == length ? 0 : -1;
}

static int do_hold(char **word)
{
    held = open(word[1], O_RDONLY);
    return held < 0 ? -1 : 0;
}

static int do_drop(char **word)
{
    (void)word;
    int result = close_new(held);
    held = -1;
    return result;
}

static const struct {
    const char *name;
    int words;
    int (*deed)(char **word);
} operations[] = {
    {"create", 2, do_create}, {"truncate", 2, do_truncate}, {"unlink", 2, do_unlink}, {"mkdir", 2, do_mkdir},
    {"link", 3, do_link},     {"write", 5, do_write},       {"hold", 2, do_hold},     {"drop", 1, do_drop},
};

/* Cuts the line into words, at most WORDS of them. */
static int split(char *line, char **word)
{
    int count = 0;
    while (*line != '\0' && count < WORDS) {
        word[count++] = line;
        while (*line != '\0' && *line != ' ')
            line++;
        if (*line == ' ')
            *line++ = '\0';
    }
    return count;
}

static int perform(char *line)
{
    char *word[WORDS];
    int count = split(line, word);

    for (unsigned int i = 0; count > 0 && i < sizeof(operations) / sizeof(operations[0]); i++) {
        if (strcmp(word[0], operations[i].name) == 0 && count == operations[i].words)
            return operations[i].deed(word);
    }
    return -2; /* the script is wrong */
}

/* Never returns but at the console's end. `goes_on` are the workers' pipes. */
static void tell_workers(const int *goes_on, int workers)
{
    static char line[LINE_MAX];

    while (gets(line, sizeof line)[0] != '\0') {
        int worker = atoi(line);
        if (worker < workers)
            write(goes_on[worker], "", 1);
    }
}

/* The script is in memory before the first operation: nothing but the operations asks for the disk. */
static int work(int worker, const char *path, int may_go_on)
{
    int fd = open(path, O_RDONLY);
    int length = fd < 0 ? -1 : read(fd, script, SCRIPT_MAX);

    if (length < 0 || length == SCRIPT_MAX) {
        printf("powercut: cannot read %s\n", path);
        return 1;
    }
    close(fd);
    int count = 0;
    for (char *line = script; *line != '\0';) {
        char *next = strchr(line, '\n');
        if (next != NULL)
            *next = '\0';
        int result = perform(line);
        printf("<%d:%d:%d>\n", worker, ++count, result);
        char c;
        if (read(may_go_on, &c, 1) != 1)
            return 1;
        line = next != NULL ? next + 1 : line + strlen(line);
    }
    return 0;
}

/* Starts a worker; returns the pipe that lets it go on. */
static int start(int worker, const char *path)
{
    int ends[2];
    int child = pipe(ends) < 0 ? -1 : fork();

    if (child < 0) {
        printf("powercut: fork failed\n");
        exit(1);
    }
    if (child == 0)
        exit(work(worker, path, ends[0]));
    close(ends[0]);
    return ends[1];
}

int main(int argc, char **argv)
{
    int goes_on[WORKERS];
    int workers = argc - 1;
    int wrong = 0;

    if (workers > WORKERS) {
        printf("powercut: too many scripts\n");
        exit(1);
    }
    for (int i = 0; i < workers; i++)
        goes_on[i] = start(i, argv[i + 1]);
    int teller = fork();
    if (teller < 0) {
        printf("powercut: fork failed\n");
        exit(1);
    }
    if (teller == 0) {
        tell_workers(goes_on, workers);
        exit(1);
    }
    for (int i = 0; i < workers; i++) {
        int status = -1;
        wait(&status);
        wrong += status != 0;
    }
    kill(teller);
    wait(NULL);
    printf("powercut: %s\n", wrong == 0 ? "done" : "failed");
    exit(wrong != 0);
}
