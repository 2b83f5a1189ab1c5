"""
A disk whose answers come when the guest has nothing to do, so that a run with disk requests repeats.

QEMU's own disks answer when the computer gets round to it. A kernel that has several requests under way then sees their
completions one by one or at once, and takes more interrupts or fewer: the same workload differed by a tenth on a busy
computer. This disk is a server of QEMU's network block device (NBD, fixed newstyle handshake, simple replies) that keeps the
image in memory, does each request at once, and answers them in their order, one each time the guest is idle in wfi. That is
seen in counters which the plugin shares. A guest that stays in one wfi after an answer has asked for no interrupt yet: it gets
the next answer after UNMOVED_SECONDS. One that does not idle gets its answer after FALLBACK_SECONDS.
"""

import mmap
import os
import socket
import struct
import threading
import time

POLL_SECONDS = 0.00005
UNMOVED_SECONDS = 0.01
FALLBACK_SECONDS = 0.25

# NBD, doc/proto.md: magic numbers, options, replies, commands.
HELLO = b"NBDMAGICIHAVEOPT"
OPTION = struct.Struct(">8sII")
OPTION_REPLY = struct.Struct(">QIII")
OPTION_REPLY_MAGIC = 0x3E889045565A9
REQUEST = struct.Struct(">IHHQQI")
REQUEST_MAGIC = 0x25609513
REPLY = struct.Struct(">IIQ")
REPLY_MAGIC = 0x67446698
FIXED_NEWSTYLE, NO_ZEROES = 1, 2
OPT_ABORT, OPT_GO = 2, 7
REP_ACK, REP_INFO, REP_UNSUPPORTED = 1, 3, 0x80000001
INFO_EXPORT = 0
HAS_FLAGS, SENDS_FLUSH = 1, 4
READ, WRITE, DISCONNECT, FLUSH = range(4)
EINVAL = 22


class Shared:
    """What the plugin lets others see: enum and struct `shared` of count.c. Read without locks: words are whole."""

    SIZE = 4096

    def __init__(self, path):
        with open(path, "w+b") as file:
            file.truncate(self.SIZE)
            self._words = memoryview(mmap.mmap(file.fileno(), self.SIZE)).cast("Q")

    def executed(self):
        return self._words[1] + self._words[2] + self._words[3]

    def before_wfi(self):
        return self._words[0]


class Disk(threading.Thread):
    """Serves one client, and ends with it."""

    def __init__(self, image, folder):
        super().__init__(daemon=True)
        with open(image, "rb") as file:
            self._bytes = bytearray(file.read())
        self.socket_path = os.path.join(folder, "disk.socket")
        self.shared_path = os.path.join(folder, "shared")
        self._shared = Shared(self.shared_path)
        self._answered = -1  # what was executed before the wfi in which the last answer was given
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.socket_path)
        self._listener.listen(1)

    def run(self):
        try:
            with self._listener, self._listener.accept()[0] as client:
                self._client = client
                if self._handshake():
                    self._serve()
        except (OSError, EOFError):
            pass  # QEMU ended

    def close(self):
        """Ends the wait for a client that never comes."""
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def _receive(self, length):
        data = bytearray()
        while len(data) < length:
            part = self._client.recv(length - len(data))
            if not part:
                raise EOFError
            data += part
        return bytes(data)

    def _answer_option(self, option, kind, data=b""):
        self._client.sendall(OPTION_REPLY.pack(OPTION_REPLY_MAGIC, option, kind, len(data)) + data)

    def _handshake(self):
        """True when the client has chosen the export, whose name does not matter."""
        self._client.sendall(HELLO + struct.pack(">H", FIXED_NEWSTYLE | NO_ZEROES))
        self._receive(4)
        while True:
            _, option, length = OPTION.unpack(self._receive(OPTION.size))
            self._receive(length)
            if option == OPT_GO:
                export = struct.pack(">HQH", INFO_EXPORT, len(self._bytes), HAS_FLAGS | SENDS_FLUSH)
                self._answer_option(option, REP_INFO, export)
                self._answer_option(option, REP_ACK)
                return True
            if option == OPT_ABORT:
                self._answer_option(option, REP_ACK)
                return False
            self._answer_option(option, REP_UNSUPPORTED)

    def _serve(self):
        while True:
            magic, _, kind, cookie, offset, length = REQUEST.unpack(self._receive(REQUEST.size))
            if magic != REQUEST_MAGIC or kind == DISCONNECT:
                return
            data = self._receive(length) if kind == WRITE else b""
            error = EINVAL if kind > FLUSH or offset + length > len(self._bytes) else 0
            answer = b""
            if not error and kind == WRITE:
                self._bytes[offset:offset + length] = data
            elif not error and kind == READ:
                answer = bytes(self._bytes[offset:offset + length])
            self._wait_until_idle()
            self._client.sendall(REPLY.pack(REPLY_MAGIC, error, cookie) + answer)

    def _wait_until_idle(self):
        """Until the guest stays in a wfi that got no answer yet, or has not left the one that did."""
        begin = time.monotonic()
        before = None
        while (waited := time.monotonic() - begin) < FALLBACK_SECONDS:
            executed, wfi = self._shared.executed(), self._shared.before_wfi()
            idle = executed == before and executed - wfi <= 1
            if idle and (wfi != self._answered or waited > UNMOVED_SECONDS):
                break
            before = executed
            time.sleep(POLL_SECONDS)
        self._answered = self._shared.before_wfi()
