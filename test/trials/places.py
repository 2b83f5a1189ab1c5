"""
Where servers can die: what a golden run knows of them.

A place is the address of an instruction; servers have address ranges of their own, so it names the server as well. QEMU
lists each instruction when it translates it. With `nochain` it uses none of the translations it has made without, so the list
is what has been executed since. From one run without a death come the places of the workload; from one in which each server
dies once those that only a restart comes to. The same runs tell where in physical memory each server's record page is, and how
often each service's faults are reached. All of it is kept beside the build it belongs to.
"""

import hashlib
import json
import os
import re
import struct
import tempfile
from collections import namedtuple

from elftools.elf.elffile import ELFFile

from duo import gdbstub, paths
from duo.guest import Ended
from trials.session import Session, Stuck

SERVERS = ("xmap", "fs", "block", "console")  # those that promise to be forgotten by their clients
RECORDED = ("xmap", "unix", "fs", "block", "console")
RANGES = (*RECORDED, "timer")
CONSOLE = RECORDED.index("console")
THREADS = 72  # of a server (placement/micro/layout.h)
FIRST_BASE, RANGE = 0x10000000, 0x10000000
RECORD_OFFSET = 0x04001000
MANY = 1_000_000_000
GOLDEN_SEED, GOLDEN_OPERATIONS = 1, 40
FILTER = ("-dfilter", f"{FIRST_BASE:#x}+{5 * RANGE:#x}")


def base_of(server):
    return FIRST_BASE + RANGE * RANGES.index(server)


def server_of(address):
    index = (address - FIRST_BASE) // RANGE
    return RECORDED[index] if 0 <= index < len(RECORDED) else None


_symbols = {}


def symbols(server):
    """[(address, name)] of the server's functions and variables."""
    if server not in _symbols:
        with open(paths.built("servers", f"{server}.elf"), "rb") as file:
            table = ELFFile(file).get_section_by_name(".symtab")
            _symbols[server] = sorted((s["st_value"], s.name) for s in table.iter_symbols()
                                      if s.name and s.name[0] != "$" and s["st_value"])
    return _symbols[server]


def symbol(server, name):
    """The address of a function of the server."""
    return next(address for address, known in symbols(server) if known == name)


def name_of(server, address):
    """function+offset."""
    start, name = max(entry for entry in symbols(server) if entry[0] <= address)
    return f"{name}+{address - start:#x}"


def described(names, tag, wanted):
    """The debugger's description of a type in a built file: the members of the first that `wanted` takes by its name and them."""
    with open(paths.built(*names), "rb") as file:
        for unit in ELFFile(file).get_dwarf_info().iter_CUs():
            for entry in unit.iter_DIEs():
                if entry.tag != tag or not entry.has_children:
                    continue
                name = entry.attributes.get("DW_AT_name")
                members = {child.attributes["DW_AT_name"].value.decode(): child
                           for child in entry.iter_children() if "DW_AT_name" in child.attributes}
                if wanted(name.value.decode() if name else None, members):
                    return members
    raise KeyError(f"what is wanted of {names[-1]} is not in the debugger's data")


def layout(names, structure):
    """Of a structure in a built file: {member: (offset, size of an element)}."""
    members = described(names, "DW_TAG_structure_type", lambda name, _: name == structure)
    return {name: (child.attributes["DW_AT_data_member_location"].value, element_size(child)) for name, child in members.items()}


def constants(names, one):
    """{name: value} of the enumeration that has the constant `one`, in a built file."""
    members = described(names, "DW_TAG_enumeration_type", lambda _, known: one in known)
    return {name: child.attributes["DW_AT_const_value"].value for name, child in members.items()}


def element_size(member):
    kind = member.get_DIE_from_attribute("DW_AT_type")
    if kind.tag == "DW_TAG_array_type":
        kind = kind.get_DIE_from_attribute("DW_AT_type")
    while kind.tag in ("DW_TAG_typedef", "DW_TAG_const_type", "DW_TAG_volatile_type"):
        kind = kind.get_DIE_from_attribute("DW_AT_type")
    size = kind.attributes.get("DW_AT_byte_size")
    return size.value if size else 0


class Flight(namedtuple("Flight", "working standing")):
    """
    Requests that somebody has made and that have not been answered. One is a system call (or a page fault) of a program, from
    its coming to a thread of unix until the answer, with whatever calls between servers it makes meanwhile, or a new process on
    its way to its program. No server calls another on its own account, but unix, which always asks what the console has noticed:
    that is none. `standing` are those that wait for another program or for somebody who types.
    """

    @property
    def requests(self):
        return self.working + self.standing

    def __str__(self):
        return f"{self.requests} requests in flight, {self.standing} of them asleep"


class Places:
    """
    work and restart (not unix's): {server: [address]}. arrivals: {service: how many operations the golden run had}. constants:
    those of the record's enumerations. The rest is how the guest's state is read from outside.
    """

    def __init__(self, data):
        self.work = data["work"]
        self.restart = data["restart"]
        self.arrivals = data["arrivals"]
        self._records = data["records"]
        self._layout = data["layout"]
        self.constants = data["constants"]

    def in_flight(self, gdb):
        """The Flight of this moment, out of unix's record page; the guest stands still."""
        calls, size = self._layout["calls"]
        work, step = self._layout["work"]
        page = gdb.physical_read(self._records["unix"] + calls, work + THREADS * step - calls)
        return self.count((struct.unpack_from("<I", page, work - calls + thread * step)[0],
                           struct.unpack_from("<3I", page, thread * size)) for thread in range(THREADS))

    def count(self, threads):
        """Of unix: what each does, and its call: (its state, service, operation)."""
        names = self.constants
        working = standing = 0
        for state, call in threads:
            asked = call[1:] if call[0] == names["CALL_WAITING"] else None
            if state == names["WORK_NONE"] or asked == (CONSOLE, names["OP_cons_attention"]):
                continue
            asleep = state == names["WORK_FOREVER"] or asked == (CONSOLE, names["OP_cons_read"])
            standing += asleep
            working += not asleep
        return Flight(working, standing)


def known_places():
    """The file in which those of the last golden runs are. A copy that a failed trial has left, put there, repeats it."""
    return os.path.join(paths.BUILD, "test", "places.json")


def places():
    """Those of this build, from its last golden runs or from new ones."""
    key = hashlib.sha256(b"requests by the record of unix")
    for name in ("micro-release.elf", "micro-root.elf", "test/fs.img"):
        with open(paths.built(name), "rb") as file:
            key.update(file.read())
    cache = known_places()
    try:
        with open(cache, encoding="utf-8") as file:
            data = json.load(file)
        if data["key"] == key.hexdigest():
            return Places(data)
    except (OSError, ValueError, KeyError):
        pass  # none yet, or another build's
    try:
        data = {**golden(), "key": key.hexdigest()}
    except (Stuck, Ended) as problem:
        raise paths.Problem(paths.EXIT_WRONG, f"in the golden runs, with one death of each server: {problem}") from problem
    handle, name = tempfile.mkstemp(dir=os.path.dirname(cache))
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(data, file)
    os.replace(name, cache)
    return Places(data)


def golden():
    unix = ("servers", "unix.elf")
    data = {"layout": layout(unix, "server_record"),
            "constants": {name: value for one in ("CALL_WAITING", "WORK_FOREVER", "OP_cons_attention")
                          for name, value in constants(unix, one).items()}}
    with Session(GOLDEN_SEED, GOLDEN_OPERATIONS, extra=FILTER) as session:
        for service in SERVERS:
            session.guest.command(f"fault arm {service}:crash-null @{MANY}")
        data["records"] = find_records(session)
        listing = listed(session, lambda: session.run())
        session.stop_guest()
        data["work"] = {server: [a for a in listing if server_of(a) == server] for server in RECORDED}
        for server in RECORDED:
            if symbol(server, "inject_point") not in data["work"][server]:  # where every operation begins
                raise Stuck(f"the list of what is executed has no operation of {server}")
        data["arrivals"] = {server: arrivals(session.gdb, data, server) for server in SERVERS}
    with Session(GOLDEN_SEED, GOLDEN_OPERATIONS, extra=FILTER) as session:
        listing = listed(session, lambda: kill_each(session))
    known = {a for addresses in data["work"].values() for a in addresses}
    data["restart"] = {server: [a for a in listing if server_of(a) == server and a not in known] for server in SERVERS}
    return data


def find_records(session):
    """{server: physical address of its record page}, from moments in which each server is at work."""
    session.stop_guest()
    missing = {symbol(server, "inject_point"): server for server in RECORDED}
    for address in missing:
        session.gdb.set_breakpoint(address)
    session.gdb.go()
    session.guest.send("echo")
    found = {}
    while missing:
        session.wait_stop()
        address = session.gdb.register(gdbstub.PC)
        server = missing.pop(address)
        said = session.guest.qmp().monitor(f"gva2gpa {base_of(server) + RECORD_OFFSET:#x}")
        found[server] = int(re.search(r"gpa: (0x[0-9a-f]+)", said)[1], 16)
        session.gdb.clear_breakpoint(address)
        session.gdb.go()
    session.guest.prompt()
    return found


def arrivals(gdb, data, service):
    """How often the service's operations have begun since its fault was armed."""
    offset, size = data["layout"]["counters"]
    # the four faults of every service come first, in the order of the services
    at = data["records"][service] + offset + 4 * RECORDED.index(service) * size
    return MANY - int.from_bytes(gdb.physical_read(at, 8), "little")


def listed(session, deed):
    """The addresses of all server instructions that are executed during `deed`."""
    monitor = session.guest.qmp().monitor
    log = os.path.join(session.folder, "in_asm")
    session.stop_guest()
    monitor(f"logfile {log}")
    monitor("log in_asm,nochain")
    session.gdb.go()
    deed()
    monitor("log none")
    with open(log, encoding="latin-1") as file:
        return sorted({int(a, 16) for a in re.findall(r"^(0x[0-9a-f]+):", file.read(), re.M)})


def kill_each(session):
    session.begin()
    for server in SERVERS:
        place = symbol(server, "inject_point")
        session.stop_guest()
        session.gdb.set_breakpoint(place)
        session.gdb.go()
        session.wait_stop()
        session.gdb.clear_breakpoint(place)
        session.kill()
        session.wait_text(rf"\[sup\] {server}: restarted")
