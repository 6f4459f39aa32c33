"""A layer as build.sh makes it: what is inside, that it runs from a read-only folder, and that it is the same every time."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from importlib.metadata import PathDistribution
from pathlib import Path
from typing import Any

import pytest
from layers import HERE, MACHINE, LayerOf

from layer import matrix
from layer.building import extension, wheels
from layer.errors import LayerError
from local.cache import cache_dir

PLAIN = {name: os.environ[name] for name in ("PATH", "HOME", "LD_LIBRARY_PATH") if name in os.environ}


@dataclass
class Built:
    zip: Path
    manifest: dict[str, Any]
    opt: Path

    def python(self, code: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Run code with the layer's packages and the standard library, and no others."""
        environment = PLAIN | {"PYTHONPATH": str(self.opt / "python")}
        command = [sys.executable, "-S", "-P", "-s", *options, "-c", code]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def run_build(output: Path, *options: str, project: Path = matrix.PROJECT, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "layer", "build", "--no-docker", "--json", "--output", str(output), *options]
    variables = os.environ | {"RDSLOCAL_CACHE": str(cache_dir()), "PYTHONPATH": str(project)} | environment
    return subprocess.run(command, cwd=output.parent, env=variables, capture_output=True, text=True, check=False)


def unpack(archive: Path, folder: Path) -> Path:
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
        for info in opened.infolist():
            (folder / info.filename).chmod(info.external_attr >> 16 & 0o777)
    return folder


@pytest.fixture(scope="module")
def built(layer_of: LayerOf, tmp_path_factory: pytest.TempPathFactory) -> Built:
    archive = layer_of(MACHINE)
    return Built(archive, json.loads(archive.with_suffix(".json").read_text()), unpack(archive, tmp_path_factory.mktemp("opt")))


def test_the_manifest_says_what_the_zip_is(built: Built) -> None:
    data, manifest = built.zip.read_bytes(), built.manifest
    assert manifest == json.loads(built.zip.with_suffix(".json").read_text())
    assert manifest["sha256"] == hashlib.sha256(data).hexdigest()
    assert manifest["code_sha256"] == base64.b64encode(hashlib.sha256(data).digest()).decode()
    assert manifest["zipped_bytes"] == len(data)
    with zipfile.ZipFile(built.zip) as opened:
        assert manifest["files"] == len(opened.namelist())
        assert manifest["unzipped_bytes"] == sum(info.file_size for info in opened.infolist())
    assert manifest["compatible_runtimes"] == [f"python{HERE}"]
    assert manifest["compatible_architectures"] == [MACHINE]
    assert manifest["bytecode"]["interpreter"] == f"CPython {'.'.join(map(str, sys.version_info[:3]))}"
    assert len(manifest["license_info"]) <= 512
    assert "mysql-connector-python (GPL-2.0-only WITH Universal-FOSS-exception-1.0)" in manifest["license_info"]


def test_the_installed_versions_are_those_of_the_manifest(built: Built) -> None:
    for package in built.manifest["packages"]:
        folder = next((built.opt / "python").glob(f"{package['name'].replace('-', '_')}-*.dist-info"))
        assert PathDistribution(folder).version == package["version"]
        assert list((folder / "licenses").iterdir()), package["name"]


def test_nothing_of_the_aws_sdk_is_inside(built: Built) -> None:
    top = {path.name.partition("-")[0].partition(".")[0] for path in (built.opt / "python").iterdir()}
    assert top >= {"rdspool", "sqlalchemy", "mysql", "typing_extensions"}
    assert not top & {"boto3", "botocore", "urllib3", "s3transfer", "jmespath", "dateutil", "six", "greenlet", "pip", "setuptools"}


@pytest.mark.parametrize("way", ["archives", "plain"])
@pytest.mark.parametrize("first", ["sqlalchemy", "mysql.connector", "rdspool"])
def test_everything_is_imported_from_bytecode_and_nothing_is_written(built: Built, way: str, first: str) -> None:
    code = f"""
import os
os.environ["RDSPOOL_IMPORTS"] = {way!r}
import sys
compiled = []
sys.addaudithook(lambda event, args: compiled.append(args[1]) if event == 'compile' and 'site-packages' not in str(args[1]) else None)
import {first}, sqlalchemy, sqlalchemy.orm, mysql.connector, mysql.connector.pooling, sqlalchemy.dialects.mysql.pymysql, rdspool
print([str(name) for name in compiled if name and '/python/' in str(name)])
from importlib.machinery import SourceFileLoader
print({{m.__name__ for m in list(sys.modules.values()) if type(getattr(m, '__loader__', None)) is SourceFileLoader
       and '/python/' in (m.__file__ or '') and not __import__('os').path.exists(m.__spec__.cached)}})
from rdspool.imports import imports
print(imports().way)
"""
    before = sorted(built.opt.rglob("*"))
    result = built.python(code)
    assert result.stdout.splitlines() == ["[]", "set()", way], result.stderr
    assert sorted(built.opt.rglob("*")) == before


def test_a_traceback_shows_the_source(built: Built) -> None:
    result = built.python("import sqlalchemy; sqlalchemy.create_engine('nonsense://')")
    assert result.returncode == 1
    assert f'File "{built.opt}/python/sqlalchemy/engine/create.py", line' in result.stderr
    assert "raise exc.NoSuchModuleError(" in result.stderr


def test_sqlalchemys_accelerators_are_used_and_the_connector_is_in_python(built: Built) -> None:
    code = "import sqlalchemy.util._has_cython as c, mysql.connector as m; print(c.HAS_CYEXTENSION, m.HAVE_CEXT)"
    assert built.python(code).stdout.split() == ["True", "False"]


def test_the_connectors_c_extension_is_not_inside_nor_any_library_beside_sqlalchemys_and_rdspools(built: Built) -> None:
    with zipfile.ZipFile(built.zip) as opened:
        libraries = [name for name in opened.namelist() if opened.read(name)[:4] == b"\x7fELF" or ".so" in name]
        assert not [name for name in opened.namelist() if "_mysql_connector" in name or "/vendor/" in name or "_cext" in name]
    assert {name for name in libraries if not name.startswith("python/sqlalchemy/")} == {f"python/{extension.PATH}"}
    assert len(libraries) > 1


@pytest.mark.parametrize("architecture", matrix.names("architecture"))
def test_the_extension_is_the_same_after_a_build_elsewhere_from_nothing(layer_of: LayerOf, tmp_path: Path, architecture: str) -> None:
    """From another folder, and with nothing that an earlier run of the compiler has left."""
    with zipfile.ZipFile(layer_of(architecture)) as opened:
        shipped = opened.read(f"python/{extension.PATH}")
    source = shutil.copytree(matrix.PROJECT / "python", tmp_path / "another folder" / "python")
    made = extension.build(architecture, wheels.install_tools(cache_dir()), tmp_path / "cache", source)
    assert made == {extension.PATH: shipped}
    assert len(shipped) < 24_000


def test_the_layer_reads_rows_in_c(built: Built) -> None:
    result = built.python("from rdspool._driver import compiled; print(compiled.in_c.__file__)")
    assert result.stdout.strip() == f"{built.opt}/python/{extension.PATH}", result.stderr


def test_a_source_that_the_compiler_refuses_is_reported_in_a_line(tmp_path: Path) -> None:
    source = shutil.copytree(matrix.PROJECT / "python", tmp_path / "python")
    file = source / extension.FOLDER / "_compiled_rows.c"
    file.write_text(file.read_text().replace("static Outcome bits(", "static Outcome bats(", 1))
    with pytest.raises(LayerError, match=r"the compiler refuses _compiled\.c, .*, _compiled_rows\.c: _compiled_rows\.c:.*error: .*bits"):
        extension.build(MACHINE, wheels.install_tools(cache_dir()), cache_dir(), source)


def test_sign_in_plugins_of_rds_are_there_and_others_are_not(built: Built) -> None:
    code = """
from mysql.connector.plugins import get_auth_plugin
for name in ('mysql_clear_password', 'caching_sha2_password', 'mysql_native_password', 'sha256_password'):
    get_auth_plugin(name, None)
try:
    get_auth_plugin('authentication_kerberos_client', None)
except Exception as error:
    print(type(error).__name__)
"""
    result = built.python(code)
    assert result.stdout.strip() == "NotSupportedError", result.stderr


def test_users_can_test_on_sqlite(built: Built) -> None:
    code = "import sqlalchemy as s; print(s.create_engine('sqlite://').connect().execute(s.text('SELECT 6 * 7')).scalar())"
    assert built.python(code).stdout.strip() == "42"


def test_sqlalchemy_finds_rdspools_dialect_by_entry_point(built: Built) -> None:
    result = built.python("from importlib.metadata import entry_points as e; print(e(group='sqlalchemy.dialects')['mysql.rdspool'].value)")
    assert result.stdout.strip() == "rdspool.dialect:RdspoolDialect", result.stderr


def test_importing_costs_at_most_35_percent_of_the_cpu_without_bytecode(built: Built, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(built.opt, bare, ignore=shutil.ignore_patterns("__pycache__"))
    # rdspool last is the dearer order: it keeps the garbage collector out of its own import, which with it first is that of all three.
    code = "import sqlalchemy, mysql.connector, rdspool"

    def seconds(layer: Built) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert layer.python(code, "-B").returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    # CPU of the whole process, its start and end too; in turns, so that both meet the same load of the machine.
    pairs = [(seconds(built), seconds(Built(built.zip, built.manifest, bare))) for _ in range(9)]
    assert statistics.median(pair[0] for pair in pairs) <= 0.35 * statistics.median(pair[1] for pair in pairs)


def test_another_folder_user_day_and_environment_give_the_same_bytes(built: Built, tmp_path: Path) -> None:
    clone = tmp_path / "another folder"
    clone.mkdir()
    for name in ("layer", "python", "local"):
        shutil.copytree(matrix.PROJECT / name, clone / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("LICENSE", "pyproject.toml"):
        shutil.copyfile(matrix.PROJECT / name, clone / name)
    (clone / "python" / "rdspool" / "notes.swp").write_text("left by an editor")
    for path in clone.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    (tmp_path / "home").mkdir()
    environment = {"HOME": str(tmp_path / "home"), "TZ": "Pacific/Chatham", "LC_ALL": "C", "PYTHONHASHSEED": "3", "PYTHONOPTIMIZE": "1"}
    former = os.umask(0o077)
    try:
        options = ["--python", HERE, "--arch", MACHINE, "--interpreter", sys.executable]
        result = run_build(tmp_path / "dist", *options, project=clone, **environment)
    finally:
        os.umask(former)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == built.manifest
    assert (tmp_path / "dist" / built.manifest["file"]).read_bytes() == built.zip.read_bytes()


def test_the_other_architecture_is_built_here_too(layer_of: LayerOf) -> None:
    other = {"x86_64": "arm64", "arm64": "x86_64"}[MACHINE]
    inspected = subprocess.run(
        [sys.executable, "-m", "layer", "inspect", "--json", str(layer_of(other))],
        cwd=matrix.PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert json.loads(inspected.stdout)["fit"] is True, inspected.stdout


def test_an_interpreter_of_another_minor_version_is_refused_in_one_line(tmp_path: Path) -> None:
    other = next(python for python in matrix.names("python") if python != HERE)
    result = run_build(tmp_path / "dist", "--python", other, "--interpreter", sys.executable)
    assert result.returncode == 1
    assert f"bytecode for Lambda's python{other} needs a standard CPython {other}" in result.stderr
    assert "Traceback" not in result.stderr
    assert not list(tmp_path.glob("dist/*"))


def test_without_an_engine_docker_is_refused_with_what_to_do(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "layer", "build", "--docker", "--output", str(tmp_path)]
    variables = os.environ | {"DOCKER_HOST": f"unix://{tmp_path}/none.sock"}
    result = subprocess.run(command, cwd=matrix.PROJECT, env=variables, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "Docker" in result.stderr
    assert "or build with --no-docker" in result.stderr


def test_a_layer_over_its_budget_is_not_written(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    for name in ("layer", "python", "local"):
        shutil.copytree(matrix.PROJECT / name, clone / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("LICENSE", "pyproject.toml"):
        shutil.copyfile(matrix.PROJECT / name, clone / name)
    table = clone / "layer" / "matrix.toml"
    table.write_text(table.read_text().replace("zipped = 7_500_000", "zipped = 1_000_000", 1))
    result = run_build(tmp_path / "dist", "--python", HERE, "--interpreter", sys.executable, project=clone)
    assert result.returncode == 1
    assert "bytes zipped, over its budget of 1,000,000: prune it or raise the budget in layer/matrix.toml" in result.stderr
    assert not list(tmp_path.glob("dist/*"))
