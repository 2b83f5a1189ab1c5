"""
Finished files of the two peers, xv6 and seL4, run on our kernels. The user provides them in the folder DUO_PEERS names;
what is absent is NOT RUN, never passed.
"""

import os
import shutil

from harness import NotRun, test


def peer(name):
    folder = os.environ.get("DUO_PEERS")
    if not folder:
        raise NotRun(f"{name}: DUO_PEERS is not set")
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        raise NotRun(f"{name}: not in {folder}")
    return path


@test("peers/xv6-image-on-mono")
def xv6_image(work):
    """xv6's own programs from xv6's own image."""
    disk = os.path.join(work.folder, "fs.img")
    shutil.copyfile(peer("xv6-fs.img"), disk)
    with work.guest("mono", disk=disk) as guest:
        work.matches(guest.command("ls"), r"^usertests +2 \d+ \d+$", "ls")
        work.equal(guest.command("echo a b | cat"), "a b\n", "a pipe")


@test("peers/sel4test-on-micro")
def sel4test(work):
    with work.guest("micro", disk="", roottask=peer("sel4test-driver"), memory="3G", timeout=600) as guest:
        guest.expect(r"All is well in the universe")
