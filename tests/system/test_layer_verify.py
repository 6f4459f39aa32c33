"""Verifying a zip: the same, repacked, by another interpreter, or changed."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from layer import archive, matrix, wheels
from layer.assemble import assemble
from layer.checks.finding import read
from local.cache import cache_dir

HERE = ".".join(map(str, sys.version_info[:2]))
TARGET = matrix.target(HERE, "x86_64", "pure")
Copy = Callable[..., Path]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return assemble(TARGET, Path(sys.executable), cache_dir(), tmp_path_factory.mktemp("dist"), print).path


@pytest.fixture
def copy(built: Path, tmp_path: Path) -> Copy:
    def make(changes: dict[str, bytes] | None = None, interpreter: str | None = None) -> Path:
        path = tmp_path / built.name
        path.write_bytes(archive.pack(read(built, TARGET).files | (changes or {}), wheels.install_tools(cache_dir()), level=6))
        manifest = json.loads(built.with_suffix(".json").read_text())
        if interpreter:
            manifest["bytecode"]["interpreter"] = interpreter
        path.with_suffix(".json").write_text(json.dumps(manifest))
        return path

    return make


def run(path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "layer", "verify", "--interpreter", sys.executable, str(path)]
    return subprocess.run(command, cwd=matrix.PROJECT, capture_output=True, text=True, check=False)


def test_what_this_tree_builds_is_the_same(built: Path) -> None:
    result = run(built)
    assert (result.returncode, result.stdout) == (0, f"{built}: the same bytes\n"), result.stderr


def test_a_zip_that_was_packed_again_holds_the_same(built: Path, tmp_path: Path) -> None:
    path = tmp_path / built.name
    with zipfile.ZipFile(built) as old, zipfile.ZipFile(path, "w") as new:
        for info in old.infolist():
            new.writestr(info, old.read(info), zipfile.ZIP_DEFLATED, 1)
    result = run(path)
    assert (result.returncode, result.stdout) == (0, f"{path}: the same files, packed by another compressor\n"), result.stderr


def test_a_changed_source_is_told_by_name(copy: Copy) -> None:
    result = run(copy({"python/rdspool/token.py": b"leak = True\n", "python/extra.py": b""}))
    assert result.returncode == 1
    assert "not what this tree builds" in result.stdout
    assert "  python/extra.py is in the zip, not in this tree's layer\n  python/rdspool/token.py has other bytes\n" in result.stdout


def test_other_bytecode_of_another_patch_release_is_told_as_that(copy: Copy) -> None:
    path = f"python/rdspool/__pycache__/token.{sys.implementation.cache_tag}.pyc"
    result = run(copy({path: b"made elsewhere"}, interpreter=f"CPython {HERE}.99"))
    assert result.returncode == 2
    assert f"made by CPython {HERE}.99, here is CPython {HERE}." in result.stdout


def test_other_bytecode_of_the_same_interpreter_is_a_difference(copy: Copy) -> None:
    path = f"python/rdspool/__pycache__/token.{sys.implementation.cache_tag}.pyc"
    result = run(copy({path: b"tampered with"}))
    assert result.returncode == 1
    assert f"  {path} has other bytes" in result.stdout


def test_a_source_that_hides_behind_another_interpreter_is_a_difference(copy: Copy) -> None:
    assert run(copy({"python/rdspool/token.py": b"leak = True\n"}, interpreter=f"CPython {HERE}.99")).returncode == 1
