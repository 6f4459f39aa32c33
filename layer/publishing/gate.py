"""Checks before a publication: the zips pass the inspection, and for prod the version is a release that was built from this commit."""

from __future__ import annotations

from packaging.version import InvalidVersion, Version

from local.cache import cache_dir

from .. import archive, docker, documents, inspection, wheels
from ..checks import finding
from ..checks.beside import of_provenance
from ..errors import LayerError
from ..evidence.source import Source
from ..evidence.writing import PROVENANCE
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


def committed(tree: Source) -> None:
    """Raise LayerError when the tree differs from its commit, or git does not know."""
    if tree.unknown:
        raise LayerError(f"it is unknown whether the tree is committed ({tree.unknown}): publish from a clone with git, or give --dirty")
    if changed := tree.changed:
        shown = ", ".join(changed[:_SHOWN]) + (f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else "")
        raise LayerError(
            f"the tree has changes that are not committed ({shown}): nobody could rebuild the published layer. Commit them, or give --dirty"
        )


def provenance(artefact: Artefact, tree: Source) -> None:
    """Raise LayerError unless the provenance beside the zip says that this zip was built from the tree's commit without changes."""
    path = artefact.path.with_suffix(PROVENANCE)
    try:
        statement = documents.read(path)
    except FileNotFoundError as error:
        raise LayerError(f"{path} is missing, so it is unknown from which commit the zip was built: {_AGAIN}") from error
    named = of_provenance(statement)
    if archive.sha256(artefact.zipped) not in named and _unsigned(artefact) not in named:
        raise LayerError(f"{path} is the provenance of another zip: {_AGAIN}")
    place = ("predicate", "buildDefinition", "resolvedDependencies")
    sources = [number for number, each in enumerate(statement.objects(*place)) if each.get("name") == "source"]
    if len(sources) != 1:
        raise LayerError(f"{path} names {len(sources)} sources, not one: {_AGAIN}")
    one = (*place, sources[0])
    if statement.text(*one, "annotations", "inputs") != "clean":
        raise LayerError(f"{path} says that the zip was built from files that are in no commit: {_AGAIN}")
    if (commit := statement.text(*one, "digest", "gitCommit")) != tree.commit:
        raise LayerError(f"{path} says that the zip was built from the commit {commit}, this tree is at {tree.commit}: {_AGAIN}")


_AGAIN = "commit the changes and build it again with ./build.sh, or give --dirty"


def _unsigned(artefact: Artefact) -> str | None:
    """Return the SHA-256 that a zip had before AWS Signer signed it, which the provenance names; None for another zip.

    It is computed: the hash that the manifest has for it could be that of any zip.
    """
    files = finding.read(artefact.path, artefact.target).files
    if finding.SIGNER_FILE not in files:
        return None
    unsigned = {path: data for path, data in files.items() if path.startswith(finding.ROOT)}
    return archive.sha256(archive.pack(unsigned, wheels.install_tools(cache_dir())))


def image(artefact: Artefact) -> str | None:
    """Return the image that the provenance beside the zip names, if it is AWS's for this Python; None for another one or for none.

    Anybody can write a name into the provenance, so no other image is run.
    """
    try:
        statement = documents.read(artefact.path.with_suffix(PROVENANCE))
    except FileNotFoundError:
        return None
    place = ("predicate", "buildDefinition", "externalParameters", "base")
    base = statement.text(*place) if statement.has(*place) else ""
    return base if base.partition("@")[0] in (artefact.target.base_image, artefact.target.base_image.rpartition(":")[0]) else None


def fit(artefacts: list[Artefact]) -> None:
    """Raise LayerError when the inspection of a zip finds a fault. The Python of the image in which it was built compares the bytecode."""
    for artefact in artefacts:
        with docker.compiler(image(artefact) if docker.engine() else None, None) as compiler:
            faults = inspection.inspect(artefact.path, artefact.target, compiler).faults
        if faults:
            first = faults[0]
            raise LayerError(
                f"{artefact.path} is not fit to be published: {first.check}: {first.path} {first.message}"
                + (f" (and {len(faults) - 1} more)" if len(faults) > 1 else "")
                + f". `python -m layer inspect {artefact.path}` shows all of them"
            )
