"""The steps "versions" and "runtime": which packages were imported from where, and which Python runs them on what."""

from __future__ import annotations

import os
import platform
import ssl
import sys
from typing import Any

import sqlalchemy
from mysql import connector
from mysql.connector.version import VERSION_TEXT

from .. import version
from .._driver import compiled
from .._lambda import installation
from ..imports import imports
from .patient import Patient
from .step import OK, WARNING, Finding


def versions(_: Patient) -> Finding:
    """Tell the versions of all that takes part, and where each was imported from."""
    way = imports()
    facts: dict[str, Any] = {
        "rdspool": {"version": version.__version__, "from": os.path.dirname(version.__file__)},
        "SQLAlchemy": {"version": sqlalchemy.__version__, "from": os.path.dirname(sqlalchemy.__file__)},
        "mysql-connector-python": {"version": VERSION_TEXT, "from": os.path.dirname(connector.__file__)},
        "OpenSSL": {"version": ssl.OPENSSL_VERSION.partition(" ")[2], "from": "Python's ssl module"},
        "imports": way.way,
        "rows": "Python" if compiled.in_c is None else "C",
    }
    if way.archives:
        facts["archives"] = way.archives
    found = (
        f"rdspool {version.__version__}, SQLAlchemy {sqlalchemy.__version__}, mysql-connector-python {VERSION_TEXT}; "
        f"rows are read in {facts['rows']}"
    )
    untested = [sentence for _, sentence in installation.untested_packages()]
    if untested:
        return Finding(
            WARNING,
            found,
            facts,
            cause=" ".join(untested),
            fix=["Leave the package out of the function, so that the layer's is used, or pin it to a tested version"],
        )
    if compiled.in_c is None and _in_lambda() and os.environ.get("RDSPOOL_ROWS") != "python":
        return Finding(
            WARNING,
            found,
            facts,
            cause="The driver's part in C can't be loaded, so that large results take more CPU: rdspool was installed without it, or the layer "
            "is for another architecture",
            fix=[
                f"Attach the layer version for Python {_python()}, {_architecture()}, and leave rdspool out of the function's own packages"
            ],
        )
    return Finding(OK, found, facts)


def runtime(_: Patient) -> Finding:
    """Tell the Python, the architecture, the layer and the function."""
    here = os.path.dirname(version.__file__)
    way = imports().way
    cached = getattr(version.__spec__, "cached", None)
    bytecode = way if way != "files" else "cached files" if cached and os.path.isfile(cached) else "compiled at each start"
    facts: dict[str, Any] = {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "architecture": _architecture(),
        "executable": sys.executable,
        "layer": here.startswith("/opt/"),
        "bytecode": bytecode,
    }
    for key, variable in (
        ("function", "AWS_LAMBDA_FUNCTION_NAME"),
        ("memory_mb", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
        ("runtime", "AWS_EXECUTION_ENV"),
        ("region", "AWS_REGION"),
    ):
        if os.environ.get(variable):
            facts[key] = os.environ[variable]
    where = f"in the function {facts['function']}" if "function" in facts else "outside of Lambda"
    found = f"Python {facts['python']} on {_architecture()} {where}; bytecode: {bytecode}"
    if bytecode == "compiled at each start" and _in_lambda():
        return Finding(
            WARNING,
            found,
            facts,
            cause=f"The modules in {here} have no bytecode for this Python, so that each cold start compiles them",
            fix=[
                f"Attach the layer version for Python {_python()}, {_architecture()}, and leave rdspool out of the function's own packages"
            ],
        )
    return Finding(OK, found, facts)


def _in_lambda() -> bool:
    return bool(os.environ.get("AWS_LAMBDA_FUNCTION_NAME"))


def _python() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _architecture() -> str:
    """Return Lambda's name of the architecture."""
    return {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
