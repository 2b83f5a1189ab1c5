"""
What is measured: the rows of both kernels, with what is known of the two systems of the origin essay.

`published` is what xv6 (revision f5b93ef) and seL4 (revision 1326364, release build) were measured to cost, in instructions,
in the same way: the same QEMU option, the same markers. None: nobody measured it. `per` divides a sample.
"""

import os
import re
from dataclasses import dataclass

from duo import paths


@dataclass(frozen=True)
class Row:
    name: str
    text: str
    published: float = None
    per: int = 1  # operations in one sample
    less: str = None  # this row's sample is taken off first
    sample: str = None  # the row of rows.def whose samples these are (default: the same name)
    disk: bool = False  # waits for the disk, so repeats to 0.1 % only
    group: str = "calls"  # which guest measures it


MONO = [
    Row("getpid", "getpid", 1128),
    Row("dup_close", "dup + close", 3411),
    Row("fstat", "fstat of an open file", 20750),
    Row("fork", "fork + child's exit + wait, 4 pages", 472889),
    Row("fork_page", "fork + child's exit + wait, a further page", 45768, per=64, less="fork", sample="fork_68"),
    Row("fork_exec", "fork + exec + exit + wait", 1565491),
    Row("exec", "exec alone, file cached", 1092602),
    Row("pipe_ping_pong", "pipe ping-pong, 1 byte, two processes", 95768),
    Row("pipe_self", "pipe write + read of 1 byte, one process", 40460),
    Row("pipe_bulk", "pipe bulk, a KiB", 664618, per=64),
    Row("fault", "fault to the parent's return from wait", 211917),
    Row("sbrk_grow", "sbrk grow, one page", 26429),
    Row("sbrk_grow_64", "sbrk grow, a page of 64", 24968, per=64),
    Row("sbrk_touch", "sbrk grow and first store, a page of 64", per=64),
    Row("sbrk_shrink", "sbrk shrink, one page", 14117),
    Row("sbrk_shrink_64", "sbrk shrink, a page of 64", 12628, per=64),
    Row("create", "create + write 100 B + close + unlink", 7870981, disk=True),
    Row("open_close", "open + close of an existing file", 630031),
    Row("read_cached", "read 1 KiB, cached", 45394),
    Row("read_uncached", "sequential read, a KiB, uncached", 134103, per=256, disk=True),
    Row("write_new", "sequential write, a KiB, new file", 964483, per=64, disk=True),
    Row("write_over", "sequential write, a KiB, over an old one", 659951, per=64, disk=True),
    Row("xmap_reserve", "xmap: reserve", 2013),
    Row("xmap_map", "xmap: map one page", 26878),
    Row("xmap_unmap", "xmap: unmap one page", 14392),
    Row("boot", "boot to the shell's prompt", 427.5e6, disk=True, group="boot"),
    Row("usertests", "usertests -q, but for 3 tests", 38.75e9, disk=True, group="usertests"),
]

MICRO = [
    Row("yield", "Yield with no other thread", 470),
    Row("nbrecv", "Recv without waiting, nothing there", 309),
    Row("null", "Call on a null capability, error returned", 536),
    Row("get_address", "smallest successful invocation", 524),
    Row("ipc_0", "IPC round trip, length 0, same VSpace", 719),
    Row("ipc_0_other", "IPC round trip, length 0, other VSpace", 719),
    Row("ipc_10", "IPC round trip, length 10, same VSpace", 2064),
    Row("ipc_10_other", "IPC round trip, length 10, other VSpace", 2064),
    Row("signal_wait", "Signal + Wait, one thread", 764),
    Row("ping_pong", "Signal/Wait ping-pong, two threads", 2881),
    Row("vm_fault", "VM fault to handler, reply, fault again", 1600),
    Row("unknown", "unknown system call to handler, reply", 1655),
    Row("retype", "Retype one 4 KiB frame", 1041),
    Row("retype_reset", "delete + Retype of the frame, zeroing included"),
    Row("map", "Page map", 733),
    Row("unmap", "Page unmap", 685),
    Row("copy", "CNode copy", 901),
    Row("mint", "CNode mint", 928),
    Row("delete", "CNode delete", 843),
    Row("revoke", "revoke, a frame of 256", 453, per=256),
    Row("yield_equal", "Yield to an equal, one way", 510, per=2),
    Row("thread", "thread: create, run, block", 6795),
    Row("thread_delete", "thread: delete", 2997),
    Row("boot", "kernel's own part of booting", 251000),
]

# What can be measured: mono's programs, the same programs hosted by the servers on micro, micro's own operations.
ROWS = {"mono": MONO, "hosted": MONO, "micro": MICRO}


def ids(kernel):
    """{name: id} of the guest's samples, from the same file the guest is compiled with."""
    room = "system" if kernel == "micro" else "user"
    with open(os.path.join(paths.ROOT, room, "bench", "rows.def"), encoding="utf-8") as file:
        return {name: int(number) for number, name in re.findall(r"^(?:ROW|BOOT)\((\d+), (\w+)\)", file.read(), re.M)}


def samples_of(row):
    return row.sample or row.name
