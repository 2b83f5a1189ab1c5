"""
Least authority on micro: in the place of each server a double (test/authority/) tries everything, and must get what is written
here and a fault or an error for all else; and in the pages that are for it alone nobody else's mark may appear. Whoever gives a
server more, in system/micro.def or in the supervisor, must say so here.
"""

import os
import re
import struct

from harness import ROOT, Outcome, paths, test

# What each server needs, and may have beside its own threads. `calls`: services it may call; `dma`: whether its device may write to
# pages, as many as its service asks for by their numbers; `kept`: whether it may keep memory, as many pages as described or, where
# that grows with the machine, as its information page says.
GRANTED = {
    "timer": dict(calls=(), devices=(), signals_all=True),
    "xmap": dict(calls=(), devices=(), kept="grows", address_spaces=True),
    "console": dict(kept="described", calls=("timer",), devices=("ns16550a",), sees_transfers=True),
    "block": dict(calls=("timer",), devices=("virtio,mmio",), dma=True, arena=True),
    "fs": dict(calls=("block", "timer"), devices=(), kept="described", arena=True),
    "unix": dict(calls=("xmap", "fs", "console", "timer"), devices=(), arena=True, transfers=True, programs=True),
}

# Numbers of capability types, as a debug kernel tells them.
UNTYPED, PAGE_TABLE, ENDPOINT, NOTIFICATION, CNODE, TCB, ASID_POOL, IRQ_HANDLER = 2, 3, 4, 6, 10, 12, 13, 16

PAGE = 4096
OWN_PAGES = 30  # of each double's image
STACK_PAGES = 4  # of each thread
ARENA, ARENA_PAGES = 0x2000000000, 512
INFO, RECORD, THREADS, KEPT, DEVICES, DMA, TRANSFERS = (0x4000000, 0x4001000, 0x5000000, 0x8000000, 0xa000000, 0xb000000,
                                                        0xc000000)


def read(*parts):
    with open(os.path.join(ROOT, *parts), encoding="utf-8") as file:
        return file.read()


def services():
    """The servers' names by their number."""
    return re.findall(r'"(\w+)"', re.search(r"names\[SERVERS_COUNT\] = \{(.*?)\}", read("test", "authority", "double.c"))[1])


def slots():
    """The numbers of enum server_slot."""
    result, number = {}, 0
    for name, value in re.findall(r"^    (SLOT_\w+)(?: = (\d+))?,", read("placement", "micro", "layout.h"), re.M):
        number = int(value) if value else number + 1
        result[name] = number
    return result


def threads():
    """How many threads each server has: a number that says nothing about what it may do."""
    return {name: int(count) for name, count in re.findall(r'^SERVER\(\w+, "(\w+)", \d+, (\d+)', read("system", "micro.def"), re.M)}


def kept_pages(server, granted, told):
    if "kept" not in granted:
        return 0
    described = re.search(rf'^SERVER\(\w+, "{server}", \d+, \d+, \d+, (\d+)', read("system", "micro.def"), re.M)
    return told["kept"] if granted["kept"] == "grows" else int(described[1])


def dma_pages(server, granted):
    """As many as the service's source asks for: a description that grants more grants too much."""
    if not granted.get("dma"):
        return 0
    folder = os.path.join(ROOT, "service", server)
    asked = {int(number) for name in sorted(os.listdir(folder)) if name.endswith(".c") and not name.startswith("test_")
             for number in re.findall(r"\bport_dma_page\((\d+),", read("service", server, name))}
    return max(asked, default=-1) + 1


def image_pages(server):
    """Page offsets of the double's image: those it can read only, and those it can write."""
    with open(paths.built("test", "authority", server + ".elf"), "rb") as file:
        image = file.read()
    at, size, count = struct.unpack_from("<Q", image, 32)[0], *struct.unpack_from("<HH", image, 54)
    result = {}
    for n in range(count):
        kind, flags, _, address, _, _, length = struct.unpack_from("<IIQQQQQ", image, at + n * size)
        if kind == 1:
            for page in range(address // PAGE * PAGE, address + length, PAGE):
                result[page & 0xfffffff] = "rw" if flags & 2 else "r"
    return result


def expected_memory(server, granted, count, told):
    pages = image_pages(server)
    pages[INFO], pages[RECORD] = "r", "rw"
    for thread in range(count[server]):
        first = THREADS + thread * 0x20000 + 0xc000
        for n in range(6 if granted.get("transfers") else 5):
            pages[first + n * PAGE] = "rw"
    parts = [(KEPT, kept_pages(server, granted, told), "rw"), (DEVICES, len(granted["devices"]), "r"),
             (DMA, dma_pages(server, granted), "rw"), (TRANSFERS, count["unix"] if granted.get("sees_transfers") else 0, "rw")]
    for first, number, access in parts:
        pages.update({first + n * PAGE: access for n in range(number)})
    outside = {ARENA + n * PAGE: "rw" for n in range(ARENA_PAGES)} if granted.get("arena") else {}
    return pages, outside


def expected_capabilities(server, granted, count, told):
    """Two of them: {slot: type} of the root CNode, {(slot, index): type} of those in it."""
    slot, names = slots(), services()
    own = {slot["SLOT_SUPERVISOR"]: ENDPOINT, slot["SLOT_SERVICE"]: ENDPOINT}
    inner = {}
    own.update({slot["SLOT_CLIENT"] + names.index(service): ENDPOINT for service in granted["calls"]})
    own.update({slot["SLOT_IRQ_HANDLER"] + n: IRQ_HANDLER for n in range(len(granted["devices"]))})
    for thread in range(count[server]):
        own[slot["SLOT_THREAD"] + 2 * thread] = TCB
        own[slot["SLOT_THREAD"] + 2 * thread + 1] = NOTIFICATION
        own[slot["SLOT_FAULT"] + thread] = ENDPOINT
    if granted.get("address_spaces"):
        own.update({slot["SLOT_VSPACE"]: PAGE_TABLE, slot["SLOT_UNIX_VSPACE"]: PAGE_TABLE, slot["SLOT_ASID_POOL"]: ASID_POOL})
        inner[slot["SLOT_NAMES"], 2] = CNODE
    if granted.get("programs"):
        own[slot["SLOT_PROGRAMS"]] = UNTYPED
    if granted.get("address_spaces") or granted.get("programs") or granted.get("signals_all"):
        inner[slot["SLOT_NAMES"], 3] = CNODE
    if granted.get("signals_all"):
        for number, service in enumerate(names):
            inner.update({(slot["SLOT_PRIVATE"], 72 * number + thread): NOTIFICATION for thread in range(count[service])})
        own[slot["SLOT_PRIVATE"]] = NOTIFICATION  # such a name enters the CNode: it means the first one in it
    return own, inner


def runs(lines, pattern, step, value):
    """{number: value} of lines that say FIRST COUNT."""
    result = {}
    for line in lines:
        found = re.fullmatch(pattern, line)
        if found:
            for n in range(int(found["count"])):
                result[int(found["first"], 0) + n * step] = value(found)
    return result


def difference(what, got, wanted, show):
    lines = [f"{what} {show(key)} is {got.get(key)}, expected {wanted.get(key)}"
             for key in sorted(got.keys() | wanted.keys()) if got.get(key) != wanted.get(key)]
    return lines[:5] + ([f"{what}: and {len(lines) - 5} more"] if len(lines) > 5 else [])


def judge(server, lines):
    """What the double of this server could do that it should not, or could not that it should: as lines."""
    granted, count, names, slot = GRANTED[server], threads(), services(), slots()
    begins = [found for line in lines if (found := re.fullmatch(r"begins; kept (\d+) pools (\d+)", line))]
    if len(begins) != 1:
        return [f"it has begun {len(begins)} times"]
    told = {"kept": int(begins[0][1]), "pools": int(begins[0][2])}
    problems = [line for line in lines if line.startswith("done ")]
    memory, outside = expected_memory(server, granted, count, told)
    for what, wanted in (("memory", memory), ("outside", outside)):
        got = runs(lines, what + r" (?P<first>\w+) (?P<count>\d+) (?P<access>rw?)", PAGE, lambda found: found["access"])
        problems += difference(what, got, wanted, hex)
    own, inner = expected_capabilities(server, granted, count, told)
    got = runs(lines, r"slot (?P<first>\d+) (?P<count>\d+) (?P<type>\d+)", 1, lambda found: int(found["type"]))
    problems += difference("capability in slot", got, own, str)
    got = {}
    for entered in sorted({int(line.split()[1]) for line in lines if line.startswith("in ")}):
        for index, kind in runs(lines, rf"in {entered} (?P<first>\d+) (?P<count>\d+) (?P<type>\d+)", 1,
                                lambda found: int(found["type"])).items():
            got[entered, index] = kind
    if granted.get("address_spaces"):  # the memory of programs: as untypeds in a row, for tables, roots, and each pool
        pools = sorted(index for (entered, index), kind in got.items() if (entered, kind) == (slot["SLOT_KEPT"], UNTYPED))
        if pools != list(range(min(pools, default=0), min(pools, default=0) + told["pools"] + 2)):
            problems.append(f"untypeds of programs' memory at {pools}, expected {told['pools'] + 2} in a row")
        got = {key: kind for key, kind in got.items() if (key[0], kind) != (slot["SLOT_KEPT"], UNTYPED)}
    problems += difference("capability in slot, entry", got, inner, str)
    own_pages = OWN_PAGES + kept_pages(server, granted, told) + dma_pages(server, granted) + STACK_PAGES * (count[server] - 1)
    if f"marks {own_pages} pages" not in lines:
        problems.append(f"it has not marked {own_pages} pages: {[line for line in lines if line.startswith('marks ')]}")
    badge = (names.index(server) + 1) << 8
    answers = {line for line in lines if line.startswith("client ")}
    wanted = {f"client {names.index(s)} answers 0 service {names.index(s)} badge 0x{badge:x} capabilities 0"
              for s in granted["calls"]}
    problems += [f"unexpected: {line}" for line in sorted(answers ^ wanted)]
    devices = [line for line in lines if line.startswith("device ")]
    wanted = [f"device {n} {name}" for n, name in enumerate(granted["devices"])]
    problems += [f"devices: {devices}, expected {wanted}"] if devices != wanted else []
    return problems


def walk(work, roottask):
    """Boots it; returns what each double has said, by server, and how many attempts there were in all."""
    with work.guest("micro", "quiet=1", disk="", roottask=paths.built("test", roottask), timeout=120) as guest:
        work.equal(guest.wait_exit(120), Outcome.CLEAN, "the end")
        text = guest.output
    work.matches(text, r"^\[authority\] all are done$", "the end")
    work.matches(text, r"^\[authority\] xmap: names 512 address spaces$", "that xmap has used up its identifiers")
    work.matches(text, r"^\[authority\] one more address space for the servers: error 0$", "what that means to others")
    said = {}
    for server, line in re.findall(r"^\[authority\] (\w+): (.*?)\r?$", text, re.M):
        said.setdefault(server, []).append(line)
    work.equal(sorted(said), sorted(GRANTED), "the servers")
    attempts = 0
    for server, lines in said.items():
        joined = "\n".join(lines)
        tried = work.matches(joined, r"^tried (\d+) faults (\d+) errors (\d+)$", f"{server}'s counts")
        seen = work.matches(joined, r"^its faults were (\d+)$", f"{server}'s faults as the root task saw them")
        work.equal(tried[2], seen[1], f"{server}'s faults")
        work.check(int(tried[2]) > 15000 and int(tried[3]) > 9000, f"{server} has tried little: {tried[0]}")
        attempts += int(tried[1])
    return said, attempts


@test("micro/least-authority", quick=True)
def least_authority(work):
    said, attempts = walk(work, "authority.elf")
    problems = [f"{server}: {problem}" for server, lines in said.items() for problem in judge(server, lines)]
    work.check(not problems, "\n".join(problems[:40]))
    return f"{attempts} attempts by {len(said)} servers"


# What a description that grants too much has in addition, and a page that two share (test/authority/room.mk): as judge() must
# say it.
PLANTED = {
    "fs": (r"done shares 0x8000000 with console", r"devices: \['device 0 sifive,test1'\]", r"memory 0xa000000 is r, expected None",
           r"unexpected: client 4 answers 0 service 4 badge 0x300", r"capability in slot 20 is 4, expected None"),
    "block": (r"memory 0xc0\w+ is rw, expected None", "memory: and 63 more"),
    "console": (r"outside 0x20000\w+ is rw, expected None", "outside: and 507 more"),
    "timer": (r"memory 0xb000000 is rw, expected None", r"it has not marked 30 pages: \['marks 31 pages'\]"),
    "xmap": (),
    "unix": (),
}


@test("micro/least-authority-planted")
def planted(work):
    """That the test above can fail: each thing granted too much is found, and nothing else."""
    said, _ = walk(work, "authority-planted.elf")
    for server, patterns in PLANTED.items():
        problems = judge(server, said[server])
        for pattern in patterns:
            work.check(any(re.match(pattern, problem) for problem in problems), f"{server}: {pattern} was not found: {problems}")
        others = [problem for problem in problems if not any(re.match(pattern, problem) for pattern in patterns)]
        work.check(not others, f"{server}: {others}")


@test("micro/least-authority-requests", quick=True)
def requests(work):
    """What steers the system is for unix alone: the supervisor denies it to everybody else, and nothing of it happens."""
    numbers = re.search(r"^enum supervisor_request \{(.*?)^\};", read("placement", "micro", "layout.h"), re.M | re.S)[1]
    names = re.findall(r"^    (SUPERVISOR_\w+)", numbers, re.M)
    steering = {16 + n for n, name in enumerate(names) if name not in ("SUPERVISOR_LOG", "SUPERVISOR_READY")}
    work.equal(names[:2], ["SUPERVISOR_LOG", "SUPERVISOR_READY"], "the requests of all")
    work.check("SUPERVISOR_LOG = 16," in numbers and numbers.count("=") == 1, "the requests have other numbers")
    with work.guest("micro", "quiet=1", "walk=requests", disk="", roottask=paths.built("test", "authority-requests.elf")) as guest:
        work.equal(guest.wait_exit(60), Outcome.CLEAN, "the end")
        text = guest.output
    for server in sorted(GRANTED.keys() - {"timer", "unix"}):
        answers = dict(re.findall(rf"^\[authority\] {server}: request (\d+) answers: (.*?)\r?$", text, re.M))
        work.matches(text, rf"^\[authority\] {server}: requests are over", "its end")
        work.check(len(answers) >= 60, f"{server} has tried little: {answers}")
        for label, answer in answers.items():
            work.check(answer != "no error", f"{server}: request {label} was granted")
            if int(label) in steering:
                work.equal(answer, "not permitted", f"{server}: request {label}")
    work.matches(text, r"^\[authority\] unix: requests are over", "the last one, which may end the machine")
    work.absent(text, r"\[sup\] \w+: (died|hangs|restarted|gave up)", "something happened")
