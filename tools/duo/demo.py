"""
`duo demo`: the essay's experiment as it was meant. The same bug, armed in the same object code, once inside the
monolithic kernel and once in a supervised server; then what each cost.

Four guests: mono with the fault (panics), mono again (how long until a prompt), micro with the fault (its xmap server
dies and comes back), and the essay's own seL4 root task on micro (the debug build: it prints by a debug call). Exit code 0
only if everything went as told.

Times are the guests' own: the machines count instructions, one a nanosecond, so a slow computer changes little.
"""

import os
import re
import shutil
import sys

from duo import paths
from duo.guest import Ended, Guest, Outcome, private_copy
from duo.qmp import QmpError
from duo.symbols import annotated

FAULT = "fault=xmap:double-map"
PROGRAM = "xmaptest"
GUEST_SECONDS = 60.0
WIDE = 160


def add_arguments(parser):
    parser.add_argument("-q", "--quiet", action="store_true", help="print only the verdict")
    parser.add_argument("-v", "--verbose", action="store_true", help="print QEMU's command lines")


class Story:
    """What one guest was to show: its transcript, and each promise with whether it was kept."""

    def __init__(self, title):
        self.title = title
        self.text = ""
        self.promises = []
        self.facts = {}

    def promise(self, words, kept):
        self.promises.append((words, bool(kept)))
        return kept

    def find(self, words, pattern, flags=re.M):
        """A promise that something was printed."""
        found = re.search(pattern, self.text, flags)
        self.promise(words, found)
        return found

    @property
    def kept(self):
        return all(kept for _, kept in self.promises)


def main(options):
    for name in ("mono.elf", "micro.elf", "micro-release.elf", "micro-root.elf", "essay.elf", "fs.img"):
        paths.built(name)
    folder = os.path.join(paths.BUILD, "demo")
    shutil.rmtree(folder, ignore_errors=True)
    stories = []
    for name, tell in (("mono", tell_mono), ("mono-reboot", tell_reboot), ("micro", tell_micro), ("essay", tell_essay)):
        if not options.quiet:
            print(f"duo: running {name} ...", file=sys.stderr, flush=True)
        stories.append(tell(os.path.join(folder, name), options))
    mono, reboot, micro, essay = stories
    if not options.quiet:
        show_pair(mono, micro)
        show_one(essay)
    show_verdict(mono, reboot, micro, essay)
    broken = [(story, words) for story in stories for words, kept in story.promises if not kept]
    for story, words in broken:
        print(f"NOT as told: {story.title}: {words}")
    if broken:
        print(f"duo: serial logs and QEMU lines: {paths.shown(folder)}", file=sys.stderr)
    return paths.EXIT_WRONG if broken else paths.EXIT_OK


# -- the four guests ---------------------------------------------------------------------------------------------


def make_guest(kernel, folder, options, append=(), roottask=None):
    os.makedirs(folder, exist_ok=True)
    disk = private_copy(paths.built("fs.img"), folder)
    guest = Guest(kernel, roottask=roottask, disk=disk, append=append, icount="0", folder=folder, timeout=GUEST_SECONDS,
                  scratch=True)
    if options.verbose:
        print(guest.shell_line, file=sys.stderr)
    return guest


def tell_mono(folder, options):
    story = Story("mono, the memory service inside the kernel")
    with make_guest("mono", folder, options, [FAULT]) as guest:
        try:
            guest.prompt()
            begin = guest.output.rfind("\n") + 1
            guest.send(PROGRAM)
            guest.wait_exit()
        except Ended:
            begin = 0
        guest.stop()
        story.text = annotated("mono", guest.output[begin:])
        story.promise("the kernel ends with a panic, exit code 10", guest.outcome == Outcome.PANIC)
    story.find("the panic is the essay's", r"^panic: mappages: remap$")
    story.find("the backtrace goes through xmap", r"^  .*\bxmap_map\+0x")
    return story


def tell_reboot(folder, options):
    story = Story("mono, started again")
    with make_guest("mono", folder, options) as guest:
        try:
            guest.prompt()
            story.facts["useful"], story.facts["clock"] = clock(guest)
        except Ended:
            pass
        guest.stop()
        story.text = annotated("mono", guest.output)
    story.promise("it comes up to the prompt", "useful" in story.facts)
    return story


def clock(guest):
    """Milliseconds since the machine was switched on, and whose clock says so."""
    try:
        return guest.guest_nanoseconds() / 1e6, "guest time"
    except QmpError:
        return (guest.age() * 1e3), "host time"


def tell_micro(folder, options):
    story = Story("micro, the memory service in a server")
    with make_guest("micro", folder, options, [FAULT, f"run={PROGRAM}"]) as guest:
        guest.wait_exit()
        story.text = annotated("micro", from_system(guest.output))
        story.promise("the system ends cleanly, exit code 0", guest.outcome == Outcome.CLEAN)
    story.find("the supervisor saw xmap die of the same invariant", r"\[sup\] xmap: died: mappages: remap")
    restarted = story.find("xmap came back as generation 2", r"\[sup\] xmap: restarted, generation 2\b.*")
    story.find("what the dead server had was reclaimed", r"\[sup\] xmap: .*\breclaimed\b")
    story.find("the program lived on and says so", r"\bsurvived\b")
    story.promise("no kernel panicked", "panic: " not in story.text)
    deaths = re.findall(r"\[sup\] ([\w-]+): died", story.text)
    story.promise("xmap died, once, and no other server", deaths == ["xmap"])
    failed = story.find("one call was told of it", r"calls finished with an error: (\d+)")
    story.facts["failed"] = int(failed[1]) if failed else None
    story.find("nothing leaked", r"\[sup\] xmap: .*\bleaked 0$")
    free = re.search(r"free frames (\d+) before, (\d+) after; free slots (\d+) before, (\d+) after", story.text)
    story.promise("as many frames and slots are free as before", free and (free[1], free[3]) == (free[2], free[4]))
    took = re.search(r"([\d.]+) ?(ns|us|ms|s)\b", restarted.group(0)) if restarted else None
    if took:
        story.facts["useful"] = float(took.group(1)) * {"ns": 1e-6, "us": 1e-3, "ms": 1, "s": 1e3}[took.group(2)]
    return story


def tell_essay(folder, options):
    story = Story("micro, the essay's own root task")
    with make_guest("micro", folder, options, roottask=paths.built("essay.elf")) as guest:
        try:
            guest.expect(r"Kernel stable\..*\n")
        except Ended:
            pass
        guest.stop()
        story.text = annotated("micro", from_system(guest.output))
    story.find("the main thread reports the worker's fault", r"^\[MAIN\] Worker faulted \(type=5\)$")
    story.find("and lives", r"Kernel stable\.")
    return story


def from_system(text):
    """Without the firmware's banner: from the kernel's last word of booting on."""
    mark = text.find("Booting all finished")
    if mark >= 0:
        return text[text.find("\n", mark) + 1:]
    banner = text.rfind("Boot HART MEDELEG")
    return text[text.find("\n", banner) + 1:] if banner >= 0 else text


# -- what is printed ---------------------------------------------------------------------------------------------


def show_one(story):
    print(f"---- {story.title} " + "-" * max(4, 72 - len(story.title)))
    print(story.text.strip("\n") + "\n")


def show_pair(left, right):
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    if columns < WIDE:
        show_one(left)
        show_one(right)
        return
    width = (columns - 3) // 2
    pages = [[f"---- {story.title} ".ljust(width, "-")] + folded(story.text, width) for story in (left, right)]
    for index in range(max(map(len, pages))):
        a, b = (page[index] if index < len(page) else "" for page in pages)
        print(f"{a:{width}} | {b}".rstrip())
    print()


def folded(text, width):
    """The lines of a transcript, the long ones in pieces."""
    lines = []
    for line in text.strip("\n").splitlines():
        line = line.expandtabs()
        lines += [line[at:at + width] for at in range(0, len(line), width)] or [""]
    return lines


def duration(milliseconds, whose="guest time"):
    if milliseconds is None:
        return "not measured"
    return f"{milliseconds:.3g} ms ({whose})" if milliseconds < 1 else f"{milliseconds:.1f} ms ({whose})"


def show_verdict(mono, reboot, micro, essay):
    back = duration(reboot.facts.get("useful"), reboot.facts.get("clock", "guest time"))
    if mono.kept and reboot.kept:
        left = ["the kernel", "every process, every open file, the uptime", "nothing", f"{back}: boot to the prompt"]
    else:
        left = ["not as told"] * 4
    if micro.kept:
        right = ["the xmap server, generation 1", f"{micro.facts['failed']} call in flight: it returned an error",
                 "kernel, other servers, every process", f"{duration(micro.facts.get('useful'))}: restart of xmap"]
    else:
        right = ["not as told"] * 4
    rows = list(zip(["what died", "what was lost", "who lived", "useful again after"], left, right))
    rows.insert(0, ("the same bug, armed once", "mono", "micro"))
    first, second = (max(len(row[i]) for row in rows) for i in (0, 1))
    for a, b, c in rows:
        print(f"{a:{first}}  {b:{second}}  {c}")
    print(f"\nthe essay's root task on micro: {'as printed in the essay' if essay.kept else 'not as told'}")
    told = all(story.kept for story in (mono, reboot, micro, essay))
    print("verdict: " + ("mono panicked, micro lived" if told else "NOT as told"))
