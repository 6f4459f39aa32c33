"""The deadline is known with each runtime client that Lambda's runtimes carry or carried."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from local.environment import LambdaEnvironmentError
from local.environment.pip import pip
from local.environment.runtime_api import FunctionProcess

LOCKS = Path(__file__).parent / "runtime_clients"
NEWEST = "newest"
VERSIONS = [NEWEST, *sorted(file.stem for file in LOCKS.glob("*.txt"))]
"""Those for the Python that runs: the first that has wheels for 3.14 is 4.0."""

HANDLER = """
import importlib.metadata, os, time
EARLY = os.environ.get("EARLY")
if EARLY:
    import rdspool
    engine = rdspool.get_engine(host="127.0.0.1", user="app", region="eu-central-1")

def handler(event, context):
    import rdspool
    from rdspool import deadlines
    rdspool.get_engine(host="127.0.0.1", user="app", region="eu-central-1")
    if event == "raise":
        raise LookupError("mine")
    return {"left": deadlines.nearest().left(), "lambda": context.get_remaining_time_in_millis() / 1000,
            "version": importlib.metadata.version("awslambdaric")}
"""


@pytest.fixture(params=VERSIONS)
def client(request, tmp_path):
    """The version, and the folder of the runtime client, None for the one that the other tests use."""
    if request.param == NEWEST:
        return NEWEST, None
    if sys.version_info >= (3, 14) and request.param < "4":
        pytest.skip("this runtime client never served Python 3.14")
    folder = tmp_path / "client"
    pip(
        f"awslambdaric {request.param}",
        "install",
        *("--no-deps", "--only-binary=:all:", "--require-hashes", "--target", folder, "--requirement", LOCKS / f"{request.param}.txt"),
    )
    return request.param, folder


@pytest.mark.parametrize("early", ["", "yes"])
def test_the_deadline_is_known(client, tmp_path, early):
    version, folder = client
    (tmp_path / "handler.py").write_text(HANDLER)
    with FunctionProcess(tmp_path, variables={"EARLY": early}, timeout=8, client=folder) as process:
        process.wait_ready()
        for _ in range(2):
            seen = process.invoke()
            assert version in (NEWEST, seen["version"])
            assert 0.4 < seen["lambda"] - seen["left"] < 0.6  # the margin of 500 ms
        with pytest.raises(LambdaEnvironmentError, match="mine") as caught:
            process.invoke("raise")
        assert "invocation.py" not in str(caught.value)
        assert process.invoke()["left"] > 5
