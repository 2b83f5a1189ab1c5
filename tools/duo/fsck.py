"""
`duo fsck`: is an image in xv6's format sound? It changes nothing.

Independent of service/fs and of mkfs on purpose: it knows the format (abi/disk/xv6fs.h) and nothing else, so that it can
judge both. Only the superblock says where things are. What is found is of two kinds:

    damage    the image contradicts itself: blocks, names or links would be lost or mixed up
    note      legal, but worth knowing: a log that waits to be replayed, an inode without names (the next mount frees
              it), blocks behind a file's end (xv6 leaves them when a write fails half-way), a directory with a hole

Exit code 0: sound; 1: damaged, each damage on a line of its own; 2: usage. With --strict notes count as damage.

As a library: check(read, blocks) takes a function that returns a block's bytes, and returns a Report with what was found
and the tree of names, for those that compare it with what should be there.
"""

import json
import struct
import sys
from collections import namedtuple

from duo import paths

BLOCK = 1024
SUPER_BLOCK = 1
MAGIC = 0x10203040
INODE_SIZE = 64
INODES_PER_BLOCK = BLOCK // INODE_SIZE
ROOT = 1
DIRECTORY, FILE, DEVICE = 1, 2, 3
DIRECT = 12
INDIRECT = BLOCK // 4
FILE_BLOCKS = DIRECT + INDIRECT
RECORD = struct.Struct("<H14s")
HEADER_HOMES = BLOCK // 4 - 3  # block numbers between the count and the 8 bytes at the block's end
BITS = BLOCK * 8

Super = namedtuple("Super", "magic size nblocks ninodes nlog logstart inodestart bmapstart")
Inode = namedtuple("Inode", "type major minor nlink size blocks")  # blocks: 12 direct ones and the indirect one
Finding = namedtuple("Finding", "kind text inode block")


def add_arguments(parser):
    parser.add_argument("image", metavar="IMG", help="an image in xv6's format; it is only read")
    parser.add_argument("--replay", action="store_true", help="check what the image will be after its log is replayed")
    parser.add_argument("--strict", action="store_true", help="notes count as damage")
    parser.add_argument("--json", action="store_true", help="one object on stdout instead of lines")


def main(options):
    try:
        with open(options.image, "rb") as file:
            data = file.read()
    except OSError as error:
        raise paths.Problem(paths.EXIT_USAGE, f"{options.image}: {error.strerror}") from error
    report = check(reader(data), len(data) // BLOCK, replay=options.replay)
    wrong = report.damage + (report.notes if options.strict else [])
    if options.json:
        json.dump({"schema": "duo.fsck/1", "image": options.image, "sound": not wrong, "replayed": options.replay,
                   "super": report.super._asdict() if report.super else None, "pending": report.pending,
                   "inodes": report.used_inodes, "free_blocks": report.free_blocks,
                   "damage": [finding._asdict() for finding in report.damage],
                   "notes": [finding._asdict() for finding in report.notes]}, sys.stdout, indent=1)
        print()
    else:
        for finding in report.damage:
            print(f"{options.image}: {words(finding)}")
        for finding in report.notes:
            print(f"{options.image}: {words(finding)}" if options.strict else f"note: {words(finding)}")
        print(f"{options.image}: {len(wrong)} damaged" if wrong else
              f"{options.image}: sound, {report.used_inodes} inodes used, {report.free_blocks} blocks free")
    return paths.EXIT_WRONG if wrong else paths.EXIT_OK


def words(finding):
    """One line: where, and what is wrong there."""
    where = [f"inode {finding.inode}"] if finding.inode is not None else []
    where += [f"block {finding.block}"] if finding.block is not None else []
    return ": ".join([", ".join(where)] * bool(where) + [f"{finding.text} [{finding.kind}]"])


def reader(data):
    """Blocks of an image in memory; behind its end they are zeros."""
    def read(block):
        piece = data[block * BLOCK:(block + 1) * BLOCK]
        return piece if len(piece) == BLOCK else piece.ljust(BLOCK, b"\0")
    return read


def check(read, blocks, replay=False):
    """
    Checks the image of `blocks` whole blocks that `read` gives. With `replay` it is checked as it will be after its log has
    been copied home, which a damaged log never is.
    """
    report = Report(read, blocks)
    report.run(replay)
    return report


class Report:
    """
    What a check found. `damage` and `notes` are lists of Finding; `pending` is the number of blocks that wait in the log;
    `names` maps each path to its inode number. A superblock that is damaged ends the check: nothing else can be found.
    """

    def __init__(self, read, blocks):
        self._read = read
        self._blocks = blocks
        self.damage = []
        self.notes = []
        self.super = None
        self.pending = 0
        self.replayed = {}  # what a recovery writes home, if it was asked for
        self.used_inodes = 0
        self.free_blocks = 0
        self.names = {}
        self.inodes = {}  # number: Inode, of those in use
        self._claims = {}  # block: inode
        self._links = {}  # inode: records that count as a link
        self._parents = {}  # directory: (the directory that names it, its path)

    def run(self, replay):
        if not self._check_super():
            return
        homes = self._check_log()
        if replay:
            self.replayed = recovered(self._read, self.super, homes)
            self._read = overlaid(self._read, self.replayed)
        self._check_inodes()
        self._check_tree()
        self._check_links()
        self._check_bitmap()

    def content(self, number):
        """The bytes of a file; what has no block reads as zeros."""
        inode = self.inodes[number]
        blocks = self._file_blocks(inode)
        pieces = [self._read(blocks[i]) if self._is_data(blocks[i]) else bytes(BLOCK)
                  for i in range(min((inode.size + BLOCK - 1) // BLOCK, FILE_BLOCKS))]
        return b"".join(pieces)[:inode.size]

    def _damaged(self, kind, text, inode=None, block=None):
        self.damage.append(Finding(kind, text, inode, block))

    def _noted(self, kind, text, inode=None, block=None):
        self.notes.append(Finding(kind, text, inode, block))

    # -- superblock and log ------------------------------------------------------------------------------------------

    def _check_super(self):
        found = Super(*struct.unpack("<8I", self._read(SUPER_BLOCK)[:32]))
        if found.magic != MAGIC:
            self._damaged("super-magic", f"the magic number is {found.magic:#x}, not {MAGIC:#x}", block=SUPER_BLOCK)
            return False
        before = len(self.damage)
        if found.size > self._blocks:
            self._damaged("super-size", f"{found.size} blocks in an image of {self._blocks}", block=SUPER_BLOCK)
        data = found.size - found.nblocks
        if found.nblocks == 0 or data <= SUPER_BLOCK:
            self._damaged("super-size", f"{found.nblocks} data blocks of {found.size}", block=SUPER_BLOCK)
        if found.ninodes <= ROOT:
            self._damaged("super-inodes", f"{found.ninodes} inodes", block=SUPER_BLOCK)
        if found.nlog < 2:
            self._damaged("super-layout", f"a log of {found.nlog} blocks", block=SUPER_BLOCK)
        if len(self.damage) > before:
            return False
        areas = [("log", found.logstart, found.nlog), ("inodes", found.inodestart, -(-found.ninodes // INODES_PER_BLOCK)),
                 ("bitmap", found.bmapstart, -(-found.size // BITS))]
        end = SUPER_BLOCK + 1
        for name, start, count in sorted(areas, key=lambda area: area[1]):
            if start < end or start + count > data:
                self._damaged("super-layout", f"{name} in {start}..{start + count - 1}, data from {data} on, something else "
                                              f"before {end}", block=SUPER_BLOCK)
            end = max(end, start + count)
        if len(self.damage) > before:
            return False
        self.super = found
        return True

    def _check_log(self):
        """The homes of a pending log; empty if nothing is pending, or if what is pending is damaged."""
        header = self._read(self.super.logstart)
        count = struct.unpack_from("<I", header)[0]
        if count == 0:
            return []
        room = min(self.super.nlog - 1, HEADER_HOMES)
        if count > room:
            self._damaged("log-count", f"the log holds {count} blocks, there is room for {room}", block=self.super.logstart)
            return []
        homes = struct.unpack_from(f"<{count}I", header, 4)
        bad = False
        for index, home in enumerate(homes):
            in_log = self.super.logstart <= home < self.super.logstart + self.super.nlog
            if home <= SUPER_BLOCK or home >= self.super.size or in_log:
                self._damaged("log-home", f"copy {index} of the log belongs to block {home}", block=self.super.logstart)
                bad = True
        if bad:
            return []
        self.pending = count
        self._noted("log-pending", f"{count} blocks wait in the log; --replay checks what a mount would find",
                    block=self.super.logstart)
        return list(homes)

    # -- inodes ------------------------------------------------------------------------------------------------------

    def _is_data(self, block):
        return self.super.size - self.super.nblocks <= block < self.super.size

    def _file_blocks(self, inode):
        """The numbers of all blocks the inode has room for, as they are written there."""
        indirect = inode.blocks[DIRECT]
        rest = struct.unpack(f"<{INDIRECT}I", self._read(indirect)) if self._is_data(indirect) else (0,) * INDIRECT
        return inode.blocks[:DIRECT] + rest

    def _check_inodes(self):
        for start in range(0, self.super.ninodes, INODES_PER_BLOCK):
            table = self._read(self.super.inodestart + start // INODES_PER_BLOCK)
            if table == bytes(BLOCK):
                continue
            for index in range(min(INODES_PER_BLOCK, self.super.ninodes - start)):
                fields = struct.unpack_from("<4hI13I", table, index * INODE_SIZE)
                number, inode = start + index, Inode(*fields[:5], fields[5:])
                if inode.type == 0 or number == 0:
                    continue
                if inode.type not in (DIRECTORY, FILE, DEVICE):
                    self._damaged("inode-type", f"type {inode.type}", number)
                    continue
                self.inodes[number] = inode
                self.used_inodes += 1
                self._check_inode(number, inode)

    def _check_inode(self, number, inode):
        if inode.type == DEVICE:
            # a device has no data: what its record says of blocks is never followed
            if inode.size or any(inode.blocks):
                self._damaged("inode-device", "a device with a size or blocks", number)
            return
        if inode.size > FILE_BLOCKS * BLOCK:
            self._damaged("inode-size", f"{inode.size} bytes, the largest file has {FILE_BLOCKS * BLOCK}", number)
        if inode.type == DIRECTORY and inode.size % RECORD.size:
            self._damaged("directory-size", f"{inode.size} bytes, not a multiple of {RECORD.size}", number)
        needed = min(-(-inode.size // BLOCK), FILE_BLOCKS)
        if inode.blocks[DIRECT]:
            self._claim(number, inode.blocks[DIRECT])
        for index, block in enumerate(self._file_blocks(inode)):
            if block:
                self._claim(number, block)
                if index >= needed:
                    self._noted("block-beyond", f"behind the end, at {index * BLOCK} of {inode.size} bytes", number, block)
            elif index < needed and inode.type == DIRECTORY:
                self._noted("directory-hole", f"no block for byte {index * BLOCK} of a directory", number)
            elif index < needed:
                self._damaged("block-missing", f"no block for byte {index * BLOCK} of {inode.size}", number)
        if inode.blocks[DIRECT] and needed <= DIRECT:
            self._noted("block-beyond", f"an indirect block for {inode.size} bytes", number, inode.blocks[DIRECT])

    def _claim(self, number, block):
        if not self._is_data(block):
            self._damaged("block-range", "no data block", number, block)
        elif block in self._claims:
            self._damaged("block-twice", f"claimed twice, first by inode {self._claims[block]}", number, block)
        else:
            self._claims[block] = number

    # -- directories -------------------------------------------------------------------------------------------------

    def _check_tree(self):
        """Walks from the root; each directory once, whatever names it."""
        root = self.inodes.get(ROOT)
        if root is None or root.type != DIRECTORY:
            self._damaged("root", "the root is not a directory", ROOT)
            return
        self._parents[ROOT] = (ROOT, "/")
        waiting = [ROOT]
        while waiting:
            waiting += self._check_directory(waiting.pop())

    def _check_directory(self, number):
        """Checks the records of a directory; returns the directories named there for the first time."""
        parent, path = self._parents[number]
        seen, children = {}, []
        data = self.content(number)
        for at in range(0, len(data) - len(data) % RECORD.size, RECORD.size):
            target, raw = RECORD.unpack_from(data, at)
            if target == 0:
                continue
            name = raw.split(b"\0", 1)[0]
            shown = name.decode("utf-8", "backslashreplace")
            record = f"record {at // RECORD.size} ({shown!r})"
            if name in seen:
                self._damaged("directory-duplicate", f"{record} has the name of record {seen[name]}", number)
                continue
            seen[name] = at // RECORD.size
            if name in (b".", b".."):
                wanted = number if name == b"." else parent
                if seen[name] != len(name) - 1:
                    self._damaged("directory-dots", f"{record} is not record {len(name) - 1}", number)
                if target != wanted:
                    self._damaged("directory-dots", f"{record} names inode {target}, not {wanted}", number)
                continue
            if not name or b"/" in name:
                self._damaged("directory-name", f"{record} has no possible name", number)
            if target not in self.inodes:
                self._damaged("directory-dead", f"{record} names inode {target}, which is free or no inode", number)
                continue
            self._links[target] = self._links.get(target, 0) + 1
            full = path + shown
            self.names.setdefault(full, target)
            if self.inodes[target].type != DIRECTORY:
                continue
            if target in self._parents:
                self._damaged("directory-twice", f"{record} is a second name of directory {target}", number)
                continue
            self._parents[target] = (number, full + "/")
            children.append(target)
        for name in (b".", b".."):
            if name not in seen:
                self._damaged("directory-dots", f"no record {name.decode()!r}", number)
        return children

    def _check_links(self):
        children = {}
        for number, (parent, _) in self._parents.items():
            if number != ROOT:
                children[parent] = children.get(parent, 0) + 1
        for number, inode in self.inodes.items():
            links = self._links.get(number, 0)
            if number == ROOT and number in self._parents:
                links += 1  # the root has no name and counts as if it had one
            if links == 0 and inode.nlink == 0:
                self._noted("orphan", "has no name; the next mount frees it", number)
            elif links == 0:
                self._damaged("unreachable", f"has {inode.nlink} links and no name leads to it", number)
            elif links + children.get(number, 0) != inode.nlink:
                self._damaged("links", f"says {inode.nlink} links, {links + children.get(number, 0)} are there", number)

    # -- blocks ------------------------------------------------------------------------------------------------------

    def _check_bitmap(self):
        first = self.super.size - self.super.nblocks
        for base in range(0, self.super.size, BITS):
            bits = self._read(self.super.bmapstart + base // BITS)
            for block in range(base, min(base + BITS, self.super.size)):
                marked = bits[(block - base) >> 3] >> (block & 7) & 1
                if not marked:
                    self.free_blocks += 1
                if block < first:
                    if not marked:
                        self._damaged("block-unmarked", "holds the file system's own records and is marked free", block=block)
                elif block in self._claims and not marked:
                    self._damaged("block-unmarked", "in use and marked free", self._claims[block], block)
                elif marked and block not in self._claims:
                    self._damaged("block-leaked", "marked in use, and nobody has it", block=block)


# -- the log, as a mount replays it -------------------------------------------------------------------------------------


def recovered(read, layout, homes):
    """What a recovery writes: {home: bytes}. A block that is there twice gets its last copy."""
    return {home: read(layout.logstart + 1 + index) for index, home in enumerate(homes)}


def overlaid(read, changes):
    def read_changed(block):
        return changes[block] if block in changes else read(block)
    return read_changed
