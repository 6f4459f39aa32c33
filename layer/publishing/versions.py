"""Layer versions as Lambda has them: listing, reading, finding by hash, publishing, deleting."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .account import Region
from .errors import AwsError

# Versions of earlier releases also name their kind of layer, in parentheses.
_DESCRIPTION = re.compile(r"\S+ (?P<release>\S+)(?: \(\w+\))?, (?P<interpreter>CPython \S+), sha256 (?P<hash>[\w+/]{43}=)")
_ATTEMPTS = 4
_PAUSE = 1.0  # seconds before the second attempt; doubled for each further one


@dataclass(frozen=True)
class Listed:
    """A version as ListLayerVersions tells it. `release`, `interpreter` and `hash` are what its description says, if it is ours."""

    version: int
    arn: str
    created: str
    release: str | None
    interpreter: str | None
    hash: str | None


@dataclass(frozen=True)
class Version:
    """A version as GetLayerVersion tells it. `location` is a link to the zip that works for ten minutes, and lets anybody read it."""

    version: int
    arn: str
    code_sha256: str
    runtimes: tuple[str, ...]
    architectures: tuple[str, ...]
    licence: str
    description: str
    location: str


def describe(product: str, release: str, interpreter: str, code_sha256: str) -> str:
    """Returns the Description of a version. It can't be changed later, so what it says of the hash can be relied on."""
    return f"{product} {release}, {interpreter}, sha256 {code_sha256}"


def layer_arn(region: Region, layer: str, version: int | None = None) -> str:
    return region.arn("lambda", f"layer:{layer}" + (f":{version}" if version is not None else ""))


def listed(region: Region, layer: str) -> list[Listed]:
    """Returns all versions of a layer, newest first; none where the layer does not exist."""
    found = []
    for entry in region.pages("lambda", "list_layer_versions", layer_arn(region, layer), "LayerVersions", LayerName=layer):
        told = _DESCRIPTION.fullmatch(entry.get("Description", ""))
        facts = told.groupdict() if told else {}
        found.append(
            Listed(
                entry["Version"],
                entry["LayerVersionArn"],
                entry.get("CreatedDate", ""),
                facts.get("release"),
                facts.get("interpreter"),
                facts.get("hash"),
            )
        )
    return sorted(found, key=lambda one: -one.version)


def read(region: Region, layer: str, version: int) -> Version:
    """Returns a version. Raises AwsError."""
    arn = layer_arn(region, layer, version)
    return _version(region.ask("lambda", "get_layer_version", arn, LayerName=layer, VersionNumber=version))


def by_arn(region: Region, arn: str) -> Version:
    """Returns a version by its ARN, which may be of another account. Raises AwsError."""
    return _version(region.ask("lambda", "get_layer_version_by_arn", arn, Arn=arn))


def interpreter(description: str) -> str | None:
    """Returns the interpreter that a version's description names, or None where it is not ours."""
    told = _DESCRIPTION.fullmatch(description)
    return told["interpreter"] if told else None


def with_hash(region: Region, layer: str, code_sha256: str, there: list[Listed] | None = None) -> list[Version]:
    """Returns the versions whose zip has this CodeSha256, newest first.

    Those whose description names another hash are not read: with hundreds of versions that would take minutes per region.
    """
    candidates = listed(region, layer) if there is None else there
    versions = (read(region, layer, one.version) for one in candidates if one.hash in (None, code_sha256))
    return [version for version in versions if version.code_sha256 == code_sha256]


def publish(
    region: Region, layer: str, code_sha256: str, content: Callable[[], dict[str, Any]], pause: float = _PAUSE, **attributes: Any
) -> tuple[Version, bool]:
    """Publishes the zip unless a version with its hash is there already; returns that version, and whether an answer was lost.

    Each publication makes a new version, so botocore must not repeat the call by itself: an answer that was lost, or an
    error after the work was done, would leave two versions of one zip. Before every attempt Lambda is asked for the hash.
    """
    arn, failure = layer_arn(region, layer), None
    for attempt in range(_ATTEMPTS + 1):
        if there := _there(region, layer, code_sha256, failure):
            return there[0], failure is not None
        if failure and (attempt == _ATTEMPTS or not failure.again):
            raise failure
        if failure:
            # Doubled each time, with jitter so that regions that were throttled together don't come back together.
            time.sleep(pause * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))  # noqa: S311 (no secret)
        try:
            answer = region.ask("lambda", "publish_layer_version", arn, retries=False, LayerName=layer, Content=content(), **attributes)
        except AwsError as error:
            if not error.again:
                raise
            failure = error
        else:
            return _version(answer), False
    raise AssertionError("unreachable")


def _there(region: Region, layer: str, code_sha256: str, failure: AwsError | None) -> list[Version]:
    try:
        return with_hash(region, layer, code_sha256)
    except AwsError as error:
        if failure and failure.unknown:
            error.text += f". Whether {layer} was published just before is not known ({failure.text}): run this again, it looks first"
        raise


def delete(region: Region, layer: str, version: int) -> None:
    """Deletes a version; functions that have it keep it. One that is gone already is no error."""
    region.ask("lambda", "delete_layer_version", layer_arn(region, layer, version), LayerName=layer, VersionNumber=version)


def _version(answer: dict[str, Any]) -> Version:
    return Version(
        answer["Version"],
        answer["LayerVersionArn"],
        answer["Content"]["CodeSha256"],
        tuple(answer.get("CompatibleRuntimes", ())),
        tuple(answer.get("CompatibleArchitectures", ())),
        answer.get("LicenseInfo", ""),
        answer.get("Description", ""),
        answer["Content"].get("Location", ""),
    )
