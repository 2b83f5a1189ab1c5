#!/usr/bin/python3
"""
Words that have no place in a public tree: paths of one machine, hosts of one network, talk about who typed it.

    words.py [--self-test]
"""

import re
import sys

import common

# Each with why. Written so that no line here matches itself.
WORDS = [
    (r"(?<![\w.$)}])/(?:work|ho[m]e|roo[t]|Us[e]rs)/[\w.-]+", "a path of one machine"),
    (r"\b[\w-]+\.(?:internal|lo[c]al|c[o]rp)\b(?!\w)(?=[:/])", "a host of one network"),
    (r"\b(?:p[y]pi\.org|arti[f]actory|deb\.de[b]ian\.org)\b", "a package host"),
    (r"(?i)\b(?:chat[g]pt|cla[u]de|co[p]ilot|ll[m]s?)\b", "a tool that may have typed it"),
    (r"\bA[I]\b|\b(?i:ai)[- ]generated\b", "a tool that may have typed it"),
    (r"(?i)\b(?:coding|another|other|parallel) (?:a[g]ent|hel[p]er|ses[s]ion)s?\b", "talk about who typed it"),
    (r"(?i)\bco-autho[r]ed-by\b", "talk about who typed it"),
    (r"\b(?:TO[D]O|FIX[M]E|XX[X])\b", "unfinished business: finish it, or say in docs/caveats what is not there"),
]
BINARY = (".png", ".img", ".bin", ".gz", ".ico", ".pdf")


def find(root):
    problems = []
    for name in common.project_files(root):
        if name.endswith(BINARY):
            continue
        for number, line in enumerate(common.read(root, name).splitlines(), 1):
            for pattern, why in WORDS:
                found = re.search(pattern, line)
                if found:
                    problems.append(f"{name}:{number}: {found.group(0)!r}: {why}")
    return problems


SELF_TEST = [
    ({"a.c": "/* A session begins; the helper thread waits. See user/home/a.h and build/root/x. */\n"}, None),
    ({"a.c": "ok\n/* see /ho" + "me/me/x */\n"}, "a.c:2"),
    ({"a.md": "made by Clau" + "de\n"}, "a.md:1"),
    ({"a.py": "# TO" + "DO: later\n"}, "unfinished"),
    ({"a.md": "Another ses" + "sion wrote this\n"}, "who typed"),
    ({"a.sh": "curl https://py" + "pi.org/x\n"}, "package host"),
]

if "--self-test" in sys.argv:
    common.self_test("words", find, SELF_TEST)
common.finish("words", find(common.ROOT), len(common.project_files(common.ROOT)))
