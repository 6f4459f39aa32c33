"""The provenance beside a layer: an in-toto Statement v1 whose predicate is SLSA provenance v1, without a signature of its own.

It says what this machine claims to have built from what. Signed by the workflow that built it, that is SLSA's build level 1; more
needs a builder that writes the statement where the build's own steps can't reach it, such as GitHub's attestations.
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
from ..matrix import Target
from ..wheels import REQUIREMENTS, TOOLS, pins
from .source import Source

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"


@dataclass(frozen=True)
class Builder:
    """Who built, in which way. `id` and `run` are URIs; base is the image of a build with Docker, as the engine was asked for it.

    interpreter is the file that made the bytecode, where it was one of this machine's.
    """

    id: str
    run: str | None = None
    base: str | None = None
    interpreter: Path | None = None


def builder(given: str | None, base: str | None = None, interpreter: Path | None = None) -> Builder:
    """Returns the builder named by `given`, else by GitHub's variables where its Actions run this, else a local one."""
    server, workflow = os.environ.get("GITHUB_SERVER_URL"), os.environ.get("GITHUB_WORKFLOW_REF")
    run = None
    if server and workflow:
        repository, number, attempt = (os.environ.get(f"GITHUB_{name}") for name in ("REPOSITORY", "RUN_ID", "RUN_ATTEMPT"))
        run = f"{server}/{repository}/actions/runs/{number}/attempts/{attempt}"
        given = given or f"{server}/{workflow}"
    return Builder(given or matrix.provenance()["local_builder"], run, base, interpreter)


def statement(target: Target, manifest: Mapping[str, Any], source: Source, builder: Builder) -> str:
    """Returns the statement, in JSON. It holds no times of the build: the same build by the same builder gives the same text."""
    dependencies = [_tree(source), *map(_wheel, (p for p in manifest["packages"] if "wheel" in p)), _interpreter(manifest, builder)]
    dependencies += [{"name": name, "uri": f"pkg:pypi/{name}@{version}"} for name, version in sorted(pins(TOOLS).items())]
    dependencies += [_lock(REQUIREMENTS), _lock(TOOLS)]
    definition = {
        "buildType": matrix.provenance()["build_type"],
        "externalParameters": {"target": {"python": target.python, "architecture": target.architecture}},
        "internalParameters": {"way": "docker" if builder.base else "pip", "tree": source.state},
        "resolvedDependencies": dependencies,
    }
    metadata = {"invocationId": builder.run} if builder.run else {}
    predicate = {"buildDefinition": definition, "runDetails": {"builder": {"id": builder.id}, "metadata": metadata}}
    subject = {"name": manifest["file"], "digest": {"sha256": manifest["sha256"]}}
    written = {"_type": STATEMENT, "subject": [subject], "predicateType": PREDICATE, "predicate": predicate}
    return json.dumps(written, indent=2) + "\n"


def _tree(source: Source) -> dict[str, Any]:
    told: dict[str, Any] = {"state": source.state}
    if source.unknown:
        told["unknown"] = source.unknown
    if source.commit:
        told["inputs"] = "dirty" if source.inputs_changed else "clean"
        told["changedInputs"] = list(source.inputs_changed)
    described: dict[str, Any] = {"name": "source", "annotations": told}
    if source.repository:
        described["uri"] = f"git+{source.repository}" + (f"@{source.commit}" if source.commit else "")
    # Of a tree that differs from its commit the commit is no digest: it would vouch for other files.
    if source.commit and not source.inputs_changed:
        described["digest"] = {"gitCommit": source.commit}
    elif source.commit:
        told["basedOn"] = source.commit
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
