"""
Reads an xv6 disk image: its sizes, and the files of its root directory.

Only what `duo bench` needs to make a disk of its own for a kernel that the user brings. An image that contradicts itself
raises ValueError.
"""

import struct

BLOCK = 1024
DIRECT = 12
ROOT = 1
TYPE_FILE = 2
MAGIC = 0x10203040
INODE = struct.Struct("<hhhhI13I")
RECORD = struct.Struct("<H14s")


class Image:
    def __init__(self, path):
        with open(path, "rb") as file:
            self._bytes = file.read()
        words = struct.unpack_from("<8I", self._bytes, BLOCK)
        if words[0] != MAGIC:
            raise ValueError("no xv6 disk image")
        self.blocks, self.inodes, self.log_blocks = words[1], words[3], words[4]
        self._inode_start = words[6]

    def _block(self, number):
        if not 0 <= number < len(self._bytes) // BLOCK:
            raise ValueError(f"block {number} is not on the disk")
        return self._bytes[number * BLOCK:(number + 1) * BLOCK]

    def _read(self, number):
        """(type, content) of an inode."""
        at = number * INODE.size
        fields = INODE.unpack_from(self._block(self._inode_start + at // BLOCK), at % BLOCK)
        kind, size, blocks = fields[0], fields[4], list(fields[5:5 + DIRECT])
        if fields[5 + DIRECT]:
            blocks += struct.unpack("<256I", self._block(fields[5 + DIRECT]))
        needed = (size + BLOCK - 1) // BLOCK
        if needed > len(blocks):
            raise ValueError(f"inode {number} is larger than a file can be")
        return kind, b"".join(self._block(block) for block in blocks[:needed])[:size]

    def files(self):
        """{name: content} of the regular files in the root directory."""
        found = {}
        _, directory = self._read(ROOT)
        for at in range(0, len(directory) // RECORD.size * RECORD.size, RECORD.size):
            number, name = RECORD.unpack_from(directory, at)
            if number:
                kind, content = self._read(number)
                if kind == TYPE_FILE:
                    found[name.rstrip(b"\0").decode("utf-8", "replace")] = content
        return found
