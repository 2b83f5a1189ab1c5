/*
 * The shell's grammar: tokens, then one pass that checks their order.
 *
 * The check needs no recursion: what may follow depends on the last token only, and on how many parentheses
 * are open.
 */
#include "user/lib/command.h"
#include "lib/string.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\v';
}

static bool is_operator(char c)
{
    return c == '<' || c == '>' || c == '|' || c == '&' || c == ';' || c == '(' || c == ')';
}

bool command_redirects(char kind)
{
    return kind == '<' || kind == '>' || kind == TOKEN_APPEND;
}

static void cut(struct command *command)
{
    char *at = command->line;
    u32 count = 0;
    for (;;) {
        while (is_blank(*at))
            at++;
        struct token *token = &command->tokens[count];
        token->word = at;
        token->length = 0;
        token->kind = TOKEN_END;
        if (*at == '\0')
            break;
        if (is_operator(*at)) {
            token->kind = *at++;
            if (token->kind == '>' && *at == '>') {
                token->kind = TOKEN_APPEND;
                at++;
            }
        } else {
            while (*at != '\0' && !is_blank(*at) && !is_operator(*at))
                at++;
            token->kind = TOKEN_WORD;
            token->length = (u8)(at - token->word);
        }
        count++;
    }
    command->count = count;
    /* Only now, because the byte behind a word may have been an operator. */
    for (u32 i = 0; i < count; i++) {
        if (command->tokens[i].kind == TOKEN_WORD)
            command->tokens[i].word[command->tokens[i].length] = '\0';
    }
}

/* What the check has seen last. */
enum seen {
    SEEN_NOTHING, /* a stage must follow */
    SEEN_ENOUGH,  /* ; or &: a stage may follow */
    SEEN_WORDS,   /* inside a stage of words and redirections */
    SEEN_CLOSE,   /* behind a ): redirections may follow */
};

/* The state behind the operator `kind`; false if it may not stand behind `*seen`. */
static bool follow(char kind, enum seen *seen, u32 *open)
{
    bool stage_ended = *seen == SEEN_WORDS || *seen == SEEN_CLOSE;
    switch (kind) {
    case '(':
        if (stage_ended)
            return false;
        ++*open;
        *seen = SEEN_NOTHING;
        return true;
    case ')':
        if (*open == 0 || *seen == SEEN_NOTHING)
            return false;
        --*open;
        *seen = SEEN_CLOSE;
        return true;
    case '|':
        *seen = SEEN_NOTHING;
        return stage_ended;
    default: /* ; and & */
        *seen = SEEN_ENOUGH;
        return stage_ended;
    }
}

static const char *check(const struct command *command)
{
    enum seen seen = SEEN_ENOUGH;
    u32 open = 0;
    u32 words = 0;
    for (u32 i = 0; i < command->count; i++) {
        char kind = command->tokens[i].kind;
        if (kind == TOKEN_WORD) {
            if (seen == SEEN_CLOSE)
                return "syntax";
            if (seen != SEEN_WORDS)
                words = 0;
            if (++words > COMMAND_WORDS_MAX)
                return "too many args";
            seen = SEEN_WORDS;
        } else if (command_redirects(kind)) {
            if (command->tokens[++i].kind != TOKEN_WORD)
                return "missing file for redirection";
            if (seen != SEEN_CLOSE && seen != SEEN_WORDS) {
                seen = SEEN_WORDS;
                words = 0;
            }
        } else if (!follow(kind, &seen, &open)) {
            return "syntax";
        }
    }
    if (open > 0)
        return "syntax - missing )";
    return seen == SEEN_NOTHING ? "syntax" : NULL;
}

const char *command_parse(struct command *command)
{
    cut(command);
    return check(command);
}

u32 command_find(const struct command *command, u32 from, u32 to, char one, char other)
{
    u32 open = 0;
    for (u32 i = from; i < to; i++) {
        char kind = command->tokens[i].kind;
        if (open == 0 && (kind == one || kind == other))
            return i;
        if (kind == '(')
            open++;
        else if (kind == ')')
            open--;
    }
    return to;
}
