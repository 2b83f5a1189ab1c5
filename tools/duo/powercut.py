"""
Power cuts: what a disk may hold after one at any moment of a recorded run, and whether that is right.

The record. QEMU's blklogwrites writes down every write and flush of the guest in the order in which they were done. An
acknowledgement is a marker in the same record: the worker in the guest (test/programs/powercut.c) says on the console that
an operation has returned, and waits; the host then writes one sector behind the file system's end through the same block
node; then the worker may go on. So no write of that worker can be on the wrong side of its marker. A marker cannot be a
file operation: a system that acknowledges too early would delay such a marker together with what it speaks for.

The cuts. A disk without a cache holds all writes before the cut and none after: every prefix of the record, and each of
them with its last write torn between its two sectors. A disk with a volatile cache holds all writes before the last flush
and any of those after it: every subset where there are at most EXHAUSTIVE of them; else all prefixes, each single loss,
each single survivor and RANDOM_SUBSETS seeded subsets.

The judgement. The log is replayed by fsck.py, the result must be sound, and each worker's files must be those of its model
after as many operations as were acknowledged before the cut, or with the next one done as well. Only a write of several
pieces may be half done, from its beginning on. Which images these come to after a replay is a small number, and each
is judged once.
"""

import os
import random
import struct
from collections import namedtuple

from duo import fsck, paths

EXHAUSTIVE = 10
RANDOM_SUBSETS = 1000

SECTOR = 512
LOG_MAGIC = 0x6A736677736872
FLUSH, DISCARD, MARK = 1, 4, 8
MARKS_OF_A_WORKER = 8192  # sectors, one for each acknowledgement

Write = namedtuple("Write", "block data")
Flush = namedtuple("Flush", "")
Ack = namedtuple("Ack", "worker count")


# -- recording ------------------------------------------------------------------------------------------------------------


def prepare(image, workers):
    """Lengthens the image by room for the markers; returns the sector at which they begin."""
    sectors = os.path.getsize(image) // SECTOR
    os.truncate(image, (sectors + workers * MARKS_OF_A_WORKER) * SECTOR)
    return sectors


def recorder(image, log):
    """More arguments for a guest without a disk: it gets `image`, and `log` gets the record."""
    with open(log, "wb"):
        pass
    return ["-blockdev", f"driver=file,node-name=base,cache.no-flush=on,filename={image}",
            "-blockdev", f"driver=file,node-name=log,cache.no-flush=on,filename={log}",
            "-blockdev", "driver=blklogwrites,node-name=logged,file=base,log=log",
            "-device", "virtio-blk-device,id=disk0,drive=logged,bus=virtio-mmio-bus.0"]


def drive(guest, command, first_sector, timeout=60):
    """
    Starts the workload by `command` and answers its acknowledgements until it has ended. Returns {worker: [result]}. Raises
    Ended if the guest ends before. The guest's disk comes from recorder().
    """
    results = {}
    guest.prompt()
    since = len(guest.output)
    guest.send(command)
    while True:
        found = guest.expect(r"<(\d+):(\d+):(-?\d+)>\n|powercut: (.*)\n", timeout, since)
        since = found.end()
        if found.group(4):
            if found.group(4) != "done":
                raise paths.Problem(paths.EXIT_WRONG, f"the workload says: {found.group(4)}")
            return results
        worker, count, result = map(int, found.groups()[:3])
        results.setdefault(worker, []).append(result)
        sector = first_sector + worker * MARKS_OF_A_WORKER + count
        said = guest.qmp().monitor(f'qemu-io -d disk0 "write -q {sector * SECTOR} {SECTOR}"')
        if said.strip():
            raise paths.Problem(paths.EXIT_INFRA, f"the marker could not be written: {said.strip()}")
        guest.send(str(worker))


def read_record(log, first_sector):
    """The record as a list of Write (of one block), Flush and Ack."""
    with open(log, "rb") as file:
        data = file.read()
    magic, _, _, sector_size = struct.unpack_from("<QQQI", data)
    if magic != LOG_MAGIC or sector_size != SECTOR:
        raise paths.Problem(paths.EXIT_INFRA, f"{log} is no record of writes")
    record, at = [], SECTOR
    while at + 32 <= len(data):
        sector, sectors, flags, _ = struct.unpack_from("<4Q", data, at)
        at += SECTOR
        if flags & (DISCARD | MARK):
            raise paths.Problem(paths.EXIT_INFRA, f"{log}: an entry with flags {flags:#x}")
        piece = data[at:at + sectors * SECTOR]
        at += len(piece)
        if sector >= first_sector:
            record += [Ack(*divmod(sector - first_sector, MARKS_OF_A_WORKER))] * (sectors != 0)
            continue
        if sector % 2 or sectors % 2 or len(piece) != sectors * SECTOR:
            raise paths.Problem(paths.EXIT_INFRA, f"{log}: a write of {sectors} sectors at sector {sector}")
        # a request of several blocks may be cut between any two of them
        record += [Write(sector // 2 + i, piece[i * fsck.BLOCK:(i + 1) * fsck.BLOCK]) for i in range(sectors // 2)]
        if flags & FLUSH:
            record.append(Flush())
    return record


# -- the model of a workload ----------------------------------------------------------------------------------------------


def pattern(seed, length):
    """What powercut.c writes."""
    return bytes((seed * 29 + i * 37 + (i >> 8) * 101) & 255 for i in range(length))


class Model:
    """
    What a worker's operations do to its own files, step by step. `states[n]` is what must be there after n of them: a set
    of (type, content, names), one for each file or directory that has a name.
    """

    def __init__(self, operations):
        self.operations = [line.split() for line in operations]
        self._names = {}  # path: the object, [type, content]
        self._writes = {}  # step: (names, content before, offset, data)
        self.states = [self._state()]
        for step, words in enumerate(self.operations):
            self._apply(step, *words)
            self.states.append(self._state())

    def _state(self):
        objects = {}
        for path, thing in self._names.items():
            objects.setdefault(id(thing), (thing, []))[1].append(path)
        return frozenset((thing[0], thing[1], frozenset(names)) for thing, names in objects.values())

    def _apply(self, step, verb, *words):
        names = self._names
        if verb == "create":
            names.setdefault(words[0], [fsck.FILE, b""])
        elif verb == "mkdir":
            names[words[0]] = [fsck.DIRECTORY, b""]
        elif verb == "truncate":
            names[words[0]][1] = b""
        elif verb == "unlink":
            del names[words[0]]
        elif verb == "link":
            names[words[1]] = names[words[0]]
        elif verb == "write":
            thing, (offset, length, seed) = names[words[0]], map(int, words[1:])
            before, data = thing[1], pattern(seed, length)
            self._writes[step] = (frozenset(n for n in names if names[n] is thing), before, offset, data)
            thing[1] = overwritten(before, offset, data)

    def allows(self, done, observed):
        """Whether `observed` may be there when `done` operations have been acknowledged and the next may have begun."""
        if observed == self.states[done] or observed == self.states[min(done + 1, len(self.operations))]:
            return True
        write = self._writes.get(done)
        if write is None:
            return False
        names, before, offset, data = write
        rest = self.states[done] - {(fsck.FILE, before, names)}
        changed = observed - rest
        if len(changed) != 1 or rest - observed:
            return False
        kind, content, found_names = next(iter(changed))
        landed = len(os.path.commonprefix([content[offset:], data]))
        return kind == fsck.FILE and found_names == names and content == overwritten(before, offset, data[:landed])

    def differs(self, done, observed):
        """For the reader of a failure: what is missing and what is too much, against the state after `done`."""
        wanted = self.states[done]
        return (f"after {done} operations ({' '.join(self.operations[done - 1]) if done else 'none'}): missing "
                f"{told(wanted - observed)}, there {told(observed - wanted)}")


def overwritten(before, offset, data):
    return before[:offset] + data + before[offset + len(data):]


def told(things):
    return ", ".join(f"{'/'.join(sorted(names))} (type {kind}, {len(content)} bytes)"
                     for kind, content, names in sorted(things, key=lambda t: sorted(t[2]))) or "nothing"


def random_operations(seed, worker, count):
    """Operations that all succeed, on names that begin with the worker's letter."""
    dice, letter = random.Random(f"{seed}/{worker}"), chr(ord("a") + worker)
    files, directories, lines, held = {}, {"": 0}, [], None  # path: [size], path/: entries

    def fresh():
        home = dice.choice(sorted(directories))
        free = [name for name in (home + letter + str(n) for n in range(8)) if name not in files]
        return (dice.choice(free), home) if free else (None, home)

    while len(lines) < count:
        verb = dice.choice(["create"] * 3 + ["write"] * 5 + ["rename"] * 3 + ["unlink"] * 2 + ["truncate", "mkdir", "rmdir",
                                                                                            "hold", "drop"])
        old = dice.choice(sorted(files)) if files else None
        new, home = fresh()
        if verb == "create" and new and len(files) < 10:
            lines.append(f"create {new}")
            files[new] = [0]
            directories[home] += 1
        elif verb == "write" and old:
            offset = dice.choice([0, files[old][0] // 2, files[old][0], files[old][0]])
            length = min(dice.choice([1, 100, 1024, 1500, 3072, 5000, 9000]), 15000 - offset)
            if length > 0:
                lines.append(f"write {old} {offset} {length} {dice.randrange(1000)}")
                files[old][0] = max(files[old][0], offset + length)
        elif verb == "rename" and old and new:
            lines += [f"link {old} {new}", f"unlink {old}"]
            files[new] = files.pop(old)
            directories[home] += 1
            directories[old[:old.rfind("/") + 1]] -= 1
        elif verb == "unlink" and old:
            lines.append(f"unlink {old}")
            del files[old]
            directories[old[:old.rfind("/") + 1]] -= 1
        elif verb == "truncate" and old:
            lines.append(f"truncate {old}")
            files[old][0] = 0
        elif verb == "mkdir" and len(directories) < 3:
            name = letter + "d" + str(len(directories))
            if name + "/" not in directories:
                lines.append(f"mkdir {name}")
                directories[name + "/"] = 0
        elif verb == "rmdir":
            empty = [name for name, entries in directories.items() if name and not entries]
            if empty:
                lines.append(f"unlink {empty[0][:-1]}")
                del directories[empty[0]]
        elif verb == "hold" and old and not held:
            lines.append(f"hold {old}")
            held = old
        elif verb == "drop" and held:
            lines.append("drop")
            held = None
    return lines[:count]


# -- the cuts -------------------------------------------------------------------------------------------------------------


class Volume:
    """
    A base image under changes. Contents are small numbers, so that images compare fast: an image is {block: number} over the
    base, and after a replay, without the log's blocks, the key of its verdict.
    """

    def __init__(self, base):
        self._base = fsck.reader(base)
        self._blocks = len(base) // fsck.BLOCK
        self._numbers = {}
        self._contents = []
        self._headers = {}
        report = fsck.check(self._base, self._blocks)
        if report.super is None:
            raise paths.Problem(paths.EXIT_WRONG, "the base image has no superblock")
        self.super = report.super
        self._log = range(self.super.logstart, self.super.logstart + self.super.nlog)

    def number(self, data):
        if data not in self._numbers:
            self._numbers[data] = len(self._contents)
            self._contents.append(data)
        return self._numbers[data]

    def content(self, changes, block):
        number = changes.get(block)
        return self._base(block) if number is None else self._contents[number]

    def replayed(self, changes):
        """{block: number} after recovery, without the log; None if the log's header is damaged."""
        header = changes.get(self.super.logstart)
        if header not in self._headers:
            data = self.content(changes, self.super.logstart)
            count = struct.unpack_from("<I", data)[0]
            self._headers[header] = (None if count >= self.super.nlog or count > fsck.HEADER_HOMES
                                     else struct.unpack_from(f"<{count}I", data, 4))
        homes = self._headers[header]
        if homes is None:
            return None
        log = self._log
        after = {block: number for block, number in changes.items() if block not in log}
        for index, home in enumerate(homes):
            copy = self.super.logstart + 1 + index
            number = changes.get(copy)
            after[home] = self.number(self._base(copy)) if number is None else number
        return after

    def check(self, changes, replay=True):
        return fsck.check(lambda block: self.content(changes, block), self._blocks, replay=replay)

    def image(self, changes):
        """The bytes of an image, its log not replayed."""
        return b"".join(self.content(changes, block) for block in range(self._blocks))


def subsets(count, seed):
    """The masks of which of `count` writes survive a cut, by the rule above; each once, the empty one included."""
    everything = (1 << count) - 1
    if count <= EXHAUSTIVE:
        return list(range(everything + 1))
    dice = random.Random(seed)
    chosen = {(1 << length) - 1 for length in range(count + 1)}
    chosen |= {1 << index for index in range(count)} | {everything ^ 1 << index for index in range(count)}
    return sorted(chosen | {dice.randrange(everything + 1) for _ in range(RANDOM_SUBSETS)})


Cut = namedtuple("Cut", "where changes early late")  # early, late: the acknowledgements at the first and last such moment


def prefix_cuts(volume, record):
    """A disk without a cache: after each write, and inside it."""
    changes, acks = {}, {}
    yield Cut("before the first write", {}, {}, {})
    for place, entry in enumerate(record):
        if isinstance(entry, Ack):
            acks = {**acks, entry.worker: entry.count}
            yield Cut(f"after entry {place}, an acknowledgement", changes, acks, acks)
        elif isinstance(entry, Write):
            old = volume.content(changes, entry.block)
            for name, torn in (("first", entry.data[:SECTOR] + old[SECTOR:]), ("second", old[:SECTOR] + entry.data[SECTOR:])):
                if torn not in (old, entry.data):
                    yield Cut(f"inside entry {place}, only the {name} half of block {entry.block}",
                              {**changes, entry.block: volume.number(torn)}, acks, acks)
            changes = {**changes, entry.block: volume.number(entry.data)}
            yield Cut(f"after entry {place}, block {entry.block}", changes, acks, acks)


def cache_cuts(volume, record, seed=0):
    """A disk with a volatile cache: every legal subset of what was written since the last flush."""
    durable, pending, acks, flushed = {}, [], {}, {}  # pending: (block, number, the acknowledgements when it was written)
    for place, entry in enumerate([*record, Flush()]):
        if isinstance(entry, Ack):
            acks = {**acks, entry.worker: entry.count}
        elif isinstance(entry, Write):
            pending.append((entry.block, volume.number(entry.data), acks))
        else:
            for mask in subsets(len(pending), f"{seed}/{place}"):
                changes, early = dict(durable), flushed
                lost = []
                for index, (block, number, then) in enumerate(pending):
                    if mask >> index & 1:
                        changes[block], early = number, then
                    else:
                        lost.append(block)
                yield Cut(f"before the flush at entry {place}, lost: {lost}", changes, early, acks)
            for block, number, _ in pending:
                durable[block] = number
            pending, flushed = [], acks


# -- the judgement --------------------------------------------------------------------------------------------------------


class Judge:
    """Judges cuts of one run; `cuts` and `images` count what was looked at. A worker holds one file that has no name at most,
    if `orphans` does not say otherwise."""

    def __init__(self, volume, models, orphans=None):
        self._volume = volume
        self._models = models
        self._orphans = len(models) if orphans is None else orphans
        self._known = {}  # key: (what is unsound, {worker: observed})
        self.cuts = 0
        self.samples = []  # one cut for each image that differs after its replay

    @property
    def images(self):
        return len(self._known)

    def verdict(self, cut):
        """None, or what is wrong with the image."""
        self.cuts += 1
        after = self._volume.replayed(cut.changes)
        if after is None:
            return f"{cut.where}: the log's header is damaged"
        key = frozenset(after.items())
        if key not in self._known:
            self._known[key] = self._look(cut.changes)
            self.samples.append(cut)
        unsound, observed = self._known[key]
        if unsound:
            return f"{cut.where}: {'; '.join(unsound[:4])}"
        for worker, model in enumerate(self._models):
            for acks in (cut.early, cut.late):
                done = acks.get(worker, 0)
                if not model.allows(done, observed[worker]):
                    return f"{cut.where}: worker {worker}, {model.differs(done, observed[worker])}"
        return None

    def _look(self, changes):
        report = self._volume.check(changes)
        unsound = [fsck.words(finding) for finding in report.damage]
        orphans = [note for note in report.notes if note.kind == "orphan"]
        unsound += [fsck.words(note) for note in report.notes if note.kind not in ("orphan", "log-pending", "directory-hole")]
        if len(orphans) > self._orphans:
            unsound.append(f"{len(orphans)} inodes without names, more than are held open")
        return unsound, {} if report.super is None else observe(report, len(self._models))


def observe(report, workers):
    """What each worker sees of its own, in the form of Model.states."""
    objects = {}
    for path, number in report.names.items():
        objects.setdefault(number, []).append(path[1:])
    seen = {worker: set() for worker in range(workers)}
    for number, names in objects.items():
        worker = ord(names[0].rpartition("/")[2][:1] or "?") - ord("a")
        inode = report.inodes[number]
        if worker in seen and inode.type != fsck.DEVICE:
            content = report.content(number) if inode.type == fsck.FILE else b""
            seen[worker].add((inode.type, content, frozenset(names)))
    return {worker: frozenset(things) for worker, things in seen.items()}


def judge_all(volume, models, record, seed=0, limit=5):
    """Judges every cut; returns the Judge and the first few wrong cuts in words."""
    judge, wrong = Judge(volume, models), []
    for cuts in (prefix_cuts(volume, record), cache_cuts(volume, record, seed)):
        for cut in cuts:
            found = judge.verdict(cut)
            if found:
                wrong.append(found)
                if len(wrong) >= limit:
                    return judge, wrong
    return judge, wrong
