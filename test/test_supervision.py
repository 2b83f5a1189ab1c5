"""
The four faults that every service has, on both kernels: on micro the server dies or hangs, comes back, and the commands that
were under way end as if nothing had been; on mono the machine is down after the first two, and test_catalogue.py says what the
others cost. unix's death is its programs' as well.
"""

import os
import random
import re
import signal
import threading
import time

from harness import Ended, Failure, Outcome, test
from limits import limit

from duo.gdbstub import PC
from trials import oracle, trial
from trials.places import name_of, symbol
from trials.session import NOWHERE, Session

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

# How the names of its operations begin.
PREFIX = {"xmap": "xmap", "fs": "fs", "block": "blk", "console": "cons"}


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
            work.matches(text, rf"^\[sup\] {service}: +called by .*\b{PREFIX[service]}_\w+\+0x[0-9a-f]+ server_serve", "the operation")
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


def dies_at(places, sessions=None):
    """`places`: [(server, function)], each come to in its turn while the workload runs; there the server dies. Its fault is
    taken before anything else can happen, so the supervisor hears of the deaths in this order."""
    def arm(session, result):
        session.begin()
        while session.printed() < 12:
            session.step(0.005)
        session.stop_guest()
        for server, function in places:
            if not trial.stop_at(session, symbol(server, function), lambda hits: True, session.printed() + 100):
                raise Failure(f"{function} of {server} is not come to")
            session.gdb.set_register(PC, NOWHERE)
            session.gdb.step()
        result.place = " ".join(function for _, function in places)
        session.gdb.go()
        if sessions is not None:
            sessions.append(session)
        return [(server, trial.KILLED) for server, _ in places]
    return arm


def told_of(text, *what):
    """[(server, what)] in the order in which the supervisor has told it."""
    return re.findall(rf"\[sup\] (\w+): ({'|'.join(what)})\b", text)


def register_deaths(name, what, *places, quick=False, order=None):
    """`order`: deaths and restarts as the supervisor must have told them, `SERVER died` and `SERVER restarted`."""
    @test(f"micro/dies-{name}", quick=quick)
    def check(work):
        sessions = []
        result = trial.run(name, 7, dies_at(places, sessions), keep=work.folder, debugger=True, must_die=True,
                           judge_waits=len(places) == 1)
        if not result.kept:
            raise Failure("\n".join([what, *result.violations]))
        if order:
            work.equal([" ".join(each) for each in told_of(sessions[-1].text, "died", "restarted")], order, "what came when")
        return f"longest wait {result.longest[0]} us, calls that failed: {result.errors}"


# Two are dead at the same time: fs needs block to come back, and block dies when it is asked. All others need no disk to come back;
# nobody else runs until they are there, and a second death is after the first one's restart.
register_deaths("two-at-once", "block, while fs is dead and needs it", ("fs", "fs_create"), ("block", "blk_read_many"), quick=True,
                order=["fs died", "block died", "block restarted", "fs restarted"])
register_deaths("two-at-once-and-again", "both, in their recoveries as well", ("fs", "fs_create"), ("fs", "fs_log_start"),
                ("block", "blk_read_many"), ("block", "device_init"),
                order=["fs died", "fs died", "block died", "block died", "block restarted", "fs restarted"])
register_deaths("three-in-a-row", "block, while fs recovers, and xmap", ("fs", "fs_write"), ("block", "blk_flush"), ("xmap", "xmap_pin"))
# One after the other. fs takes its answer, ERR_PEER_RESTARTED, from a block that is back; and dies of it.
register_deaths("of-a-death", "block, and fs that waited for it", ("block", "blk_write_many"), ("fs", "fs_disk_flush"),
                order=["block died", "block restarted", "fs died", "fs restarted"])
register_deaths("both-of-xmap-and-fs", "two that know nothing of each other", ("xmap", "xmap_pin"), ("fs", "fs_lookup"))
# What is given back has no caller to tell: it is repeated until it is answered.
register_deaths("in-a-release", "twice in the same fs_put, it may be", ("fs", "fs_put"), ("fs", "fs_put"), ("fs", "fs_put"))
# While it serves another server: fs waits for this write.
register_deaths("serving-another", "block under fs", ("block", "blk_write_many"))
# Within its own recovery, early and late.
for server_, operation_, steps_ in (("fs", "fs_create", ("fs_restart", "fs_log_start", "fs_inode_start")),
                                    ("block", "blk_write_many", ("blk_restart", "device_init")),
                                    ("console", "cons_write", ("cons_restart", "cons_kept_start")),
                                    ("xmap", "xmap_pin", ("xmap_restart", "xmap_check_pages"))):
    for step_ in steps_:
        register_deaths(f"in-its-recovery-{server_}-{step_}", "a death in the recovery", (server_, operation_), (server_, step_))


def register_session(name, what, *then):
    @test(f"micro/session-{name}")
    def check(work):
        result = trial.end_session(11, keep=work.folder, then=then)
        if not result.kept:
            raise Failure("\n".join([what, *result.violations]))
        return f"a new session after {result.longest[0]} us"


# unix takes all programs with it, whoever else dies.
register_session("dies-early", "in the new unix's first steps", ("unix", "unix_process_init"))
register_session("dies-late", "while it starts the first program", ("unix", "unix_exec"))
register_session("and-fs", "fs, when the new unix looks for the first program", ("fs", "fs_lookup"))
register_session("and-xmap", "xmap, when the new unix asks it for a space", ("xmap", "xmap_space_create"))
register_session("and-fs-and-itself", "all three", ("fs", "fs_lookup"), ("unix", "unix_exec"))


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


@test("micro/asked-is-no-loop", quick=True)
def asked_is_no_loop(work):
    """
    fs may die five times in a row. A restart that somebody asks for is the end of the row: after four deaths and that, two more are
    the first two of another. Each command meets the death that the one before it has armed.
    """
    with work.guest("micro", icount=0) as guest:
        guest.prompt()
        guest.send("spin &")  # so that time is instructions: that of an idle guest goes on while its host is away, and ends the row
        guest.expect(r"^(\$ )?spins$")
        guest.send("")
        guest.prompt()
        armed = "fault arm fs:crash-null;"
        guest.command(armed * 4 + "ls")  # in one line, of less than 100 characters: nobody types while the row is made
        work.matches(guest.output, r"^\[sup\] fs: backs off: death 4 in a row, ", "how many deaths there were: else this says nothing")
        at = len(guest.output)
        guest.command("svc restart fs;" + armed * 2 + "echo well > f;cat f")
        work.equal(len(re.findall(r"^\[sup\] fs: died", guest.output[at:], re.M)), 2, "deaths after it")
        work.matches(guest.output, r"^well$", "the file")
        work.matches(guest.output, r"^\[sup\] fs: restarted, generation 8\b", "the last restart")
        work.absent(guest.output, r"\[sup\] \w+: gave up", "the end")


@test("micro/gives-up-visibly")
def gives_up(work):
    """
    Backing off and giving up are states that programs see, and where each death was is told, to the line. Without block the
    system lives: what is cached can be read, the rest fails; and a restart that is asked for brings all of it back.
    """
    disk = work.disk()
    done = work.duo("run", "--kernel", "micro", "--disk", disk, "--cmd", "svc", "--cmd", "echo before > kept",
                    "--cmd", "fault arm block:abort-assert @40+", "--cmd", "states block", "--cmd", "svc",
                    "--cmd", "svc hold block", "--cmd", "echo lost > failed", "--cmd", "fault disarm; svc restart block; svc",
                    "--cmd", "echo after > again; cat kept again")
    work.equal(done.returncode, 0, "exit code")
    text = done.stdout
    # a host that is busy may hide one of them: 10, 20, 40 ms of the guest's time
    work.matches(text, r"^states: backing off, generation [345]$", "a state that is seen")
    work.matches(text, r"^\[sup\] block: gave up: it dies again and again$", "what the supervisor says")
    work.matches(text, r"^states: gave up, generation 6$", "the last state")
    work.matches(text, r"^block +6 +5 +gave up +injected: abort-assert +restart.*$", "svc, out of the cache")
    work.matches(text, r"^svc: cannot hold block: it is given up$", "a hold")
    work.matches(text, r"failed", "a file that cannot be made")
    work.matches(text, r"^\[sup\] block: restarted, generation 7, after \d+ us; .*$", "the restart that is asked for")
    work.matches(text, r"^block +7 +6 +running +restart asked for +restart.*$", "svc, after it")
    work.matches(text, r"^before\nafter$", "both files")
    work.absent(text, r"\[sup\] (?!block)\w+: (died|hangs|restarted)", "another server's trouble")
    work.equal(re.findall(r"^\[sup\] block: died: (.*)$", text, re.M), ["injected: abort-assert"] * 6, "the causes")
    place = r"\w+\+0x[0-9a-f]+ \([\w/]+/(\w+\.[cS]):\d+\)"
    work.equal(re.findall(rf"^\[sup\] block:   in {place}, generation (\d), thread \d+$", text, re.M),
               [("inject.c", n) for n in "123456"], "the places")
    work.equal(re.findall(rf"^\[sup\] block:   called by {place}", text, re.M), ["blk.c"] * 6, "the operations")
    work.equal(len(re.findall(r"^\[sup\] block:   reclaimed \d+ frames and \d+ slots, leaked 0$", text, re.M)), 6, "what came back")
    work.equal(re.findall(r"^\[sup\] block: restarted, generation (\d), after \d+ us", text, re.M), list("234567"), "the restarts")
    work.equal(work.duo("fsck", disk).returncode, 0, "the disk")


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
    """
    What the services lend to a program that is killed inside a call comes back: buffers of fs, references, memory. Nobody reads
    what is printed for a while, so that the UART takes no byte, and programs are killed that wait for it or for each other. (A
    call is never met inside xmap: it waits for nobody and all others are below it.)
    """
    disk = work.disk()
    with work.guest("micro", disk=disk, timeout=280) as guest:
        guest.prompt()
        at = len(guest.output)
        guest.send("killed 700")
        time.sleep(4)
        guest.expect(r"killed: .*\n", 240, at)
        guest.prompt()
        work.matches(guest.output[at:].replace(".", ""), r"^killed: 700$", "the program")
        points = guest.output.count(".", at)
        work.check(points > 0, "nobody has printed")
        work.equal(guest.command("echo well > well; cat well"), "well\n", "everything afterwards")
        work.absent(guest.output, r"\[sup\] \w+: (died|hangs)", "a death")
    work.equal(work.duo("fsck", disk).returncode, 0, "the disk")
    return f"{points} points"


@test("micro/timer-dies", quick=True)
def timer_dies(work):
    """The timer is a server as others are: who slept with it is woken by its next generation."""
    trial_result = trial.run("timer", 5, dies_at([("timer", "expire")]), keep=work.folder, debugger=True, must_die=True,
                             judge_waits=False)
    work.equal(trial_result.violations, [], "the promises")


def loops_at(server, function, says):
    """The function is from its next call on a loop without an end."""
    def arm(session, result):
        session.begin()
        while session.printed() < 12:
            session.step(0.005)
        session.stop_guest()
        place = symbol(server, function)
        trial.stop_at(session, place, lambda hits: True, 1000)
        session.gdb.write(place, LOOP)
        result.place = function
        session.gdb.go()
        return [(server, says)]
    return arm


def register_timer_hangs(name, function):
    @test(f"micro/timer-hangs{name}", quick=not name)
    def check(work):
        """A timer in a loop would be the end of time: but the alarm is the supervisor's."""
        result = trial.run("timer", 6, loops_at("timer", function, r"hangs: it does not mind its alarm$"), keep=work.folder,
                           debugger=True, must_die=True, judge_waits=False)
        work.equal(result.violations, [], "the promises")


register_timer_hangs("", "expire")
register_timer_hangs("-asking", "server_ask")  # while it asks for an alarm that comes sooner


# ---- A loop in a server's own thread, which serves no request. ----

RA = 1  # the register


def stop_in(session, server, callee, caller):
    """Where the callee returns to when the caller has called it; the guest stands still."""
    found = []

    def enough(_):
        found.append(session.gdb.register(RA))
        return name_of(server, found[-1]).startswith(caller + "+")

    if not trial.stop_at(session, symbol(server, callee), enough, session.printed() + 100):
        raise Failure(f"{caller} of {server} does not call {callee}")
    return found[-1]


def register_thread_loops(name, server, callee, caller, quick=False):
    @test(f"micro/loops-{name}", quick=quick)
    def check(work):
        """It is seen, and the server whose thread it is pays; who waits for that server has done nothing wrong."""
        def arm(session, result):
            session.begin()
            while session.printed() < 12:
                session.step(0.005)
            session.stop_guest()
            place = stop_in(session, server, callee, caller)
            session.gdb.write(place, LOOP)
            result.place = name  # and not the function: no character may be lost here
            session.gdb.go()
            return [(server, r"hangs: a request runs without end$")]

        result = trial.run(name, 6, arm, keep=work.folder, debugger=True, must_die=True, judge_waits=False)
        work.equal(result.violations, [], "the promises")


register_thread_loops("console-input", "console", "cons_uart_receive", "input_thread", quick=True)
register_thread_loops("block-interrupts", "block", "port_irq_wait", "serve_interrupts", quick=True)
register_thread_loops("block-interrupts-locked", "block", "virtio_read", "serve_interrupts")


@test("micro/loops-console-input-idle")
def console_input_idle(work):
    """
    The input thread looks at its device once a second, and nobody has asked for that. A loop there is seen, though no request
    runs; and what is typed to the new generation arrives.
    """
    with Session(9, 1, debugger=True) as session:
        guest = session.guest
        at = len(guest.output)
        session.stop_guest()
        session.gdb.write(stop_in(session, "console", "cons_uart_receive", "input_thread"), LOOP)
        session.gdb.go()
        guest.expect(r"^\[sup\] console: hangs: a request runs without end$", 20, at)
        guest.expect(r"^\[sup\] console: restarted, generation 2\b", 20, at)
        guest.send("")
        guest.prompt(20)
        work.equal(guest.command("echo alive"), "alive\n", "what is typed")
        work.absent(guest.output, r"\[sup\] (?!console)\w+: (died|hangs|restarted)", "another server's trouble")


@test("micro/console-keeps-what-it-took", quick=True)
def console_keeps(work):
    """Between the instruction that takes a byte out of the UART and the one that stores it the byte is in a register only: a
    generation that ends there hands it to the next."""
    with Session(9, 1, debugger=True) as session:
        guest = session.guest
        at = len(guest.output)
        session.stop_guest()
        stop_in(session, "console", "cons_uart_receive", "input_thread")  # its memory is in reach, and no byte is on its way
        session.gdb.write(symbol("console", "port_device_take_place"), LOOP)
        session.gdb.go()
        guest.send("echo xyz")
        guest.expect(r"^\[sup\] console: restarted, generation 2\b", 20, at)
        guest.expect(r"^xyz$", 20, at)
        guest.prompt(20)
        work.matches(guest.output[at:], r"^\[sup\] console: hangs: a request runs without end$", "what happened to it")
        work.equal(guest.command("echo alive"), "alive\n", "what is typed afterwards")


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
            alive = len(guest.output)
            guest.send("echo alive")  # typed ahead: which prompt is the last of all nobody knows before
            guest.expect(r"^(\$ )*alive$", since=alive)


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

    for seed in range(8, 12):  # so that some caller is in the middle of its own work; it gets no time, and is not to blame
        result = trial.run("recovery", seed, arm, keep=work.folder, debugger=True, must_die=True, judge_waits=False)
        work.equal(result.violations, [], f"the promises, seed {seed}")


# ---- A host that has other things to do, and what the supervisor says of time. ----

# How long the whole guest stands still, and how long it goes on in between, in ms: a host that is away now and then; one that
# gives the guest a slice of a few ms at a time, as others do; one that has next to nothing for it.
STALLS = {"away": ((20, 300), (5, 60)), "short": ((2, 14), (1, 6)), "starved": ((6, 14), (0.3, 1.5))}


OPERATIONS = 100000  # of each worker: more than there is time for


class Stalls(threading.Thread):
    """Stops the guest's process again and again, while its own time goes on."""

    def __init__(self, guest, kinds, seconds, seed):
        super().__init__(daemon=True)
        self.count = 0
        self._pid = guest._process.pid
        self._kinds = kinds
        self._left = seconds
        self._dice = random.Random(f"stalls {seed}")
        self._over = threading.Event()

    def run(self):
        try:
            while self._left > 0 and not self._over.is_set():
                self._stall(*self._dice.choice(self._kinds))
        except ProcessLookupError:
            pass  # the guest has ended, and the test will say why

    def _stall(self, still, between):
        for number, span in ((signal.SIGSTOP, still), (signal.SIGCONT, between)):
            os.kill(self._pid, number)
            wait = self._dice.uniform(*span) / 1000
            self._left -= wait
            time.sleep(wait)
        self.count += 1

    def end(self):
        self._over.set()
        self.join()


def register_stalls(name, kinds, seconds, quick=False):
    @test(f"micro/host-stalls-{name}", quick=quick)
    @limit(seconds + 120)
    def check(work):
        """The guest's clock goes on while its host does not run it. Nobody who could not move hangs."""
        with work.guest("micro", timeout=seconds + 110) as guest:
            guest.prompt()
            begin = len(guest.output)
            guest.send(f"workload 1 {OPERATIONS}")
            guest.expect(rf"^<{oracle.CLOCK}\.1 clock ")  # whose pause would last as long as the host is away
            stalls = Stalls(guest, [STALLS[kind] for kind in kinds], seconds, name)
            stalls.start()
            try:
                while stalls.is_alive():
                    guest.expect(r"^<", since=len(guest.output))
            finally:
                stalls.end()
            guest.expect(r"^<", since=len(guest.output))
            work.absent(guest.output[begin:], r"\[sup\].*|<.* wrong .*|workload: (?!begins).*", "what the supervisor or the workload thinks")
            lines = guest.output[begin:].count("<")
        work.check(stalls.count > seconds * 3 and lines > 100, f"stopped {stalls.count} times, {lines} lines: that says nothing")
        return f"stopped {stalls.count} times, {lines} operations"


register_stalls("away", ["away"], 20)
register_stalls("short", ["short"], 20)
register_stalls("starved", ["starved"], 20)
register_stalls("all-long", list(STALLS), 120)


def register_told_time(service):
    @test(f"micro/restart-times-{service}", quick=service == "console")
    def check(work):
        """How long a restart has taken, as the supervisor says it, is a part of the time in which it was."""
        with work.guest("micro") as guest:
            guest.prompt()
            for generation in (2, 3, 4):
                before, at = guest.guest_nanoseconds(), len(guest.output)
                guest.send(f"svc restart {service}")
                told = guest.expect(rf"^\[sup\] {service}: restarted, generation {generation}, after (\d+) us", since=at)
                passed = (guest.guest_nanoseconds() - before) // 1000
                work.check(0 < int(told[1]) <= passed, f"{told[1]} us, of {passed} us that have passed")
                if service == "unix":
                    guest.expect(r"^init: starting sh$", since=at)
                guest.send("")
                guest.prompt()


for service_ in (*SERVICES, "unix", "timer"):
    register_told_time(service_)
