"""
What must be true after a run of test/programs/workload.c, whatever has died under it.

Four parts that know nothing of each other: the lines that the workers printed, replayed into a model of their files; the
image, against this model and against fsck.py; the supervisor's own account; and the workload's verdict on itself. Each
gives violations: short texts, none if all is well. A call may fail only if a server has died, at most one of each worker
for each death; and a call that makes or removes a name must not fail and be done all the same, unless it met two deaths.
"""

import os
import re
import statistics
import string
import struct
import zlib
from collections import namedtuple

from duo import fsck, paths

def worker_letters():
    """Those of the workers, of the reader and of the clock's process: as many as the workload has, in its order."""
    with open(os.path.join(paths.ROOT, "test", "programs", "workload.c"), encoding="utf-8") as file:
        count = int(re.search(r"^#define WORKERS +(\d+)$", file.read(), re.M)[1])
    return string.ascii_lowercase[:count], *string.ascii_lowercase[count:count + 2]


WORKERS, READER, CLOCK = worker_letters()
RECORD_SIZE = 512
RECORD_WORDS = RECORD_SIZE // 4
MAGIC = 0x44756F52
HEADER_WORDS = 7
WAIT_LIMIT = 50_000  # us of the guest's time
PAUSE_LIMIT = 500_000  # likewise, for the clock's pause of two ticks of 100 ms

Line = namedtuple("Line", "worker count words result")
LINE = re.compile(r"<([a-z])\.(\d+) ([^<>=\n]*) = (-?\d+)>")


# -- what was printed ------------------------------------------------------------------------------------------------------


def without_supervisor(text):
    """The supervisor's lines come when they must, also in the middle of others; a death begins with a line feed of its own."""
    text = re.sub(r"\n(?=\[sup\] [\w-]+: (?:died|hangs))", "", text)
    return re.sub(r"(?:\[sup\] |recovering tail )[^\n]*\n", "", text)  # those of servers that it prints for them, too


def read_lines(output):
    """The workers' lines in order: {worker: [Line]}, each once; and what is wrong with their numbers."""
    lines, wrong = {}, []
    for worker, count, words, result in LINE.findall(without_supervisor(output)):
        known = lines.setdefault(worker, [])
        line = Line(worker, int(count), words.split(), int(result))
        if known and line == known[-1]:
            continue  # its printing failed, and it had been printed
        if line.count != len(known) + 1:
            wrong.append(f"printed line {len(known) + 1} of worker {worker} is not there, but line {line.count} is")
            known.extend([None] * (line.count - len(known) - 1))
        known.append(line)
    return {worker: [line for line in known if line] for worker, known in lines.items()}, wrong


# -- the model of the files ----------------------------------------------------------------------------------------------------


def record(seed, worker, file, place, sequence):
    """The bytes that workload.c writes there."""
    words = [MAGIC, seed, WORKERS.index(worker), file, place, sequence, 0]
    words += [(sequence * 2654435761 + place * 40503 + i * 97) & 0xFFFFFFFF for i in range(HEADER_WORDS, RECORD_WORDS)]
    words[6] = zlib.crc32(struct.pack(f"<{RECORD_WORDS}I", *words))
    return struct.pack(f"<{RECORD_WORDS}I", *words)


def name_of(key, which):
    """A file has one of two names, and both while it is renamed."""
    return f"w{key[0]}{key[1]}{which}"


class Model:
    """
    The files of all workers after the lines that were fed to it. With `once` a call that fails must not have been done: a
    request that meets one death is repeated, and done once; only a second death may leave its caller in the dark.
    """

    def __init__(self, seed, once=True):
        self._seed = seed
        self._once = once
        self._files = {}  # (worker, file): list of sequence numbers
        self._names = {}  # name: (worker, file)
        self.violations = []
        self.errors = {}  # worker: calls that failed

    def _failed(self, line):
        self.errors[line.worker] = self.errors.get(line.worker, 0) + 1

    def feed(self, line):
        verb, arguments = line.words[0], line.words[1:]
        if verb == "wrong":
            self.violations.append(f"worker {line.worker}: wrong data: {' '.join(arguments)} ({line.result})")
        elif verb == "write":
            self._write(line, *map(int, arguments))
        elif verb in ("create", "truncate", "unlink", "link", "leave", "back"):
            self._name(line, verb, *map(int, arguments))
        elif line.result < 0:
            self._failed(line)

    def _write(self, line, file, place, records, sequence, well):
        held = self._files[line.worker, file]
        held[place:place + line.result] = [sequence] * line.result
        if not well:
            self._failed(line)
        elif line.result != records:
            self.violations.append(f"worker {line.worker}: a write of {records} records has written {line.result}")

    def _name(self, line, verb, file, well):
        if not well:
            self._failed(line)
            if line.result and verb != "back" and self._once:
                self.violations.append(f"worker {line.worker}: {verb} failed and was done all the same (line {line.count})")
        if not line.result:
            return
        key = (line.worker, file)
        if verb in ("create", "truncate"):
            self._files[key] = []
        if verb == "create":
            self._names[name_of(key, "x")] = key
        elif verb == "link":
            self._names[name_of(key, "y" if name_of(key, "x") in self._names else "x")] = key
        elif verb in ("leave", "back", "unlink"):
            self._drop(key, verb, line)

    def _drop(self, key, verb, line):
        """`unlink` removes the only name, `leave` the older one of two, `back` the younger."""
        names = [name for name, held in self._names.items() if held == key]  # in the order in which they were made
        if len(names) != (1 if verb == "unlink" else 2):
            self.violations.append(f"worker {line.worker}: {verb} with {len(names)} names (line {line.count})")
        elif verb == "back":
            del self._names[names[1]]
        else:
            del self._names[names[0]]

    def contents(self):
        """{name: bytes} of all there must be."""
        return {name: b"".join(record(self._seed, worker, file, place, sequence)
                               for place, sequence in enumerate(self._files[worker, file]))
                for name, (worker, file) in self._names.items()}


def judge_image(path, contents, when):
    """The image's structure, and the workers' files in it."""
    with open(path, "rb") as image:
        data = image.read()
    report = fsck.check(fsck.reader(data), len(data) // fsck.BLOCK, replay=True)
    wrong = [f"{when}: the image is damaged: {fsck.words(finding)}" for finding in report.damage]
    wrong += [f"{when}: {fsck.words(note)}" for note in report.notes if note.kind in ("orphan", "block-beyond")]
    if report.super is None:
        return wrong
    found = {name[1:]: number for name, number in report.names.items() if re.fullmatch(r"/w[a-z]\d[xy]", name)}
    wrong += [f"{when}: the file {name} is missing" for name in sorted(contents.keys() - found.keys())]
    wrong += [f"{when}: there is a file {name}" for name in sorted(found.keys() - contents.keys())]
    for name in sorted(contents.keys() & found.keys()):
        held = report.content(found[name])
        if held != contents[name]:
            places = [place for place in range(max(len(held), len(contents[name])) // RECORD_SIZE)
                      if held[place * RECORD_SIZE:][:RECORD_SIZE] != contents[name][place * RECORD_SIZE:][:RECORD_SIZE]]
            wrong.append(f"{when}: {name} has {len(held)} bytes for {len(contents[name])}, other records at {places}")
    return wrong


# -- the run -------------------------------------------------------------------------------------------------------------------


Told = namedtuple("Told", "deaths generations restarts finished")
Restart = namedtuple("Restart", "server cause us")

DEATH = r"(?:died|hangs): .*|restart asked for"


def read_restarts(output):
    """Each restart that the supervisor has told to be over, and what it was for: the server's death before it."""
    causes, restarts = {}, []
    for server, cause, us in re.findall(rf"\[sup\] (\w+): (?:({DEATH})|restarted, .* after (\d+) us.*)$", output, re.M):
        if cause:
            causes[server] = cause
        else:
            restarts.append(Restart(server, causes.get(server, "unknown"), int(us)))
    return restarts


def table_of(restarts):
    """Lines: how long restarts have taken, by server and cause."""
    rows = {}
    for restart in restarts:
        rows.setdefault((restart.server, restart.cause), []).append(restart.us)
    if not rows:
        return []
    return [f"{'restarts of':12}{'after':54}{'count':>6}{'median us':>11}{'worst us':>10}"] + [
        f"{server:12}{cause[:52]:54}{len(times):6}{statistics.median(times):11.0f}{max(times):10}"
        for (server, cause), times in sorted(rows.items())]


def read_supervisor(output):
    """What the supervisor has told: [(server, cause)], [(server, generation)], [Restart], and how many calls it has finished for
    their callers."""
    return Told(re.findall(rf"\[sup\] (\w+): ({DEATH})$", output, re.M),
                re.findall(r"\[sup\] (\w+): restarted, generation (\d+)", output, re.M),
                read_restarts(output),
                sum(map(int, re.findall(r"\[sup\] \w+: restarted, .*; calls finished with an error: (\d+)$", output, re.M))))


def judge_supervisor(output, expected):
    """`expected`: [(server, pattern of the cause)], the deaths that were caused, in order. All others are wrong."""
    told, wrong = read_supervisor(output), []
    for index in range(max(len(told.deaths), len(expected))):
        got = told.deaths[index] if index < len(told.deaths) else None
        wanted = expected[index] if index < len(expected) else None
        if got is None:
            wrong.append(f"the supervisor has not noticed the death of {wanted[0]}")
        elif wanted is None or got[0] != wanted[0] or not re.search(wanted[1], got[1]):
            wrong.append(f"{got[0]} {got[1]}" + (f", not {wanted[0]} {wanted[1]}" if wanted else ", which nobody caused"))
    if len(told.generations) < len({server for server, _ in expected}):
        wrong.append(f"{len(expected)} deaths, {len(told.generations)} restarts")
    wrong += [f"the supervisor: {text}" for text in re.findall(r"\[sup\] .*gave up.*$", output, re.M)]
    for server, leaked in re.findall(r"\[sup\] (\w+): +reclaimed .*, leaked (\d+)$", output, re.M):
        if leaked != "0":
            wrong.append(f"{server}: leaked {leaked}")
    slots = r"\[sup\] (\w+): +free frames .*; free slots (\d+) before, (\d+) after$"
    for server, before, after in re.findall(slots, output, re.M):
        if before != after:
            wrong.append(f"{server}: {before} free slots before, {after} after")
    return wrong


def judge_typed(typed, read, unkept=0):
    """
    What was typed must be read, in order and once, whoever died: all but so many characters as are `unkept`, which were on their
    way from the UART into memory.
    """
    said, heard = ("".join(line + "\n" for line in lines) for lines in (typed, read))
    rest = iter(said)
    if len(said) - len(heard) <= unkept and all(character in rest for character in heard):
        return []
    return [f"typed: {typed}; read: {read}"]


# Of all waits: the longest as (us, worker, call); those that are too long; and likewise the pause of the clock's process.
Waits = namedtuple("Waits", "longest late pauses")
Late = namedtuple("Late", "excess words")  # us beyond the limit


def judge_run(output, seed, typed, deaths, spared=0, unkept=0):
    """
    The workers' lines, what the workload says of itself, and how long its calls took. Returns (violations, Model, Waits).
    `deaths` is how many servers died. So many workers as `spared` may wait longer than the limit: those whose own call was
    forgotten by the server. `unkept`: as judge_typed() has it.
    """
    lines, wrong = read_lines(output)
    model = Model(seed, once=deaths < 2)
    waits = []
    for worker in WORKERS:
        ends = None
        for line in lines.get(worker, []):
            model.feed(line)
            if line.words[0] == "end":
                ends = line
                waits.append((int(line.words[2]), worker, line.words[3]))
        last = lines[worker][-1] if lines.get(worker) else "none"
        if ends is None:
            wrong.append(f"worker {worker} has not ended; its last line: {last}")
        elif int(ends.words[1]) > deaths:
            wrong.append(f"worker {worker}: {ends.words[1]} calls failed, {deaths} servers died")
    wrong += model.violations
    waits.sort(reverse=True)
    late = [Late(us - WAIT_LIMIT, f"worker {worker} has waited {us} us for {call}")
            for us, worker, call in waits[spared:] if us >= WAIT_LIMIT]
    read = [" ".join(line.words[1:]) for line in lines.get(READER, []) if line.words[0] == "typed"]
    wrong += judge_typed(typed, read, unkept)
    paused = [int(line.words[1]) for line in lines.get(CLOCK, []) if line.words[0] == "clock"]
    if not paused:
        wrong.append(f"the clock's process: {lines.get(CLOCK)}")
    pauses = [Late(us - PAUSE_LIMIT, f"the clock's pause of 200 ms took {us} us") for us in paused if us > PAUSE_LIMIT]
    done = re.search(r"workload: done, (\d+) free before, (\d+) after$", without_supervisor(output), re.M)
    wrong += re.findall(r"workload: (?:failed|process).*$", without_supervisor(output), re.M)
    if not done:
        wrong.append("the workload has not ended well")
    elif done[1] != done[2]:
        wrong.append(f"{done[1]} frames free before, {done[2]} after")
    return wrong, model, Waits(waits[0] if waits else (0, "", ""), late, pauses)
