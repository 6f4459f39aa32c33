"""The tree as git knows it: it is described as it is, and describing it changes nothing."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from layer.building import docker, package
from layer.building.source import Source, epoch, source, tracked
from layer.errors import LayerError
from layer.matrix import PROJECT


def git(folder: Path, *arguments: str) -> str:
    isolated = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "HOME": str(folder), "PATH": os.environ["PATH"]}
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    return subprocess.run(["git", "-C", str(folder), *who, *arguments], env=isolated, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    (folder / "layer").mkdir(parents=True)
    (folder / "layer" / "matrix.toml").write_text("name = 1\n")
    (folder / "README.md").write_text("text\n")
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--date", "@1700000000 +0000", "-m", "one")
    return folder


def test_a_clean_tree(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    found = source(tree)
    assert found.commit == git(tree, "rev-parse", "HEAD").strip()
    assert (found.state, found.changed, found.unknown, found.repository) == ("clean", (), None, None)
    assert epoch(found) == found.time == int(git(tree, "show", "-s", "--format=%ct"))


def test_changes_are_reported_and_those_of_a_layers_inputs_apart(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    (tree / "README.md").write_text("changed\n")
    found = source(tree)
    assert (found.state, found.changed, found.inputs_changed) == ("dirty", ("README.md",), ())
    assert epoch(found) == found.time
    (tree / "layer" / "extra é.py").write_text("")
    (tree / "layer" / "matrix.toml").unlink()
    found = source(tree)
    assert found.inputs_changed == ("layer/extra é.py", "layer/matrix.toml")
    assert epoch(found) is None
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "5")
    assert epoch(found) == 5


@pytest.mark.parametrize("hide", ["--assume-unchanged", "--skip-worktree"])
def test_a_change_that_git_was_told_to_ignore_is_reported(tree: Path, hide: str) -> None:
    git(tree, "update-index", hide, "layer/matrix.toml")
    (tree / "layer" / "matrix.toml").write_text("name = 2\n")
    assert source(tree).inputs_changed == ("layer/matrix.toml",)


def test_bytes_that_a_conversion_makes_the_committed_ones_are_a_change(tree: Path) -> None:
    (tree / ".git" / "info" / "attributes").write_text("*.toml text\n")
    (tree / "layer" / "matrix.toml").write_bytes(b"name = 1\r\n")
    git(tree, "add", "--renormalize", ".")
    assert git(tree, "status", "--porcelain", "layer") == ""
    assert source(tree).inputs_changed == ("layer/matrix.toml",)


def test_what_git_tracks_is_what_a_layer_is_built_from_with_docker_and_without(tree: Path, tmp_path: Path) -> None:
    package_files = {"__init__.py": "", "py.typed": "", "_aws/__init__.py": "", "_aws/roots/proxy.pem": ""}
    for name, text in package_files.items():
        path = tree / "python" / "rdspool" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(tree, "add", ".")
    (tree / ".git" / "info" / "exclude").write_text("hidden*\n")
    for name in ("hidden.py", "untracked.py", "_aws/hidden.py", "_aws/roots/hidden.pem"):
        (tree / "python" / "rdspool" / name).write_text("secret = 1\n")
    (tree / "layer" / "hidden.py").write_text("secret = 1\n")
    assert set(package.files(tree / "python")) == {f"rdspool/{name}" for name in package_files}
    context = tmp_path / "context"
    docker.copy_inputs(tree, context)
    copied = {path.relative_to(context).as_posix() for path in context.rglob("*") if path.is_file()}
    assert copied == {"layer/matrix.toml", *(f"python/rdspool/{name}" for name in package_files)}


def test_a_repository_that_git_cannot_read_is_an_error(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tracked(tmp_path) is None
    (tree / ".git" / "HEAD").write_text("nothing")
    with pytest.raises(LayerError, match="git can't tell which files of"):
        tracked(tree)
    monkeypatch.setenv("PATH", str(tree))
    with pytest.raises(LayerError, match="git is not on the PATH"):
        tracked(tree)


def test_autocrlf_changes_no_byte_of_this_project(tree: Path) -> None:
    shutil.copyfile(PROJECT / ".gitattributes", tree / ".gitattributes")
    git(tree, "config", "core.autocrlf", "true")
    git(tree, "add", ".")
    git(tree, "commit", "--quiet", "-m", "attributes")
    (tree / "layer" / "matrix.toml").unlink()
    git(tree, "checkout", "--quiet", "--", ".")
    assert (tree / "layer" / "matrix.toml").read_bytes() == b"name = 1\n"
    assert source(tree).state == "clean"


def test_asking_writes_nothing_into_the_repository(tree: Path) -> None:
    # A file that looks changed by its time makes a usual `git status` write the index.
    os.utime(tree / "README.md", (1, 1))

    def written() -> dict[Path, str]:
        return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in (tree / ".git").rglob("*") if path.is_file()}

    before = written()
    assert source(tree).state == "clean"
    assert written() == before


def test_no_repository_of_its_own(tree: Path, tmp_path: Path) -> None:
    assert source(tree / "layer").unknown == "the project is not the root of a git repository"
    outside = tmp_path / "outside"
    outside.mkdir()
    found = source(outside)
    assert (found.state, found.commit) == ("unknown", None)
    assert "not a git repository" in (found.unknown or "")


def test_without_git(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tree))
    assert source(tree) == Source(unknown="git is not installed")


@pytest.mark.parametrize(
    ("remote", "shown"),
    [
        ("https://user:secret@example.com/a/b.git", "https://example.com/a/b.git"),
        ("https://example.com/a/b.git", "https://example.com/a/b.git"),
        ("git@example.com:a/b.git", "ssh://example.com/a/b.git"),
        ("ssh://git@example.com/a/b.git", "ssh://example.com/a/b.git"),
        ("/srv/private/b.git", None),
        ("file:///srv/private/b.git", None),
    ],
)
def test_the_remote_is_reported_without_credentials_and_never_as_a_path(tree: Path, remote: str, shown: str | None) -> None:
    git(tree, "remote", "add", "origin", remote)
    assert source(tree).repository == shown
