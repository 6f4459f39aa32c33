"""List, read, find, publish and delete layer versions in Lambda."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .account import Region
from .errors import AwsError

# Descriptions of earlier releases also have the kind of layer, in parentheses.
_DESCRIPTION = re.compile(r"\S+ (?P<release>\S+)(?: \(\w+\))?, (?P<interpreter>CPython \S+), sha256 (?P<hash>[\w+/]{43}=)")
_ATTEMPTS = 4
_PAUSE = 1.0  # seconds before the second attempt; doubled for each further one


@dataclass(frozen=True)
class Listed:
    """A version from ListLayerVersions. `release`, `interpreter` and `hash` come from its description; None if this tool did not write it."""

    version: int
    arn: str
    created: str
    release: str | None
    interpreter: str | None
    hash: str | None


@dataclass(frozen=True)
class Version:
    """A version from GetLayerVersion. `location` is a link with which anybody can read the zip for ten minutes.

    `created` is the time of its publication in the form of ISO 8601, as in `Listed`.
    """

    version: int
    arn: str
    code_sha256: str
    runtimes: tuple[str, ...]
    architectures: tuple[str, ...]
    licence: str
    description: str
    location: str
    created: str


def describe(product: str, release: str, interpreter: str, code_sha256: str) -> str:
    """Return the Description of a version. Its hash says which versions to look at first: only what Lambda reports is the zip's hash."""
    return f"{product} {release}, {interpreter}, sha256 {code_sha256}"


def layer_arn(region: Region, layer: str, version: int | None = None) -> str:
    return region.arn("lambda", f"layer:{layer}" + (f":{version}" if version is not None else ""))


def listed(region: Region, layer: str) -> list[Listed]:
    """Return all versions of a layer, newest first; an empty list if the layer does not exist. Raise AwsError when a call fails."""
    found = []
    for entry in region.pages("lambda", "list_layer_versions", layer_arn(region, layer), "LayerVersions", LayerName=layer):
        match = _DESCRIPTION.fullmatch(entry.get("Description", ""))
        facts = match.groupdict() if match else {}
        found.append(
            Listed(
                entry["Version"],
                entry["LayerVersionArn"],
                entry["CreatedDate"],
                facts.get("release"),
                facts.get("interpreter"),
                facts.get("hash"),
            )
        )
    return sorted(found, key=lambda one: -one.version)


def read(region: Region, layer: str, version: int) -> Version:
    """Return a version. Raise AwsError when the call fails."""
    arn = layer_arn(region, layer, version)
    return _version(region.ask("lambda", "get_layer_version", arn, LayerName=layer, VersionNumber=version))


def by_arn(region: Region, arn: str) -> Version:
    """Return a version by its ARN, which may be in another account. Raise AwsError when the call fails."""
    return _version(region.ask("lambda", "get_layer_version_by_arn", arn, Arn=arn))


def interpreter(description: str) -> str | None:
    """Return the interpreter in the description of a version, or None if this tool did not write it."""
    match = _DESCRIPTION.fullmatch(description)
    return match["interpreter"] if match else None


def with_hash(region: Region, layer: str, code_sha256: str, there: list[Listed] | None = None) -> list[Version]:
    """Return the versions whose zip has this CodeSha256, newest first.

    Versions whose description has another hash are not read, because with hundreds of versions that would take minutes per region.
    Raise AwsError when a call fails.
    """
    candidates = listed(region, layer) if there is None else there
    versions = (read(region, layer, one.version) for one in candidates if one.hash in (None, code_sha256))
    return [version for version in versions if version.code_sha256 == code_sha256]


def publish(
    region: Region, layer: str, code_sha256: str, content: Callable[[], dict[str, Any]], pause: float = _PAUSE, **attributes: Any
) -> tuple[Version, bool]:
    """Publish the zip unless a version with its hash exists. Return the version, and whether an answer was lost.

    Each call creates a new version, so botocore must not retry it: after a lost answer, or an error after the work was done, there
    would be two versions of one zip. Instead, Lambda is asked for the hash before each attempt. Raise AwsError when a call fails.
    """
    arn, failure = layer_arn(region, layer), None
    for attempt in range(_ATTEMPTS + 1):
        if there := _there(region, layer, code_sha256, failure):
            return there[0], failure is not None
        if failure and (attempt == _ATTEMPTS or not failure.again):
            raise failure
        if failure:
            # Exponential, with jitter so that regions that were throttled together do not retry together.
            time.sleep(pause * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))  # noqa: S311 (not a secret)
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
            error.text += f". It is unknown whether the attempt before published {layer} ({failure.text}): run this again, it checks first"
        raise


def delete(region: Region, layer: str, version: int) -> None:
    """Delete a version. Functions that use it keep it. A missing version is not an error. Raise AwsError when the call fails."""
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
        answer["CreatedDate"],
    )
