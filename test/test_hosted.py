"""
The same programs from the same disk image on both kernels: what they print is the same, line by line, and on micro no server
dies under them that they did not ask it of.
"""

import os
import re

from harness import Outcome, paths, test
from limits import limit

from duo.guest import without_supervisor

# What is typed for a program; a program that is not named here is run without arguments.
LINES = {
    "cat": ["cat README", "cat nosuch", "echo a b | cat"],
    "echo": ["echo", "echo one  two", "echo one > f; cat f"],
    "fault": ["fault", "fault arm nosuch:nosuch", "fault arm xmap:nosuch", "fault disarm xmap:double-map"],
    "grep": ["grep Duo README", "cat README | grep ^#", "grep a nosuch"],
    "kill": ["kill", "kill 1", "kill 99"],
    "ln": ["echo two > g; ln g h; cat h; rm g; cat h", "ln nosuch k", "ln"],
    "ls": ["ls", "ls .", "ls nosuch", "ls README console"],
    "mkdir": ["mkdir d; mkdir d; echo x > d/f; ls d; cat d/f", "mkdir"],
    "rm": ["rm d", "rm d/f; rm d; ls", "rm nosuch", "rm"],
    "wc": ["wc README", "cat README | wc", "wc nosuch"],
}
# Programs with a reason for not being among them.
APART = {
    "init": "is the first process",
    "poweroff": "ends the machine",
    "sh": "is what all of this is typed at",
    "svc": "on mono it says what it cannot do there",
    "systest": "has tests of its own below",
}


def programs():
    return sorted(name[1:] for name in os.listdir(paths.built("user")) if name.startswith("_"))


@test("hosted/same-output")
def same_output(work):
    typed = [line for name in programs() if name not in APART for line in LINES.get(name, [name])]
    work.check(len(typed) > 20, f"only {typed}")
    commands = [word for line in typed + ["nosuch", "echo > README/x"] for word in ("--cmd", line)]
    done = work.duo("run", "--kernel", "mono,micro", "--diff", "-q", "--timeout", "120", *commands, timeout=300)
    work.check(done.returncode == 0, f"exit code {done.returncode}: {done.stdout[-2000:]}{done.stderr[-500:]}")


def blocked(work, kernel, *rounds, deaths=()):
    """test/programs/blocked.c: whoever waits can be killed, and goes on when there is something to go on with."""
    with work.guest(kernel, timeout=120) as guest:
        for typed in rounds:
            output = guest.command(f"blocked {typed}", 100)
            work.matches(output, r"^blocked: all gone$", f"{kernel}: {typed}")
            for each in typed.split():
                work.matches(output, rf"^blocked: {each}: gone$", f"{kernel}: {typed}")
        for server in deaths:
            work.matches(guest.output, rf"^\[sup\] {server}: (died|hangs): ", "the fault was met")
        work.equal(guest.command("echo still here"), "still here\n", "the shell afterwards")
        guest.stop()
        work.equal(guest.outcome, Outcome.CLEAN, "the end")


def register_blocked(kernel):
    @test(f"hosted/blocked-{kernel}")
    def check(work):
        """36 rounds of six waits, more than there are threads and program slots: none is lost by being killed."""
        blocked(work, kernel, *["none " * 9] * 4)


def register_blocked_death(fault):
    @test(f"hosted/blocked-{fault}")
    def check(work):
        servers = ("xmap", "fs", "block", "console")
        blocked(work, "micro", " ".join(f"{server}:{fault}" for server in servers), deaths=servers)


for each in ("mono", "micro"):
    register_blocked(each)
for each in ("crash-null", "abort-assert", "hang-loop"):
    register_blocked_death(each)


@test("hosted/difference-is-seen")
def difference(work):
    """The comparison can fail: only on micro does xmap's death leave somebody to tell of it."""
    done = work.duo("run", "--kernel", "mono,micro", "--diff", "-q", "--append", "fault=xmap:double-map", "--cmd", "xmaptest")
    work.check(done.returncode != 0, "a difference was not seen")


def suite(work, kernel, line, timeout):
    with work.guest(kernel, timeout=timeout) as guest:
        output = guest.command(line, timeout)
        work.matches(output, r"^systest: \d+ passed, 0 failed\n\Z", f"{kernel}: {line}")
        work.equal(guest.command("echo still here"), "still here\n", f"{kernel}: the shell afterwards")
        work.absent(guest.output, r"^\[sup\] .*(died|hangs)", f"{kernel}: the servers")
        guest.stop()
        work.equal(guest.outcome, Outcome.CLEAN, "the end")
    # how far a heap grew until memory was exhausted is not the same on both
    return re.sub(r"stval=0x[0-9a-f]+(?=\nok lazy-exhausted)", "stval=LIMIT", without_supervisor(output))


def same_suite(work, line, timeout):
    mono, micro = (suite(work, kernel, line, timeout).splitlines() for kernel in ("mono", "micro"))
    for theirs, ours in zip(mono, micro):
        work.equal(ours, theirs, f"{line}: a line of micro's, beside mono's")
    work.equal(len(micro), len(mono), f"{line}: lines of output")


@test("hosted/memory")
def memory(work):
    """Of 128 MiB programs get what xv6's usertests asks for: a break of 100 MiB, beside its own programs and the shell."""
    with work.guest("micro") as guest:
        guest.command("svc restart console")
        guest.command("echo")
        free = work.matches(guest.output, r"^\[sup\] console: +free frames (\d+) before, (\d+) after", "the restart")
        work.equal(free[1], free[2], "free frames before and after")
        work.check(int(free[1]) * 4096 >= 101 * 2**20, f"only {free[1]} frames are free")


@test("hosted/systest-quick")
@limit(400)
def quick(work):
    same_suite(work, "systest --quick", 180)


@test("hosted/systest-all-long")
@limit(900)
def everything(work):
    same_suite(work, "systest", 400)
