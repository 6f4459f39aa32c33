"""The zip: the same bytes whatever the order, readable by others, writable by nobody."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from layer.building import archive, wheels
from local.cache import cache_dir

FILES = {
    "python/b.py": b"print('b')\n" * 400,
    "python/a/__init__.py": b"",
    "python/a/x.cpython-313-x86_64-linux-gnu.so": b"".join(hashlib.sha256(bytes([n])).digest() for n in range(150)),
    "python/a/zeros.bin": b"\0" * 3000,
}


@pytest.fixture(scope="module")
def tools() -> Path:
    return wheels.install_tools(cache_dir())


def test_another_order_gives_the_same_bytes(tools: Path) -> None:
    assert archive.pack(FILES, tools) == archive.pack(dict(reversed(FILES.items())), tools)


def test_python_reads_it_back(tools: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(archive.pack(FILES, tools))) as read:
        assert read.testzip() is None
        assert {name: read.read(name) for name in read.namelist()} == FILES
        assert read.namelist() == sorted(FILES)


def test_times_and_modes_are_fixed(tools: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(archive.pack(FILES, tools))) as read:
        assert {info.date_time for info in read.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        modes = {info.filename: oct(info.external_attr >> 16) for info in read.infolist()}
    assert modes == {
        "python/b.py": "0o100444",
        "python/a/__init__.py": "0o100444",
        "python/a/x.cpython-313-x86_64-linux-gnu.so": "0o100555",
        "python/a/zeros.bin": "0o100444",
    }


def test_what_does_not_get_smaller_is_stored(tools: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(archive.pack(FILES, tools))) as read:
        stored = {info.filename for info in read.infolist() if info.compress_type == zipfile.ZIP_STORED}
    assert stored == {"python/a/__init__.py", "python/a/x.cpython-313-x86_64-linux-gnu.so"}


def test_the_hash_of_contents_sees_names_and_bytes() -> None:
    whole = archive.contents_sha256(FILES)
    assert archive.contents_sha256(dict(reversed(FILES.items()))) == whole
    assert archive.contents_sha256(FILES | {"python/b.py": b"other"}) != whole
    assert archive.contents_sha256({name.replace("b.py", "c.py"): data for name, data in FILES.items()}) != whole


def test_lambda_names_a_zip_by_the_base64_of_its_sha256() -> None:
    # The SHA-256 of nothing, which every implementation gives.
    assert archive.code_sha256(b"") == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
