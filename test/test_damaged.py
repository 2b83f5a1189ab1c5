"""
Damaged records on micro: xmap writes nonsense over what it keeps of page tables, and dies. The debugger writes it. The next
generation must notice; it costs the program whose memory the record was about, and nobody else: no page is shown that is another's.

Who loses is grep in `sh | grep`, which waits meanwhile.
"""

import struct

from harness import Failure, test
from test_patience import Scene, free_frames
from trials.places import constants, layout, symbol

XMAP = ("servers", "xmap.elf")
ENTRIES = 512  # of a table
WORD = 8  # bytes of a shadow, which is the record of a page
PIECE = 1024  # bytes that the debugger reads at once
ONES = (1 << 64) - 1
END_OF_FILE = b"\x04"
FRAMES_BATCH = 32  # made at once
SPACES = 72
TABLES_SEEN = 64  # those with lower numbers are used first
A0 = 10
PROGRAMS = 9  # more than have been there at one time: they need frames that nobody had
RESTARTED = 3  # the generation after reference()


class Records:
    """What xmap keeps of page tables (placement/micro/xmap/vspace.c), while it stands still."""

    def __init__(self, gdb):
        self.gdb = gdb
        self.kept, self.tables, self.shadows, self.used, self.lent = (
            self.number(symbol("xmap", name), 8) for name in ("kept", "tables", "shadows", "used", "lent"))
        self.fields = {name: layout(XMAP, name) for name in ("kept", "table")}
        self.size = sum(size for _, size in self.fields["table"].values())
        self.done = constants(XMAP, "STEP_DONE")["STEP_DONE"]

    def number(self, address, size):
        return int.from_bytes(self.gdb.read(address, size), "little")

    def put(self, address, value, size):
        self.gdb.write(address, (value & (1 << 8 * size) - 1).to_bytes(size, "little"))

    def place(self, structure, member, index=0):
        """(address, size) of a member of the kept structure, or of the record of a table."""
        offset, size = self.fields[structure][member]
        return (self.kept + offset + index * size if structure == "kept" else self.tables + index * self.size + offset), size

    def value(self, structure, member, index=0):
        return self.number(*self.place(structure, member, index))

    def change(self, structure, member, change, index=0):
        """`change` is a function of the present value."""
        address, size = self.place(structure, member, index)
        self.put(address, change(self.number(address, size)), size)

    def spaces(self):
        """The numbers of those that exist."""
        data = self.gdb.read(self.place("kept", "spaces")[0], 4 * SPACES)
        return {space for space, step in enumerate(struct.unpack(f"<{SPACES}I", data)) if step == self.done}

    def tables_of(self, space, level):
        """Those that are mapped."""
        return [t for t in range(TABLES_SEEN) if self.value("table", "step", t) == self.done
                and self.value("table", "space", t) == space and self.value("table", "level", t) == level]

    def pages_of(self, space):
        """The addresses of its pages' records."""
        return [address for t in self.tables_of(space, 0) for address, word in self.words(t) if word]

    def words(self, t):
        """[(address, value)] of the records of pages in a table."""
        start = self.shadows + t * ENTRIES * WORD
        data = b"".join(self.gdb.read(at, PIECE) for at in range(start, start + ENTRIES * WORD, PIECE))
        return list(zip(range(start, start + ENTRIES * WORD, WORD), struct.unpack(f"<{ENTRIES}Q", data)))


def stand_still(scene, typed):
    """xmap begins to make a new program for one: that one's space."""
    scene.come_to("xmap", "xmap_space_fork", typed)
    return scene.gdb.register(A0)


def reference(scene):
    """How many frames are free with nothing at work but a shell, after a restart of xmap."""
    scene.gdb.go()
    free = [free_frames(scene.guest) for _ in range(2)][-1]
    scene.stop_guest()
    return free


def reader_of_pipe(scene):
    """Starts `sh | grep again`, of which grep waits; the guest stands still where that sh makes a program. The space of grep."""
    guest, begin = scene.guest, len(scene.guest.output)
    stand_still(scene, b"sh | grep again\n")
    known = Records(scene.gdb).spaces()
    scene.gdb.go()
    guest.prompt(20)
    scene.type(b"echo again\n")
    guest.expect(r"^(\$ )*again$", 20, begin)
    scene.stop_guest()
    working = stand_still(scene, b"echo again\n")
    others = Records(scene.gdb).spaces() - known - {working}
    if len(others) != 1:
        raise Failure(f"grep's space is one of {others}")
    return others.pop()


def reader_loses(work, damage, lost, deaths):
    """
    `damage` is a function of the records and grep's space. `deaths`: functions of the next generations in which xmap dies again.
    """
    with Scene() as scene:
        guest, free = scene.guest, reference(scene)
        space = reader_of_pipe(scene)
        begin = len(scene.said())  # with all of the line that was typed last
        damage(Records(scene.gdb), space)
        scene.dies()
        for function in deaths:
            scene.come_to("xmap", function)
            scene.dies()
        scene.gdb.go()
        guest.expect(rf"^\[sup\] xmap: restarted, generation {RESTARTED + 1 + len(deaths)}\b", 20, begin)
        if not lost:
            guest.expect(r"^(\$ )*again$", 20, begin)
        guest.send("nothing")
        guest.expect(r"exec nothing failed\n(.*\n)*\$ ", 20, begin)  # the second shell is there
        since = len(guest.output)
        scene.type(END_OF_FILE)
        guest.expect(r"\$ $", 20, since)  # and here the first one
        work.matches(guest.command("xmaptest", 20), r"^xmaptest: the service is correct$", "another program")
        work.equal(guest.command("echo on" + " | grep on" * PROGRAMS, 20), "on\n", "what passes through many programs")
        free_frames(guest)
        work.equal(free_frames(guest), free, "free frames")
        text = guest.output[begin:]
        if lost:
            work.matches(text, rf"^xmap: space {space} is lost: .*$", "the space")
            work.matches(text, r"^xmap: restarted, \d+ spaces kept, 1 lost$", "nobody else's")
            work.absent(text, r"^(\$ )*again$", "what grep says without its memory")
        work.absent(text, r"xmap: restarted, \d+ spaces kept, " + ("([2-9]|1\\d)" if lost else "[1-9]"), "a loss")
        work.equal(text.count("usertrap(): "), int(lost), "programs killed")
        work.absent(text, r"init: starting sh", "the first shell's end")
        work.equal(text.count("[sup] xmap: died"), 1 + len(deaths), "deaths")
        work.absent(text, r"\[sup\] (?!xmap)\w+: (died|hangs|restarted)", "somebody else's trouble")


def word(change, which=0):
    """The record of a page."""
    def damage(records, space):
        address = records.pages_of(space)[which]
        records.put(address, change(records.number(address, WORD)), WORD)
    return damage


def no_pages(records, space):
    """All pages of a table vanish."""
    for address, _ in records.words(records.tables_of(space, 0)[0]):
        records.put(address, 0, WORD)


def twice(records, space):
    """A page's record is also that of the place before it, where no page is."""
    known = set(records.pages_of(space))
    page = next(address for address in known if address % (ENTRIES * WORD) and address - WORD not in known)
    records.put(page - WORD, records.number(page, WORD), WORD)


def table(level, member, change):
    """One number of the record of a table."""
    return lambda records, space: records.change("table", member, change, records.tables_of(space, level)[0])


def whole_table(level, byte):
    """Each byte of it."""
    def damage(records, space):
        records.gdb.write(records.tables + records.tables_of(space, level)[0] * records.size, bytes([byte]) * records.size)
    return damage


def kept(member, change, own=False):
    """A number that is kept, the first of a row of such; or that of the reader's space."""
    return lambda records, space: records.change("kept", member, change, space if own else 0)


def never_made(value):
    """Of each number that no space has, whether there is a root table for it."""
    def damage(records, _):
        for space in set(range(SPACES)) - records.spaces():
            records.change("kept", "made", lambda _: value, space)
    return damage


def never_given(records, space):
    """Of the frame behind a page of its, that it was given out."""
    frame = records.number(records.pages_of(space)[0], WORD) & (1 << 20) - 1
    records.put(records.used + frame, 0, 1)


def register(name, damage, lost=True, deaths=(), quick=False):
    @test(f"micro/damaged-{name}", quick=quick)
    def check(work):
        reader_loses(work, damage, lost, deaths)


register("page-ones", word(lambda _: ONES), quick=True)
register("page-gone", word(lambda _: 0))
register("page-frame", word(lambda value: value ^ 1))
register("page-slot", word(lambda value: value ^ 1 << 37))
register("page-step", word(lambda value: value ^ 1 << 24, -1))
register("page-twice", twice)
register("pages-gone", no_pages)
register("table-ones", whole_table(0, 0xFF), quick=True)
register("table-zero", whole_table(0, 0))
register("table-space", table(0, "space", lambda value: value ^ 1))
register("table-region", table(0, "region", lambda value: value ^ 1))
register("table-step", table(0, "step", lambda _: 0))
register("table-pages", table(0, "pages", lambda value: value + 1))
register("upper-ones", whole_table(1, 0xFF))
register("upper-zero", whole_table(1, 0))
register("space-step", kept("spaces", lambda _: ONES, own=True))
register("space-step-none", kept("spaces", lambda _: 0, own=True))
register("fresh-ones", kept("fresh", lambda _: ONES), lost=False, quick=True)
register("fresh-more", kept("fresh", lambda value: value + FRAMES_BATCH), lost=False)
register("fresh-less", kept("fresh", lambda _: 1), lost=False)
register("tables-ones", kept("tables", lambda _: ONES), lost=False)
register("tables-zero", kept("tables", lambda _: 0), lost=False)
register("made-ones", never_made(ONES), lost=False)
register("made-zero", never_made(0), lost=False)
register("used", never_given, lost=False)
register("page-and-dies", word(lambda _: ONES), deaths=("page_damaged", "slot_delete"), quick=True)
register("page-and-dies-later", word(lambda _: ONES), deaths=("xmap_restart", "port_unmap"))
register("table-and-dies", whole_table(0, 0xFF), deaths=("table_end", "space_end", "slot_delete"))


@test("micro/damaged-beyond-telling")
def beyond_telling(work):
    """The record of a table and one of its pages: whose table it was, nobody can say. All programs end, and begin anew."""
    with Scene() as scene:
        guest, free = scene.guest, reference(scene)
        begin = len(guest.output)
        space = stand_still(scene, b"echo\n")
        records = Records(scene.gdb)
        for damage in (word(lambda _: ONES), whole_table(0, 0xFF)):
            damage(records, space)
        scene.dies()
        scene.gdb.go()
        guest.expect(r"^init: starting sh$", 20, begin)
        guest.prompt(20)
        work.matches(guest.output[begin:], r"^xmap: restarted, 0 spaces kept, \d+ lost$", "the spaces")
        work.equal(guest.command("echo alive", 20), "alive\n", "what is typed afterwards")
        free_frames(guest)
        work.equal(free_frames(guest), free, "free frames")
        work.equal(guest.output[begin:].count("[sup] xmap: died"), 1, "deaths")


@test("micro/damaged-lent")
def lent_to_nobody(work):
    """To whom each frame is lent is no client's number: it is lent to nobody, and the next one who asks gets it."""
    with Scene() as scene:
        stand_still(scene, b"echo alive\n")
        records = Records(scene.gdb)
        places = [records.lent + 2 * frame for frame in range(records.value("kept", "fresh"))]
        for place in places:
            records.put(place, ONES, 2)
        scene.dies()
        scene.come_to("xmap", "xmap_restart")
        work.equal({records.number(place, 2) for place in places}, {0}, "to whom they are lent")
        scene.gdb.go()
        scene.guest.expect(r"^alive$", 20)
        scene.guest.prompt(20)
        work.equal(scene.guest.command("echo again", 20), "again\n", "what is typed afterwards")
