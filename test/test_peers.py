"""
Finished files of the two peers, xv6 and seL4, run on our kernels. The user provides them in the folder DUO_PEERS names:
xv6-fs.img and xv6-2022-fs.img, the images of two generations of xv6, and sel4test-driver. What is absent is NOT RUN, never
passed.
"""

import os
import re
import shutil
import time

from harness import NotRun, Outcome, test
from limits import limit, long

from duo import fsck

# generation, its image
XV6 = [("xv6", "xv6-fs.img"), ("xv6-2022", "xv6-2022-fs.img")]
GRIND_SECONDS = 600
# grind's two children each print a letter after 500 rounds; this long without one is a hang
GRIND_SILENCE = 120


def peer(name):
    folder = os.environ.get("DUO_PEERS")
    if not folder:
        raise NotRun(f"{name}: DUO_PEERS is not set")
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        raise NotRun(f"{name}: not in {folder}")
    return path


def private_image(work, name):
    disk = os.path.join(work.folder, name)
    shutil.copyfile(peer(name), disk)
    return disk


def check_image(work, disk):
    """After all that was done to it the image is sound, once its log has been replayed. Returns the report."""
    with open(disk, "rb") as file:
        data = file.read()
    report = fsck.check(fsck.reader(data), len(data) // fsck.BLOCK, replay=True)
    work.equal([fsck.words(finding) for finding in report.damage], [], "the image afterwards")
    return report


def register_image(kernel):
    @test(f"peers/xv6-image-on-{kernel}")
    def check(work):
        """xv6's own programs from xv6's own image."""
        with work.guest(kernel, disk=private_image(work, "xv6-fs.img")) as guest:
            work.matches(guest.command("ls"), r"^usertests +2 \d+ \d+$", "ls")
            work.equal(guest.command("echo a b | cat"), "a b\n", "a pipe")


def register_small(generation, image, kernel, place):
    @test(f"peers/{generation}-small-programs{place}")
    @limit(400)
    def check(work):
        disk = private_image(work, image)
        with work.guest(kernel, disk=disk, timeout=380) as guest:
            work.matches(guest.command("forktest", 120), r"^fork test OK$", "forktest")
            guest.command("zombie", 20)
            said = guest.command("stressfs", 120)
            work.matches(said, r"stressfs starting", "stressfs")
            work.absent(said, r"(?i)fail|error", "stressfs")
            work.equal(guest.command("echo still here", 20), "still here\n", "afterwards")
            no_server_died(work, guest)
            guest.stop()
            work.equal(guest.outcome, Outcome.CLEAN, "the end")
        check_image(work, disk)


def register_usertests(generation, image, kernel, harts, place, option, seconds):
    name = "quick" if option else "all"
    @test(f"peers/{generation}-usertests-{name}-{place}")
    @long(seconds + 60)
    def check(work):
        disk = private_image(work, image)
        with work.guest(kernel, disk=disk, harts=harts, timeout=seconds) as guest:
            guest.prompt()
            guest.send(f"usertests {option}".strip())
            end = guest.expect(r"^(ALL TESTS PASSED|SOME TESTS FAILED|FAILED -- .*)$")[1]  # a failure need not wait for the limit
            work.equal(end, "ALL TESTS PASSED", f"usertests, of which the last lines are {guest.output[-300:]!r}")
            work.absent(guest.output, r"FAILED", "usertests")
            work.equal(guest.command("echo still here", 20), "still here\n", "afterwards")
            no_server_died(work, guest)
            guest.stop()
        check_image(work, disk)


def register_grind(generation, image, kernel, harts, place):
    @test(f"peers/{generation}-grind-{place}")
    @long(GRIND_SECONDS + 300)
    def check(work):
        disk = private_image(work, image)
        with work.guest(kernel, disk=disk, harts=harts, timeout=GRIND_SECONDS + 200) as guest:
            guest.prompt()
            begin, end = len(guest.output), time.monotonic() + GRIND_SECONDS
            guest.send("grind")
            seen = begin + len("grind\n")
            while time.monotonic() < end:
                seen = guest.expect(r"[^\n]", GRIND_SILENCE, seen).end()
                said = guest.output[begin + len("grind\n"):]
                work.check(not re.search(r"[^AB\n]", said), f"grind says {said[-300:]!r}")
            guest.stop()
            work.equal(guest.outcome, Outcome.CLEAN, "the end")
        letters = guest.output[begin + len("grind\n"):]
        check_image(work, disk)
        return f"{letters.count('A') + letters.count('B')} times 500 rounds"


def no_server_died(work, guest):
    """On micro a program must not have passed only because a server was restarted under it."""
    work.absent(guest.output, r"^\[sup\] .*(died|hangs|restarted)", "the servers")


for each in ("mono", "micro"):
    register_image(each)
for row in XV6:
    register_small(*row, "mono", "")
    register_small(*row, "micro", "-on-micro")
    # micro has one hart, and the seconds are those of a computer that does something else, too
    for count, on, where in ((1, "mono", "1"), (3, "mono", "3"), (1, "micro", "micro")):
        register_usertests(*row, on, count, where, "-q", 900)
        register_usertests(*row, on, count, where, "", 3000)
    register_grind(*row, "mono", 3, "3")
    register_grind(*row, "micro", 1, "micro")


def register_orphan(program, kernel, place):
    @test(f"peers/xv6-{program}{place}")
    def check(work):
        """An inode without names that a power cut leaves behind is freed by the next mount, which says so."""
        disk = private_image(work, "xv6-fs.img")
        with work.guest(kernel, disk=disk) as guest:
            guest.prompt()
            guest.send(program)
            guest.expect(r"wait for kill and reclaim")
            guest.stop()
        orphans = [note.inode for note in check_image(work, disk).notes if note.kind == "orphan"]
        work.equal(len(orphans), 1, "inodes without names after the cut")
        with work.guest(kernel, disk=disk) as guest:
            guest.expect(rf"^ireclaim: orphaned inode {orphans[0]}$")
            guest.prompt()
            guest.stop()
        work.equal([note for note in check_image(work, disk).notes if note.kind == "orphan"], [], "after the mount")


def register_logstress(kernel, harts, place):
    @test(f"peers/xv6-logstress{place}")
    def check(work):
        """Power fails while six processes write; the next mount finds a sound file system and can go on."""
        disk = private_image(work, "xv6-fs.img")
        with work.guest(kernel, disk=disk, harts=harts) as guest:
            guest.prompt()
            guest.send("logstress f0 f1 f2 f3 f4 f5")
            time.sleep(3)
            guest.stop()
            work.equal(guest.outcome, Outcome.CLEAN, "until the cut")
        check_image(work, disk)
        with work.guest(kernel, disk=disk) as guest:
            work.matches(guest.command("ls"), r"^f5 +2 ", "ls after the cut")
            guest.stop()
        check_image(work, disk)


for on, count, where in (("mono", 3, ""), ("micro", 1, "-on-micro")):
    for each in ("forphan", "dorphan"):
        register_orphan(each, on, where)
    register_logstress(on, count, where)


@test("peers/sel4test-on-micro")
@limit(660)
def sel4test(work):
    with work.guest("micro", disk="", roottask=peer("sel4test-driver"), memory="3G", timeout=600) as guest:
        guest.expect(r"All is well in the universe")
