"""Check that each source has current code for the target's Python: unchecked-hash bytecode, or a place in an archive, or both."""

from __future__ import annotations

import _imp
import importlib.util
import marshal
import sys
from collections.abc import Iterator

from ..bytecode import PREFIX, bytecode_path
from ..imports.archives import hooked
from .archives import held
from .finding import Contents, Finding

_HEADER = 16
_UNCHECKED_HASH = 1


def bytecode(contents: Contents) -> Iterator[Finding]:
    target, files = contents.target, contents.inside
    tag = f"cpython-{target.python.replace('.', '')}"
    sources = {bytecode_path(path, tag): path for path in files if path.endswith(".py")}
    compiled = {path for path in files if path.endswith(".pyc")}
    texts = files | hooked(files)
    in_archives = held(contents)
    for path in sorted(path for path in sources.keys() - compiled if sources[path] not in in_archives):
        yield Finding("bytecode", sources[path], f"is not compiled for Python {target.python}: every cold start would compile it")
    for path in sorted(compiled - sources.keys()):
        yield Finding("bytecode", path, f"has no source, or is not for Python {target.python}: Python never uses it")
    for path in sorted(compiled & sources.keys()):
        source = sources[path]
        message = _fault(files[path], texts[source], f"{PREFIX}/{source}", target.magic)
        if message:
            yield Finding("bytecode", path, message)


def _fault(data: bytes, source: bytes, shown: str, magic: bytes) -> str | None:
    if data[:4] != magic:
        return f"has the magic number {data[:4].hex()}, not {magic.hex()}: another Python made it, and this one would ignore it"
    if int.from_bytes(data[4:8], "little") != _UNCHECKED_HASH:
        return "is not unchecked-hash: Python would compare it with the time of its source, which the zip does not preserve"
    # importlib.util.source_hash uses the magic number of the running Python; the target's is needed here.
    if data[8:_HEADER] != _imp.source_hash(int.from_bytes(magic, "little"), source):
        return f"is stale: it was not made from {shown}"
    if shown.encode() not in data:
        return f"does not name {shown}: tracebacks would show another path"
    if magic == importlib.util.MAGIC_NUMBER:
        try:
            marshal.loads(data[_HEADER:])  # noqa: S302  the zip is this project's own
        except (EOFError, ValueError, TypeError) as error:
            return f"cannot be loaded by Python {'.'.join(map(str, sys.version_info[:3]))}: {error}"
    return None
