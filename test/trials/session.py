"""
A guest with the workload in it, from the boot to the workload's end; typed at meanwhile, and with a debugger that can stop it.

Instructions are counted and the disk is in memory, so what is waited for is waited for in the guest's own time.
"""

import os
import random
import re
import shutil
import tempfile
import time

from duo import gdbstub, paths
from duo.guest import Guest
from trials import oracle
from trials.host import Host

NOWHERE = 0xBAD000  # mapped in no server: one that is sent there dies
LINES_BETWEEN = 12  # the workload's lines between two that are typed
SLOW_REQUESTS = 60  # a second: soon nearly all workers wait for the disk
SILENCE_SECONDS = 8.0  # of the host's time: the workload hangs


class Stuck(Exception):
    """The workload makes no progress any more, or the guest has ended."""


class PolledGuest(Guest):
    def poll(self, seconds):
        """Takes what the guest prints now; returns at once if there is something."""
        if self.outcome is None:
            self._read(seconds)


def memory_folder():
    """For disks whose writes cost the host nothing."""
    return tempfile.mkdtemp(prefix="duo-trial-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)


class Session:
    """with Session(...) as s: s.begin() and s.step() until s.over(), or s.run() for all of it; then s.guest.output, s.typed."""

    def __init__(self, seed, operations, kernel="micro", extra=(), debugger=True):
        self.seed = seed
        self.operations = operations
        self.folder = memory_folder()
        self.disk = os.path.join(self.folder, "disk.img")
        shutil.copyfile(paths.built("test", "fs.img"), self.disk)
        socket = os.path.join(self.folder, "gdb")
        self._socket = socket if debugger else None
        self.guest = PolledGuest(kernel, disk=self.disk, icount=0, folder=self.folder, timeout=120,
                                 extra=(*extra, *(gdbstub.arguments(socket) if debugger else ())))
        self.gdb = None
        self.host = None  # once it runs
        self.typed = []
        self._dice = random.Random(f"typed {seed}")
        self._said_at = 0.0
        self._seen = 0
        self._begin = 0

    def __enter__(self):
        self.guest.start()
        self.guest.prompt(30)
        self.host = Host(self.guest._process.pid)
        self.heard()
        return self

    def __exit__(self, *_):
        if self.gdb:
            self.gdb.close()
        self.guest.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    # -- the debugger --------------------------------------------------------------------------------------------------

    def stop_guest(self):
        if self.gdb is None:
            self.gdb = gdbstub.Gdb(self._socket)
        else:
            self.gdb.interrupt()

    def wait_stop(self):
        """Until a breakpoint is met. The workload goes on."""
        self.heard()  # it stood still before, for as long as the debugger liked
        while not self.gdb.stopped(0.002):
            self.step(0.0)

    def kill(self):
        """The server that stands still takes its next instruction from nowhere; and the guest goes on."""
        self.gdb.set_register(gdbstub.PC, NOWHERE)
        self.gdb.go()

    def stop_disk(self):
        """From now on each request takes the disk minutes, until slow_disk(0)."""
        self.slow_disk(1, unit=16)

    def slow_disk(self, requests=SLOW_REQUESTS, unit=0):
        """
        From now on the disk takes its time for each request; or no more, with 0. `unit`: bytes, of which every beginning one counts
        as a request of its own; 0: none does.
        """
        limits = {"bps": 0, "bps_rd": 0, "bps_wr": 0, "iops": requests, "iops_rd": 0, "iops_wr": 0, "iops_size": unit}
        self.guest.qmp().call("block_set_io_throttle", device="disk0", **limits)

    # -- the workload --------------------------------------------------------------------------------------------------

    def begin(self, command=""):
        """Starts the workload; it runs the command at its beginning."""
        self._begin = len(self.guest.output)
        self.heard()
        self.guest.send(f"workload {self.seed} {self.operations} {command}".rstrip())

    def heard(self):
        """Silence begins now."""
        self._said_at = time.monotonic()

    @property
    def text(self):
        """All since the workload began."""
        return self.guest.output[self._begin:]

    def printed(self):
        """How many lines the workload has printed."""
        return len(oracle.LINE.findall(self.text))

    def step(self, seconds=0.02):
        """A moment of the guest's life: takes what it prints, types what is to be typed. Raises Stuck."""
        before = len(self.guest.output)
        self.guest.poll(seconds)
        if len(self.guest.output) != before:
            self.heard()
        self._type()
        if time.monotonic() - self._said_at > SILENCE_SECONDS:
            raise Stuck(f"nothing is printed any more for {SILENCE_SECONDS:.0f} s")
        if self.guest.outcome is not None:
            raise Stuck(f"the guest has ended: {self.guest.outcome.words}")

    def _type(self):
        """One line at a time, since what is typed ahead is lost when the console's buffer is full."""
        if self._begin == 0:
            return
        text = oracle.without_supervisor(self.text)
        ended = len(re.findall(rf"<[{oracle.WORKERS}]\.\d+ (?:end|wrong) |workload: process \d+ ended with status -1", text))
        if ended == len(oracle.WORKERS):
            if "end" not in self.typed:
                self._type_line("end")
        elif self.printed() >= self._seen + LINES_BETWEEN and (not self.typed or f" typed {self.typed[-1]} " in text):
            self._seen = self.printed()
            self._type_line("".join(self._dice.choice("KLMNOPQR") for _ in range(self._dice.randrange(4, 30))))

    def _type_line(self, line):
        self.typed.append(line)
        self.guest.send(line)

    def over(self):
        return re.search(r"workload: (?:done|failed).*\n", oracle.without_supervisor(self.text), re.M) is not None

    def run(self):
        """To the workload's end."""
        if self._begin == 0:
            self.begin()
        while not self.over():
            self.step()

    def wait_text(self, pattern):
        while not re.search(pattern, self.text, re.M):
            self.step()
