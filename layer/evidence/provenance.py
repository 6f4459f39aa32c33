"""The provenance beside a layer: an unsigned in-toto Statement v1 with SLSA provenance v1 as its predicate.

It records what this machine built the layer from. With a signature of the workflow this is SLSA build level 1. A higher level needs
a builder that writes the statement outside the reach of the build's steps, such as GitHub's attestations.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import matrix
from ..building.source import Source
from ..building.wheels import REQUIREMENTS, TOOLS, indexes, pins
from ..matrix import Target

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"


@dataclass(frozen=True)
class Builder:
    """Who built a layer, and how.

    id, run: URIs of the builder and of its run. build_type: the URI of the page that documents the parameters. base: the base image of a
    build with Docker. interpreter: the file that compiled the sources of a build without Docker.
    """

    id: str
    build_type: str
    run: str | None = None
    base: str | None = None
    interpreter: Path | None = None


def builder(given: str | None, base: str | None = None, interpreter: Path | None = None) -> Builder:
    """Return the builder that `given` names, otherwise that of the GitHub Actions workflow that runs this, otherwise a local one."""
    server, workflow = os.environ.get("GITHUB_SERVER_URL"), os.environ.get("GITHUB_WORKFLOW_REF")
    run, build_type = None, matrix.provenance()["build_type"]
    if server and workflow:
        repository, number, attempt = (os.environ.get(f"GITHUB_{name}") for name in ("REPOSITORY", "RUN_ID", "RUN_ATTEMPT"))
        run = f"{server}/{repository}/actions/runs/{number}/attempts/{attempt}"
        given = given or f"{server}/{workflow}"
        build_type = f"{server}/{repository}/blob/main/layer/README.md#provenance"
    return Builder(given or matrix.provenance()["local_builder"], build_type, run, base, interpreter)


def statement(target: Target, manifest: Mapping[str, Any], source: Source, builder: Builder) -> str:
    """Return the statement as JSON. It contains no build times, so the same build by the same builder gives the same text."""
    dependencies = [_tree(source), *map(_wheel, (p for p in manifest["packages"] if "wheel" in p)), _interpreter(manifest, builder)]
    dependencies += [{"name": name, "uri": f"pkg:pypi/{name}@{version}"} for name, version in sorted(pins(TOOLS).items())]
    dependencies += [_lock(REQUIREMENTS), _lock(TOOLS)]
    definition = {
        "buildType": builder.build_type,
        "externalParameters": {
            "target": {"python": target.python, "architecture": target.architecture},
            **({"base": builder.base} if builder.base else {"interpreter": manifest["bytecode"]["interpreter"]}),
            # Docker's build gets pip's variables, not its files.
            "indexes": indexes(with_files=not builder.base),
        },
        "internalParameters": {"way": "docker" if builder.base else "pip", "tree": source.state},
        "resolvedDependencies": dependencies,
    }
    metadata = {"invocationId": builder.run} if builder.run else {}
    predicate = {"buildDefinition": definition, "runDetails": {"builder": {"id": builder.id}, "metadata": metadata}}
    subject = {"name": manifest["file"], "digest": {"sha256": manifest["sha256"]}}
    written = {"_type": STATEMENT, "subject": [subject], "predicateType": PREDICATE, "predicate": predicate}
    return json.dumps(written, indent=2) + "\n"


def _tree(source: Source) -> dict[str, Any]:
    annotations: dict[str, Any] = {"state": source.state}
    if source.unknown:
        annotations["unknown"] = source.unknown
    if source.commit:
        annotations["inputs"] = "dirty" if source.inputs_changed else "clean"
        annotations["changedInputs"] = list(source.inputs_changed)
    described: dict[str, Any] = {"name": "source", "annotations": annotations}
    if source.repository:
        described["uri"] = f"git+{source.repository}" + (f"@{source.commit}" if source.commit else "")
    # If the tree differs from its commit, the commit is not the digest of the files that were built.
    if source.commit and not source.inputs_changed:
        described["digest"] = {"gitCommit": source.commit}
    elif source.commit:
        annotations["basedOn"] = source.commit
    if "uri" not in described and "digest" not in described:
        described["uri"] = f"urn:{matrix.product()}:source:{source.state}"
    return described


def _wheel(package: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": package["wheel"],
        "uri": f"pkg:pypi/{package['name']}@{package['version']}?file_name={package['wheel']}",
        "digest": {"sha256": package["sha256"]},
    }


def _interpreter(manifest: Mapping[str, Any], builder: Builder) -> dict[str, Any]:
    implementation, _, version = manifest["bytecode"]["interpreter"].partition(" ")
    described: dict[str, Any] = {
        "name": "interpreter",
        "uri": f"pkg:generic/{implementation.lower()}@{version}",
        "annotations": {"magic": manifest["bytecode"]["magic"]},
    }
    if builder.base:
        described["annotations"]["image"] = builder.base
        name, at, digest = builder.base.partition("@sha256:")
        if at:
            described["uri"] = f"docker://{name}"
            described["digest"] = {"sha256": digest}
    elif builder.interpreter:
        described["digest"] = {"sha256": hashlib.sha256(builder.interpreter.resolve().read_bytes()).hexdigest()}
    return described


def _lock(path: Path) -> dict[str, Any]:
    return {
        "name": f"layer/{path.name}",
        "uri": f"urn:{matrix.product()}:file:layer/{path.name}",
        "digest": {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()},
    }
