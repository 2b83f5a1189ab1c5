"""
What the checks share: the files of the project, a way to report, and a self-test that shows the check can fail.

A check prints one line for each thing that is wrong, beginning with file:line where there is one, and exits with 1.
"""

import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def project_files(root, endings=()):
    """Paths below root of the files that are, or are about to be, committed; `endings` selects some."""
    listed = subprocess.run(["git", "-c", "safe.directory=*", "-C", root, "ls-files", "-co", "--exclude-standard"],
                            capture_output=True, text=True, check=False)  # whoever the tree belongs to
    if listed.returncode == 0:
        names = listed.stdout.splitlines()
    else:  # an unpacked archive, or a fixture
        names = [os.path.relpath(os.path.join(folder, name), root) for folder, _, files in os.walk(root)
                 for name in files]
    return sorted(name for name in set(names) if name.endswith(tuple(endings) or "")
                  and os.path.isfile(os.path.join(root, name)))


def read(root, name):
    with open(os.path.join(root, name), encoding="utf-8", errors="replace") as file:
        return file.read()


def finish(name, problems, looked_at):
    """Prints the problems and ends the program. A check that looked at nothing has not passed."""
    for problem in problems:
        print(problem)
    if not looked_at:
        print(f"{name}: found nothing to look at")
        sys.exit(1)
    if problems:
        print(f"{name}: {len(problems)} wrong")
        sys.exit(1)
    print(f"{name}: ok ({looked_at})")
    sys.exit(0)


def self_test(name, find, cases):
    """
    `cases`: (files as {name: text}, a piece of a problem that must be reported, or None for no problem at all).
    `find(root)` returns the problems in that tree.
    """
    wrong = 0
    for files, expected in cases:
        with tempfile.TemporaryDirectory() as root:
            for path, text in files.items():
                os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
                with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                    file.write(text)
            problems = find(root)
            if expected is None and problems or expected and not any(expected in p for p in problems):
                print(f"{name}: self-test: {list(files)}: expected {expected!r}, got {problems}")
                wrong += 1
    print(f"{name}: self-test {'FAILED' if wrong else 'ok'} ({len(cases)} cases)")
    sys.exit(1 if wrong else 0)
