"""Make equal constants of an archive one object. marshal writes an object once only where it is the same object.

Each module is compiled by itself, so its names, annotations and argument lists are objects of its own, also where another module has equal
ones. The kinds of a function's variables are bytes of their own for each function. Python describes the format in Python/marshal.c only.
"""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass, field

from ...errors import LayerError

_REF = 0x80
_FIXED = dict(zip("0NFTS.igy", (0, 0, 0, 0, 0, 0, 4, 8, 16), strict=True))
"""Types of a fixed size, in bytes."""
_SIZES = dict(zip("stuaAzZ(", (4, 4, 4, 4, 4, 1, 1, 4), strict=True)) | dict(zip(")[<>", (1, 4, 4, 4), strict=True))
"""Types that begin with their number of bytes or of objects, and the size of that number in bytes."""
_ASCII, _INTERNED = "aAzZ", "tAZ"


@dataclass(frozen=True)
class _Node:
    """An object. `content` are its own bytes without its size, `objects` the numbers of the nodes in it, `line` a code object's first line."""

    kind: str
    content: bytes = b""
    objects: tuple[int, ...] = ()
    line: bytes = b""

    @property
    def shared(self) -> bool:
        """Whether equal ones may be one object: code objects, lists, sets and dicts stay as many as they are."""
        return self.kind not in "c[{<"


@dataclass
class _Reader:
    data: bytes
    at: int = 0
    nodes: list[_Node] = field(default_factory=list)
    interned: set[int] = field(default_factory=set)
    _known: dict[_Node, int] = field(default_factory=dict)
    _references: list[int] = field(default_factory=list)

    def read(self) -> int:
        """Return the number of the next object's node."""
        given = self._bytes(1)[0]
        kind = chr(given & ~_REF)
        if kind == "r":
            return self._references[self._integer(4)]
        place = len(self._references)
        if given & _REF:
            self._references.append(-1)
        number = self._number(self._node(kind), kind)
        if given & _REF:
            self._references[place] = number
        return number

    def _node(self, kind: str) -> _Node:
        if kind in _FIXED:
            return _Node(kind, self._bytes(_FIXED[kind]))
        if kind == "l":
            digits = self._bytes(4)
            return _Node(kind, digits + self._bytes(2 * abs(struct.unpack("<i", digits)[0])))
        if kind == "c":
            numbers = self._bytes(20)
            objects = [self.read() for _ in range(8)]
            line = self._bytes(4)
            return _Node(kind, numbers, (*objects, self.read(), self.read()), line)
        if kind == ":":  # a slice, from Python 3.14 on
            return _Node(kind, objects=(self.read(), self.read(), self.read()))
        if kind == "{":
            end = self._number(_Node("0"), "0")
            return _Node(kind, objects=(*iter(self.read, end), end))
        if kind not in _SIZES:
            raise LayerError(f"an archive has an object of marshal's type {kind!r}, which layer/building/imports/sharing.py does not know")
        size = self._integer(_SIZES[kind])
        if kind in "()[<>":
            return _Node("(" if kind == ")" else kind, objects=tuple(self.read() for _ in range(size)))
        return _Node("s" if kind == "s" else "a" if kind in _ASCII else "u", self._bytes(size))

    def _number(self, node: _Node, kind: str) -> int:
        """Return the node's number: where equal ones may be one object, that of the first."""
        number = self._known.setdefault(node, len(self.nodes)) if node.shared else len(self.nodes)
        if number == len(self.nodes):
            self.nodes.append(node)
        if kind in _INTERNED:
            self.interned.add(number)
        return number

    def _bytes(self, size: int) -> bytes:
        self.at += size
        return self.data[self.at - size : self.at]

    def _integer(self, size: int) -> int:
        return int.from_bytes(self._bytes(size), "little")


class _Writer:
    def __init__(self, read: _Reader) -> None:
        self.written = bytearray()
        self._nodes, self._interned = read.nodes, read.interned
        self._uses: Counter[int] = Counter()
        self._references: dict[int, int] = {}

    def write(self, root: int) -> None:
        self._count(root)
        self._write(root)

    def _count(self, number: int) -> None:
        self._uses[number] += 1
        if self._uses[number] == 1:
            for each in self._nodes[number].objects:
                self._count(each)

    def _write(self, number: int) -> None:
        if number in self._references:
            self.written += b"r" + self._references[number].to_bytes(4, "little")
            return
        node, flag = self._nodes[number], 0
        if self._uses[number] > 1 and node.kind not in _FIXED:
            self._references[number], flag = len(self._references), _REF
        size = len(node.objects) if node.kind in "([<>" else len(node.content)
        kind = self._kind(node, size, number in self._interned)
        self.written.append(ord(kind) | flag)
        if kind in _SIZES:
            self.written += size.to_bytes(_SIZES[kind], "little")
        self.written += node.content
        for place, each in enumerate(node.objects):
            if node.kind == "c" and place == 8:
                self.written += node.line
            self._write(each)

    @staticmethod
    def _kind(node: _Node, size: int, interned: bool) -> str:
        if node.kind == "a":
            return ("zZ" if size < 256 else "aA")[interned]
        if node.kind == "u":
            return "ut"[interned]
        return ")" if node.kind == "(" and size < 256 else node.kind


def shared(archive: bytes) -> bytes:
    """Return a marshalled object in which equal constants are one object. Raise LayerError when it has an object of an unknown type."""
    reader = _Reader(archive)
    root = reader.read()
    writer = _Writer(reader)
    writer.write(root)
    return bytes(writer.written)
