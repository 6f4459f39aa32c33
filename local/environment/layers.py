"""Provide layers and functions as folders: unpack zips, and merge several layers into one /opt as Lambda does."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

from ..cache import cache_dir
from ..cache import folder as kept_folder
from .errors import LambdaEnvironmentError

LIMIT = 5  # Lambda's quota of layers per function
KEPT_SECONDS = 3 * 24 * 3600  # longer than any environment uses a folder


def unpacked(archive: Path, what: str) -> Path:
    """Return the folder with the content of the zip, cached by its sha256. Callers must not change it.

    Raise LambdaEnvironmentError when the zip does not exist or can't be unpacked.
    """
    if not archive.is_file():
        raise LambdaEnvironmentError(f"{what} {archive}: there is no such file; build it or name another")
    with open(archive, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()

    def make(folder: Path) -> None:
        try:
            with zipfile.ZipFile(archive) as source:
                _extract(source, folder)
        except zipfile.BadZipFile as error:
            raise LambdaEnvironmentError(f"{what} {archive} is not a zip file: {error}") from error

    place = cache_dir() / "environment" / "unpacked" / digest
    if not place.exists() and place.parent.exists():
        _prune(place.parent)
    folder = kept_folder(place, make)
    os.utime(folder)
    return folder


def _prune(folder: Path) -> None:
    """Remove folders that were not used for KEPT_SECONDS, because each build of a layer adds one."""
    for old in folder.iterdir():
        if old.is_dir() and time.time() - old.stat().st_mtime > KEPT_SECONDS:
            shutil.rmtree(old, ignore_errors=True)


def folder_of(source: Path, what: str) -> Path:
    """Return `source` if it is a folder, otherwise the folder of the unpacked zip. Raise LambdaEnvironmentError as `unpacked` does."""
    return source.resolve() if source.is_dir() else unpacked(source, what)


def opt(layers: Sequence[Path], scratch: Path) -> Path:
    """Return the folder for /opt: that of a single layer, or all layers merged in `scratch`, where later ones override earlier ones.

    Raise LambdaEnvironmentError when there are too many layers, or one can't be unpacked.
    """
    if len(layers) > LIMIT:
        raise LambdaEnvironmentError(f"{len(layers)} layers: Lambda allows {LIMIT} per function; merge some of them")
    folders = [folder_of(layer, "the layer") for layer in layers]
    if len(folders) == 1:
        return folders[0]
    merged = scratch / "opt"
    merged.mkdir()
    for folder in folders:
        _lay(folder, merged)
    return merged


def _lay(source: Path, target: Path) -> None:
    for entry in sorted(os.scandir(source), key=lambda item: item.name):
        place = target / entry.name
        if entry.is_dir(follow_symlinks=False):
            if place.is_symlink() or place.is_file():
                place.unlink()
            place.mkdir(exist_ok=True)
            _lay(Path(entry.path), place)
            continue
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        place.unlink(missing_ok=True)
        shutil.copy2(entry.path, place, follow_symlinks=False)


def _extract(source: zipfile.ZipFile, folder: Path) -> None:
    links: list[tuple[Path, str]] = []
    for member in source.infolist():
        mode = member.external_attr >> 16
        if stat.S_ISLNK(mode):
            target = folder / member.filename
            if not target.resolve().is_relative_to(folder.resolve()):
                raise LambdaEnvironmentError(f"{source.filename}: {member.filename} is a link outside of the archive")
            links.append((target, source.read(member).decode()))
            continue
        place = Path(source.extract(member, folder))
        if place.is_dir():
            continue
        # On Lambda the function's user does not own the files, so the permissions of "others" apply to it.
        others = (mode or 0o644) & 0o5
        place.chmod(others << 6 | others << 3 | others)
    # Links are created last, so that no member is written through a link.
    for target, destination in links:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(destination)
