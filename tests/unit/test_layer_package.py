"""rdspool's own files in the layer: those that pip would install, at any depth, and no others."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from layer import matrix
from layer.building import bytecode, package
from layer.errors import LayerError
from layer.matrix import PROJECT


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a copy of python/, to be changed."""
    return shutil.copytree(PROJECT / "python", tmp_path / "python", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))


def test_packages_at_any_depth_with_their_bytecode(source: Path) -> None:
    deeper = source / "rdspool" / "_aws" / "deeper"
    deeper.mkdir()
    for name in ("__init__", "module"):
        (deeper / f"{name}.py").write_text(f"name = {name!r}\n")
    found = package.files(source)
    assert found["rdspool/_aws/deeper/module.py"] == b"name = 'module'\n"
    python = ".".join(map(str, sys.version_info[:2]))
    compiled = bytecode.compile_all(bytecode.identify(Path(sys.executable), python), found)
    tag = sys.implementation.cache_tag
    for name in ("rdspool", "rdspool/_aws", "rdspool/_aws/deeper"):
        assert f"{name}/__pycache__/__init__.{tag}.pyc" in compiled
    assert len(compiled) == sum(path.endswith(".py") for path in found)


def test_every_root_and_the_marker_of_types_are_taken(source: Path) -> None:
    found = package.files(source)
    assert found["rdspool/py.typed"] == b""
    there = {path.name for path in (source / "rdspool" / "_aws" / "roots").iterdir()}
    assert {path.rpartition("/")[2] for path in found if path.startswith("rdspool/_aws/roots/")} == there


@pytest.mark.parametrize(
    "stray",
    [
        "rdspool/notes.json",
        "rdspool/key.pem",
        "rdspool/token.py.swp",
        "rdspool/_aws/roots/README.md",
        "rdspool/_aws/roots/make.py",
        "rdspool/no_package/module.py",
        "rdspool/__pycache__/token.cpython-313.pyc",
        "other/__init__.py",
    ],
)
def test_what_pip_would_not_install_is_left_out(source: Path, stray: str) -> None:
    before = package.files(source)
    path = source / stray
    path.parent.mkdir(exist_ok=True)
    path.write_text("left behind\n")
    assert package.files(source) == before


def test_what_is_for_tests_is_in_no_layer(source: Path) -> None:
    assert {"rdspool/testing/__init__.py", "rdspool_pytest/__init__.py"} <= package.installed(source).keys()
    assert not any("test" in path for path in package.files(source))
    made = package.dist_info("", matrix.target("3.13", "x86_64"))
    (points,) = (data.decode() for path, data in made.items() if path.endswith("/entry_points.txt"))
    assert "[sqlalchemy.dialects]" in points
    assert "pytest" not in points


def test_a_tree_that_is_not_whole_is_refused(source: Path) -> None:
    (source / "rdspool" / "_aws" / "roots" / "proxy.pem").unlink()
    with pytest.raises(LayerError, match=r"python/rdspool/_aws/roots/proxy\.pem is missing: this tree is incomplete"):
        package.files(source)
