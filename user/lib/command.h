/*
 * A line of the shell, cut into tokens and checked, not yet run.
 *
 *     list  = job { (";" | "&") job } [ ";" | "&" ]
 *     job   = stage { "|" stage }
 *     stage = { word | redirection }+  or  "(" list ")" { redirection }
 *     redirection = ("<" | ">" | ">>") word
 *
 * After the check, every part of a line is a range of its tokens, found by looking for the separator outside
 * parentheses.
 */
#ifndef USER_LIB_COMMAND_H
#define USER_LIB_COMMAND_H

#include "lib/types.h"

#define COMMAND_LINE_MAX  100 /* bytes, with the NUL */
#define COMMAND_WORDS_MAX 31  /* of one stage: what exec takes */

/* Kinds of tokens: operators are their own character. */
enum {
    TOKEN_END = 0,
    TOKEN_WORD = 'w',
    TOKEN_APPEND = 'a', /* >> */
};

struct token {
    char kind;
    u8 length;  /* of the word */
    char *word; /* NUL-terminated; TOKEN_WORD only */
};

struct command {
    char line[COMMAND_LINE_MAX]; /* the words, cut in place */
    struct token tokens[COMMAND_LINE_MAX];
    u32 count; /* without the TOKEN_END that follows */
};

/*
 * Cuts command->line, which is NUL-terminated, and checks it. NULL if all is well (count may be 0: a blank
 * line), else what is wrong with it, as a message.
 */
const char *command_parse(struct command *command);

/* The first token in [from, to) outside parentheses that is `one` or `other`, else `to`. */
u32 command_find(const struct command *command, u32 from, u32 to, char one, char other);

/* Whether the token takes the next one as a file's name. */
bool command_redirects(char kind);

#endif
