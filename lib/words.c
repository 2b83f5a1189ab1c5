/* Boot arguments. The contract is in words.h. */
#include "lib/words.h"
#include "lib/string.h"

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

bool words_nth(const char *text, const char *name, u32 n, char *value, u64 size)
{
    u64 name_length = strlen(name);
    value[0] = '\0';
    for (;;) {
        while (is_blank(*text))
            text++;
        if (*text == '\0')
            return false;
        const char *word = text;
        while (*text != '\0' && !is_blank(*text))
            text++;
        u64 length = (u64)(text - word);
        if (length <= name_length || word[name_length] != '=' || strncmp(word, name, name_length) != 0)
            continue;
        if (n-- > 0)
            continue;
        length -= name_length + 1;
        if (length < size) {
            memcpy(value, word + name_length + 1, length);
            value[length] = '\0';
        }
        return true;
    }
}

bool words_value(const char *text, const char *name, char *value, u64 size)
{
    return words_nth(text, name, 0, value, size);
}

/* The value of a digit in base 16, or 16. */
static u32 digit_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return (u32)(digit - '0');
    if (digit >= 'a' && digit <= 'f')
        return (u32)(digit - 'a') + 10;
    if (digit >= 'A' && digit <= 'F')
        return (u32)(digit - 'A') + 10;
    return 16;
}

const char *words_digits(const char *text, u64 *value)
{
    u32 base = 10;
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        base = 16;
        text += 2;
    }
    if (digit_value(*text) >= base)
        return NULL;
    u64 number = 0;
    for (u32 digit; (digit = digit_value(*text)) < base; text++) {
        if (number > (UINT64_MAX - digit) / base)
            return NULL;
        number = number * base + digit;
    }
    *value = number;
    return text;
}

bool words_number(const char *text, u64 *value)
{
    u64 number;
    const char *end = words_digits(text, &number);
    if (!end || *end != '\0')
        return false;
    *value = number;
    return true;
}

bool words_value_number(const char *text, const char *name, u64 *value)
{
    char digits[32];
    return words_value(text, name, digits, sizeof(digits)) && words_number(digits, value);
}
