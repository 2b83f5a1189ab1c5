"""
Is a restart a restart? Before a server is killed something is written into objects of its own: a variable that nobody uses,
the far end of its first thread's stack, an entry of its page table that maps nothing, and the floating-point registers that
the kernel keeps in its thread, and that no server has. When the next generation comes to its first instruction all of that
must be gone: its objects have been made anew, from memory that was zeroed.
"""

from duo.gdbstub import PC
from trials.places import base_of, layout, symbol
from trials.session import NOWHERE, Session

POISON = bytes.fromhex("5eed5eed5eed5eed")
# An entry without its valid bit: for the hart it is nothing, whatever else is in it.
ENTRY = (0x5EED << 16).to_bytes(8, "little")
ENTRY_PLACE = 200 * 8  # in the root table, where no server has anything
STACK_END = 0x0500C000  # of thread 0 (placement/micro/layout.h)
PAGE_BITS = 12
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
        gdb.set_register(PC, NOWHERE)
        gdb.set_breakpoint(first)
        gdb.go()
        session.wait_stop()
        work.equal(gdb.register(PC), first, "the next generation's first instruction")
        work.equal(old.poisoned(gdb), [], "the old generation's objects that live on")
        new = Places(gdb, server)
        work.equal(new.poisoned(gdb), [], "what the new generation finds of the old one's")
        work.equal([gdb.register(number) for number in range(1, 32) if number not in (2, 4)], [0] * 29, "its registers")
        gdb.clear_breakpoint(first)
        gdb.go()
        session.run()
        work.matches(session.text, rf"^\[sup\] {server}: restarted, generation 2\b", "the restart")
