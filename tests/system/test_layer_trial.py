"""`inspect --run`: each zip is attached to a function that connects, in each Python that this machine has or can get."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from layer import archive, assemble, interpreter, matrix, trial, wheels
from layer.checks.finding import read
from local.cache import cache_dir

HERE = ".".join(map(str, sys.version_info[:2]))
LayerOf = Callable[[str, str], Path]


def inspect(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "layer", "inspect", *map(str, arguments)]
    return subprocess.run(command, cwd=matrix.PROJECT, capture_output=True, text=True, check=False)


def test_both_flavours_run_and_another_architecture_is_told_as_not_run(layer_of: LayerOf) -> None:
    zips = [layer_of("pure", "x86_64"), layer_of("c", "x86_64"), layer_of("c", "arm64")]
    result = inspect("--run", "--json", *zips)
    assert result.returncode == 0, result.stdout + result.stderr
    pure, c, arm = (json.loads(line)["run"] for line in result.stdout.splitlines())
    for ran in (pure, c):
        assert (ran["passed"], ran["faults"], ran["sign_in"]) == (True, [], "iam")
        assert ran["tls"].startswith("TLSv1.")
        assert 0 < ran["warm_ms"] < ran["init_ms"]
    assert (arm["passed"], arm["init_ms"]) == (False, None)
    assert arm["missing"].startswith("is for arm64, this machine is x86_64")


@pytest.mark.parametrize("python", [name for name in matrix.names("python") if name != HERE])
def test_the_other_pythons(python: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What is run is what is inside; the zip need not be the smallest.
    monkeypatch.setattr(assemble.archive, "pack", partial(archive.pack, level=6))
    targets = [matrix.target(python, "x86_64", flavour) for flavour in matrix.names("flavour")]
    for target in targets:
        assemble.assemble(target, interpreter.find(python, print), cache_dir(), tmp_path, print)
    result = inspect("--run", *(tmp_path / f"{target.name}.zip" for target in targets))
    assert result.returncode == 0, result.stdout + result.stderr
    assert "not run" not in result.stdout
    assert result.stdout.count("fit") == len(targets)


def tampered(zipped: Path, folder: Path, changes: dict[str, bytes | None]) -> tuple[Path, matrix.Target]:
    target = matrix.parse(zipped.name)
    files = read(zipped, target).files | changes
    path = folder / zipped.name
    kept = {name: data for name, data in files.items() if data is not None}
    path.write_bytes(archive.pack(kept, wheels.install_tools(cache_dir()), level=1))
    return path, target


def test_what_is_wrong_in_a_run_is_told(layer_of: LayerOf, tmp_path: Path) -> None:
    zipped, c_zipped = layer_of("pure", "x86_64"), layer_of("c", "x86_64")
    tag = sys.implementation.cache_tag
    cases = {
        "compiles": (zipped, {f"python/rdspool/__pycache__/token.{tag}.pyc": None}),
        "fails": (zipped, {f"python/rdspool/__pycache__/token.{tag}.pyc": None, "python/rdspool/token.py": b"raise OSError('broken')"}),
        "no C extension": (c_zipped, {f"python/_mysql_connector.cpython-{HERE.replace('.', '')}-x86_64-linux-gnu.so": None}),
    }
    made = []
    for name, (original, changes) in cases.items():
        (tmp_path / name).mkdir()
        made.append(tampered(original, tmp_path / name, changes))
    compiles, fails, no_extension = trial.run(made)
    assert compiles.faults[0] == "the first invocation compiled 1 files of the layer, such as /opt/python/rdspool/token.py"
    assert "the first invocation failed: " in fails.faults[0]
    assert "broken" in fails.faults[0]
    assert "RDSPOOL_DRIVER is 'c', but the connector's C extension can't be loaded" in no_extension.faults[0]
    assert not compiles.passed
    assert not fails.passed
