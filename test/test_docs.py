"""
Documents are executed: each command in a ```console block that starts with ./duo is run, and what it prints must be what the
document shows. A line `...` stands for any lines, `...` inside a line for any text; the end of the block for anything.
"""

import os
import re
import subprocess

from harness import ROOT, Failure, test

COMMAND = "$ ./duo "


def documents():
    tracked = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in tracked.stdout.split() if "```console\n" in open(os.path.join(ROOT, name)).read()]


def examples(text):
    """(command, expected lines) in order."""
    for block in re.findall(r"^```console\n(.*?)^```", text, re.M | re.S):
        current = None
        for line in block.splitlines():
            if line.startswith(COMMAND):
                if current:
                    yield current
                current = (line[2:], [])
            elif current:
                current[1].append(line)
        if current:
            yield current


def matches(expected, printed):
    """None, or the first expected line that is not where it should be."""
    at, anywhere = 0, False
    for line in expected:
        if line == "...":
            anywhere = True
            continue
        pattern = re.compile(".*".join(re.escape(part) for part in line.split("...")) + "$")
        places = range(at, len(printed)) if anywhere else range(at, min(at + 1, len(printed)))
        found = next((n for n in places if pattern.match(printed[n])), None)
        if found is None:
            return line
        at, anywhere = found + 1, False
    return None


def register(name):
    @test("docs/" + name)
    def check(work):
        for command, expected in examples(open(os.path.join(ROOT, name)).read()):
            done = subprocess.run(command, shell=True, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=120)
            printed = done.stdout.replace("\r", "").splitlines()
            wrong = matches(["..."] + expected, printed)
            if wrong is not None:
                path = os.path.join(work.folder, "printed.txt")
                with open(path, "w") as file:
                    file.write(done.stdout + done.stderr)
                raise Failure(f"{command}\n        does not print: {wrong}\n        {path}")


for document in documents():
    register(document)
