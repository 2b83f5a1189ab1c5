"""
Where things are: the source tree, the build folder, the tools.

DUO_BUILD names the build folder (default: build, under the root), DUO_QEMU the emulator, TOOLPREFIX the cross tools.
"""

import os
import shutil

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("DUO_BUILD") or "build")
QEMU = os.environ.get("DUO_QEMU") or "qemu-system-riscv64"

# The host half of the exit codes; the guest half is in guest.py.
EXIT_OK = 0
EXIT_WRONG = 1
EXIT_USAGE = 2
EXIT_ENVIRONMENT = 3
EXIT_NOT_BUILT = 4
EXIT_INFRA = 5
EXIT_TIMEOUT = 124
EXIT_INTERRUPTED = 130


class Problem(Exception):
    """Ends the command with one line on stderr and an exit code of the table above."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


def built(*names):
    """The path of something the build makes; a Problem that says so if it is not there."""
    path = os.path.join(BUILD, *names)
    if not os.path.exists(path):
        raise Problem(EXIT_NOT_BUILT, f"{shown(path)} is not there: run make first")
    return path


def shown(path):
    """The path as a reader at the root of the tree would type it."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative


def cross_tool(name):
    """A tool of the cross compiler's binutils, by full name; None if there is none."""
    prefixes = [os.environ["TOOLPREFIX"]] if os.environ.get("TOOLPREFIX") else []
    for prefix in prefixes + ["riscv64-unknown-elf-", "riscv64-linux-gnu-"]:
        if shutil.which(prefix + name):
            return prefix + name
    return None
