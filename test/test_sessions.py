"""
What a session must survive: a shell that waits at its prompt while console dies, a new unix whose peers die under it or cannot do
all that it asks, programs that wait for a disk while block is held, and more of them in exec than there are spaces for.
"""

import re

from harness import test
from test_patience import ATTENTION, MS, Scene
from test_supervision import register_deaths
from trials.session import Session

ALIVE = "alive\n"


def goes_on(work, scene, text):
    """The session of the beginning goes on: the same shell, which does what is typed."""
    guest = scene.guest
    scene.gdb.go()
    guest.send("")
    guest.prompt(20)
    work.equal(guest.command("echo alive", 20), ALIVE, "what is typed afterwards")
    work.matches(guest.command("ps", 20), r"^ *2 +1 .* sh *$", "the shell")
    work.absent(guest.output[text:], r"init: starting sh", "a new shell")


def pass_by(guest, milliseconds):
    """So much of the guest's time, in which nothing is typed."""
    since = guest.guest_nanoseconds()
    while guest.outcome is None and guest.guest_nanoseconds() - since < milliseconds * MS:
        guest.poll(0.01)


def register_console(name, then, milliseconds):
    @test(f"micro/console-dies-{name}", quick=True)
    def check(work):
        """Console dies more than once while the shell waits for the same line: nobody takes that for the end of the file."""
        with Scene() as scene:
            begin = len(scene.guest.output)
            for place in ("cons_uart_receive", *then):
                scene.come_to("console", place, ATTENTION if place == "cons_uart_receive" else b"")
                scene.dies()
                if milliseconds:
                    scene.gdb.go()
                    pass_by(scene.guest, milliseconds)
                    scene.stop_guest()
            goes_on(work, scene, begin)
            work.equal(scene.guest.output.count("[sup] console: died"), 1 + len(then), "deaths")


register_console("twice-in-a-read", ("cons_uart_receive",), 2000)
register_console("often-in-a-read", ("cons_uart_receive",) * 4, 1500)
register_console("in-its-start-in-a-read", ("cons_restart",), 0)
register_console("in-a-read-and-the-next", ("cons_read",), 0)

# fs, in a mount, asks block how large the disk is.
register_deaths("two-at-once-size", "block, when fs asks for its size", ("fs", "fs_create"), ("block", "blk_size"), quick=True,
                order=["fs died", "block died", "block restarted", "fs restarted"])


def register_new_unix(name, server, place, deaths):
    @test(f"micro/new-unix-{name}", quick=True)
    def check(work):
        """Another server dies again and again in a request of the new unix: that is not unix's death."""
        with Scene() as scene:
            guest, begin = scene.guest, len(scene.guest.output)
            scene.come_to("unix", "server_main", b"svc restart unix\n")
            for _ in range(deaths):
                scene.come_to(server, place)
                scene.dies()
            scene.gdb.go()
            guest.expect(r"^init: starting sh$", 20, begin)
            guest.prompt(20)
            work.equal(guest.command("echo alive", 20), ALIVE, "what is typed afterwards")
            work.equal(guest.output.count(f"[sup] {server}: died"), deaths, "deaths")
            work.absent(guest.output, r"\[sup\] unix: (died|hangs)", "unix is blamed")


register_new_unix("forgets-3-deaths", "fs", "fs_forget_all", 3)
register_new_unix("root-2-deaths", "fs", "fs_get", 2)
register_new_unix("space-2-deaths", "xmap", "xmap_space_create", 2)
register_new_unix("exec-2-deaths", "fs", "fs_lookup", 2)


@test("micro/new-unix-cannot-free", quick=True)
def cannot_free(work):
    """
    A file was open and has no name, so a new unix makes fs free it, and block dies twice in that: an error, which only tells of it.
    The session begins all the same.
    """
    with Scene() as scene:
        guest = scene.guest
        scene.gdb.go()
        guest.command("spin > held &", 20)
        guest.command("rm held", 20)
        begin = len(guest.output)
        scene.stop_guest()
        scene.come_to("unix", "unix_process_list", ATTENTION)
        scene.dies()
        scene.come_to("fs", "fs_forget_all")
        for _ in range(2):
            scene.come_to("block", "blk_write_many")
            scene.dies()
        scene.gdb.go()
        guest.expect(r"^init: starting sh$", 20, begin)
        guest.prompt(20)
        work.equal(guest.command("echo alive", 20), ALIVE, "what is typed afterwards")
        work.equal(guest.output.count("[sup] unix: died"), 1, "deaths of unix")
        work.matches(guest.output[begin:], r"^unix: files that the former session had open .* not freed", "what is said")


READERS = 56  # block has 16 requests; and as many threads wait that one of them goes on before those who have one


@test("micro/hold-loses-no-transfer", quick=True)
def hold_loses_nothing(work):
    """
    More transfers are asked for than block has requests, and block is held for longer than any of them may wait, while the disk
    answers. When block goes on they all succeed.
    """
    with Session(1, 1, debugger=False) as session:
        guest = session.guest
        for number in range(READERS):
            guest.command(f"echo kept {number} > f{number}", 20)
        guest.command("svc restart fs", 20)  # nothing is in the cache
        guest.command("svc; cat nothing", 20)  # these two are
        begin = len(guest.output)
        session.stop_disk()
        for number in range(READERS):
            guest.send(f"cat f{number} &")
            pass_by(guest, 5)
        guest.send("svc hold block --for 6")
        guest.expect(r"\[sup\] block: held", 20, begin)
        session.slow_disk(0)
        guest.expect(r"\[sup\] block: goes on: its time is over$", 40, begin)
        pass_by(guest, 3000)
        text = guest.output[begin:]
        work.equal(sorted(int(n) for n in re.findall(r"kept (\d+)$", text, re.M)), list(range(READERS)), "what was read")
        work.absent(text, r"error|failed|cannot", "an error")


EXECS = 48  # with as many second spaces, init and the shell: more than there are (port/vspace.h)


def echoes(numbers):
    return "".join(f"echo {number} & " for number in numbers)


def register_execs(kernel):
    @test(f"{kernel}/many-in-exec", quick=True)
    def check(work):
        """Many programs are in exec at once, of a file that comes slowly from the disk. Each of them succeeds."""
        with Session(1, 1, kernel=kernel, debugger=False) as session:
            guest = session.guest
            begin = len(guest.output)
            session.stop_disk()
            for first in range(100, 100 + EXECS, 8):
                guest.send(echoes(range(first, first + 8)))
                pass_by(guest, 20)
            work.absent(guest.output[begin:], r"^1\d\d$", "too late: this says nothing; a number")
            session.slow_disk(0)
            pass_by(guest, 3000)
            text = guest.output[begin:]
            work.absent(text, r"exec \w+ failed", "what a program says")
            work.equal(sorted(set(re.findall(r"\b1\d\d$", text, re.M))), [str(100 + n) for n in range(EXECS)], "who has spoken")


register_execs("mono")
register_execs("micro")


# A program each that nobody has run, and words with which it ends at once.
KINDS = ("echo", "cat x", "wc x", "grep x x", "ls x", "mkdir", "rm x", "ln x", "kill", "fault x", "ps x", "xmaptest", "systest x")
PROCESSES = 60  # with init, the shell, and what it makes next, nearly all there can be
PER_LINE = 6


@test("micro/spaces-are-waited-for", quick=True)
def no_space(work):
    """
    Nearly all processes there can be, of which 13 have a second space, as each is in exec of another file, whose blocks do not
    come while block is held: there are no more spaces, and a fork waits for one. Everybody has his in the end.
    """
    with Session(1, 1, debugger=False) as session:
        guest = session.guest
        guest.command("svc", 20)  # its file is in the cache
        begin = len(guest.output)
        guest.command("svc hold block --for 5", 20)
        for first in range(0, PROCESSES, PER_LINE):
            typed = len(guest.output)
            guest.send("".join(f"{KINDS[n % len(KINDS)]} & " for n in range(first, first + PER_LINE)))
            guest.expect(r"& *\n\$ \Z|goes on: its time is over$", 20, typed)
            if "goes on" in guest.output[begin:]:
                break
        pass_by(guest, 3000)
        guest.send("")
        guest.prompt(20)
        text = guest.output[begin:]
        work.matches(text, r"goes on", "nobody has waited for a space: this says nothing; the end of the hold")
        work.absent(text, r"exec \w+ failed|^fork$", "what a program says")
        work.equal(guest.command("echo alive", 20), ALIVE, "what is typed afterwards")
        work.equal(len(re.findall(r"^ *\d+ ", guest.command("ps", 20), re.M)), 3, "processes")
