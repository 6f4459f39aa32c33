"""Write the zip of a layer: the same files give the same bytes on every machine. Read zips, and see whether they are of that form.

Order, times and modes are fixed. The compressor is pinned, because the output of zlib differs between its versions.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import importlib
import io
import os
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

LEVEL = 12

_LOCAL = struct.Struct("<IHHHHHIIIHH")
_CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
_END = struct.Struct("<IHHHHIIH")
_DEFLATED, _STORED = 8, 0
_VERSION = 20
_UNIX = 3 << 8
_UTF8 = 0x800
# 1980-01-01 00:00, the earliest time that a zip can store.
_TIME, _DATE = 0, (1 << 5) | 1


@dataclass(frozen=True)
class Entry:
    """A file of a zip. `packed` are its bytes as they lie in the zip, by `method`; `mode` is the mode that the zip has for it."""

    path: str
    data: bytes = field(repr=False)
    packed: bytes = field(repr=False)
    method: int
    mode: int


def pack(files: Mapping[str, bytes], tools: Path, level: int = LEVEL) -> bytes:
    """Return a zip of `files`, by path. `tools` is the folder of the compressor (see wheels.install_tools)."""
    deflated = _deflate_all(files, _compressor(tools), level)
    entries = []
    for path, data in files.items():
        smaller = len(deflated[path]) < len(data)
        packed, method = (deflated[path], _DEFLATED) if smaller else (data, _STORED)
        entries.append(Entry(path, data, packed, method, mode(path)))
    return written(entries)


def mode(path: str) -> int:
    """Return the mode of a file: read-only for everybody, as Lambda mounts a layer."""
    return 0o100555 if path.endswith(".so") else 0o100444


def written(entries: Iterable[Entry]) -> bytes:
    """Return the zip of these files in the only form that this module writes: nothing else fits between, before and behind them."""
    body, directory, count = bytearray(), bytearray(), 0
    for entry in sorted(entries, key=lambda entry: entry.path):
        name = entry.path.encode()
        common = (
            _VERSION,
            _UTF8 if not entry.path.isascii() else 0,
            entry.method,
            _TIME,
            _DATE,
            binascii.crc32(entry.data),
            len(entry.packed),
            len(entry.data),
            len(name),
            0,
        )
        directory += _CENTRAL.pack(0x02014B50, _UNIX | _VERSION, *common, 0, 0, 0, entry.mode << 16, len(body)) + name
        body += _LOCAL.pack(0x04034B50, *common) + name + entry.packed
        count += 1
    return bytes(body + directory + _END.pack(0x06054B50, 0, 0, count, count, len(directory), len(body), 0))


def unpack(zipped: bytes, limit: int) -> list[Entry]:
    """Return the files of a zip, and its folders with an empty content, in the order of its directory.

    Raise ValueError with the reason when it is not a zip, a file is damaged, encrypted, or packed in another way than zips of layers are,
    or all files together are larger than `limit` bytes. Nothing is unpacked before the sizes are known, and no more than them.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(zipped)) as opened:
            infos = opened.infolist()
    except (zipfile.BadZipFile, NotImplementedError, EOFError, UnicodeDecodeError, struct.error) as error:
        raise ValueError(f"it is not a valid zip ({error})") from error
    if (size := sum(info.file_size for info in infos)) > limit:
        raise ValueError(f"it has {size:,} bytes unzipped; the budget is {limit:,}")
    return [_read(zipped, info) for info in infos]


def _read(zipped: bytes, info: zipfile.ZipInfo) -> Entry:
    # zipfile would unpack a whole file whatever size the directory gives for it, and would ignore what lies behind its end.
    path = info.orig_filename
    if info.flag_bits & 0x1:
        raise ValueError(f"{path} in it is encrypted")
    if info.compress_type not in (_STORED, _DEFLATED):
        raise ValueError(f"{path} in it is neither stored nor deflated (method {info.compress_type})")
    begin = info.header_offset + _LOCAL.size
    if info.header_offset < 0 or begin > len(zipped):
        raise ValueError(f"{path} in it lies outside the file")
    *_, name, extra = _LOCAL.unpack_from(zipped, info.header_offset)
    packed = zipped[begin + name + extra :][: info.compress_size]
    data, whole = packed, True
    if info.compress_type == _DEFLATED:
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            data = inflate.decompress(packed, info.file_size + 1)
        except zlib.error as error:
            raise ValueError(f"{path} in it is damaged ({error})") from error
        whole = inflate.eof and not inflate.unused_data
    if not whole or len(data) != info.file_size or binascii.crc32(data) != info.CRC:
        raise ValueError(f"{path} in it is damaged: it has another size or checksum than the zip's directory says")
    return Entry(path, data, packed, info.compress_type, info.external_attr >> 16)


def contents_sha256(files: Mapping[str, bytes]) -> str:
    """Return the SHA-256 of the paths and contents in hexadecimal. It does not depend on the compressor."""
    whole = hashlib.sha256()
    for path in sorted(files):
        whole.update(f"{hashlib.sha256(files[path]).hexdigest()}  {path}\n".encode())
    return whole.hexdigest()


def sha256(data: bytes) -> str:
    """Return the SHA-256 of `data` in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def code_sha256(data: bytes) -> str:
    """Return the SHA-256 of a zip in base64, as Lambda's CodeSha256 has it."""
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def _deflate_all(files: Mapping[str, bytes], deflate: Callable[[bytes, int], bytes], level: int) -> dict[str, bytes]:
    # The compressor releases the GIL, so threads run in parallel. The largest files go first, so that none is left to run alone at the end.
    paths = sorted(files, key=lambda path: -len(files[path]))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(paths, pool.map(lambda path: deflate(files[path], level), paths), strict=True))


def _compressor(tools: Path) -> Callable[[bytes, int], bytes]:
    sys.path.insert(0, str(tools))
    try:
        compress: Callable[[bytes, int], bytes] = importlib.import_module("deflate").deflate_compress
    finally:
        sys.path.remove(str(tools))
    return compress
