"""Remove from an ELF file what a loader does not read: debug information, the symbol table for linking, comments.

binutils would need a build per architecture, and the output of its versions differs. This module gives the same bytes on every host.
It changes nothing that is mapped into memory: linkers place the other sections after the last loadable segment, so the segments
stay where they are and only the bytes after them are removed.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

from ..errors import LayerError

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_LOAD = 1
_ALLOC = 2


@dataclass
class _Header:
    ident: bytes
    kind: int
    machine: int
    version: int
    entry: int
    phoff: int
    shoff: int
    flags: int
    ehsize: int
    phentsize: int
    phnum: int
    shentsize: int
    shnum: int
    shstrndx: int


@dataclass
class _Segment:
    kind: int
    flags: int
    offset: int
    address: int
    physical: int
    in_file: int
    in_memory: int
    align: int


@dataclass
class _Section:
    name: int
    kind: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    align: int
    entry: int


def is_elf(data: bytes) -> bool:
    return data[:4] == b"\x7fELF"


def strip(data: bytes, name: str) -> bytes:
    """Return `data`, a 64-bit little-endian ELF shared object, without those sections. Raise LayerError for other files.

    `name` is for the error message.
    """
    if data[:6] != b"\x7fELF\x02\x01":
        raise LayerError(f"{name} is not a 64-bit little-endian ELF file: Lambda cannot load it")
    header = _Header(*_HEADER.unpack_from(data))
    segments = [_Segment(*_SEGMENT.unpack_from(data, header.phoff + i * header.phentsize)) for i in range(header.phnum)]
    sections = [_Section(*_SECTION.unpack_from(data, header.shoff + i * header.shentsize)) for i in range(header.shnum)]
    end = max((s.offset + s.in_file for s in segments if s.kind == _LOAD), default=0)
    if header.phoff + header.phnum * header.phentsize > end:
        raise LayerError(f"{name} does not map its own headers, which no linker does: prune it in layer/matrix.toml, or report the wheel")

    out = bytearray(data[:end])
    names = _SectionNames(data, sections[header.shstrndx])
    kept = [i for i, s in enumerate(sections) if i == 0 or s.flags & _ALLOC]
    number = {old: new for new, old in enumerate([*kept, header.shstrndx])}
    headers = []
    for i in kept:
        s = sections[i]
        info = number.get(s.info, 0) if s.flags & 0x40 else s.info
        headers.append(
            _Section(names.add(s.name), s.kind, s.flags, s.address, s.offset, s.size, number.get(s.link, 0), info, s.align, s.entry)
        )
    strings = _Section(names.add(sections[header.shstrndx].name), 3, 0, 0, len(out), 0, 0, 0, 1, 0)
    strings.size = len(names.table)
    out += names.table
    out += bytes(-len(out) % 8)
    shoff = len(out)
    for section in [*headers, strings]:
        out += _SECTION.pack(*vars(section).values())

    header = replace(header, shoff=shoff, shnum=len(headers) + 1, shstrndx=len(headers))
    _HEADER.pack_into(out, 0, *vars(header).values())
    return bytes(out)


class _SectionNames:
    """The string table for the names of the remaining sections."""

    def __init__(self, data: bytes, section: _Section) -> None:
        self._old = data[section.offset : section.offset + section.size]
        self.table = bytearray(b"\0")

    def add(self, offset: int) -> int:
        name = self._old[offset : self._old.index(b"\0", offset)]
        if not name:
            return 0
        at = len(self.table)
        self.table += name + b"\0"
        return at
