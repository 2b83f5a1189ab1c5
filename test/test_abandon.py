"""
fs dies twice in one request of unix, once before anybody was told that it had taken effect. unix asks what became of it
(service/unix/ask.c): what was done has succeeded. What it took, references and lent blocks, is held by somebody or given back:
fs's own tables, read by the debugger, are the same before and after.
"""

import os

from harness import test

from duo import fsck, gdbstub
from trials.places import layout, symbol
from trials.session import NOWHERE

STOP_SECONDS = 20.0
RA = 1  # the register's number
ORDER = "little"


class Server:
    """fs as the debugger sees it. Nobody else is at work in the guest but the shell and its command."""

    def __init__(self, path):
        self.gdb = gdbstub.Gdb(path)
        self.gdb.go()
        self._members = layout(("servers", "fs.elf"), "fs_kept")

    def _come_to(self, work, address, what):
        self.gdb.set_breakpoint(address)
        self.gdb.go()
        work.check(self.gdb.stopped(STOP_SECONDS), f"{what} is not come to")
        self.gdb.clear_breakpoint(address)

    def begins(self, work, function):
        self._come_to(work, symbol("fs", function), function)

    def ends(self, work, function):
        """Stops where the function, once begun, has returned to."""
        self.begins(work, function)
        self._come_to(work, self.gdb.register(RA), f"the end of {function}")

    def dies(self):
        self.gdb.set_register(gdbstub.PC, NOWHERE)

    def tables(self, work, guest):
        """{"inode 5": references, "slot 7": lendings}, as the beginning of a command finds them: at its fork."""
        self.gdb.interrupt()
        since = len(guest.output)
        guest.send("echo tables")
        self.begins(work, "fs_get")
        kept = int.from_bytes(self.gdb.read(symbol("fs", "fs_kept"), 8), ORDER)
        held = {f"inode {n}": count for n, count in self._counts(kept, "references", "lent")}
        held.update((f"slot {n}", count) for n, count in self._counts(kept, "lent", "requests"))
        self.gdb.go()
        guest.expect(r"^tables$", since=since)
        guest.prompt()
        return held

    def _counts(self, kept, member, behind):
        (begin, size), (end, _) = self._members[member], self._members[behind]
        data = b"".join(self.gdb.read(kept + at, 1024) for at in range(begin, end, 1024))
        counts = [int.from_bytes(data[at:at + size], ORDER) for at in range(0, len(data), size)]
        return [(number, count) for number, count in enumerate(counts) if count != 0]


def register_deaths(name, operation, effect, typed, printed, deaths=2, quick=False):
    """`effect`: the function of fs after which the request's effect is there; first death. The repeated request is the second, the
    question what became of it any other."""
    @test(f"micro/fs-{name}-{deaths}-deaths", quick=quick)
    def check(work):
        socket = os.path.join(work.short_folder(), "gdb")
        disk = work.disk()
        with work.guest("micro", disk=disk, extra=gdbstub.arguments(socket)) as guest:
            guest.prompt()
            guest.command("echo old > old; mkdir d; echo more >> old")
            server = Server(socket)
            before = server.tables(work, guest)
            work.check(before.get("inode 1", 0) > 1, f"the shell holds the root: {before}")
            server.gdb.interrupt()
            begin = len(guest.output)
            guest.send(typed)
            server.begins(work, operation)
            server.ends(work, effect)
            server.dies()
            for _ in range(1, deaths):
                server.begins(work, operation)
                server.dies()
            server.gdb.go()
            guest.prompt()
            text = guest.output[begin:]
            work.equal(text.count("[sup] fs: died: "), deaths, "deaths")
            work.equal(server.tables(work, guest), before, "what is held and lent")
            work.matches(text, printed, "what the command said")
            work.absent(text, r"failed|cannot|write error", "an error")
            guest.command("rm old; rm new; rm d/old")
            guest.send("poweroff")
            guest.wait_exit()
        with open(disk, "rb") as file:
            data = file.read()
        report = fsck.check(fsck.reader(data), len(data) // fsck.BLOCK, replay=True)
        work.equal([fsck.words(finding) for finding in (*report.damage, *report.notes)], [], "the disk")
    return check


# What was done has succeeded, though fs died twice; a read may be an error, but its blocks come back.
register_deaths("lookup", "fs_lookup", "fs_reference_take", "echo one", r"^one$", quick=True)
register_deaths("get", "fs_get", "fs_reference_take", "echo one", r"^one$")
register_deaths("create", "fs_create", "fs_log_end", "echo one > new; cat new", r"^one$")
register_deaths("mkdir", "fs_create", "fs_log_end", "mkdir e; rm e; echo one", r"^one$")
register_deaths("slots", "fs_slots_lend", "fs_cache_lend_empty", "echo one > new; cat new", r"^one$")
register_deaths("write", "fs_write", "fs_log_end", "cat old > new; cat new", r"^old\nmore$")
register_deaths("read", "fs_read", "fs_cache_lend", "cat old", r"^old\nmore$")
register_deaths("link", "fs_link", "fs_log_end", "ln old d/old; cat d/old", r"^old$")
register_deaths("unlink", "fs_unlink", "fs_log_end", "rm old; mkdir old; echo one", r"^one$")
register_deaths("truncate", "fs_truncate", "fs_log_end", "echo one > old; cat old", r"^one$")
# One less than those for which fs is given up; lend is not asked about, but repeated, three times.
register_deaths("lookup", "fs_lookup", "fs_reference_take", "echo one", r"^one$", deaths=5)
register_deaths("create", "fs_create", "fs_log_end", "echo one > new; cat new", r"^one$", deaths=5)
register_deaths("read", "fs_read", "fs_cache_lend", "cat old", r"^old\nmore$", deaths=5)
register_deaths("slots", "fs_slots_lend", "fs_cache_lend_empty", "echo one > new; cat new", r"^one$", deaths=3)
