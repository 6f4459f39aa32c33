"""Verifying a zip: the same, repacked, of unproved bytecode, or changed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from layers import HERE, LayerOf

from layer import matrix
from layer.__main__ import main
from layer.building import archive, assemble, wheels
from layer.checks.finding import SIGNER_FILE, read
from layer.checks.verification import Verdict, compare
from local.cache import cache_dir

TARGET = matrix.target(HERE, "x86_64")
Copy = Callable[..., Path]


@pytest.fixture(scope="module")
def built(layer_of: LayerOf) -> Path:
    return layer_of(TARGET.architecture)


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


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Result]:
    """Return the command within this process, where the layer that it builds for comparison is packed less tightly."""
    monkeypatch.setattr(assemble.archive, "pack", partial(archive.pack, level=6))
    return lambda path: CliRunner().invoke(main, ["verify", "--interpreter", sys.executable, str(path)])


def test_a_changed_source_is_reported_by_name(copy: Copy, quick: Callable[[Path], Result]) -> None:
    result = quick(copy({"python/rdspool/_aws/token.py": b"leak = True\n", "python/extra.py": b""}))
    assert result.exit_code == 1
    assert "not what this tree builds" in result.stdout
    assert "  python/extra.py is in the zip, not in this tree's layer\n  python/rdspool/_aws/token.py has other bytes\n" in result.stdout


def test_other_bytecode_is_not_proved_by_the_name_of_another_patch_release(copy: Copy, quick: Callable[[Path], Result]) -> None:
    path = f"python/rdspool/__pycache__/sizing.{sys.implementation.cache_tag}.pyc"
    result = quick(copy({path: b"made elsewhere"}, interpreter=f"CPython {HERE}.99"))
    assert result.exit_code == 2
    assert "not proved" in result.stdout
    assert "same" not in result.stdout
    assert f"it names CPython {HERE}.99, rebuilt with CPython {HERE}." in result.stdout


ARCHIVE = f"python/rdspool_imports/orm.{sys.implementation.cache_tag}"
OURS = f"CPython {HERE}.1"
BYTECODE = f"python/rdspool/__pycache__/sizing.{sys.implementation.cache_tag}.pyc"


@pytest.mark.parametrize(
    ("changes", "theirs", "verdict"),
    [
        ({}, OURS, Verdict.REPACKED),
        ({SIGNER_FILE: b"signed"}, OURS, Verdict.SIGNED),
        ({SIGNER_FILE: b"signed", "python/extra.py": b""}, OURS, Verdict.DIFFERENT),
        ({BYTECODE: b"tampered with"}, OURS, Verdict.DIFFERENT),
        ({BYTECODE: b"tampered with"}, None, Verdict.DIFFERENT),
        ({BYTECODE: b"made elsewhere"}, f"CPython {HERE}.99", Verdict.UNPROVED),
        ({ARCHIVE: b"tampered with"}, OURS, Verdict.DIFFERENT),
        ({ARCHIVE: b"made elsewhere", BYTECODE: b"made elsewhere"}, f"CPython {HERE}.99", Verdict.UNPROVED),
        ({"python/rdspool_imports/finder.py": b"leak = True\n"}, f"CPython {HERE}.99", Verdict.DIFFERENT),
        ({"python/rdspool/_aws/token.py": b"leak = True\n"}, f"CPython {HERE}.99", Verdict.DIFFERENT),
    ],
)
def test_what_a_difference_means(built: Path, copy: Copy, changes: dict[str, bytes], theirs: str | None, verdict: Verdict) -> None:
    result = compare(read(copy(changes), TARGET), read(built, TARGET), theirs, OURS)
    assert result.verdict is verdict
    assert sorted(result.differences) == sorted(changes)


def test_what_lies_around_the_files_is_a_difference(built: Path, copy: Copy) -> None:
    path = copy()
    path.write_bytes(b"#!/bin/sh\n" + path.read_bytes())
    result = compare(read(path, TARGET), read(built, TARGET), OURS, OURS)
    assert result.verdict is Verdict.DIFFERENT
    assert result.differences == {path.name: "has 10 bytes before its first file"}


@pytest.mark.parametrize("text", ["no JSON", "[]", '{"bytecode": "CPython"}'])
def test_a_manifest_that_is_none_is_an_error_in_one_line(built: Path, copy: Copy, text: str) -> None:
    path = copy()
    path.with_suffix(".json").write_text(text)
    result = run(path)
    assert result.returncode == 1
    assert result.stderr.startswith(f"layer: {path.with_suffix('.json')} ")
    assert result.stderr.count("\n") == 1
