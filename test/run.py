#!/usr/bin/python3
"""
Runs the tests of the whole machine, two at a time.

    test/run.py [--list] [--quick | --long | --all] [--only NAME ...] [--jobs N]

One line a test with its time; a failure names its artefacts. The last line is `N passed, N failed`, with `, N skipped`
if something from outside (DUO_PEERS) is absent. Exit code 1 if anything failed. A part of our own build that is absent
is a failure. --only takes whole names, or beginnings of names: of these long tests are run with --long or --all only.

Each test is a process of its own and has a limit (limits.py); one that goes beyond it is ended with all it has started,
and has failed. What runs for long says so on stderr every half minute.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

# Every file test_*.py registers its tests when it is imported.
for file in sorted(os.listdir(os.path.dirname(os.path.abspath(__file__)))):
    if file.startswith("test_") and file.endswith(".py"):
        __import__(file[:-3])

import limits  # noqa: E402
from harness import TESTS, Ended, Failure, NotRun, Work, paths  # noqa: E402

PROGRESS_SECONDS = 30
GRACE_SECONDS = 5


def run(name):
    """Runs the test; returns "ok" | "FAIL" | "NOT RUN" and lines that explain. A test may return a line that says how much it
    has looked at."""
    work = Work(name)
    try:
        told = TESTS[name][0](work)
    except NotRun as reason:
        return "NOT RUN", [str(reason)]
    except (Failure, Ended, paths.Problem) as failure:
        return "FAIL", [str(failure)] + work.artefacts()
    except Exception:  # a mistake in the test itself must not hide the other tests
        return "FAIL", traceback.format_exc().splitlines() + work.artefacts()
    return "ok", [told] if told else []


class Running:
    """A test in a child process, the leader of a process group that all its guests belong to."""

    def __init__(self, name):
        self.name = name
        self.begin = time.monotonic()
        self.limit = limits.seconds(name, *TESTS[name])
        self.told = self.begin
        self._says = tempfile.TemporaryFile("w+")
        self.pid = os.fork()
        if self.pid == 0:
            self._child()

    def _child(self):
        """Never returns."""
        status = 1
        try:
            os.setpgid(0, 0)
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # guests end and folders go when it unwinds
            verdict, lines = run(self.name)
            self._says.write("\n".join([verdict, *lines]))
            self._says.flush()
            status = 0
        finally:
            os._exit(status)

    def poll(self):
        """None while it runs; else (verdict, lines)."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid == 0:
            if time.monotonic() - self.begin <= self.limit:
                return None
            self.end()
            return "FAIL", [f"not done after its limit of {self.limit} s: ended"] + self.artefacts()
        self._signal(signal.SIGKILL)  # whatever it has left behind
        self._says.seek(0)
        verdict, *lines = self._says.read().split("\n")
        if status != 0 or not verdict:
            return "FAIL", [f"its process ended with status {status}"] + self.artefacts()
        return verdict, lines

    def end(self):
        self._signal(signal.SIGTERM)
        limit = time.monotonic() + GRACE_SECONDS
        while time.monotonic() < limit and os.waitpid(self.pid, os.WNOHANG)[0] == 0:
            time.sleep(0.05)
        self._signal(signal.SIGKILL)
        try:
            os.waitpid(self.pid, 0)
        except ChildProcessError:
            pass  # it has ended in time

    def _signal(self, number):
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            pass

    def artefacts(self):
        folder = os.path.join(paths.BUILD, "test", self.name.replace("/", "-"))
        return [f"what is there of it: {paths.shown(folder)}"]

    def progress(self):
        now = time.monotonic()
        if now - self.told >= PROGRESS_SECONDS:
            self.told = now
            print(f"... {self.name}: {now - self.begin:.0f} s, limit {self.limit} s", file=sys.stderr, flush=True)


def selected(options):
    def wanted(name, function, quick):
        if name in options.only:
            return True
        if options.only and not any(name.startswith(only) for only in options.only):
            return False
        if options.all:
            return True
        if options.long:
            return limits.is_long(name, function, quick)
        return not limits.is_long(name, function, quick) and (quick or not options.quick)
    return [name for name, (function, quick) in TESTS.items() if wanted(name, function, quick)]


def run_all(names, jobs):
    """Runs them in order, `jobs` at a time; returns how many came out how."""
    count = {"ok": 0, "FAIL": 0, "NOT RUN": 0}
    waiting, running = list(names), []
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                running.append(Running(waiting.pop(0)))
            time.sleep(0.02)
            for one in list(running):
                one.progress()
                result = one.poll()
                if result is None:
                    continue
                running.remove(one)
                verdict, lines = result
                count[verdict] += 1
                done = sum(count.values())
                print(f"{verdict:8}{one.name:44}{time.monotonic() - one.begin:6.1f} s  {done}/{len(names)}", flush=True)
                for line in lines:
                    print(f"        {line}", flush=True)
    finally:
        for one in running:
            one.end()
    return count


def interrupted(*_):
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--list", action="store_true", help="print the names and end")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--quick", action="store_true", help="only those that need no guest, or a short one")
    which.add_argument("--long", action="store_true", help="only the long ones")
    which.add_argument("--all", action="store_true", help="the usual and the long ones")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="a test, or a beginning of names")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="how many at a time (default: 2)")
    options = parser.parse_args()
    names = selected(options)
    if options.list:
        print("\n".join(names))
        return 0
    if not names or options.jobs < 1:
        print("no test has such a name; --list shows them", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, interrupted)
    try:
        count = run_all(names, options.jobs)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return paths.EXIT_INTERRUPTED
    skipped = f", {count['NOT RUN']} skipped" if count["NOT RUN"] else ""
    print(f"{count['ok']} passed, {count['FAIL']} failed{skipped}")
    return 1 if count["FAIL"] else 0


sys.exit(main())
