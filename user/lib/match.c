/*
 * Matching without going back: all places in the pattern where a match could be are one set, moved on with
 * each byte.
 *
 * Bit i of the set says "atoms 0..i-1 are matched, atom i is next". An atom is one character or `.`, perhaps
 * starred. There is no recursion, so the stack of one page is enough for every pattern and line.
 */
#include "user/lib/match.h"
#include "lib/string.h"

bool pattern_compile(struct pattern *pattern, const char *text)
{
    memset(pattern, 0, sizeof(*pattern));
    pattern->done = 1;
    if (*text == '^') {
        pattern->from_start = true;
        text++;
    }
    while (*text != '\0') {
        if (text[0] == '$' && text[1] == '\0') {
            pattern->to_end = true;
            break;
        }
        u64 atom = pattern->done;
        if (atom == 1ul << PATTERN_ATOMS_MAX)
            return false;
        if (*text == '.') {
            for (unsigned byte = 0; byte < ARRAY_SIZE(pattern->takes); byte++)
                pattern->takes[byte] |= atom;
        } else {
            pattern->takes[(u8)*text] |= atom;
        }
        text++;
        if (*text == '*') {
            pattern->starred |= atom;
            text++;
        }
        pattern->done = atom << 1;
    }
    return true;
}

/* Adds the places reached by leaving starred atoms out. */
static u64 with_skips(const struct pattern *pattern, u64 places)
{
    u64 before;
    do {
        before = places;
        places |= (places & pattern->starred) << 1;
    } while (places != before);
    return places;
}

bool pattern_matches(const struct pattern *pattern, const char *line, u64 length)
{
    u64 places = with_skips(pattern, 1);
    for (u64 i = 0; i < length; i++) {
        if (!pattern->to_end && (places & pattern->done) != 0)
            return true;
        u64 taken = places & pattern->takes[(u8)line[i]];
        places = (taken & pattern->starred) | (taken & ~pattern->starred) << 1;
        if (!pattern->from_start)
            places |= 1;
        places = with_skips(pattern, places);
    }
    return (places & pattern->done) != 0;
}
