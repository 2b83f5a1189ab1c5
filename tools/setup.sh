#!/bin/sh
# Installs what is missing, from Debian, for one of two purposes:
#
#   tools/setup.sh demo    what `make demo` needs: compilers, QEMU, Python's ELF reader (the default)
#   tools/setup.sh test    that, and what `make test` needs: cmocka, clang, the static checkers, Spin
#
# Works as root or with sudo. Says what it installs; silent if everything is there. Exit code 3: something is missing
# that it could not install.
set -eu

# Each line: what shows that it is there (a command, a file, or python:MODULE), then the package.
demo_set='
git git
make make
gcc gcc
/usr/include/stdio.h libc6-dev
qemu-system-riscv64 qemu-system-misc
/usr/share/qemu/opensbi-riscv64-generic-fw_dynamic.bin opensbi
riscv64-unknown-elf-gcc gcc-riscv64-unknown-elf
riscv64-unknown-elf-ld binutils-riscv64-unknown-elf
/usr/bin/python3 python3
python:elftools python3-pyelftools
'
test_set='
dtc device-tree-compiler
/usr/include/cmocka.h libcmocka-dev
clang-format clang-format
cppcheck cppcheck
clang clang
spin spin
/usr/lib/llvm-14/lib/clang/14*/lib/linux/libclang_rt.fuzzer-*.a libclang-rt-14-dev
'

case ${1:-demo} in
demo) wanted=$demo_set ;;
test) wanted=$demo_set$test_set ;;
*)
    echo "usage: tools/setup.sh [demo|test]" >&2
    exit 2
    ;;
esac

# Whether `$1`, as described above, is there. A cross compiler of the other usual name will do as well.
there() {
    case $1 in
    python:*) /usr/bin/python3 -c "import ${1#python:}" 2>/dev/null ;;
    riscv64-unknown-elf-*) command -v "$1" >/dev/null || command -v "riscv64-linux-gnu-${1##*-}" >/dev/null ;;
    /*) for file in $1; do test -e "$file" && return 0; done; return 1 ;;
    *) command -v "$1" >/dev/null ;;
    esac
}

missing() {
    echo "$wanted" | while read -r sign package; do
        test -z "$sign" || there "$sign" || printf ' %s' "$package"
    done
}

packages=$(missing)
test -n "$packages" || exit 0

if ! command -v apt-get >/dev/null; then
    echo "setup: missing:$packages; this is no Debian system: install them by hand" >&2
    exit 3
fi
root=
if test "$(id -u)" -ne 0; then
    if ! command -v sudo >/dev/null; then
        echo "setup: missing; as root: apt-get install --no-install-recommends$packages" >&2
        exit 3
    fi
    root=sudo
fi
export DEBIAN_FRONTEND=noninteractive
echo "setup: installing$packages"
# shellcheck disable=SC2086 # a list of words, on purpose
$root apt-get update -q >/dev/null || echo "setup: apt-get update failed; trying with the lists that are here" >&2
# shellcheck disable=SC2086
$root apt-get install -q -y --no-install-recommends $packages >/dev/null || true

packages=$(missing)
if test -n "$packages"; then
    echo "setup: could not install:$packages" >&2
    exit 3
fi
