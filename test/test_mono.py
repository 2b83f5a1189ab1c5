"""
mono at its serial line: the shell's commands, files over a reboot, harts that start and idle, the order of locks in the debug build, the
essay's bug inside the kernel.
"""

import os
import re
import shutil
import time

from elftools.elf.elffile import ELFFile
from harness import Outcome, paths, test
from limits import long

from duo import gdbstub

# name, then (command line, regular expression its whole output must match)
SHELL = [
    ("echo", [("echo hello  world", r"hello world\n")]),
    ("ls", [("ls", r"(?s)(?=.*^cat +2 \d+ \d+$)(?=.*^console +3 \d+ 0$)(?=.*^xmaptest +2 )\. +1 1 \d+\n.*")]),
    ("pipe", [("echo a b | cat", r"a b\n"), ("echo one two three | wc", r"1 3 14 *\n"),
              ("echo x | cat | cat | cat | wc", r"1 1 2 *\n")]),
    ("redirection", [("echo first > f", r""), ("cat f", r"first\n"), ("echo second >> f", r""),
                     ("cat < f", r"first\nsecond\n"), ("cat < f > g", r""), ("cat g", r"first\nsecond\n")]),
    ("pipe-and-file", [("ls | grep x > f; cat f", r"(?s)(?=.*^xmaptest)(?!.*^cat ).*")]),
    ("list-and-group", [("echo a; echo b", r"a\nb\n"), ("(echo a; echo b) | wc", r"2 2 4 *\n")]),
    ("unknown-command", [("nosuch", r"exec nosuch failed\n"), ("echo still here", r"still here\n")]),
    ("directories", [("mkdir d", r""), ("echo x > d/f", r""), ("cd d", r""), ("cat f", r"x\n"), ("cat ../d/f", r"x\n"),
                     ("cd ..", r""), ("rm d", r".*d failed to delete\n"), ("rm d/f", r""), ("rm d", r""),
                     ("cat d/f", r"cat: cannot open d/f\n")]),
    ("links", [("echo x > a", r""), ("ln a b", r""), ("rm a", r""), ("cat b", r"x\n")]),
    ("background", [("echo x > f &", r""), ("echo y", r"(?s).*y\n")]),
    ("blank-line", [("", r""), ("echo x", r"x\n")]),
    ("killed", [("crash", r"(?s)(?=.*usertrap\(\): unexpected scause 0xf pid=\d+\n +sepc=0x[0-9a-f]+ stval=0x0\n).*"
                          r"(crash [\w-]+: status -1\n.*){7}"), ("echo still here", r"still here\n")]),
    ("xmap", [("xmaptest", r"(?s)=== xmap allocator demo ===\n\nAllocator initialized: 64 pages available\nAllocated: .*"
                           r"First map OK\nSecond map refused: the region is mapped already\n.*"
                           r"xmaptest: the service is correct\n"), ("echo still here", r"still here\n")]),
    ("unknown-call", [("systest call-numbers", r"(?s)(?=.*^\d+ systest: unknown sys call 0$)(?=.*^\d+ systest: unknown sys call 22$).*"
                                               r"^ok call-numbers\n.*")]),
    ("kill-process-1", [("kill 1", r"kill: 1 failed\n"), ("kill 0", r"kill: 0 failed\n"),
                        ("echo still here", r"still here\n")]),
    ("xmap-calls", [("xmapcalls", r"(?s).*^xmapcalls: all passed\n")]),
]


def register(name, lines):
    @test(f"mono/shell-{name}")
    def check(work):
        with work.guest("mono") as guest:
            for line, wanted in lines:
                got = guest.command(line, 20)
                work.check(re.fullmatch(wanted, got, re.M), f"$ {line}: expected {wanted!r}, got {got!r}")
            guest.stop()
            work.equal(guest.outcome, Outcome.CLEAN, "the end")


for row in SHELL:
    register(*row)


@test("mono/boot", quick=True)
def boot(work):
    with work.guest("mono") as guest:
        guest.expect(r"^init: starting sh$")
        guest.prompt()


def register_harts(name, count, used):
    @test(f"mono/{name}-harts")
    def check(work):
        with work.guest("mono", harts=count) as guest:
            work.matches(guest.command("echo x | cat | cat"), r"^x$", "a pipe")
            work.matches(guest.command("xmapcalls"), r"^xmapcalls: all passed$", "xmapcalls")
            work.equal(guest.command("killed 30", 40).splitlines()[-1], "killed: 30", "killed")
            work.matches(guest.output, rf"^mono: {used} harts$", "how many there are")


for words in (("three", 3, 3), ("eight", 8, 8), ("twelve", 12, 8)):
    register_harts(*words)


def physical(elf, name):
    """Where a function of the kernel lies before translation is on."""
    with open(elf, "rb") as file:
        symbol, = ELFFile(file).get_section_by_name(".symtab").get_symbol_by_name(name)
    return symbol["st_value"] & 0xFFFFFFFF


@test("mono/hart-sent-to-the-entry")
def sent_to_the_entry(work):
    """OpenSBI 1.1 may let a hart that is being started begin where the first one did, and with nothing of what it was given."""
    socket = os.path.join(work.short_folder(), "gdb")
    elf = paths.built("mono.elf")
    start, entry = physical(elf, "hart_start_other"), physical(elf, "_start")
    with work.guest("mono", harts=2, extra=("-S", *gdbstub.arguments(socket))) as guest:
        gdb = gdbstub.Gdb(socket)
        gdb.set_breakpoint(start)
        gdb.go()
        work.check(gdb.stopped(30), "the second hart does not start")
        gdb.clear_breakpoint(start)
        gdb.set_register(gdbstub.PC, entry)
        gdb.set_register(11, 0x82000000)
        gdb.close()
        guest.prompt()
        work.matches(guest.output, r"^mono: 2 harts$", "how many there are")
        work.equal(guest.output.count("mono kernel is booting"), 1, "boots")
        guest.stop()
        work.equal(guest.outcome, Outcome.CLEAN, "the end")


@test("mono/100-boots-on-four-harts")
@long(900)
def boots(work):
    """Each boot comes to its prompt, runs processes side by side, and ends."""
    for number in range(100):
        with work.guest("mono", harts=4, timeout=30) as guest:
            work.matches(guest.command("echo x | cat | cat | wc", 20), r"^1 1 2 *$", f"boot {number}")
            guest.send("poweroff")
            work.equal(guest.wait_exit(10), Outcome.CLEAN, f"boot {number}: the end")
        shutil.rmtree(guest.folder)


@test("mono/idle-harts-wait")
def idle(work):
    """Harts without work wait for an interrupt: the computer has next to nothing to do for them. A hart that spins takes
    all of a processor, on a busy computer its share."""
    seconds, share = 3.0, 0.15
    with work.guest("mono", harts=4) as guest:
        guest.prompt()
        time.sleep(0.5)
        before = guest.cpu_seconds()
        time.sleep(seconds)
        spent = guest.cpu_seconds() - before
        work.equal(guest.command("echo x"), "x\n", "afterwards")
    work.check(spent < share * seconds, f"four idle harts took {spent:.2f} s of a processor in {seconds:.0f} s")
    return f"{spent:.2f} s of a processor in {seconds:.0f} s"


class PatchedKernel:
    """A copy of the debug build in which one order of locks is another: what then happens is against it, everywhere."""

    def __init__(self, work, name):
        self.path = os.path.join(work.folder, f"{name}.elf")
        with open(paths.built("mono-debug.elf"), "rb") as file:
            self._elf = ELFFile(file)
            self._symbols = list(self._elf.get_section_by_name(".symtab").iter_symbols())
            self._segments = [(segment["p_vaddr"], segment["p_offset"], segment["p_filesz"])
                              for segment in self._elf.iter_segments() if segment["p_type"] == "PT_LOAD"]
            file.seek(0)
            self._bytes = bytearray(file.read())

    def offset(self, address):
        """Where the file has what will be at the address."""
        return next(place + address - start for start, place, size in self._segments if 0 <= address - start < size)

    def symbol(self, source, name):
        """Offset in the file, and size, of an object of a source file."""
        inside = False
        for symbol in self._symbols:
            if symbol["st_info"]["type"] == "STT_FILE":
                inside = symbol.name.endswith(source)
            elif inside and symbol.name == name:
                return self.offset(symbol["st_value"]), symbol["st_size"]
        raise KeyError(name)

    def word(self, at, size=8):
        return int.from_bytes(self._bytes[at:at + size], "little")

    def put(self, at, value, size=8):
        self._bytes[at:at + size] = value.to_bytes(size, "little")

    def text(self, address):
        at = self.offset(address)
        return self._bytes[at:self._bytes.index(0, at)].decode()

    def written(self):
        with open(self.path, "wb") as file:
            file.write(self._bytes)
        return self.path


def sleeping_locks_swapped(kernel):
    """fs's lock is said to come before a file's, which is taken first by each read and write of an open file."""
    table, size = kernel.symbol("lock_order.c", "known")
    for at in range(table, table + size, 16):
        if (kernel.text(kernel.word(at)), kernel.text(kernel.word(at + 8))) == ("file", "fs"):
            first, then = kernel.word(at), kernel.word(at + 8)
            kernel.put(at, then)
            kernel.put(at + 8, first)
            return
    raise KeyError("file, fs")


def spinlocks_swapped(kernel):
    """The ready lock, which is taken under the wait lock by all who block, gets the wait lock's rank."""
    at, _ = kernel.symbol("thread.c", "ready_lock")
    kernel.put(at + 4, 1, 4)


@test("mono/order-of-locks-is-watched")
def order_of_locks(work):
    """The debug build runs, and what takes locks in another order than its tables say is a panic that names both."""
    with work.guest("mono", build="debug") as guest:
        work.equal(guest.command("echo x > f; cat f | cat"), "x\n", "the debug build")
    for name, deed, says in (("sleeping", sleeping_locks_swapped, r'^panic: lock order: "fs" taken under "file"$'),
                             ("spin", spinlocks_swapped, r"^panic: lock order: ready taken under wait$")):
        kernel = PatchedKernel(work, name)
        deed(kernel)
        with work.guest("mono", elf=kernel.written()) as guest:
            if name == "sleeping":
                guest.prompt()
                guest.send("ls")
            work.equal(guest.wait_exit(30), Outcome.PANIC, f"{name} locks: the end")
            work.matches(guest.output, says, f"{name} locks")


@test("mono/power-off", quick=True)
def power_off(work):
    with work.guest("mono") as guest:
        guest.prompt()
        guest.send("poweroff")
        work.equal(guest.wait_exit(10), Outcome.CLEAN, "the end")


@test("mono/run-argument")
def run_argument(work):
    """run=PROGRAM instead of init: its exit status is the machine's."""
    with work.guest("mono", "run=xmaptest") as guest:
        work.equal(guest.wait_exit(20), Outcome.CLEAN, "the end")
        work.matches(guest.output, r"^xmaptest: the service is correct$", "output")


@test("mono/files-survive-a-reboot")
def reboot(work):
    disk = work.disk()
    with work.guest("mono", disk=disk) as guest:
        guest.command("mkdir d")
        guest.command("echo kept > d/f")
    with work.guest("mono", disk=disk) as guest:
        work.equal(guest.command("cat d/f"), "kept\n", "after the reboot")
        guest.command("rm d/f")
    with work.guest("mono", disk=disk) as guest:
        work.equal(guest.command("cat d/f"), "cat: cannot open d/f\n", "after its removal")


def essay_panic(work, guest):
    """The rest of the essay's story: the panic, its backtrace, its exit code."""
    guest.prompt()
    guest.send("xmaptest")
    work.equal(guest.wait_exit(20), Outcome.PANIC, "the end")
    work.check(not guest.error, guest.error)
    work.matches(guest.output, r"^First map OK\n\n?panic: mappages: remap$", "the essay's last two lines")
    work.matches(guest.output, r"^  in \w+\+0x[0-9a-f]+, [^,]*xmaptest, hart 0$", "the place")
    work.matches(guest.output, r"^  called by .*\bxmap_map\+0x[0-9a-f]+", "the backtrace goes through xmap")


@test("mono/double-map-by-boot-argument", quick=True)
def double_map(work):
    with work.guest("mono", "fault=xmap:double-map") as guest:
        essay_panic(work, guest)


@test("mono/double-map-by-program")
def double_map_armed(work):
    with work.guest("mono") as guest:
        guest.command("fault arm xmap:double-map")
        essay_panic(work, guest)


# The faults every service has: each is the end of the machine here.
@test("mono/crash-of-a-service")
def crash(work):
    for name, panic in (("crash-null", r"^panic: .*store"), ("abort-assert", r"^panic: injected: abort-assert$")):
        with work.guest("mono") as guest:
            guest.prompt()
            guest.send(f"fault arm fs:{name}")
            guest.send("ls")
            work.equal(guest.wait_exit(20), Outcome.PANIC, f"fs:{name}")
            work.matches(guest.output, panic, f"fs:{name}")
