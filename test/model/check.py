#!/usr/bin/python3
"""
Checks the model of the restart protocol, restart.pml, with Spin: exhaustively, in several sizes; then once with each planted
error, which must be found and break just what it is said to break.

    test/model/check.py [--long]

One line a run; exit code 1 if anything is not as said. Files go to BUILD/test/model; of a run that ends otherwise than it should
there is a .trail, which the line printed with it replays.
"""

import argparse
import os
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
FOLDER = os.path.join(os.path.abspath(os.environ.get("DUO_BUILD") or os.path.join(ROOT, "build")), "test", "model")

# The model as it is. A run "cycles" looks for executions without end: the model has no cycle, so with no deadlock every call
# ends. The others look for broken assertions and for deadlock.
SOUND = (
    ("two clients, two faults", "", False),
    ("two clients, three faults", "-DFAULTS=3", False),
    ("two lives of unix", "-DLIVES=2", False),
    ("two requests each, two lives, three faults", "-DCLIENTS=1 -DREQUESTS=2 -DLIVES=2 -DFAULTS=3", False),
    ("no cycle", "", True),
)
LONG = (
    ("two requests each", "-DREQUESTS=2", False),
    ("two lives of unix, three faults", "-DLIVES=2 -DFAULTS=3", False),
    ("two clients, four faults", "-DFAULTS=4", False),
    ("no cycle in two lives", "-DLIVES=2", True),
)

# What an assertion's text means.
WAITS = "a call waits for ever"
TWICE = "a request is applied twice"
LOST = "an acknowledged request is not on the disk"
FOREIGN = "an answer belongs to another request"
RESUMED = "a caller is resumed twice"
MEANINGS = (
    (r"\(serial\[i\]", WAITS),
    (r">=\(\(acknowledged", LOST),
    (r"disk_applied>>\(2\*i\)\)&3\)<=1", TWICE),
    (r"disk_applied.*==1\)", LOST),
    (r"answered_id", FOREIGN),
    (r"resumed", RESUMED),
)

# The planted error, what else is needed to see it, what it breaks; what it is.
PLANTED = (
    ("NOT_WOKEN", "", WAITS, "the callers of a dead server are not woken"),
    ("NO_WATCH", "", WAITS, "a request without an answer is not noticed"),
    ("START_UNWATCHED", "", WAITS, "a new generation that hangs in its start is not noticed"),
    ("PC_NOT_CHECKED", "", RESUMED, "a caller is finished that has had its answer"),
    ("NO_IDENTITY", "", TWICE, "a repeated request is taken for a new one"),
    ("RECORD_LATE", "", TWICE, "the kept table is written after the commit"),
    ("NO_PURGE", "", LOST, "entries of a transaction that died stay, and its number is used again"),
    ("SEQUENCE_KEPT", "-DFAULTS=3", LOST, "a commit that failed has counted"),
    ("KEPT_WHEN_GIVEN_UP", "-DFAULTS=3", LOST, "entries of a commit that failed stay"),
    ("NO_GENERATION", "-DLIVES=2", LOST, "an identity does not tell the generation of its client"),
    ("NO_WAIT", "-DLIVES=2", TWICE, "a new unix does not wait for the requests of the dead one"),
    ("REPLY_OUTLIVES", "-DLIVES=2", FOREIGN, "a reply capability outlives the thread it resumes"),
    ("NO_RESET", "", LOST, "the device is not reset when block begins anew"),
    ("FLUSH_SEES_BUSY", "", LOST, "a flush does not wait for writes that have not got a place in the queue yet"),
    ("NO_FLUSH", "", LOST, "a write that was repeated after a hold is not flushed before the next one"),
    ("INTERRUPTED", "-DFAULTS=1", TWICE, "others run while the supervisor finishes the calls of the dead"),
)


class Failed(Exception):
    pass


def command(*words, folder):
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"{' '.join(words)}\n{done.stdout}{done.stderr}")
    return done.stdout


def run(name, options, cycles):
    """Returns what Spin's verifier prints for the model with these options."""
    folder = os.path.join(FOLDER, re.sub(r"\W+", "-", name))
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(HERE, "restart.pml"), encoding="utf-8") as source:
        text = source.read()
    with open(os.path.join(folder, "restart.pml"), "w", encoding="utf-8") as copy:
        copy.write(text)
    trail = os.path.join(folder, "restart.pml.trail")
    if os.path.exists(trail):
        os.remove(trail)
    command("spin", *options.split(), "-a", "restart.pml", folder=folder)
    command(os.environ.get("HOSTCC", "gcc"), "-O1", "-w", "-DNP" if cycles else "-DSAFETY", "-DMEMLIM=4000", "-o", "pan",
            "pan.c", folder=folder)
    done = subprocess.run(["./pan", "-m1000000", *(["-l"] if cycles else [])], cwd=folder, capture_output=True, text=True,
                          check=False)
    return folder, done.stdout + done.stderr


def outcome(text):
    """None: nothing is wrong; else what is."""
    errors = re.search(r"errors: (\d+)", text)
    complete = "Warning: Search not completed" not in text and "max search depth too small" not in text
    if errors and errors[1] == "0" and complete:
        return None
    for pattern, meaning in MEANINGS:
        if re.search(r"assertion violated.*" + pattern, text):
            return meaning
    return text[-500:]


def states(text):
    found = re.search(r"(\d+) states, stored", text)
    return int(found[1]) if found else 0


def check(name, options, cycles, wanted):
    begin = time.monotonic()
    folder, text = run(name.split(",")[0] if wanted else name, options, cycles)
    got = outcome(text)
    if got != wanted:
        raise Failed(f"{name}: expected {wanted or 'nothing wrong'}, got {got or 'nothing wrong'}\n"
                     f"  again: cd {folder} && spin {options} -t -p -g restart.pml")
    print(f"ok      {name}: {wanted or 'nothing wrong'}; {states(text)} states, {time.monotonic() - begin:.1f} s", flush=True)
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--long", action="store_true", help="larger sizes as well: minutes")
    options = parser.parse_args()
    failures = 0
    rows = [(name, defines, cycles, None) for name, defines, cycles in SOUND + (LONG if options.long else ())]
    rows += [(f"planted {name}, {what}", f"-D{name} {defines}".strip(), False, wanted)
             for name, defines, wanted, what in PLANTED]
    unreached = None
    for name, defines, cycles, wanted in rows:
        try:
            text = check(name, defines, cycles, wanted)
            if wanted is None and not cycles:
                # a statement that no run reaches would be one that nothing is known of
                lines = set(re.findall(r"restart\.pml:(\d+), state \d+, \"(?!-end-)", text))
                unreached = lines if unreached is None else unreached & lines
        except Failed as failure:
            failures += 1
            print(f"FAIL    {failure}", flush=True)
    if unreached:
        failures += 1
        print(f"FAIL    no run reaches these lines of restart.pml: {', '.join(sorted(unreached, key=int))}")
    print(f"{len(rows) - failures} passed, {failures} failed")
    return 1 if failures else 0


sys.exit(main())
