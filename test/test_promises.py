"""
The promises of supervised servers, kept at any moment: see trials/trial.py, which also repeats one trial by hand.

Named faults at random arrivals of a workload, and kills from outside at random instructions: locks held, half-way through
capability operations, inside the recovery of an earlier death, each with at least trial.IN_FLIGHT requests in flight. A few
seeds of each are usual tests; `--long` has all.
"""

import os
import random
import statistics
import sys
import time

from harness import Failure, test
from limits import limit, long
from trials import fresh, oracle, trial
from trials.host import Host
from trials.places import CONSOLE, RECORDED, SERVERS, Flight, places
from trials.session import Session

SEEDS, SEEDS_LONG = 3, 100
KILLS, KILLS_LONG = 20, 500
SESSIONS, SESSIONS_LONG = 5, 100
TRANSFERS, TRANSFERS_MAX = 4, 32
PROGRESS_SECONDS = 15
WAITS_OF = 3  # long waits that are not repeated: at most one in so many trials
ENOUGH = 15  # trials, to say how often that is: a row that is shorter, and has too many, goes on until there are as many
CROWDS_OF, RECOVERIES_OF = 4, 20  # so many kills at most for one in a crowd, and for one in a recovery
SHOWN = 5  # broken trials of a row that are told in full


def row(work, name, one, count):
    """
    Runs `one(seed, keep=...)` for that many seeds; fails if a promise was broken, if in too many trials nobody died, or if too
    many had a long wait, for which a short row is made longer. Returns lines that say how much was looked at, and how long
    restarts took by server and cause.
    """
    results = run_row(work, name, one, count)
    if unrepeated(results) > len(results) // WAITS_OF:
        results += run_row(work, name, one, ENOUGH, count + 1)
    return judge_row(results)


def unrepeated(results):
    """In how many trials there was a long wait that was not repeated."""
    return sum(bool(result.not_repeated) for result in results)


def run_row(work, name, one, count, first=1):
    results, told = [], time.monotonic()
    for seed in range(first, count + 1):
        results.append(one(seed, keep=os.path.join(work.folder, f"seed{seed}")))
        if time.monotonic() - told > PROGRESS_SECONDS:
            told = time.monotonic()
            broken = sum(not result.kept for result in results)
            print(f"... {name}: {seed} of {count} trials, {broken} broken", file=sys.stderr, flush=True)
    return results


def judge_row(results):
    count = len(results)
    died = [result for result in results if result.activated]
    broken = [result for result in results if not result.kept]
    restarts = [restart for result in results for restart in result.restarts]
    summary = f"{count} trials, {len(died)} with a death"
    if restarts:
        summary += f", {sum(result.errors for result in results)} calls failed"
    judged = [result.longest[0] for result in results if result.waits_judged]
    summary += f", longest wait {max(judged)} us in {len(judged)} trials" if judged else ", waits not judged"
    late, excused = unrepeated(results), sum(result.excused for result in results)
    summary += f", {late} with a long wait that was not repeated" if late else ""
    summary += f", {excused} runs not counted since the host was busy" if excused else ""
    if broken:
        lines = [f"{len(broken)} of {summary}"]
        for result in broken[:SHOWN]:
            lines += [f"  test/trials/trial.py {result.line()}"] + [f"    {violation}" for violation in result.violations[:6]]
        raise Failure("\n".join(lines))
    if len(died) * 3 < count * 2:
        raise Failure(f"in too many trials nobody died: {summary}")
    if late > count // WAITS_OF:
        raise Failure(f"too many trials had a long wait: {summary}")
    return "\n".join([summary, *oracle.table_of(restarts)])


def register_fault(service, fault):
    name = f"promises/{fault}-{service}"

    @test(name)
    @limit(240)
    def check(work):
        return row(work, name, lambda seed, keep: trial.fault(service, fault, seed, keep=keep), SEEDS)

    @test(f"{name}-long")
    @long(3600)
    def check_all(work):
        return row(work, name, lambda seed, keep: trial.fault(service, fault, seed, keep=keep), SEEDS_LONG)


for service_ in SERVERS:
    for fault_ in trial.FAULTS:
        register_fault(service_, fault_)


def judge_flights(results):
    """A line about the requests in flight at the kills; fails if one had too few, or too few were in crowds or recoveries."""
    kills_ = [(result, flight) for result in results for flight in result.flights]
    crowds = [(result, flight) for result, flight in kills_ if flight.working >= trial.IN_FLIGHT]
    twice = [result for result in results if result.twice]
    died = [result for result in results if result.activated]
    few = [f"  {result.line()}" for result, flight in kills_ if flight.requests < trial.IN_FLIGHT]
    few += [f"  not counted: {result.line()}" for result in died if not result.flights]
    if few:
        raise Failure("\n".join([f"{len(few)} of {len(kills_)} kills with less than {trial.IN_FLIGHT} requests in flight:",
                                 *few[:SHOWN]]))
    requests = [flight.requests for _, flight in kills_]
    summary = (f"{len(kills_)} kills with {min(requests)} to {max(requests)} requests in flight, median "
               f"{statistics.median(requests):.0f}; {len(crowds)} with {trial.IN_FLIGHT} or more beside those that sleep; "
               f"{len(twice)} inside a recovery")
    if len(crowds) * CROWDS_OF < len(kills_):
        raise Failure(f"too few crowds: {summary}")
    if len(twice) * RECOVERIES_OF < len(died):
        raise Failure(f"too few inside a recovery: {summary}")
    return summary


def kill_row(work, count):
    results = run_row(work, "promises/kills", lambda seed, keep: trial.kill(seed, keep=keep), count)
    lines = judge_row(results)
    return f"{judge_flights(results)}\n{lines}"


@test("promises/kills")
@limit(300)
def kills(work):
    return kill_row(work, KILLS)


@test("promises/kills-long")
@long(7200)
def kills_long(work):
    return kill_row(work, KILLS_LONG)


@test("promises/in-flight", quick=True)
def in_flight(work):
    """
    The count that the kills go by, where it is known: of a shell that waits for its line, of a workload whose workers have
    ended, and of states and calls that are made up.
    """
    known = places()
    names = known.constants
    with Session(7, 0) as session:
        session.stop_guest()
        work.equal(known.in_flight(session.gdb), Flight(0, 2), "init waits for the shell, and the shell for a line")
        session.gdb.go()
        session.guest.send("workload 7 0")
        session.guest.expect(rf"^<{oracle.CLOCK}\.1 clock \d+ = 0>$")  # the last that does not wait for others
        session.heard()
        trial.run_freely(session, 0.2)  # it ends, and its parent waits
        session.stop_guest()
        work.equal(known.in_flight(session.gdb), Flight(0, 8), "four sleepers, the reader, and three parents")
        session.gdb.go()
        session.guest.send("end")
        session.guest.expect(r"^workload: done, ")
    waiting, asked, answered = names["WORK_WAITING"], names["CALL_WAITING"], names["CALL_NONE"]
    idle = (answered, CONSOLE, names["OP_cons_read"])  # the last call of a thread stays in its record
    for threads, wanted, what in (
            ([], Flight(0, 0), "nothing"),
            ([(names["WORK_NONE"], idle)], Flight(0, 0), "a program that runs"),
            ([(names["WORK_RUNNING"], idle), (waiting, idle)], Flight(2, 0), "a system call that runs, one that waits for a lock"),
            ([(names["WORK_FOREVER"], idle)], Flight(0, 1), "one that sleeps"),
            ([(waiting, (asked, RECORDED.index("fs"), 1))], Flight(1, 0), "a system call with its call to fs: one request"),
            ([(waiting, (asked, CONSOLE, names["OP_cons_read"]))], Flight(0, 1), "one that waits for a line"),
            ([(waiting, (asked, CONSOLE, names["OP_cons_attention"]))], Flight(0, 0), "what unix always asks")):
        work.equal(known.count(threads), wanted, what)


@test("promises/too-few", quick=True)
def too_few(work):
    """Rows that must fail: with a kill at which too little was in flight, without crowds or recoveries, with many long waits."""
    def result(flight, twice=True, waits=()):
        one = trial.Result("kill", 1)
        one.activated, one.twice, one.flights, one.not_repeated = True, twice, [flight] if flight else [], list(waits)
        return one

    def fails(judge, results):
        try:
            judge(results)
        except Failure:
            return True
        return False

    crowd, sleepers, few = Flight(8, 8), Flight(2, 8), Flight(2, 5)
    well = [result(crowd)] * 5 + [result(sleepers, False)] * 15
    work.check(not fails(judge_flights, well) and not fails(judge_row, well), "a row that is well has failed")
    for changed, what in (([*well, result(few)], "too few in flight"), ([*well, result(None)], "a death that was not counted"),
                          ([result(sleepers)] * 20, "no crowds"), ([result(crowd, False)] * 20, "no recoveries")):
        work.check(fails(judge_flights, changed), f"not found: {what}")
    late = result(crowd, waits=["a wait"])
    early = result(crowd)
    for changed, wanted in (([early] * 2 + [late], False), ([early] + [late] * 2, True), (well + [late] * 6, False),
                            (well + [late] * 12, True)):
        work.equal(fails(judge_row, changed), wanted, f"{len(changed)} trials with long waits")
    for lates, wanted, trials in (((2,), False, 3), ((1, 3), False, 15), ((1, 3, 5, 7, 9), False, 15),
                                  ((1, 3, 5, 7, 9, 11), True, 15), (range(16), True, 15)):
        seen = []
        work.equal(fails(lambda one: row(work, "late", one, 3), lambda seed, keep: seen.append(seed) or (
            late if seed in lates else early)), wanted, f"long waits in trials {list(lates)}")
        work.equal(seen, list(range(1, trials + 1)), "the trials")


class Late:
    """Runs of a trial, made up: by how many us the longest of two waits is too long, 0 for none, and how many the host took."""

    def __init__(self, runs):
        self.runs = list(runs)
        self.done = 0

    def __call__(self):
        excess, taken = self.runs[min(self.done, len(self.runs) - 1)]
        self.done += 1
        one = trial.Result("late", 1)
        one.taken = taken
        one.late = [oracle.Late(over, f"{over} us") for over in (1, excess) if excess > 0]
        one.violations = [late.words for late in one.late] + ["more"] * (excess < 0)
        return one


@test("promises/late", quick=True)
def late_waits(work):
    """
    When a wait that is too long counts: in each of three runs, but for five at most in which the host has taken as much; and what
    the host takes, where it is counted and where not.
    """
    well, own, hosts = (0, 900), (30, 0), (30, 30)
    for runs, kept, done, not_repeated, excused in (
            ([well], True, 1, 0, 0), ([own, well], True, 2, 1, 0), ([own, own, well], True, 3, 2, 0),
            ([own], False, 3, 2, 0),  # again and again
            ([hosts, well], True, 2, 0, 1), ([(30, 29), well], True, 2, 1, 0), ([(1, 0), well], True, 2, 1, 0),
            ([own, hosts, own, own], False, 4, 2, 1),  # what does not count does not save either
            ([hosts] * 5 + [well], True, 6, 0, 5), ([hosts] * 6 + [well], True, 7, 1, 5),
            ([hosts], False, 8, 2, 5),  # a busy host is no excuse for a wait that is always there
            ([(-1, 900)], False, 1, 0, 0)):  # what else is broken is not repeated
        made_up = Late(runs)
        result = trial.repeated(made_up)
        work.equal((result.kept, made_up.done, len(result.not_repeated), result.excused),
                   (kept, done, 2 * not_repeated, excused), f"runs of (too long, taken) {runs}")

    def tell(steal, **threads):
        for thread, (ran, waited) in threads.items():
            os.makedirs(os.path.join(work.folder, "7", "task", thread), exist_ok=True)
            with open(os.path.join(work.folder, "7", "task", thread, "schedstat"), "w", encoding="ascii") as file:
                file.write(f"{ran} {waited} 5\n")
        with open(os.path.join(work.folder, "stat"), "w", encoding="ascii") as file:
            file.write(f"cpu  1 2 3 4 5 6 7 {steal} 9 10\n")

    work.equal(Host(7, work.folder).taken(), 0.0, "where nothing is counted")
    tell(100, main=(9_000_000, 1_000_000), vcpu=(9_000_000, 2_000_000))
    host = Host(7, work.folder)
    work.equal(host.taken(), 0.0, "nothing yet")
    tell(100, main=(19_000_000, 1_000_000), vcpu=(9_000_000, 32_000_000), disk=(1, 4_000_000))
    work.equal(round(host.taken() * 1000), 34, "ms of two threads, one of them new")
    tell(100 + 2 * os.sysconf("SC_CLK_TCK"))
    work.equal(round(host.taken() * 1000), 2034, "ms, of the computer itself as well")


@test("promises/session")
def sessions(work):
    return row(work, "promises/session", lambda seed, keep: trial.end_session(seed, keep=keep), SESSIONS)


@test("promises/session-long")
@long(3600)
def sessions_long(work):
    return row(work, "promises/session", lambda seed, keep: trial.end_session(seed, keep=keep), SESSIONS_LONG)


def register_transfer(server):
    @test(f"promises/transfer-in-flight-{server}")
    @limit(180)
    def check(work):
        """
        A server dies by a fault while a slow disk works. The supervisor finishes the calls that wait for it: the one in which it
        died, and for block in some trial that of another, whose transfer was in the disk's hands: so many trials as it takes.
        """
        results = []
        while len(results) < TRANSFERS or others == 0 and server == "block" and len(results) < TRANSFERS_MAX:
            seed = len(results) + 1
            results.append(trial.fault(server, "crash-null", seed, beside="wc systest",
                                       keep=os.path.join(work.folder, f"seed{seed}")))
            others = sum(result.finished > 1 for result in results)
        summary = judge_row(results)
        if server == "block" and others == 0:
            raise Failure(f"in no trial a transfer of another was in flight: {summary}")
        return f"{summary}\nin {others} another's call waited for {server}, beside the one in which it died"

    @test(f"promises/restart-in-flight-{server}")
    @limit(180)
    def check_asked(work):
        """The same, with a restart that somebody asks for while the disk works."""
        results = run_row(work, f"promises/restart-in-flight-{server}",
                          lambda seed, keep: trial.ask(server, seed, keep=keep), TRANSFERS)
        summary, waited = judge_row(results), sum(result.finished > 0 for result in results)
        work.check(server != "block" or waited, f"no call waited for the disk: {summary}")
        return f"{summary}\nin {waited} a call waited for {server}"


for service_ in ("fs", "block"):
    register_transfer(service_)


def register_fresh(server):
    @test(f"promises/fresh-{server}")
    def check(work):
        """A restart is one: what was written into the old generation's private objects is nowhere in the new one."""
        return fresh.check(work, server)


for service_ in RECORDED:
    register_fresh(service_)


# -- the oracle itself ---------------------------------------------------------------------------------------------------------


def swapped(text, old, new):
    assert old in text, old
    return text.replace(old, new, 1)


@test("promises/oracle", quick=True)
def oracle_sees(work):
    """A run without a death is well; and each deed of a list that spoils its record or its disk is found."""
    seed = 5
    with Session(seed, 8, debugger=False) as session:
        session.run()
        session.guest.stop()
        text, typed = session.text, list(session.typed)
        with open(session.disk, "rb") as file:
            image = file.read()
    wrong, model, _ = oracle.judge_run(text, seed, typed, 0)
    contents = model.contents()
    disk = os.path.join(work.folder, "disk.img")

    def image_wrong(data, wanted=contents):
        with open(disk, "wb") as changed:
            changed.write(data)
        return oracle.judge_image(disk, wanted, "here")

    work.equal(wrong + image_wrong(image) + oracle.judge_supervisor(text, []), [], "a run without a death")
    lines = oracle.LINE.findall(text)
    work.check(len(lines) > 60 and len(contents) > 4, "the run is too small to say anything")
    dice = random.Random(seed)
    worker, count, words, result = dice.choice([line for line in lines if line[2].startswith("write")])
    write = f"<{worker}.{count} {words} = {result}>"
    end = next(f"<{w}.{c} {t} = {r}>" for w, c, t, r in lines if t.startswith("end"))
    deeds = {
        "a line that is not there": swapped(text, write + "\n", ""),
        "a write that did less than it said": swapped(text, write, write.replace(f"= {result}", f"= {int(result) - 1}")),
        "a name that a failed call made": swapped(text, "create 0 1 = 1", "create 0 0 = 1"),
        "a worker without an end": swapped(text, end, ""),
        "wrong data": swapped(text, write, f"<{worker}.{count} wrong record = 1>"),
        "a process that was killed": text + "workload: process 9 ended with status -1\n",
        "frames": swapped(text, " after", "9 after"),
    }
    for deed, changed in deeds.items():
        work.check(oracle.judge_run(changed, seed, typed, 0)[0], f"not found: {deed}")
    waits = oracle.judge_run(swapped(text, end, end.replace(end.split()[3], "50001")), seed, typed, 0)[2]
    work.equal([late.excess for late in waits.late], [1], "a wait")
    clock = next(f"<{w}.{c} {t} = {r}>" for w, c, t, r in lines if t.startswith("clock"))
    for us, wanted in ((500000, []), (500001, [1])):
        pauses = oracle.judge_run(swapped(text, clock, clock.replace(clock.split()[2], str(us))), seed, typed, 0)[2].pauses
        work.equal([late.excess for late in pauses], wanted, f"a pause of {us} us")
    work.check(oracle.judge_run(text, seed, typed[:-1], 0)[0], "not found: a line that was not typed")
    work.check(oracle.judge_run(text, seed, [*typed[:-1], "KLM", typed[-1]], 0, 0, 1)[0], "not found: a line that was not read")
    work.check(oracle.judge_run(text, seed, [typed[0] + "K", *typed[1:]], 0)[0], "not found: a character that was not read")
    work.equal(oracle.judge_typed(["KLMN", "end"], ["KMN", "end"], 1), [], "a character on its way")
    name = max(contents, key=lambda known: len(contents[known]))
    record = contents[name][:oracle.RECORD_SIZE]  # it may be in the log as well
    spoilt = image.replace(record, record[:40] + bytes([record[40] ^ 1]) + record[41:])
    work.check(spoilt != image and image_wrong(spoilt), "not found: a byte on the disk")
    work.check(image_wrong(image, {**contents, "wa9x": b""}), "not found: a file that is missing")
    work.check(image_wrong(image, {n: c for n, c in contents.items() if n != name}), "not found: a file too many")
    said = ("[sup] fs: died: page fault at 0x0\n[sup] fs:   reclaimed 1 frames and 2 slots, leaked 0\n"
            "[sup] fs:   free frames 5 before, 5 after; free slots 7 before, 7 after\n"
            "[sup] fs: restarted, generation 2, after 9 us; .")
    cause = trial.FAULTS["crash-null"]
    work.equal(oracle.judge_supervisor(said, [("fs", cause)]), [], "a death as it was caused")
    for changed, expected in ((said, []), (said, [("block", cause)]), (said, [("fs", trial.FAULTS["no-reply"])]),
                              (said.replace("leaked 0", "leaked 1"), [("fs", cause)]),
                              (said.replace("7 after", "6 after"), [("fs", cause)]), ("", [("fs", cause)])):
        work.check(oracle.judge_supervisor(changed, expected), f"not found: {changed!r} for {expected}")
    told = oracle.read_restarts(said + "\n[sup] unix: restart asked for\n" + said.replace("after 9 us", "after 21 us"))
    work.equal(told, [("fs", "died: page fault at 0x0", 9), ("fs", "died: page fault at 0x0", 21)], "the restarts")
    work.matches(oracle.table_of(told)[1], r"^fs +died: page fault at 0x0 +2 +15 +21$", "median and worst")
