"""The wheels of a layer. pip downloads them once, checks them against the hashes of a lock file, and they stay in the cache."""

from __future__ import annotations

import ast
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.parse
import zipfile
from dataclasses import dataclass
from email.parser import Parser
from pathlib import Path

from ..errors import LayerError
from ..matrix import Target

_LOCKS = Path(__file__).resolve().parent.parent

REQUIREMENTS = _LOCKS / "requirements.txt"
TOOLS = _LOCKS / "tools.txt"
DISTRIBUTION_TOOLS = _LOCKS / "distributions.txt"

_INDEX = "https://pypi.org/simple"
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True)
class Wheel:
    """A wheel whose hash is in the lock file. `name` is normalised (PEP 503)."""

    name: str
    version: str
    path: Path
    sha256: str


def pins(requirements: Path = REQUIREMENTS) -> dict[str, str]:
    """Return the version of each package in the lock file, by normalised name."""
    return {normalise(name): version for name, version in _PIN.findall(requirements.read_text())}


def normalise(name: str) -> str:
    """Return the normalised name of a package (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def fetch(target: Target, cache: Path, requirements: Path = REQUIREMENTS) -> list[Wheel]:
    """Return the target's wheels, sorted by name. The network is used only when `cache` does not have them yet.

    Raise LayerError when pip fails, or when the cached wheels are not those of the lock file.
    """
    options = ["--implementation", "cp", "--python-version", target.python, "--abi", target.abi, "--abi", "abi3", "--abi", "none"]
    for platform in target.platforms:
        options += ["--platform", platform]
    folder = _kept(cache, requirements, options, f"{target.runtime}-{target.architecture}")
    allowed = set(_HASH.findall(requirements.read_text()))
    wheels = sorted((_open(path, allowed) for path in folder.glob("*.whl")), key=lambda wheel: wheel.name)
    found, wanted = {wheel.name: wheel.version for wheel in wheels}, pins(requirements)
    if found != wanted:
        raise LayerError(f"{folder} has {found}, but {requirements.name} asks for {wanted}: remove that folder and build again")
    return wheels


def install_tools(cache: Path, requirements: Path = TOOLS) -> Path:
    """Return a folder for sys.path with the packages of the lock file `requirements`, installed for the running interpreter."""
    key = _key(requirements, [sys.implementation.cache_tag or "", os.uname().machine])
    folder = cache / "tools" / key
    if not folder.is_dir():
        with _temporary(folder) as part:
            _pip(
                [
                    *("install", "--only-binary=:all:", "--no-deps", "--require-hashes", "-r", str(requirements)),
                    *("--target", str(part), "--no-compile"),
                ]
            )
            _publish(part, folder)
    return folder


def indexes(with_files: bool = True) -> list[str]:
    """Return the addresses of the package indexes that pip asks, without credentials. `with_files`: its configuration files count too."""
    result = _run_pip(["config", "list"])
    found: dict[str, list[str]] = {}
    for line in result.stdout.splitlines():
        name, _, value = line.partition("=")
        place, _, key = name.rpartition(".")
        if key in ("index-url", "extra-index-url") and (with_files or place == ":env:"):
            # pip lists variables before files; they count more.
            found.setdefault(key, str(ast.literal_eval(value)).split())
    return [_public(url) for key in ("index-url", "extra-index-url") for url in found.get(key, [_INDEX] if key == "index-url" else [])]


def _public(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _kept(cache: Path, requirements: Path, options: list[str], label: str) -> Path:
    folder = cache / "wheels" / f"{label}-{_key(requirements, options)}"
    if not folder.is_dir():
        with _temporary(folder) as part:
            fixed = ["download", "--only-binary=:all:", "--no-deps", "--require-hashes", "-r", str(requirements), "--dest", str(part)]
            _pip([*fixed, *options])
            _publish(part, folder)
    return folder


def _key(requirements: Path, options: list[str]) -> str:
    return hashlib.sha256("\0".join([requirements.read_text(), *options]).encode()).hexdigest()[:16]


def _temporary(folder: Path) -> tempfile.TemporaryDirectory[str]:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(dir=folder.parent, prefix=".part-", ignore_cleanup_errors=True)
    except OSError as error:
        raise LayerError(
            f"the cache {folder.parent} cannot be written: {error.strerror}; set RDSLOCAL_CACHE to a folder that you can write"
        ) from error


def _publish(part: str, folder: Path) -> None:
    try:
        Path(part).rename(folder)
    except OSError:
        # Another build has finished first. Its folder has the same files.
        if not folder.is_dir():
            raise
        shutil.rmtree(part, ignore_errors=True)


def _run_pip(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]
    environment = dict(os.environ)
    carried = Path(sys.prefix, ".pip")
    if carried.is_file():
        # local/setup.sh writes this file when Debian's Python has no ensurepip. It contains the path of pip's wheel.
        environment["PYTHONPATH"] = carried.read_text().strip()
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def _pip(arguments: list[str]) -> None:
    result = _run_pip(["--quiet", *arguments])
    if result.returncode:
        if "No module named pip" in result.stderr:
            raise LayerError(f"{sys.executable} has no pip: run `{sys.executable} -m ensurepip`")
        errors = [line for line in result.stderr.splitlines() if line.startswith("ERROR")] or result.stderr.strip().splitlines()[-1:]
        reason = " ".join(error.removeprefix("ERROR: ") for error in errors) or "no reason given"
        raise LayerError(f"pip could not {arguments[0]} the packages of {Path(arguments[arguments.index('-r') + 1]).name}: {reason}")


def _open(path: Path, allowed: set[str]) -> Wheel:
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    if sha256 not in allowed:
        raise LayerError(f"{path} has the sha256 {sha256}, which is not in the lock file: remove the file's folder and build again")
    with zipfile.ZipFile(path) as archive:
        metadata = next(name for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name))
        headers = Parser().parsestr(archive.read(metadata).decode(), headersonly=True)
    return Wheel(normalise(headers["Name"]), headers["Version"], path, sha256)
