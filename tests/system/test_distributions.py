"""What PyPI gets: the sdist and the wheels, installed by pip in clean interpreters, and beside a layer of the same version."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from layers import MACHINE, LayerOf

from layer import matrix
from layer.building import extension, package, wheels
from local.cache import cache_dir
from local.endpoint import Endpoint

CALLS = """
from rdspool import get_engine
from sqlalchemy.engine import Engine

engine: Engine = get_engine(host="h", pool_recycle=60)
get_engine(hots="h")
"""
FUNCTION = """
import json
import sys
import rdspool
import rdspool.imports
from rdspool._driver import compiled
from sqlalchemy import create_engine, text

engine = rdspool.get_engine()


def handler(event=None, context=None):
    with engine.connect() as connection:
        row = connection.execute(text("SELECT CURRENT_USER() AS user, 1.50 AS price, NULL AS nothing, DATE '2026-02-03' AS day")).one()
    dialects = [type(create_engine(f"{name}+rdspool://user@host/database").dialect).__name__ for name in ("mysql", "mariadb")]
    return {
        "row": [str(value) for value in row],
        "dialects": dialects,
        "rdspool": rdspool.__file__,
        "sqlalchemy": sys.modules["sqlalchemy"].__file__,
        "way": rdspool.imports.imports().way,
        "compiled": compiled.in_c is not None,
    }


if __name__ == "__main__":
    print(json.dumps(handler()))
"""
ROW = ["app@%", "1.50", "None", "2026-02-03"]
DIALECTS = ["RdspoolDialect", "MariaDBRdspoolDialect"]


def run(*command: str | Path, **options) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def build(folder: Path, *options: str) -> list[Path]:
    variables = os.environ | {"PYTHONPATH": str(matrix.PROJECT), "RDSLOCAL_CACHE": str(cache_dir())}
    done = run(sys.executable, "-m", "layer", "distributions", "--output", folder, *options, cwd=folder.parent, env=variables)
    return [Path(line.partition("  ")[2]) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return the sdist, the wheels with the compiled part, and the wheel for every platform."""
    return build(tmp_path_factory.mktemp("pypi") / "dist")


def of(built: list[Path], ending: str) -> Path:
    return next(path for path in built if path.name.endswith(ending))


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pip(*arguments: str | Path, python: str | Path = sys.executable) -> None:
    run(python, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments)


@pytest.fixture(scope="module")
def clean(built: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a new interpreter in which pip has installed rdspool and what it needs. pip chose among what was built."""
    folder = tmp_path_factory.mktemp("clean")
    run(sys.executable, "-m", "venv", folder)
    python = folder / "bin" / "python"
    pip("install", "--require-hashes", "-r", wheels.REQUIREMENTS, python=python)
    pip("install", "--no-index", "--find-links", built[0].parent, "rdspool", python=python)
    return python


def test_each_wheel_has_what_a_layer_has_of_rdspool_and_what_tests_need(built: list[Path]) -> None:
    version = package.project()["version"]
    assert [path.name for path in built] == [
        f"rdspool-{version}.tar.gz",
        f"rdspool-{version}-cp312-abi3-manylinux2014_aarch64.manylinux_2_17_aarch64.whl",
        f"rdspool-{version}-cp312-abi3-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        f"rdspool-{version}-py3-none-any.whl",
    ]
    ours = package.installed()
    more = ours.keys() - package.files().keys()
    assert {"rdspool/testing/__init__.py", "rdspool_pytest/__init__.py"} < more
    assert all(path.startswith(package.TESTING) for path in more)
    for architecture, ending in ((None, "any.whl"), ("x86_64", "x86_64.whl"), ("arm64", "aarch64.whl")):
        compiled = extension.build(architecture, wheels.install_tools(cache_dir()), cache_dir()) if architecture else {}
        found = contents(of(built, ending))
        assert {path: data for path, data in found.items() if ".dist-info/" not in path} == ours | compiled
        (points,) = (data for path, data in found.items() if path.endswith("/entry_points.txt"))
        assert b"[pytest11]\nrdspool = rdspool_pytest\n" in points


def test_two_builds_give_the_same_bytes(built: list[Path], tmp_path: Path) -> None:
    assert [path.read_bytes() for path in build(tmp_path / "again")] == [path.read_bytes() for path in built]


def test_the_links_of_the_readme_lead_to_the_released_tree(tmp_path: Path) -> None:
    made = contents(of(build(tmp_path / "dist", "--site", "https://example.org/owner/repository"), "any.whl"))
    metadata = next(data for path, data in made.items() if path.endswith("/METADATA")).decode()
    version = package.project()["version"]
    assert f"](https://example.org/owner/repository/blob/v{version}/layer/README.md)" in metadata
    assert f"](https://example.org/owner/repository/raw/v{version}/tests/bench/chart.svg)" in metadata
    assert "](layer/" not in metadata
    assert "](tests/" not in metadata


def test_the_sdist_gives_the_wheel_for_every_platform_and_has_the_source_of_the_compiled_part(built: list[Path], tmp_path: Path) -> None:
    with tarfile.open(built[0]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {f"python/{extension.FOLDER}/{name}" for name in extension.SOURCES} <= names
    assert not any("rdspool_imports" in name for name in names)
    # Without a compiler on the PATH.
    tools = wheels.install_tools(cache_dir(), wheels.DISTRIBUTION_TOOLS)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path, built[0]]
    run(*command, env={"PATH": str(tmp_path), "PYTHONPATH": str(tools), "SOURCE_DATE_EPOCH": "315532800"})
    (wheel,) = tmp_path.glob("*.whl")
    assert contents(wheel) == contents(of(built, "any.whl"))


@pytest.mark.parametrize(
    ("platform", "ending"),
    [
        ("manylinux2014_x86_64", "x86_64.whl"),
        ("manylinux2014_aarch64", "aarch64.whl"),
        ("manylinux_2_17_aarch64", "aarch64.whl"),
        ("musllinux_1_2_x86_64", "any.whl"),
        ("macosx_14_0_arm64", "any.whl"),
        ("win_amd64", "any.whl"),
    ],
)
@pytest.mark.parametrize("python", matrix.names("python"))
def test_pip_takes_the_compiled_part_where_it_runs(built: list[Path], tmp_path: Path, platform: str, ending: str, python: str) -> None:
    options = ["--no-index", "--no-deps", "--only-binary=:all:", "--find-links", built[0].parent, "--dest", tmp_path]
    pip("download", *options, "--platform", platform, "--python-version", python, "rdspool")
    (chosen,) = tmp_path.iterdir()
    assert chosen.name == of(built, ending).name


def test_a_clean_interpreter_signs_in_with_the_compiled_part(clean: Path, database: Endpoint, tmp_path: Path) -> None:
    (tmp_path / "function.py").write_text(FUNCTION)
    front = database.front
    front.reset()
    hosts = {
        "PYTHONPATH": str(matrix.PROJECT / "local" / "environment" / "hosts"),
        "FUNCTION_PROCESS_HOSTS": json.dumps({front.host: front.address}),
    }
    done = run(clean, "function.py", cwd=tmp_path, env=database.variables(str(front.ca_file)) | database.role() | hosts)
    result = json.loads(done.stdout)
    site = str(clean.parents[1])
    assert result["row"] == ROW
    assert result["dialects"] == DIALECTS
    assert (result["way"], result["compiled"]) == ("files", True)
    assert result["rdspool"].startswith(site)
    assert [connection.sign_in for connection in front.connections()] == ["iam"]


def test_a_type_checker_knows_the_installed_package(clean: Path, tmp_path: Path) -> None:
    (tmp_path / "calls.py").write_text(CALLS)
    command = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--config-file=", "--python-executable", clean, "calls.py"]
    done = subprocess.run(command, cwd=tmp_path, env={"PATH": os.defpath}, capture_output=True, text=True, check=False)
    errors = [line for line in done.stdout.splitlines() if "error:" in line]
    assert [line.split(":")[1] for line in errors] == ["6"], done.stdout + done.stderr
    assert "hots" in errors[0]


@pytest.mark.parametrize("own", ["rdspool", "rdspool and what it needs", "nothing"])
def test_beside_a_layer_of_the_same_version_a_function_behaves_the_same(
    built: list[Path], layer_of: LayerOf, database: Endpoint, tmp_path: Path, own: str
) -> None:
    task = tmp_path / "task"
    task.mkdir()
    if own != "nothing":
        pip("install", "--no-index", "--no-deps", "--find-links", built[0].parent, "--target", task, "rdspool")
    if own == "rdspool and what it needs":
        pip("install", "--require-hashes", "-r", wheels.REQUIREMENTS, "--target", task)
    (task / "handler.py").write_text(FUNCTION)
    database.front.reset()
    with database.environment(task=task, layers=[layer_of(MACHINE)]) as environment:
        invocations = [environment.invoke(), environment.invoke()]
    for invocation in invocations:
        assert invocation.error is None, invocation.logs
        result = invocation.payload
        assert result["row"] == ROW
        assert result["dialects"] == DIALECTS
        assert result["compiled"]
        # The function's own packages come first. The archives are the layer's, and serve only packages of the layer.
        assert result["rdspool"].startswith("/opt/python/" if own == "nothing" else "/var/task/")
        expected = ("files", "/var/task/") if own == "rdspool and what it needs" else ("archives", "/opt/python/")
        assert (result["way"], result["sqlalchemy"][: len(expected[1])]) == expected
    assert [connection.sign_in for connection in database.front.connections()] == ["iam"]
