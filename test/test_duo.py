"""The host tool's own behaviour, mostly with a played guest: exit codes, prompts, comparison, crash reports."""

import json
import os
import pty
import re
import select
import subprocess
import time

from harness import ROOT, paths, test

# name, the played guest, arguments, exit code, what stdout and stderr must contain (regular expressions)
RUNS = [
    ("clean", "shell", ["--cmd", "echo a b"], 0, r"^\$ echo a b\na b\n\$ ", r""),
    ("two-commands", "shell", ["--cmd", "echo one", "--cmd", "echo two"], 0, r"^one\n\$ echo two\ntwo$", r""),
    ("quiet", "shell", ["-q", "--cmd", "echo one", "--cmd", "echo two"], 0, r"\Aone\ntwo\n\Z", r"\A\Z"),
    ("prompt-in-the-middle", "shell", ["-q", "--cmd", "slow", "--cmd", "echo x"], 0, r"\$ is no prompt\ndone\nx\n\Z", r""),
    ("unfinished-line", "shell", ["-q", "--cmd", "unfinished", "--cmd", "echo x"], 0, r"\Ano newlinex\n\Z", r""),
    ("lines-behind-the-prompt", "chatty", ["-q", "--cmd", "echo x", "--cmd", "echo y"], 0, r"\Ax\n\n\[sup\][^$]*y\n", r""),
    ("panic", "shell", ["--cmd", "panic"], 10, r"^panic: mappages: remap$", r"the kernel panicked"),
    ("panic-that-stays", "shell", ["--cmd", "halt"], 10, r"^panic: mappages: remap$", r"was ended"),
    ("talk-of-a-panic", "shell", ["--cmd", "echo panic: no", "--cmd", "echo x"], 0, r"^x$", r"\A\Z"),
    ("test-failed", "shell", ["--cmd", "exit 11"], 11, r"", r"a test in the guest failed"),
    ("gave-up", "shell", ["--cmd", "exit 12"], 12, r"", r"gave up"),
    ("watchdog", "shell", ["--cmd", "exit 13"], 13, r"", r"hang"),
    ("power-off", "shell", ["--cmd", "exit 0"], 0, r"", r"\A\Z"),
    ("ended-too-early", "shell", ["--cmd", "exit 0", "--cmd", "echo x"], 0, r"", r"before these were typed: echo x"),
    ("no-answer", "silent", ["--timeout", "1", "--cmd", "ls"], 124, r"", r"no answer in time.*\n(.*\n)*.*serial\.log"),
    ("no-answer-to-a-command", "shell", ["--timeout", "2", "--cmd", "hang"], 124, r"", r"no answer in time"),
    ("no-end", "shell", ["--timeout", "5"], 124, r"init: starting sh", r"no answer in time"),
    ("qemu-refuses", "broken", ["--cmd", "ls"], 5, r"", r"QEMU failed.*no such machine"),
    ("qemu-dies", "shell", ["--cmd", "exit 1"], 5, r"", r"QEMU ended with exit code 1"),
    ("both-kernels", "shell", ["--kernel", "mono,micro", "--cmd", "name"], 0, r"== mono ==[^=]*mono\n[^=]*== micro ==[^=]*micro", r""),
    ("same", "shell", ["--kernel", "mono,micro", "--diff", "--cmd", "echo x"], 0, r"\A\$ echo x\nx\n\Z", r"print the same"),
    ("different", "shell", ["--kernel", "mono,micro", "--diff", "--cmd", "name"], 1, r"^-mono\n\+micro$", r""),
    ("same-but-for-deaths", "chatty", ["--kernel", "mono,micro", "--diff", "--cmd", "unfinished", "--cmd", "echo x"], 0,
     r"\A\$ unfinished\nno newline\n\$ echo x\nx\n\Z", r""),
    ("same-panic", "shell", ["--kernel", "mono,micro", "--diff", "--cmd", "exit 10"], 10, r"", r""),
    ("unknown-kernel", "shell", ["--kernel", "linux"], 2, r"\A\Z", r"mono and micro"),
    ("diff-of-one", "shell", ["--kernel", "mono", "--diff"], 2, r"\A\Z", r"two kernels"),
    ("no-such-disk", "shell", ["--disk", "nowhere.img"], 2, r"\A\Z", r"nowhere\.img"),
    ("roottask-on-mono", "shell", ["--kernel", "mono", "--roottask", "x"], 2, r"\A\Z", r"only micro"),
    ("icount-smp", "shell", ["--icount", "--smp", "2"], 2, r"\A\Z", r"--icount counts on one hart"),
    ("unknown-option", "shell", ["--nonsense"], 2, r"\A\Z", r"usage"),
]


def register(name, guest, arguments, code, stdout, stderr):
    @test(f"duo/{name}", quick=True)
    def check(work):
        done = work.fake_duo(guest, "run", *arguments)
        work.equal(done.returncode, code, "exit code")
        work.matches(done.stdout, stdout, "stdout")
        work.matches(done.stderr, stderr, "stderr")


for row in RUNS:
    register(*row)


@test("duo/qemu-absent", quick=True)
def qemu_absent(work):
    done = work.duo("run", "--cmd", "ls", DUO_QEMU="/nowhere/qemu", DUO_BUILD=work.fake_build())
    work.equal(done.returncode, 5, "exit code")
    work.matches(done.stderr, r"/nowhere/qemu: No such file", "stderr")


@test("duo/not-built", quick=True)
def not_built(work):
    done = work.duo("run", "--cmd", "ls", DUO_BUILD=work.scratch())
    work.equal(done.returncode, 4, "exit code")
    work.matches(done.stderr, r"run make first", "stderr")


@test("duo/json", quick=True)
def as_json(work):
    done = work.fake_duo("shell", "run", "--kernel", "mono,micro", "--json", "--cmd", "name")
    record = json.loads(done.stdout)
    work.equal(record["schema"], "duo.run/1", "schema")
    work.equal([(run["kernel"], run["outcome"], run["commands"]) for run in record["runs"]],
               [(k, "clean", [{"cmd": "name", "output": k + "\n"}]) for k in ("mono", "micro")], "runs")


@test("duo/disk-in-place", quick=True)
def disk_in_place(work):
    """--disk is used itself; without it, and under --diff, a copy."""
    image = os.path.join(work.folder, "my.img")
    with open(image, "wb") as file:
        file.write(b"x")
    in_place = work.fake_duo("shell", "run", "-v", "--disk", image, "--cmd", "echo x").stderr
    work.matches(in_place, re.escape(f"file={image},"), "--disk")
    copied = work.fake_duo("shell", "run", "-v", "--cmd", "echo x").stderr
    work.absent(copied, re.escape(os.path.join(work.folder, "build", "fs.img")), "the build's own image is used")
    both = work.fake_duo("shell", "run", "-v", "--kernel", "mono,micro", "--diff", "--disk", image, "--cmd", "echo x")
    work.absent(both.stderr, re.escape(f"file={image},"), "--diff uses the image itself")


@test("duo/crash-report", quick=True)
def crash_report(work):
    """function+0xOFF of a panic gets file:line; a return address gets that of its call, if there is a call;
    unknown names stay bare."""
    source = os.path.join(work.folder, "fake.c")
    with open(source, "w", encoding="utf-8") as file:
        file.write("void fake_fault(void);\nvoid fake_fault(void)\n{\n    *(volatile int *)0 = 1;\n}\n"
                   "void fake_caller(void);\nvoid fake_caller(void)\n{\n    fake_fault();\n    fake_fault();\n}\n")
    build = work.fake_build()
    subprocess.run([paths.cross_tool("gcc"), "-g", "-O0", "-march=rv64imac", "-mabi=lp64", "-nostdlib", "-Wl,-e,0",
                    source, "-o", f"{build}/mono.elf"], check=True)
    fake = os.path.join(ROOT, "test", "fake_qemu.py")
    done = work.duo("run", "--cmd", "panic", DUO_QEMU=fake, DUO_FAKE="shell", DUO_BUILD=build)
    work.matches(done.stdout, r"^  in fake_fault\+0x4 \(\S*fake\.c:3\), pid 3 sh, hart 0$", "the place")
    work.matches(done.stdout, r"^  called by fake_caller\+0xc \(\S*fake\.c:9\) fake_caller\+0xb \(\S*fake\.c:9\) "
                 r"fake_caller\+0x8 unknown_function\+0x2$", "callers")


class Terminal:
    """A command with a terminal of its own, as a person has it: what is typed, and what is shown."""

    def __init__(self, *command):
        self.shown = ""
        self._master, slave = pty.openpty()
        self._process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
        os.close(slave)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        os.close(self._master)

    def type(self, text):
        os.write(self._master, text.encode())

    def sees(self, pattern, seconds=60):
        """Whether it is shown before so long."""
        end = time.monotonic() + seconds
        while not re.search(pattern, self.shown, re.M) and time.monotonic() < end:
            if select.select([self._master], [], [], 1)[0]:
                try:
                    self.shown += os.read(self._master, 65536).decode("utf-8", "replace").replace("\r", "")
                except OSError:  # the other side is closed
                    return False
        return re.search(pattern, self.shown, re.M) is not None

    def code(self, seconds=60):
        return self._process.wait(seconds)


@test("duo/terminal")
def terminal(work):
    """An interactive guest: unfinished lines are shown, crash reports come with file:line, and Ctrl-a x ends it."""
    with Terminal(os.path.join(ROOT, "duo"), "run", "--kernel", "micro", "--build", "release") as screen:
        work.check(screen.sees(r"^\$ \Z"), f"no prompt: {screen.shown[-500:]!r}")
        screen.type("echo [sup")
        work.check(screen.sees(r"^\$ echo \[sup\Z"), f"what is typed is not shown: {screen.shown[-500:]!r}")
        screen.type("]; fault arm block crash-null; ls > f\n")
        work.check(screen.sees(r"^\[sup\] block: restarted, generation 2"), f"no restart: {screen.shown[-1500:]!r}")
        work.matches(screen.shown, r"^\[sup\] block:   in \w+\+0x[0-9a-f]+ \(service/inject\.c:\d+\), generation 1", "the place")
        screen.type("\x01x")
        work.equal(screen.code(), 0, "exit code")


@test("duo/terminal-no-such-command", quick=True)
def terminal_wrong(work):
    done = work.duo("terminal", "--kernel", "mono", "--", "/nowhere/qemu", "-machine", "virt")
    work.equal(done.returncode, 5, "exit code")
    work.equal(done.stderr, "duo: /nowhere/qemu: No such file or directory\n", "stderr")


@test("duo/demo-can-fail", quick=True)
def demo_can_fail(work):
    """Kernels that do nothing of what they should are not a success."""
    done = work.fake_duo("broken", "demo", "-q")
    work.equal(done.returncode, 1, "exit code")
    work.matches(done.stdout, r"^verdict: NOT as told$", "verdict")
    work.matches(done.stdout, r"^NOT as told: mono.*: the panic is the essay's$", "reasons")


@test("duo/doctor", quick=True)
def doctor(work):
    done = work.duo("doctor")
    work.equal(done.returncode, 0, "exit code")
    work.equal(done.stdout.splitlines()[-1], "next: make qemu KERNEL=mono", "last line")
    missing = work.duo("doctor", DUO_QEMU="/nowhere/qemu")
    work.equal(missing.returncode, 3, "exit code without QEMU")
    work.matches(missing.stdout, r"MISSING.*sudo apt install qemu-system-misc", "what to install")


@test("setup/silent-when-all-is-there", quick=True)
def setup(work):
    done = work.run("sh", os.path.join(ROOT, "tools", "setup.sh"), "test")
    work.equal((done.returncode, done.stdout, done.stderr), (0, "", ""), "setup.sh")
    work.equal(work.run("sh", os.path.join(ROOT, "tools", "setup.sh"), "nonsense").returncode, 2, "wrong usage")


@test("demo")
def demo(work):
    done = work.duo("demo", timeout=300)
    work.equal(done.returncode, 0, "exit code")
    work.matches(done.stdout, r"^panic: mappages: remap$", "mono's transcript")
    work.matches(done.stdout, r"\[sup\] xmap: restarted, generation 2", "micro's transcript")
    work.matches(done.stdout, r"^\[MAIN\] Worker faulted \(type=5\)$", "the essay's transcript")
    work.matches(done.stdout, r"^verdict: mono panicked, micro lived$", "verdict")
