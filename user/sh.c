/*
 * The shell: pipelines, redirections, `;`, `&`, `( )` and `cd`.
 *
 * A line is cut and checked once (lib/command.c); what runs is always a range of its tokens. Only the shell's
 * own process and the children it makes for parentheses run lists; every other child becomes a program. A
 * child for parentheses goes on in run_list() with its inner range instead of calling it once more, so that
 * depth costs no stack.
 */
#include "abi/xv6/fcntl.h"
#include "abi/xv6/limits.h"
#include "user/lib/command.h"
#include "user/user.h"

struct range {
    u32 from;
    u32 to;
};

static struct command command;

/* One byte at a time, because what follows the line may be meant for the program that it starts. */
static bool read_line(void)
{
    u32 length = 0;
    char c;
    while (length + 1 < COMMAND_LINE_MAX && read(0, &c, 1) == 1) {
        command.line[length++] = c;
        if (c == '\n' || c == '\r')
            break;
    }
    command.line[length] = '\0';
    return length > 0;
}

/* There is no seek and no append mode: what is written goes to the end after everything has been read. */
static void go_to_end(int fd)
{
    static char skipped[512];
    struct stat st;
    if (fstat(fd, &st) < 0 || st.type != T_FILE)
        return;
    while (read(fd, skipped, sizeof(skipped)) > 0)
        ;
}

static void redirect(char kind, const char *name)
{
    int flags = kind == '<' ? O_RDONLY : kind == '>' ? O_WRONLY | O_CREATE | O_TRUNC : O_RDWR | O_CREATE;
    close(kind == '<' ? 0 : 1);
    int fd = open(name, flags); /* the lowest free descriptor: the one just closed */
    if (fd < 0) {
        fprintf(2, "open %s failed\n", name);
        exit(1);
    }
    if (kind == TOKEN_APPEND)
        go_to_end(fd);
}

/* Programs are found in the current directory, as with xv6's shell, and then in the root. */
static void become(char **argv)
{
    exec(argv[0], argv);
    if (strchr(argv[0], '/') == NULL) {
        static char path[MAXPATH];
        path[0] = '/';
        string_copy(path + 1, argv[0], sizeof(path) - 1);
        exec(path, argv);
    }
    fprintf(2, "exec %s failed\n", argv[0]);
    exit(1);
}

/* In a child: returns only for parentheses, with their content in `inner`. */
static void run_stage(struct range stage, struct range *inner)
{
    static char *argv[COMMAND_WORDS_MAX + 1];
    u32 argc = 0;
    u32 i = stage.from;
    bool parentheses = command.tokens[i].kind == '(';
    if (parentheses) {
        inner->from = i + 1;
        inner->to = command_find(&command, i + 1, stage.to, ')', ')');
        i = inner->to + 1;
    }
    for (; i < stage.to; i++) {
        char kind = command.tokens[i].kind;
        if (command_redirects(kind))
            redirect(kind, command.tokens[++i].word);
        else
            argv[argc++] = command.tokens[i].word;
    }
    if (parentheses)
        return;
    if (argc == 0) /* redirections only */
        exit(0);
    become(argv);
}

/* Puts `fd` in the place of descriptor `place`; all lower ones are open. */
static void move(int fd, int place)
{
    if (fd < 0)
        return;
    close(place);
    dup(fd);
    close(fd);
}

/* Returns when all of `pids` have ended; background jobs that end meanwhile are collected on the way. */
static void wait_for(int *pids, u32 count)
{
    for (u32 left = count; left > 0;) {
        int pid = wait(NULL);
        if (pid < 0)
            return;
        for (u32 i = 0; i < count; i++) {
            if (pids[i] == pid) {
                pids[i] = -1;
                left--;
            }
        }
    }
}

/* `cd` changes the shell itself, so it works alone only, without a pipe or a redirection. */
static bool change_directory(struct range job)
{
    const struct token *words = &command.tokens[job.from];
    u32 count = job.to - job.from;
    if (words[0].kind != TOKEN_WORD || strcmp(words[0].word, "cd") != 0 || count > 2)
        return false;
    if (count == 2 && words[1].kind != TOKEN_WORD)
        return false;
    const char *path = count == 2 ? words[1].word : "/";
    if (chdir(path) < 0)
        fprintf(2, "cannot cd %s\n", path);
    return true;
}

/*
 * Starts the stages of a job, each connected to the one before, and waits for them unless in the background.
 * True only in a child that is to run the list in `inner`.
 */
static bool run_job(struct range job, bool background, struct range *inner)
{
    static int pids[COMMAND_LINE_MAX / 2];
    u32 count = 0;
    int input = -1;
    for (u32 from = job.from; from < job.to;) {
        u32 to = command_find(&command, from, job.to, '|', '|');
        int fds[2] = {-1, -1};
        if (to < job.to && pipe(fds) < 0) {
            fprintf(2, "pipe\n");
            break;
        }
        int pid = fork();
        if (pid == 0) {
            close(fds[0]);
            move(input, 0);
            move(fds[1], 1);
            run_stage((struct range){from, to}, inner);
            return true;
        }
        close(input);
        close(fds[1]);
        input = fds[0];
        if (pid < 0) {
            fprintf(2, "fork\n");
            break;
        }
        pids[count++] = pid;
        from = to + 1;
    }
    close(input);
    if (!background)
        wait_for(pids, count);
    return false;
}

static void run_list(struct range list)
{
    bool in_child = false;
    while (list.from < list.to) {
        u32 end = command_find(&command, list.from, list.to, ';', '&');
        struct range job = {list.from, end};
        bool background = end < list.to && command.tokens[end].kind == '&';
        list.from = end + 1;
        if (!change_directory(job) && run_job(job, background, &list))
            in_child = true;
    }
    if (in_child)
        exit(0);
}

int main(void)
{
    for (;;) {
        int fd = open("console", O_RDWR);
        if (fd > 2)
            close(fd);
        if (fd < 0 || fd > 2)
            break;
    }
    for (;;) {
        write(2, "$ ", 2);
        if (!read_line())
            exit(0);
        const char *wrong = command_parse(&command);
        if (wrong != NULL)
            fprintf(2, "%s\n", wrong);
        else
            run_list((struct range){0, command.count});
    }
}
