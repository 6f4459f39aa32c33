"""What rdspool says of an installation that was not tested or can't work. Each case is a real import in a process of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import mysql.connector.version
import pytest
import rdspool
import sqlalchemy
from packaging.requirements import Requirement
from rdspool._lambda import installation

PROJECT = Path(__file__).parents[2]
HERE = f"Python {sys.version_info[0]}.{sys.version_info[1]}, {os.uname().machine.replace('aarch64', 'arm64')}"
OTHERS = "cpython-311-riscv64-linux-gnu"
START = """
from ._lambda import installation
try:
    {imports}
except ImportError as error:
    raise installation.explained(error) from error
installation.check_versions()
"""


@pytest.fixture
def imported(tmp_path):
    """Return a function that imports a package, which imports others as rdspool does, in a process that finds those of `task` first."""

    def run(imports):
        package = tmp_path / "layer" / "probe"
        shutil.copytree(Path(installation.__file__).parent, package / "_lambda")
        shutil.copy(Path(rdspool.__file__).with_name("version.py"), package)
        (package / "__init__.py").write_text(START.format(imports=imports))
        # PYTHONPATH stands before the environment's own packages.
        path = os.pathsep.join([str(tmp_path / "task"), str(tmp_path / "layer")])
        code = "import probe\nprint('imported')\n"
        return subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False
        )

    return run


@pytest.fixture
def task(tmp_path):
    """Return the folder of a function's own packages."""
    (tmp_path / "task").mkdir()
    return tmp_path / "task"


def own_sqlalchemy(task, version=None):
    """Make a function's own copy of SQLAlchemy."""
    source = Path(sqlalchemy.__file__).parent
    copy = shutil.copytree(source, task / "sqlalchemy", ignore=shutil.ignore_patterns("testing"))
    if version is not None:
        start = copy / "__init__.py"
        start.write_text(re.sub(r'__version__ = ".*"', f'__version__ = "{version}"', start.read_text()))
    return copy


def own_package(task, extension, start="from . import _fast_cy"):
    """Make a function's own package `compiled` with a file `extension` in its sub-package `util`."""
    inner = task / "compiled" / "util"
    inner.mkdir(parents=True)
    (inner.parent / "__init__.py").write_text("from . import util\n")
    (inner / "__init__.py").write_text(f"{start}\n")
    (inner / extension).write_bytes(b"no library")
    return inner.parent


# -- versions -----------------------------------------------------------------------------------------------------------------------


def test_the_range_is_that_of_the_packages_metadata():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    stated = {}
    for requirement in map(Requirement, project["dependencies"]):
        stated[requirement.name] = {specifier.operator: specifier.version for specifier in requirement.specifier}
    ours = {name: {">=": ".".join(map(str, lowest)), "<": ".".join(map(str, end))} for name, (lowest, end) in installation.TESTED.items()}
    assert stated == ours


def test_the_versions_of_this_run_are_within_the_range(recwarn):
    installation.check_versions()
    assert not recwarn.list


@pytest.mark.parametrize("version", ["2.0.40", "2.0.58", "2.1.0b1", "2.1.9", "2.1.10.dev0"])
def test_a_tested_version_of_sqlalchemy_is_not_warned_of(monkeypatch, version, recwarn):
    monkeypatch.setattr(sqlalchemy, "__version__", version)
    installation.check_versions()
    assert not recwarn.list


@pytest.mark.parametrize("version", ["1.4.54", "2.0.39", "2.2", "2.2.0b1", "3.0.0", "main"])
def test_any_other_version_of_sqlalchemy_is_warned_of(monkeypatch, version):
    monkeypatch.setattr(sqlalchemy, "__version__", version)
    with pytest.warns(installation.UntestedVersionWarning, match=f"^SQLAlchemy {re.escape(version)} was imported from"):
        installation.check_versions()


@pytest.mark.parametrize(("version", "warned"), [("9.1.0", True), ("9.2.0", False), ("26.10.0", False), ("27.1.0", True)])
def test_the_connectors_version(monkeypatch, version, warned, recwarn):
    monkeypatch.setattr(mysql.connector.version, "VERSION_TEXT", version)
    installation.check_versions()
    assert [f"mysql-connector-python {version} was imported" in str(warning.message) for warning in recwarn] == [True] * warned


def test_two_untested_packages_are_one_warning(monkeypatch, recwarn):
    monkeypatch.setattr(sqlalchemy, "__version__", "1.4.54")
    monkeypatch.setattr(mysql.connector.version, "VERSION_TEXT", "8.0.33")
    installation.check_versions()
    (warning,) = recwarn
    assert "SQLAlchemy 1.4.54" in str(warning.message)
    assert "mysql-connector-python 8.0.33" in str(warning.message)


def test_a_functions_own_copy_of_another_version_is_named_with_both_places_and_what_to_do(task, imported):
    copy = own_sqlalchemy(task, "2.2.0")
    done = imported("import sqlalchemy, mysql.connector")
    assert done.stdout == "imported\n", done.stderr
    (warning,) = [line for line in done.stderr.splitlines() if "Warning" in line]
    # The line of the function that imports rdspool, and not one of rdspool's own.
    assert warning.startswith("<string>:1: UntestedVersionWarning: ")
    assert f"SQLAlchemy 2.2.0 was imported from {copy}, and rdspool {rdspool.__version__} in {task.parent}/layer/probe" in warning
    assert "is tested with SQLAlchemy 2.0.40 and later, below 2.2." in warning
    assert "leave this one out of the function" in warning
    assert "mysql-connector-python" not in warning


def test_a_functions_own_copy_of_a_tested_version_is_no_news(task, imported):
    own_sqlalchemy(task)
    done = imported("import sqlalchemy, mysql.connector")
    assert (done.stdout, done.stderr) == ("imported\n", "")


def test_a_name_that_an_untested_version_has_not_is_reported_with_the_version(task, imported):
    copy = own_sqlalchemy(task, "1.4.54")
    done = imported("from sqlalchemy import of_a_later_version")
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ImportError: cannot import name 'of_a_later_version' from 'sqlalchemy'")
    assert f": SQLAlchemy 1.4.54 was imported from {copy}, and rdspool" in last
    assert "pin it to a tested version" in last


# -- packages that were built for another interpreter ---------------------------------------------------------------------------------


def test_sqlalchemy_of_another_python_or_architecture_is_reported_with_what_to_attach(task, imported):
    copy = own_sqlalchemy(task)
    here = f"cpython-{sys.version_info[0]}{sys.version_info[1]}-{os.uname().machine}-linux-gnu"
    extensions = list(copy.rglob(f"*.{here}.so"))
    assert extensions
    for extension in extensions:
        # A layer has none of the sources that the extensions were made from.
        extension.with_name(extension.name.replace(f"{here}.so", "py")).unlink(missing_ok=True)
        extension.rename(extension.with_name(extension.name.replace(here, "cpython-311-aarch64-linux-gnu")))
    done = imported("import sqlalchemy")
    if sqlalchemy.__version__.startswith("2.0."):
        # It has Python in place of each extension, and takes that without a word.
        assert (done.stdout, done.stderr) == ("imported\n", "")
        return
    first, last = re.findall(r"^(?:ModuleNotFound|Import)Error: .*", done.stderr, re.MULTILINE)
    assert first == "ModuleNotFoundError: No module named 'sqlalchemy.util._collections_cy'"
    assert last == (
        f"ImportError: No module named 'sqlalchemy.util._collections_cy': sqlalchemy in {copy} was built for Python 3.11, arm64 "
        f"(_collections_cy.cpython-311-aarch64-linux-gnu.so), and this is {HERE}. Attach the layer version for {HERE}; "
        f"where pip installed sqlalchemy, install it for {HERE}."
    )
    assert "The above exception was the direct cause of the following exception" in done.stderr


@pytest.mark.parametrize(
    ("extension", "built_for"),
    [
        (f"_fast_cy.{OTHERS}.so", "Python 3.11, riscv64"),
        ("_fast_cy.cpython-313t-x86_64-linux-gnu.so", "Python 3.13t, x86_64"),
        ("_fast_cy.pypy311-pp73-x86_64-linux-gnu.so", "another interpreter"),
    ],
)
def test_any_package_of_another_interpreter_is_reported(task, imported, extension, built_for):
    package = own_package(task, extension, "import compiled.util._fast_cy")
    done = imported("import compiled")
    assert f"compiled in {package} was built for {built_for} ({extension}), and this is {HERE}." in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("extension", "start", "words"),
    [
        (f"_fast_cy.{OTHERS}.so", "import compiled.util.nowhere", "No module named 'compiled.util.nowhere'"),
        ("_fast_cy.so", "import compiled.util._fast_cy", "_fast_cy.so: "),
        (f"_fast_cy.{OTHERS}.so", "import nowhere", "No module named 'nowhere'"),
        (f"_fast_cy.{OTHERS}.so", "from sqlalchemy import nothing", "cannot import name 'nothing' from 'sqlalchemy'"),
    ],
)
def test_an_error_with_another_cause_stays_as_it_is(task, imported, extension, start, words):
    own_package(task, extension, start)
    done = imported("import compiled")
    (error,) = re.findall(r"^(?:ModuleNotFound|Import)Error: .*", done.stderr, re.MULTILINE)
    assert words in error
    assert "built for" not in error
    assert done.stderr.count("Traceback") == 1


def test_an_error_with_another_cause_is_returned_itself():
    for error in (ImportError(), ImportError("other"), ModuleNotFoundError("other", name="nowhere"), ImportError("x", name="sqlalchemy.x")):
        assert installation.explained(error) is error


@pytest.mark.parametrize("on", [True, False])
def test_the_collector_is_as_it_was_and_leaves_alone_what_the_import_made(on):
    program = f"import gc; {'gc.enable' if on else 'gc.disable'}(); import rdspool; print(gc.isenabled(), gc.get_freeze_count() > 10_000)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == f"{on} True\n"


def test_the_package_warns_of_an_untested_version_when_it_is_imported():
    program = """
import warnings, sqlalchemy
sqlalchemy.__version__ = "1.4.0"
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import rdspool
print([one.category.__name__ for one in caught if "SQLAlchemy 1.4.0" in str(one.message)])
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "['UntestedVersionWarning']\n"


def test_the_package_explains_an_import_that_fails():
    program = """
import sys, sqlalchemy
sqlalchemy.__version__ = "1.4.0"
sys.modules["sqlalchemy.pool"] = None
try:
    import rdspool
except ImportError as error:
    print("is tested with SQLAlchemy" in str(error), error.__cause__ is not None)
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "True True\n"
