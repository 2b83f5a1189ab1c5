"""
Patience on micro: who waits for something slow is not blamed for it, who dies again and again is given up all the same, and a
death takes nothing along but what died. Each of these went wrong once, and is brought about here by the debugger or the host, at
chosen places; what passes is the guest's own time, in which an instruction takes a fixed time.
"""

from harness import Failure, test

from duo.gdbstub import PC
from trials.places import symbol
from trials.session import NOWHERE, Session

MS = 1_000_000
MOST_SECONDS = 30.0  # of the host's time, until a place is come to: then it never will be
A0 = 10  # the register
ATTENTION = b"\x10"  # ^P: unix lists the processes

LOOP = bytes.fromhex("01a0")  # c.j to itself


class Scene(Session):
    """A guest with nothing at work in it but the shell, and a debugger; it stands still."""

    def __init__(self):
        super().__init__(1, 1)

    def __enter__(self):
        super().__enter__()
        self.stop_guest()
        return self

    def type(self, data):
        """Bytes, which the guest has as soon as it goes on."""
        self.guest._process.stdin.write(data)
        self.guest._process.stdin.flush()

    def come_to(self, server, function, typed=b""):
        """Goes on until the function is called, and stands still there."""
        place = symbol(server, function)
        if self.gdb.register(PC) == place:
            self.gdb.step()
        self.gdb.set_breakpoint(place)
        self.gdb.go()
        if typed:
            self.type(typed)
        limit = self.guest.age() + MOST_SECONDS
        while not self.gdb.stopped(0.002):
            self.guest.poll(0.0)
            if self.guest.outcome is not None:
                raise Failure(f"{function} of {server} is not come to: {self.guest.output[-900:]}")
            if self.guest.age() > limit:
                raise Failure(f"{function} of {server} is not come to")
        self.gdb.clear_breakpoint(place)

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
        guest.prompt(20)
        work.equal(guest.command("echo alive", 20), "alive\n", "what is typed afterwards")
        work.absent(guest.output[begin:], r"\[sup\] (?!unix)\w+: (died|hangs|restarted)", "another server's trouble")
        work.equal(guest.output.count("[sup] unix: died"), 3, "deaths")


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
