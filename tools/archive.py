#!/usr/bin/python3
"""Packs files into an archive as lib/archive.h describes: cpio "newc", the same bytes for the same files.

Times, owners and device numbers are zero. Names are padded with NULs, so that each file's data starts at a multiple of 4096.
"""

import argparse
import sys

ALIGN = 4096
HEADER_SIZE = 110
MODE_FILE = 0o100644


def member(at, number, name, data, align):
    """One file whose header starts at offset `at`."""
    text = name.encode() + b"\0"
    text += b"\0" * (-(at + HEADER_SIZE + len(text)) % align)
    # ino, mode, nlink, uid, gid, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check
    fields = (number, MODE_FILE if number else 0, 1, 0, 0, 0, len(data), 0, 0, 0, 0, len(text), 0)
    header = b"070701" + b"".join(b"%08x" % field for field in fields)
    return header + text + data + b"\0" * (-len(data) % 4)


def main():
    parser = argparse.ArgumentParser(description="Pack files into a cpio archive.")
    parser.add_argument("files", metavar="NAME=PATH", nargs="*")
    parser.add_argument("-o", metavar="OUT.cpio", dest="out", required=True)
    arguments = parser.parse_args()

    archive = b""
    names = set()
    for number, word in enumerate(arguments.files, start=1):
        name, equals, path = word.partition("=")
        if not name or not equals or name in names:
            sys.exit(f"archive.py: {word}: not NAME=PATH, or a name given twice")
        names.add(name)
        with open(path, "rb") as file:
            archive += member(len(archive), number, name, file.read(), ALIGN)
    archive += member(len(archive), 0, "TRAILER!!!", b"", 4)
    with open(arguments.out, "wb") as file:
        file.write(archive)


if __name__ == "__main__":
    main()
