"""
`duo fsck`: a small image made by hand here, and each kind of damage done to it by hand. What the tool must find is the row's
kind and place; it must find nothing else wrong, and nothing at all in the image itself or in those of mkfs, mono and xv6.
"""

import json
import os
import shutil
import struct

from harness import Outcome, paths, test
from test_peers import peer

from duo import fsck

BLOCK = 1024
SIZE, INODES, LOG = 200, 40, 13
LOG_START, INODE_START = 2, 2 + LOG
BITMAP = INODE_START + 3
DATA = BITMAP + 1
DIRECTORY, FILE, DEVICE = 1, 2, 3


class Image:
    """
    An image in memory whose every field can be set.

        /        1   f (2, 3 blocks), big (3, 14 blocks), d (4), g (2 again), tty (5, a device)
        /d       4   x (6, empty), e (7)
        /d/e     7
    """

    def __init__(self):
        self.bytes = bytearray(SIZE * BLOCK)
        self.next = DATA
        struct.pack_into("<8I", self.bytes, BLOCK, 0x10203040, SIZE, SIZE - DATA, INODES, LOG, LOG_START, INODE_START, BITMAP)
        for block in range(DATA):
            self.mark(block)
        self.add(1, DIRECTORY, 2, self.records((b".", 1), (b"..", 1), (b"f", 2), (b"big", 3), (b"d", 4), (b"g", 2), (b"tty", 5)))
        self.add(2, FILE, 2, b"f" * 2500)
        self.add(3, FILE, 1, b"b" * (14 * BLOCK))
        self.add(4, DIRECTORY, 2, self.records((b".", 4), (b"..", 1), (b"x", 6), (b"e", 7)))
        self.add(5, DEVICE, 1, b"")
        self.add(6, FILE, 1, b"")
        self.add(7, DIRECTORY, 1, self.records((b".", 7), (b"..", 4)))

    @staticmethod
    def records(*pairs):
        return b"".join(struct.pack("<H14s", number, name) for name, number in pairs)

    def add(self, number, kind, links, data):
        numbers = [self.store(data[at:at + BLOCK]) for at in range(0, len(data), BLOCK)]
        direct, rest = (numbers[:12] + [0] * 12)[:12], numbers[12:]
        indirect = self.store(struct.pack(f"<{len(rest)}I", *rest)) if rest else 0
        struct.pack_into("<4hI13I", self.bytes, self.at(number), kind, 1 if kind == DEVICE else 0, 0, links, len(data), *direct,
                         indirect)

    def store(self, data):
        block = self.next
        self.next += 1
        self.bytes[block * BLOCK:block * BLOCK + len(data)] = data
        self.mark(block)
        return block

    @staticmethod
    def at(number, field=0):
        return INODE_START * BLOCK + number * 64 + field

    def mark(self, block, used=True):
        at = BITMAP * BLOCK + block // 8
        self.bytes[at] = self.bytes[at] & ~(1 << block % 8) | used << block % 8

    def short(self, at, value):
        struct.pack_into("<h", self.bytes, at, value)

    def word(self, at, value):
        struct.pack_into("<I", self.bytes, at, value)

    def block_of(self, number, index):
        """The direct block (12: the indirect one) of an inode."""
        return struct.unpack_from("<I", self.bytes, self.at(number, 12 + 4 * index))[0]

    def record(self, number, index):
        """Where a record of a directory is."""
        return self.block_of(number, 0) * BLOCK + 16 * index

    def log(self, *homes, count=None):
        struct.pack_into(f"<{1 + len(homes)}I", self.bytes, LOG_START * BLOCK, len(homes) if count is None else count, *homes)

    def write(self, path):
        with open(path, "wb") as file:
            file.write(self.bytes)


def supers(field, value):
    return lambda image: image.word(BLOCK + 4 * field, value)


def inode(number, field, value, short=False):
    return lambda image: (image.short if short else image.word)(image.at(number, field), value)


def record(number, index, target=None, name=None):
    def deed(image):
        at = image.record(number, index)
        if target is not None:
            struct.pack_into("<H", image.bytes, at, target)
        if name is not None:
            struct.pack_into("<14s", image.bytes, at + 2, name)
    return deed


def both(*deeds):
    def deed(image):
        for one in deeds:
            one(image)
    return deed


def same_block(image):
    image.mark(image.block_of(2, 1), False)
    image.word(image.at(2, 16), image.block_of(2, 0))


def indirect_twice(image):
    """The first block of the indirect one is a block of another file."""
    first = image.block_of(3, 12) * BLOCK
    image.mark(struct.unpack_from("<I", image.bytes, first)[0], False)
    image.word(first, image.block_of(2, 2))


def indirect_outside(image):
    first = image.block_of(3, 12) * BLOCK + 4
    image.mark(struct.unpack_from("<I", image.bytes, first)[0], False)
    image.word(first, SIZE + 5)


def missing(image):
    image.mark(image.block_of(2, 1), False)
    image.word(image.at(2, 16), 0)


def unmark(number, index):
    return lambda image: image.mark(image.block_of(number, index), False)


def beyond(image):
    image.word(image.at(6, 12), image.store(b"nobody reads this"))


def hole(image):
    image.word(image.at(4, 8), 2048)


def second_name(image):
    """/d/x becomes a second name of /d/e; both counts are right, and x has no name any more."""
    record(4, 2, 7)(image)
    inode(6, 0, 0, short=True)(image)
    inode(7, 6, 2, short=True)(image)


def unreachable(image):
    record(4, 2, 0)(image)


def island(image):
    """Two directories that name each other, and nobody else names them."""
    image.add(8, DIRECTORY, 2, image.records((b".", 8), (b"..", 9), (b"b", 9)))
    image.add(9, DIRECTORY, 2, image.records((b".", 9), (b"..", 8), (b"a", 8)))


# name, what is done, {(kind, inode, block)} that must be found; a function of the image where a block is not known before
DAMAGE = [
    ("magic", supers(0, 0x10203041), {("super-magic", None, 1)}),
    ("larger-than-the-image", supers(1, SIZE + 1), {("super-size", None, 1)}),
    ("no-data", supers(2, 0), {("super-size", None, 1)}),
    ("more-data-than-disk", supers(2, SIZE + 7), {("super-size", None, 1)}),
    ("no-inodes", supers(3, 1), {("super-inodes", None, 1)}),
    ("inodes-into-the-bitmap", supers(3, 49), {("super-layout", None, 1)}),
    ("log-into-the-inodes", supers(4, LOG + 1), {("super-layout", None, 1)}),
    ("log-over-the-superblock", supers(5, 1), {("super-layout", None, 1)}),
    ("inodes-in-the-log", supers(6, LOG_START + 1), {("super-layout", None, 1)}),
    ("bitmap-in-the-data", supers(7, DATA), {("super-layout", None, 1)}),
    ("log-count", lambda image: image.log(DATA, count=LOG), {("log-count", None, LOG_START)}),
    ("log-home-outside", lambda image: image.log(DATA, SIZE), {("log-home", None, LOG_START)}),
    ("log-home-superblock", lambda image: image.log(1), {("log-home", None, LOG_START)}),
    ("log-home-in-the-log", lambda image: image.log(LOG_START + 3), {("log-home", None, LOG_START)}),
    ("inode-of-no-type", inode(9, 0, 7, short=True), {("inode-type", 9, None)}),
    ("negative-type", inode(9, 0, -1, short=True), {("inode-type", 9, None)}),
    ("file-too-large", both(inode(6, 8, 268 * BLOCK + 1), inode(6, 0, 0, short=True), record(4, 2, 0),
                            lambda image: image.word(image.at(1, 8), 268 * BLOCK + 16)),
     lambda image: {("inode-size", 1, None)}),
    ("device-with-a-size", inode(5, 8, 5), {("inode-device", 5, None)}),
    ("device-with-a-block", inode(5, 12, DATA), {("inode-device", 5, None)}),
    ("links-too-many", inode(2, 6, 3, short=True), {("links", 2, None)}),
    ("links-too-few", inode(2, 6, 1, short=True), {("links", 2, None)}),
    ("links-negative", inode(2, 6, -2, short=True), {("links", 2, None)}),
    ("links-of-the-root", inode(1, 6, 1, short=True), {("links", 1, None)}),
    ("links-of-a-directory", inode(4, 6, 1, short=True), {("links", 4, None)}),
    ("links-zero-with-a-name", inode(6, 6, 0, short=True), {("links", 6, None)}),
    ("block-twice-in-a-file", same_block, lambda image: {("block-twice", 2, image.block_of(2, 0))}),
    ("block-of-two-files", indirect_twice, lambda image: {("block-twice", 3, image.block_of(2, 2))}),
    ("block-outside", both(unmark(2, 1), inode(2, 16, SIZE)), {("block-range", 2, SIZE)}),
    ("block-of-the-bitmap", both(unmark(2, 1), inode(2, 16, BITMAP)), {("block-range", 2, BITMAP)}),
    ("indirect-entry-outside", indirect_outside, {("block-range", 3, SIZE + 5)}),
    ("block-missing", missing, {("block-missing", 2, None)}),
    ("block-in-use-marked-free", unmark(3, 2), lambda image: {("block-unmarked", 3, image.block_of(3, 2))}),
    ("indirect-marked-free", unmark(3, 12), lambda image: {("block-unmarked", 3, image.block_of(3, 12))}),
    ("metadata-marked-free", lambda image: image.mark(INODE_START, False), {("block-unmarked", None, INODE_START)}),
    ("leak", lambda image: image.mark(SIZE - 1), {("block-leaked", None, SIZE - 1)}),
    ("root-is-a-file", inode(1, 0, FILE, short=True), None),
    ("root-is-free", inode(1, 0, 0, short=True), None),
    ("directory-size", inode(7, 8, 40), {("directory-size", 7, None)}),
    ("no-dot", record(7, 0, 0), {("directory-dots", 7, None)}),
    ("dot-of-another", record(7, 0, 4), {("directory-dots", 7, None)}),
    ("no-dotdot", record(7, 1, 0), {("directory-dots", 7, None)}),
    ("dotdot-of-another", record(7, 1, 1), {("directory-dots", 7, None)}),
    ("dotdot-of-the-root", record(1, 1, 4), {("directory-dots", 1, None)}),
    ("dots-exchanged", both(record(1, 0, name=b".."), record(1, 1, name=b".")), {("directory-dots", 1, None)}),
    ("name-twice", both(record(1, 5, name=b"f")), {("directory-duplicate", 1, None), ("links", 2, None)}),
    ("name-empty", record(1, 4, name=b""), {("directory-name", 1, None)}),
    ("name-with-a-slash", record(1, 4, name=b"a/b"), {("directory-name", 1, None)}),
    ("record-of-a-free-inode", both(record(4, 2, 30), inode(6, 0, 0, short=True)), {("directory-dead", 4, None)}),
    ("record-of-no-inode", both(record(4, 2, INODES), inode(6, 0, 0, short=True)), {("directory-dead", 4, None)}),
    ("directory-with-two-names", second_name, {("directory-twice", 4, None)}),
    ("unreachable-file", unreachable, {("unreachable", 6, None)}),
    ("unreachable-directories", island, {("unreachable", 8, None), ("unreachable", 9, None)}),
]

# name, what is done, the kind of the note: sound, but not with --strict
NOTES = [
    ("pending-log", lambda image: image.log(DATA), "log-pending"),
    ("orphan", lambda image: image.add(9, FILE, 0, b"held by somebody"), "orphan"),
    ("block-beyond-the-end", beyond, "block-beyond"),
    ("hole-in-a-directory", hole, "directory-hole"),
]


def checked(work, image, *options):
    """(exit code, the object printed) for an image or the path of one."""
    path = image
    if isinstance(image, Image):
        path = os.path.join(work.folder, "made.img")
        image.write(path)
    done = work.duo("fsck", "--json", *options, path)
    return done.returncode, json.loads(done.stdout)


def found(told):
    return {(one["kind"], one["inode"], one["block"]) for one in told["damage"]}


def register_damage(name, deed, wanted):
    @test(f"fsck/{name}", quick=True)
    def check(work):
        image = Image()
        deed(image)
        code, told = checked(work, image)
        work.equal(code, 1, "exit code")
        if wanted is None:  # without a root everything below it is lost as well
            work.check(("root", 1, None) in found(told), f"found {found(told)}")
        else:
            work.equal(found(told), wanted(image) if callable(wanted) else wanted, "found")
        lines = work.duo("fsck", os.path.join(work.folder, "made.img")).stdout.splitlines()
        work.equal(len(lines), len(told["damage"]) + len(told["notes"]) + 1, "lines: one for each, and the last")


def register_note(name, deed, kind):
    @test(f"fsck/{name}", quick=True)
    def check(work):
        image = Image()
        deed(image)
        code, told = checked(work, image)
        work.equal((code, found(told)), (0, set()), "exit code and damage")
        work.equal({note["kind"] for note in told["notes"]}, {kind}, "notes")
        work.equal(checked(work, image, "--strict")[0], 1, "exit code with --strict")


for row in DAMAGE:
    register_damage(*row)
for row in NOTES:
    register_note(*row)


@test("fsck/sound", quick=True)
def sound(work):
    code, told = checked(work, Image(), "--strict")
    work.equal((code, told["damage"], told["notes"]), (0, [], []), "the image made by hand")
    work.equal(told["inodes"], 7, "inodes in use")
    work.equal(told["free_blocks"], SIZE - Image().next, "free blocks")
    code, told = checked(work, paths.built("test", "fs.img"), "--strict")
    work.equal((code, told["damage"], told["notes"]), (0, [], []), "the image of mkfs")


@test("fsck/usage", quick=True)
def usage(work):
    work.equal(work.duo("fsck").returncode, 2, "no image")
    done = work.duo("fsck", os.path.join(work.folder, "nowhere.img"))
    work.equal(done.returncode, 2, "an image that is not there")
    work.matches(done.stderr, r"nowhere\.img: No such file", "the message")
    work.equal(work.duo("fsck", work.folder).returncode, 2, "a folder")
    empty = os.path.join(work.folder, "empty.img")
    with open(empty, "wb"):
        pass
    work.equal(work.duo("fsck", empty).returncode, 1, "an empty file")


@test("fsck/replay", quick=True)
def replay(work):
    """A log that repairs an image, one that ruins it, and one whose block comes twice."""
    image = Image()
    good = bytes(image.bytes[image.record(1, 0) // BLOCK * BLOCK:][:BLOCK])
    home = image.block_of(1, 0)
    record(1, 4, name=b"")(image)
    work.equal(found(checked(work, image)[1]), {("directory-name", 1, None)}, "damaged")
    image.log(home, home)
    image.bytes[(LOG_START + 1) * BLOCK:(LOG_START + 2) * BLOCK] = bytes(BLOCK)
    image.bytes[(LOG_START + 2) * BLOCK:(LOG_START + 3) * BLOCK] = good
    code, told = checked(work, image, "--replay")
    work.equal((code, found(told), told["pending"]), (0, set(), 2), "repaired by the later copy")
    image.log(home)
    work.equal(checked(work, image, "--replay")[0], 1, "ruined by the first copy")
    image.log(home, SIZE)
    work.equal(found(checked(work, image, "--replay")[1]), {("log-home", None, LOG_START), ("directory-name", 1, None)},
               "a damaged log is not replayed")


@test("fsck/never-fails-itself", quick=True)
def fuzz(work):
    """Whatever an image holds, the checker ends with a finding or none, not with a mistake of its own."""
    import random
    dice = random.Random(5)
    for _ in range(400):
        image = Image()
        for _ in range(dice.choice([1, 3, 30])):
            at = dice.choice([dice.randrange(BLOCK, BLOCK + 32), dice.randrange(LOG_START * BLOCK, LOG_START * BLOCK + 64),
                              dice.randrange(INODE_START * BLOCK, INODE_START * BLOCK + 640),
                              dice.randrange(DATA * BLOCK, image.next * BLOCK)])
            image.bytes[at] = dice.randrange(256)
        data = bytes(image.bytes)
        for again in (False, True):
            report = fsck.check(fsck.reader(data), SIZE, replay=again)
            for finding in report.damage + report.notes:
                work.check(fsck.words(finding), "a finding without words")


@test("fsck/what-mono-leaves")
def mono(work):
    """Directories, links, large files and removals on mono leave an image without damage or notes."""
    disk = work.disk()
    with work.guest("mono", disk=disk) as guest:
        for line in ("mkdir d", "mkdir d/e", "cat README > d/r", "ln d/r d/e/s", "cat init sh ls cat grep xmaptest > large",
                     "cat large large > d/larger", "rm d/r", "rm large", "mkdir g", "rm g", "echo x > d/e/t"):
            guest.command(line)
        guest.stop()
        work.equal(guest.outcome, Outcome.CLEAN, "the end")
    code, told = checked(work, disk, "--strict", "--replay")
    told["notes"] = [note for note in told["notes"] if note["kind"] != "log-pending"]
    work.equal((told["damage"], told["notes"]), ([], []), "what is wrong")
    data = open(disk, "rb").read()
    names = fsck.check(fsck.reader(data), len(data) // BLOCK, replay=True).names
    work.check({"/d/e/s", "/d/e/t", "/d/larger"} <= set(names) and "/large" not in names, f"the names are {sorted(names)}")
    work.check(code == 0 or told["pending"], "exit code")


@test("fsck/images-of-xv6")
def xv6(work):
    for name in ("xv6-fs.img", "xv6-2022-fs.img"):
        path = os.path.join(work.folder, name)
        shutil.copyfile(peer(name), path)
        code, told = checked(work, path)
        work.equal((code, told["damage"]), (0, []), name)
