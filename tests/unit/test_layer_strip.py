"""Stripping: what is loaded stays byte for byte, what is not loaded goes, and the result still loads."""

from __future__ import annotations

import importlib.util
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from layer import matrix
from layer.building import wheels
from layer.building.strip import is_elf, strip
from layer.errors import LayerError
from local.cache import cache_dir


def shared_objects(architecture: str) -> dict[str, bytes]:
    target = matrix.target("3.13", architecture)
    found = {}
    for wheel in wheels.fetch(target, cache_dir()):
        with zipfile.ZipFile(wheel.path) as archive:
            names = [name for name in archive.namelist() if ".so" in name and not matrix.pruned(name)]
            found.update({name: archive.read(name) for name in names})
    return found


@pytest.fixture(scope="module", params=["x86_64", "arm64"])
def originals(request: pytest.FixtureRequest) -> dict[str, bytes]:
    return shared_objects(request.param)


def loaded(data: bytes) -> list[tuple[int, int, int, bytes]]:
    elf = ELFFile(io.BytesIO(data))
    headers = range(elf["e_phoff"], elf["e_phoff"] + elf["e_phnum"] * elf["e_phentsize"])
    segments = []
    for segment in elf.iter_segments("PT_LOAD"):
        content = bytearray(segment.data())
        if segment["p_offset"] == 0:
            # The ELF header and the program headers say where things lie in the file, which is what changes.
            content[0:64] = bytes(64)
            content[headers.start : headers.stop] = bytes(len(headers))
        segments.append((segment["p_vaddr"], segment["p_memsz"], segment["p_flags"], bytes(content)))
    return segments


def test_every_loaded_segment_stays_as_it_was(originals: dict[str, bytes]) -> None:
    assert len(originals) == 8
    for name, data in originals.items():
        assert loaded(strip(data, name)) == loaded(data), name


def test_pages_can_still_be_mapped(originals: dict[str, bytes]) -> None:
    for name, data in originals.items():
        for segment in ELFFile(io.BytesIO(strip(data, name))).iter_segments("PT_LOAD"):
            assert (segment["p_vaddr"] - segment["p_offset"]) % segment["p_align"] == 0, name


def test_debug_information_and_link_symbols_are_gone_but_symbol_versions_stay(originals: dict[str, bytes]) -> None:
    for name, data in originals.items():
        before = {section.name for section in ELFFile(io.BytesIO(data)).iter_sections()}
        after = {section.name for section in ELFFile(io.BytesIO(strip(data, name))).iter_sections()}
        assert after <= before
        assert not {section for section in after if section.startswith(".debug") or section in (".symtab", ".strtab", ".comment")}
        assert {".dynsym", ".dynstr", ".dynamic"} <= after
        assert (".gnu.version_r" in after) == (".gnu.version_r" in before)


def test_stripping_again_changes_nothing(originals: dict[str, bytes]) -> None:
    for name, data in originals.items():
        once = strip(data, name)
        assert len(once) < len(data)
        assert strip(once, name) == once


def test_a_stripped_extension_module_works(tmp_path: Path) -> None:
    spec = importlib.util.find_spec("cryptography.hazmat.bindings._rust")
    assert spec
    assert spec.origin
    data = Path(spec.origin).read_bytes()
    package = tmp_path / "cryptography"
    module = Path(spec.origin)
    for source in (parent := module.parents[2]).rglob("*.py"):
        copy = package / source.relative_to(parent)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(source.read_bytes())
    copy = package / module.relative_to(parent)
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_bytes(strip(data, module.name))
    code = "from cryptography.fernet import Fernet; import cryptography; key = Fernet(Fernet.generate_key())"
    code += "; print(key.decrypt(key.encrypt(b'x')), cryptography.__file__)"
    said = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(tmp_path)}, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == f"b'x' {package}/__init__.py"


@pytest.mark.parametrize("data", [b"", b"\x7fELF\x01\x01" + bytes(80), b"#!/bin/sh\n"])
def test_what_cannot_be_for_lambda_is_refused(data: bytes) -> None:
    assert is_elf(data) == data.startswith(b"\x7fELF")
    with pytest.raises(LayerError, match=r"odd\.so is not a 64-bit little-endian ELF file"):
        strip(data, "odd.so")
