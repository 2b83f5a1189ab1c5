#!/bin/sh
# The layout of all C files is the one of .clang-format.
#
#   format.sh [--self-test]
set -eu
cd "$(dirname "$0")/../.."

if test "${1:-}" = --self-test; then
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    cp .clang-format "$folder"
    printf 'int f(void)\n{\n    return 1;\n}\n' >"$folder/good.c"
    printf 'int f(void){\n  return 1; }\n' >"$folder/bad.c"
    if ! clang-format --dry-run -Werror "$folder/good.c" || clang-format --dry-run -Werror "$folder/bad.c" 2>/dev/null; then
        echo "format: self-test FAILED"
        exit 1
    fi
    echo "format: self-test ok (2 cases)"
    exit 0
fi

files=$(git -c 'safe.directory=*' ls-files -co --exclude-standard '*.c' '*.h' 2>/dev/null || find . -path ./build -prune -o -name '*.[ch]' -print)
existing=
for file in $files; do
    test -f "$file" && existing="$existing $file"
done
test -n "$existing" || { echo "format: found nothing to look at"; exit 1; }
# shellcheck disable=SC2086 # a list of words, on purpose
if ! clang-format --dry-run -Werror $existing 2>&1 | grep -E '^[^ ].*: (error|warning): ' | cut -d: -f1,2 | sort -u -t: -k1,1 | {
    while read -r place; do
        echo "$place: not laid out as .clang-format says"
        wrong=1
    done
    test -z "${wrong:-}"
}; then
    echo "format: run clang-format -i on these"
    exit 1
fi
# shellcheck disable=SC2086
set -- $existing
echo "format: ok ($# files)"
