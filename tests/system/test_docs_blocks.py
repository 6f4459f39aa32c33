"""Each block of Python, shell and SQL in the documentation runs: against a real MySQL behind the RDS front, and the AWS API on this machine.

Shell blocks run in a fresh clone of the last commit, as a reader pastes them. `tests/docs_blocks.py` says how a page marks a block.
"""

from __future__ import annotations

import io
import json
import os
import re
import secrets
import string
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import boto3
import observing
import pymysql
import pytest

from local import endpoint
from tests.docs_blocks import PAGES, ROOT, all_blocks, blocks, programs

SCHEMA = Path(__file__).with_name("docs_schema.sql")
REGION = "eu-central-1"
PROGRAMS = [program for page in PAGES for program in programs(page)]
RUN = [block for block in all_blocks() if block.reason is None]
IAM_USER = re.compile(r"CREATE USER (.*) IDENTIFIED WITH AWSAuthenticationPlugin AS 'RDS'")
"""What only a server of RDS can do: others do not have the plugin. The rest of the statements is theirs too."""
USERS = "python -m rdspool"
"""How a command begins that users run where their function is, not in a clone."""
PYTHONS = {"observability": observing.python}
"""Per folder of a lock, what returns the interpreter that has its packages."""
HANDLED = "\nif 'handler' in globals():\n    import json\n    print(json.dumps(handler(json.loads({event!r}), None)))\n"


def commands(block):
    """Return the commands of a shell block, without its comments, which pages have in their own language."""
    return re.sub(r"\s+#.*", "", block.code)


def shell():
    """Return the shell blocks that run, by page. Pages repeat commands: each block is run once, on the first page that has it."""
    found, seen = {}, set()
    for block in RUN:
        if block.language == "sh" and commands(block) not in seen:
            seen.add(commands(block))
            found.setdefault(block.page, []).append(block)
    return found


SHELL = shell()


@dataclass(frozen=True)
class Stage:
    """What the blocks run with: the database and its variables."""

    database: endpoint.Endpoint
    variables: dict[str, str]

    def variables_for(self, marks: dict[str, str]) -> dict[str, str]:
        """Return the environment of a block. A variable that it names replaces another, and may contain others."""
        found = dict(self.variables)
        for assignment in marks.get("variables", "").split():
            name, _, value = assignment.partition("=")
            found[name] = string.Template(value).substitute(found)
        return found


@pytest.fixture(scope="module")
def stage():
    with endpoint.start("mysql", host="localhost", schema=SCHEMA) as database:
        password = secrets.token_urlsafe(12)
        database.server.create_user("shop", password, database=database.database)
        own = {name: value for name, value in os.environ.items() if not name.startswith(("RDSPOOL_", "AWS_"))}
        yield Stage(
            database,
            {
                **own,
                **database.variables(str(database.front.ca_file)),
                **database.role(),
                "RDSPOOL_REGION": database.front.region,
                "DOCS_PASSWORD": password,
                "DOCS_PASSWORD_USER": "shop",
            },
        )


def run(command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=590, **options)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: str(program[0]))
def test_python_runs(stage, program, tmp_path):
    marks = {name: value for block in program for name, value in block.marks.items()}
    source = "\n".join(block.code for block in program) + HANDLED.format(event=marks.get("event", "{}"))
    variables = stage.variables_for(marks)
    if "packages" in marks:
        # Without -W error: how these packages use each other is theirs.
        command, variables["PYTHONPATH"] = [PYTHONS[marks["packages"]](), "-c", source], str(ROOT / "python")
    else:
        command = [sys.executable, "-W", "error", "-c", source]
    printed = run(command, cwd=tmp_path, env=variables)
    if "def handler(" in source:
        json.loads(printed.splitlines()[-1])


def test_the_tests_that_a_page_shows_pass(tmp_path):
    for page in PAGES:
        files = {block.file: block.code for block in blocks(page) if block.file}
        if any(name.startswith("test_") for name in files):
            folder = tmp_path / page.stem
            folder.mkdir()
            for name, text in files.items():
                (folder / name).write_text(text)
            variables = {name: value for name, value in os.environ.items() if not name.startswith(("RDSPOOL_", "AWS_"))}
            run([sys.executable, "-m", "pytest", "-q", "--rdspool-url", "local"], cwd=folder, env=variables | {"PYTHONPATH": str(ROOT)})


@pytest.mark.parametrize("block", [block for block in RUN if block.language == "sql"], ids=str)
def test_sql_is_valid(mysql, block):
    connection = mysql.connect(autocommit=True)
    try:
        cursor = connection.cursor()
        for statement in filter(str.strip, re.split(r";\s*\n", IAM_USER.sub(r"CREATE USER IF NOT EXISTS \1", block.code))):
            cursor.execute(statement.rstrip().rstrip(";"))
            cursor.fetchall()
    except pymysql.err.MySQLError as error:
        pytest.fail(f"{block}: {error}")
    finally:
        connection.close()


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A fresh clone of the last commit, with its own virtual environment."""
    folder = tmp_path_factory.mktemp("clone") / "rdspool"
    run(["git", "clone", "--quiet", str(ROOT), str(folder)])
    return folder


@pytest.fixture(scope="module")
def tools():
    """The folder of the AWS CLI: it is installed with the packages of the site."""
    return str(Path(run(["bash", "-c", ". local/setup.sh && setup_venv docs && echo $PYTHON"], cwd=ROOT).strip()).parent)


@pytest.fixture(scope="module")
def account(aws_api):
    """The AWS API with a function that has no layer yet, and the variables that lead the SDKs and the AWS CLI to it."""
    aws_api.reset()
    variables = {**aws_api.variables(), "AWS_DEFAULT_REGION": REGION, "AWS_REGION": REGION}
    session = boto3.Session(variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"], region_name=REGION)
    session.client("iam", endpoint_url=aws_api.address).create_role(RoleName="function", AssumeRolePolicyDocument="{}")
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archived:
        archived.writestr("handler.py", "")
    api = session.client("lambda", endpoint_url=aws_api.address)
    role = f"arn:aws:iam::{aws_api.account}:role/function"
    api.create_function(FunctionName="NAME", Runtime="python3.13", Role=role, Handler="handler.handler", Code={"ZipFile": code.getvalue()})
    return variables, api


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("page", SHELL, ids=str)
def test_shell_runs(stage, clone, tools, account, tmp_path, page):
    for block in SHELL[page]:
        variables, api = account
        own = stage.variables_for(block.marks)
        if block.code.startswith(USERS):
            own["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), own["PATH"]])
            own |= {f"RDSPOOL_REPORTING_{name}": own[f"RDSPOOL_{name}"] for name in ("HOST", "USER")}
            run(["bash", "-euo", "pipefail", "-c", block.code], cwd=tmp_path, env=own)
        else:
            own |= {**variables, "PATH": os.pathsep.join([str(clone / ".venv/bin"), tools, own["PATH"]])}
            run(["bash", "-euo", "pipefail", "-c", block.code], cwd=clone, env=own)
        if "update-function-configuration" in block.code:
            (layer,) = api.get_function(FunctionName="NAME")["Configuration"]["Layers"]
            assert re.fullmatch(rf"arn:aws:lambda:{REGION}:\d+:layer:rdspool-python3_13-x86_64:\d+", layer["Arn"])


def test_no_shell_block_is_left_out():
    ran = {commands(block) for group in SHELL.values() for block in group}
    assert ran == {commands(block) for block in RUN if block.language == "sh"}
