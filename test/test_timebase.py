"""
A hart whose clock counts faster than once in a nanosecond. The device tree says how fast; here it says so of QEMU's usual clock, so
that all is as on such a hart, but every count lasts longer than it says.
"""

import os
import struct
import subprocess

from harness import test

NO_IDLE = ("-icount", "shift=2,sleep=off")  # when nobody has anything to do it is at once when somebody has
USUAL, FAST = 10_000_000, 1_250_000_000


def tree_with(folder, timebase):
    """The path of QEMU's own device tree with another timebase in it."""
    path = os.path.join(folder, "tree.dtb")
    command = ["qemu-system-riscv64", "-machine", f"virt,dumpdtb={path}", "-m", "128M", "-smp", "1", "-global",
               "virtio-mmio.force-legacy=false", "-nographic"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    with open(path, "rb") as file:
        tree = file.read()
    if tree.count(struct.pack(">I", USUAL)) != 1:
        raise ValueError("the timebase is not to be found in the device tree")
    with open(path, "wb") as file:
        file.write(tree.replace(struct.pack(">I", USUAL), struct.pack(">I", timebase)))
    return path


@test("micro/fast-timebase", quick=True)
def fast_timebase(work):
    """A count lasts 0.8 ns: that is not 0. A hold ends when its time is over, not at once, and a restart takes some time."""
    tree = tree_with(work.folder, FAST)
    with work.guest("micro", extra=("-dtb", tree, *NO_IDLE)) as guest:
        begin = len(guest.output)
        since = guest.guest_nanoseconds()
        guest.command("svc hold block --for 1; svc restart timer", 20)
        guest.expect(r"^\[sup\] block: held for 1000 ms$", 20, begin)
        found = guest.expect(r"^\[sup\] timer: restarted, generation 2, after (\d+) us;", 20, begin)
        work.check(int(found[1]) > 0, "the restart took no time")
        passed = guest.guest_nanoseconds() - since
        work.absent(guest.output[begin:], r"\[sup\] block: goes on", f"the hold's end, after {passed / 1e9:.3f} s")
        guest.expect(r"^(\$ )?\[sup\] block: goes on: its time is over$", 60, begin)
        passed = guest.guest_nanoseconds() - since
        work.check(passed >= 1e9 * FAST / USUAL, f"the hold was over after {passed / 1e9:.1f} s")
    return f"a second of such a hart: {passed / 1e9:.0f} s"
