"""micro: root tasks on the kernel alone, and a program over supervised servers with and without the essay's bug."""

from harness import Outcome, paths, test


@test("micro/essay", quick=True)
def essay(work):
    """The essay's demonstration, line for line as it prints it."""
    with work.guest("micro", disk="", roottask=paths.built("essay.elf")) as guest:
        guest.expect(r"^\[MAIN\] Kernel stable\. Demo complete\.$", 20)
        for line in (r"=== seL4 xmap Fault Isolation Demo ===", r"\[MAIN\] Worker thread created", r"\[WORKER\] Started",
                     r"\[MAIN\] Worker faulted \(type=5\)", r"\[MAIN\] Main thread still alive - fault isolation works!"):
            work.matches(guest.output, f"^{line}$", "transcript")
        guest.stop()
        work.equal(guest.outcome, Outcome.CLEAN, "the end")


@test("micro/conformance", quick=True)
def conformance(work):
    with work.guest("micro", disk="", roottask=paths.built("test/conformance.elf")) as guest:
        work.equal(guest.wait_exit(60), Outcome.CLEAN, "the end")
        totals = work.matches(guest.output, r"^(\d+) passed, (\d+) failed$", "totals")
        work.check(int(totals[1]) > 0 and int(totals[2]) == 0, totals[0])
        work.absent(guest.output, r"Caught cap fault", "a program that ends on purpose faults")


@test("micro/xmaptest")
def correct(work):
    with work.guest("micro", "run=xmaptest") as guest:
        work.equal(guest.wait_exit(30), Outcome.CLEAN, "the end")
        work.matches(guest.output, r"^First map OK\nSecond map refused: the region is mapped already$", "output")
        work.matches(guest.output, r"^xmaptest: the service is correct$", "output")
        work.absent(guest.output, r"\[sup\].*restarted", "a restart without a fault")


@test("micro/xmap-calls")
def calls(work):
    with work.guest("micro", "run=xmapcalls") as guest:
        work.equal(guest.wait_exit(30), Outcome.CLEAN, "the end")
        work.matches(guest.output, r"^xmapcalls: all passed$", "output")


# fault, what the supervisor says it died of
DEATHS = [
    ("xmap:double-map", r"mappages: remap"),
]


def register(fault, cause, build):
    @test(f"micro/restart-{fault.replace(':', '-')}-{build}", quick=build == "release")
    def check(work):
        with work.guest("micro", f"fault={fault}", "run=xmaptest", build=build) as guest:
            work.equal(guest.wait_exit(30), Outcome.CLEAN, "the end")
            text = guest.output
            server = fault.split(":")[0]
            work.matches(text, rf"\[sup\] {server}: died: {cause}$", "what it died of")
            work.matches(text, rf"\[sup\] {server}: restarted, generation 2\b", "the restart")
            work.matches(text, rf"\[sup\] {server}: .*\bleaked 0$", "leaks")
            free = work.matches(text, rf"\[sup\] {server}: +free frames (\d+) before, (\d+) after; "
                                      r"free slots (\d+) before, (\d+) after$", "what is free")
            work.equal((free[1], free[3]), (free[2], free[4]), "free frames and slots before and after")
            work.matches(text, r"^Second map failed: the memory service died and was restarted$", "the call in flight")
            work.matches(text, r"^xmaptest: survived the death of the memory service$", "the program")
            work.absent(text, r"panic: ", "a panic")


for row in DEATHS:
    register(*row, "release")
    register(*row, "debug")
