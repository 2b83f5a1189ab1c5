"""
Patience on micro: who waits for something slow is not blamed for it, who dies again and again is given up all the same, and a
death takes nothing along but what died. Each of these went wrong once, and is brought about here by the debugger or the host, at
chosen places; what passes is the guest's own time, in which an instruction takes a fixed time.
"""

import fcntl
import struct
import termios
import time

from harness import Failure, Outcome, test

from duo.gdbstub import PC
from trials.places import RECORD_OFFSET, base_of, layout, symbol, symbols
from trials.session import NOWHERE, Session

MS = 1_000_000
MOST_SECONDS = 20.0  # of the host's time, until a place is come to: then it never will be
T0, T1, A0, A1 = 5, 6, 10, 11  # registers
ATTENTION = b"\x10"  # ^P: unix lists the processes

SLOW_INSTRUCTIONS = ("-icount", "shift=5")  # 32 ns each: less work for the host until some time has passed; the last one counts
SLOW_NS = 5000 * MS  # more than anybody may wait for an answer without being told why
PIPE_BYTES = 4096
TOLD_MS = 50
START_MS = 190

LOOP = bytes.fromhex("01a0")  # c.j to itself
# nop, to which nothing comes back; 1: ld t2, 0(t0); addi t2, t2, 1; sd t2, 0(t0); addi t1, t1, -1; bnez t1, 1b; illegal
PROGRESS_AND_DEATH = struct.pack("<H5IH", 0x0001, 0x0002B383, 0x00138393, 0x0072B023, 0xFFF30313, 0xFE0318E3, 0)
STEPS = 7_000_000  # of five instructions, which take 32 ns each


class Scene(Session):
    """A guest with nothing at work in it but the shell, and a debugger; it stands still."""

    def __init__(self, extra=()):
        super().__init__(1, 1, extra=extra)

    def __enter__(self):
        super().__enter__()
        self.stop_guest()
        return self

    def type(self, data):
        """Bytes, which the guest has as soon as it goes on."""
        self.guest._process.stdin.write(data)
        self.guest._process.stdin.flush()

    def come_to(self, server, function, typed=b"", reads=True, seconds=MOST_SECONDS):
        """Goes on until the function is called, and stands still there. What is printed meanwhile is read, or left."""
        self.come_to_one((symbol(server, function),), f"{function} of {server}", typed, reads, seconds)

    def come_to_one(self, places, name, typed=b"", reads=True, seconds=MOST_SECONDS):
        """Likewise, until one of the places is met, which together have this name."""
        if self.gdb.register(PC) in places:
            self.gdb.step()
        for place in places:
            self.gdb.set_breakpoint(place)
        self.gdb.go()
        if typed:
            self.type(typed)
        limit = self.guest.age() + seconds
        while not self.gdb.stopped(0.002):
            if reads:
                self.guest.poll(0.0)
            if self.guest.outcome is not None:
                raise Failure(f"{name} is not come to: {self.guest.output[-900:]}")
            if self.guest.age() > limit:
                raise Failure(f"{name} is not come to")
        for place in places:
            self.gdb.clear_breakpoint(place)

    def keep_busy(self):
        """
        From now on a program runs whenever nobody else does: what passes is instructions alone, whatever else the host has to
        do. Of an idle guest the clock goes with the host's, and an alarm that is due is as late as the host.
        """
        begin = len(self.guest.output)
        self.gdb.go()
        self.guest.send("spin &")
        for said in (r"^(\$ )?spins$", r"^\$ "):  # it, and the shell, in any order
            self.guest.expect(said, MOST_SECONDS, begin)
        self.stop_guest()

    def dies(self):
        """The server that stands still has died before anything else happens; nobody has been told yet."""
        self.gdb.set_register(PC, NOWHERE)
        self.gdb.step()

    def said(self):
        """All that the guest has printed until now."""
        while self.guest.outcome is None:
            before = len(self.guest.output)
            self.guest.poll(0.02)
            if len(self.guest.output) == before:
                break
        return self.guest.output


@test("micro/typed-while-unix-backs-off", quick=True)
def typed_while_backing_off(work):
    """
    unix dies the third time in a row while the shell reads, and a line is typed before its next generation begins. The console,
    whose reader was the dead unix's, must not put that line into pages that are gone.
    """
    with Scene() as scene:
        guest, begin = scene.guest, len(scene.guest.output)
        scene.come_to("unix", "unix_process_list", ATTENTION)
        scene.dies()
        scene.come_to("unix", "unix_process_init")
        scene.dies()
        scene.come_to("console", "cons_read")
        scene.come_to("console", "port_wait")  # until something is typed
        scene.come_to("unix", "unix_process_list", ATTENTION)
        scene.dies()
        scene.type(b"\n")
        scene.come_to("console", "port_device_take")
        text = scene.said()[begin:]
        work.matches(text, r"^\[sup\] unix: backs off: death 3 in a row, begins again in 10 ms$", "what is typed into")
        work.absent(text, r"unix: restarted, generation 4", "too late: this says nothing; the restart")
        scene.gdb.go()
        guest.expect(r"^\[sup\] unix: restarted, generation 4\b", 20, begin)
        guest.expect(r"^init: starting sh$", 20, begin + len(text))
        guest.send("echo alive")  # behind the line that was typed before, whose prompt need not be the last
        guest.expect(r"^(\$ )*alive$", 20, begin)
        work.absent(guest.output[begin:], r"\[sup\] (?!unix)\w+: (died|hangs|restarted)", "another server's trouble")
        work.equal(guest.output.count("[sup] unix: died"), 3, "deaths")


@test("micro/an-old-row-of-deaths", quick=True)
def old_row(work):
    """Console has died five times in a row, long ago. When unix ends it begins anew; should it die in that, it has died once."""
    with Scene() as scene:
        guest, begin = scene.guest, len(scene.guest.output)
        scene.come_to("console", "cons_write", b"\n")
        scene.dies()
        for _ in range(4):
            scene.come_to("console", "cons_restart")
            scene.dies()
        scene.gdb.go()
        guest.expect(r"^\[sup\] console: restarted, generation 6\b", 20, begin)
        guest.send("")
        guest.prompt(20)
        scene.stop_guest()
        scene.come_to("unix", "unix_process_list", ATTENTION)
        scene.dies()
        scene.come_to("console", "cons_restart")
        scene.dies()
        scene.gdb.go()
        guest.expect(r"^init: starting sh$", 20, begin)
        guest.prompt(20)
        work.equal(guest.command("echo alive", 20), "alive\n", "what is typed afterwards")
        work.absent(guest.output[begin:], r"\[sup\] console: gave up", "the end")


def free_frames(guest):
    """Those of programs, after a restart of xmap, as the supervisor tells them."""
    since = len(guest.output)
    guest.send("svc restart xmap")
    found = guest.expect(r"^\[sup\] xmap: +free frames \d+ before, (\d+) after", 20, since)
    guest.prompt(20)
    return int(found[1])


@test("micro/xmap-dies-in-the-sweep", quick=True)
def sweep(work):
    """A new unix destroys the spaces of the dead one. Should xmap die of that, at each of the first three, none of them stays."""
    with Scene() as scene:
        guest = scene.guest
        scene.gdb.go()
        free = [free_frames(guest) for _ in range(2)][-1]
        begin = len(guest.output)
        scene.stop_guest()
        scene.come_to("unix", "unix_process_init", b"svc restart unix\n")
        for space in range(3):
            scene.come_to("xmap", "xmap_space_destroy")
            while scene.gdb.register(A0) < space:  # the former one, once more
                scene.come_to("xmap", "xmap_space_destroy")
            work.equal(scene.gdb.register(A0), space, "the space to be destroyed")
            scene.dies()
        scene.gdb.go()
        guest.expect(r"^init: starting sh$", 20, begin)
        guest.prompt(20)
        work.equal(guest.output[begin:].count("[sup] xmap: died"), 3, "deaths")
        free_frames(guest)
        work.equal(free_frames(guest), free, "free frames")


@test("micro/slow-disk", quick=True)
def slow_disk(work):
    """
    Each request takes the disk some minutes: block gives it up after two seconds, and meanwhile fs waits for block, and programs
    for fs. They get errors, one after the other; nobody hangs, and what is read when the disk is itself again is what was written.
    """
    with Session(1, 1, debugger=False) as session:
        guest = session.guest
        guest.command("echo before > kept", 20)
        begin, since = len(guest.output), guest.guest_nanoseconds()
        session.stop_disk()
        for name in "abcdef":
            guest.send(f"cat echo > {name} &")
        while guest.guest_nanoseconds() - since < SLOW_NS:
            guest.poll(0.05)
        work.matches(guest.output[begin:], r"^block: no answer for block \d+, resetting the device$", "the disk")
        work.absent(guest.output[begin:], r"\[sup\] .*", "somebody is blamed")
        session.slow_disk(0)
        guest.send("cat kept; svc")
        guest.expect(r"^fs +1 +0 +running +", 20, begin)
        text = guest.output[begin:]
        work.matches(text, r"open \w failed", "what a program says")
        work.matches(text, r"^before$", "what can be read afterwards")
        work.absent(text, r"\[sup\] .*", "somebody is blamed afterwards")


@test("micro/stuck-uart", quick=True)
def stuck_uart(work):
    """
    Nobody reads what is printed, so the UART takes no byte, and console dies. The supervisor tells that to the UART, which takes no
    byte of it either; and as nobody else runs while the supervisor waits for it, it does not wait for each.
    """
    with Scene() as scene:
        guest = scene.guest
        fcntl.fcntl(guest._process.stdout, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        scene.gdb.go()
        guest.command("cat sh > text", 20)
        scene.type(b"cat text text text; echo the; echo end\n")
        limit = guest.age() + MOST_SECONDS
        while waiting(guest) < PIPE_BYTES:
            work.check(guest.age() < limit, f"only {waiting(guest)} bytes are waiting to be read")
            time.sleep(0.01)
        scene.stop_guest()
        scene.come_to("console", "cons_uart_ready", reads=False)
        scene.dies()
        since = guest.guest_nanoseconds()
        scene.come_to("console", "cons_restart", reads=False)
        passed = (guest.guest_nanoseconds() - since) // MS
        work.check(waiting(guest) >= PIPE_BYTES, "the UART has taken something: this says nothing")
        work.check(passed < TOLD_MS, f"from the death to the next generation's start {passed} ms have passed")
        scene.gdb.go()
        guest.expect(r"the\nend$", 20)
        work.equal(guest.command("echo alive", 20), "alive\n", "what is typed afterwards")
    return f"{passed} ms"


def waiting(guest):
    """How many bytes the guest has printed that nobody has read."""
    return struct.unpack("i", fcntl.ioctl(guest._process.stdout, termios.FIONREAD, bytes(4)))[0]


@test("micro/patience-after-a-hang", quick=True)
def patience_after_hang(work):
    """A start that does not end is seen after 200 ms. Each generation has all of them, whatever the one before it has done."""
    with Scene(SLOW_INSTRUCTIONS) as scene:
        begin = len(scene.guest.output)
        scene.come_to("console", "cons_uart_receive", b"\n")
        scene.dies()
        times = []
        for _ in range(2):
            scene.come_to("console", "cons_restart")
            scene.gdb.write(symbol("console", "cons_restart"), LOOP)
            since = scene.guest.guest_nanoseconds()
            scene.come_to("console", "_start")
            times.append((scene.guest.guest_nanoseconds() - since) // MS)
        scene.gdb.go()
        scene.guest.expect(r"^\[sup\] console: restarted, generation 4\b", 20, begin)
        work.equal(scene.guest.output[begin:].count("[sup] console: hangs: its start does not end"), 2, "hangs")
        work.check(min(times) >= START_MS, f"how long the starts were looked at: {times} ms")
    return f"{times} ms"


@test("micro/slow-starts-are-given-up", quick=True)
def slow_starts(work):
    """
    fs dies in its start again and again, each time after more than a second in which it makes progress: as far apart as deaths
    that have nothing to do with each other. It is given up all the same.
    """
    with Scene(SLOW_INSTRUCTIONS) as scene:
        guest, begin = scene.guest, len(scene.guest.output)
        scene.come_to("fs", "fs_lookup", b"cat README\n")
        scene.dies()
        times = []
        progress, _ = layout(("servers", "fs.elf"), "server_record")["progress"]
        for _ in range(5):
            scene.come_to("fs", "fs_restart")
            times.append(guest.guest_nanoseconds() // MS)
            scene.gdb.set_register(T0, base_of("fs") + RECORD_OFFSET + progress)
            scene.gdb.set_register(T1, STEPS)
            scene.gdb.write(symbol("fs", "fs_restart"), PROGRESS_AND_DEATH)
        scene.gdb.go()
        work.equal(guest.wait_exit(20), Outcome.GAVE_UP, "the outcome")
        text = guest.output[begin:]
        work.equal(text.count("[sup] fs: died: exception 2"), 5, "deaths in a start")
        work.matches(text, r"^\[sup\] fs: gave up: it dies again and again$", "the end")
        apart = [after - before for before, after in zip(times, times[1:])]
        work.check(min(apart) > 1000, f"they were {apart} ms apart: this says nothing")
    return f"{apart} ms apart"


def register_break(name, change, operation, repeated):
    @test(f"micro/break-{name}-2-deaths", quick=True)
    def check(work):
        """
        A program changes its break. xmap dies when that is done and nobody told, and dies of the next request: neither that which
        repeats it nor that which takes it back may be lost, or the break could not be changed any more.
        """
        with Scene() as scene:
            guest, begin = scene.guest, len(scene.guest.output)
            scene.type(b"restarts timer 1\n")  # which also uses memory
            scene.come_to("unix", "unix_memory_sbrk")
            while scene.gdb.register(A1) != change:
                scene.come_to("unix", "unix_memory_sbrk")
            scene.come_to("xmap", operation)
            scene.come_to("xmap", "port_lock_release")
            scene.dies()
            scene.come_to("xmap", repeated)
            scene.dies()
            scene.gdb.go()
            guest.expect(r"^restarts: .*\n", 20, begin)
            guest.prompt(20)
            work.matches(guest.output[begin:], r"^restarts: 1 done$", "the program")
            work.equal(guest.output.count("[sup] xmap: died"), 2, "deaths")


register_break("grows", 4096, "xmap_reserve", "xmap_release")
register_break("shrinks", (1 << 64) - 4096, "xmap_cut", "xmap_cut")


# ---- A request that has no turn, and one that has no answer. ----

RA, A7 = 1, 17
SYS_REPLY_RECV, SYS_RECV = -2 & (1 << 64) - 1, -5 & (1 << 64) - 1
ECALL = bytes.fromhex("73000000")
DEAF_STEPS = 500_000  # of five instructions of 32 ns
DEAF_MS = 60  # three times as long as a request may run without progress
FORGOTTEN_LATE = 1.1  # of the time it has


@test("micro/no-turn-is-no-hang", quick=True)
def no_turn(work):
    """
    A request of block runs and is not seen to go on, look after look, since it has had no turn: that is no hang (pulse.h). It is
    the timer, above block, that has all the time; as it counts progress, every alarm is heard when it is due. It dies in the end.
    """
    with Scene(SLOW_INSTRUCTIONS) as scene:
        guest, begin = scene.guest, len(scene.guest.output)
        scene.come_to("block", "blk_read_many", b"cat echo | wc\n")
        place = symbol("block", "blk_read_many")
        before = scene.gdb.read(place, len(LOOP))
        scene.gdb.write(place, LOOP)
        scene.come_to("timer", "expire")
        since = guest.guest_nanoseconds()
        progress, _ = layout(("servers", "timer.elf"), "server_record")["progress"]
        scene.gdb.set_register(T0, base_of("timer") + RECORD_OFFSET + progress)
        scene.gdb.set_register(T1, DEAF_STEPS)
        scene.gdb.write(symbol("timer", "expire"), PROGRESS_AND_DEATH)
        scene.come_to("timer", "_start")
        passed = (guest.guest_nanoseconds() - since) // MS
        scene.come_to_one((place,), "the request")
        scene.gdb.write(place, before)
        scene.gdb.go()
        guest.expect(r"^\d+ \d+ [1-9]\d{3,} *$", 20, begin)
        work.check(passed >= DEAF_MS, f"it had no turn for {passed} ms only: that says nothing")
        work.absent(guest.output[begin:], r"\[sup\] (?!timer).*", "somebody else is blamed")
    return f"no turn for {passed} ms"


def forget_answer(scene, server, loop):
    """Goes on until the server's loop is about to send an answer: it only waits for the next request."""
    start = symbol(server, loop)
    code = scene.gdb.read(start, next(address for address, _ in symbols(server) if address > start) - start)
    calls = [start + at for at in range(0, len(code), 2) if code[at:at + len(ECALL)] == ECALL]
    scene.come_to_one(calls, "the answer")
    while scene.gdb.register(A7) != SYS_REPLY_RECV:
        scene.come_to_one(calls, "the answer")
    scene.gdb.set_register(A7, SYS_RECV)


def register_forgotten(name, function, patience_ms, shift, asked, loop="server_serve"):
    """shift: of the instructions' time; short for the work of a restart to be little beside the patience, long for the host."""
    server = name.split("-")[0]

    @test(f"micro/forgotten-answer-{name}")
    def check(work):
        """A server sends no answer and nothing shows that it ever will: after its time is over, not before, it begins anew."""
        with Scene(("-icount", f"shift={shift}")) as scene:
            guest = scene.guest
            scene.keep_busy()
            begin = len(guest.output)
            scene.come_to(server, function, b"cat echo | wc\n")
            forget_answer(scene, server, loop)
            since = guest.guest_nanoseconds()
            scene.come_to(server, "_start", seconds=patience_ms / 1000 + MOST_SECONDS)
            passed = (guest.guest_nanoseconds() - since) // MS
            scene.gdb.go()
            guest.expect(r"^\d+ \d+ [1-9]\d{3,} *$", 20, begin)
            guest.expect(rf"^\[sup\] {server}: restarted, generation 2\b", 20, begin)
            guest.send("echo alive")
            guest.expect(r"^(\$ )?alive$", 20, begin)
            work.matches(guest.output[begin:], rf"^\[sup\] {server}: hangs: a request gets no answer$", "what is said")
            work.matches(guest.output[begin:], rf"^\[sup\] {server}:   asked by {asked}$", "who asked, and what")
            work.absent(guest.output[begin:], rf"\[sup\] (?!{server}).*", "somebody else is blamed")
            work.check(patience_ms <= passed <= patience_ms * FORGOTTEN_LATE, f"after {passed} ms")
        return f"after {passed} ms"


register_forgotten("xmap", "xmap_reserve", 200, 0, r"unix, thread \d+: xmap_reserve")
register_forgotten("timer", "expire", 200, 0, r"\w+, thread \d+: a signal at a deadline", "server_main")
register_forgotten("fs", "fs_lookup", 4000, 3, r"unix, thread \d+: fs_lookup")
register_forgotten("block", "blk_read_many", 13000, 4, r"fs, thread \d+: blk_read_many")
register_forgotten("console", "cons_write", 70000, 6, r"unix, thread \d+: cons_write")
