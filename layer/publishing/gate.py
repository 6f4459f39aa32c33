"""What has to hold before anything is published: at prod a released version and a tree that is committed; fit zips always."""

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
    """Raises LayerError where the stage does not take this version (PEP 440)."""
    try:
        parsed = Version(release)
    except InvalidVersion as error:
        raise LayerError(f"the version {release!r} in python/rdspool/version.py is not one that Python knows (PEP 440)") from error
    if (parsed.is_prerelease or parsed.local) and not stage.prerelease:
        raise LayerError(
            f"{release} is no release, so it can't go to {stage.name}: publish it to beta, or give python/rdspool/version.py a release's version"
        )


def changes(project: Path = matrix.PROJECT) -> list[str]:
    """Returns the files of the tree that are not as in its last commit. Raises LayerError where git can't tell."""
    command = ["git", "-C", str(project), "status", "--porcelain"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise LayerError("git is not on the PATH, so nobody can tell whether the tree is committed: install it, or give --dirty") from error
    if result.returncode:
        raise LayerError(f"git can't tell whether {project} is committed: {result.stderr.strip()}; publish from a clone, or give --dirty")
    return [line[3:] for line in result.stdout.splitlines()]


def refusal(changed: list[str]) -> str:
    """Returns the sentence about a tree with changes."""
    shown = ", ".join(changed[:_SHOWN]) + (f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else "")
    return f"the tree has changes that are not committed ({shown}): nobody could build again what is published. Commit, or give --dirty"


def fit(artefacts: list[Artefact]) -> None:
    """Raises LayerError where `inspect` refuses a zip."""
    for artefact in artefacts:
        if faults := inspection.inspect(artefact.path, artefact.target).faults:
            first = faults[0]
            raise LayerError(
                f"{artefact.path} is not fit to be published: {first.check}: {first.path} {first.message}"
                + (f" (and {len(faults) - 1} more)" if len(faults) > 1 else "")
                + f". `python -m layer inspect {artefact.path}` has all of it"
            )
