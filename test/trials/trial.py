#!/usr/bin/python3
"""
One trial: a workload, a death in it, the oracle's verdict; once more after a reboot.

A trial follows from its kind and its seed. Kinds: a named fault of a service at a random arrival (`fault`), a kill from outside
at a random instruction (`kill`; of unix: `session`), and a restart that somebody asks for (`ask`). The host's timing has a say as well,
since the disk answers when it answers: the same seed comes to the same place, not always to the same moment there.

    test/trials/trial.py fault SERVICE:NAME [--seed N] [--count N]
    test/trials/trial.py kill [--seed N] [--count N] [--server NAME] [--phase work|restart]
    test/trials/trial.py ask SERVICE [--seed N] [--count N]   `svc restart SERVICE`, the disk slow and at work
    test/trials/trial.py session [--seed N] [--count N]       unix is killed at a random instruction: a new session
    test/trials/trial.py none [--seed N] [--count N]          the workload alone, to see the oracle pass
    test/trials/trial.py places                               how many places there are

Options: --operations N of each worker, --any-wait (long waits are told, not judged). The artefacts of a broken trial stay.
"""

import argparse
import os
import random
import re
import shutil
import signal
import sys
import time

if __name__ == "__main__":
    sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), *up) for up in (("..",), ("..", "..", "tools"))]

from duo import fsck, paths  # noqa: E402
from duo.gdbstub import PC, GdbError  # noqa: E402
from duo.guest import Ended, Guest  # noqa: E402
from duo.qmp import QmpError  # noqa: E402
from trials import oracle  # noqa: E402
from trials.places import GOLDEN_OPERATIONS, SERVERS, known_places, name_of, places, symbol  # noqa: E402
from trials.session import NOWHERE, Session, Stuck  # noqa: E402

OPERATIONS = 16
IN_FLIGHT = 8  # requests at each kill (places.Flight)
HITS_GIVEN_UP = 40  # a place that is met so often with too few requests in flight is given up for another
CROWD_BESIDE = "wc systest"  # a command that reads the disk
CROWD_OPERATIONS = 2  # times as many as other trials, for time to wait in
CROWD_SECONDS = 0.03  # of running freely after such a meeting: the slow disk finishes all at once whenever the guest stops
MOST_FREELY = 0.5  # seconds of the host's time, however little of it the guest got
WAIT_RUNS = 3  # a long wait counts if it is there in all of so many runs
MOST_EXCUSED = 5  # runs of a trial that do not count, since the host took the time
REACHED = 0.6  # of the arrivals to be expected: so many of them any run comes to
REACHED_SLOWLY = 0.13  # likewise while the command beside a slow disk reads
FIRST = 25  # arrivals that are left out: the shell comes to them, or a part of the line that starts the workload is lost
TRIES = 6  # places, until the workload comes to one
MOST_LINES = 1 << 20
SESSION_LIMIT = 1000000  # us of the guest's time, until there is a shell again
LINES_OF_RESTART = 16  # printed after a death, when the recovery must be over
RESTART_TRIALS = 4  # one of so many kills is inside a recovery

# Where a kill, which changes pc, hides from the supervisor the character that a thread has taken and not stored.
UNKEPT = ("port_device_take",)

# fault: what the supervisor says of it
FAULTS = {
    "crash-null": r"died: page fault at 0x0$",
    "abort-assert": r"died: injected: abort-assert$",
    "hang-loop": r"hangs: a request runs without end$",
    "no-reply": r"hangs: a request gets no answer$",
}
ASKED = r"restart asked for$"
KILLED = rf"died: page fault at {NOWHERE:#x}$"


class Result:
    """What a trial came to. `place` says where the death was; `violations` is empty if the promises were kept."""

    def __init__(self, kind, seed):
        self.kind = kind
        self.seed = seed
        self.place = ""
        self.activated = False
        self.crowd = False  # so many requests as are asked for are in flight without those that sleep
        self.flights = []  # the Flight at each kill
        self.twice = False  # the second kill met the recovery of the first
        self.finished = 0  # calls that the supervisor has finished for their callers
        self.violations = []
        self.longest = (0, "", "")
        self.waits_judged = True
        self.late = []  # those of the violations that are waits: oracle.Late
        self.not_repeated = []
        self.taken = 0  # us that the host had the guest wait for its turn
        self.excused = 0  # runs before this one that did not count
        self.errors = 0
        self.restarts = []
        self.seconds = 0.0
        self.folder = None

    @property
    def kept(self):
        return not self.violations

    def line(self):
        state = "kept" if self.kept else "BROKEN"
        state = state if self.activated else f"{state}, not activated"
        calls = "".join(f", {flight}" for flight in self.flights)
        return (f"{self.kind} --seed {self.seed}: {state}; {self.place}{calls}; "
                f"restarts {[restart.us for restart in self.restarts]} us; {self.errors} errors; "
                f"longest wait {self.longest[0]} us ({self.longest[2]}){'' if self.waits_judged else ', not judged'}"
                f"{f', {len(self.not_repeated)} not repeated' if self.not_repeated else ''}"
                f"{f', {self.excused} runs not counted' if self.excused else ''}; "
                f"the host took {self.taken} us; {self.seconds:.1f} s")


def keep_artefacts(session, folder):
    """The serial line and the disk, for the reader of a failure; and the places, which the seed has drawn from: another golden run
    may know others."""
    os.makedirs(folder, exist_ok=True)
    for name in (os.path.join(session.folder, "serial.log"), os.path.join(session.folder, "disk.img"), known_places()):
        if os.path.exists(name):
            shutil.copy(name, folder)
    return folder


def reboot_and_judge(session, contents):
    """The image as it is now, and after a boot that finds it so."""
    wrong = oracle.judge_image(session.disk, contents, "on the disk")
    guest = Guest("micro", disk=session.disk, folder=os.path.join(session.folder, "again"), timeout=30)
    with guest:
        try:
            guest.prompt()
            guest.command("ls")
        except Ended as ended:
            wrong.append(f"after a reboot: {ended}")
    return wrong + oracle.judge_image(session.disk, contents, "after a reboot")


def run(kind, seed, arm, operations=OPERATIONS, keep=None, judge_waits=True, debugger=False, must_die=False):
    """
    Runs the workload; `arm(session, result)` is called when the shell is there, starts the workload, causes the deaths and
    returns them: [(server, pattern of the cause)]. If none of them came the trial says nothing, unless it `must_die`. `keep`:
    the folder where artefacts go if a promise is broken.

    What is only too late is repeated().
    """
    return repeated(lambda: run_once(kind, seed, arm, operations, keep, judge_waits, debugger, must_die))


def repeated(once):
    """
    The verdict of several runs, each a call of once(). While the guest idles, waiting for its disk, its clock goes with the host's:
    a busy host makes waits longer than they are. So one that is too long counts if there is one in each of WAIT_RUNS runs;
    `not_repeated` tells the others. And a run in which no wait was longer, beyond its limit, than the host had the guest's threads
    wait for their turn says nothing and does not count among these; but no more than MOST_EXCUSED are excused so.
    """
    not_repeated, excused, counted = [], 0, 0
    while True:
        result = once()
        result.not_repeated, result.excused = not_repeated, excused
        if not result.late or len(result.violations) > len(result.late):
            return result
        if excused < MOST_EXCUSED and result.taken and max(late.excess for late in result.late) <= result.taken:
            excused += 1
            continue
        counted += 1
        if counted == WAIT_RUNS:
            return result
        not_repeated = not_repeated + [late.words for late in result.late]


def run_once(kind, seed, arm, operations, keep, judge_waits, debugger, must_die):
    begin = time.monotonic()
    result = Result(kind, seed)
    with Session(seed, operations, debugger=debugger) as session:
        expected = []
        try:
            expected = arm(session, result)
            session.run()
        except (Stuck, Ended, GdbError, QmpError) as problem:
            result.violations.append(str(problem))
        result.taken = round(session.host.taken() * 1e6)
        session.guest.stop()
        output = session.text
        told = oracle.read_supervisor(output)
        result.activated = bool(told.deaths)
        result.violations += oracle.judge_supervisor(output, expected if result.activated or must_die else [])
        wrong, model, waits = oracle.judge_run(
            output, seed, session.typed, len(told.deaths), sum("no answer" in cause for _, cause in told.deaths),
            sum(result.place.count(function) for function in UNKEPT))
        result.violations += wrong
        result.longest = waits.longest
        result.waits_judged = judge_waits
        result.late = (waits.late if judge_waits else []) + waits.pauses
        result.errors = sum(model.errors.values())
        result.restarts = told.restarts
        result.finished = told.finished
        if not wrong:
            result.violations += reboot_and_judge(session, model.contents())
        result.violations += [late.words for late in result.late]
        if result.violations and keep:
            result.folder = keep_artefacts(session, keep)
    result.seconds = time.monotonic() - begin
    return result


# -- named faults ----------------------------------------------------------------------------------------------------------


def fault(service, name, seed, beside="", **more):
    """
    The fault at an arrival that the workload comes to. With a command `beside` the disk is slow, and the workload runs this too,
    so that its transfers are in the disk's hands meanwhile; waits are the disk's affair then.
    """
    dice = random.Random(f"{service}:{name} {seed}")
    share = (REACHED_SLOWLY if beside else REACHED) * more.get("operations", OPERATIONS) / GOLDEN_OPERATIONS
    last = int(places().arrivals[service] * share)
    arrival = dice.randint(min(FIRST, last), last)

    def arm(session, result):
        result.place = f"arrival {arrival}"
        session.guest.command(f"fault arm {service}:{name} @{arrival}")
        if beside:
            session.slow_disk()
            session.begin(beside)
        return [(service, FAULTS[name])]

    more = {**more, "judge_waits": False} if beside else more
    return run(f"fault {service}:{name}", seed, arm, **more)


# -- kills from outside ------------------------------------------------------------------------------------------------------


def choose(seed, server=None, phase=None):
    """
    Which server dies, when, and where: (server, phase, addresses to be tried in order, after how many lines, whether IN_FLIGHT
    requests shall be in flight without those that sleep).
    """
    dice = random.Random(f"kill {seed}")
    drawn = dice.choice(SERVERS), "restart" if dice.randrange(RESTART_TRIALS) == 0 else "work"
    server, phase = server or drawn[0], phase or drawn[1]
    known = places()
    addresses = [dice.choice(getattr(known, phase)[server]) for _ in range(TRIES)]
    return server, phase, addresses, dice.randint(2, OPERATIONS * 3), dice.random() < 0.5


def stop_at(session, place, enough, limit, pause=0.0):
    """
    Lets the workload go on to the place, and past it while `enough` says no to the n-th arrival, each time for so long without
    looking as `pause` says; False if it has printed `limit` lines before. The guest stands still then, without a breakpoint.
    """
    session.gdb.set_breakpoint(place)
    session.gdb.go()
    met, hits = False, 0
    while not met:
        session.step(0.0)  # also where arrivals follow each other without a pause
        while not session.gdb.stopped(0.002):
            session.step(0.0)
            if session.over() or session.printed() > limit:
                session.gdb.interrupt()
                session.gdb.clear_breakpoint(place)
                return False
        hits += 1
        met = enough(hits)
        if not met and hits >= HITS_GIVEN_UP:
            session.gdb.clear_breakpoint(place)
            return False
        if not met and pause:
            session.gdb.clear_breakpoint(place)
            session.gdb.go()
            run_freely(session, pause)
            session.gdb.interrupt()
            session.gdb.set_breakpoint(place)
            session.gdb.go()
        elif not met:
            session.gdb.go_from(place)
    session.gdb.clear_breakpoint(place)
    return True


def run_freely(session, seconds):
    """So long, not counting the time in which the host did not let the guest run; at most MOST_FREELY in all."""
    begin, taken, had = time.monotonic(), session.host.taken(), 0.0
    while had < seconds:
        session.step(0.002)
        passed = time.monotonic() - begin
        if passed >= seconds:
            had = passed if passed >= MOST_FREELY else passed - (session.host.taken() - taken)


def kill(seed, server=None, phase=None, **more):
    """
    Kills at an instruction of the server's everyday work; or, in a server that has just been killed, at one that only its
    recovery comes to. What is not given is drawn by the seed.

    At each kill, the second one as well, at least IN_FLIGHT requests are in flight, counted there and then (places.Flight): with
    those of processes that sleep; or in half of the trials, the crowds, without them. A crowd comes from a disk that is slow
    until the kill, and from a command that reads it; so how long its calls have waited says nothing and is not judged.
    """
    known = places()
    server, phase, addresses, lines, crowd = choose(seed, server, phase)
    operations = more.get("operations", OPERATIONS) * (CROWD_OPERATIONS if crowd else 1)
    end = operations * len(oracle.WORKERS)
    pause = CROWD_SECONDS if crowd else 0.0

    def arm(session, result):
        result.crowd = crowd

        def in_flight(_):
            flight = known.in_flight(session.gdb)
            return (flight.working if crowd else flight.requests) >= IN_FLIGHT

        def count_and_kill():
            result.flights.append(known.in_flight(session.gdb))
            if crowd:
                session.slow_disk(0)
            session.kill()

        session.begin(CROWD_BESIDE if crowd else "")
        session.wait_text("workload: begins")
        while session.printed() < lines and not session.over():
            session.step(0.005)
        if crowd:
            session.slow_disk()
            run_freely(session, CROWD_SECONDS)
        session.stop_guest()
        if phase == "restart":
            return kill_twice(session, result, in_flight, count_and_kill)
        for address in addresses:
            # a place that the workload does not come to again is given up for the next
            limit = session.printed() + (end - session.printed()) // 3
            if stop_at(session, address, in_flight, limit, pause):
                result.place = f"{server}, {name_of(server, address)}, after {lines} lines"
                count_and_kill()
                return [(server, KILLED)]
        session.slow_disk(0)
        session.gdb.go()
        return []

    def kill_twice(session, result, in_flight, count_and_kill):
        if not stop_at(session, symbol(server, "inject_point"), in_flight, end, pause):
            session.slow_disk(0)
            session.gdb.go()
            return []
        result.flights.append(known.in_flight(session.gdb))
        session.gdb.set_register(PC, NOWHERE)
        result.place = f"{server}, recovery, {name_of(server, addresses[0])}, after {lines} lines"
        if not stop_at(session, addresses[0], in_flight, session.printed() + LINES_OF_RESTART):
            result.place += " (not met)"
            session.slow_disk(0)
            session.gdb.go()
            return [(server, KILLED)]
        # If the first victim has not run on yet, another thread of the same generation has come here: then it is one death.
        session.step(0.05)
        deaths = 1 + (f"[sup] {server}: died" in session.text)
        result.twice = deaths == 2
        count_and_kill()
        return [(server, KILLED)] * deaths

    return run("kill", seed, arm, debugger=True, **{
        **more, "operations": operations, "judge_waits": more.get("judge_waits", True) and not crowd})


# -- a restart that somebody asks for ------------------------------------------------------------------------------------------


def ask(server, seed, **more):
    """
    A new generation on demand, while the disk, which is slow, has a transfer in its hands nearly all the time: a debugger
    cannot have it so, since QEMU waits for the disk when it stops. Waits are the disk's affair.
    """
    def arm(session, result):
        result.place = "on demand"
        session.slow_disk()
        session.begin(f"svc restart {server}")
        return [(server, ASKED)]

    return run(f"ask {server}", seed, arm, **{**more, "judge_waits": False, "must_die": True})


# -- the end of a session ----------------------------------------------------------------------------------------------------


def free_frames(session):
    """As the supervisor counts those for programs; no process runs but init, the shell and what asks."""
    begin = len(session.guest.output)
    session.guest.command("svc restart timer")
    return int(session.guest.expect(r"^\[sup\] timer: +free frames \d+ before, (\d+) after", since=begin)[1])


def end_session(seed, operations=OPERATIONS, keep=None, then=(), **_):
    """As end_session_once() says; what is only too late, by the guest's clock when somebody looks at it, is repeated()."""
    return repeated(lambda: end_session_once(seed, operations, keep, then))


def end_session_once(seed, operations, keep, then):
    """
    Kills unix at an instruction of its everyday work; `then`: [(server, function)], which die where the beginning of the new
    session comes to them. All programs end; the disk is sound, memory is as free as it was, and there is a shell again within a
    second of the guest's time.
    """
    begin = time.monotonic()
    dice = random.Random(f"session {seed}")
    addresses = [dice.choice(places().work["unix"]) for _ in range(TRIES)]
    lines = dice.randint(2, operations * 4)
    result = Result("session", seed)
    with Session(seed, operations, debugger=True) as session:
        try:
            free = free_frames(session)
            session.begin()
            while session.printed() < lines and not session.over():
                session.step(0.005)
            session.stop_guest()
            place = next((address for address in addresses if stop_at(
                session, address, lambda hits: True, session.printed() + operations)), symbol("unix", "inject_point"))
            if place not in addresses and not stop_at(session, place, lambda hits: True, MOST_LINES):
                return result  # the workload is over: nobody has died
            result.place = f"{name_of('unix', place)}, after {session.printed()} lines"
            died, at = session.guest.guest_nanoseconds(), len(session.guest.output)
            session.gdb.set_register(PC, NOWHERE)
            for server, function in then:
                if not stop_at(session, symbol(server, function), lambda hits: True, MOST_LINES):
                    raise Stuck(f"{function} of {server} is not come to")
                session.gdb.set_register(PC, NOWHERE)
            session.gdb.go()
            session.guest.expect(r"^init: starting sh$", 20, at)
            result.longest = ((session.guest.guest_nanoseconds() - died) // 1000, "init", "a new session")
            session.guest.prompt(20)
            result.taken = round(session.host.taken() * 1e6)
            if result.longest[0] >= SESSION_LIMIT:
                result.late = [oracle.Late(result.longest[0] - SESSION_LIMIT, f"a new session took {result.longest[0]} us")]
            result.violations += [late.words for late in result.late] + judge_session(session, free)
        except (Stuck, Ended, GdbError, QmpError) as problem:
            result.violations.append(str(problem))
        session.guest.stop()
        told = oracle.read_supervisor(session.guest.output)
        result.activated = bool(told.deaths)
        result.restarts = [restart for restart in told.restarts if restart.server != "timer"]
        expected = [(server, KILLED.rstrip("$")) for server in ("unix", *(server for server, _ in then))]
        if [death for death in told.deaths if death[0] != "timer"] != expected:
            result.violations.append(f"the deaths: {told.deaths}")
        if result.violations and keep:
            result.folder = keep_artefacts(session, keep)
    result.seconds = time.monotonic() - begin
    return result


def judge_session(session, free):
    """What is broken, in words."""
    wrong = []
    if session.guest.command("echo alive > alive; cat alive") != "alive\n":
        wrong.append("files do not work afterwards")
    if "the service is correct" not in session.guest.command("xmaptest"):
        wrong.append("memory does not work afterwards")
    now = free_frames(session)
    if now != free:
        wrong.append(f"free frames: {free} before, {now} after")
    session.guest.stop()
    with open(session.disk, "rb") as file:
        data = file.read()
    damage = fsck.check(fsck.reader(data), len(data) // fsck.BLOCK, replay=True).damage
    return wrong + [f"on the disk: {fsck.words(finding)}" for finding in damage]


def none(seed, **more):
    """Nobody dies."""
    return run("none", seed, lambda session, result: [], **more)


# -- a row of trials ---------------------------------------------------------------------------------------------------------


def interrupted(*_):
    raise KeyboardInterrupt


def main():
    signal.signal(signal.SIGTERM, interrupted)  # guests end and folders go when it unwinds
    parser = argparse.ArgumentParser(description="One trial of the promises, or a row of them.")
    parser.add_argument("kind", choices=["fault", "kill", "ask", "session", "none", "places"])
    parser.add_argument("what", nargs="?", help="fault: SERVICE:NAME; ask: SERVICE")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="the first (default: 1)")
    parser.add_argument("--count", type=int, default=1, metavar="N", help="how many (default: 1)")
    parser.add_argument("--server", choices=SERVERS)
    parser.add_argument("--phase", choices=["work", "restart"])
    parser.add_argument("--operations", type=int, default=OPERATIONS, metavar="N")
    parser.add_argument("--any-wait", action="store_true")
    options = parser.parse_args()
    if options.kind == "places":
        known = places()
        print({phase: {server: len(a) for server, a in getattr(known, phase).items()} for phase in ("work", "restart")},
              known.arrivals)
        return 0
    if options.kind == "fault" and not re.fullmatch(rf"({'|'.join(SERVERS)}):({'|'.join(FAULTS)})", options.what or ""):
        parser.error(f"fault needs SERVICE:NAME of {', '.join(SERVERS)} and {', '.join(FAULTS)}")
    if options.kind == "ask" and options.what not in SERVERS:
        parser.error(f"ask needs one of {', '.join(SERVERS)}")
    broken, restarts = 0, []
    for seed in range(options.seed, options.seed + options.count):
        more = {"operations": options.operations, "judge_waits": not options.any_wait,
                "keep": os.path.join(paths.BUILD, "test", "-".join(
                    ["trial", options.kind, *(options.what or "").split(":"), str(seed)]).replace("--", "-"))}
        if options.kind == "fault":
            result = fault(*options.what.split(":"), seed, **more)
        elif options.kind == "ask":
            result = ask(options.what, seed, **more)
        elif options.kind == "kill":
            result = kill(seed, options.server, options.phase, **more)
        elif options.kind == "session":
            result = end_session(seed, **more)
        else:
            result = none(seed, **more)
        broken += not result.kept
        restarts += result.restarts
        print(result.line(), flush=True)
        for violation in result.violations:
            print(f"    {violation}", flush=True)
        if result.folder:
            print(f"    see {paths.shown(result.folder)}", flush=True)
    print("\n".join([*oracle.table_of(restarts), f"{options.count - broken} kept, {broken} broken"]))
    return 1 if broken else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except paths.Problem as problem:
        print(f"trial: {problem}", file=sys.stderr)
        sys.exit(problem.code)
    except KeyboardInterrupt:
        sys.exit(paths.EXIT_INTERRUPTED)
