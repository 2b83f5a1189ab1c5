"""
Adds file:line to the function+0xOFF of a crash report.

Two kinds of lines have them: those of a kernel's panic (after `panic: `, beginning with two spaces) and those of the
supervisor (`[sup] NAME: ...`, NAME being a server whose ELF the build leaves in servers/).
"""

import os
import re
import subprocess

from duo import paths

PLACE = re.compile(r"\b([A-Za-z_][\w.$]*)\+0x([0-9a-f]+)")
SUPERVISOR = re.compile(r"\[sup\] (?:([\w-]+): )?")


class Symbols:
    """The functions of one ELF file. A file that is absent, or no ELF file, knows none."""

    def __init__(self, elf):
        self._elf = elf
        self._functions = None
        self._text = []
        self._lines = {}

    def _load(self):
        self._functions = {}
        try:
            from elftools.common.exceptions import ELFError  # only a crash needs these: duo runs without
            from elftools.elf.elffile import ELFFile
        except ImportError:
            return
        try:
            with open(self._elf, "rb") as file:
                elf = ELFFile(file)
                table = elf.get_section_by_name(".symtab")
                for symbol in table.iter_symbols() if table else ():
                    if symbol["st_info"]["type"] in ("STT_FUNC", "STT_NOTYPE") and symbol.name:
                        places = self._functions.setdefault(symbol.name, [])
                        places.append((symbol["st_value"], symbol["st_size"]))
                self._text = [(section["sh_addr"], section.data()) for section in elf.iter_sections()
                              if section["sh_flags"] & 4]  # SHF_EXECINSTR
        except (OSError, ELFError):
            return

    def line(self, function, offset, is_return):
        """
        "file:line" of function+offset, or None. A return address belongs to the line of the call before it; an odd one
        says that whoever printed it has gone back to that call already.
        """
        if self._functions is None:
            self._load()
        is_return = is_return or offset % 2 == 1
        at = (offset - 1) | 1 if is_return else offset  # inside the call
        behind = at + 1
        found = []
        for start, size in self._functions.get(function, ()):
            # several static functions may have one name: those too short, or without a call there, are not meant
            if (size == 0 or at < size) and (not is_return or self._follows_call(start + behind)):
                line = self._address_line(start + at)
                if line and line not in found:
                    found.append(line)
        return " or ".join(found) or None

    def _follows_call(self, address):
        """Whether the instruction before `address` is a call: jal ra, jalr ra, or c.jalr."""
        for base, code in self._text:
            if base + 4 <= address <= base + len(code):
                before = code[address - base - 4:address - base]
                wide, narrow = int.from_bytes(before, "little"), int.from_bytes(before[2:], "little")
                return wide & 0xFFF in (0x0EF, 0x0E7) or narrow & 0xF07F == 0x9002
        return False

    def _address_line(self, address):
        if address not in self._lines:
            tool = paths.cross_tool("addr2line") or "addr2line"
            try:
                answer = subprocess.run([tool, "-e", self._elf, hex(address)], capture_output=True, text=True,
                                        timeout=20, check=False).stdout.strip()
            except (OSError, subprocess.TimeoutExpired):
                answer = ""
            answer = re.sub(r" \(discriminator \d+\)", "", answer).removeprefix(paths.ROOT + "/").removeprefix("./")
            self._lines[address] = None if not answer or "?" in answer else answer
        return self._lines[address]


_tables = {}


def _symbols(*names):
    path = os.path.join(paths.BUILD, *names)
    if path not in _tables:
        _tables[path] = Symbols(path)
    return _tables[path]


def annotate(line, symbols):
    """`line` with " (file:line)" behind each place that `symbols` knows."""
    def place(match):
        is_return = "called by" in line[:match.start()]
        found = symbols.line(match.group(1), int(match.group(2), 16), is_return)
        return f"{match.group(0)} ({found})" if found else match.group(0)
    return PLACE.sub(place, line)


class CrashReader:
    """Reads a serial line piece by piece and gives it back annotated, holding back no more than the line it must see whole."""

    def __init__(self, kernel):
        self._kernel = kernel
        self._in_panic = False
        self._line = ""
        self._given = 0  # how much of the unfinished line has been given back

    def feed(self, text):
        out = []
        for part in text.splitlines(keepends=True):
            self._line += part
            if self._line.endswith("\n"):
                out.append(self._finished(self._line)[self._given:])
                self._line, self._given = "", 0
        held = self._hold_from()
        if held > self._given:
            out.append(self._line[self._given:held])
            self._given = held
        return "".join(out)

    def rest(self):
        """The unfinished line at the end."""
        out = self._finished(self._line)[self._given:]
        self._line, self._given = "", 0
        return out

    def _hold_from(self):
        """From which place on the unfinished line may still be changed: nothing before it will be."""
        if self._in_panic:
            return 0
        bracket = self._line.find("[")
        return len(self._line) if bracket < 0 else bracket

    def _finished(self, line):
        if "panic: " in line:
            self._in_panic = True
        said = SUPERVISOR.search(line)
        if said:
            head, tail = line[:said.start()], line[said.start():]
            server = _symbols("servers", f"{said.group(1)}.elf") if said.group(1) else None
            return head + (annotate(tail, server) if server else tail)
        if self._in_panic and line.startswith("  "):
            return annotate(line, _symbols(f"{self._kernel}.elf"))
        return line


def annotated(kernel, text):
    """A whole transcript at once."""
    reader = CrashReader(kernel)
    return reader.feed(text) + reader.rest()
