"""
The same programs from the same disk image on both kernels: what they print is the same, line by line, and on micro no server
dies under them that they did not ask it of.
"""

import glob
import os
import re
import sys

from harness import ROOT, Outcome, paths, test
from limits import limit

from duo.guest import without_supervisor

sys.path.append(os.path.join(ROOT, "tools", "checks"))
import objects  # noqa: E402

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
    "ps": "may run before the shell has come to wait for it, or after; of its table test_control.py asks",
    "sh": "is what all of this is typed at",
    "svc": "on mono it says what it cannot do there",
    "systest": "has tests of its own below",
}


def programs():
    return sorted(name[1:] for name in os.listdir(paths.built("user")) if name.startswith("_"))


def typed_lines():
    typed = [line for name in programs() if name not in APART for line in LINES.get(name, [name])]
    return typed + ["nosuch", "echo > README/x"]


@test("hosted/same-output")
def same_output(work):
    typed = typed_lines()
    work.check(len(typed) > 22, f"only {typed}")
    commands = [word for line in typed for word in ("--cmd", line)]
    done = work.duo("run", "--kernel", "mono,micro", "--diff", "-q", "--timeout", "120", *commands, timeout=300)
    work.check(done.returncode == 0, f"exit code {done.returncode}: {done.stdout[-2000:]}{done.stderr[-500:]}")


def read(*parts):
    with open(os.path.join(ROOT, *parts), encoding="utf-8") as file:
        return file.read()


# ---- The same functions of the services, executed on both. ----


def service_functions():
    """[(key, function)] of all service objects; key: (source if it is local, name)."""
    found = []
    for path in sorted(glob.glob(os.path.join(paths.BUILD, "service", "*", "*.o"))):
        if not os.path.basename(path).startswith("test_"):
            found += objects.functions_of_object(path)[0]
    return [((source, function.name), function) for source, function in found]


# Functions that only one of them executes, and why.
ON_ONE_ONLY = {
    "fs_log_has_changed": "asked of requests that may be repeated after a death: they have identities on micro only",
}
EXECUTED = 250  # functions, at least, of about 300


def executed(work, kernel, image, functions, typed):
    """
    Two sets of keys: the functions that the image has, and those of them whose code has been executed when all that is typed is
    done. QEMU lists what it translates, and translates what it is about to execute.
    """
    places = {address: (key, function.size) for key, function in functions
              for _, code, address in image.copies(key) if function.is_copy(code)}
    log = os.path.join(work.folder, f"{kernel}.in_asm")
    low, high = min(places), max(address + size for address, (_, size) in places.items())
    listing = ("-d", "in_asm,nochain", "-D", log, "-dfilter", f"{low:#x}+{high - low:#x}")
    with work.guest(kernel, timeout=200, icount=0, extra=listing) as guest:
        for line in typed:
            guest.command(line, 100)
    with open(log, encoding="latin-1") as file:
        listed = {int(address, 16) for address in re.findall(r"^(0x[0-9a-f]+):", file.read(), re.M)}
    return ({key for key, _ in places.values()},
            {key for address, (key, size) in places.items() if any(at in listed for at in range(address, address + size, 2))})


@test("hosted/same-functions")
def same_functions(work):
    """What the services do for the same commands is done by the same code, to the byte (check-objects), on both kernels."""
    functions, typed = service_functions(), typed_lines()
    servers = glob.glob(os.path.join(paths.BUILD, "servers", "*.elf"))
    (on_mono, mono), (on_micro, micro) = (
        executed(work, name, objects.Image(name, files), functions, typed)
        for name, files in (("mono", [paths.built("mono.elf")]), ("micro", servers)))
    for here, what in ((mono - micro, "on mono only"), (micro - mono, "on micro only")):
        apart = sorted(name for _, name in here if name not in ON_ONE_ONLY)
        work.equal(apart, [], f"executed {what}")
    work.check(len(mono & micro) >= EXECUTED, f"only {len(mono & micro)} functions were executed on both")
    return f"{len(mono & micro)} functions executed on both, of {len(on_mono & on_micro)} that both have"


def blocked(work, kernel, *rounds, deaths=()):
    """
    test/programs/blocked.c: whoever waits can be killed, and goes on when there is something to go on with. How soon, is counted
    in instructions: a host that is busy has no say.
    """
    with work.guest(kernel, timeout=120, icount=0) as guest:
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
        """40 rounds, each with two readers of the console: together more than it has threads for readers, and of all waits there
        are more than slots for programs. None is lost by being killed."""
        rounds, readers = 40, 2
        loops = int(re.search(r'^SERVER\(CONSOLE, "console", \d+, \d+, (\d+),', read("system", "micro.def"), re.M)[1])
        work.check(rounds * readers > loops, f"the console has {loops} threads for its callers")
        blocked(work, kernel, *["none " * 10] * (rounds // 10))


def register_blocked_death(fault):
    @test(f"hosted/blocked-{fault}")
    def check(work):
        servers = ("xmap", "fs", "block", "console")
        blocked(work, "micro", " ".join(f"{server}:{fault}" for server in servers), deaths=servers)


for each in ("mono", "micro"):
    register_blocked(each)
for each in ("crash-null", "abort-assert", "hang-loop", "no-reply"):
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
