#!/usr/bin/python3
"""
Which way the doors open: no room includes what it must not know, and no service needs a symbol it was not given.

    directions.py [--build DIR] [--self-test]

Includes are checked in every C and assembly file. With --build the undefined symbols of each service's objects are
checked too: port calls, lib functions, operations of the services below it, its own, and the fault points; no more.
"""

import os
import re
import subprocess
import sys

import common

# room: what its files may include, as path prefixes. The longest matching room decides; a room may always use itself.
ROOMS = {
    "abi/": ["abi/", "lib/"],
    "lib/": ["lib/"],
    "machine/": ["lib/"],
    "kernel/mono/": ["machine/", "lib/", "abi/xv6/", "port/", "service/inject.h"],
    "kernel/micro/": ["machine/", "lib/", "abi/sel4/"],
    "kernel/micro/test/": ["kernel/micro/", "machine/", "lib/", "abi/sel4/"],
    "port/": ["lib/"],
    "service/": ["port/", "lib/"],
    "service/xmap/": ["port/", "lib/", "service/inject.h"],
    "service/unix/": ["port/", "lib/", "service/inject.h", "abi/xv6/"],
    "service/fs/": ["port/", "lib/", "service/inject.h", "abi/disk/"],
    "service/block/": ["port/", "lib/", "service/inject.h"],
    "service/console/": ["port/", "lib/", "service/inject.h"],
    "placement/common/": ["port/", "lib/"],
    "placement/mono/": ["port/", "lib/", "placement/common/", "kernel/mono/", "system/"],
    "placement/micro/": ["port/", "lib/", "placement/common/", "abi/sel4/", "system/"],
    "placement/host/": ["port/", "lib/", "placement/common/", "abi/disk/"],
    "user/": ["abi/xv6/", "lib/"],
    "system/": ["abi/", "port/", "lib/"],
    "campaign/": ["abi/", "port/", "lib/"],
    "test/": ["abi/", "port/", "lib/"],
    "test/authority/": ["placement/micro/", "abi/sel4/", "port/", "lib/", "system/"],
    "test/programs/": ["user/", "abi/xv6/", "lib/"],
    "tools/": ["abi/", "port/", "lib/"],
}
# Tests beside a core run on the host, look inside their own room, and may lend each other what they play with.
HOST_TEST = re.compile(r"(^|/)(test|fuzz)_[^/]*\.[ch]$|/test/")
HOST_ROOMS = ("placement/host/", "tools/", "kernel/micro/test/")
# A compiler without any library has these.
FREESTANDING = {"stdint.h", "stdbool.h", "stddef.h", "stdarg.h", "limits.h", "stdatomic.h", "stdalign.h",
                "stdnoreturn.h", "float.h", "iso646.h"}
# Waiting goes downward only: whose operations each service may call.
BELOW = {"unix": ["xmap", "fs", "console"], "xmap": ["fs"], "fs": ["block"], "block": [], "console": []}
OPERATION_PREFIX = {"xmap": "xmap", "fs": "fs", "block": "blk", "console": "cons"}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.M)


def room_of(name):
    return max((room for room in ROOMS if name.startswith(room)), key=len, default=None)


def check_includes(root):
    problems = []
    files = common.project_files(root, (".c", ".h", ".S", ".def"))
    for name in files:
        room = room_of(name)
        if room is None:
            problems.append(f"{name}:1: belongs to no room")
            continue
        host = HOST_TEST.search(name) or name.startswith(HOST_ROOMS)
        allowed = ROOMS[room] + [room] + (["placement/host/", "placement/common/", "abi/"] if HOST_TEST.search(name) else [])
        text = common.read(root, name)
        for include in INCLUDE.finditer(text):
            line = text.count("\n", 0, include.start()) + 1
            path = include.group(2)
            if include.group(1) == "<":
                if not host and path not in FREESTANDING:
                    problems.append(f"{name}:{line}: <{path}>: target code has no C library")
            elif "/" not in path:
                problems.append(f'{name}:{line}: "{path}": includes are written from the root')
            elif not path.startswith(tuple(allowed)) and not (HOST_TEST.search(name) and HOST_TEST.search(path)):
                problems.append(f'{name}:{line}: "{path}": {room} may use {", ".join(ROOMS[room]) or "nothing"}')
    return problems, len(files)


def names_in(root, folder, pattern):
    found = set()
    for name in common.project_files(root, (".h", ".def")):
        if name.startswith(folder):
            found.update(re.findall(pattern, common.read(root, name)))
    return found


def symbols(objects, *options):
    """Of several objects: {file: set of names}."""
    nm = os.environ.get("NM", "riscv64-unknown-elf-nm")
    result = {}
    for path in objects:
        out = subprocess.run([nm, *options, path], capture_output=True, text=True, check=True).stdout
        result[path] = {line.split()[-1] for line in out.splitlines() if line.strip()}
    return result


def objects_below(folder):
    return sorted(os.path.join(where, name) for where, _, names in os.walk(folder) for name in names
                  if name.endswith(".o"))


def check_symbols(root, build):
    problems, looked_at = [], 0
    port = names_in(root, "port/", r"\b(port_\w+)\s*\(")
    operations = {}
    for service, prefix in OPERATION_PREFIX.items():
        pairs = names_in(root, f"port/{service}.def", r"OPERATION\((\w+), *(\w+),")
        operations[service] = {"_".join(pair) for pair in pairs if pair[0] == prefix}
        if not operations[service]:
            problems.append(f"port/{service}.def:1: no operations found")
    lib = set().union(*symbols(objects_below(f"{build}/lib"), "-g", "--defined-only").values())
    for service, below in BELOW.items():
        objects = objects_below(f"{build}/service/{service}")
        if not objects:
            problems.append(f"{build}/service/{service}: no objects")
            continue
        own = set().union(*symbols(objects, "-g", "--defined-only").values())
        allowed = own | port | lib | {"inject_point"}
        allowed.update(*(operations[lower] for lower in below))
        for path, needed in symbols(objects, "-u").items():
            looked_at += 1
            for symbol in sorted(needed - allowed):
                problems.append(f"{os.path.relpath(path, build)}: needs {symbol}, which {service} was not given")
    return problems, looked_at


SELF_TEST = [
    ({"lib/a.c": '#include "lib/a.h"\n', "lib/a.h": "#include <stdint.h>\n"}, None),
    ({"service/fs/a.c": '#include "abi/disk/a.h"\n#include "port/fs.h"\n'}, None),
    ({"service/fs/test_a.c": '#include <stdio.h>\n#include "placement/host/a.h"\n'}, None),
    ({"service/fs/a.c": '#include "machine/arch.h"\n'}, "service/fs/a.c:1"),
    ({"service/fs/a.c": '\n#include "service/unix/unix.h"\n'}, "service/fs/a.c:2"),
    ({"kernel/micro/a.c": '#include "kernel/mono/a.h"\n'}, "kernel/micro/a.c:1"),
    ({"kernel/micro/a.c": '#include "port/fs.h"\n'}, "may use"),
    ({"placement/micro/a.c": '#include "kernel/micro/a.h"\n'}, "placement/micro/a.c:1"),
    ({"user/a.c": '#include "port/fs.h"\n'}, "user/a.c:1"),
    ({"lib/a.c": "#include <stdio.h>\n"}, "no C library"),
    ({"lib/a.c": '#include "a.h"\n'}, "from the root"),
    ({"elsewhere/a.c": ""}, "no room"),
]


def self_test():
    with_objects = os.environ.get("CC", "riscv64-unknown-elf-gcc")
    with common.tempfile.TemporaryDirectory() as root:
        sources = {"lib/s.c": "int s(void) { return 1; }"}
        for service in BELOW:
            sources[f"service/{service}/a.c"] = f"int {service}_own(void) {{ return 1; }}"
            if service != "unix":
                os.makedirs(f"{root}/port", exist_ok=True)
                with open(f"{root}/port/{service}.def", "w", encoding="utf-8") as file:
                    file.write(f"OPERATION({OPERATION_PREFIX[service]}, go, 0, 0, (void))\n")
        sources["service/fs/b.c"] = "int blk_go(void); int s(void); int fs_b(void) { return blk_go() + s(); }"
        sources["service/fs/c.c"] = "int cons_go(void); int fs_c(void) { return cons_go(); }"
        for name, text in sources.items():
            os.makedirs(os.path.dirname(f"{root}/build/{name}"), exist_ok=True)
            subprocess.run([with_objects, "-c", "-x", "c", "-", "-o", f"{root}/build/{name[:-2]}.o"], input=text, text=True,
                           check=True)
        problems, looked_at = check_symbols(root, f"{root}/build")
    if looked_at != 7 or problems != ["service/fs/c.o: needs cons_go, which fs was not given"]:
        print(f"directions: self-test FAILED: {looked_at} objects, {problems}")
        sys.exit(1)
    common.self_test("directions", lambda root: check_includes(root)[0], SELF_TEST)


def main():
    if "--self-test" in sys.argv:
        self_test()
    problems, looked_at = check_includes(common.ROOT)
    if "--build" in sys.argv:
        more, objects = check_symbols(common.ROOT, sys.argv[sys.argv.index("--build") + 1])
        problems += more
        looked_at = looked_at and f"{looked_at} files, {objects} objects"
    common.finish("directions", problems, looked_at)


main()
