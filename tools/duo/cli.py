"""The command line of `duo`: one table of commands, and the exit codes that no command sets itself."""

import argparse
import signal
import sys
import traceback

from duo import bench, demo, doctor, fault, fsck, paths, ps, run, svc, terminal

# Each module has add_arguments(parser) and main(options), which returns the exit code.
COMMANDS = {
    "run": (run, "start a guest, type at it, compare kernels"),
    "demo": (demo, "the essay's bug on both kernels, with a verdict"),
    "svc": (svc, "the services of a fresh guest: generation, restarts, state, last fault"),
    "ps": (ps, "the processes of a fresh guest"),
    "fault": (fault, "the named faults; a guest with one of them armed"),
    "fsck": (fsck, "check an image in xv6's format"),
    "bench": (bench, "instructions per operation, on both kernels and beside xv6 and seL4"),
    "terminal": (terminal, "a guest by your own QEMU command line, with file:line in its crash reports"),
    "doctor": (doctor, "check the tools this computer has"),
}


def interrupted(*_):
    raise KeyboardInterrupt


def main(arguments):
    parser = argparse.ArgumentParser(
        prog="duo", description="One set of services on two kernels: runs them and shows what a bug costs in each.",
        epilog="Environment: DUO_BUILD (build folder), DUO_QEMU (emulator), DUO_KERNEL, NO_COLOR. Exit codes: 0 done; "
               "1 found wrong; 2 usage; 3 tool missing; 4 not built; 5 QEMU or duo failed; 10 the guest's kernel "
               "panicked; 11 a test in it failed; 12 its supervisor gave up; 13 its watchdog saw a hang; 124 time-out; "
               "130 interrupted.")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (module, text) in COMMANDS.items():
        module.add_arguments(subparsers.add_parser(name, help=text, description=text))
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, interrupted)
    try:
        return COMMANDS[options.command][0].main(options)
    except paths.Problem as problem:
        print(f"duo: {problem}", file=sys.stderr)
        return problem.code
    except KeyboardInterrupt:
        print("duo: interrupted", file=sys.stderr)
        return paths.EXIT_INTERRUPTED
    except Exception:  # a mistake of ours must never look like a result
        traceback.print_exc()
        return paths.EXIT_INFRA
