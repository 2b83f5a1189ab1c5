"""
Programs that make the kernel's own system calls (test/programs/hostile.c): only they suffer. On micro they send to unix what
only the kernel should; on mono these are numbers of no call.
"""

from harness import Outcome, test
from limits import long

END = r"^hostile: (\d+) children, (\d+) ended by the system, (\d+) pages free before, (\d+) after$"


def attack(work, guest, seed, rounds):
    """One run; how many children the system has ended."""
    output = guest.command(f"hostile {seed} {rounds}")
    children, ended, before, after = map(int, work.matches(output, END, f"seed {seed}").groups())
    work.check(children > rounds, f"seed {seed}: {children} children in {rounds} rounds")
    work.equal(after, before, f"seed {seed}: free pages")
    work.absent(output, r"^hostile: wrong.*|\[sup\].*", f"seed {seed}")
    return ended


def works(work, guest):
    work.equal(guest.command("echo still here"), "still here\n", "the shell afterwards")
    work.matches(guest.command("xmaptest"), r"^xmaptest: the service is correct$", "memory")
    work.equal(guest.command("echo still > there; cat there"), "still\n", "files")


def restarts_whole(work, guest):
    """What the attacked services hold comes back when they end: nothing of it was lost on the way."""
    for server, begin in ("xmap", None), ("unix", r"^init: starting sh$"):
        guest.prompt()
        at = len(guest.output)
        guest.send(f"svc restart {server}")
        guest.expect(rf"^.*\[sup\] {server}: restarted, generation 2\b", 20, at)
        if begin:
            guest.expect(begin, 20, at)
        guest.prompt()
        text = guest.output[at:]
        work.matches(text, rf"\[sup\] {server}: +reclaimed \d+ frames and \d+ slots, leaked 0$", f"what {server} has lost")
        slots = work.matches(text, rf"\[sup\] {server}: .*free slots (\d+) before, (\d+) after$", "free slots")
        work.equal(slots[2], slots[1], f"free slots after {server}'s end")


def campaign(work, kernel, seeds, rounds, timeout):
    with work.guest(kernel, timeout=timeout) as guest:
        ended = sum(attack(work, guest, seed, rounds) for seed in seeds)
        works(work, guest)
        if kernel == "mono":
            work.equal(ended, 0, "children ended by the system")
        else:
            work.check(ended > len(seeds) * rounds, f"the system has ended {ended} children")
            restarts_whole(work, guest)
            works(work, guest)
        guest.stop()
        work.equal(guest.outcome, Outcome.CLEAN, "the end")
    return f"{ended} children ended by the system"


def register(kernel):
    @test(f"{kernel}/hostile-programs", quick=kernel == "micro")
    def check(work):
        return campaign(work, kernel, (1, 2, 3), 6, 60)

    @test(f"{kernel}/hostile-programs-long")
    @long(1200)
    def check_long(work):
        return campaign(work, kernel, range(100, 160), 30, 1100)


for kernel_ in ("mono", "micro"):
    register(kernel_)
