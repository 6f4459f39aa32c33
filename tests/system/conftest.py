"""Fixtures of several system tests: built layers, and a database as a function meets it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from layers import HERE, MACHINE, LayerOf

import local.aws
from layer import matrix
from local import endpoint
from local.cache import cache_dir
from local.environment.runtime_api import FunctionProcess
from tests.function_rig import variables_of


@pytest.fixture(scope="session")
def layer_of(tmp_path_factory: pytest.TempPathFactory) -> LayerOf:
    """Return a function that returns the zip of a layer, which the command builds once in a session."""
    built: dict[tuple[str, str], Path] = {}

    def of(architecture: str = MACHINE, python: str = HERE) -> Path:
        if (architecture, python) not in built:
            folder = tmp_path_factory.mktemp("layer")
            command = [sys.executable, "-m", "layer", "build", "--no-docker", "--json", "--output", str(folder)]
            command += ["--python", python, "--arch", architecture]
            if python == HERE:
                command += ["--interpreter", sys.executable]
            variables = os.environ | {"RDSLOCAL_CACHE": str(cache_dir()), "PYTHONPATH": str(matrix.PROJECT)}
            result = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
            assert result.returncode == 0, result.stderr
            built[architecture, python] = folder / json.loads(result.stdout)["file"]
        return built[architecture, python]

    return of


@pytest.fixture(scope="session")
def aws_api() -> Iterator[local.aws.Aws]:
    """Return the AWS API on this machine, kept to the end of the session."""
    with local.aws.start() as running:
        yield running


@pytest.fixture
def aws(aws_api: local.aws.Aws) -> local.aws.Aws:
    """Return the AWS API without resources, faults and recorded calls."""
    aws_api.reset()
    return aws_api


@pytest.fixture(scope="session")
def database() -> Iterator[endpoint.Endpoint]:
    """Return a MySQL database behind the RDS front, with all that a function needs to sign in."""
    with endpoint.start("mysql") as running:
        yield running


@pytest.fixture
def start_environment(database, layer_of):
    """Return a function that starts an environment with the layer, for the function in the folder `task`, and rdspool's settings for the database."""
    with ExitStack() as started:

        def start(task, credentials=database.credentials, **variables):
            made = database.environment(task=task, layers=[layer_of()], python=HERE, credentials=credentials, variables=variables)
            return started.enter_context(made)

        yield start


@pytest.fixture
def start_function(front, credentials, tmp_path):
    """Return a function that starts a process of a function, its code given as text, with rdspool's settings for the front.

    Keyword arguments in capitals are variables, the others FunctionProcess's.
    """
    running = []

    def start(source, **options):
        task = tmp_path / f"function{len(running)}"
        task.mkdir()
        (task / "handler.py").write_text(source)
        variables = variables_of(front, credentials, **{name: options.pop(name) for name in list(options) if name.isupper()})
        running.append(FunctionProcess(task, variables=variables, hosts={front.host: front.address}, **options))
        return running[-1]

    yield start
    for process in running:
        process.kill()


@pytest.fixture
def credentials_in_a_profile(target, credentials, monkeypatch, tmp_path):
    """Move the credentials of `target` from the environment into a profile, which the environment names."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    file = tmp_path / "credentials"
    file.write_text(
        f"[dev]\naws_access_key_id={credentials.access_key}\naws_secret_access_key={credentials.secret_key}\naws_session_token={credentials.session_token}\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.setenv("AWS_PROFILE", "dev")
    monkeypatch.setattr("rdspool._aws.credentials._resolved", None)
