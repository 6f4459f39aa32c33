"""Which modules of the standard library rdspool's own modules import, on the way to the first connection: each costs a cold start time."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from layer.matrix import PROJECT

PACKAGE = PROJECT / "python" / "rdspool"
DOCTOR = {path.relative_to(PACKAGE).as_posix() for path in (PACKAGE / "doctor").glob("*.py")}
TESTING = {path.relative_to(PACKAGE).as_posix() for path in (PACKAGE / "testing").glob("*.py")}
LATER = {"_aws/diagnosis.py", "_aws/requests.py", "_aws/stored.py", "_driver/unverified.py"}
NOT_ON_THE_WAY = {"__main__.py", "sizing.py", *LATER, *DOCTOR, *TESTING}
"""Modules that no import of rdspool and no connect that succeeds imports."""
MAY = {
    *("__future__", "atexit", "collections", "collections.abc", "contextlib", "contextvars", "datetime", "decimal", "enum", "functools"),
    *("gc", "hashlib", "hmac", "logging", "math", "os", "re", "select", "signal", "socket"),
    *("ssl", "struct", "sys", "threading", "time", "types", "typing", "uuid", "warnings", "weakref"),
}
"""SQLAlchemy needs most of them anyhow, ssl and socket are the driver's work. Measure before you add one: `python -X importtime`."""


def imported(module):
    """Yield the modules of the standard library that a module imports while it is imported itself."""
    left = list(ast.parse(module.read_text()).body)
    while left:
        node = left.pop()
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                continue
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                continue
            case ast.Import(names=names):
                found = [alias.name for alias in names]
            case ast.ImportFrom(module=name, level=0):
                found = [name]
            case _:
                found = []
        yield from (name for name in found if name.partition(".")[0] in sys.stdlib_module_names)
        left += ast.iter_child_nodes(node)


@pytest.mark.parametrize("module", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_only_these_modules_of_the_standard_library_are_imported(module):
    if module.relative_to(PACKAGE).as_posix() not in NOT_ON_THE_WAY:
        assert set(imported(module)) <= MAY


def test_what_is_not_on_the_way_is_not_imported():
    names = [f"rdspool.{name.removesuffix('.py').replace('/', '.').removesuffix('.__init__')}" for name in NOT_ON_THE_WAY]
    assert "rdspool.doctor" in names
    program = (
        f"import sys; from rdspool import get_engine; get_engine(host='h.test', user='u', region='eu-west-1'); "
        f"print([name for name in {names} if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
