"""
Documents are executed: each command in a ```console block that starts with ./duo is run, and what it prints must be what the
document shows. A line `...` stands for any lines, `...` inside a line for any text; the end of the block for anything.
"""

import os
import re
import shutil
import subprocess

from harness import ROOT, Failure, paths, test

COMMAND = "$ ./duo "


def texts():
    """The project's documents: those that git knows, or all there are in a tree without it, as a release is."""
    if os.path.exists(os.path.join(ROOT, ".git")) and shutil.which("git"):
        tracked = subprocess.run(["git", "-c", "safe.directory=*", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True,
                                 check=False)  # whoever the tree belongs to
        if tracked.returncode == 0:
            return tracked.stdout.split()
    found = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and
                            os.path.realpath(os.path.join(folder, name)) != os.path.realpath(paths.BUILD))
        found += [os.path.relpath(os.path.join(folder, name), ROOT) for name in sorted(files) if name.endswith(".md")]
    return found


def documents():
    return [name for name in texts() if "```console\n" in open(os.path.join(ROOT, name), encoding="utf-8").read()]


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


@test("docs/tests-of-a-release", quick=True)
def tests_of_a_release(work):
    """A tree without git's folder, as an archive has it, has the same tests, those of documents among them."""
    release = os.path.join(work.folder, "release")
    outside = shutil.ignore_patterns(".*", "build*", "__pycache__")
    shutil.copytree(ROOT, release, symlinks=True, ignore=outside)
    lists = [work.run(os.path.join(root, "test", "run.py"), "--list") for root in (ROOT, release)]
    for listed in lists:
        work.equal(listed.returncode, 0, listed.stderr)
    here, there = (set(listed.stdout.split()) for listed in lists)
    work.check(len([name for name in here if name.startswith("docs/")]) > 2, "there are no documents")
    work.equal(sorted(here - there), [], "what a release lacks")
