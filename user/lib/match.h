/* Patterns of grep: `.` any character, `x*` any number of x, `^` and `$` the ends of the line. */
#ifndef USER_LIB_MATCH_H
#define USER_LIB_MATCH_H

#include "lib/types.h"

#define PATTERN_ATOMS_MAX 63

/* About 2 kB: keep it static. */
struct pattern {
    u64 takes[256]; /* for each byte, which atoms accept it */
    u64 starred;    /* which atoms may repeat or be left out */
    u64 done;       /* the state behind the last atom */
    bool from_start;
    bool to_end;
};

/* False, and the pattern is unusable, if `text` has more than PATTERN_ATOMS_MAX atoms. */
bool pattern_compile(struct pattern *pattern, const char *text);

/* Whether the pattern occurs in line[0..length). Takes time in proportion to the length, whatever the
 * pattern. */
bool pattern_matches(const struct pattern *pattern, const char *line, u64 length);

#endif
