"""micro: root tasks on the kernel alone, and a program over supervised servers with and without the essay's bug."""

import os
import re
import subprocess
import threading

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


@test("micro/any-boot-hart")
def any_boot_hart(work):
    """The firmware begins with whichever hart comes first: micro runs on that one, with its interrupts."""
    seen = set()
    for _ in range(60):
        with work.guest("micro", harts=4, timeout=30) as guest:
            guest.prompt()
            seen.add(work.matches(guest.output, r"^Boot HART ID +: (\d+)$", "the firmware's word")[1])
            guest.stop()
        if seen - {"0"}:
            return f"boot harts {' '.join(sorted(seen))}"
    work.check(False, "the firmware always begins with hart 0")


@test("micro/conformance", quick=True)
def conformance(work):
    """Also that every fault without a handler is one that a test wants: each of these tests causes three."""
    with work.guest("micro", disk="", roottask=paths.built("test/conformance.elf"),
                    extra=("-rtc", "clock=vm")) as guest:
        work.equal(guest.wait_exit(60), Outcome.CLEAN, "the end")
        totals = work.matches(guest.output, r"^(\d+) passed, (\d+) failed$", "totals")
        work.check(int(totals[1]) > 490 and int(totals[2]) == 0, totals[0])
        work.equal(len(re.findall(r"^Caught cap fault", guest.output, re.M)), 3, "faults without a handler")


def fuzz(work, calls, period, timeout):
    """Random system calls, the kernel's invariants checked after every `period`-th trap."""
    with work.guest("micro", "quiet=1", f"check={period}", f"fuzz={calls}", "seed=20240607", disk="", timeout=timeout,
                    roottask=paths.built("test/conformance.elf")) as guest:
        work.equal(guest.wait_exit(timeout), Outcome.CLEAN, "the end")
        made = work.matches(guest.output, r"^fuzz: (\d+) calls in \d+ rounds", "the summary")
        work.check(int(made[1]) >= calls, made[0])


@test("micro/fuzz")
def fuzz_short(work):
    fuzz(work, 100_000, 20, 120)


@test("micro/fuzz-long")
def fuzz_long(work):
    fuzz(work, 10_000_000, 100, 7200)


def stretch(work, build, roottask, limit):
    """The most instructions in which the kernel does not look for interrupts, while the root task runs to its end."""
    kernel = "micro.elf" if build == "debug" else "micro-release.elf"
    symbols = work.run("readelf", "-sW", paths.built(kernel)).stdout
    poll = work.matches(symbols, r"^ *\d+: ([0-9a-f]{16}) .* arch_irq_pending$", "the symbol")[1]
    report = os.path.join(work.folder, "stretch.txt")
    with work.guest("micro", "quiet=1", disk="", build=build, roottask=paths.built(roottask),
                    extra=("-plugin", f"{paths.built('host/stretch.so')},out={report},poll={poll}")) as guest:
        work.equal(guest.wait_exit(60), Outcome.CLEAN, "the end")
    with open(report, encoding="utf-8") as file:
        text = file.read()
    longest = int(work.matches(text, r"^longest stretch: (\d+) instructions", "the report")[1])
    work.check(1_000 < longest <= limit, f"longest stretch: {longest} instructions, at most {limit}")
    return f"longest stretch: {longest} instructions"


# In both builds Retype of 256 objects, the most that one call may make, is the longest there is.

@test("micro/bounded")
def bounded(work):
    """How long an interrupt may wait for the kernel, over everything the conformance tests do."""
    return stretch(work, "debug", "test/conformance.elf", 32_000)


@test("micro/bounded-release")
def bounded_release(work):
    """The same for the release build, over the operations that have most to do."""
    return stretch(work, "release", "test/bounded.elf", 28_000)


@test("micro/sifive_u", quick=True)
def sifive(work):
    """Nothing of QEMU's virt is written into the kernel: on another board it says its first line."""
    line = [os.environ.get("DUO_QEMU", "qemu-system-riscv64"), "-machine", "sifive_u", "-m", "128M", "-display", "none",
            "-serial", "stdio", "-bios", "default", "-kernel", paths.built("micro.elf"),
            "-initrd", paths.built("test/conformance.elf")]
    with subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as qemu:
        watch = threading.Timer(30, qemu.kill)
        watch.start()
        text = b""
        while b"dropped to user space" not in text:
            more = qemu.stdout.read1(4096)
            if not more:
                break
            text += more
        watch.cancel()
        qemu.kill()
    work.matches(text.decode(errors="replace"), r"^Booting all finished, dropped to user space", "the banner")


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
