"""
The four faults that every service has, on both kernels: on micro the server dies or hangs, comes back, and the commands that
were under way end as if nothing had been; on mono the machine is down. unix's death is its programs' as well.
"""

from harness import Ended, Outcome, test

SERVICES = ("xmap", "fs", "block", "console")

# fault, what the supervisor says of it
FAULTS = (
    ("crash-null", r"died: page fault at 0x0"),
    ("abort-assert", r"died: injected: abort-assert"),
    ("hang-loop", r"hangs: a request runs without end"),
    ("no-reply", r"hangs: a request gets no answer"),
)

# Which arrival at the service fires: one in the middle of what is typed next. The console's first is the answer to
# `fault` itself; its later ones may be reads, and a read that gets no answer cannot be told from a person who does not type.
ARRIVAL = {"xmap": 3, "fs": 3, "block": 3, "console": 1}


def register_micro(service, fault, says):
    @test(f"micro/{fault}-{service}", quick=fault == "crash-null")
    def check(work):
        with work.guest("micro") as guest:
            guest.prompt()
            guest.command("echo before > old")
            guest.command(f"fault arm {service}:{fault} @{ARRIVAL[service]}")
            written = guest.command("echo one two > new; cat new old | wc")
            listed = guest.command("ls | grep new")
            text = guest.output
            work.matches(text, rf"^\[sup\] {service}: {says}$", "what happened to it")
            work.matches(text, rf"^\[sup\] {service}: +reclaimed \d+ frames and \d+ slots, leaked 0$", "what is reclaimed")
            free = work.matches(text, rf"^\[sup\] {service}: +free frames (\d+) before, (\d+) after; "
                                      r"free slots (\d+) before, (\d+) after$", "what is free")
            work.equal(free[3], free[4], "free slots before and after")
            work.matches(text, rf"^\[sup\] {service}: restarted, generation 2\b", "the restart")
            work.absent(text, r"\[sup\] (?!%s)\w+: (died|hangs)" % service, "somebody else's death")
            work.matches(written, r"^2 3 15 ?$", "what was under way")
            work.matches(listed, r"^new +2 ", "the file")
            work.matches(guest.command("cat new old"), r"^one two\nbefore$", "the files' bytes")


def register_mono(service, fault, says):
    @test(f"mono/{fault}-{service}")
    def check(work):
        with work.guest("mono") as guest:
            guest.prompt()
            try:
                guest.command(f"fault arm {service}:{fault} @{ARRIVAL[service]}")
                guest.command("echo one two > new; cat new | wc", timeout=20)
            except Ended:
                pass
            work.equal(guest.outcome, Outcome.PANIC, "the end")
            work.matches(guest.output, says, "the panic")


def register_unix(fault, says):
    """The end of unix is the end of its programs, and of nothing else: a new session finds the disk as it was."""
    @test(f"micro/{fault}-unix", quick=fault == "crash-null")
    def check(work):
        with work.guest("micro") as guest:
            guest.prompt()
            guest.command("echo kept > f; ls | wc")
            begin = len(guest.output)
            guest.send(f"fault arm unix:{fault}")  # the very next call of any program meets it
            guest.expect(r"^\[sup\] unix: restarted, generation 2, after (\d+) us", since=begin)
            guest.expect(r"^init: starting sh$", since=begin)
            guest.prompt()
            work.matches(guest.output, rf"^\[sup\] unix: {says}$", "what happened to it")
            work.matches(guest.output, r"^\[sup\] unix: +reclaimed \d+ frames and \d+ slots, leaked 0$", "what is reclaimed")
            work.matches(guest.output, r"^\[sup\] console: begins anew with unix, generation 2$", "its server")
            work.equal(guest.command("cat f"), "kept\n", "the file")
            work.matches(guest.command("xmaptest"), r"^xmaptest: the service is correct$", "memory")


for fault_, says_ in FAULTS[:2]:
    register_unix(fault_, says_)
for service_ in SERVICES:
    for fault_, says_ in FAULTS:
        register_micro(service_, fault_, says_)
    register_mono(service_, "crash-null", r"panic: store page fault in the kernel\n  in inject_point\+")
    register_mono(service_, "abort-assert", r"panic: injected: abort-assert\n  in inject_point\+")
