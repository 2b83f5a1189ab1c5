"""`duo doctor`: is everything here that building, running and testing need? Says what to install if not."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys

from duo import paths

QEMU_LEAST = (7, 2)
FIRMWARE = ["/usr/share/qemu/opensbi-riscv64-generic-fw_dynamic.bin",
            "/usr/local/share/qemu/opensbi-riscv64-generic-fw_dynamic.bin",
            "/usr/share/opensbi/lp64/generic/firmware/fw_dynamic.bin"]


def add_arguments(parser):
    parser.add_argument("-q", "--quiet", action="store_true", help="print only what is missing")
    parser.add_argument("-v", "--verbose", action="store_true", help="print where each thing was found")


def first_line(*command):
    """The first line a tool prints; empty if it cannot be run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (done.stdout or done.stderr).partition("\n")[0]


def check_qemu():
    version = first_line(paths.QEMU, "--version")
    found = re.search(r"version (\d+)\.(\d+)", version)
    if not found:
        return None, f"{paths.QEMU} is missing"
    if tuple(map(int, found.groups())) < QEMU_LEAST:
        least = ".".join(map(str, QEMU_LEAST))
        return None, f"{paths.QEMU} is {found[1]}.{found[2]}, too old: {least} or newer is needed"
    return f"{found[1]}.{found[2]}", ""


def check_firmware():
    path = next((path for path in FIRMWARE if os.path.exists(path)), None)
    return (path, "") if path else (None, "OpenSBI, QEMU's firmware, is missing")


def check_cross():
    tool = paths.cross_tool("gcc")
    if not tool or not paths.cross_tool("addr2line"):
        return None, "no riscv64 gcc with its binutils"
    return first_line(tool, "--version"), ""


def command(name):
    return lambda: (shutil.which(name), "" if shutil.which(name) else f"{name} is missing")


def module(name):
    def check():
        there = importlib.util.find_spec(name) is not None
        return ("/usr/bin/python3 " + name if there else None), f"the Python module {name} is missing"
    return check


def header(name):
    path = "/usr/include/" + name
    return lambda: (path if os.path.exists(path) else None, f"{path} is missing")


def fuzzer():
    """clang alone links no fuzzer: its run-time library is another package."""
    where = first_line("clang", "--print-file-name=libclang_rt.fuzzer-x86_64.a") if shutil.which("clang") else ""
    found = where if os.path.exists(where) else first_line("clang", "--print-runtime-dir")
    there = bool(found) and os.path.exists(found)
    return (found if there else None), "clang's run-time library is missing"


# What, how it is checked, the packages, and what cannot be done without it (the first two groups are needed).
BUILD, TEST, DEBUG = "make demo", "make test", "make gdb"
CHECKS = [
    ("make", command("make"), "make", BUILD),
    ("host compiler", command("gcc"), "gcc libc6-dev", BUILD),
    ("cross compiler", check_cross, "gcc-riscv64-unknown-elf binutils-riscv64-unknown-elf", BUILD),
    ("QEMU", check_qemu, "qemu-system-misc", BUILD),
    ("firmware", check_firmware, "opensbi", BUILD),
    ("pyelftools", module("elftools"), "python3-pyelftools", BUILD),
    ("git", command("git"), "git", TEST),
    ("device tree compiler", command("dtc"), "device-tree-compiler", TEST),
    ("cmocka", header("cmocka.h"), "libcmocka-dev", TEST),
    ("clang", command("clang"), "clang", TEST),
    ("fuzzer library", fuzzer, "libclang-rt-14-dev", TEST),
    ("clang-format", command("clang-format"), "clang-format", TEST),
    ("cppcheck", command("cppcheck"), "cppcheck", TEST),
    ("spin", command("spin"), "spin", TEST),
    ("debugger", command("gdb-multiarch"), "gdb-multiarch", DEBUG),
]


def main(options):
    needed = []
    if sys.version_info < (3, 9):
        print(f"Python {sys.version.split()[0]} is too old: 3.9 or newer is needed")
        needed.append("python3")
    for name, check, packages, purpose in CHECKS:
        found, problem = check()
        if found:
            if not options.quiet:
                print(f"{name + ':':22} ok" + (f"  {found}" if options.verbose else ""))
            continue
        optional = purpose == DEBUG
        if not optional:
            needed.append(packages)
        print(f"{name + ':':22} {'absent' if optional else 'MISSING'}: {problem}; {purpose} needs it: "
              f"sudo apt install {packages}")
    if needed:
        print(f"next: sudo apt install --no-install-recommends {' '.join(needed)}")
        return paths.EXIT_ENVIRONMENT
    print("next: make qemu KERNEL=mono")
    return paths.EXIT_OK
