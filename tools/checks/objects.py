#!/usr/bin/python3
"""
"Compiled once" is a fact: each function of a service is, byte for byte, what the object file holds, in every image.

    objects.py --image NAME=ELF[,ELF...] --image NAME=ELF[,ELF...] OBJECT...
    objects.py --self-test

An image may consist of several ELF files (micro: one a server): a function may be in any of them, and wherever it is it
must be the object's. The exception are the operations that port/*.def lists: in one file is the object's function, in
others a stub of the same name. In each function the fields the linker fills in (immediates named by relocations) are
masked; everything else must be equal to the object, and so to every other image. The linker leaves out what nobody calls,
which may differ; but of each folder of objects every image must hold something.
"""

import glob
import os
import re
import subprocess
import sys
import tempfile

import common
from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection

# Which bits of the instruction word(s) a relocation fills: RISC-V ELF psABI, "Relocations". (offset, width, bits)
U_TYPE = [(0, 4, 0xFFFFF000)]
I_TYPE = [(0, 4, 0xFFF00000)]
S_TYPE = [(0, 4, 0xFE000F80)]
FIELDS = {
    16: [(0, 4, 0xFE000F80)],  # BRANCH
    17: [(0, 4, 0xFFFFF000)],  # JAL
    18: U_TYPE + [(4, 4, 0xFFF00000)],  # CALL
    19: U_TYPE + [(4, 4, 0xFFF00000)],  # CALL_PLT
    20: U_TYPE, 21: U_TYPE, 22: U_TYPE,  # GOT_HI20, TLS
    23: U_TYPE, 24: I_TYPE, 25: S_TYPE,  # PCREL_HI20, PCREL_LO12_I, PCREL_LO12_S
    26: U_TYPE, 27: I_TYPE, 28: S_TYPE,  # HI20, LO12_I, LO12_S
    43: [], 51: [],  # ALIGN, RELAX: nothing is filled in
    44: [(0, 2, 0x1C7C)],  # RVC_BRANCH
    45: [(0, 2, 0x1FFC)],  # RVC_JUMP
    1: [(0, 4, 0xFFFFFFFF)],  # 32
    2: [(0, 8, 0xFFFFFFFFFFFFFFFF)],  # 64
}


class Function:
    """Code bytes with the linker's fields cleared; `fields` says where they are, to clear them in images too."""

    def __init__(self, name, code, fields):
        self.name = name
        self.fields = fields
        self.size = len(code)
        self.code = self.masked(code)

    def is_copy(self, code):
        return len(code) == self.size and self.masked(code) == self.code

    def masked(self, code):
        code = bytearray(code)
        for offset, width, bits in self.fields:
            word = int.from_bytes(code[offset:offset + width], "little") & ~bits
            code[offset:offset + width] = word.to_bytes(width, "little")
        return bytes(code)


def functions_of_object(path):
    """(source file name, Function) of each function in an object file, and what could not be understood."""
    found, problems = [], []
    with open(path, "rb") as file:
        elf = ELFFile(file)
        symbols = list(elf.get_section_by_name(".symtab").iter_symbols())
        relocations = {}
        for section in elf.iter_sections():
            if isinstance(section, RelocationSection):
                relocations[section["sh_info"]] = list(section.iter_relocations())
        source = None
        for symbol in symbols:
            info = symbol["st_info"]
            if info["type"] == "STT_FILE":
                source = symbol.name
            if info["type"] != "STT_FUNC" or not isinstance(symbol["st_shndx"], int):
                continue
            begin, size = symbol["st_value"], symbol["st_size"]
            fields = []
            for relocation in relocations.get(symbol["st_shndx"], ()):
                offset, kind = relocation["r_offset"], relocation["r_info_type"]
                if begin <= offset < begin + size:
                    if kind not in FIELDS:
                        problems.append(f"{path}: {symbol.name}: relocation type {kind} is not known here")
                    fields += [(offset - begin + at, width, bits) for at, width, bits in FIELDS.get(kind, ())]
            code = elf.get_section(symbol["st_shndx"]).data()[begin:begin + size]
            local = source if info["bind"] == "STB_LOCAL" else None
            found.append((local, Function(symbol.name, code, fields)))
    return found, problems


class Image:
    """The functions of one or more linked ELF files, by (source file or None if global, name)."""

    def __init__(self, name, paths):
        self.name = name
        self._functions = {}
        for path in paths:
            with open(path, "rb") as file:
                elf = ELFFile(file)
                source = None
                for symbol in elf.get_section_by_name(".symtab").iter_symbols():
                    info = symbol["st_info"]
                    if info["type"] == "STT_FILE":
                        source = symbol.name
                    if info["type"] == "STT_FUNC" and isinstance(symbol["st_shndx"], int):
                        section = elf.get_section(symbol["st_shndx"])
                        offset = symbol["st_value"] - section["sh_addr"]
                        local = source if info["bind"] == "STB_LOCAL" else None
                        code = section.data()[offset:offset + symbol["st_size"]]
                        self._functions.setdefault((local, symbol.name), []).append((path, code, symbol["st_value"]))

    def copies(self, key):
        """[(file, code, address)]"""
        return self._functions.get(key, [])


def operations():
    """The names that are functions in one server and stubs in others."""
    names = set()
    for path in glob.glob(os.path.join(common.ROOT, "port", "*.def")):
        with open(path, encoding="utf-8") as file:
            names |= {"_".join(found) for found in re.findall(r"^OPERATION\((\w+), (\w+),", file.read(), re.M)}
    return names


def other_copies(function, copies, is_operation):
    """The files whose copy is not the object's and should be."""
    others = [path for path, code, _ in copies if not function.is_copy(code)]
    return [] if is_operation and len(others) == len(copies) - 1 else others


def compare(objects, images, stubs=()):
    """Problems, and how many functions were found in every image and are the same there. `stubs`: the names of which all copies
    but one are another function."""
    problems, everywhere, found_in = [], 0, {}
    for path in objects:
        functions, unknown = functions_of_object(path)
        problems += unknown
        folder = found_in.setdefault(os.path.dirname(path), set())
        for source, function in functions:
            seen = []
            for image in images:
                copies = image.copies((source, function.name))
                if copies:
                    seen.append(image.name)
                problems += [f"{path}: {function.name} in {other} is not the object's"
                             for other in other_copies(function, copies, function.name in stubs)]
            folder.update(seen)
            everywhere += len(seen) == len(images)
    for folder, names in found_in.items():
        problems += [f"{folder}: {image.name} holds no function of it" for image in images if image.name not in names]
    return problems, everywhere


def self_test():
    cc = os.environ.get("CC", "riscv64-unknown-elf-gcc")
    flags = "-O2 -march=rv64imac -mabi=lp64 -mcmodel=medany -mno-relax -ffunction-sections -nostdlib -Wl,--build-id=none".split()
    core = "extern int data; int other(int); static int h(int x) { return x * 3 + data; }\n" \
           "int core(int x) { int (*volatile f)(int) = h; data = f(x) + 1; return other(data); }\n"
    rest = "int data; int other(int x) { return x; } int core(int); void _start(void) { core(1); }\n"
    with tempfile.TemporaryDirectory() as folder:
        def make(name, text, *options):
            with open(f"{folder}/{name}.c", "w", encoding="utf-8") as file:
                file.write(text)
            subprocess.run([cc, *flags, *options, f"{folder}/{name}.c", "-c", "-o", f"{folder}/{name}.o"], check=True)

        def link(name, address, *objects):
            subprocess.run([cc, *flags, f"-Wl,-Ttext={address}", *(f"{folder}/{o}.o" for o in objects), "-o",
                            f"{folder}/{name}"], check=True)
            return Image(name, [f"{folder}/{name}"])

        make("core", core)
        make("changed", core.replace("+ 1", "+ 2"))
        make("rest", rest)
        make("alone", "void _start(void) { }\n")
        one, two = link("one", "0x80200000", "core", "rest"), link("two", "0x400000", "rest", "core")
        changed = link("changed.elf", "0x400000", "rest", "changed")
        without = link("without", "0x400000", "alone")
        both, neither = Image("both", [f"{folder}/two", f"{folder}/changed.elf"]), Image("neither", [f"{folder}/changed.elf"])
        objects = [f"{folder}/core.o"]
        good = compare(objects, [one, two])
        bad = compare(objects, [one, changed])[0]
        absent = compare(objects, [one, without])[0]
        second = compare(objects, [one, both])[0]
        stub = compare(objects, [one, both], {"core"})[0]
        no_function = compare(objects, [one, neither], {"core"})[0]
    found = [good == ([], 2), any("core in" in p for p in bad), any("without holds no function" in p for p in absent),
             any("core in" in p for p in second), not stub, any("core in" in p for p in no_function), len(operations()) > 30]
    failed = not all(found)
    print(f"objects: self-test {'FAILED: ' + str(found) if failed else f'ok ({len(found)} cases)'}")
    sys.exit(1 if failed else 0)


def main(arguments):
    if arguments == ["--self-test"]:
        self_test()
    images, objects = [], []
    while arguments:
        word = arguments.pop(0)
        if word == "--image":
            name, _, paths = arguments.pop(0).partition("=")
            images.append(Image(name, paths.split(",")))
        else:
            objects.append(word)
    if len(images) < 2 or not objects:
        print(__doc__)
        sys.exit(2)
    problems, everywhere = compare(objects, images, operations())
    common.finish("objects", problems, everywhere and f"{everywhere} functions in {len(images)} images")


if __name__ == "__main__":
    main(sys.argv[1:])
