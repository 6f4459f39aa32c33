"""The application for AWS's Serverless Application Repository: it creates one of the layers in the account that deploys it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .. import matrix
from ..matrix import Target
from .artefact import Artefact
from .stages import Stage
from .versions import describe

_LABELS = ["lambda", "layer", "mysql", "mariadb", "aurora", "rds", "sqlalchemy", "iam", "python"]
_DESCRIPTION = (
    "A Lambda layer with SQLAlchemy, mysql-connector-python and rdspool: a pooled SQLAlchemy engine on Amazon RDS and Aurora (MySQL, MariaDB),"
    " signed in with IAM"
)


def template(artefacts: Sequence[Artefact], stage: Stage, folder: Path, site: str | None = None) -> str:
    """Return the template (AWS SAM, as JSON) for a file in `folder`, from which the paths of the zips, LICENSE and README.md start.

    `artefacts` are those of all targets. `site` is the URL of the project's repository.
    """
    about = {
        "Name": stage.prefix,
        "Description": _DESCRIPTION,
        "Author": matrix.product(),
        "SpdxLicenseId": "Apache-2.0",
        "LicenseUrl": "LICENSE",
        "ReadmeUrl": "README.md",
        "Labels": _LABELS,
        "SemanticVersion": artefacts[0].release,
        **({"HomePageUrl": site, "SourceCodeUrl": f"{site}/tree/v{artefacts[0].release}"} if site else {}),
    }
    content = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Transform": "AWS::Serverless-2016-10-31",
        "Description": _DESCRIPTION,
        "Metadata": {"AWS::ServerlessRepo::Application": about},
        "Parameters": {
            "Python": _choice("python", "Python of the functions"),
            "Architecture": _choice("architecture", "Architecture of the functions"),
        },
        "Conditions": {_id(each): _chosen_by(each.target) for each in artefacts},
        "Resources": {_id(each): _layer(each, stage, folder) for each in artefacts},
        "Outputs": {"LayerVersionArn": {"Description": "ARN of the layer version, for the functions", "Value": _chosen(artefacts)}},
    }
    return json.dumps(content, indent=2) + "\n"


def readme(release: str, site: str | None = None) -> str:
    """Return the page that the repository shows for the application, in Markdown."""
    where = f"[{matrix.product()}]({site})" if site else matrix.product()
    return (
        f"# {matrix.product()}\n\n{_DESCRIPTION}.\n\n"
        f"This application creates the layer of {where} {release} in your account, for the Python and the architecture that you choose. Attach the"
        " ARN in its output `LayerVersionArn` to your functions. Earlier versions of the layer stay when you update or delete the application.\n"
    )


def _choice(kind: str, description: str) -> dict[str, Any]:
    return {"Type": "String", "Description": description, "AllowedValues": matrix.names(kind), "Default": matrix.default(kind)}


def _chosen_by(target: Target) -> dict[str, Any]:
    chosen = {"Python": target.python, "Architecture": target.architecture}
    return {"Fn::And": [{"Fn::Equals": [{"Ref": name}, value]} for name, value in chosen.items()]}


def _layer(artefact: Artefact, stage: Stage, folder: Path) -> dict[str, Any]:
    return {
        "Type": "AWS::Serverless::LayerVersion",
        "Condition": _id(artefact),
        "Properties": {
            "LayerName": stage.layer(artefact.target),
            "Description": describe(matrix.product(), artefact.release, artefact.interpreter, artefact.code_sha256),
            "ContentUri": os.path.relpath(artefact.path, folder),
            "CompatibleRuntimes": list(artefact.runtimes),
            "CompatibleArchitectures": list(artefact.architectures),
            "LicenseInfo": artefact.licence,
            "RetentionPolicy": "Retain",
        },
    }


def _chosen(artefacts: Sequence[Artefact]) -> dict[str, Any]:
    """Return the ARN of the version whose condition holds."""
    first, *others = artefacts
    arn = {"Ref": _id(first)}
    return {"Fn::If": [_id(first), arn, _chosen(others)]} if others else arn


def _id(artefact: Artefact) -> str:
    return "Layer" + re.sub(r"[^A-Za-z0-9]", "", f"{artefact.target.python} {artefact.target.architecture}".title())
