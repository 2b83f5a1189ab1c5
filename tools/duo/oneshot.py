"""
One program in a fresh guest: what `duo svc` and `duo ps` have in common.

For each kernel: boot, type what --cmd asks for, then the program; print what it printed, or with --json what its table
says. The guest, and all that was done to it, is gone afterwards.
"""

import json
import os
import re
import shutil
import sys
import tempfile

from duo import paths
from duo.guest import KERNELS, Ended, Guest, private_copy, without_supervisor
from duo.run import split

TIMEOUT = 60.0


def add_arguments(parser):
    parser.add_argument("--kernel", metavar="K", help="mono, micro, or both with a comma (default: DUO_KERNEL, else both)")
    parser.add_argument("--cmd", metavar="LINE", action="append", default=[], help="typed before; repeatable")
    parser.add_argument("--append", metavar="ARGS", action="append", default=[], help="words of the kernel's command line")
    parser.add_argument("--timeout", metavar="S", type=float, default=TIMEOUT, help="seconds for each guest (default: 60)")
    parser.add_argument("--json", action="store_true", help="one object on stdout instead of the table")
    parser.add_argument("-q", "--quiet", action="store_true", help="no headings, nothing of what --cmd prints")
    parser.add_argument("-v", "--verbose", action="store_true", help="print QEMU's command lines")


def kernels_of(options):
    kernels = (options.kernel or os.environ.get("DUO_KERNEL") or ",".join(KERNELS)).split(",")
    for kernel in kernels:
        if kernel not in KERNELS:
            raise paths.Problem(paths.EXIT_USAGE, f"--kernel {kernel}: there are {' and '.join(KERNELS)}")
    return kernels


def outputs(options, kernel, lines):
    """What each of the lines printed, typed one after the other behind those of --cmd, in a guest of its own."""
    folder = tempfile.mkdtemp(prefix="duo-")
    try:
        guest = Guest(kernel, disk=private_copy(paths.built("fs.img"), folder), append=split(options.append), folder=folder,
                      timeout=options.timeout, scratch=True)
        if options.verbose:
            print(guest.shell_line, file=sys.stderr, flush=True)
        with guest:
            try:
                for line in options.cmd:
                    printed = guest.command(line)
                    if not options.quiet:
                        print(f"$ {line}\n{printed}", end="", file=sys.stderr, flush=True)
                return [guest.command(line) for line in lines]
            except Ended as ended:
                last = "\n".join(guest.output.splitlines()[-12:])
                raise paths.Problem(guest.outcome.value or paths.EXIT_WRONG, f"{kernel}: {ended}; its last lines:\n{last}") \
                    from ended
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def table(text, columns):
    """The rows of a table with these headings, as lists of words in the columns' order. A column begins where its heading
    does; what is not of the table (a supervisor's line between two rows) is left out."""
    lines = without_supervisor(text).splitlines()
    heading = r"\s+".join(map(re.escape, columns))
    first = next((i for i, line in enumerate(lines) if re.fullmatch(heading, line.strip())), None)
    if first is None:
        raise paths.Problem(paths.EXIT_WRONG, f"the guest printed no table of {columns[0]} ...: {text!r}")
    begins = [lines[first].index(column) for column in columns]
    rows = []
    for line in lines[first + 1:]:
        if line.strip():
            rows.append([line[begin:end].strip() for begin, end in zip(begins, begins[1:] + [None])])
    return rows


def show(options, results):
    """results: (kernel, text) pairs."""
    for kernel, text in results:
        if len(results) > 1 and not options.quiet:
            print(f"== {kernel} ==")
        print(text, end="", flush=True)


def dump(record):
    json.dump(record, sys.stdout, indent=1)
    print()
