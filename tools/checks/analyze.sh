#!/bin/sh
# Static analysis of the code that runs on the target: gcc -fanalyzer, then cppcheck. Silence is the pass.
#
#   analyze.sh FLAGS...     the flags the target code is compiled with (-Werror among them)
#   analyze.sh --self-test
set -eu
cd "$(dirname "$0")/../.."
CC=${CC:-riscv64-unknown-elf-gcc}

# Both take a file with a list of files. The compiler's objects go nowhere.
#
# Left out, because they are wrong here: the compiler does not see what a system call stub's assembly writes (so no
# uninitialised values in placement/micro), and cppcheck sees neither that nor through repeat_once() (uninitvar; gcc
# looks for the same), guesses at bounds from any comparison, and knows no register variables.
analyzer() {
    list=$1
    shift
    xargs -r -P 2 -n 1 "$CC" "$@" -fanalyzer -S -o /dev/null <"$list"
}

checker() {
    cppcheck --quiet -j 2 --error-exitcode=1 --inline-suppr --enable=warning,portability --std=c11 --platform=unix64 \
        --library=tools/checks/noreturn.cfg --suppress=comparePointers --suppress=uninitvar \
        --suppress=arrayIndexOutOfBoundsCond --suppress='constStatement:abi/sel4/*' -D__riscv_xlen=64 -D__GNUC__=12 -I. --file-list="$1"
}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

if test "${1:-}" = --self-test; then
    cat >"$folder/good.c" <<'C'
_Noreturn void panic(const char *, ...);
int table[2];
int last(int n);
int last(int n)
{
    if (n >= 2)
        panic("n");
    return table[n];
}
C
    cat >"$folder/bad.c" <<'C'
#include <stddef.h>
int last(int n);
int last(int n)
{
    int *p = n ? NULL : &n;
    int table[2] = {1, 2};
    if (n)
        return *p;
    return table[2];
}
C
    echo "$folder/good.c" >"$folder/good"
    echo "$folder/bad.c" >"$folder/bad"
    if ! { analyzer "$folder/good" -O2 -Wall -Werror && checker "$folder/good"; } ||
        analyzer "$folder/bad" -O2 -Werror 2>/dev/null || checker "$folder/bad" 2>/dev/null; then
        echo "analyze: self-test FAILED"
        exit 1
    fi
    echo "analyze: self-test ok (4 cases)"
    exit 0
fi

git -c 'safe.directory=*' ls-files -co --exclude-standard 'lib/*.c' 'machine/*.c' 'kernel/*.c' 'service/*.c' 'placement/m*.c' 'placement/common/*.c' |
    grep -Ev '(^|/)(test|fuzz)_[^/]*$|/test/' | while read -r file; do test -f "$file" && echo "$file"; done >"$folder/list"
test -s "$folder/list" || { echo "analyze: found nothing to look at"; exit 1; }
wrong=0
grep -v '^placement/micro/' "$folder/list" >"$folder/plain" || true
grep '^placement/micro/' "$folder/list" >"$folder/stubs" || true
analyzer "$folder/plain" "$@" || wrong=1
analyzer "$folder/stubs" "$@" -Wno-analyzer-use-of-uninitialized-value || wrong=1
checker "$folder/list" || wrong=1
test $wrong = 0 || { echo "analyze: see above"; exit 1; }
echo "analyze: ok ($(wc -l <"$folder/list") files)"
