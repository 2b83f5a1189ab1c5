"""
A guest that has the terminal to itself: what is typed goes to QEMU, what it prints comes with file:line behind the places of
a crash report. `make qemu` and an interactive `duo run` use it.
"""

import codecs
import os
import select
import signal
import subprocess
import sys
import time

from duo import paths
from duo.guest import KERNELS
from duo.symbols import CrashReader

QUIET = 0.1  # seconds of silence after which a line is shown that might still have become a crash report's


def add_arguments(parser):
    parser.add_argument("--kernel", metavar="K", choices=KERNELS, required=True, help="whose functions a crash report names")
    parser.add_argument("line", metavar="QEMU", nargs="+", help="QEMU's command line, behind --")


def main(options):
    return call(options.line, options.kernel)


def call(line, kernel, timeout=None):
    """Runs the command until it ends; its exit code. Raises subprocess.TimeoutExpired, the command being killed."""
    end = time.monotonic() + timeout if timeout else None
    reader = CrashReader(kernel)
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    try:
        process = subprocess.Popen(line, stdout=subprocess.PIPE)
    except OSError as error:
        raise paths.Problem(paths.EXIT_INFRA, f"{line[0]}: {error.strerror}") from error
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # the guest's, or QEMU's: it ends, and then we do
    try:
        data = b" "
        while data:
            if select.select([process.stdout], [], [], QUIET)[0]:
                data = os.read(process.stdout.fileno(), 65536)
                show(reader.feed(decoder.decode(data)))
            else:
                show(reader.rest())
            if end and time.monotonic() > end:
                raise subprocess.TimeoutExpired(line, timeout)
        show(reader.rest())
        return process.wait()
    finally:
        process.kill()
        process.wait()
        signal.signal(signal.SIGINT, before)


def show(text):
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    sys.stdout.buffer.flush()
