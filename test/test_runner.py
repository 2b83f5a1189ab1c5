"""
The runner itself: what it selects, and that a test which fails, breaks, hangs or leaves processes behind is told so and does
not hold up the others. It is run on a folder with tests of its own.
"""

import os
import shutil
import time

from harness import ROOT, test

TESTS = '''
import os, subprocess, time
from harness import Failure, NotRun, test
from limits import limit, long

@test("t/good", quick=True)
def good(work):
    return "looked at 3 things"

@test("t/wrong")
def wrong(work):
    raise Failure("it is wrong")

@test("t/broken")
def broken(work):
    work.no_such_thing()

@test("t/absent")
def absent(work):
    raise NotRun("nobody has it")

@test("t/hangs")
@limit(3)
def hangs(work):
    child = subprocess.Popen(["sleep", "1000"])
    with open(os.path.join(work.folder, "pid"), "w") as file:
        file.write(str(child.pid))
    time.sleep(1000)

@test("t/ends")
def ends(work):
    os._exit(0)

@test("t/slow")
@long(100)
def slow(work):
    pass

@test("t/other-long")
def other(work):
    pass

@test("t/a-name-that-is-long", quick=True)
def name(work):
    pass
'''


def run_on(work, *arguments):
    folder = work.scratch()
    os.symlink(os.path.join(ROOT, "tools"), os.path.join(folder, "tools"))
    os.mkdir(os.path.join(folder, "test"))
    for name in ("run.py", "harness.py", "limits.py"):
        shutil.copy(os.path.join(ROOT, "test", name), os.path.join(folder, "test"))
    with open(os.path.join(folder, "test", "test_t.py"), "w", encoding="ascii") as file:
        file.write(TESTS)
    done = work.run("env", "DUO_BUILD=" + os.path.join(folder, "build"), os.path.join(folder, "test", "run.py"), *arguments)
    return done, os.path.join(folder, "build", "test")


@test("runner/what-it-selects", quick=True)
def selects(work):
    usual = ["good", "wrong", "broken", "absent", "hangs", "ends", "a-name-that-is-long"]
    for arguments, wanted in (([], usual), (["--quick"], ["good", "a-name-that-is-long"]), (["--long"], ["slow", "other-long"]),
                              (["--all"], usual[:-1] + ["slow", "other-long"] + usual[-1:]), (["--only", "t/s"], []),
                              (["--only", "t/slow"], ["slow"]), (["--long", "--only", "t/s"], ["slow"]),
                              (["--only", "t/a"], ["absent", "a-name-that-is-long"])):
        done, _ = run_on(work, "--list", *arguments)
        work.equal(done.stdout.split(), ["t/" + name for name in wanted], f"run.py {' '.join(arguments)}")
    work.equal(run_on(work, "--only", "t/no-such-test")[0].returncode, 2, "exit code without a test")


@test("runner/what-it-says", quick=True)
def says(work):
    begin = time.monotonic()
    done, folder = run_on(work)
    work.check(time.monotonic() - begin < 30, "the limit of three seconds is not kept")
    work.equal(done.returncode, 1, "exit code")
    for pattern in (r"^ok +t/good .*\n +looked at 3 things$", r"^FAIL +t/wrong .*\n +it is wrong$", r"^FAIL +t/broken ",
                    r"AttributeError", r"^NOT RUN +t/absent .*\n +nobody has it$", r"^FAIL +t/ends ",
                    r"^FAIL +t/hangs .*\n +not done after its limit of 3 s", r"^2 passed, 4 failed, 1 skipped$"):
        work.matches(done.stdout, pattern, "what it says")
    with open(os.path.join(folder, "t-hangs", "pid"), encoding="ascii") as file:
        pid = int(file.read())
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            state = file.read().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        state = "gone"
    work.check(state in ("gone", "Z"), f"a process of the test that hung is still there, state {state}")
