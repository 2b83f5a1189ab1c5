"""QEMU's machine protocol over a unix socket: as much as we need of it."""

import json
import re
import socket
import time

# Where QEMU's `virt` board has the CLINT's mtime, and how often that counts in a second. It is the guest's own clock:
# the one rdtime reads, standing still while the machine does.
MTIME_ADDRESS = 0x2000000 + 0xBFF8
MTIME_NANOSECONDS = 100
ANSWER_SECONDS = 20.0


class QmpError(Exception):
    pass


class Qmp:
    """Connects at once, trying until `timeout` seconds have passed; raises QmpError then, or when an answer takes as long."""

    def __init__(self, path, timeout=ANSWER_SECONDS):
        limit = time.monotonic() + timeout
        while True:
            try:
                self._socket = socket.socket(socket.AF_UNIX)
                self._socket.settimeout(timeout)
                self._socket.connect(path)
                break
            except OSError as error:
                self._socket.close()
                if time.monotonic() > limit:
                    raise QmpError(f"no QMP at {path}: {error}") from error
                time.sleep(0.01)
        self._file = self._socket.makefile("rw", encoding="utf-8")
        self._answer()  # the greeting
        self.call("qmp_capabilities")

    def _answer(self):
        while True:
            try:
                line = self._file.readline()
            except OSError as error:
                raise QmpError(str(error)) from error
            if not line:
                raise QmpError("QEMU closed the connection")
            answer = json.loads(line)
            if "event" not in answer:
                return answer

    def call(self, command, **arguments):
        try:
            self._file.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
            self._file.flush()
        except OSError as error:
            raise QmpError(str(error)) from error
        answer = self._answer()
        if "error" in answer:
            raise QmpError(answer["error"].get("desc", command))
        return answer.get("return")

    def monitor(self, line):
        """One line for the human monitor; its answer as text."""
        return self.call("human-monitor-command", **{"command-line": line})

    def guest_nanoseconds(self):
        """What the guest's clock shows now."""
        found = re.search(r":\s*0x([0-9a-f]+)", self.monitor(f"xp /1gx {MTIME_ADDRESS:#x}"))
        if not found:
            raise QmpError("the board's clock cannot be read")
        return int(found.group(1), 16) * MTIME_NANOSECONDS

    def close(self):
        self._file.close()
        self._socket.close()
