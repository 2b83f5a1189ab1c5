"""
One guest: a QEMU with one of the kernels, its serial line, and one outcome at the end.

Used by `duo run`, `duo demo` and the tests alike. The life of a Guest: start(), then any of expect(), prompt(),
command(), wait_exit(), then stop(), which may be called at any time and any number of times. Each waiting call returns
what it waited for or raises Ended; after that `outcome` says how the guest ended. Nothing waits without a limit, except
that a time-out of None means none.

A prompt is recognised only behind what was there when the last line was typed, so that no line is typed too early.
"""

import enum
import os
import re
import select
import shlex
import shutil
import subprocess
import tempfile
import time

from duo import paths
from duo.qmp import Qmp, QmpError

# After the text of a panic QEMU should end at once; after this long in silence it is ended.
PANIC_SECONDS = 2.0
# "$ " behind an unfinished line is a prompt only if nothing follows for so long.
QUIET_SECONDS = 1.0
# A prompt at the start of a line needs a moment without more output.
SETTLE_SECONDS = 0.02
# Where sockets are: their paths must not be longer than 107 bytes, wherever the tree or TMPDIR is.
SOCKETS = "/tmp"
# How long a QEMU that was told to end may take.
DRAIN_SECONDS = 5.0

KERNELS = ("mono", "micro")


class Outcome(enum.Enum):
    """How a guest ended; the value is the exit code."""

    CLEAN = 0
    PANIC = 10
    TEST_FAILED = 11
    GAVE_UP = 12
    HANG = 13
    TIMEOUT = paths.EXIT_TIMEOUT
    INFRA = paths.EXIT_INFRA

    @property
    def words(self):
        return {
            Outcome.CLEAN: "ended cleanly",
            Outcome.PANIC: "the kernel panicked",
            Outcome.TEST_FAILED: "a test in the guest failed",
            Outcome.GAVE_UP: "the supervisor gave up on a critical service",
            Outcome.HANG: "the guest's watchdog found a hang",
            Outcome.TIMEOUT: "no answer in time",
            Outcome.INFRA: "QEMU failed, not the guest",
        }[self]


class Ended(Exception):
    """The guest ended, by itself or for lack of time, before what was awaited came."""

    def __init__(self, guest, awaited):
        super().__init__(f"{guest.outcome.words}; still awaited: {awaited}")
        self.outcome = guest.outcome


def private_copy(image, folder):
    """A copy of a disk image for one guest."""
    copy = os.path.join(folder, "disk.img")
    shutil.copyfile(image, copy)
    return copy


class Guest:
    """
    kernel: "mono" or "micro". build: "release" (default) or "debug" (the default
    with another root task: those print by debug calls). elf: a kernel of that kind that is not the build's.
    roottask: micro's initrd (default: the build's). disk: an image used in place, or None. scratch: the image is a copy that need not
    survive this computer, so no flush of the guest waits for the computer's own disk, which may take more than a driver's patience.
    append: words of the kernel's command line. icount: the shift, or None. extra: more arguments for QEMU.
    timeout: seconds for the whole life. folder: where serial.log, qemu.txt and qemu.stderr go; a temporary one if None.
    watch: called with each piece of output as it comes.
    """

    def __init__(self, kernel, *, build=None, elf=None, roottask=None, disk=None, append=(), memory="128M", harts=1, icount=None,
                 extra=(), timeout=60.0, folder=None, watch=None, scratch=False):
        self.kernel = kernel
        self.disk = disk
        self.outcome = None
        self.error = ""
        self.seconds = 0.0
        self._timeout = timeout
        self._watch = watch
        self._text = ""
        self._tail = b""
        self._typed_at = 0  # a prompt counts only behind this place of the output
        self._calm_at = 0  # a panic counts only behind this place
        self._last_byte = time.monotonic()
        self._stopping = False
        self._process = None
        self._qmp = None
        self._log = None
        self._sockets = tempfile.mkdtemp(prefix="duo-", dir=SOCKETS)
        self._own = None if folder else tempfile.mkdtemp(prefix="duo-")
        self.folder = folder or self._own
        os.makedirs(self.folder, exist_ok=True)
        self.log_path = os.path.join(self.folder, "serial.log")
        built, roottask = kernel_files(kernel, build, roottask)
        words = list(append)
        if not any(word.startswith("panic=") for word in words):
            words.insert(0, "panic=exit")
        self.command_line = qemu_line(elf or built, roottask, disk, words, memory, harts, icount, extra, scratch)
        self._qmp_path = os.path.join(self._sockets, "qmp")

    # -- life ---------------------------------------------------------------------------------------------------

    def start(self):
        """Never raises for a QEMU that cannot be started: that is the outcome INFRA."""
        with open(os.path.join(self.folder, "qemu.txt"), "w", encoding="utf-8") as file:
            file.write(self.shell_line + "\n")
        self._log = open(self.log_path, "wb")
        self._errors = open(os.path.join(self.folder, "qemu.stderr"), "w+b")
        self._begin = time.monotonic()
        self._last_byte = self._begin
        arguments = self.command_line + [
            "-chardev", "stdio,id=serial0,signal=off", "-serial", "chardev:serial0",
            "-display", "none", "-monitor", "none", "-qmp", f"unix:{self._qmp_path},server=on,wait=off"]
        try:
            self._process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                             stderr=self._errors)
        except OSError as error:
            self._end(Outcome.INFRA, f"{arguments[0]}: {error.strerror}")
        return self

    def stop(self):
        """Ends the guest if it still runs, the disk written out, and sets the outcome CLEAN if it has none yet."""
        if self.outcome is None and self._process:
            self._stopping = True
            try:
                if not os.path.exists(self._qmp_path):
                    raise QmpError("QEMU has not come that far")
                self.qmp().call("quit")
            except QmpError:
                self._process.terminate()
            self._drain()
            self._classify()
        self._close()
        return self.outcome

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    # -- what one can ask --------------------------------------------------------------------------------------

    @property
    def output(self):
        """Everything the guest has printed, without carriage returns."""
        return self._text

    @property
    def shell_line(self):
        """The QEMU line that repeats this guest by hand, on a terminal."""
        return " ".join(shlex.quote(word) for word in self.command_line) + " -nographic"

    def qmp(self):
        if not self._qmp:
            self._qmp = Qmp(self._qmp_path)
        return self._qmp

    def guest_nanoseconds(self):
        return self.qmp().guest_nanoseconds()

    def age(self):
        """Host seconds since the start."""
        return time.monotonic() - self._begin

    def cpu_seconds(self):
        """How long the computer has worked for this guest, on all its processors together."""
        with open(f"/proc/{self._process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(") ")[2].split()  # from the third on: the second may have blanks
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def expect(self, pattern, timeout=None, since=0):
        """Waits until the regular expression is found in the output behind `since`; returns the match."""
        regex = re.compile(pattern, re.M)
        return self._wait(lambda: regex.search(self._text, since), timeout, repr(pattern))

    def prompt(self, timeout=None):
        """Waits for the shell's prompt behind the last line typed."""
        self._wait(self._at_prompt, timeout, "the prompt")
        self._calm_at = len(self._text)

    def send(self, line):
        """Types a line. The guest need not be ready: QEMU keeps what the UART cannot take yet."""
        self._typed_at = len(self._text)
        try:
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
        except (OSError, AttributeError, ValueError):
            pass  # QEMU is gone: the next wait says so

    def command(self, line, timeout=None):
        """Types a line at the prompt, waits for the next one; returns what was printed in between."""
        self.prompt(timeout)
        begin = len(self._text)
        self.send(line)
        try:
            self.prompt(timeout)
        finally:
            self.last_command = strip_command(self._text[begin:], line)
        return self.last_command

    def wait_exit(self, timeout=None):
        """Waits until the guest ends by itself; returns the outcome, which may be TIMEOUT."""
        try:
            self._wait(lambda: False, timeout, "its end")
        except Ended:
            pass
        return self.outcome

    # -- the serial line ---------------------------------------------------------------------------------------

    def _wait(self, done, timeout, awaited):
        limits = [limit for limit in (
            time.monotonic() + timeout if timeout is not None else None,
            self._begin + self._timeout if self._timeout is not None else None) if limit is not None]
        limit = min(limits) if limits else None
        while True:
            found = done()
            if found:
                return found
            if self.outcome is not None:
                raise Ended(self, awaited)
            now = time.monotonic()
            if self._panicked() and now - self._last_byte > PANIC_SECONDS:
                self._process.kill()
                self._drain()
                self._end(Outcome.PANIC, "the guest stayed after its panic and was ended")
            elif limit is not None and now >= limit:
                self._process.kill()
                self._drain()
                self._end(Outcome.TIMEOUT, f"{now - self._begin:.0f} s have passed")
            else:
                self._read(0.05 if limit is None else max(0.0, min(0.05, limit - now)))

    def _read(self, seconds):
        """Takes what has come, waiting at most `seconds` for the first byte. At the end of it: the outcome."""
        descriptor = self._process.stdout.fileno()
        if not select.select([descriptor], [], [], seconds)[0]:
            return
        data = os.read(descriptor, 65536)
        if not data:
            self._process.wait()
            self._classify()
            return
        self._take(data)

    def _take(self, data):
        self._last_byte = time.monotonic()
        self._log.write(data)
        self._log.flush()
        piece = data.replace(b"\r", b"").decode("utf-8", "replace")
        self._text += piece
        if self._watch:
            self._watch(piece)

    def _drain(self):
        """Reads what a QEMU that is about to end still says; one that does not end is killed."""
        descriptor = self._process.stdout.fileno()
        limit = time.monotonic() + DRAIN_SECONDS
        while True:
            if not select.select([descriptor], [], [], max(0.0, limit - time.monotonic()))[0]:
                self._process.kill()
                limit = time.monotonic() + DRAIN_SECONDS
                continue
            data = os.read(descriptor, 65536)
            if not data:
                break
            self._take(data)
        self._process.wait()

    def _panicked(self):
        return "panic: " in self._text[self._calm_at:]

    def _at_prompt(self):
        tail = without_supervisor(self._text[max(self._typed_at, len(self._text) - 4096):])
        quiet = time.monotonic() - self._last_byte
        if tail.endswith("\n$ ") or (tail == "$ " and self._typed_at == 0):
            return quiet > SETTLE_SECONDS
        return tail.endswith("$ ") and quiet > QUIET_SECONDS

    # -- the end -----------------------------------------------------------------------------------------------

    def _classify(self):
        code = self._process.returncode
        guest_codes = {o.value: o for o in Outcome if o not in (Outcome.TIMEOUT, Outcome.INFRA)}
        if code == 0 and self._panicked() and not self._stopping:
            self._end(Outcome.PANIC, "the board could not pass the code on")  # no finisher: SBI reset
        elif code in guest_codes:
            self._end(guest_codes[code])
        elif self._stopping and code < 0:
            self._end(Outcome.CLEAN)
        else:
            how = f"exit code {code}" if code >= 0 else f"signal {-code}"
            self._errors.seek(0)
            said = self._errors.read().decode("utf-8", "replace").strip()
            self._end(Outcome.INFRA, f"QEMU ended with {how}" + (f": {said}" if said else ""))

    def _end(self, outcome, error=""):
        if self.outcome is None:
            self.outcome = outcome
            self.error = error
            self.seconds = time.monotonic() - self._begin

    def _close(self):
        if self._qmp:
            self._qmp.close()
            self._qmp = None
        if self._process:
            try:
                self._process.stdin.close()
            except OSError:
                pass  # what was typed last never got there
            self._process.stdout.close()
            self._process = None
        for file in (self._log, getattr(self, "_errors", None)):
            if file:
                file.close()
        shutil.rmtree(self._sockets, ignore_errors=True)

    def discard(self):
        """Removes the temporary folder of a guest that was given none."""
        self.stop()
        if self._own:
            shutil.rmtree(self._own, ignore_errors=True)


def kernel_files(kernel, build, roottask):
    """The kernel's ELF file and its initrd (None for mono)."""
    build = build or ("debug" if roottask else "release")
    if kernel == "mono":
        return paths.built({"debug": "mono-debug.elf", "release": "mono.elf"}[build]), None
    return (paths.built({"debug": "micro.elf", "release": "micro-release.elf"}[build]),
            roottask or paths.built("micro-root.elf"))


def strip_command(text, line):
    """The output of a command: without the echoed line before it and the prompt behind it."""
    if text.startswith(line + "\n"):
        text = text[len(line) + 1:]
    return re.sub(r"\$ ((?:\n?\[sup\] [^\n]*\n)*)\Z", r"\1", text)


def without_supervisor(text):
    """The text without the supervisor's lines, which come whenever they must, also behind a prompt. The first of a death
    begins with a line feed of its own."""
    text = re.sub(r"\n(?=\[sup\] [\w-]+: died)", "", text)
    return re.sub(r"\[sup\] [^\n]*\n", "", text)


def qemu_line(elf, roottask, disk, words, memory, harts, icount, extra, scratch=False):
    """The machine every Duo guest is: the part of QEMU's command line that does not say where the serial line goes."""
    line = [paths.QEMU, "-machine", "virt", "-m", memory, "-smp", str(harts), "-bios", "default", "-kernel", elf]
    if roottask:
        line += ["-initrd", roottask]
    if words:
        line += ["-append", " ".join(words)]
    line += ["-global", "virtio-mmio.force-legacy=false", "-rtc", "clock=vm"]
    if disk:
        # a comma in a value is written twice
        unsafe = ",cache=unsafe" if scratch else ""
        line += ["-drive", f"file={disk.replace(',', ',,')},if=none,format=raw,id=disk0{unsafe}",
                 "-device", "virtio-blk-device,drive=disk0,bus=virtio-mmio-bus.0"]
    if icount is not None:
        line += ["-icount", f"shift={icount}"]
    return line + list(extra)
