"""Wheels: only what the lock file names, and nothing half-fetched is kept."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from layer import matrix
from layer.building import wheels
from layer.errors import LayerError
from local.cache import cache_dir

TARGET = matrix.target("3.13", "x86_64")


def test_the_lock_pins_exactly_what_the_layer_holds() -> None:
    assert wheels.pins() == {"sqlalchemy": "2.1.9", "mysql-connector-python": "26.10.0", "typing-extensions": "4.16.0"}


def test_names_compare_as_pypi_compares_them() -> None:
    assert wheels.normalise("Typing_Extensions") == wheels.normalise("typing.extensions") == "typing-extensions"


def test_the_second_time_needs_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    first = wheels.fetch(TARGET, cache_dir())
    monkeypatch.setattr(wheels, "_pip", lambda arguments: pytest.fail(f"asked pip for {arguments}"))
    assert wheels.fetch(TARGET, cache_dir()) == first


def test_a_wheel_that_was_changed_in_the_cache_is_refused(tmp_path: Path) -> None:
    wheel = wheels.fetch(TARGET, cache_dir())[0]
    shutil.copytree(wheel.path.parent, tmp_path / "wheels" / wheel.path.parent.name)
    copy = tmp_path / "wheels" / wheel.path.parent.name / wheel.path.name
    copy.write_bytes(wheel.path.read_bytes() + b"\0")
    with pytest.raises(LayerError, match=f"{wheel.path.name} has the sha256 .* which is not in the lock file: remove the file's folder"):
        wheels.fetch(TARGET, tmp_path)


def test_without_an_index_the_error_names_the_package_and_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "PIP_CONFIG_FILE": "/dev/null"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(LayerError, match=r"pip could not download the packages of requirements\.txt: .*mysql-connector-python==26\.10\.0"):
        wheels.fetch(TARGET, tmp_path)
    assert not list((tmp_path / "wheels").iterdir())


def test_the_indexes_are_named_without_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    config = tmp_path / "pip.conf"
    config.write_text("[global]\nindex-url = https://me:secret@example.com/simple?token=1\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    assert wheels.indexes()[0] == "https://example.com/simple"
    assert wheels.indexes(with_files=False) == ["https://pypi.org/simple"]
    monkeypatch.setenv("PIP_INDEX_URL", "https://other.example/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://a.example/ https://t@b.example/")
    assert wheels.indexes() == ["https://other.example/simple", "https://a.example/", "https://b.example/"]
