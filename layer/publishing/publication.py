"""Bringing a layer in a region to what is wanted: published once, shared, checked by reading it again, then pointed to."""

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
    """How zips go to Lambda: `direct_upload` bytes at most, larger ones through `bucket`."""

    direct_upload: int
    bucket: str | None = None


def row(region: Region, wanted: Wanted) -> Outcome:
    """Returns the row of a layer in a region before anything was looked at."""
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
    """Returns what would be done; and the error, if there was one, that every other layer in the region would meet, too."""
    made = row(region, wanted)
    try:
        found = look(region, wanted)
    except AwsError as error:
        made.fail(str(error))
        return made, error if error.everywhere else None
    difference = compare(wanted, found)
    _tell(made, found, difference)
    made.steps = difference.steps()
    if difference.faults:
        made.problems += difference.faults
    elif difference.publish:
        made.status = outcome.TO_PUBLISH
    else:
        made.status = outcome.AS_WANTED if difference.empty else outcome.TO_CHANGE
    return made, None


def apply(region: Region, wanted: Wanted, options: Options, stopped: Callable[[], bool]) -> tuple[Outcome, AwsError | None]:
    """Does what is to be done and returns what came of it, and the error that every other layer in the region would meet, too.

    The row is true of what was done before an error.
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
        _tell(made, found, difference)
        made.problems += difference.faults
        return
    if difference.empty:
        _tell(made, found, difference)
        made.status = outcome.AS_WANTED
        return
    version = found.version or _publish(made, region, wanted, options)
    # Nobody gets to use, and nothing points to, a version that is not known to be right.
    if difference.publish:
        _hold(region, wanted, but_for_others=True)
    for grant in difference.grants:
        sharing.add(region, wanted.layer, version.version, grant)
        made.done.append(f"shared with {grant}")
    if stopped():
        made.fail("stopped before its parameters were set: run this again")
        return
    for name, _ in difference.parameters:
        parameters.write(region, name, version.arn)
        made.done.append(f"set {name}")
    found = _hold(region, wanted)
    _tell(made, found, compare(wanted, found))
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
    made.version, made.arn, made.code_sha256 = version.version, version.arn, version.code_sha256
    made.done.append(f"published version {version.version}" + (" (its answer was lost; found by its hash)" if lost else ""))
    return version


def _hold(region: Region, wanted: Wanted, *, but_for_others: bool = False) -> Found:
    """Reads everything again. Raises LayerError when it is not as wanted; `but_for_others`: policy and parameters are not looked at."""
    found = look(region, wanted)
    left = compare(wanted, found)
    told = list(left.faults)
    told += [f"no version has the hash {wanted.artefact.code_sha256}"] if left.publish else []
    if not but_for_others:
        told += [f"it is not shared with {grant}" for grant in left.grants]
        told += [f"{name} is {value or 'missing'}" for name, value in left.parameters]
    if told:
        raise LayerError(f"read again, {wanted.layer} in {region} is not as wanted: {'; '.join(told)}. Run this again")
    return found


def _tell(made: Outcome, found: Found, difference: Difference) -> None:
    if newest := found.newest:
        made.newest = f"{newest.version} ({newest.release or 'not by this tool'}, sha256 {newest.hash or 'not told'})"
    if version := found.version:
        made.version, made.arn, made.code_sha256 = version.version, version.arn, version.code_sha256
        made.shared_with = [str(grant) for grant in sorted(found.policy.holders())]
    made.notes += difference.notes
