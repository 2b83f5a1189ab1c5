"""
One counted run of a guest: QEMU with the plugin, and what its report says.

A Target is a kernel to measure, ours or a user's own: how its machine is started, where its classes of instructions lie, and
what can name its addresses. Disks are made for the purpose, in memory where the computer has such a place: a run ends sooner,
and the guest's own count does not depend on it.
"""

import glob
import os
import re
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass, field

from bench import rows, xv6image
from bench.disk import Disk
from duo import paths
from duo.guest import qemu_line

FIRMWARE = "80000000:80200000"  # OpenSBI of QEMU's `-bios default`
# All programs execute below the firmware, both kernels in the upper half, but for their first instructions: those are at
# physical addresses behind the firmware.
OUR_RANGES = (f"firmware={FIRMWARE}", "user=0:80000000")
LARGE = bytes(range(251)) * (256 * 1024 // 251 + 1)  # what read_uncached reads, 256 KiB of it
OTHER_FILES = 20
HEARTBEAT_SECONDS = 10.0
# Parts of what hosted programs make execute above the kernel; what is left is the programs' own. The numbers are the plugin's.
PARTS = ("copies", "unix", "xmap", "other servers")
COPIES = ("memcpy", "memmove", "memset", "page_copy", "page_zero")
SKIPPED_TESTS = ("killstatus", "preempt", "forkforkfork")  # their length is set by the clock


class Failed(paths.Problem):
    def __init__(self, text):
        super().__init__(paths.EXIT_INFRA, text)


@dataclass
class Target:
    name: str  # "mono", "hosted", "micro", "xv6", "seL4"
    kernel: str  # whose rows: "mono" or "micro"
    elf: str
    roottask: str = None
    memory: str = "128M"
    ranges: tuple = ()
    extra: tuple = ()  # for QEMU
    plugin: tuple = ()  # for the plugin
    image: xv6image.Image = None  # the user's, for xv6
    symbols: tuple = ()  # ELF files that name addresses, the first that knows one decides
    peer: bool = False
    parts: tuple = ()  # names of the parts of user that the plugin is asked for

    @property
    def spins(self):
        return any(argument.startswith("idle=") for argument in self.plugin)

    def is_firmware(self, address):
        bounds = [text.partition("=")[2].split(":") for text in self.ranges if text.startswith("firmware=")]
        return any(int(low, 16) <= address < int(high, 16) for low, high in bounds)


def target_of(kernel, build="release"):
    """mono; micro with the root task that measures it; or "hosted": mono's programs, on the servers on micro."""
    programs = paths.built("user", "bench", "bench.elf")
    if kernel == "mono":
        return Target("mono", "mono", paths.built("mono.elf"), ranges=OUR_RANGES, symbols=(paths.built("mono.elf"), programs))
    elf = paths.built("micro-release.elf" if build == "release" else "micro.elf")
    if kernel == "micro":
        root = paths.built("bench.elf")
        return Target("micro", "micro", elf, roottask=root, ranges=OUR_RANGES, symbols=(elf, root))
    root = paths.built("micro-root.elf")
    servers = sorted(glob.glob(os.path.join(paths.BUILD, "servers", "*.elf")))  # each at addresses of its own
    return Target("hosted", "mono", elf, roottask=root, ranges=OUR_RANGES, plugin=("wfi=idle", *server_parts(servers)),
                  symbols=(elf, *servers, root, programs), parts=PARTS)


def peer_of(text):
    """xv6:KERNEL,FS.IMG or sel4:IMAGE."""
    system, colon, rest = text.partition(":")
    files = rest.split(",") if colon else []
    if (system, len(files)) not in (("xv6", 2), ("sel4", 1)):
        raise paths.Problem(paths.EXIT_USAGE, f"--peer {text}: it is xv6:KERNEL,FS.IMG or sel4:IMAGE")
    for file in files:
        if not os.path.exists(file):
            raise paths.Problem(paths.EXIT_USAGE, f"--peer {text}: {file}: no such file")
    if system == "sel4":
        # the loader in front of the kernel lies at physical addresses, the kernel in the upper half
        return Target("seL4", "micro", files[0], memory="3G", ranges=("firmware=80000000:400000000", "user=0:80000000"),
                      symbols=(paths.built("bench.elf"),), peer=True)
    try:
        image = xv6image.Image(files[1])
    except ValueError as error:
        raise paths.Problem(paths.EXIT_USAGE, f"--peer {text}: {files[1]}: {error}") from None
    return Target("xv6", "mono", files[0], ranges=("user=0:80000000",), extra=("-bios", "none"), plugin=spinning(files[0]),
                  image=image, symbols=(files[0], paths.built("user", "bench", "bench.elf")), peer=True)


def server_parts(servers):
    """The plugin's arguments for PARTS. The supervisor and programs share addresses, so it is counted with them."""
    copies, images = [], []
    for elf in servers:
        name = os.path.splitext(os.path.basename(elf))[0]
        table = functions(elf)
        copies += [f"part=0:{low:x}:{high:x}" for (low, function), (high, _) in zip(table, table[1:]) if function in COPIES]
        part = PARTS.index(name if name in PARTS else "other servers")
        images.append(f"part={part}:{table[0][0]:x}:{table[-1][0]:x}")
    return copies + images


# -- what an ELF file says ----------------------------------------------------------------------------------------


def functions(elf_path):
    """Sorted (address, name); an empty name closes a section. Nothing for a file without symbols."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile
    import symbols

    try:
        with open(elf_path, "rb") as file:
            return symbols.functions(ELFFile(file))
    except ELFError:
        return []


def load_shifts(elf_path):
    """By how much the virtual addresses lie above the physical ones the image is loaded at, if they do."""
    from elftools.elf.elffile import ELFFile

    with open(elf_path, "rb") as file:
        return sorted({segment["p_vaddr"] - segment["p_paddr"] for segment in ELFFile(file).iter_segments()
                       if segment["p_type"] == "PT_LOAD" and segment["p_vaddr"] != segment["p_paddr"]})


def code_of(elf_path, name):
    """(address, bytes) of a function; None if there is no such symbol."""
    from elftools.elf.elffile import ELFFile

    table = functions(elf_path)
    for (address, found), (end, _) in zip(table, table[1:]):
        if found == name:
            with open(elf_path, "rb") as file:
                for section in ELFFile(file).iter_sections():
                    if section["sh_addr"] <= address < section["sh_addr"] + section["sh_size"]:
                        at = address - section["sh_addr"]
                        return address, section.data()[at:at + end - address]
    return None


def instructions(code):
    """(address, word) of each instruction; compressed ones as 16 bits."""
    address, data = code
    at = 0
    while at + 2 <= len(data):
        size = 4 if data[at] & 3 == 3 else 2
        yield address + at, int.from_bytes(data[at:at + size], "little")
        at += size


def spinning(elf_path):
    """
    The plugin's argument for a kernel of xv6's kind whose idle hart looks at all processes again and again: the loop's top is
    where it enables interrupts. A scheduler with a wfi needs none.
    """
    found = {name: code_of(elf_path, name) for name in ("scheduler", "swtch", "kernelvec")}
    if not all(found.values()):
        return ()
    loop = list(instructions(found["scheduler"]))
    top = next((at for at, word in loop if word & 0xFFF0707F == 0x10001073), None)  # csrw sstatus
    leave = next((at for at, word in instructions(found["kernelvec"]) if word == 0x10200073), None)  # sret
    if top is None or leave is None or any(word == 0x10500073 for _, word in loop):  # wfi
        return ()
    return (f"idle={top:x}:{found['swtch'][0]:x}:{found['kernelvec'][0]:x}:{leave:x}",)


# -- disks ---------------------------------------------------------------------------------------------------------


def disk_for(target, group, names, folder):
    """The disk of one run of mono's programs."""
    program = lambda name: paths.built("user", "bench", f"_{name}")  # noqa: E731
    contents, files = {}, {}
    if group == "boot":
        files = {"init": paths.built("user", "_init"), "sh": program("prompt")}
    elif group == "usertests":
        contents = usertests_files(target)
        files = {"init": program("bench")}
        contents.pop("init", None)
    else:
        # a directory is searched from its beginning: others come before what is looked for, as on xv6's own disk
        contents = {f"other{number:02}": b"." for number in range(OTHER_FILES)}
        contents["large"] = LARGE[:256 * 1024]
        files = {name: None for name in contents} | {"init": program("bench"), "small": program("small")}
    contents["rows"] = "".join(f"{name}\n" for name in names).encode()
    for name, content in contents.items():
        files[name] = os.path.join(folder, f"file-{name}")
        with open(files[name], "wb") as file:
            file.write(content)
    disk = os.path.join(folder, "disk.img")
    sizes = []
    if target.peer or group == "usertests":
        image = target.image or peers_image()
        sizes = ["-b", str(image.blocks), "-i", str(image.inodes), "-l", str(image.log_blocks)]
    done = subprocess.run([paths.built("host", "mkfs"), disk, *sizes, *(f"{name}={path}" for name, path in files.items())],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"mkfs: {done.stderr.strip()}")
    return disk


def peers_image():
    """The user's xv6 image in DUO_PEERS, for rows that need xv6's own programs; None if there is none."""
    folder = os.environ.get("DUO_PEERS")
    path = os.path.join(folder, "xv6-fs.img") if folder else None
    return xv6image.Image(path) if path and os.path.exists(path) else None


def usertests_files(target):
    image = target.image or peers_image()
    files = image.files() if image else {}
    if "usertests" not in files:
        raise paths.Problem(paths.EXIT_USAGE, "usertests: needs xv6's own program: --peer xv6:KERNEL,FS.IMG, or xv6-fs.img in "
                                              "the folder that DUO_PEERS names")
    return files


def skips(usertests, folder):
    """The plugin's arguments that leave out the tests of SKIPPED_TESTS: from their first instruction to the next test's run."""
    path = os.path.join(folder, "usertests.elf")
    with open(path, "wb") as file:
        file.write(usertests)
    places = {name: address for address, name in functions(path)}
    missing = [name for name in (*SKIPPED_TESTS, "run") if name not in places]
    if missing:
        raise paths.Problem(paths.EXIT_USAGE, f"usertests: no symbol {missing[0]}: the tests that the clock sets the length of "
                                              "cannot be left out")
    return [f"skip={places[name]:x}" for name in SKIPPED_TESTS] + [f"resume={places['run']:x}"]


# -- a run ---------------------------------------------------------------------------------------------------------


@dataclass
class Sample:
    user: int
    kernel: int
    firmware: int
    fences: int
    satp: int
    idle: int
    parts: tuple = ()

    @property
    def total(self):
        return self.user + self.kernel + self.firmware - self.idle


@dataclass
class Report:
    samples: dict = field(default_factory=dict)  # id: list of Sample
    pcs: list = field(default_factory=list)  # (address, executions)
    begin: tuple = (0, 0, 0)
    end: tuple = None
    console: str = ""

    def refused(self):
        """{name of a row: why it could not be measured}, as the guest says."""
        return dict(re.findall(r"^bench: (\w+): (.*)$", self.console, re.M))


def parse(lines, report):
    for line in lines:
        word, *rest = line.split()
        if word == "sample":
            counts = [int(count) for count in rest[1:]]
            report.samples.setdefault(int(rest[0]), []).append(Sample(*counts[:6], parts=tuple(counts[6:])))
        elif word == "pc":
            report.pcs.append((int(rest[0], 16), int(rest[1])))
        else:
            setattr(report, word, tuple(map(int, rest)))


def run(target, group, names, timeout, progress, profile=None):
    """
    Runs a guest that measures the rows `names` of one group. Calls progress(id, "") when samples of a new row come, and
    progress(None, text) from time to time while none do.
    """
    memory = "/dev/shm"
    with tempfile.TemporaryDirectory(prefix="duo-bench-", dir=memory if os.access(memory, os.W_OK) else None) as folder:
        out, console = os.path.join(folder, "report"), os.path.join(folder, "console")
        arguments = [f"out={out}", *target.ranges, *target.plugin]
        disk = disk_for(target, group, names, folder) if target.kernel == "mono" else None
        if group == "usertests":
            arguments += skips(usertests_files(target)["usertests"], folder)
        if profile is not None:
            arguments.append(f"profile={profile}")
        extra = [*target.extra, "-display", "none", "-monitor", "none", "-serial", f"file:{console}"]
        words = [] if target.peer else ["panic=exit"]
        server = None
        if disk and group != "usertests" and not target.spins:  # a spinning scheduler has no idle moment to answer in
            server = Disk(disk, folder)
            disk = f"nbd:unix:{server.socket_path}"
            arguments.append(f"share={server.shared_path}")
            extra += ["-global", "virtio-mmio.ioeventfd=off", "-global", "virtio-blk-device.request-merging=off"]
            server.start()
        extra += ["-plugin", ",".join([paths.built("host", "count.so"), *arguments])]
        line = qemu_line(target.elf, target.roottask, disk, words, target.memory, 1, "0", extra)
        try:
            report = follow(line, out, console, progress, timeout)
        finally:
            if server:
                server.close()
        report.console = text_of(console)
        return report


def text_of(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().replace("\r", "")
    except OSError:
        return ""


def follow(line, out, console, progress, timeout):
    """Reads the report while it grows, until QEMU ends."""
    report, held, position = Report(), "", 0
    begin = heard = time.monotonic()
    limit = begin + timeout
    try:
        process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    except OSError as error:
        raise Failed(f"{line[0]}: {error.strerror}") from None
    try:
        running = True
        while running:
            try:
                process.wait(0.1)
                running = False
            except subprocess.TimeoutExpired:
                pass
            known = set(report.samples)
            if os.path.exists(out):
                with open(out, encoding="ascii") as file:
                    file.seek(position)
                    held += file.read()
                    position = file.tell()
            *whole, held = held.split("\n")
            parse(whole, report)
            for number in sorted(report.samples.keys() - known):
                progress(number, "")
                heard = time.monotonic()
            if time.monotonic() - heard > HEARTBEAT_SECONDS:
                heard = time.monotonic()
                last = text_of(console).strip().rpartition("\n")[2]
                progress(None, f"{heard - begin:.0f} s" + (f", the guest's last line: {last}" if last else ""))
            if running and "panic: " in text_of(console)[-4096:]:
                raise Failed(f"the guest panicked:\n{text_of(console)[-600:]}")
            if running and time.monotonic() > limit:
                raise paths.Problem(paths.EXIT_TIMEOUT, f"no end after {timeout:.0f} s; the guest said:\n{text_of(console)[-600:]}")
    finally:
        if process.poll() is None:
            process.kill()
        said = process.communicate()[0]
    if report.end is None:
        raise Failed(f"QEMU ended with code {process.returncode} before the measurement did: {said.strip()}\n"
                     f"{text_of(console)[-600:]}")
    return report


# -- from samples to a figure --------------------------------------------------------------------------------------


def median(values):
    """The lower of the two in the middle, so that it is always one that was counted."""
    return statistics.median_low(values)


def figure(target, row, numbers, reports):
    """The record of one row in one run; None if it has no samples. `reports` is {group: Report}."""
    report = reports.get(row.group)
    if report and rows.samples_of(row) in report.refused():
        return None
    samples = report.samples.get(numbers[rows.samples_of(row)], []) if report else []
    less = report.samples.get(numbers[row.less], []) if report and row.less else None
    if not samples or less == []:
        return None
    if row.name == "boot":
        last = samples[-1]
        if target.kernel == "micro":
            value = last.kernel
        else:  # after the firmware: from the kernel's first instruction on
            value = last.total - sum(report.begin)
        return record(row, [value], samples) | where(target, row, samples, [], report.begin[1])
    base = median([sample.total for sample in less]) if less else 0
    return record(row, [sample.total - base for sample in samples], samples) | where(target, row, samples, less or [], 0)


def where(target, row, samples, less, before):
    """{"where": {place: instructions an operation}}, each the median over the samples; nothing for a target without parts."""
    if not target.parts:
        return {}
    places = {"kernel": lambda sample: sample.kernel - sample.idle - before,
              "programs": lambda sample: sample.user - sum(sample.parts)}
    for number, name in enumerate(target.parts):
        places[name] = lambda sample, number=number: sample.parts[number]
    return {"where": {name: tidy((median([count(sample) for sample in samples]) -
                                  (median([count(sample) for sample in less]) if less else 0)) / row.per)
                      for name, count in places.items()}}


def record(row, totals, samples):
    def part(name):
        return median([getattr(sample, name) - (sample.idle if name == "kernel" else 0) for sample in samples]) / row.per

    return {"value": tidy(median(totals) / row.per), "min": tidy(min(totals) / row.per), "max": tidy(max(totals) / row.per),
            "samples": len(samples), "user": tidy(part("user")), "kernel": tidy(part("kernel")),
            "firmware": tidy(part("firmware")), "fences": tidy(part("fences")), "satp_writes": tidy(part("satp"))}


def tidy(number):
    """Three decimals, and an integer where it is one."""
    number = round(number, 3)
    return int(number) if number == int(number) else number
