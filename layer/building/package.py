"""rdspool as an installed package: its files, and a dist-info folder made from pyproject.toml and version.py."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import LayerError
from ..matrix import PROJECT, Target, licences
from .source import tracked

PACKAGES = ("rdspool", "rdspool_imports")
"""The packages of python/ that a layer has."""
INSTALLED = ("rdspool", "rdspool_pytest")
"""Those that pip installs."""
TESTING = ("rdspool/testing/", "rdspool_pytest/")
"""The folders for tests on a developer's machine: pip installs them, and no layer has them."""
_PYTEST = "pytest11"
"""The group of entry points for the plugin."""


def project() -> dict[str, Any]:
    """Return the [project] table of pyproject.toml, with the version from python/rdspool/version.py."""
    table: dict[str, Any] = _pyproject()["project"]
    if "name" not in table:
        raise LayerError(f"{PROJECT / 'pyproject.toml'} has no name in [project]: the layer takes it from there")
    return table | {"version": _version()}


def _version() -> str:
    # Parsed, not imported: an import needs SQLAlchemy and the connector, which the build does not need.
    path = PROJECT / "python" / "rdspool" / "version.py"
    try:
        statements = ast.parse(path.read_text()).body
    except FileNotFoundError as error:
        raise LayerError(f"{path} is missing: the layer takes rdspool's version from it") from error
    for statement in statements:
        match statement:
            case ast.Assign(targets=[ast.Name(id="__version__")], value=ast.Constant(value=str(version))):
                return version
    raise LayerError(f'{path} has no line __version__ = "...": the layer takes rdspool\'s version from there')


def files(source: Path = PROJECT / "python") -> dict[str, bytes]:
    """Return rdspool's files by their path inside the layer's python/ folder, without the dist-info.

    These are the files that pip would install but for those in `TESTING`, and rdspool_imports.
    """
    return {path: data for path, data in _files(source, PACKAGES).items() if not path.startswith(TESTING)}


def installed(source: Path = PROJECT / "python") -> dict[str, bytes]:
    """Return the files that pip would install, by their path.

    If the tree is a repository, git tracks them: the modules of packages, and the data files that pyproject.toml names. Other files, such as
    an editor's backup or a folder without __init__.py, are left out.
    """
    return _files(source, INSTALLED)


def _files(source: Path, names: Sequence[str]) -> dict[str, bytes]:
    known = tracked(source.parent)
    packages = [path.parent for name in names for path in (source / name).rglob("__init__.py")]
    paths = {path for folder in packages for path in folder.glob("*.py")}
    for package, globs in _pyproject()["tool"]["setuptools"]["package-data"].items():
        paths |= {path for glob in globs for path in source.joinpath(*package.split(".")).glob(glob)}
    paths = {path for path in paths if known is None or path.relative_to(source.parent).as_posix() in known}
    found = {path.relative_to(source).as_posix(): path.read_bytes() for path in sorted(paths)}
    for needed in ("rdspool/__init__.py", "rdspool/py.typed", "rdspool/_aws/roots/proxy.pem"):
        if needed not in found:
            raise LayerError(f"python/{needed} is missing: this tree is incomplete")
    return found


def _pyproject() -> dict[str, Any]:
    path = PROJECT / "pyproject.toml"
    try:
        return tomllib.loads(path.read_text())
    except FileNotFoundError as error:
        raise LayerError(f"{path} is missing: the layer takes rdspool's name, version, entry points and data files from it") from error


def dist_info(notice: str, target: Target) -> dict[str, bytes]:
    """Return the dist-info files by path. `notice` is the content of THIRD-PARTY-NOTICES.txt."""
    table = project()
    folder = f"{table['name'].replace('-', '_')}-{table['version']}.dist-info"
    made = {
        "METADATA": _metadata(table),
        "WHEEL": f"Wheel-Version: 1.0\nGenerator: rdspool layer\nRoot-Is-Purelib: false\nTag: {target.abi}-abi3-linux_{target.machine}\n",
        "entry_points.txt": _entry_points(table),
        "top_level.txt": "".join(f"{name}\n" for name in PACKAGES),
        "licenses/LICENSE": (PROJECT / "LICENSE").read_text(encoding="utf-8"),
        "licenses/THIRD-PARTY-NOTICES.txt": notice,
    }
    return {f"{folder}/{name}": text.encode() for name, text in made.items()}


def _metadata(table: dict[str, Any]) -> str:
    lines = ["Metadata-Version: 2.4", f"Name: {table['name']}", f"Version: {table['version']}"]
    if "description" in table:
        lines.append(f"Summary: {table['description']}")
    if "requires-python" in table:
        lines.append(f"Requires-Python: {table['requires-python']}")
    lines += [f"License-Expression: {licences()[table['name']]['spdx']}", "License-File: LICENSE", "License-File: THIRD-PARTY-NOTICES.txt"]
    lines += [f"Requires-Dist: {requirement}" for requirement in table.get("dependencies", [])]
    return "\n".join(lines) + "\n"


def _entry_points(table: dict[str, Any]) -> str:
    groups: dict[str, dict[str, str]] = {group: points for group, points in table.get("entry-points", {}).items() if group != _PYTEST}
    if "scripts" in table:
        groups["console_scripts"] = table["scripts"]
    sections = (
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in sorted(groups[group].items())) for group in sorted(groups)
    )
    return "\n".join(sections)
