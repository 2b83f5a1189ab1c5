#!/usr/bin/python3
"""
Writes compile_commands.json for editors, from what make itself would run.

    compile_commands.py OUT MAKE-ARGUMENT...
"""

import json
import os
import shlex
import subprocess
import sys


def main(out, arguments):
    printed = subprocess.run(["make", "--no-print-directory", "-nB", "V=1", *arguments], capture_output=True, text=True,
                             check=True).stdout
    entries = []
    for line in printed.replace("\\\n", " ").splitlines():
        if " -c " not in line or "gcc" not in line:
            continue
        words = shlex.split(line)
        sources = [word for word in words if word.endswith((".c", ".S")) and os.path.exists(word)]
        if "-c" in words and len(sources) == 1:
            entries.append({"directory": os.getcwd(), "file": sources[0], "arguments": words})
    if not entries:
        sys.exit("compile_commands: make would compile nothing")
    with open(out, "w", encoding="utf-8") as file:
        json.dump(entries, file, indent=1)


if len(sys.argv) < 2:
    sys.exit(__doc__)
main(sys.argv[1], sys.argv[2:])
