"""user/systest, our own suite of what the system promises to programs, at mono's serial line."""

import re

from harness import Outcome, test
from limits import long

# Each needs a disk of its own kind, more than one hart, or more memory than the quick list is run with.
LARGE = "systest sbrk-too-much sbrk-in-steps sbrk-all memory-for-some"


def verdict(work, output, what):
    """The last line says that nothing failed and that something was tested, and every line agrees."""
    last = work.matches(output, r"^systest: (\d+) passed, 0 failed\n\Z", what)
    work.absent(output, r"^FAILED .*", what)
    work.equal(len(re.findall(r"^ok ", output, re.M)), int(last.group(1)), f"{what}: lines that begin with ok")
    return int(last.group(1))


def run(work, line, harts=1, memory="128M", timeout=120, at_least=1, build=None):
    with work.guest("mono", build=build, harts=harts, memory=memory, timeout=timeout) as guest:
        output = guest.command(line, timeout)
        work.check(verdict(work, output, line) >= at_least, f"{line}: too few tests: {output[-200:]!r}")
        work.equal(guest.command("echo still here"), "still here\n", "the shell afterwards")
        guest.stop()
        work.equal(guest.outcome, Outcome.CLEAN, "the end")


@test("systest/quick", quick=True)
def quick(work):
    run(work, "systest --quick", at_least=150)


@test("systest/all")
def everything(work):
    run(work, "systest", timeout=300, at_least=165)


@test("systest/all-on-4-harts")
def on_harts(work):
    run(work, "systest", harts=4, timeout=300, at_least=165)


@test("systest/order-of-locks-on-4-harts")
def debug_build(work):
    """The debug build ends at the first lock taken against the order, whether anybody waits for it or not."""
    run(work, "systest --quick", harts=4, timeout=200, at_least=150, build="debug")


@test("systest/small-memory")
def small(work):
    run(work, "systest --quick", memory="16M", at_least=150)


@test("systest/large-memory")
def large(work):
    """However large the machine, a heap grows to less than 1000 MiB; the rest is for xmap."""
    run(work, LARGE, memory="8G", at_least=4)


@test("systest/more-than-a-heap")
def more_than_heap(work):
    """What a heap may not have, xmap gives."""
    run(work, "systest xmap-all-memory", memory="2500M")


@test("systest/all-of-8-gibibytes")
@long(600)
def all_of_it(work):
    """Every page is used once, so the computer needs as much memory for a moment."""
    run(work, "systest xmap-all-memory", memory="8G", timeout=500)


@test("systest/list-and-names")
def names(work):
    """--list is what is run; a name that is none is said, and nothing is run."""
    with work.guest("mono") as guest:
        listed = guest.command("systest --list").split()
        work.check(len(listed) >= 165 and len(set(listed)) == len(listed), f"--list: {len(listed)} names")
        output = guest.command("systest exit-status offsets")
        work.equal(output, "ok exit-status\nok offsets\nsystest: 2 passed, 0 failed\n", "two names")
        work.equal(guest.command("systest offsets nosuch"), "systest: there is no test nosuch\n", "a name that is none")


@test("systest/can-fail")
def can_fail(work):
    """A system with the essay's error does not pass."""
    with work.guest("mono", "fault=xmap:double-map") as guest:
        guest.prompt()
        guest.send("systest xmap-map-twice")
        work.equal(guest.wait_exit(30), Outcome.PANIC, "the end")


@test("systest/run-argument")
def run_argument(work):
    """As process 1 and without a shell."""
    with work.guest("mono", "run=xmapcalls") as guest:
        work.equal(guest.wait_exit(30), Outcome.CLEAN, "the end of a program that passes")
    with work.guest("mono", "run=nosuch") as guest:
        work.equal(guest.wait_exit(30), Outcome.TEST_FAILED, "the end of a program that is not there")
        work.matches(guest.output, r"^unix: cannot run nosuch: ", "the message")
