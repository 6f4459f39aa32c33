"""Checks before a publication: the zips pass the inspection, and for prod the version is a release and the tree is committed."""

from __future__ import annotations

import subprocess
from pathlib import Path

from packaging.version import InvalidVersion, Version

from .. import inspection, matrix
from ..errors import LayerError
from .artefact import Artefact
from .stages import Stage

_SHOWN = 5


def version(stage: Stage, release: str) -> None:
    """Raise LayerError when the stage does not accept this version (PEP 440)."""
    try:
        parsed = Version(release)
    except InvalidVersion as error:
        raise LayerError(f"the version {release!r} in python/rdspool/version.py is not a valid version (PEP 440)") from error
    if (parsed.is_prerelease or parsed.local) and not stage.prerelease:
        raise LayerError(
            f"{release} is not a release, so it can't be published to {stage.name}: publish it to beta, or set a release version in python/rdspool/version.py"
        )


def changes(project: Path = matrix.PROJECT) -> list[str]:
    """Return the files of the tree that differ from its last commit. Raise LayerError when git does not know."""
    command = ["git", "-C", str(project), "status", "--porcelain"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise LayerError("git is not on the PATH, so it is unknown whether the tree is committed: install it, or give --dirty") from error
    if result.returncode:
        raise LayerError(f"git can't tell whether {project} is committed: {result.stderr.strip()}; publish from a clone, or give --dirty")
    return [line[3:] for line in result.stdout.splitlines()]


def refusal(changed: list[str]) -> str:
    """Return the error message for a tree with changes."""
    shown = ", ".join(changed[:_SHOWN]) + (f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else "")
    return f"the tree has changes that are not committed ({shown}): nobody could rebuild the published layer. Commit them, or give --dirty"


def fit(artefacts: list[Artefact]) -> None:
    """Raise LayerError when the inspection of a zip finds a fault."""
    for artefact in artefacts:
        if faults := inspection.inspect(artefact.path, artefact.target).faults:
            first = faults[0]
            raise LayerError(
                f"{artefact.path} is not fit to be published: {first.check}: {first.path} {first.message}"
                + (f" (and {len(faults) - 1} more)" if len(faults) > 1 else "")
                + f". `python -m layer inspect {artefact.path}` shows all of them"
            )
