"""
What each named fault does on each kernel, seen from outside, is what the catalogue port/fault.def says of it.

A fault is armed, a command comes to it, and two others go on beside it meanwhile (programs/bystander.c): `a`, which only says
that it lives, and `b`, which uses files, a pipe, memory and children. What becomes of them all is one outcome, the worst that
applies:

    silent          an answer, or what is read, is not what it must be, and nobody has been told
    data-lost       what was on the disk before is not there any more, nor after a new boot
    machine-down    a panic, or nobody does anything any more
    gave-up         the machine lives, but a service does not come back: neither `b` nor a new command gets any further
    client-killed   a process has ended, or hangs and must be given up; the others go on
    error           a call has failed, and its program goes on
    restarted       the supervisor has begun the service anew, and every answer was right
    masked          it has happened, and nothing else has
    not-activated   it has not happened

How long is waited is counted in rounds of `a` and `b`, so that a busy host, which gives the guest little time, does not make
anybody hang.
"""

import re
import time

from harness import Failure, Outcome, test

from duo import fault
from duo.guest import Guest, without_supervisor

OUTCOMES = ("silent", "data-lost", "machine-down", "gave-up", "client-killed", "error", "restarted", "masked", "not-activated")

# Who has no answer when `a` has gone so many rounds, a tick each, hangs: more than two seconds, as long as a disk may take. But
# only if `b`, which does the like, has got on meanwhile, or hangs as well.
PATIENCE = 22
WORK = 8  # rounds of `b`: more than the commands below take
NEW_PATIENCE = 12  # for a command that comes later, when the disk has had its time
STILL_SECONDS = 3.0  # without a round of `a`: nobody does anything

MARK = r"<([ab])\.(\d+)(?: (failed|wrong) [^>]*)?>"

# What comes to the fault, and its right answer. The first arrival is often one of `fault` itself.
COMMANDS = {"double-map": ("xmaptest", r"^xmaptest: the service is correct$")}
USUAL = ("echo one two > new; cat new old | wc", r"^2 3 13 ?$")

# Which arrivals at a service are looked at, if not the first; the worst outcome counts. xmap's first gives back a page while its
# program ends, the second one the whole space: what the caller holds meanwhile is not the same.
ARRIVALS = {"xmap": (1, 2)}


class Scene(Guest):
    """A guest that is looked at while it goes on. Nothing here ends it because an answer does not come."""

    begin = 0  # where in the output the fault was armed

    def rounds(self, who, amiss=None):
        """How many `who` has told of since then; or those in which something was amiss."""
        return sum(who == name and amiss in (None, told) for name, _, told in re.findall(MARK, self.output[self.begin:]))

    def text(self, since=None):
        """What all others have printed."""
        text = re.sub(MARK, "", without_supervisor(self.output[self.begin if since is None else since:]))
        return re.sub(r"^(\$ )+", "", text, flags=re.M)

    def go(self, over):
        """Goes on until it is over(), the guest ends, or `a` stands still."""
        rounds, since = -1, time.monotonic()
        while self.outcome is None and not over():
            if self.rounds("a") != rounds:
                rounds, since = self.rounds("a"), time.monotonic()
            if time.monotonic() - since > STILL_SECONDS:
                return
            self._read(0.05)

    def pass_rounds(self, count):
        """Whether `a` goes so many."""
        enough = self.rounds("a") + count
        self.go(lambda: self.rounds("a") >= enough)
        return self.rounds("a") >= enough

    def until(self, pattern, since=None, patience=PATIENCE):
        """Goes on until the others have printed this, or whoever should hangs; whether they have."""
        a, b = self.rounds("a"), self.rounds("b")
        last = [a, b]  # rounds of `a`, when `b` told of its last one

        def hangs():
            if self.rounds("b") != last[1]:
                last[:] = self.rounds("a"), self.rounds("b")
            return self.rounds("a") >= a + patience and (last[1] >= b + WORK or self.rounds("a") >= last[0] + patience)

        def found():
            return re.search(pattern, self.text(since), re.M) is not None

        self.go(lambda: found() or hangs())
        return found()

    def type(self, line, patience=NEW_PATIENCE):
        """Types it, and gives what is printed until it has been done, or None."""
        since = len(self.output)
        self.send(f"{line}; echo that is all")
        return self.text(since) if self.until(r"^that is all\n", since, patience) else None


def judge(scene, service, name, right):
    """The worst of what has happened, and more about it."""
    finished = scene.until(r"^fin$|^init: starting sh$")
    if scene.outcome in (Outcome.PANIC, Outcome.GAVE_UP):
        return "machine-down", scene.outcome.words
    if scene.outcome is not None:
        raise Failure(f"{scene.outcome.words} {scene.error}")
    ended = "init: starting sh" in scene.text()
    if not ended and not scene.pass_rounds(2):
        return "machine-down", "nobody does anything"
    answer, before = scene.text(), scene.rounds("b")
    listed = scene.type("echo alive > alive; cat alive old; fault list")
    if listed is None and scene.rounds("b") == before:
        return "gave-up", "neither the bystander nor a new command gets any further"
    if scene.rounds("b", "wrong"):
        return "silent", "what the bystander reads is not what it has written"
    if listed is None:
        return "client-killed", "a new command hangs as well"
    if "kept" not in listed.splitlines():
        return "data-lost", "a file is not there"
    if ended:
        return "client-killed", "every program"
    if not finished:
        return "client-killed", killed(scene)
    if not re.search(right, answer, re.M):
        said = re.search(r"^.*\b(failed|error|cannot)\b.*$", answer, re.M)
        return ("error", said[0]) if said else ("silent", "the command's answer is not right")
    if scene.rounds("b", "failed"):
        return "error", "a call of the bystander has failed"
    if not re.search(rf"^{service} +{name} .* 1 +\w+ [\w ]+$", listed, re.M):
        return "not-activated", ""
    if re.search(rf"^\[sup\] {service}: restarted, generation 2\b", scene.output, re.M):
        return "restarted", ""
    return "masked", ""


def killed(scene):
    """Who hangs, and what `kill` does to each."""
    def look():
        listed = scene.type("ps")
        if listed is None:
            raise Failure("a process hangs, and ps as well")
        rows = re.findall(r"^(\d+) +\d+ +\w+ .* (\w+)$", listed, re.M)
        return {int(pid): name for pid, name in rows if int(pid) > 2 and name not in ("bystander", "ps")}

    before = look()
    scene.type(f"kill {' '.join(map(str, before))}")
    scene.pass_rounds(3)
    after = look()
    return "kill: " + ", ".join(f"{name} {'stays' if pid in after else 'goes'}" for pid, name in before.items())


def observe(work, kernel, service, name, arrival=1):
    """The outcome of one boot, and more about it."""
    disk = work.disk()
    command, right = COMMANDS.get(name, USUAL)
    with Scene(kernel, disk=disk, folder=work.scratch(), scratch=True) as scene:
        scene.command("echo kept > old")
        scene.send("bystander &")
        scene.expect(r"<b\.1>")
        scene.begin = len(scene.output)
        scene.send(f"(fault arm {service}:{name}@{arrival}; {command}; echo fin) &")
        outcome, more = judge(scene, service, name, right)
    if outcome in ("machine-down", "gave-up"):
        with work.guest(kernel, disk=disk) as again:
            if again.command("cat old") != "kept\n":
                return "data-lost", f"{outcome}, and a file is not there after a new boot"
    return outcome, more


def register(row, kernel):
    @test(f"catalogue/{row['service']}-{row['name']}-{kernel}")
    def check(work):
        arrivals = ARRIVALS.get(row["service"], (1,)) if row["name"] not in COMMANDS else (1,)
        seen = [observe(work, kernel, row["service"], row["name"], arrival) for arrival in arrivals]
        outcome, more = min(seen, key=lambda each: OUTCOMES.index(each[0]))
        work.equal(outcome, row[kernel], f"what is seen{more and f' ({more})'}, by the catalogue's words")
        for _, each in seen:
            if each.startswith("kill: "):
                work.matches(each, r" stays\b", "who hangs, and what `kill` does to each")
        return more


for row_ in fault.catalogue():
    for kernel_ in ("mono", "micro"):
        register(row_, kernel_)
