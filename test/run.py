#!/usr/bin/python3
"""
Runs the tests of the whole machine, two at a time.

    test/run.py [--list] [--quick] [--only NAME ...] [--jobs N]

One line a test with its time; a failure names its artefacts. The last line is `N passed, N failed`, with `, N skipped`
if something from outside (DUO_PEERS) is absent. Exit code 1 if anything failed. A part of our own build that is absent
is a failure. --only takes whole names or beginnings of names.
"""

import argparse
import os
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor, as_completed

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import test_docs  # noqa: E402,F401 (importing registers)
import test_duo  # noqa: E402,F401
import test_micro  # noqa: E402,F401
import test_mono  # noqa: E402,F401
import test_peers  # noqa: E402,F401
import test_tools  # noqa: E402,F401
from harness import TESTS, Ended, Failure, NotRun, Work, paths  # noqa: E402


def run(name):
    """Returns (name, "ok" | "FAIL" | "NOT RUN", seconds, lines that explain)."""
    begin = time.monotonic()
    work = Work(name)
    verdict, lines = "ok", []
    try:
        TESTS[name][0](work)
    except NotRun as reason:
        verdict, lines = "NOT RUN", [str(reason)]
    except (Failure, Ended, paths.Problem) as failure:
        verdict, lines = "FAIL", [str(failure)] + work.artefacts()
    except Exception:  # a mistake in the test itself must not hide the other tests
        verdict, lines = "FAIL", traceback.format_exc().splitlines() + work.artefacts()
    return name, verdict, time.monotonic() - begin, lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--list", action="store_true", help="print the names and end")
    parser.add_argument("--quick", action="store_true", help="only those that need no guest, or a short one")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="a test, or a beginning of names")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="how many at a time (default: 2)")
    options = parser.parse_args()
    names = [name for name, (_, quick) in TESTS.items() if (quick or not options.quick)
             and (not options.only or any(name.startswith(only) for only in options.only))]
    if options.list:
        print("\n".join(names))
        return 0
    if not names:
        print("no test has such a name; --list shows them", file=sys.stderr)
        return 2
    count = {"ok": 0, "FAIL": 0, "NOT RUN": 0}
    with ThreadPoolExecutor(options.jobs) as pool:
        for future in as_completed([pool.submit(run, name) for name in names]):
            name, verdict, seconds, lines = future.result()
            count[verdict] += 1
            print(f"{verdict:8}{name:44}{seconds:6.1f} s", flush=True)
            for line in lines:
                print(f"        {line}", flush=True)
    skipped = f", {count['NOT RUN']} skipped" if count["NOT RUN"] else ""
    print(f"{count['ok']} passed, {count['FAIL']} failed{skipped}")
    return 1 if count["FAIL"] else 0


sys.exit(main())
