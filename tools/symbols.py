#!/usr/bin/python3
"""Makes the table of function names that lib/symbols.h describes from an ELF file.

Functions are the symbols of that type, and global labels without a type in executable sections (assembly). Where several
share an address, one remains: a global one before a local one, then by the alphabet, so that equal inputs give equal tables.
An empty name closes each executable section.
"""

import argparse
import struct
import sys

from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile

MAGIC = 0x6D797344  # SYMBOLS_MAGIC of lib/symbols.h


def functions(elf):
    """Yields (address, name) in address order, one for each address."""
    executable = {}
    chosen = {}
    for index, section in enumerate(elf.iter_sections()):
        if section["sh_flags"] & SH_FLAGS.SHF_EXECINSTR and section["sh_size"] > 0:
            executable[index] = section
            chosen[section["sh_addr"] + section["sh_size"]] = (2, "")
    table = elf.get_section_by_name(".symtab")
    for symbol in table.iter_symbols() if table else ():
        kind = symbol["st_info"]["type"]
        is_global = symbol["st_info"]["bind"] != "STB_LOCAL"
        if symbol["st_shndx"] not in executable or not symbol.name:
            continue
        section = executable[symbol["st_shndx"]]
        if symbol["st_value"] >= section["sh_addr"] + section["sh_size"]:
            continue  # a label at the very end, such as etext
        if kind == "STT_FUNC" or (kind == "STT_NOTYPE" and is_global):
            key = (0 if is_global else 1, symbol.name)
            address = symbol["st_value"]
            chosen[address] = min(chosen.get(address, key), key)
    return [(address, chosen[address][1]) for address in sorted(chosen)]


def table(pairs):
    """The bytes of the table."""
    base = pairs[0][0] if pairs else 0
    names = bytearray(b"\0")  # offset 0: the empty name
    offsets = {"": 0}
    entries = bytearray()
    for address, name in pairs:
        if name not in offsets:
            offsets[name] = len(names)
            names += name.encode() + b"\0"
        if address - base > 0xFFFFFFFF:
            sys.exit(f"symbols.py: {name or 'a section end'} lies 4 GiB or more above the first function")
        entries += struct.pack("<II", address - base, offsets[name])
    return struct.pack("<IIQ", MAGIC, len(pairs), base) + entries + names


def main():
    parser = argparse.ArgumentParser(description="Make the table of function names of an ELF file.")
    parser.add_argument("elf", metavar="ELF")
    parser.add_argument("-o", metavar="OUT.bin", dest="out", required=True)
    arguments = parser.parse_args()
    with open(arguments.elf, "rb") as file:
        blob = table(functions(ELFFile(file)))
    with open(arguments.out, "wb") as file:
        file.write(blob)


if __name__ == "__main__":
    main()
