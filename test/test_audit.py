"""
What one server's trouble does to others on micro: a server that says what is not so, a hold whose session is gone, an answer that is
missing while somebody else is held. Each of these made the supervisor blame the wrong one, or nobody, once. They are brought about
by the debugger; what passes is the guest's own time.
"""

import struct
import time

from harness import test

from duo.gdbstub import PC
from test_patience import A0, A1, A7, ATTENTION, ECALL, LOOP, MOST_SECONDS, MS, SLOW_INSTRUCTIONS, Scene, forget_answer
from trials.places import RANGES, RECORD_OFFSET, THREADS, base_of, constants, layout, symbol, symbols

TIMER, XMAP = RANGES.index("timer"), RANGES.index("xmap")
CSPACE_SHIFT, SLOT_NAMES, SLOT_PRIVATE, SLOT_CLIENT = 20, 1, 5, 16  # placement/micro/layout.h
BUFFER_OFFSET = 0x05010000 + 8 * (1 + 120 + 1)  # of the capabilities in thread 0's IPC buffer (abi/sel4/types.h)
ROOT_BASE = 0x10000  # of the supervisor; the programs lie below (system/root.ld)
IDLE_THREAD = 60  # of block: one that serves, of many more than there are requests
SYS_CALL = (1 << 64) - 1

NOTICED_MS = 2000  # of the 45 seconds that the hold has left

FALSE = "its call of another does not end"


def endpoint_of(number):
    """The capability by which a server calls another."""
    return SLOT_CLIENT + number << CSPACE_SHIFT


@test("micro/loop-behind-an-answer", quick=True)
def loop_behind_answer(work):
    """A thread of unix has its answer from xmap and loops before it notes that: it still says that it waits. xmap is innocent."""
    with Scene(SLOW_INSTRUCTIONS) as scene:
        guest, begin = scene.guest, len(scene.guest.output)
        scene.come_to("unix", "service_ecall", b"cat echo | wc\n")
        while scene.gdb.register(A0) != endpoint_of(XMAP):
            scene.come_to("unix", "service_ecall")
        scene.gdb.write(symbol("unix", "service_ecall_place") + len(ECALL), LOOP)
        scene.gdb.go()
        guest.expect(r"^\[sup\] unix: restarted, generation 2\b", 20, begin)
        guest.expect(r"^init: starting sh$", 20, begin)
        guest.prompt(20)
        work.equal(guest.command("echo alive", 20), "alive\n", "what is typed afterwards")
        work.matches(guest.output[begin:], rf"^\[sup\] unix: hangs: {FALSE}$", "what is said")
        work.matches(guest.output[begin:], r"^\[sup\] unix:   in service_ecall_place\+0x4, ", "where")
        work.absent(guest.output[begin:], r"\[sup\] (?!unix|console: begins anew).*", "somebody else is blamed")


def register_forged(name, service):
    @test(f"micro/forged-call-of-{name}", quick=True)
    def check(work):
        """block, gone wild, writes into its record that it waits for another. That one goes on; block is what is amiss."""
        with Scene() as scene:
            guest, begin = scene.guest, len(scene.guest.output)
            scene.come_to("block", "blk_read_many", b"cat echo | wc\n")
            calls, _ = layout(("servers", "block.elf"), "server_record")["calls"]
            members = layout(("servers", "block.elf"), "call_record")
            work.equal([members[m] for m in ("state", "service", "operation", "serial")], [(4 * n, 4) for n in range(4)], "a record")
            scene.gdb.write(base_of("block") + RECORD_OFFSET + calls + 16 * IDLE_THREAD, struct.pack("<4I", 1, service, 0, 1))
            scene.gdb.go()
            guest.expect(r"^\d+ \d+ [1-9]\d{3,} *$", 20, begin)
            guest.expect(r"^\[sup\] block: restarted, generation 2\b", 20, begin)
            since = guest.guest_nanoseconds()
            while guest.guest_nanoseconds() - since < 1500 * MS:  # several times as long as anybody is waited for
                guest.poll(0.05)
            guest.send("echo alive")
            guest.expect(r"^(\$ )?alive$", 20, begin)
            work.matches(guest.output[begin:], rf"^\[sup\] block: hangs: {FALSE}$", "what is said")
            work.absent(guest.output[begin:], r"\[sup\] (?!block).*", "somebody else is blamed")
            work.equal(guest.output.count("[sup] block: hangs"), 1, "hangs")


register_forged("its-timer", TIMER)
register_forged("a-stranger", XMAP)


def invoke(scene, place, label, capability, extra, words):
    """Lets the thread that stands still at this ecall invoke a capability first, and checks that it may."""
    saved = {number: scene.gdb.register(number) for number in range(A0, A7 + 1)}
    scene.gdb.write(base_of("timer") + BUFFER_OFFSET, struct.pack("<Q", capability))
    info = label << 12 | extra << 7 | len(words)
    for number, value in zip(range(A0, A7 + 1), (capability, info, *words, *[0] * (5 - len(words)), SYS_CALL)):
        scene.gdb.set_register(number, value)
    scene.come_to_one((place + len(ECALL),), "what follows the invocation")
    answer = scene.gdb.register(A1) >> 12
    for number, value in saved.items():
        scene.gdb.set_register(number, value)
    scene.gdb.set_register(PC, place)
    return answer


@test("micro/wild-timer-fills-slots", quick=True)
def wild_timer(work):
    """
    The timer, gone wild, puts a capability of its own where the supervisor will put the next generation's of fs. The supervisor
    must bear that: it is what it supervises that fails.
    """
    with Scene() as scene:
        guest = scene.guest
        scene.come_to("timer", "expire")
        start = symbol("timer", "server_main")
        code = scene.gdb.read(start, next(address for address, _ in symbols("timer") if address > start) - start)
        scene.come_to_one([start + at for at in range(0, len(code), 2) if code[at:at + len(ECALL)] == ECALL], "its next ecall")
        place = scene.gdb.register(PC)
        numbers = constants(("test", "conformance.elf"), "CNodeDelete")
        private, depth = SLOT_NAMES << CSPACE_SHIFT | 3, CSPACE_SHIFT
        at, other = THREADS * RANGES.index("fs"), THREADS * RANGES.index("xmap") + 1
        work.equal(invoke(scene, place, numbers["CNodeDelete"], private, 0, (at, depth)), 0, "the end of fs's")
        work.equal(invoke(scene, place, numbers["CNodeMove"], private, 1, (at, depth, other, depth)), 0, "xmap's in its place")
        scene.gdb.go()
        guest.command("svc restart fs", 20)
        guest.expect(r"^\[sup\] fs: restarted, generation 2\b", 20)
        work.equal(guest.command("echo alive > f; cat f", 20), "alive\n", "what is typed afterwards")


def register_hold(server):
    @test(f"micro/hold-of-{server}-ends-with-its-session", quick=True)
    def check(work):
        """unix dies while another server is held for long: nobody is left to release it, and a new session needs it at once."""
        with Scene() as scene:
            guest, begin = scene.guest, len(scene.guest.output)
            scene.gdb.go()
            guest.send(f"svc hold {server} --for 50")  # its own end may already need the one that is held
            guest.expect(rf"^\[sup\] {server}: held for 50000 ms$", 20, begin)
            scene.stop_guest()
            scene.come_to("unix", "unix_process_list", ATTENTION)
            scene.dies()
            since = guest.guest_nanoseconds()
            scene.gdb.go()
            guest.expect(r"^init: starting sh$", 20, begin)
            passed = (guest.guest_nanoseconds() - since) // MS
            guest.prompt(20)
            work.matches(guest.output[begin:], rf"^\[sup\] {server}: goes on: who held it is gone$", "what is said")
            work.check(passed < 1000, f"there is a session after {passed} ms")
            work.equal(guest.command("echo alive > f; cat f", 20), "alive\n", "what is typed afterwards")


for each in ("fs", "xmap", "block"):
    register_hold(each)


@test("micro/answer-forgotten-beside-a-hold", quick=True)
def forgotten_beside_hold(work):
    """fs is held, and the shell has waited for it for longer than for any answer. xmap forgets another's: that is noticed as ever."""
    with Scene(("-icount", "shift=4")) as scene:
        guest = scene.guest
        scene.keep_busy()  # by a program that is about to need xmap
        scene.gdb.go()
        guest.send("svc hold fs --for 50 &")  # else the shell would wait for its end
        guest.expect(r"^(\$ )?\[sup\] fs: held for 50000 ms$", 20)
        guest.send("cd nowhere")
        since = guest.guest_nanoseconds()
        while guest.guest_nanoseconds() - since < 5000 * MS:
            guest.poll(0.05)
        scene.stop_guest()
        limit = time.monotonic() + MOST_SECONDS
        while scene.gdb.register(PC) >= ROOT_BASE:  # not the program, for once
            work.check(time.monotonic() < limit, "the program does not run")
            scene.gdb.step()
        begin = len(guest.output)
        scene.gdb.set_register(PC, base_of("xmap") - 4096)
        scene.come_to("xmap", "xmap_fault")
        forget_answer(scene, "xmap", "server_serve")
        since = guest.guest_nanoseconds()
        scene.come_to("xmap", "_start")
        passed = (guest.guest_nanoseconds() - since) // MS
        scene.gdb.go()
        guest.expect(r"^\[sup\] xmap: restarted, generation 2\b", 20, begin)
        work.matches(guest.output[begin:], r"^\[sup\] xmap:   asked by unix, thread \d+: xmap_fault$", "who asked, and what")
        work.absent(guest.output[begin:], r"\[sup\] (?!xmap).*", "somebody else is blamed")
        work.check(passed < NOTICED_MS, f"after {passed} ms")
    return f"after {passed} ms"
