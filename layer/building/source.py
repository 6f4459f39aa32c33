"""Ask git about the tree that a layer is built from: the commit, the files that it tracks, and whether they differ from it."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ..errors import LayerError
from ..matrix import PROJECT

INPUTS = ("layer", "python", "LICENSE", "pyproject.toml", "Dockerfile", ".dockerignore")
"""The paths that a layer is built from, besides the wheels and the interpreter."""


@dataclass(frozen=True)
class Source:
    """The state of a tree.

    commit: its commit, or None when git knows none; `unknown` then says why. time: of the commit, in seconds since the epoch.
    repository: the address of the remote without credentials, if others can use it.
    changed: paths that differ from the commit, including untracked files. inputs_changed: those of them that are part of a layer.
    """

    commit: str | None = None
    time: int | None = None
    repository: str | None = None
    changed: tuple[str, ...] = ()
    unknown: str | None = None

    @property
    def inputs_changed(self) -> tuple[str, ...]:
        return tuple(path for path in self.changed if any(path == name or path.startswith(f"{name}/") for name in INPUTS))

    @property
    def state(self) -> str:
        return "unknown" if self.commit is None else "dirty" if self.changed else "clean"


def source(project: Path = PROJECT) -> Source:
    """Return the state of the tree `project`. It never fails, because a tree without git builds the same layer."""
    try:
        top = _git(project, "rev-parse", "--show-toplevel")
        if Path(top).resolve() != project.resolve():
            return Source(unknown="the project is not the root of a git repository")
        commit, time = _git(project, "show", "--no-patch", "--format=%H %ct", "HEAD").split()
        status = _git(project, "status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames")
        unlike = _unlike_commit(project)
    except FileNotFoundError:
        return Source(unknown="git is not installed")
    except subprocess.CalledProcessError as error:
        reason = (error.stderr.strip().splitlines() or ["no reason given"])[0]
        return Source(unknown=f"git: {reason}")
    changed = tuple(sorted(unlike | {entry[3:] for entry in status.split("\0") if entry}))
    return Source(commit, int(time), _repository(project), changed)


def tracked(project: Path = PROJECT) -> frozenset[str] | None:
    """Return the paths that git tracks; None for a tree without a repository of its own, such as an unpacked archive.

    Raise LayerError when there is a repository and git can't read it.
    """
    if not (project / ".git").exists():
        return None
    try:
        return frozenset(_git(project, "ls-files", "-z").split("\0"))
    except FileNotFoundError as error:
        raise LayerError("git is not on the PATH, so it is unknown which files belong to a layer: install it") from error
    except subprocess.CalledProcessError as error:
        raise LayerError(f"git can't tell which files of {project} belong to a layer: {error.stderr.strip()}") from error


def _unlike_commit(project: Path) -> set[str]:
    """Return the inputs whose bytes are not those of the commit.

    `git status` shows files as unchanged whose conversion gives the committed bytes, or that are marked as assumed to be unchanged.
    """
    found = set()
    for line in filter(None, _git(project, "ls-tree", "-r", "-z", "HEAD", "--", *INPUTS).split("\0")):
        described, _, path = line.partition("\t")
        _, kind, committed = described.split()
        file = project / path
        if kind == "blob" and file.is_file() and not file.is_symlink():
            data = file.read_bytes()
            made = hashlib.new("sha1" if len(committed) == 40 else "sha256", b"blob %d\0" % len(data) + data)  # as git names it
            if made.hexdigest() != committed:
                found.add(path)
    return found


def epoch(found: Source) -> int | None:
    """Return the timestamp for files: $SOURCE_DATE_EPOCH, otherwise the commit's if the layer is built from it, otherwise None."""
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    if given.isdecimal():
        return int(given)
    return None if found.inputs_changed else found.time


def _repository(project: Path) -> str | None:
    try:
        address = _git(project, "config", "--get", "remote.origin.url")
    except subprocess.CalledProcessError:
        return None
    # git@host:path is the short form of ssh://git@host/path.
    short = re.fullmatch(r"(?:[^@/]+@)?([^:/]+):(?!//)(.+)", address)
    if short:
        return f"ssh://{short[1]}/{short[2]}"
    full = re.fullmatch(r"(https?|ssh|git)://(?:[^@/]*@)?(.+)", address)
    return f"{full[1]}://{full[2]}" if full else None


def _git(project: Path, *arguments: str) -> str:
    # Without optional locks, git does not write to the repository.
    environment = os.environ | {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    result = subprocess.run(["git", "-C", str(project), *arguments], env=environment, capture_output=True, text=True, check=True)
    return result.stdout.strip("\n")
