"""Write the zip of a layer: the same files give the same bytes on every machine.

Order, times and modes are fixed. The compressor is pinned, because the output of zlib differs between its versions.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import importlib
import os
import struct
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
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


def pack(files: Mapping[str, bytes], tools: Path, level: int = LEVEL) -> bytes:
    """Return a zip of `files`, by path. `tools` is the folder of the compressor (see wheels.install_tools)."""
    deflated = _deflate_all(files, _compressor(tools), level)
    body, directory = bytearray(), bytearray()
    for path in sorted(files):
        data, name = files[path], path.encode()
        packed, method = deflated[path], _DEFLATED
        if len(packed) >= len(data):
            packed, method = data, _STORED
        # Read-only for everybody, as Lambda mounts a layer.
        mode = 0o100555 if path.endswith(".so") else 0o100444
        common = (
            _VERSION,
            _UTF8 if not path.isascii() else 0,
            method,
            _TIME,
            _DATE,
            binascii.crc32(data),
            len(packed),
            len(data),
            len(name),
            0,
        )
        directory += _CENTRAL.pack(0x02014B50, _UNIX | _VERSION, *common, 0, 0, 0, mode << 16, len(body)) + name
        body += _LOCAL.pack(0x04034B50, *common) + name + packed
    return bytes(body + directory + _END.pack(0x06054B50, 0, 0, len(files), len(files), len(directory), len(body), 0))


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
