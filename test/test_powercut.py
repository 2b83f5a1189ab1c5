"""
Power cuts on mono: every cut of a recorded run, judged on the host; some of the images booted for real. How a run is recorded
and which images a cut may leave is told in tools/duo/powercut.py.
"""

import os
import random
import shutil
import subprocess

from harness import Outcome, paths, test
from limits import limit, long

from duo import fsck, powercut

PROGRAMS = ["_init", "_sh"]
TEST_PROGRAMS = ["_powercut", "_tree"]

# Each operation of the issue at least once, with the ways a write can go: new, into a block, over blocks, in pieces.
SINGLE = """create a1
write a1 0 100 1
write a1 100 2000 2
write a1 50 3000 3
link a1 a2
unlink a1
mkdir ad
create ad/a3
write ad/a3 0 9000 4
link ad/a3 a3
unlink ad/a3
truncate a3
write a3 0 14000 5
hold a3
unlink a3
create a4
drop
unlink ad
write a4 0 1024 6
unlink a4
unlink a2""".splitlines()


def make_base(work, scripts):
    """An image with a shell, the programs, and a script for each worker."""
    files = [paths.built("user", name) for name in PROGRAMS]
    files += [paths.built("test", "programs", name) for name in TEST_PROGRAMS]
    for number, lines in enumerate(scripts):
        path = os.path.join(work.folder, f"script{number}")
        with open(path, "w", encoding="ascii") as file:
            file.write("\n".join(lines))
        files.append(path)
    image = os.path.join(work.folder, "base.img")
    work.equal(subprocess.run([paths.built("host", "mkfs"), image, "-b", "700", "-i", "64", *files], check=False).returncode,
               0, "mkfs")
    return image


def record(work, scripts, harts=1):
    """Runs the scripts on mono; returns (volume, models, record)."""
    base = make_base(work, scripts)
    disk, log = os.path.join(work.folder, "run.img"), os.path.join(work.folder, "writes.log")
    shutil.copyfile(base, disk)
    marks = powercut.prepare(disk, len(scripts))
    with work.guest("mono", disk="", extra=powercut.recorder(disk, log), harts=harts, timeout=300) as guest:
        results = powercut.drive(guest, " ".join(["powercut"] + [f"script{n}" for n in range(len(scripts))]), marks)
        guest.stop()
        work.equal(guest.outcome, Outcome.CLEAN, "the end")
    for number, lines in enumerate(scripts):
        work.equal(results.get(number), [0] * len(lines), f"the results of worker {number}")
    entries = powercut.read_record(log, marks)
    for number, lines in enumerate(scripts):
        counts = [entry.count for entry in entries if isinstance(entry, powercut.Ack) and entry.worker == number]
        work.equal(counts, list(range(1, len(lines) + 1)), f"the acknowledgements of worker {number} in the record")
    with open(base, "rb") as file:
        volume = powercut.Volume(file.read())
    return volume, [powercut.Model(lines) for lines in scripts], entries


def judged(work, volume, models, entries, seed=0):
    judge, wrong = powercut.judge_all(volume, models, entries, seed)
    work.check(not wrong, "\n        ".join(["wrong after a cut:"] + wrong))
    return judge


def counts(entries, judge):
    writes, flushes, acks = (sum(isinstance(entry, kind) for entry in entries)
                             for kind in (powercut.Write, powercut.Flush, powercut.Ack))
    return f"{writes} writes, {flushes} flushes, {acks} acknowledgements; {judge.cuts} cuts leave {judge.images} images"


# -- images booted for real -------------------------------------------------------------------------------------------------


def fnv(data):
    value = 2166136261
    for byte in data:
        value = (value ^ byte) * 16777619 & 0xFFFFFFFF
    return value


def tree_of(report):
    """What the program tree prints, in any order; the console is made by init at a boot."""
    lines = set()
    for path, number in report.names.items():
        inode = report.inodes[number]
        value = fnv(report.content(number)) if inode.type == fsck.FILE else 0
        lines.add(f"{path} {inode.type} {inode.nlink} {inode.size} {value:x}")
    return {line for line in lines if not line.startswith("/console ")}


def boot(work, volume, cut, again):
    """Boots the image of a cut: mono sees what the host sees, and leaves a sound image."""
    path = os.path.join(work.folder, "cut.img")
    with open(path, "wb") as file:
        file.write(volume.image(cut.changes))
    found = volume.check(cut.changes)
    wanted = tree_of(found)
    log = os.path.join(work.folder, "recovery.log")
    with open(path, "rb") as file:
        before = file.read()
    marks = powercut.prepare(path, 1)
    with work.guest("mono", disk="", extra=powercut.recorder(path, log)) as guest:
        lines = guest.command("tree").splitlines()
        guest.stop()
        work.equal(guest.outcome, Outcome.CLEAN, f"the end of a boot, cut {cut.where}")
    work.matches(lines[-1], r"^tree: \d+ names$", f"tree, cut {cut.where}")
    printed = {line for line in lines[:-1] if not line.startswith("/console ")}
    work.equal(printed, wanted, f"what mono finds, cut {cut.where}")
    with open(path, "rb") as file:
        after = file.read()
    report = fsck.check(fsck.reader(after), len(before) // fsck.BLOCK, replay=True)
    left = [fsck.words(finding) for finding in report.damage + report.notes if finding.kind != "log-pending"]
    work.equal(left, [], f"after the boot, cut {cut.where}")
    if again:  # the power fails once more, at any moment of that boot
        during = powercut.Volume(before)
        judge = powercut.Judge(during, [], sum(note.kind == "orphan" for note in found.notes))
        entries = powercut.read_record(log, marks)
        for second in (*powercut.prefix_cuts(during, entries), *powercut.cache_cuts(during, entries)):
            known = judge.images
            wrong = judge.verdict(second)
            work.check(wrong is None, f"cut {cut.where}, then cut in the next boot {wrong}")
            if judge.images > known:
                work.equal(tree_of(during.check(second.changes)), wanted,
                           f"cut {cut.where}, then cut in the next boot {second.where}")
    shutil.rmtree(guest.folder)


def boot_some(work, volume, judge, count, again):
    """A seeded sample of the images that differ; those with something in the log first."""
    dice = random.Random(7)
    header = volume.super.logstart
    pending = [cut for cut in judge.samples if volume.content(cut.changes, header)[:4] != bytes(4)]
    quiet = [cut for cut in judge.samples if cut not in pending]
    sample = dice.sample(pending, min(len(pending), -(-count // 2)))
    sample += dice.sample(quiet, min(len(quiet), count - len(sample)))
    for cut in sample:
        boot(work, volume, cut, again)


# -- the tests --------------------------------------------------------------------------------------------------------------


@test("powercut/single")
@limit(120)
def single(work):
    volume, models, entries = record(work, [SINGLE])
    judge = judged(work, volume, models, entries)
    boot_some(work, volume, judge, 2, again=True)
    return counts(entries, judge)


@test("powercut/parallel")
@limit(120)
def parallel(work):
    scripts = [powercut.random_operations(1, worker, 8) for worker in range(3)]
    volume, models, entries = record(work, scripts, harts=2)
    judge = judged(work, volume, models, entries)
    boot_some(work, volume, judge, 2, again=False)
    return counts(entries, judge)


# That the judgement can fail: the same record, told wrong in one way each.


def without_flushes(entries):
    return [entry for entry in entries if not isinstance(entry, powercut.Flush)]


def acknowledged_early(entries):
    """Each acknowledgement right behind the one before, where a system that waits for nothing would give it."""
    told, place = [], 0
    for entry in entries:
        if isinstance(entry, powercut.Ack):
            told.insert(place, entry)
            place = len(told)
        else:
            told.append(entry)
    return told


def never_installed(volume):
    """What a log that is cleared without its blocks having been written home leaves."""
    def change(entries):
        first = volume.super.inodestart
        return [entry for entry in entries if not (isinstance(entry, powercut.Write) and entry.block == first)]
    return change


def wrong_bytes(volume):
    """A data block with one bit flipped, in the log and at home."""
    def change(entries):
        flipped = {}
        for entry in entries:
            if isinstance(entry, powercut.Write) and entry.block >= volume.super.size - volume.super.nblocks:
                flipped[entry.data] = bytes([entry.data[0] ^ 1]) + entry.data[1:]
        return [powercut.Write(entry.block, flipped.get(entry.data, entry.data)) if isinstance(entry, powercut.Write)
                else entry for entry in entries]
    return change


@test("powercut/what-would-be-wrong-is-seen")
@limit(120)
def seen(work):
    volume, models, entries = record(work, [SINGLE])
    for name, change in (("no flushes", without_flushes), ("acknowledged too early", acknowledged_early),
                         ("never written home", never_installed(volume)), ("wrong bytes", wrong_bytes(volume))):
        _, wrong = powercut.judge_all(volume, models, change(entries), limit=1)
        work.check(wrong, f"{name}: nothing is found wrong")
    judged(work, volume, models, entries)


@test("powercut/which-writes-may-be-lost", quick=True)
def lost(work):
    """The rule of the subsets: all of few; of many the prefixes, single losses, single survivors and seeded ones."""
    work.equal(sorted(powercut.subsets(4, 0)), list(range(16)), "four writes")
    work.equal(len(powercut.subsets(powercut.EXHAUSTIVE, 0)), 1 << powercut.EXHAUSTIVE, "ten writes")
    many = powercut.subsets(40, 0)
    full = (1 << 40) - 1
    for index in range(40):
        for mask in ((1 << index) - 1, 1 << index, full ^ 1 << index, full):
            work.check(mask in many, f"{mask:#x} is missing")
    work.equal(len(many), len(set(many)), "each once")
    work.check(len(many) > powercut.RANDOM_SUBSETS, "the seeded ones")
    work.equal(many, powercut.subsets(40, 0), "the same seed")
    work.check(many != powercut.subsets(40, 1), "another seed gives the same")


@test("powercut/the-model-of-a-workload", quick=True)
def model(work):
    """A half-done write is allowed from its beginning on and in no other way, and only while it is not acknowledged."""
    told = powercut.Model(["create a", "write a 0 3000 1", "link a b", "unlink a"])
    data = powercut.pattern(1, 3000)
    names = frozenset(["a"])
    for done, content, wanted in ((1, b"", True), (1, data, True), (1, data[:1024], True), (1, data[1024:], False),
                                  (1, data + b"x", False), (2, data[:1024], False), (2, data, True), (0, data, False)):
        observed = frozenset([(fsck.FILE, content, names)])
        work.equal(told.allows(done, observed), wanted, f"{len(content)} bytes after {done} operations")
    both = frozenset([(fsck.FILE, data, frozenset(["a", "b"]))])
    copies = frozenset([(fsck.FILE, data, frozenset(["a"])), (fsck.FILE, data, frozenset(["b"]))])
    work.check(told.allows(3, both) and told.allows(2, both) and not told.allows(1, both), "two names of one file")
    work.check(not told.allows(3, copies), "two files for two names")


def register_full(name, seed, workers, operations, harts):
    @test(f"powercut/full-{name}")
    @long(1800)
    def check(work):
        scripts = [powercut.random_operations(seed, worker, operations) for worker in range(workers)]
        volume, models, entries = record(work, scripts, harts)
        judge = judged(work, volume, models, entries, seed)
        boot_some(work, volume, judge, 20, again=True)
        return counts(entries, judge)


for row in (("single-1", 11, 1, 150, 1), ("single-2", 12, 1, 150, 1), ("two", 21, 2, 100, 1), ("two-on-three-harts", 22, 2, 100, 3),
            ("four", 41, 4, 60, 1), ("four-on-four-harts", 42, 4, 60, 4), ("eight", 81, 8, 30, 4)):
    register_full(*row)
