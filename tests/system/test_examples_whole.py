"""Examples that are whole projects: their own tests, their run on this machine as the README shows it, and their templates."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import attach_tools as tools
import pytest
from layers import LayerOf
from users_pytest import run_pytest

from local.cache import cache_dir
from local.endpoint import Endpoint, run_file
from local.environment.runtime_api import FunctionProcess

WHOLE = sorted(path.parent.name for path in tools.EXAMPLES.glob("*/test_handler.py"))
SCREEN = 60
"""Lines of a handler."""


@pytest.mark.parametrize("example", WHOLE)
def test_its_own_tests_pass(example: str) -> None:
    done = run_pytest(tools.EXAMPLES / example)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^[1-9]\d* passed in", done.stdout, re.MULTILINE), done.stdout


@pytest.mark.parametrize("example", WHOLE)
def test_it_answers_on_this_machine_as_the_readme_shows(example: str, layer_of: LayerOf, tmp_path: Path) -> None:
    readme = (tools.EXAMPLES / example / "README.md").read_text()
    (commands,) = re.findall(r"```sh\n(.*?)```", readme, re.DOTALL)
    (answers,) = re.findall(r"```json\n(.*?)```", readme, re.DOTALL)
    assert "python -m local invoke " in commands
    commands = re.sub(r"dist/[\w.-]+\.zip", str(layer_of()), commands).replace(f"examples/{example}/build", str(tmp_path))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = tools.run("bash", "-euc", commands, cwd=tools.ROOT, RDSLOCAL_CACHE=str(cache_dir()), PATH=path)
    assert [json.loads(line) for line in done.stdout.splitlines()] == [json.loads(line) for line in answers.splitlines()]


@pytest.mark.parametrize("example", WHOLE)
def test_the_linters_have_nothing_to_say_about_its_template(example: str) -> None:
    work = tools.EXAMPLES / example
    tools.lint(work / "template.yaml", include="I")
    assert "is a valid SAM Template" in tools.run(tools.python(), "-m", "samcli", "validate", "--lint", cwd=work).stdout


@pytest.mark.parametrize("example", WHOLE)
def test_it_is_small_and_in_the_list(example: str) -> None:
    assert len((tools.EXAMPLES / example / "src" / "handler.py").read_text().splitlines()) <= SCREEN
    assert f"\n| [{example}]({example}/) | " in (tools.EXAMPLES / "README.md").read_text()


def test_the_snapshot_has_no_connection_and_a_restored_environment_connects_at_once(database: Endpoint) -> None:
    example, front = tools.EXAMPLES / "snapstart", database.front
    run_file(database.server, database.database, example / "schema.sql")
    variables = {**database.variables(str(front.ca_file)), **database.role(), "RDSPOOL_CONNECT": "init"}
    before = len(front.connections())
    with FunctionProcess(example / "src", variables=variables, hosts={front.host: front.address}, snap_start=True, timeout=10) as process:
        process.wait_ready()
        assert process.at_snapshot, process.log
        assert len(front.connections()) == before
        process.restore()
        front.wait(lambda front: len(front.connections()) == before + 1 and bool(front.connections()[-1].signed_in))
        assert process.invoke({"item": "tea", "currency": "JPY"})["price"] == "725.85"
        assert len(front.connections()) == before + 1
