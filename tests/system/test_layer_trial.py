"""`inspect --run`: each zip is attached to a function that connects, in each Python that this machine has or can get."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from absence import missing
from layers import HERE, MACHINE, LayerOf

from layer import matrix
from layer.building import archive, assemble, interpreter, wheels
from layer.checks import trial
from layer.checks.finding import read
from local import emulation
from local.cache import cache_dir


def inspect(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "layer", "inspect", *map(str, arguments)]
    return subprocess.run(command, cwd=matrix.PROJECT, capture_output=True, text=True, check=False)


def test_a_layer_runs_and_one_of_another_architecture_is_reported_as_not_run(layer_of: LayerOf) -> None:
    result = inspect("--run", "--json", layer_of("x86_64"), layer_of("arm64"))
    assert result.returncode == 0, result.stdout + result.stderr
    ran, arm = (json.loads(line)["run"] for line in result.stdout.splitlines())
    assert (ran["passed"], ran["faults"], ran["sign_in"]) == (True, [], "iam")
    assert ran["tls"].startswith("TLSv1.")
    assert 0 < ran["warm_ms"] < ran["init_ms"]
    assert (arm["passed"], arm["init_ms"]) == (False, None)
    assert arm["missing"].startswith("is for arm64, this machine is x86_64")


@pytest.mark.parametrize("python", [name for name in matrix.names("python") if name != HERE])
def test_the_other_pythons(python: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What is run is what is inside; the zip need not be the smallest.
    monkeypatch.setattr(assemble.archive, "pack", partial(archive.pack, level=6))
    target = matrix.target(python, "x86_64")
    assemble.assemble(target, interpreter.find(python, print), cache_dir(), tmp_path, print)
    result = inspect("--run", tmp_path / f"{target.name}.zip")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "not run" not in result.stdout
    assert result.stdout.count("fit") == 1


def tampered(zipped: Path, folder: Path, changes: dict[str, bytes | None]) -> tuple[Path, matrix.Target]:
    target = matrix.parse(zipped.name)
    files = read(zipped, target).files | changes
    path = folder / zipped.name
    kept = {name: data for name, data in files.items() if data is not None}
    path.write_bytes(archive.pack(kept, wheels.install_tools(cache_dir()), level=1))
    return path, target


def test_what_is_wrong_in_a_run_is_reported(layer_of: LayerOf, tmp_path: Path) -> None:
    zipped, tag = layer_of("x86_64"), sys.implementation.cache_tag
    cases = {
        "compiles": {f"python/rdspool/__pycache__/__init__.{tag}.pyc": None},
        "fails": {f"python/rdspool/__pycache__/__init__.{tag}.pyc": None, "python/rdspool/__init__.py": b"raise OSError('broken')"},
    }
    made = []
    for name, changes in cases.items():
        (tmp_path / name).mkdir()
        made.append(tampered(zipped, tmp_path / name, changes))
    compiles, fails = trial.run(made)
    assert compiles.faults[0] == "the first invocation compiled 1 files of the layer, such as /opt/python/rdspool/__init__.py"
    assert "the first invocation failed: " in fails.faults[0]
    assert "broken" in fails.faults[0]
    assert not compiles.passed
    assert not fails.passed


def test_qemu_runs_a_layer_for_another_architecture(layer_of: LayerOf) -> None:
    if MACHINE == "arm64":
        missing("this machine runs arm64 itself, and no QEMU is set up for x86_64")
    python = HERE if HERE in emulation.SUITES else "3.13"
    result = inspect("--emulate", "--json", layer_of("arm64", python))
    assert result.returncode == 0, result.stdout + result.stderr
    ran = json.loads(result.stdout)["run"]
    assert (ran["missing"], ran["faults"], ran["emulated"], ran["sign_in"]) == (None, [], True, "iam")
    assert ran["tls"].startswith("TLSv1.")


def test_what_is_wrong_under_qemu_is_reported_and_a_python_that_debian_has_not(
    layer_of: LayerOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if MACHINE == "arm64":
        missing("this machine runs arm64 itself, and no QEMU is set up for x86_64")
    python = HERE if HERE in emulation.SUITES else "3.13"
    tag = f"cpython-{python.replace('.', '')}"
    path, target = tampered(
        layer_of("arm64", python),
        tmp_path,
        {f"python/rdspool/__pycache__/__init__.{tag}.pyc": None, "python/rdspool/__init__.py": b"raise OSError('broken')"},
    )
    monkeypatch.delitem(emulation.SUITES, "3.14" if python == "3.13" else "3.13")
    other = matrix.target("3.14" if python == "3.13" else "3.13", "arm64")
    broken, absent = trial.run([(path, target), (path, other)], emulate=True)
    assert broken.faults == ("the function failed under QEMU: OSError: broken",)
    assert absent.missing == f"Debian has no Python {other.python} for arm64: use a machine with arm64"
    assert not absent.passed
