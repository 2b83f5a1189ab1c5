"""
QEMU's debugger stub over a unix socket: as much of its protocol as stopping, looking, changing and going on needs.

A machine of one hart. Addresses are those of whatever address space the hart is in; physical_read() is for the rest. The
guest runs only between go() and the next stop(), and its clock stands still otherwise.

A breakpoint makes QEMU run the code of its page one instruction at a time, and setting or removing one makes it forget all
its translations: so have few, and not for long.
"""

import re
import select
import socket
import time

PC = 32  # the register's number; 1 to 31 are x1 to x31
REGISTERS = 4096
ANSWER_SECONDS = 20.0


class GdbError(Exception):
    pass


def arguments(path):
    """What QEMU must be told so that Gdb(path) finds it."""
    return ["-chardev", f"socket,path={path},server=on,wait=off,id=gdb0", "-gdb", "chardev:gdb0"]


class Gdb:
    """Connects, which stops the guest. Every method but stopped(), interrupt() and close() is for a guest that stands still."""

    def __init__(self, path, timeout=5.0):
        limit = time.monotonic() + timeout
        while True:
            self._socket = socket.socket(socket.AF_UNIX)
            try:
                self._socket.connect(path)
                break
            except OSError as error:
                self._socket.close()
                if time.monotonic() > limit:
                    raise GdbError(f"no debugger stub at {path}: {error}") from error
                time.sleep(0.01)
        self._buffer = b""
        self.ask("?")
        self._describe()

    # -- packets -------------------------------------------------------------------------------------------------------

    def _send(self, text):
        data = text.encode()
        try:
            self._socket.sendall(b"$" + data + b"#%02x" % (sum(data) & 255))
        except OSError as error:
            raise GdbError(str(error)) from error

    def _packet(self):
        """A whole packet that has come, without its frame; None if there is none yet."""
        found = re.search(rb"\$([^#]*)#[0-9a-f]{2}", self._buffer)
        if not found:
            return None
        self._buffer = self._buffer[found.end():]
        self._socket.sendall(b"+")
        return found.group(1)

    def _receive(self, seconds):
        """The next packet, or None if none comes in time."""
        limit = time.monotonic() + seconds
        while True:
            packet = self._packet()
            if packet is not None:
                return packet
            if not select.select([self._socket], [], [], max(0.0, limit - time.monotonic()))[0]:
                return None
            try:
                data = self._socket.recv(65536)
            except OSError as error:
                raise GdbError(str(error)) from error
            if not data:
                raise GdbError("QEMU closed the connection")
            self._buffer += data

    def ask(self, text):
        """The answer. On the way to it the word of a stop that nobody waited for may come: the one of the connecting."""
        self._send(text)
        while True:
            answer = self._receive(ANSWER_SECONDS)
            if answer is None:
                raise GdbError(f"no answer to {text[:40]}")
            if text in ("?", "s") or not answer.startswith(b"T"):
                return answer.decode("latin-1")

    def _done(self, text):
        answer = self.ask(text)
        if answer != "OK":
            raise GdbError(f"{text[:40]}: {answer or 'not known to QEMU'}")

    def _describe(self):
        """Reads the description of the registers: without that single ones are refused. It also has the CSRs' numbers."""
        text, names = "", ["target.xml"]
        while names:
            name, at = names.pop(0), 0
            while True:
                piece = self.ask(f"qXfer:features:read:{name}:{at:x},ffb")
                text += piece[1:]
                at += len(piece) - 1
                if not piece.startswith("m"):
                    break
            names += [n for n in re.findall(r'xi:include href="([^"]+)"', text) if n not in names and n + "!" not in text]
            text = re.sub(r'xi:include href="([^"]+)"', r'included="\1!"', text)
        self._numbers = {}
        number = 0
        for register in re.findall(r"<reg [^>]*>", text):
            told = re.search(r'regnum="(\d+)"', register)
            number = int(told.group(1)) if told else number
            self._numbers[re.search(r'name="([^"]+)"', register).group(1)] = number
            number += 1

    # -- a guest that stands still -----------------------------------------------------------------------------------------

    def register(self, which):
        """By number, or by name ("satp")."""
        number = self._numbers[which] if isinstance(which, str) else which
        answer = self.ask(f"p{number:x}")
        if len(answer) != 16:
            raise GdbError(f"register {which}: {answer!r}")
        return int.from_bytes(bytes.fromhex(answer), "little")

    def set_register(self, number, value):
        self._done(f"P{number:x}={value.to_bytes(8, 'little').hex()}")

    def read(self, address, size):
        answer = self.ask(f"m{address:x},{size:x}")
        if len(answer) != 2 * size:
            raise GdbError(f"memory at {address:#x}: {answer!r}")
        return bytes.fromhex(answer)

    def write(self, address, data):
        self._done(f"M{address:x},{len(data):x}:{data.hex()}")

    def physical_read(self, address, size):
        self._done("Qqemu.PhyMemMode:1")
        try:
            return self.read(address, size)
        finally:
            self._done("Qqemu.PhyMemMode:0")

    def physical_write(self, address, data):
        self._done("Qqemu.PhyMemMode:1")
        try:
            self.write(address, data)
        finally:
            self._done("Qqemu.PhyMemMode:0")

    def set_breakpoint(self, address):
        self._done(f"Z0,{address:x},2")

    def clear_breakpoint(self, address):
        self._done(f"z0,{address:x},2")

    def step(self):
        """One instruction, no interrupt before it."""
        self.ask("s")

    # -- running ---------------------------------------------------------------------------------------------------------

    def go(self):
        self._send("c")

    def go_from(self, address):
        """Goes on from the breakpoint at `address`, which stays."""
        self.clear_breakpoint(address)
        self.step()
        self.set_breakpoint(address)
        self.go()

    def stopped(self, seconds=0.0):
        """Whether the guest has stopped since go(), waiting for that at most so long."""
        packet = self._receive(seconds)
        if packet is not None and packet[:1] in (b"W", b"X"):
            raise GdbError("the guest has ended")
        return packet is not None

    def interrupt(self):
        """Stops the guest wherever it is."""
        self._socket.sendall(b"\x03")
        if self._receive(ANSWER_SECONDS) is None:
            raise GdbError("the guest does not stop")

    def close(self):
        """The guest goes on, without breakpoints."""
        try:
            self._send("D")
            self._receive(1.0)
        except GdbError:
            pass  # QEMU is gone: so is the connection
        self._socket.close()
