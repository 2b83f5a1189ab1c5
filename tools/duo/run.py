"""`duo run`: starts guests, types what was asked for, prints what they say, and ends with their code."""

import difflib
import json
import os
import shlex
import subprocess
import sys
import tempfile

from duo import paths, terminal
from duo.guest import KERNELS, Ended, Guest, Outcome, kernel_files, private_copy, qemu_line, without_supervisor
from duo.symbols import CrashReader, annotated

DEFAULT_TIMEOUT = 60.0


def add_arguments(parser):
    parser.add_argument("--kernel", metavar="K", help="mono, micro, or both with a comma (default: DUO_KERNEL, else mono)")
    parser.add_argument("--cmd", metavar="LINE", action="append", default=[], help="typed at the prompt; repeatable")
    parser.add_argument("--diff", action="store_true", help="compare what the kernels print; 1 if it differs")
    parser.add_argument("--disk", metavar="IMG", help="used in place (default: a private copy of the build's fs.img)")
    parser.add_argument("--roottask", metavar="ELF", help="micro: this root task instead of Duo's")
    parser.add_argument("--build", choices=["debug", "release"],
                        help="which build of the kernel (default: release; debug with --roottask)")
    parser.add_argument("--mem", metavar="SIZE", default="128M", help="the guest's memory (default: 128M)")
    parser.add_argument("--smp", metavar="N", type=int, default=1, help="harts (default: 1)")
    parser.add_argument("--timeout", metavar="S", type=float, help="seconds for each guest (default: 60)")
    parser.add_argument("--append", metavar="ARGS", action="append", default=[], help="words of the kernel's command line")
    parser.add_argument("--icount", metavar="SHIFT", nargs="?", const="0", help="count instructions (default shift: 0)")
    parser.add_argument("--qemu-extra", metavar="ARGS", action="append", default=[], help="handed to QEMU as they are")
    parser.add_argument("--json", action="store_true", help="one object on stdout instead of the transcript")
    parser.add_argument("-q", "--quiet", action="store_true", help="print only what the commands printed")
    parser.add_argument("-v", "--verbose", action="store_true", help="print QEMU's command line, keep the serial log")


def main(options):
    kernels = chosen_kernels(options)
    if options.diff and len(kernels) < 2:
        raise paths.Problem(paths.EXIT_USAGE, "--diff needs two kernels: --kernel mono,micro")
    if options.icount is not None and options.smp > 1:
        # QEMU then runs one hart for as long as it likes, also one that spins for a lock whose holder it does not run.
        raise paths.Problem(paths.EXIT_USAGE, "--icount counts on one hart: leave out --smp")
    if not options.cmd and not options.diff and not options.json and len(kernels) == 1 and sys.stdin.isatty():
        return interactive(options, kernels[0])
    runs = [run_one(options, kernel, headline=len(kernels) > 1) for kernel in kernels]
    if options.json:
        json.dump({"schema": "duo.run/1", "runs": [run.record() for run in runs]}, sys.stdout, indent=1)
        print()
    code = compare(runs, options) if options.diff else next((r.code for r in runs if r.code), 0)
    return code


def chosen_kernels(options):
    text = options.kernel or ("micro" if options.roottask else os.environ.get("DUO_KERNEL") or "mono")
    kernels = text.split(",")
    for kernel in kernels:
        if kernel not in KERNELS:
            raise paths.Problem(paths.EXIT_USAGE, f"--kernel {kernel}: there are {' and '.join(KERNELS)}")
    if options.roottask:
        if kernels != ["micro"]:
            raise paths.Problem(paths.EXIT_USAGE, "--roottask: only micro takes a root task")
        if not os.path.exists(options.roottask):
            raise paths.Problem(paths.EXIT_USAGE, f"--roottask {options.roottask}: no such file")
    if options.disk and not os.path.exists(options.disk):
        raise paths.Problem(paths.EXIT_USAGE, f"--disk {options.disk}: no such file")
    return kernels


def choose_disk(options, kernel, folder):
    """The image for one guest: the user's own, or a copy. A root task may do without any."""
    if options.disk:
        return private_copy(options.disk, folder) if options.diff else options.disk
    image = os.path.join(paths.BUILD, "fs.img")
    if kernel == "mono" or os.path.exists(image):
        return private_copy(paths.built("fs.img"), folder)
    return None


class Run:
    """What came of one guest."""

    def __init__(self, guest, commands, untyped, transcript):
        self.kernel = guest.kernel
        self.outcome = guest.outcome
        self.code = guest.outcome.value
        self.error = guest.error
        self.seconds = guest.seconds
        self.qemu = guest.shell_line
        self.commands = commands
        self.untyped = untyped
        self.transcript = transcript

    def record(self):
        return {"kernel": self.kernel, "outcome": self.outcome.name.lower(), "exit": self.code, "error": self.error,
                "host_ns": int(self.seconds * 1e9), "qemu": self.qemu, "not_typed": self.untyped,
                "commands": [{"cmd": line, "output": text} for line, text in self.commands],
                "output": self.transcript}

    def compared(self):
        """The lines two kernels must have in common: no boot messages, and nothing of the supervisor."""
        lines = []
        texts = self.commands or [("", self.transcript)]
        for line, text in texts:
            lines += [f"$ {line}"] + without_supervisor(text).splitlines()
        return lines + [f"[{self.outcome.words}]"]


def run_one(options, kernel, headline):
    live = not (options.json or options.quiet or options.diff)
    reader = CrashReader(kernel)

    def watch(piece):
        sys.stdout.write(reader.feed(piece))
        sys.stdout.flush()

    if headline and not options.quiet:
        print(f"== {kernel} ==", file=sys.stdout if live else sys.stderr, flush=True)
    folder = tempfile.mkdtemp(prefix="duo-run-")
    keep = options.verbose
    commands, untyped = [], list(options.cmd)
    guest = None
    try:
        guest = Guest(kernel, build=options.build, roottask=options.roottask, disk=choose_disk(options, kernel, folder),
                      append=split(options.append), memory=options.mem, harts=options.smp, icount=options.icount,
                      extra=split(options.qemu_extra), folder=folder, watch=watch if live else None,
                      timeout=options.timeout or DEFAULT_TIMEOUT, scratch=not options.disk or options.diff)
        if options.verbose:
            print(guest.shell_line, file=sys.stderr, flush=True)
        guest.start()
        type_commands(guest, commands, untyped)
        if not options.cmd:
            guest.wait_exit()
        guest.stop()
        if live:
            print(reader.rest())
        run = Run(guest, commands, untyped, annotated(kernel, guest.output))
        if options.quiet and not options.json and not options.diff:
            sys.stdout.write("".join(text for _, text in commands))
        keep = keep or guest.outcome in (Outcome.INFRA, Outcome.TIMEOUT)
        report(guest, run, options, keep)
        return run
    finally:
        if guest:
            guest.stop()
        if not keep:
            remove(folder)


def type_commands(guest, commands, untyped):
    """Types each line in turn; moves it from `untyped` to `commands` when it has been typed."""
    try:
        while untyped:
            guest.prompt()
            line = untyped.pop(0)
            commands.append((line, ""))
            try:
                commands[-1] = (line, guest.command(line))
            except Ended:
                commands[-1] = (line, annotated(guest.kernel, guest.last_command))
                raise
    except Ended:
        pass  # the outcome says it


def report(guest, run, options, keep):
    """What stderr is told about the end."""
    if run.untyped:
        print(f"duo: {guest.kernel} ended before these were typed: {', '.join(run.untyped)}", file=sys.stderr)
    if guest.outcome != Outcome.CLEAN and (not options.quiet or guest.outcome in (Outcome.INFRA, Outcome.TIMEOUT)):
        print(f"duo: {guest.kernel}: {guest.outcome.words}" + (f" ({guest.error})" if guest.error else ""),
              file=sys.stderr)
    if keep:
        print(f"duo: serial log: {guest.log_path}\nduo: again by hand: {guest.shell_line}", file=sys.stderr)


def compare(runs, options):
    for run in runs:
        if run.outcome in (Outcome.INFRA, Outcome.TIMEOUT):
            return run.code
    first, code = runs[0], runs[0].code
    for other in runs[1:]:
        difference = list(difflib.unified_diff(first.compared(), other.compared(), first.kernel, other.kernel,
                                               lineterm=""))
        if difference:
            code = paths.EXIT_WRONG
            print("\n".join(difference), file=sys.stderr if options.json else sys.stdout)
    if code != paths.EXIT_WRONG:
        if not options.json:
            print("\n".join(first.compared()[:-1]))
        if not options.quiet:
            print(f"duo: {' and '.join(run.kernel for run in runs)} print the same", file=sys.stderr)
    return code


def interactive(options, kernel):
    """Hands the terminal to the guest. A panic halts there, so that it can be read; Ctrl-a x ends QEMU."""
    with tempfile.TemporaryDirectory(prefix="duo-run-") as folder:
        elf, roottask = kernel_files(kernel, options.build, options.roottask)
        line = qemu_line(elf, roottask, choose_disk(options, kernel, folder), split(options.append), options.mem,
                         options.smp, options.icount, split(options.qemu_extra)) + ["-nographic"]
        if options.verbose:
            print(" ".join(map(shlex.quote, line)), file=sys.stderr)
        if not options.quiet:
            print("duo: Ctrl-a x ends the guest", file=sys.stderr)
        try:
            code = terminal.call(line, kernel, options.timeout)
        except subprocess.TimeoutExpired:
            return paths.EXIT_TIMEOUT
    return code if code in [o.value for o in Outcome] else paths.EXIT_INFRA


def split(texts):
    return [word for text in texts for word in shlex.split(text)]


def remove(folder):
    for name in os.listdir(folder):
        os.unlink(os.path.join(folder, name))
    os.rmdir(folder)
