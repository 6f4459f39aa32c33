"""Bring a layer in a region to the wanted state: publish it once, verify it, share it, then set the parameters that name it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .. import matrix
from ..errors import LayerError
from . import bucket, outcome, parameters, sharing, versions
from .account import Region
from .errors import AwsError
from .outcome import Outcome
from .plan import Difference, Found, Wanted, compare, look


@dataclass(frozen=True)
class Options:
    """How to upload zips: directly up to `direct_upload` bytes, larger ones through `bucket`."""

    direct_upload: int
    bucket: str | None = None


def row(region: Region, wanted: Wanted) -> Outcome:
    """Return the initial row of a layer in a region."""
    artefact, target = wanted.artefact, wanted.artefact.target
    return Outcome(
        region.account.id,
        region.name,
        wanted.layer,
        artefact.release,
        target.python,
        target.architecture,
        wanted.stage.name,
    )


def plan(region: Region, wanted: Wanted) -> tuple[Outcome, AwsError | None]:
    """Return the planned changes, and the error if it would affect every other layer in the region too."""
    made = row(region, wanted)
    try:
        found = look(region, wanted)
    except AwsError as error:
        made.fail(str(error))
        return made, error if error.everywhere else None
    difference = compare(wanted, found)
    _fill(made, found, difference)
    made.steps = difference.steps()
    if difference.faults:
        made.problems += difference.faults
    elif difference.publish:
        made.status = outcome.TO_PUBLISH
    else:
        made.status = outcome.AS_WANTED if difference.empty else outcome.TO_CHANGE
    return made, None


def apply(region: Region, wanted: Wanted, options: Options, stopped: Callable[[], bool]) -> tuple[Outcome, AwsError | None]:
    """Make the changes. Return the outcome, and the error if it would affect every other layer in the region too.

    After an error, the outcome has the changes that were made before it.
    """
    made = row(region, wanted)
    try:
        _apply(made, region, wanted, options, stopped)
    except LayerError as error:
        made.fail(str(error))
        return made, error if isinstance(error, AwsError) and error.everywhere else None
    return made, None


def _apply(made: Outcome, region: Region, wanted: Wanted, options: Options, stopped: Callable[[], bool]) -> None:
    found = look(region, wanted)
    difference = compare(wanted, found)
    if difference.faults:
        _fill(made, found, difference)
        made.problems += difference.faults
        return
    if difference.empty:
        _fill(made, found, difference)
        made.status = outcome.AS_WANTED
        return
    version = found.version or _publish(made, region, wanted, options)
    # Verify a new version before anybody may use it and before a parameter names it.
    if difference.publish:
        _verify(region, wanted, version_only=True)
    for grant in difference.grants:
        sharing.add(region, wanted.layer, version.version, grant)
        made.done.append(f"shared with {grant}")
    if stopped():
        made.fail("stopped before its parameters were set: run this again")
        return
    for name, _ in difference.parameters:
        parameters.write(region, name, version.arn)
        made.done.append(f"set {name}")
    found = _verify(region, wanted)
    _fill(made, found, compare(wanted, found))
    made.status = outcome.PUBLISHED if difference.publish else outcome.COMPLETED


def _publish(made: Outcome, region: Region, wanted: Wanted, options: Options) -> versions.Version:
    artefact = wanted.artefact
    description = versions.describe(matrix.product(), artefact.release, artefact.interpreter, artefact.code_sha256)
    version, lost = versions.publish(
        region,
        wanted.layer,
        artefact.code_sha256,
        lambda: bucket.content(region, artefact, options.direct_upload, options.bucket),
        Description=description,
        CompatibleRuntimes=list(artefact.runtimes),
        CompatibleArchitectures=list(artefact.architectures),
        LicenseInfo=artefact.licence,
    )
    _note(made, version)
    made.done.append(f"published version {version.version}" + (" (the answer was lost; found by its hash)" if lost else ""))
    return version


def _note(made: Outcome, version: versions.Version) -> None:
    made.version, made.arn, made.code_sha256, made.created = version.version, version.arn, version.code_sha256, version.created


def _verify(region: Region, wanted: Wanted, *, version_only: bool = False) -> Found:
    """Read the state again and return it. Raise LayerError when it is not as wanted. `version_only`: ignore policy and parameters."""
    found = look(region, wanted)
    left = compare(wanted, found)
    problems = list(left.faults)
    problems += [f"no version has the hash {wanted.artefact.code_sha256}"] if left.publish else []
    if not version_only:
        problems += [f"it is not shared with {grant}" for grant in left.grants]
        problems += [f"{name} is {value or 'missing'}" for name, value in left.parameters]
    if problems:
        raise LayerError(f"after the changes, {wanted.layer} in {region} is not as wanted: {'; '.join(problems)}. Run this again")
    return found


def _fill(made: Outcome, found: Found, difference: Difference) -> None:
    if newest := found.newest:
        made.newest = f"{newest.version} ({newest.release or 'not by this tool'}, sha256 {newest.hash or 'unknown'})"
    if version := found.version:
        _note(made, version)
        made.shared_with = [str(grant) for grant in sorted(found.policy.granted())]
    made.notes += difference.notes
