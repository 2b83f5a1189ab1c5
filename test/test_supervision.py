"""
The four faults that every service has, on both kernels: on micro the server dies or hangs, comes back, and the commands that
were under way end as if nothing had been; on mono the machine is down. unix's death is its programs' as well.
"""

import re

from harness import Ended, Failure, Outcome, test
from duo.gdbstub import PC
from trials import trial
from trials.places import symbol
from trials.session import NOWHERE

SERVICES = ("xmap", "fs", "block", "console")

# fault, what the supervisor says of it
FAULTS = (
    ("crash-null", r"died: page fault at 0x0"),
    ("abort-assert", r"died: injected: abort-assert"),
    ("hang-loop", r"hangs: a request runs without end"),
    ("no-reply", r"hangs: a request gets no answer"),
)

# Which arrival at the service fires: one in the middle of what is typed next. The console's first is the answer to
# `fault` itself; its later ones may be reads, and a read that gets no answer cannot be told from a person who does not type.
ARRIVAL = {"xmap": 3, "fs": 3, "block": 3, "console": 1}


def register_micro(service, fault, says):
    @test(f"micro/{fault}-{service}", quick=fault == "crash-null")
    def check(work):
        with work.guest("micro") as guest:
            guest.prompt()
            guest.command("echo before > old")
            guest.command(f"fault arm {service}:{fault} @{ARRIVAL[service]}")
            written = guest.command("echo one two > new; cat new old | wc")
            listed = guest.command("ls | grep new")
            text = guest.output
            work.matches(text, rf"^\[sup\] {service}: {says}$", "what happened to it")
            work.matches(text, rf"^\[sup\] {service}: +reclaimed \d+ frames and \d+ slots, leaked 0$", "what is reclaimed")
            free = work.matches(text, rf"^\[sup\] {service}: +free frames (\d+) before, (\d+) after; "
                                      r"free slots (\d+) before, (\d+) after$", "what is free")
            work.equal(free[3], free[4], "free slots before and after")
            work.matches(text, rf"^\[sup\] {service}: restarted, generation 2\b", "the restart")
            work.absent(text, r"\[sup\] (?!%s)\w+: (died|hangs)" % service, "somebody else's death")
            work.matches(written, r"^2 3 15 ?$", "what was under way")
            work.matches(listed, r"^new +2 ", "the file")
            work.matches(guest.command("cat new old"), r"^one two\nbefore$", "the files' bytes")


def register_mono(service, fault, says):
    @test(f"mono/{fault}-{service}")
    def check(work):
        with work.guest("mono") as guest:
            guest.prompt()
            try:
                guest.command(f"fault arm {service}:{fault} @{ARRIVAL[service]}")
                guest.command("echo one two > new; cat new | wc", timeout=20)
            except Ended:
                pass
            work.equal(guest.outcome, Outcome.PANIC, "the end")
            work.matches(guest.output, says, "the panic")


def register_unix(fault, says):
    """The end of unix is the end of its programs, and of nothing else: a new session finds the disk as it was."""
    @test(f"micro/{fault}-unix", quick=fault == "crash-null")
    def check(work):
        with work.guest("micro") as guest:
            guest.prompt()
            guest.command("echo kept > f; ls | wc")
            begin = len(guest.output)
            guest.send(f"fault arm unix:{fault}")  # the very next call of any program meets it
            guest.expect(r"^\[sup\] unix: restarted, generation 2, after (\d+) us", since=begin)
            guest.expect(r"^init: starting sh$", since=begin)
            guest.prompt()
            work.matches(guest.output, rf"^\[sup\] unix: {says}$", "what happened to it")
            work.matches(guest.output, r"^\[sup\] unix: +reclaimed \d+ frames and \d+ slots, leaked 0$", "what is reclaimed")
            work.matches(guest.output, r"^\[sup\] console: begins anew with unix, generation 2$", "its server")
            work.equal(guest.command("cat f"), "kept\n", "the file")
            work.matches(guest.command("xmaptest"), r"^xmaptest: the service is correct$", "memory")


for fault_, says_ in FAULTS[:3]:
    register_unix(fault_, says_)
for service_ in SERVICES:
    for fault_, says_ in FAULTS:
        register_micro(service_, fault_, says_)
    register_mono(service_, "crash-null", r"panic: store page fault in the kernel\n  in inject_point\+")
    register_mono(service_, "abort-assert", r"panic: injected: abort-assert\n  in inject_point\+")


# ---- Deaths at chosen places: the debugger stops the guest there and lets the server die; the trials' oracle judges. ----

LOOP = bytes.fromhex("01a0")  # c.j to itself


def dies_at(places):
    """`places`: [(server, function)], each come to in its turn while the workload runs; there the server dies."""
    def arm(session, result):
        session.begin()
        while session.printed() < 12:
            session.step(0.005)
        session.stop_guest()
        for server, function in places:
            if not trial.stop_at(session, symbol(server, function), lambda hits: True, session.printed() + 100):
                raise Failure(f"{function} of {server} is not come to")
            session.gdb.set_register(PC, NOWHERE)
        result.place = " ".join(function for _, function in places)
        session.gdb.go()
        return [(server, trial.KILLED) for server, _ in places]
    return arm


def register_deaths(name, what, *places, quick=False):
    @test(f"micro/dies-{name}", quick=quick)
    def check(work):
        result = trial.run(name, 7, dies_at(places), keep=work.folder, debugger=True, must_die=True, judge_waits=len(places) == 1)
        if not result.kept:
            raise Failure("\n".join([what, *result.violations]))
        return f"longest wait {result.longest[0]} us, calls that failed: {result.errors}"


# fs takes its answer, ERR_PEER_RESTARTED, with block not yet back; and dies of it.
register_deaths("two-at-once", "block, and fs that waited for it", ("block", "blk_write_many"), ("fs", "fs_disk_flush"), quick=True)
register_deaths("both-of-xmap-and-fs", "two that know nothing of each other", ("xmap", "xmap_pin"), ("fs", "fs_lookup"))
register_deaths("three-in-a-row", "each while another recovers", ("fs", "fs_write"), ("block", "blk_flush"), ("xmap", "xmap_pin"))
# What is given back has no caller to tell: it is repeated until it is answered.
register_deaths("in-a-release", "twice in the same fs_put, it may be", ("fs", "fs_put"), ("fs", "fs_put"), ("fs", "fs_put"))
# While it serves another server: fs waits for this write.
register_deaths("serving-another", "block under fs", ("block", "blk_write_many"))
# Within its own recovery, early and late.
for server_, operation_, steps_ in (("fs", "fs_create", ("fs_restart", "fs_log_start", "fs_inode_start")),
                                    ("block", "blk_write_many", ("blk_restart", "device_init")),
                                    ("console", "cons_write", ("cons_restart", "cons_line_init")),
                                    ("xmap", "xmap_pin", ("xmap_restart", "xmap_check_pages"))):
    for step_ in steps_:
        register_deaths(f"in-its-recovery-{server_}-{step_}", "a death in the recovery", (server_, operation_), (server_, step_))


@test("micro/crash-loop", quick=True)
def crash_loop(work):
    """A server that dies at each request is begun again later each time, and then given up, aloud; the exit code says so."""
    with work.guest("micro") as guest:
        guest.prompt()
        guest.command("fault arm fs:crash-null @20+")
        try:
            for _ in range(20):
                guest.command("ls > f; cat f")
        except Ended:
            pass
        text = guest.output
        waits = [int(ms) for ms in re.findall(r"^\[sup\] fs: backs off: death \d in a row, begins again in (\d+) ms$", text, re.M)]
        work.equal(waits[-3:], [10, 20, 40], "how long it waited")
        work.matches(text, r"^\[sup\] fs: gave up: it dies again and again$", "the end")
        work.equal(guest.outcome, Outcome.GAVE_UP, "the outcome")


def register_restarts(service, count, quick):
    @test(f"micro/restarts-{service}" + ("" if quick else "-long"))
    def check(work):
        with work.guest("micro", timeout=3000 if not quick else 60) as guest:
            guest.prompt()
            begin = len(guest.output)
            if service == "unix":
                for _ in range(count):
                    at = len(guest.output)
                    guest.send("svc restart unix")
                    guest.expect(r"^init: starting sh$", since=at)
                    guest.prompt()
            else:
                work.equal(guest.command(f"restarts {service} {count}", timeout=2500).splitlines()[-1], f"restarts: {count} done",
                           "the program")
            text = guest.output[begin:]
            reclaimed = re.findall(rf"^\[sup\] {service}: +reclaimed (.*)$", text, re.M)
            work.equal(len(reclaimed), count, "deaths")
            work.equal(set(reclaimed), {reclaimed[0]}, "what each generation takes and gives back")
            work.matches(reclaimed[0], r"leaked 0$", "what is lost")
            free = re.findall(rf"^.*\[sup\] {service}: +free frames (\d+) before, (\d+) after; free slots (\d+) before, (\d+) after$",
                              text, re.M)
            work.equal(len(free), count, "restarts")
            work.equal({(before, after) for _, _, before, after in free}, {(free[0][2], free[0][2])}, "free slots")
            work.equal({after for _, after, _, _ in free[1:]}, {free[-1][1]}, "free frames of programs")
            work.matches(guest.command("xmaptest"), r"^xmaptest: the service is correct$", "memory")
            work.equal(guest.command("echo still > there; cat there"), "still\n", "files")


for service_ in (*SERVICES, "unix", "timer"):
    register_restarts(service_, 20, True)
    register_restarts(service_, 1000, False)


@test("micro/programs-killed-in-calls")
def programs_killed_in_calls(work):
    """What the services lend to a program that is killed inside a call comes back: buffers of fs, references, memory."""
    disk = work.disk()
    with work.guest("micro", disk=disk, timeout=120) as guest:
        guest.prompt()
        work.equal(guest.command("killed 700", timeout=100), "killed: 700\n", "the program")
        work.absent(guest.output, r"\[sup\] \w+: (died|hangs)", "a death")
    work.equal(work.duo("fsck", disk).returncode, 0, "the disk")


@test("micro/timer-dies", quick=True)
def timer_dies(work):
    """The timer is a server as others are: who slept with it is woken by its next generation."""
    trial_result = trial.run("timer", 5, dies_at([("timer", "expire")]), keep=work.folder, debugger=True, must_die=True,
                             judge_waits=False)
    work.equal(trial_result.violations, [], "the promises")


@test("micro/timer-hangs", quick=True)
def timer_hangs(work):
    """A timer in a loop would be the end of time: the alarm goes past it, to the supervisor."""
    def arm(session, result):
        session.begin()
        while session.printed() < 12:
            session.step(0.005)
        session.stop_guest()
        place = symbol("timer", "expire")
        trial.stop_at(session, place, lambda hits: True, 1000)
        session.gdb.write(place, LOOP)
        result.place = "expire"
        session.gdb.go()
        return [("timer", r"hangs: it does not mind its alarm$")]

    result = trial.run("timer", 6, arm, keep=work.folder, debugger=True, must_die=True, judge_waits=False)
    work.equal(result.violations, [], "the promises")


@test("micro/no-reply-console-reads")
def console_reads(work):
    """The console's arrivals after the shell's prompt are reads, or the wait for ^P: one that is lost is noticed all the same."""
    for arrival in (1, 2, 3, 4):
        with work.guest("micro") as guest:
            guest.prompt()
            begin = len(guest.output)
            guest.send(f"fault arm console:no-reply @{arrival}")
            guest.send("echo typed")
            guest.expect(r"^\[sup\] console: hangs: a request gets no answer$", since=begin)
            guest.expect(r"^\[sup\] console: restarted, generation 2", since=begin)
            guest.send("")
            work.equal(guest.command("echo alive"), "alive\n", f"after arrival {arrival}")


@test("micro/hangs-in-its-recovery")
def hangs_in_its_recovery(work):
    """A recovery that does not end keeps everybody waiting, though no request is seen to run."""
    def arm(session, result):
        session.begin()
        while session.printed() < 12:
            session.step(0.005)
        session.stop_guest()
        trial.stop_at(session, symbol("fs", "fs_create"), lambda hits: True, 1000)
        session.gdb.set_register(PC, NOWHERE)
        trial.stop_at(session, symbol("fs", "fs_restart"), lambda hits: True, 1000)
        session.gdb.write(symbol("fs", "fs_inode_start"), LOOP)
        result.place = "fs_inode_start"
        session.gdb.go()
        return [("fs", trial.KILLED), ("fs", r"hangs: its start does not end$")]

    result = trial.run("recovery", 8, arm, keep=work.folder, debugger=True, must_die=True, judge_waits=False)
    work.equal(result.violations, [], "the promises")
