"""
What a test is given: a folder for its artefacts, guests in it, the duo command, and ways to be disappointed.

A test is a function test(work) registered by @test(...); it passes by returning, fails by raising Failure (through
work.check and its friends) and is not run by raising NotRun.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tools"))

from duo import paths  # noqa: E402
from duo.guest import SOCKETS, Ended, Guest, Outcome, private_copy  # noqa: E402

__all__ = ["Ended", "Failure", "NotRun", "Outcome", "ROOT", "TESTS", "Work", "paths", "test"]


class Failure(Exception):
    pass


class NotRun(Exception):
    """Something from outside, that the user provides or not, is absent. Never for a part of our own build."""


# name: (function, quick, module)
TESTS = {}


def test(name, *, quick=False):
    def register(function):
        assert name not in TESTS, name
        TESTS[name] = (function, quick)
        return function
    return register


class Work:
    """One run of one test. `folder` is fresh, and stays for the reader of a failure."""

    def __init__(self, name):
        self.folder = os.path.join(paths.BUILD, "test", name.replace("/", "-"))
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        self._boots = 0
        self._short = []

    # -- guests --------------------------------------------------------------------------------------------------

    def guest(self, kernel, *append, disk=None, timeout=60.0, **more):
        """A guest of this test, to be entered by `with`. `disk` None: a copy of the test image; "": no disk; else a copy that the
        test has made."""
        self._boots += 1
        folder = os.path.join(self.folder, f"boot{self._boots}")
        os.makedirs(folder)
        if disk is None:
            disk = private_copy(paths.built("test", "fs.img"), folder)
        return Guest(kernel, append=append, disk=disk or None, folder=folder, timeout=timeout, scratch=True, **more)

    def disk(self):
        """A copy of the test image for several guests one after the other."""
        return private_copy(paths.built("test", "fs.img"), self.folder)

    # -- the duo command -----------------------------------------------------------------------------------------

    def duo(self, *arguments, timeout=120, **environment):
        """Runs ./duo; returns the finished process with stdout and stderr as text."""
        done = subprocess.run([os.path.join(ROOT, "duo"), *arguments], capture_output=True, text=True, timeout=timeout,
                              stdin=subprocess.DEVNULL, check=False,
                              env={**os.environ, "TMPDIR": self.folder, **environment})
        with open(os.path.join(self.folder, "duo.txt"), "a", encoding="utf-8") as file:
            file.write(f"$ duo {' '.join(arguments)}\n{done.stdout}{done.stderr}[exit {done.returncode}]\n")
        return done

    def fake_build(self):
        """A build folder of nothing but names, for guests that are played by fake_qemu.py."""
        folder = os.path.join(self.folder, "build")
        os.makedirs(os.path.join(folder, "servers"), exist_ok=True)
        for name in ("mono.elf", "micro.elf", "micro-release.elf", "micro-root.elf", "essay.elf", "fs.img"):
            with open(os.path.join(folder, name), "wb") as file:
                file.write(b"disk")
        return folder

    def fake_duo(self, guest, *arguments, **environment):
        return self.duo(*arguments, DUO_QEMU=os.path.join(ROOT, "test", "fake_qemu.py"), DUO_FAKE=guest,
                        DUO_BUILD=self.fake_build(), **environment)

    def run(self, *command):
        return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=self.folder, check=False)

    def scratch(self):
        return tempfile.mkdtemp(dir=self.folder)

    def short_folder(self):
        """For sockets, whose paths must not be long; it goes with the process of the test."""
        folder = tempfile.TemporaryDirectory(prefix="duo-test-", dir=SOCKETS)
        self._short.append(folder)  # and with it the folder's life
        return folder.name

    # -- being disappointed --------------------------------------------------------------------------------------

    def check(self, condition, text):
        if not condition:
            raise Failure(text)

    def equal(self, got, wanted, what):
        if got != wanted:
            raise Failure(f"{what}: expected {wanted!r}, got {got!r}")

    def matches(self, text, pattern, what):
        found = re.search(pattern, text, re.M)
        if not found:
            raise Failure(f"{what}: {pattern!r} is not in {text[-1500:]!r}")
        return found

    def absent(self, text, pattern, what):
        found = re.search(pattern, text, re.M)
        if found:
            raise Failure(f"{what}: {found.group(0)!r}")

    def artefacts(self):
        """Lines for the reader of a failure: where the logs are and how to repeat each boot."""
        lines = []
        for folder, _, files in sorted(os.walk(self.folder)):
            for name in sorted(files):
                path = paths.shown(os.path.join(folder, name))
                if name in ("serial.log", "duo.txt"):
                    lines.append(path)
                if name == "qemu.txt":
                    with open(os.path.join(folder, name), encoding="utf-8") as file:
                        lines.append(f"again: {file.read().strip()}")
        return lines
