"""
The promises of supervised servers, kept at any moment: see trials/trial.py, which also repeats one trial by hand.

Named faults at random arrivals of a workload, and kills from outside at random instructions: locks held, half-way through
capability operations, inside the recovery of an earlier death. A few seeds of each are usual tests; `--long` has all.
"""

import os
import random
import sys
import time

from harness import Failure, test
from limits import limit, long
from trials import fresh, oracle, trial
from trials.places import SERVERS
from trials.session import Session

SEEDS, SEEDS_LONG = 3, 100
KILLS, KILLS_LONG = 20, 500
SESSIONS, SESSIONS_LONG = 5, 100
TRANSFERS = 4
PROGRESS_SECONDS = 15
SHOWN = 5  # broken trials of a row that are told in full


def row(work, name, one, count):
    """
    Runs `one(seed, keep=...)` for that many seeds; fails if a promise was broken, or if in too many trials nobody died.
    Returns lines that say how much was looked at, and how long restarts took by server and cause.
    """
    results, told = [], time.monotonic()
    for seed in range(1, count + 1):
        results.append(one(seed, keep=os.path.join(work.folder, f"seed{seed}")))
        if time.monotonic() - told > PROGRESS_SECONDS:
            told = time.monotonic()
            broken = sum(not result.kept for result in results)
            print(f"... {name}: {seed} of {count} trials, {broken} broken", file=sys.stderr, flush=True)
    died = [result for result in results if result.activated]
    broken = [result for result in results if not result.kept]
    restarts = [restart for result in results for restart in result.restarts]
    summary = f"{count} trials, {len(died)} with a death"
    if restarts:
        summary += (f", {sum(result.errors for result in results)} calls failed, "
                    f"longest wait {max(result.longest[0] for result in results)} us")
    unrepeated = sum(bool(result.not_repeated) for result in results)
    summary += f", {unrepeated} with a long wait that was not repeated" if unrepeated else ""
    if broken:
        lines = [f"{len(broken)} of {summary}"]
        for result in broken[:SHOWN]:
            lines += [f"  test/trials/trial.py {result.line()}"] + [f"    {violation}" for violation in result.violations[:6]]
        raise Failure("\n".join(lines))
    if len(died) * 3 < count * 2:
        raise Failure(f"in too many trials nobody died: {summary}")
    return "\n".join([summary, *oracle.table_of(restarts)])


def register_fault(service, fault):
    name = f"promises/{fault}-{service}"

    @test(name)
    @limit(180)
    def check(work):
        return row(work, name, lambda seed, keep: trial.fault(service, fault, seed, keep=keep), SEEDS)

    @test(f"{name}-long")
    @long(3600)
    def check_all(work):
        return row(work, name, lambda seed, keep: trial.fault(service, fault, seed, keep=keep), SEEDS_LONG)


for service_ in SERVERS:
    for fault_ in trial.FAULTS:
        register_fault(service_, fault_)


@test("promises/kills")
@limit(300)
def kills(work):
    return row(work, "promises/kills", lambda seed, keep: trial.kill(seed, keep=keep), KILLS)


@test("promises/kills-long")
@long(7200)
def kills_long(work):
    return row(work, "promises/kills", lambda seed, keep: trial.kill(seed, keep=keep), KILLS_LONG)


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
        """A server dies while a slow disk works, so for block: with a call that waits for it, which the supervisor finishes."""
        at_work = []

        def one(seed, keep):
            result = trial.ask(server, seed, keep=keep)
            at_work.append(result.finished > 0)
            return result

        summary = row(work, f"promises/transfer-in-flight-{server}", one, TRANSFERS)
        work.check(server != "block" or any(at_work), f"no call waited for the disk: {summary}")
        return f"{summary}\nin {sum(at_work)} a call waited for {server}"


for service_ in ("fs", "block"):
    register_transfer(service_)


def register_fresh(server):
    @test(f"promises/fresh-{server}")
    def check(work):
        """A restart is one: what was written into the old generation's private objects is nowhere in the new one."""
        fresh.check(work, server)


for service_ in SERVERS:
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
    work.check(waits.late, "not found: a wait")
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
