"""mono at its serial line: the shell's commands, files over a reboot, the essay's bug inside the kernel."""

import re
import shutil

from harness import Outcome, test
from limits import long

# name, then (command line, regular expression its whole output must match)
SHELL = [
    ("echo", [("echo hello  world", r"hello world\n")]),
    ("ls", [("ls", r"(?s)(?=.*^cat +2 \d+ \d+$)(?=.*^console +3 \d+ 0$)(?=.*^xmaptest +2 )\. +1 1 \d+\n.*")]),
    ("pipe", [("echo a b | cat", r"a b\n"), ("echo one two three | wc", r"1 3 14 *\n"),
              ("echo x | cat | cat | cat | wc", r"1 1 2 *\n")]),
    ("redirection", [("echo first > f", r""), ("cat f", r"first\n"), ("echo second >> f", r""),
                     ("cat < f", r"first\nsecond\n"), ("cat < f > g", r""), ("cat g", r"first\nsecond\n")]),
    ("pipe-and-file", [("ls | grep x > f; cat f", r"(?s)(?=.*^xmaptest)(?!.*^cat ).*")]),
    ("list-and-group", [("echo a; echo b", r"a\nb\n"), ("(echo a; echo b) | wc", r"2 2 4 *\n")]),
    ("unknown-command", [("nosuch", r"exec nosuch failed\n"), ("echo still here", r"still here\n")]),
    ("directories", [("mkdir d", r""), ("echo x > d/f", r""), ("cd d", r""), ("cat f", r"x\n"), ("cat ../d/f", r"x\n"),
                     ("cd ..", r""), ("rm d", r".*d failed to delete\n"), ("rm d/f", r""), ("rm d", r""),
                     ("cat d/f", r"cat: cannot open d/f\n")]),
    ("links", [("echo x > a", r""), ("ln a b", r""), ("rm a", r""), ("cat b", r"x\n")]),
    ("background", [("echo x > f &", r""), ("echo y", r"(?s).*y\n")]),
    ("blank-line", [("", r""), ("echo x", r"x\n")]),
    ("killed", [("crash", r"(?s)(?=.*usertrap\(\): unexpected scause 0xf pid=\d+\n +sepc=0x[0-9a-f]+ stval=0x0\n).*"
                          r"(crash [\w-]+: status -1\n.*){7}"), ("echo still here", r"still here\n")]),
    ("xmap", [("xmaptest", r"(?s)=== xmap allocator demo ===\n\nAllocator initialized: 64 pages available\nAllocated: .*"
                           r"First map OK\nSecond map refused: the region is mapped already\n.*"
                           r"xmaptest: the service is correct\n"), ("echo still here", r"still here\n")]),
    ("xmap-calls", [("xmapcalls", r"(?s).*^xmapcalls: all passed\n")]),
]


def register(name, lines):
    @test(f"mono/shell-{name}")
    def check(work):
        with work.guest("mono") as guest:
            for line, wanted in lines:
                got = guest.command(line, 20)
                work.check(re.fullmatch(wanted, got, re.M), f"$ {line}: expected {wanted!r}, got {got!r}")
            guest.stop()
            work.equal(guest.outcome, Outcome.CLEAN, "the end")


for row in SHELL:
    register(*row)


@test("mono/boot", quick=True)
def boot(work):
    with work.guest("mono") as guest:
        guest.expect(r"^init: starting sh$")
        guest.prompt()


@test("mono/three-harts")
def three_harts(work):
    with work.guest("mono", harts=3) as guest:
        work.matches(guest.command("echo x | cat | cat"), r"^x$", "a pipe")
        work.matches(guest.command("xmapcalls"), r"^xmapcalls: all passed$", "xmapcalls")


@test("mono/100-boots-on-four-harts")
@long(900)
def boots(work):
    """Each boot comes to its prompt, runs processes side by side, and ends."""
    for number in range(100):
        with work.guest("mono", harts=4, timeout=30) as guest:
            work.matches(guest.command("echo x | cat | cat | wc", 20), r"^1 1 2 *$", f"boot {number}")
            guest.send("poweroff")
            work.equal(guest.wait_exit(10), Outcome.CLEAN, f"boot {number}: the end")
        shutil.rmtree(guest.folder)


@test("mono/power-off", quick=True)
def power_off(work):
    with work.guest("mono") as guest:
        guest.prompt()
        guest.send("poweroff")
        work.equal(guest.wait_exit(10), Outcome.CLEAN, "the end")


@test("mono/run-argument")
def run_argument(work):
    """run=PROGRAM instead of init: its exit status is the machine's."""
    with work.guest("mono", "run=xmaptest") as guest:
        work.equal(guest.wait_exit(20), Outcome.CLEAN, "the end")
        work.matches(guest.output, r"^xmaptest: the service is correct$", "output")


@test("mono/files-survive-a-reboot")
def reboot(work):
    disk = work.disk()
    with work.guest("mono", disk=disk) as guest:
        guest.command("mkdir d")
        guest.command("echo kept > d/f")
    with work.guest("mono", disk=disk) as guest:
        work.equal(guest.command("cat d/f"), "kept\n", "after the reboot")
        guest.command("rm d/f")
    with work.guest("mono", disk=disk) as guest:
        work.equal(guest.command("cat d/f"), "cat: cannot open d/f\n", "after its removal")


def essay_panic(work, guest):
    """The rest of the essay's story: the panic, its backtrace, its exit code."""
    guest.prompt()
    guest.send("xmaptest")
    work.equal(guest.wait_exit(20), Outcome.PANIC, "the end")
    work.check(not guest.error, guest.error)
    work.matches(guest.output, r"^First map OK\n\n?panic: mappages: remap$", "the essay's last two lines")
    work.matches(guest.output, r"^  in \w+\+0x[0-9a-f]+, [^,]*xmaptest, hart 0$", "the place")
    work.matches(guest.output, r"^  called by .*\bxmap_map\+0x[0-9a-f]+", "the backtrace goes through xmap")


@test("mono/double-map-by-boot-argument", quick=True)
def double_map(work):
    with work.guest("mono", "fault=xmap:double-map") as guest:
        essay_panic(work, guest)


@test("mono/double-map-by-program")
def double_map_armed(work):
    with work.guest("mono") as guest:
        guest.command("fault arm xmap:double-map")
        essay_panic(work, guest)


# The faults every service has: each is the end of the machine here.
@test("mono/crash-of-a-service")
def crash(work):
    for name, panic in (("crash-null", r"^panic: .*store"), ("abort-assert", r"^panic: injected: abort-assert$")):
        with work.guest("mono") as guest:
            guest.prompt()
            guest.send(f"fault arm fs:{name}")
            guest.send("ls")
            work.equal(guest.wait_exit(20), Outcome.PANIC, f"fs:{name}")
            work.matches(guest.output, panic, f"fs:{name}")
