"""
Is a restart a restart? Before a server is killed something is written into objects of its own: a variable that nobody uses,
the far end of its first thread's stack, an entry of its page table that maps nothing, and the floating-point registers that
the kernel keeps in its thread, and that no server has. These it lives on with for a while, which shows that they stay by
themselves. Then, at its last instruction, a word into every page of its own: text, data, each thread's stack and IPC buffer,
the information; and into its record, which is to be kept. When the next generation comes to its first instruction all but the
last must be gone: its objects have been made anew, from memory that was zeroed, and in none of its own pages is such a word.
"""

import struct

from duo.gdbstub import PC
from trials.places import RANGE, RECORD_OFFSET, base_of, layout, symbol
from trials.session import NOWHERE, Session

POISON = bytes.fromhex("5eed5eed5eed5eed")
# An entry without its valid bit: for the hart it is nothing, whatever else is in it.
ENTRY = (0x5EED << 16).to_bytes(8, "little")
ENTRY_PLACE = 200 * 8  # in the root table, where no server has anything
STACK_END = 0x0500C000  # of thread 0 (placement/micro/layout.h)
PAGE_BITS = 12
PAGE = 1 << PAGE_BITS
LEAST_PAGES = 40
PAGE_PLACE = 0xF80  # of the word in a page: of an IPC buffer's page and of a record nobody uses it
THREADS, THREADS_END, THREAD_AREA, THREAD_TRANSFER = 0x05000000, 0x08000000, 0x20000, 0x11000
NUMBER_MASK = (1 << 44) - 1


def root_table(gdb):
    return (gdb.register("satp") & NUMBER_MASK) << PAGE_BITS


def physical(gdb, address):
    """Where the hart finds an address of its space (Sv39), whoever may use it: by its page table."""
    table = root_table(gdb)
    for level in (2, 1, 0):
        shift = PAGE_BITS + 9 * level
        entry = int.from_bytes(gdb.physical_read(table + (address >> shift & 511) * 8, 8), "little")
        table = (entry >> 10 & NUMBER_MASK) << PAGE_BITS
        if entry & 0b1110:
            return table + (address & (1 << shift) - 1)
    raise ValueError(f"{address:#x} is not mapped")


def pages(gdb, server):
    """{address: physical address} of all pages that the hart finds in the server's range; the hart is in the server."""
    found = {}

    def walk(table, level, address):
        shift = PAGE_BITS + 9 * level
        data = b"".join(gdb.physical_read(table + at, PAGE // 4) for at in range(0, PAGE, PAGE // 4))
        for index, entry in enumerate(struct.unpack("<512Q", data)):
            at = address + (index << shift)
            target = (entry >> 10 & NUMBER_MASK) << PAGE_BITS
            if not entry & 1 or at >= base_of(server) + RANGE or at + (1 << shift) <= base_of(server):
                continue
            if entry & 0b1110:
                found[at] = target
            else:
                walk(target, level - 1, at)

    walk(root_table(gdb), 2, 0)
    return found


def is_private(server, address):
    """Of a page: whether it is one server's and one generation's. Not the record, kept memory, devices, DMA, transfers."""
    offset = address - base_of(server)
    if THREADS <= offset < THREADS_END:
        return offset % THREAD_AREA != THREAD_TRANSFER
    return offset < THREADS and offset != RECORD_OFFSET


class Pages:
    """The words in the pages that a server has now, and in its record."""

    def __init__(self, gdb, server):
        known = pages(gdb, server)
        self.record = known.pop(base_of(server) + RECORD_OFFSET)
        self.own = {address: place for address, place in known.items() if is_private(server, address)}

    def poison(self, gdb):
        for place in (self.record, *self.own.values()):
            gdb.physical_write(place + PAGE_PLACE, POISON)

    def poisoned(self, gdb):
        return [f"{address:#x}" for address, place in self.own.items() if has_word(gdb, place)]


def has_word(gdb, place):
    return gdb.physical_read(place + PAGE_PLACE, len(POISON)) == POISON


class Places:
    """The physical addresses of what is poisoned; the hart is in the server."""

    def __init__(self, gdb, server):
        members = layout(("micro-release.elf",), "tcb")
        thread = physical(gdb, gdb.register("sscratch")) - members["frame"][0]  # the frame of the thread that runs
        self.known = {"variable": (physical(gdb, symbol(server, "rounds.0")), POISON),
                      "stack": (physical(gdb, base_of(server) + STACK_END), POISON),
                      "page table": (root_table(gdb) + ENTRY_PLACE, ENTRY),
                      "thread": (thread + members["fpu"][0], POISON)}

    def poison(self, gdb):
        for address, value in self.known.values():
            gdb.physical_write(address, value)

    def poisoned(self, gdb):
        """The names of those that are still as they were written."""
        return [name for name, (address, value) in self.known.items() if gdb.physical_read(address, len(value)) == value]


def check(work, server):
    with Session(3, 8) as session:
        somewhere, first = symbol(server, "inject_point"), symbol(server, "_start")
        session.begin()
        while session.printed() < 10:
            session.step()
        session.stop_guest()
        gdb = session.gdb
        gdb.set_breakpoint(somewhere)
        gdb.go()
        session.wait_stop()
        old = Places(gdb, server)
        old.poison(gdb)
        # at the next operation, with the kernel entered many times in between, it is still there: so it would be seen
        gdb.go_from(somewhere)
        session.wait_stop()
        work.equal(old.poisoned(gdb), list(old.known), "what was written before the death")
        gdb.clear_breakpoint(somewhere)
        pages_ = Pages(gdb, server)
        work.check(len(pages_.own) > LEAST_PAGES, f"only {len(pages_.own)} pages are {server}'s own")
        pages_.poison(gdb)
        work.equal(len(pages_.poisoned(gdb)), len(pages_.own), "what was written into pages")
        gdb.set_register(PC, NOWHERE)
        gdb.set_breakpoint(first)
        gdb.go()
        session.wait_stop()
        work.equal(gdb.register(PC), first, "the next generation's first instruction")
        work.equal(old.poisoned(gdb), [], "the old generation's objects that live on")
        new = Places(gdb, server)
        work.equal(new.poisoned(gdb), [], "what the new generation finds of the old one's")
        again = Pages(gdb, server)
        work.equal(again.own.keys(), pages_.own.keys(), "the addresses of its pages")
        work.equal(again.poisoned(gdb), [], "pages in which the old one's words are")
        work.check(has_word(gdb, again.record), "the record has not kept its word")
        work.equal([gdb.register(number) for number in range(1, 32) if number not in (2, 4)], [0] * 29, "its registers")
        gdb.clear_breakpoint(first)
        gdb.go()
        if server == "unix":  # whose programs end with it, the workload too
            session.guest.expect(r"^init: starting sh$", 20, len(session.guest.output))
            session.guest.prompt(20)
        else:
            session.run()
        work.matches(session.text, rf"^\[sup\] {server}: restarted, generation 2\b", "the restart")
    return f"{len(pages_.own)} pages"
