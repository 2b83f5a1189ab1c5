"""
Looking at services, faults and processes and steering them: the programs svc, fault and ps in a guest, and duo's commands of
the same names. On mono services are shown, and nothing can be done to them.
"""

import json
import sys
import time

from harness import ROOT, Outcome, test

sys.path.insert(0, f"{ROOT}/tools")
from duo import fault, paths, ps, svc  # noqa: E402
from duo.guest import private_copy  # noqa: E402

SERVICES = ["xmap", "unix", "fs", "block", "console"]


def states(text):
    """{name: row} of what `svc` printed."""
    return {row["name"]: row for row in svc.services(text)}


# -- micro ---------------------------------------------------------------------------------------------------------


@test("control/transcript", quick=True)
def transcript(work):
    """A dead file system under a command: the command is whole, and svc tells the story."""
    with open(f"{ROOT}/README.md", encoding="utf-8") as file:  # of which fs.img was made
        readme = file.read()
    with work.guest("micro", disk=private_copy(paths.built("fs.img"), work.folder)) as guest:
        text = guest.command("fault arm fs crash-null; cat README; svc")
        work.matches(text, r"^armed fs:crash-null@1$", "the arming")
        work.matches(guest.output, r"^\[sup\] fs: died: page fault at 0x0$", "the death")
        work.check(readme in text, f"cat printed something else than README.md: {text!r}")
        for name, row in states(text).items():
            dead = name == "fs"
            work.equal((row["generation"], row["restarts"], row["state"], row["last_fault"]),
                       (2, 1, "running", "page fault at 0x0") if dead else (1, 0, "running", None), name)
        work.equal(list(states(text)), SERVICES + ["timer"], "the services")
        counted = guest.command("cat README | wc")
        text = guest.command("fault arm fs crash-null --after 15; cat README | wc")  # while cat reads
        work.check(counted in text, f"cat printed something else the second time: {text!r}")
        work.equal(states(guest.command("svc"))["fs"]["generation"], 3, "the generation then")


def register_restart(service):
    @test(f"control/restart-{service}")
    def check(work):
        """A restart that was asked for goes the way of a death, without one."""
        with work.guest("micro") as guest:
            guest.command("echo before > old")
            begin = len(guest.output)
            if service == "unix":  # its end is its session's
                guest.send("svc restart unix")
                guest.expect(r"^init: starting sh$", since=begin)
            else:
                guest.command(f"svc restart {service}")
            guest.command("echo after > new")
            work.equal(guest.command("cat old new"), "before\nafter\n", "files")
            work.matches(guest.command("xmaptest"), r"^xmaptest: the service is correct$", "memory")
            row = states(guest.command("svc"))[service]
            work.equal((row["generation"], row["restarts"], row["state"], row["last_fault"]),
                       (2, 1, "running", "restart asked for"), "what svc says")
            text = guest.output
            work.matches(text, rf"^\[sup\] {service}: restart asked for$", "the reason")
            work.matches(text, rf"^\[sup\] {service}: +reclaimed \d+ frames and \d+ slots, leaked 0$", "what is reclaimed")
            free = work.matches(text, rf"^\[sup\] {service}: +free frames (\d+) before, (\d+) after; "
                                      r"free slots (\d+) before, (\d+) after$", "what is free")
            work.equal(free[3], free[4], "free slots before and after")
            work.absent(text, r"\[sup\] \w+: (died|hangs)", "a death")


@test("control/restarts-are-no-deaths")
def many_restarts(work):
    """More of them within a second than deaths would be forgiven; and each server's frames come back."""
    with work.guest("micro") as guest:
        for service in ("block", "fs", "xmap"):
            guest.command("; ".join([f"svc restart {service}"] * 4))
            guest.command("; ".join([f"svc restart {service}"] * 4))
            work.equal(states(guest.command("svc"))[service]["generation"], 9, service)
        work.absent(guest.output, r"gave up", "the end")
        work.absent(guest.output, r"leaked [1-9]", "a leak")
        work.matches(guest.command("systest xmap-map-twice"), r"^systest: 1 passed, 0 failed$", "memory")


def register_hold(service, command, wanted):
    @test(f"control/hold-{service}")
    def check(work):
        """What needs the service waits for it, for as long as was said, and is done then; nothing is taken for a hang."""
        with work.guest("micro") as guest:
            guest.command("echo kept > f")
            began = guest.guest_nanoseconds()
            guest.command(f"svc hold {service} --for 5")  # longer than anybody's patience with a server that runs
            text = guest.command(command)
            took = guest.guest_nanoseconds() - began
            work.matches(text, wanted, command)
            work.check(5e9 <= took < 25e9, f"{command} took {took / 1e9:.1f} s of the guest's time")
            work.matches(guest.output, rf"^\[sup\] {service}: held for 5000 ms$", "the hold")
            work.matches(guest.output, rf"^\[sup\] {service}: goes on: its time is over$", "its end")
            work.absent(guest.output, r"\[sup\] \w+: (died|hangs|restarted)", "a hang")
            work.equal(states(guest.command("svc"))[service]["state"], "running", "the state afterwards")


@test("control/hold-is-shown")
def hold_is_shown(work):
    """`svc` itself needs no block while its file is in the cache."""
    with work.guest("micro") as guest:
        guest.command("svc")
        row = states(guest.command("svc hold block --for 60; svc"))["block"]
        work.equal((row["state"], row["generation"], row["last_fault"]), ("held", 1, None), "the row")
        work.matches(guest.command("svc hold block"), r"^svc: cannot hold block: it is held$", "a second hold")
        work.equal(states(guest.command("svc release block; svc"))["block"]["state"], "running", "the state afterwards")
        work.matches(guest.command("svc hold block --for 60; svc restart block; svc"), r"^block +2 +1 +running", "a restart")
        work.equal(guest.command("echo x > f; cat f"), "x\n", "the disk")


@test("control/fault-behind-a-hold")
def fault_behind_hold(work):
    """A held server that dies when it goes on is restarted like any other."""
    with work.guest("micro") as guest:
        guest.command("fault arm fs abort-assert --after 40; svc hold fs --for 1; ls; ls; ls")
        row = states(guest.command("svc"))["fs"]
        work.equal((row["generation"], row["state"], row["last_fault"]), (2, "running", "injected: abort-assert"), "the row")


# -- both kernels --------------------------------------------------------------------------------------------------


def register_kernel(kernel):
    @test(f"control/faults-{kernel}")
    def faults(work):
        """The guest's list is the catalogue; what is armed is marked, and fires when it was told to."""
        with work.guest(kernel) as guest:
            text = guest.command("fault arm xmap double-map --after 2; fault list")
            work.matches(text, r"^armed xmap:double-map@3$", "the arming")
            rows = [line.split(None, 7) for line in text.splitlines()[2:]]
            wanted = fault.catalogue()
            work.equal([(r[0], r[1], r[2], r[3], r[4], r[7]) for r in rows],
                       [(f["service"], f["name"], f["class"], f["mono"], f["micro"], f["trigger"]) for f in wanted], "list")
            work.equal({(r[0], r[1]): r[5] for r in rows if r[5] != "-"}, {("xmap", "double-map"): "@3"}, "what is armed")
            work.equal(guest.command("fault disarm"), "disarmed xmap:double-map\n", "disarming all")
            work.absent(guest.command("fault list"), r"@", "what is armed then")
            work.matches(guest.command("xmaptest"), r"^xmaptest: the service is correct$", "a fault disarmed")
            work.equal(guest.command("fault arm fs:no-reply @5000+; fault disarm fs no-reply"),
                       "armed fs:no-reply@5000+\ndisarmed fs:no-reply\n", "the other forms")
            work.matches(guest.command("fault arm fs single-map"), r"^fault: there is no fault single-map of a service fs",
                         "no such fault")

    @test(f"control/fires-in-time-{kernel}")
    def fires(work):
        """--after 1 lets one arrival pass: xmaptest asks for a second map once."""
        with work.guest(kernel) as guest:
            guest.command("fault arm xmap double-map --after 1")
            work.matches(guest.command("xmaptest"), r"^xmaptest: the service is correct$", "the first arrival")
            work.matches(guest.command("fault list"), r"^xmap +double-map .* @1 +0 +xmap_map", "what is left")
            if kernel == "mono":
                guest.send("xmaptest")
                work.equal(guest.wait_exit(20), Outcome.PANIC, "the second arrival")
                work.matches(guest.output, r"^panic: mappages: remap$", "the panic")
                return
            work.matches(guest.command("xmaptest"), r"^xmaptest: survived the death of the memory service$", "the second")
            work.matches(guest.command("fault list"), r"^xmap +double-map .* - +1 +xmap_map", "fired once, and no more")
            row = states(guest.command("svc"))["xmap"]
            work.equal((row["generation"], row["last_fault"]), (2, "mappages: remap"), "the row")

    @test(f"control/processes-{kernel}")
    def processes(work):
        with work.guest(kernel) as guest:
            rows = ps.processes(guest.command("ps | cat"))
            work.equal([(row["pid"], row["parent"], row["name"]) for row in rows[:2]], [(1, None, "init"), (2, 1, "sh")],
                       "the first two")
            work.equal(rows[0]["waits_for"], "child", "what init waits for")
            work.equal([(row["parent"], row["state"]) for row in rows if row["name"] == "ps"], [(2, "run")], "ps itself")
            work.check(len(rows) in (3, 4), f"the other end of the pipe may be there by now, and nobody else: {rows}")
            work.check(all(row["memory_bytes"] >= 12288 for row in rows if row["state"] != "zombie"), "memory")

    @test(f"control/systest-{kernel}")
    def calls(work):
        """The tests of the calls themselves; a full systest has them, too."""
        names = ("lists-refuse service-list service-refuses service-restarts service-held hold-ends",
                 "fs-held-often xmap-held-often", "programs-refuse fault-catalogue process-list")
        with work.guest(kernel, timeout=120) as guest:
            for line in names:
                text = guest.command(f"systest {line}", timeout=100)
                work.matches(text, rf"^systest: {len(line.split())} passed, 0 failed$", line)


@test("control/mono", quick=True)
def mono(work):
    """The services are there, and that is all that can be said; every verb is refused, and nothing happens."""
    with work.guest("mono") as guest:
        rows = states(guest.command("svc"))
        work.equal(list(rows), SERVICES, "the services")
        work.equal({row["state"] for row in rows.values()}, {"in kernel"}, "their state")
        for verb in ("hold", "release", "restart"):
            work.equal(guest.command(f"svc {verb} fs"), f"svc: cannot {verb} fs: it is part of this kernel\n", verb)
        work.equal(guest.command("echo well"), "well\n", "the shell afterwards")


@test("control/attention")
def attention(work):
    """^P tells what each process waits for."""
    for kernel in ("mono", "micro"):
        with work.guest(kernel) as guest:
            guest.prompt()
            guest.send("cat | cat")
            for _ in range(8):  # the first may come before both have begun
                guest.send("\x10")
                time.sleep(0.25)
            guest.expect(r"^1 sleep +init \(a child\)\n+2 sleep +sh \(a child\)\n+\d+ sleep +cat \(the console\)\n+"
                         r"\d+ sleep +cat \(a pipe\)$", timeout=20)


# -- duo -----------------------------------------------------------------------------------------------------------

# arguments, exit code, what stderr says
WRONG = [
    (["svc", "nonsense"], 2, r"invalid choice: 'nonsense'"),
    (["svc", "hold"], 2, r"takes the name of a service"),
    (["svc", "list", "fs"], 2, r"takes no name"),
    (["svc", "restart", "fs; ls"], 2, r"takes the name of a service"),
    (["svc", "restart", "fs", "--for", "1"], 2, r"--for belongs to hold"),
    (["svc", "--kernel", "linux"], 2, r"mono and micro"),
    (["ps", "all"], 2, r"unrecognized arguments"),
    (["ps", "--kernel", "linux"], 2, r"mono and micro"),
    (["fault"], 2, r"required"),
    (["fault", "arm", "fs"], 2, r"required: NAME"),
    (["fault", "arm", "fs", "single-map"], 2, r"there is no fault single-map of a service fs"),
    (["fault", "arm", "fs", "crash-null", "--after", "-1"], 2, r"not negative"),
    (["fault", "disarm"], 2, r"inside a guest"),
]


@test("control/duo-wrong-usage", quick=True)
def wrong_usage(work):
    for arguments, code, says in WRONG:
        done = work.duo(*arguments, DUO_BUILD=work.fake_build())
        work.equal((done.returncode, done.stdout), (code, ""), " ".join(arguments))
        work.matches(done.stderr, says, " ".join(arguments))


@test("control/duo-fault", quick=True)
def duo_fault(work):
    done = work.duo("fault", "list", "--json")
    record = json.loads(done.stdout)
    work.equal((done.returncode, record["schema"]), (0, "duo.fault/1"), "exit code and schema")
    names = [(row["service"], row["name"]) for row in record["faults"]]
    work.check(len(names) == len(set(names)) >= 21 and ("xmap", "double-map") in names, f"the faults: {names}")
    lines = work.duo("fault", "list").stdout.splitlines()
    work.equal([tuple(line.split()[:2]) for line in lines[1:]], names, "the same as a table")
    done = work.duo("fault", "arm", "xmap", "double-map", "--kernel", "mono", "--cmd", "xmaptest")
    work.equal(done.returncode, Outcome.PANIC.value, "the end with a fault armed")
    work.matches(done.stdout, r"^panic: mappages: remap$", "the panic")


@test("control/duo-svc-and-ps")
def duo_inspects(work):
    done = work.duo("svc", "--json", "--cmd", "echo x")
    record = json.loads(done.stdout)
    work.equal((done.returncode, record["schema"]), (0, "duo.svc/1"), "exit code and schema")
    work.equal([(k["kernel"], [s["name"] for s in k["services"]], {s["state"] for s in k["services"]})
                for k in record["kernels"]],
               [("mono", SERVICES, {"in kernel"}), ("micro", SERVICES + ["timer"], {"running"})], "svc")
    done = work.duo("svc", "restart", "fs")
    work.equal(done.returncode, 1, "exit code where a kernel refuses")
    work.matches(done.stdout, r"== mono ==\nsvc: cannot restart fs: it is part of this kernel$", "mono")
    work.matches(done.stdout, r"^fs +2 +1 +running +restart asked for ", "micro")
    work.equal(work.duo("svc", "restart", "fs", "--kernel", "micro").returncode, 0, "exit code of micro alone")
    record = json.loads(work.duo("ps", "--json").stdout)
    work.equal(record["schema"], "duo.ps/1", "schema")
    for one in record["kernels"]:
        work.equal([(p["name"], p["pid"], p["parent"]) for p in one["processes"]],
                   [("init", 1, None), ("sh", 2, 1), ("ps", 3, 2)], one["kernel"])
    done = work.duo("ps", "--kernel", "mono", "--cmd", "fault arm fs crash-null; ls")
    work.equal((done.returncode, done.stdout), (Outcome.PANIC.value, ""), "a guest that ends before")
    work.matches(done.stderr, r"the kernel panicked", "what is said then")


for service_ in SERVICES + ["timer"]:
    register_restart(service_)
register_hold("fs", "cat f", r"^kept$")
register_hold("block", "echo more > g; cat g", r"^more$")
register_hold("xmap", "cat f", r"^kept$")
register_hold("console", "cat f", r"^kept$")
for kernel_ in ("mono", "micro"):
    register_kernel(kernel_)
