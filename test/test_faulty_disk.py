"""
mono with a disk that is wrong: images damaged at random (seeded), and devices that fail the n-th request, once or from then on.
What is asked is an error to the caller: never a panic, never a machine that does not answer.

A machine whose file system or first program cannot be used says which service does not start, and ends with exit code 11.
"""

import os
import random
import re
import shutil
import time

from harness import Ended, Outcome, test
from limits import limit, long

from duo import fsck

BLOCK = fsck.BLOCK
# Programs that the commands below need: random damage to these would only show that a broken program is broken.
NEEDED = ("init", "sh", "echo", "cat", "wc", "tree", "mkdir", "rm", "ln", "ls", "console")
PREPARE = ["mkdir d", "mkdir d/e", "mkdir d/e/f", "cat sh cat ls > large", "ln large d/large", "echo one > d/one",
           "ln d/one d/e/two", "mkdir g", "cat sh > g/sh", "echo x > d/e/f/x", "ln sh d/sh"]
COMMANDS = ["tree", "cat large | wc", "cat d/one d/e/two", "echo new > new", "cat new", "echo more >> d/one", "mkdir d/new",
            "echo x > d/new/x", "ln large d/e/large", "rm large d/large", "cat sh cat > large", "rm d/e/f/x", "rm d/e/f d/e g",
            "cd d/e", "echo y > ../y", "cd /", "rm d/y", "cat g/sh > h", "ls d", "tree"]


def prepared(work):
    """The test image with directories, links, large files and a console, and an empty log: a mount has nothing to write."""
    path = work.disk()
    with work.guest("mono", disk=path) as guest:
        for line in PREPARE:
            guest.command(line)
        guest.stop()
        work.equal(guest.outcome, Outcome.CLEAN, "preparing the image")
    shutil.rmtree(guest.folder)
    with open(path, "r+b") as file:
        data = file.read()
        report = fsck.check(fsck.reader(data), len(data) // BLOCK, replay=True)
        for block, content in report.replayed.items():
            file.seek(block * BLOCK)
            file.write(content)
        file.seek(report.super.logstart * BLOCK)
        file.write(bytes(4))
    return path


def refused(work, guest):
    """Whether the machine ended because it cannot use the disk, and said so in the right way."""
    if guest.outcome != Outcome.TEST_FAILED:
        return False
    work.matches(guest.output, r"^mono: \w+ does not start: ", "why it ended")
    return True


def shell_comes(guest):
    """Waits for the shell. False: it cannot be started; but kernel and process 1 live on, which ^P shows."""
    if guest.expect(r"^\$ |^init: exec sh failed$", 30).group() == "$ ":
        return True
    guest.send("\x10")
    guest.expect(r"^1 \w+.* init\b", 20)
    return False


# -- damaged images ---------------------------------------------------------------------------------------------------------


class Damager:
    """Writes what is wrong over a good image; `told` says what was done."""

    def __init__(self, data, seed):
        self.data = bytearray(data)
        self.told = []
        self._dice = random.Random(seed)
        self._report = fsck.check(fsck.reader(data), len(data) // BLOCK, replay=True)
        self._super = self._report.super
        needed = {number for path, number in self._report.names.items() if path[1:] in NEEDED}
        self._inodes = [number for number in self._report.inodes if number not in needed]

    def _value(self):
        """A number that is likely to hurt: small, at a limit, huge, or any."""
        dice, size = self._dice, self._super.size
        return dice.choice([0, 1, 2, 15, 16, 255, 256, 32767, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, size, size - 1, size + 1,
                            268 * BLOCK, 268 * BLOCK + 1, dice.randrange(size), dice.randrange(1 << 32)])

    def _put(self, at, size, value, what):
        value &= (1 << 8 * size) - 1
        self.data[at:at + size] = value.to_bytes(size, "little")
        self.told.append(f"{what} := {value:#x}")

    def put_super(self, field, value):
        self._put(BLOCK + 4 * field, 4, value, f"superblock.{self._super._fields[field]}")

    def put_log(self, count):
        self._put(self._super.logstart * BLOCK, 4, count, "log.count")

    def put_inode(self, path, offset, value):
        """The 16 bits at `offset` of the inode of a path."""
        number = self._report.names.get(path, fsck.ROOT)
        self._put(self._super.inodestart * BLOCK + number * fsck.INODE_SIZE + offset, 2, value, f"{path} + {offset}")

    def superblock(self):
        self.put_super(self._dice.randrange(8), self._value())

    def log(self):
        """A header of nonsense, or one that sends nonsense home."""
        dice, start = self._dice, self._super.logstart * BLOCK
        count = dice.choice([1, 2, self._super.nlog - 1, self._super.nlog, self._super.nlog + 1, self._value()])
        self._put(start, 4, count, "log.count")
        wild = dice.random() < 0.5
        for index in range(min(count, 32)):
            # sound homes lead behind the programs that are needed: what lands there is nonsense as well
            home = self._value() if wild else dice.choice([self._super.inodestart + 3 + dice.randrange(8), self._super.bmapstart,
                                                           self._super.size - 1 - dice.randrange(100)])
            self._put(start + 4 + 4 * index, 4, home, f"log.home[{index}]")
            copy = start + BLOCK * (1 + index)
            self.data[copy:copy + BLOCK] = dice.randbytes(BLOCK) if dice.random() < 0.5 else bytes(BLOCK)

    def inode(self):
        dice = self._dice
        number = dice.choice(self._inodes)
        field, size = dice.choice([(0, 2), (6, 2), (6, 2), (8, 4), (8, 4), (12, 4), (12, 4), (16, 4), (56, 4), (60, 4), (60, 4)])
        value = dice.choice([0, 1, 2, 3, 4, -1]) if field == 0 else self._value()
        self._put(self._super.inodestart * BLOCK + number * fsck.INODE_SIZE + field, size, value, f"inode {number} + {field}")

    def directory(self):
        """A record with another inode or name; the root's first ones, which are the programs, are left alone."""
        dice = self._dice
        directories = [number for number in self._inodes if self._report.inodes[number].type == fsck.DIRECTORY]
        number = dice.choice(directories + [fsck.ROOT])
        inode = self._report.inodes[number]
        records = inode.size // fsck.RECORD.size
        index = dice.randrange(records) if number != fsck.ROOT else max(0, records - 1 - dice.randrange(6))
        block = inode.blocks[index * fsck.RECORD.size // BLOCK]
        at = block * BLOCK + index * fsck.RECORD.size % BLOCK
        if dice.random() < 0.6:
            target = dice.choice([1, number, dice.choice(self._inodes), 0, 199, 200, 0xFFFF, dice.randrange(200)])
            self._put(at, 2, target, f"directory {number}, record {index}: inode")
        else:
            name = dice.choice([b"", b".", b"..", b"/", b"a/b", b"\xff" * 14, b"fourteen_bytes", b"e", b"one",
                                dice.randbytes(14)]).ljust(14, b"\0")
            self.data[at + 2:at + 16] = name
            self.told.append(f"directory {number}, record {index}: name := {name!r}")

    def indirect(self):
        dice = self._dice
        number = dice.choice([n for n in self._inodes if self._report.inodes[n].blocks[fsck.DIRECT]])
        at = self._report.inodes[number].blocks[fsck.DIRECT] * BLOCK + 4 * dice.randrange(20)
        self._put(at, 4, self._value(), f"inode {number}: an entry of its indirect block")

    def bitmap(self):
        """Free blocks marked in use; blocks of the last files marked free."""
        dice = self._dice
        block = self._super.size - 1 - dice.randrange(self._super.size // 2)
        at = self._super.bmapstart * BLOCK + block // 8
        self._put(at, 1, self.data[at] ^ dice.choice([0xFF, 1 << dice.randrange(8)]), f"bitmap of block {block // 8 * 8}")


AREAS = ["superblock", "log", "inode", "directory", "indirect", "bitmap"]


def damaged_run(work, good, area, seed):
    """One damaged image: after every command there is a prompt again, or the machine refuses to start. What the commands say
    is not looked at: with a wrong bitmap one file's blocks may become another's, programs included."""
    damager = Damager(good, f"{area}/{seed}")
    for _ in range(random.Random(seed).choice([1, 1, 2, 5])):
        getattr(damager, area)()
    path = os.path.join(work.folder, f"{area}-{seed}.img")
    with open(path, "wb") as file:
        file.write(damager.data)
    what = f"seed {area}/{seed} ({'; '.join(damager.told)[:300]})"
    with work.guest("mono", disk=path, timeout=60) as guest:
        try:
            for line in COMMANDS if shell_comes(guest) else ():
                guest.command(line, 20)
        except Ended as ended:
            work.check(refused(work, guest), f"{what}: {ended}")
        guest.stop()
    work.absent(guest.output, r"^panic: ", what)
    shutil.rmtree(guest.folder)
    os.unlink(path)


def damaged_runs(work, seeds):
    with open(prepared(work), "rb") as file:
        good = file.read()
    for area, seed in seeds:
        damaged_run(work, good, area, seed)
    return f"{len(seeds)} images"


# What a machine cannot do without: (name, what is wrong, what it says)
UNUSABLE = [
    ("no-file-system", lambda damager: damager.put_super(0, 0), r"^mono: fs does not start: "),
    ("no-room-for-its-inodes", lambda damager: damager.put_super(3, 0x10000000), r"^mono: fs does not start: "),
    ("log-too-long", lambda damager: damager.put_log(1000), r"^mono: fs does not start: "),
    ("no-root", lambda damager: damager.put_inode("/", 0, 0), r"^mono: fs does not start: "),
    ("no-init", lambda damager: damager.put_inode("/init", 0, 0), r"^mono: unix does not start: "),
]


@test("mono/unusable-disk", quick=True)
def unusable(work):
    """The machine says what is wrong and ends with an exit code of its own: no panic, no silence."""
    with open(work.disk(), "rb") as file:
        good = file.read()
    for name, deed, says in UNUSABLE:
        damager = Damager(good, 0)
        deed(damager)
        path = os.path.join(work.folder, f"{name}.img")
        with open(path, "wb") as file:
            file.write(damager.data)
        with work.guest("mono", disk=path) as guest:
            work.equal(guest.wait_exit(20), Outcome.TEST_FAILED, f"{name}: the end")
            work.matches(guest.output, says, name)


@test("mono/no-shell")
def no_shell(work):
    """Without a shell the kernel and process 1 live on: ^P is answered. Starts are tried again, ever less often."""
    path = work.disk()
    with open(path, "rb") as file:
        damager = Damager(file.read(), 0)
    damager.put_inode("/sh", 0, 0)
    with open(path, "wb") as file:
        file.write(damager.data)
    with work.guest("mono", disk=path) as guest:
        work.check(not shell_comes(guest), "there is a shell")
        longest = 0.0  # of several times: what was there already when somebody comes to look says nothing
        for _ in range(3):
            begin, since = time.monotonic(), len(guest.output)
            guest.expect(r"(^init: exec sh failed$[^$]*){3}", 60, since)
            longest = max(longest, time.monotonic() - begin)
            if longest > 2:
                break
        work.check(longest > 2, "init starts the shell again and again without a pause")


def register_damage(area):
    @test(f"mono/damaged-{area}")
    def check(work):
        return damaged_runs(work, [(area, seed) for seed in range(2)])

    @test(f"mono/damaged-{area}-long")
    @long(3600)
    def check_long(work):
        return damaged_runs(work, [(area, seed) for seed in range(100, 150)])


for each in AREAS:
    register_damage(each)


# -- devices that fail ------------------------------------------------------------------------------------------------------

EVENTS = {"read": ("read_aio", "read"), "write": ("write_aio", "write"), "flush": ("flush_to_disk", "flush")}
# what a command says when it was told of an error
COMPLAINT = re.compile(r"fail|cannot|error", re.I)


def blkdebug(image, rules, lines):
    """More arguments for a guest without a disk: it gets `image`, which fails as the rules in `lines` say."""
    with open(rules, "w", encoding="ascii") as file:
        file.write("\n".join(lines) + "\n")
    return ["-drive", f"file=blkdebug:{rules}:{image},if=none,format=raw,id=disk0",
            "-device", "virtio-blk-device,drive=disk0,bus=virtio-mmio-bus.0"]


def unreadable(image, rules, block):
    """A disk with a bad place: what reads this block fails, always."""
    lines = []
    for sector in (2 * block, 2 * block + 1):
        lines += ["[inject-error]", 'event = "read_aio"', 'iotype = "read"', f'sector = "{sector}"', 'errno = "5"']
    return blkdebug(image, rules, lines)


def failing(image, rules, kind, number, once):
    """More arguments for a guest without a disk: it gets `image`, whose request `number` (from 1 on) of a kind fails."""
    event, which = EVENTS[kind]
    lines = []
    for state in range(1, number):
        lines += ["[set-state]", f'event = "{event}"', f'state = "{state}"', f'new_state = "{state + 1}"']
    lines += ["[inject-error]", f'event = "{event}"', f'iotype = "{which}"', f'state = "{number}"', 'errno = "5"',
              f'once = "{"on" if once else "off"}"']
    if once:
        lines += ["[set-state]", f'event = "{event}"', f'state = "{number}"', f'new_state = "{number + 1}"']
    return blkdebug(image, rules, lines)


def later_operations(guest):
    """Whether a file can be written and read, and all others be read."""
    said = [guest.command(line, 30) for line in ("echo still here > last", "cat last", "tree")]
    return said[:2] == ["", "still here\n"] and bool(re.search(r"^tree: \d+ names$", said[2], re.M))


def failing_run(work, good, kind, number, once):
    """
    Files are made, read and removed on such a disk. Returns whether anybody was told of an error. However it goes, the image
    is sound afterwards, and what was written without a complaint is in it. One error alone never keeps the machine from
    coming to its prompt: what the start needs is asked for again.
    """
    what = f"{kind} {number} fails, {'once' if once else 'from then on'}"
    image = os.path.join(work.folder, "failing.img")
    shutil.copyfile(good, image)
    extra = failing(image, os.path.join(work.folder, "rules.txt"), kind, number, once)
    written, complaints = {}, 0
    with open(good, "rb") as file:
        data = file.read()
    report = fsck.check(fsck.reader(data), len(data) // BLOCK)
    echoed = report.content(report.names["/echo"])
    with work.guest("mono", disk="", extra=extra, timeout=120) as guest:
        try:
            if once:
                guest.prompt(30)  # process 1 tries again when a shell could not be started
            elif not shell_comes(guest):
                guest.stop()
                shutil.rmtree(guest.folder)
                return True
            for index in range(6):
                said = guest.command(f"cat echo > file{index}", 30)  # cat says when a write fails
                if said == "":
                    written[f"/file{index}"] = echoed
                said += guest.command(f"wc file{index} d/one", 30) + guest.command(f"mkdir dir{index}", 30)
                said += guest.command(f"rm dir{index}", 30)
                complaints += bool(COMPLAINT.search(said))
            # the one error may come as late as here: then the second time is right
            well = any([later_operations(guest) for _ in range(2)])
        except Ended as ended:
            work.check(not once and refused(work, guest), f"{what}: {ended}")
            shutil.rmtree(guest.folder)
            return True
        work.check(well or not once, f"{what}: later operations do not work")
        guest.stop()
        work.equal(guest.outcome, Outcome.CLEAN, f"{what}: the end")
    work.absent(guest.output, r"^panic: ", what)
    with open(image, "rb") as file:
        data = file.read()
    report = fsck.check(fsck.reader(data), len(data) // BLOCK, replay=True)
    work.equal([fsck.words(finding) for finding in report.damage], [], f"{what}: the image afterwards")
    for path, content in written.items():
        number_of = report.names.get(path)
        work.check(number_of and report.content(number_of) == content, f"{what}: {path} was written and is not on the disk")
    shutil.rmtree(guest.folder)
    return complaints > 0


def failing_runs(work, rows):
    good = prepared(work)
    told = sum([failing_run(work, good, kind, number, once) for kind, number, once in rows])
    return f"{len(rows)} devices, {told} of them with an error told to a program"


@test("mono/failing-disk-once")
@limit(300)
def once(work):
    return failing_runs(work, [("read", number, True) for number in (1, 2, 4, 8, 11, 15)]
                        + [(kind, number, True) for kind in ("write", "flush") for number in (1, 4, 15)])


@test("mono/failing-disk-for-ever")
@limit(200)
def for_ever(work):
    return failing_runs(work, [(kind, number, False) for kind in ("write", "flush") for number in (1, 9)]
                        + [("read", number, False) for number in (1, 60)])


@test("mono/failing-disk-is-told")
def is_told(work):
    """A disk that takes no write from the beginning: every caller hears of it, reading goes on."""
    image = prepared(work)
    with work.guest("mono", disk="", extra=failing(image, os.path.join(work.folder, "rules.txt"), "write", 1, False)) as guest:
        for line in ("echo x > f", "mkdir h", "rm d/one", "ln echo r"):
            work.matches(guest.command(line, 30), COMPLAINT.pattern.join(["(?i)(", ")"]), f"$ {line}")
        work.equal(guest.command("cat d/one", 30), "one\n", "reading goes on")


def bad_places(good):
    """(name, block, commands that are told an error or None: the machine does not start)"""
    with open(good, "rb") as file:
        data = file.read()
    report = fsck.check(fsck.reader(data), len(data) // BLOCK)

    def block_of(path):
        return report.inodes[report.names.get(path, fsck.ROOT)].blocks[0]
    start = report.super.inodestart
    per_block = BLOCK // fsck.INODE_SIZE
    last = report.names["/g/sh"] // per_block
    needed = {report.names[f"/{name}"] // per_block for name in NEEDED}
    return [("a file", block_of("/d/one"), ["cat d/one"]),
            ("a directory", block_of("/d/e"), ["ls d/e", "cat d/e/two", "echo x > d/e/y"]),
            ("inodes", start + last, ["cat g/sh"] if last not in needed else None),
            ("inodes never used", start + last + 1, []),
            ("the bitmap", report.super.bmapstart, ["echo x > new"]),
            ("the log's header", report.super.logstart, None),
            ("the root", block_of("/"), None),
            ("the superblock", 1, None)]


@test("mono/unreadable-place")
@limit(200)
def unreadable_place(work):
    """A block that cannot be read costs what is in it: who asks for that is told, all else goes on. Without what every path
    needs the machine says so and ends, after a bounded number of attempts."""
    good = prepared(work)
    for name, block, commands in bad_places(good):
        image = os.path.join(work.folder, "bad.img")
        shutil.copyfile(good, image)
        extra = unreadable(image, os.path.join(work.folder, "rules.txt"), block)
        with work.guest("mono", disk="", extra=extra, timeout=40) as guest:
            if commands is None:
                work.equal(guest.wait_exit(30), Outcome.TEST_FAILED, f"{name}: the end")
                work.matches(guest.output, r"^mono: (fs|unix) does not start: ", name)
                work.equal(guest.output.count("fs: the disk failed during mount "), 3 if "fs does" in guest.output else 0,
                           f"{name}: attempts")
                continue
            for line in commands:
                work.matches(guest.command(line, 20), f"(?i){COMPLAINT.pattern}", f"{name}: $ {line}")
            work.equal(guest.command("wc < sh | wc", 20).split()[:1], ["1"], f"{name}: another file")
            work.equal(guest.command("echo still here", 20), "still here\n", f"{name}: the shell afterwards")


@test("mono/failing-disk-long")
@long(3600)
def failing_long(work):
    return failing_runs(work, [(kind, number, once) for kind in EVENTS for number in (*range(1, 31), 40, 60) for once in (True, False)])
