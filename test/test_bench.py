"""
`duo bench`: that the plugin counts to the instruction, that figures repeat, and that what became worse is said.

The tests that need a user's own kernels look for xv6-2022-kernel and xv6-2022-fs.img in the folder DUO_PEERS names.
"""

import json
import os
import socket
import struct
import subprocess
from types import SimpleNamespace

from harness import NotRun, paths, test

from bench import disk, machine, rows, xv6image
from duo import bench

# What was promised of each target, beside what is published of the other system: the geometric mean of all ratios, the greatest
# ratio, and instructions that single rows may take.
PROMISES = {
    "mono": (0.10, 0.5, {"getpid": 250, "boot": 10e6}),
    "hosted": (0.25, 0.9, {"getpid": 1000}),
    "micro": (0.75, 1.0, {"ipc_0": 450, "ipc_0_other": 450, "ipc_10": 900, "ipc_10_other": 900, "unknown": 700, "vm_fault": 700,
                          "ping_pong": 1500}),
}
USERTESTS = {"mono": 0.15, "hosted": 0.35}  # of what is published; it takes xv6's program to measure it

RECORD_KEYS = {"text", "value", "min", "max", "samples", "user", "kernel", "firmware", "fences", "satp_writes", "runs",
               "published"}

# A machine without firmware: known numbers of instructions between markers, some of them at "user" addresses.
KNOWN = """
    .option arch, +zicsr
    .option norvc
    .globl _start
_start:
    sltiu   x0, x0, 2 << 8 | 1      # a stop without a start: no sample
    li      t0, 3
again:
    sltiu   x0, x0, 1 << 8 | 1      # sample 1: 100 instructions, three times
    .rept 95
    nop
    .endr
    sfence.vma
    sfence.vma t1, t2
    csrw    satp, zero
    csrr    t1, satp                # reads it only
    fence
    sltiu   x0, x0, 2 << 8 | 1
    addi    t0, t0, -1
    bnez    t0, again
    lui     t1, 0x80001             # sample 2: 4 user instructions and the jump to them
    slli    t1, t1, 32
    srli    t1, t1, 32
    sltiu   x0, x0, 1 << 8 | 2
    jalr    t2, t1
    sltiu   x0, x0, 2 << 8 | 2
    sltiu   x0, x0, 3 << 8 | 3      # sample 3: everything so far
    li      t1, 0x2000000           # a software interrupt that stays pending: no wfi waits
    li      t2, 1
    sw      t2, 0(t1)
    li      t2, 8
    csrw    mie, t2
    lui     t1, 0x80001
    slli    t1, t1, 32
    srli    t1, t1, 32
    sltiu   x0, x0, 1 << 8 | 4      # sample 4: three wfi; between the first two no user instruction, then 4
    wfi
    nop
    nop
    wfi
    jalr    t2, t1
    wfi
    sltiu   x0, x0, 2 << 8 | 4
    sltiu   x0, x0, 4 << 8          # the end
    .balign 4096
    nop
    nop
    nop
    jr      t2
"""


def known_guest(work, *plugin):
    """The report of that machine. Its reset code, which jumps to it, is what comes before."""
    gcc = paths.cross_tool("gcc")
    work.check(gcc, "no cross compiler")
    source, elf = os.path.join(work.folder, "known.S"), os.path.join(work.folder, "known.elf")
    with open(source, "w", encoding="ascii") as file:
        file.write(KNOWN)
    done = work.run(gcc, "-march=rv64imac", "-mabi=lp64", "-nostdlib", "-static", "-Wl,-Ttext=0x80000000", "-Wl,--build-id=none",
                    source, "-o", elf)
    work.equal(done.returncode, 0, done.stderr)
    out, console = os.path.join(work.folder, "report"), os.path.join(work.folder, "console")
    arguments = ",".join([paths.built("host", "count.so"), f"out={out}", "user=80001000:80002000", "firmware=0:10000", *plugin])
    line = [paths.QEMU, "-machine", "virt", "-bios", "none", "-kernel", elf, "-icount", "shift=0", "-plugin", arguments,
            "-display", "none", "-monitor", "none", "-serial", f"file:{console}"]
    return machine.follow(line, out, console, lambda *_: None, 60)


@test("bench/counts-known-instructions", quick=True)
def counts_known(work):
    report = known_guest(work)
    work.equal(sorted(report.samples), [1, 2, 3, 4], "ids of the samples")
    for sample in report.samples[1]:
        work.equal((sample.user, sample.kernel, sample.firmware), (0, 100, 0), "sample 1")
        work.equal((sample.fences, sample.satp), (2, 1), "fences and writes of satp in sample 1")
    work.equal(len(report.samples[1]), 3, "samples of row 1")
    (sample,) = report.samples[2]
    work.equal((sample.user, sample.kernel), (4, 1), "sample 2")
    (instant,) = report.samples[3]
    work.equal((instant.user, instant.kernel), (4, 1 + 3 * 102 + 3 + 1), "all since power-on")
    work.check(instant.firmware > 0, "the reset code is not counted as firmware")
    work.equal(report.begin, (0, 0, instant.firmware), "the kernel's first instruction")
    work.equal(report.pcs, [], "a profile nobody asked for")


@test("bench/profile-adds-up", quick=True)
def profile_known(work):
    report = known_guest(work, "profile=1")
    executed = {}
    for address, count in report.pcs:  # an address may have been translated more than once
        executed[address] = executed.get(address, 0) + count
    work.equal(set(executed.values()), {3}, "executions of each instruction")
    work.equal(len(executed), 100, "instructions")


@test("bench/parts-of-user", quick=True)
def parts_known(work):
    """The first range that fits decides; what is not at user addresses is in no part."""
    report = known_guest(work, "part=1:80001000:80001008", "part=0:80000000:80002000")
    for sample in report.samples[1]:
        work.equal(sample.parts, (0, 0), "parts of a sample of kernel instructions")
    (sample,) = report.samples[2]
    work.equal((sample.user, sample.parts), (4, (2, 2)), "parts of four user instructions")


@test("bench/leaves-out", quick=True)
def leaves_out(work):
    """skip= and resume= at user addresses: the second of the four instructions, the third counts again."""
    report = known_guest(work, "skip=80001004", "resume=80001008", "part=0:80001000:80001008")
    (sample,) = report.samples[2]
    work.equal((sample.user, sample.kernel), (3, 1), "sample 2 without its second user instruction")
    work.equal(sample.parts, (1,), "its part without it")


@test("bench/idle", quick=True)
def idle(work):
    """As a scheduler's loop: its top is sample 1's first nop; two whole passes switch to nobody."""
    top = 0x80000000 + 3 * 4
    report = known_guest(work, f"idle={top:x}:80001000:1:1")
    work.equal(report.samples[3][0].idle, 2 * 102, "idle instructions")


@test("bench/idle-ticks", quick=True)
def idle_ticks(work):
    (sample,) = known_guest(work, "wfi=idle").samples[4]
    work.equal((sample.user, sample.kernel, sample.idle), (4, 6, 3), "a kernel whose ticks are idle")
    work.equal(sample.total, 7, "what counts of it")
    (sample,) = known_guest(work).samples[4]
    work.equal((sample.kernel, sample.idle), (6, 0), "another kernel")


@test("bench/refuses-bad-plugin-arguments", quick=True)
def bad_arguments(work):
    for argument in ("profile=many", "user=1", "nonsense=1", "idle=1:2:3"):
        try:
            known_guest(work, argument)
        except machine.Failed as failure:
            work.matches(str(failure), argument.partition("=")[0], "the message")
        else:
            work.check(False, f"{argument} is accepted")


def measured(work, *arguments):
    done = work.duo("bench", "--json", *arguments)
    work.equal(done.returncode, 0, done.stderr)
    result = json.loads(done.stdout)
    work.equal((result["schema"], result["unit"]), ("duo.bench/1", "instructions"), "schema")
    return result


@test("bench/repeats-to-the-digit")
def repeats(work):
    chosen = ["--row", "getpid", "--row", "fstat", "--row", "yield", "--row", "ipc_0_other"]
    first, second = (measured(work, *chosen) for _ in range(2))
    for entry, again in zip(first["targets"], second["targets"]):
        for name, record in entry["rows"].items():
            # the greatest and least of the samples may have met a tick, which the disk's answers at boot can move
            same = ("value", "samples", "user", "kernel", "fences", "satp_writes")
            work.equal([again["rows"][name][key] for key in same], [record[key] for key in same],
                       f"{entry['target']} {name}, the second time: {same}")
    work.equal([(entry["target"], list(entry["rows"])) for entry in first["targets"]],
               [("mono", ["getpid", "fstat"]), ("hosted", ["getpid", "fstat"]), ("micro", ["yield", "ipc_0_other"])],
               "what was measured")
    for entry in first["targets"]:
        for name, record in entry["rows"].items():
            work.check(RECORD_KEYS <= set(record), f"{name} lacks {RECORD_KEYS - set(record)}")
            work.check(record["samples"] >= 16 and record["min"] <= record["value"] <= record["max"], f"{name}: {record}")
            work.check(0 < record["user"] < record["value"] and record["kernel"] > 100, f"{name}: {record}")
            work.equal("where" in record, entry["target"] == "hosted", f"{name}: places of its instructions")
            work.equal(sum(record.get("where", {"all": record["value"]}).values()), record["value"], f"{name}: all places")


@test("bench/disk-rows-repeat")
def disk_rows(work):
    """Before the disk answered idle guests only, these differed by a tenth on a busy computer."""
    chosen = ["--kernel", "mono", "--row", "write_new", "--row", "write_over", "--row", "create", "--row", "boot"]
    first, second = (measured(work, *chosen)["targets"][0]["rows"] for _ in range(2))
    for name, record in first.items():
        off = abs(second[name]["value"] / record["value"] - 1)
        work.check(off < 0.002, f"{name}: {record['value']}, then {second[name]['value']}")


@test("bench/disk-answers-the-busy-too", quick=True)
def busy_guest(work):
    """A guest that never waits gets its answers as well; a request beyond the end is refused."""
    image = os.path.join(work.folder, "disk.img")
    with open(image, "wb") as file:
        file.write(bytes(range(256)) * 8)
    server = disk.Disk(image, work.folder)
    server.start()
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(server.socket_path)
        stream = client.makefile("rb")
        stream.read(18)
        client.sendall(struct.pack(">I", 3) + disk.OPTION.pack(b"IHAVEOPT", disk.OPT_GO, 6) + bytes(6))
        work.check(struct.pack(">Q", 2048) in stream.read(20 + 12 + 20), "the size is not said")
        for kind, offset, length, data, error, answer in (
                (disk.WRITE, 512, 4, b"four", 0, b""), (disk.READ, 510, 8, b"", 0, b"\xfe\xfffour\x04\x05"),
                (disk.FLUSH, 0, 0, b"", 0, b""), (disk.READ, 2040, 9, b"", disk.EINVAL, b"")):
            client.sendall(disk.REQUEST.pack(disk.REQUEST_MAGIC, 0, kind, 77, offset, length) + data)
            head = disk.REPLY.unpack(stream.read(disk.REPLY.size))
            work.equal(head, (disk.REPLY_MAGIC, error, 77), f"reply to a request of kind {kind}")
            work.equal(stream.read(len(answer)), answer, "what was read")
        client.sendall(disk.REQUEST.pack(disk.REQUEST_MAGIC, 0, disk.DISCONNECT, 78, 0, 0))
    server.join(10)
    work.check(not server.is_alive(), "the server goes on without its client")


def broken_promises(target, figures):
    """`figures`: {row: instructions}. In words, what is more than was promised; a row that nobody has measured is nothing."""
    mean_limit, row_limit, limits = PROMISES[target]
    published = {row.name: row.published for row in rows.ROWS[target] if row.published}
    broken = [f"{target} {name}: {value / published[name]:.3f} of what is published, promised {row_limit}"
              for name, value in figures.items() if name in published and value > row_limit * published[name]]
    broken += [f"{target} {name}: {figures[name]} instructions, promised {limit}"
               for name, limit in limits.items() if figures[name] > limit]
    mean = bench.mean_ratio([(value, published.get(name)) for name, value in figures.items()])
    broken += [f"{target}: a geometric mean of {mean:.3f}, promised {mean_limit}"] if mean > mean_limit else []
    if target in USERTESTS and figures.get("usertests", 0) > USERTESTS[target] * published["usertests"]:
        broken.append(f"{target}: usertests {figures['usertests'] / published['usertests']:.3f}, promised {USERTESTS[target]}")
    return broken


def values(records):
    return {name: record["value"] for name, record in records.items() if record}


@test("bench/promises", quick=True)
def promises(work):
    """Of the baseline that is committed; and that each kind of a promise that is broken is seen."""
    found = bench.read_baseline(bench.BASELINE)
    work.equal(sorted(found), sorted(PROMISES), "targets")
    work.equal([line for target in PROMISES for line in broken_promises(target, values(found[target]))], [], "broken promises")
    for target, (mean, most, limits) in PROMISES.items():
        kept = values(found[target])
        for name, limit in limits.items():
            work.matches("\n".join(broken_promises(target, {**kept, name: limit + 1})), rf"^{target} {name}: .* instructions", name)
        for row in rows.ROWS[target]:
            if row.published and row.group != "usertests":
                worse = {**kept, row.name: row.published * most + 1}
                work.matches("\n".join(broken_promises(target, worse)), rf"^{target} {row.name}: \d", row.name)
        slow = {row.name: row.published * (mean + 0.01) for row in rows.ROWS[target] if row.published}
        work.matches("\n".join(broken_promises(target, slow)), rf"^{target}: a geometric mean", "all of them slow")
    slow = {**values(found["hosted"]), "usertests": 0.36 * 38.75e9}
    work.equal(len(broken_promises("hosted", slow)), 1, "slow usertests")


@test("bench/all-rows-have-samples")
def all_rows(work):
    """And all that is promised of them is kept today, not only in the baseline."""
    result = measured(work)
    for entry in result["targets"]:
        wanted = [row.name for row in rows.ROWS[entry["kernel"]] if row.group != "usertests"]
        work.equal(list(entry["rows"]), wanted, f"rows of {entry['target']}")
        work.equal([name for name, record in entry["rows"].items() if not record], [], "rows without samples")
    work.equal([entry["target"] for entry in result["targets"]], ["mono", "hosted", "micro"], "targets")
    work.equal([line for entry in result["targets"] for line in broken_promises(entry["target"], values(entry["rows"]))], [],
               "broken promises")


@test("bench/usertests-long")
def usertests(work):
    """xv6's own tests on both, counted: minutes each."""
    image = os.path.join(os.environ.get("DUO_PEERS") or "", "xv6-2022-fs.img")
    if not os.path.isabs(image) or not os.path.exists(image):
        raise NotRun("xv6-2022-fs.img is not in the folder DUO_PEERS names")
    os.symlink(image, os.path.join(work.folder, "xv6-fs.img"))
    published = next(row.published for row in rows.ROWS["mono"] if row.name == "usertests")
    told = []
    for target, limit in USERTESTS.items():
        done = work.duo("bench", "--json", "--kernel", target, "--row", "usertests", timeout=1700, DUO_PEERS=work.folder)
        work.equal(done.returncode, 0, done.stderr)
        ratio = json.loads(done.stdout)["targets"][0]["rows"]["usertests"]["value"] / published
        work.check(ratio <= limit, f"{target}: {ratio:.3f} of what is published, promised {limit}")
        told.append(f"{target} {ratio:.3f}")
    return ", ".join(told)


@test("bench/profile-names-functions")
def profile(work):
    for kernel, row, function in (("mono", "getpid", "unix_call_getpid"), ("micro", "ipc_0", "root_main")):
        done = work.duo("bench", "--kernel", kernel, "--profile", row, "--json")
        work.equal(done.returncode, 0, done.stderr)
        (result,) = json.loads(done.stdout)["targets"]
        names = [place["function"] for place in result["functions"]]
        work.check(function in names, f"{function} is not among {names}")
        work.check(abs(sum(place["share"] for place in result["functions"]) - 1) < 0.01, "the shares are not 1 together")


@test("bench/says-what-became-worse")
def baseline(work):
    file = os.path.join(work.folder, "baseline.json")
    result = measured(work, "--kernel", "mono", "--row", "getpid")
    record = result["targets"][0]["rows"]["getpid"]
    real = record["value"]
    for factor, code, word in ((1.0, 0, r"\+0\.0% "), (0.98, 0, r"\+2\.0% "), (0.9, 1, r"worse")):
        record["value"] = real * factor
        with open(file, "w", encoding="ascii") as out:
            json.dump(result, out)
        done = work.duo("bench", "--kernel", "mono", "--row", "getpid", "--baseline", file)
        work.equal(done.returncode, code, f"exit code beside a baseline of {factor}")
        work.matches(done.stdout, word, "the table")
    with open(file, "w", encoding="ascii") as out:
        out.write('{"schema": "duo.run/1"}')
    work.equal(work.duo("bench", "--row", "getpid", "--baseline", file).returncode, paths.EXIT_USAGE, "another schema")


@test("bench/committed-baseline-is-whole", quick=True)
def committed(work):
    found = bench.read_baseline(bench.BASELINE)
    for kernel, table in rows.ROWS.items():
        missing = [row.name for row in table if row.group != "usertests" and not found.get(kernel, {}).get(row.name)]
        work.equal(missing, [], f"rows of {kernel} that bench/baseline.json lacks")


@test("bench/wrong-usage", quick=True)
def usage(work):
    for arguments in (["--row", "nonsense"], ["--kernel", "nano"], ["--peer", "xv6:nowhere,nowhere"], ["--peer", "linux:x"],
                      ["--baseline", "nowhere.json"], ["--profile", "nonsense"], ["--repeat", "0"]):
        done = work.duo("bench", *arguments)
        work.equal(done.returncode, paths.EXIT_USAGE, f"exit code of {arguments}")
        work.matches(done.stderr, r"^duo: .*" + arguments[0], "the message")


@test("bench/rows-and-ids", quick=True)
def rows_and_ids(work):
    """Every row of the tables has an id in the guest's list, and no id is there twice."""
    for kernel, table in rows.ROWS.items():
        numbers = rows.ids(kernel)
        work.equal(len(set(numbers.values())), len(numbers), f"ids of {kernel}")
        work.check(all(0 < number < 256 for number in numbers.values()), "an id does not fit a marker")
        absent = [row.name for row in table if rows.samples_of(row) not in numbers or (row.less and row.less not in numbers)]
        work.equal(absent, [], f"rows of {kernel} without an id")


@test("bench/reads-images", quick=True)
def reads_images(work):
    wanted = {"small": b"x" * 5, "empty": b"", "large": bytes(range(256)) * 80}
    given = []
    for name, content in wanted.items():
        given.append(os.path.join(work.folder, name))
        with open(given[-1], "wb") as file:
            file.write(content)
    image = os.path.join(work.folder, "out.img")
    subprocess.run([paths.built("host", "mkfs"), image, "-l", "30", *given], check=True)
    found = xv6image.Image(image)
    work.equal(found.files(), wanted, "files")
    work.equal((found.blocks, found.inodes, found.log_blocks), (2000, 200, 30), "sizes")
    with open(image, "r+b") as file:
        file.seek(1024)
        file.write(b"\0")
    try:
        xv6image.Image(image)
    except ValueError:
        return
    work.check(False, "an image with a wrong magic number is accepted")


@test("bench/figures", quick=True)
def figures(work):
    """Medians are of what was counted, differences and divisors come after."""
    def sample(total, idle=0):
        return machine.Sample(user=10, kernel=total - 10 + idle, firmware=0, fences=1, satp=0, idle=idle)
    numbers = {"one": 1, "many": 2}
    report = machine.Report(samples={1: [sample(100), sample(104), sample(300, idle=7)], 2: [sample(744), sample(744)]})
    target = SimpleNamespace(parts=(), kernel="mono")
    one = machine.figure(target, rows.Row("one", ""), numbers, {"calls": report})
    work.equal((one["value"], one["min"], one["max"], one["samples"]), (104, 100, 300, 3), "row one")
    more = machine.figure(target, rows.Row("more", "", per=64, less="one", sample="many"), numbers, {"calls": report})
    work.equal(more["value"], 10, "a row that is a difference")
    report.console = "bench: many: fork\n"
    work.equal(machine.figure(target, rows.Row("many", ""), numbers, {"calls": report}), None, "a row the guest gave up")
    work.equal(machine.figure(target, rows.Row("one", ""), numbers, {}), None, "a row nobody measured")


@test("bench/xv6-beside-mono")
def beside_xv6(work):
    """The published figures were measured on this kernel: measuring it again must give them."""
    folder = os.environ.get("DUO_PEERS")
    files = [os.path.join(folder or "", name) for name in ("xv6-2022-kernel", "xv6-2022-fs.img")]
    if not folder or not all(map(os.path.exists, files)):
        raise NotRun("xv6-2022-kernel and xv6-2022-fs.img are not in the folder DUO_PEERS names")
    chosen = ["getpid", "pipe_ping_pong", "sbrk_shrink_64", "fork_page", "write_over"]
    result = measured(work, "--kernel", "mono", "--peer", f"xv6:{','.join(files)}",
                      *(word for name in chosen for word in ("--row", name)))
    work.equal([entry["target"] for entry in result["targets"]], ["mono", "xv6"], "targets")
    for name, record in result["targets"][1]["rows"].items():
        off = abs(record["value"] / record["published"] - 1)
        work.check(off < 0.02, f"{name}: {record['value']} on xv6, published {record['published']}")
