"""The inspection finds each thing that may be wrong with a layer, by its own line, and nothing in a sound one."""

from __future__ import annotations

import importlib.util
import io
import json
import marshal
import os
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from layers import HERE, LayerOf

from layer import archive, extension, matrix, wheels
from layer.checks.finding import Finding, read
from layer.errors import LayerError
from layer.inspection import Inspection, inspect
from local.cache import cache_dir

TAG = sys.implementation.cache_tag
TARGET = matrix.target(HERE, "arm64")
Files = dict[str, bytes]
Tamper = Callable[..., Inspection]


@pytest.fixture(scope="module")
def sound(layer_of: LayerOf) -> Path:
    return layer_of(TARGET.architecture)


@pytest.fixture
def tampered(sound: Path, tmp_path: Path) -> Tamper:
    def tamper(changes: Files | None = None, remove: str = "") -> Inspection:
        files = read(sound, TARGET).files | (changes or {})
        files.pop(remove, None)
        path = tmp_path / sound.name
        path.write_bytes(archive.pack(files, wheels.install_tools(cache_dir()), level=6))
        return inspect(path, TARGET)

    return tamper


def only(inspection: Inspection) -> Finding:
    assert len(inspection.faults) == 1, inspection.faults
    return inspection.faults[0]


def shared_object(architecture: str, python: str, name: str) -> bytes:
    for wheel in wheels.fetch(matrix.target(python, architecture), cache_dir()):
        with zipfile.ZipFile(wheel.path) as opened:
            for member in opened.namelist():
                if member.startswith(name) and ".so" in member:
                    return opened.read(member)
    raise AssertionError(name)


def test_a_sound_layer_is_fit(sound: Path) -> None:
    assert inspect(sound, TARGET).findings == []


def test_a_library_of_the_other_architecture(tampered: Tamper) -> None:
    finding = only(tampered({"python/odd/_x.so": shared_object("x86_64", HERE, "sqlalchemy/engine/_row_cy")}))
    assert (finding.check, finding.path) == ("architecture", "odd/_x.so")
    assert finding.message == "is for x86_64, this layer is for arm64"


def test_a_library_of_another_python(tampered: Tamper) -> None:
    name = "sqlalchemy/engine/_row_cy.cpython-311-aarch64-linux-gnu.so"
    finding = only(tampered({f"python/{name}": shared_object("arm64", HERE, "sqlalchemy/engine/_row_cy")}))
    assert (finding.check, finding.path, finding.message) == ("architecture", name, f"is for CPython 3.11, this layer is for {HERE}")


def test_a_library_that_is_none(tampered: Tamper) -> None:
    finding = only(tampered({"python/odd/_x.so": b"\x7fELF but cut off"}))
    assert (finding.check, finding.path) == ("architecture", "odd/_x.so")
    assert "is not a valid ELF file" in finding.message


def with_versions(data: bytes, **versions: str) -> bytes:
    """Return the ELF file with names of symbol versions replaced by others of the same length."""
    for old, new in versions.items():
        assert len(old) == len(new)
        assert old.encode() + b"\0" in data
        data = data.replace(old.encode() + b"\0", new.encode() + b"\0")
    return data


def test_a_library_that_needs_a_newer_glibc(tampered: Tamper) -> None:
    data = with_versions(shared_object("arm64", HERE, "sqlalchemy/engine/_row_cy"), **{"GLIBC_2.17": "GLIBC_2.38"})
    finding = only(tampered({"python/odd/_x.so": data}))
    assert (finding.check, finding.message) == ("glibc", "needs GLIBC_2.38 of libc.so.6; the runtime has GLIBC_2.34 at most")


def test_a_library_that_is_nowhere(tampered: Tamper) -> None:
    data = with_versions(shared_object("arm64", HERE, "sqlalchemy/engine/_row_cy"), **{"libpthread.so.0": "libpthreax.so.9"})
    assert only(tampered({"python/odd/_x.so": data})).message == "needs libpthreax.so.9, which the runtime does not have"


def test_the_compiled_part_is_missing_or_for_another_machine(tampered: Tamper) -> None:
    assert only(tampered(remove=f"python/{extension.PATH}")) == Finding(
        "compiled", extension.PATH, "is missing: rows would be read in Python, which takes three times as long"
    )
    assert only(tampered({f"python/{extension.PATH}": own_library("x86_64")})).message == "is for x86_64, this layer is for arm64"
    data = with_versions(own_library("arm64"), **{"GLIBC_2.17": "GLIBC_2.38"})
    assert only(tampered({f"python/{extension.PATH}": data})).message == "needs GLIBC_2.38 of libc.so.6; the runtime has GLIBC_2.34 at most"


def own_library(architecture: str) -> bytes:
    return extension.build(architecture, wheels.install_tools(cache_dir()), cache_dir())[extension.PATH]


def test_stale_bytecode(tampered: Tamper) -> None:
    finding = only(tampered({"python/rdspool/__init__.py": b"changed = True\n"}))
    assert (finding.check, finding.path) == ("bytecode", f"rdspool/__pycache__/__init__.{TAG}.pyc")
    assert finding.message == "is stale: it was not made from /opt/python/rdspool/__init__.py"


def test_a_source_without_bytecode(tampered: Tamper) -> None:
    finding = only(tampered(remove=f"python/sqlalchemy/__pycache__/events.{TAG}.pyc"))
    assert (finding.check, finding.path) == ("bytecode", "sqlalchemy/events.py")
    assert finding.message == f"is not compiled for Python {HERE}: every cold start would compile it"


def test_bytecode_of_another_python(tampered: Tamper, sound: Path) -> None:
    path = f"python/sqlalchemy/__pycache__/events.{TAG}.pyc"
    data = read(sound, TARGET).files[path]
    finding = only(tampered({path: b"\xcb\x0d\x0d\x0a" + data[4:]}))
    assert finding.message.startswith("has the magic number cb0d0d0a, not ")


def test_bytecode_that_is_checked_against_its_source(tampered: Tamper, sound: Path) -> None:
    path = f"python/sqlalchemy/__pycache__/events.{TAG}.pyc"
    data = read(sound, TARGET).files[path]
    for flags in (0, 3):
        finding = only(tampered({path: data[:4] + flags.to_bytes(4, "little") + data[8:]}))
        assert finding.message.startswith("is not unchecked-hash")


def test_bytecode_that_was_cut_off(tampered: Tamper, sound: Path) -> None:
    path = f"python/sqlalchemy/__pycache__/events.{TAG}.pyc"
    data = read(sound, TARGET).files[path]
    assert data[:4] == importlib.util.MAGIC_NUMBER
    assert only(tampered({path: data[:-20]})).message.startswith("cannot be loaded by Python")


BASE = f"rdspool_imports/base.{TAG}"


def test_an_archive_of_other_sources(tampered: Tamper) -> None:
    finding = only(tampered({"python/sqlalchemy/exc.py": b"changed = True\n"}))
    assert (finding.check, finding.path) == ("archives", BASE)
    assert finding.message == "has other code of sqlalchemy.exc than this tree makes of sqlalchemy/exc.py: build it again"


def test_an_archive_without_a_change_of_this_tree(tampered: Tamper, sound: Path) -> None:
    source = read(sound, TARGET).files["python/sqlalchemy/util/queue.py"]
    faults = tampered({"python/sqlalchemy/util/queue.py": source.replace(b"import asyncio\n", b"import asyncio  # \n")}).faults
    (finding,) = (each for each in faults if each.check == "archives")
    assert finding.path == "rdspool_imports"
    assert "the transform 'asyncio' expects 'import asyncio' once in sqlalchemy/util/queue.py, which has it 0 times" in finding.message


def test_an_archive_with_other_code(tampered: Tamper, sound: Path) -> None:
    codes, texts, functions = marshal.loads(read(sound, TARGET).files[f"python/{BASE}"])  # noqa: S302
    path, _, changed = codes["sqlalchemy.exc"]
    codes["sqlalchemy.exc"] = (path, compile("leak = True", f"/opt/python/{path}", "exec"), changed)
    finding = only(tampered({f"python/{BASE}": marshal.dumps((codes, texts, functions))}))
    assert (finding.check, finding.path) == ("archives", BASE)
    assert "has other code of sqlalchemy.exc" in finding.message


def test_a_function_of_an_archive_with_other_code(tampered: Tamper, sound: Path) -> None:
    codes, texts, functions = marshal.loads(read(sound, TARGET).files[f"python/{BASE}"])  # noqa: S302
    first = next(iter(functions))
    functions[first] = compile("leak = True", first[1], "exec")
    finding = only(tampered({f"python/{BASE}": marshal.dumps((codes, texts, functions))}))
    assert "has other code of <dataclass sqlalchemy.pool.base.PoolResetState>" in finding.message


def test_an_archive_that_is_missing_cut_off_or_of_another_python(tampered: Tamper, sound: Path) -> None:
    data = read(sound, TARGET).files[f"python/{BASE}"]
    missing = [finding for finding in tampered(remove=f"python/{BASE}").faults if finding.check == "archives"]
    assert [(finding.path, finding.message) for finding in missing] == [(BASE, "is missing: every cold start would compile what it has")]
    cut = [finding for finding in tampered({f"python/{BASE}": data[:-50]}).faults if finding.check == "archives"]
    assert [finding.path for finding in cut] == [BASE]
    assert cut[0].message.startswith(f"cannot be loaded by Python {HERE}.")
    other = only(tampered({"python/rdspool_imports/base.cpython-311": b"old"}))
    assert (other.path, other.message) == ("rdspool_imports/base.cpython-311", f"is not an archive for Python {HERE}")


@pytest.mark.parametrize(
    ("path", "top"),
    [
        ("python/boto3/__init__.py", "boto3"),
        ("python/urllib3-2.8.0.dist-info/WHEEL", "urllib3-2.8.0.dist-info"),
        ("python/six.py", "six.py"),
        (f"python/lib/python{HERE}/site-packages/botocore/data.json", "botocore"),
    ],
)
def test_a_package_that_shadows_the_runtimes_own(tampered: Tamper, path: str, top: str) -> None:
    findings = [finding for finding in tampered({path: b""}).faults if finding.check == "shadow"]
    assert [finding.path for finding in findings] == [top]


@pytest.mark.parametrize(
    "name",
    [f"_mysql_connector.cpython-{HERE.replace('.', '')}-aarch64-linux-gnu.so", "mysql/vendor/libcrypto.so.3", "mysql/vendor/libssl.so.3"],
)
def test_the_connectors_c_extension_and_what_it_brings(tampered: Tamper, name: str) -> None:
    findings = tampered({f"python/{name}": shared_object("arm64", HERE, name)}).faults
    assert [finding.path for finding in findings if finding.check == "pruned"] == [name]
    assert "the build leaves it out: the connector's C extension" in findings[0].message


def test_a_package_that_is_not_in_the_lock(tampered: Tamper) -> None:
    finding = only(tampered({"python/extra-1.0.dist-info/METADATA": b"Name: extra\nVersion: 1.0\n"}))
    assert (finding.check, finding.path, finding.message) == ("versions", "extra", "1.0 is not in layer/requirements.txt")


def test_another_version_than_the_locks(tampered: Tamper) -> None:
    finding = only(tampered({"python/sqlalchemy-2.1.9.dist-info/METADATA": b"Name: SQLAlchemy\nVersion: 2.1.8\n"}))
    assert (finding.path, finding.message) == ("sqlalchemy", "is 2.1.8, the lock has 2.1.9")


def test_a_path_of_the_builder(tampered: Tamper) -> None:
    finding = only(tampered({"python/rdspool/_aws/roots/index.json": f'{{"made in": "{matrix.PROJECT}"}}'.encode()}))
    assert (finding.check, finding.path) == ("builder", "python/rdspool/_aws/roots/index.json")
    assert str(matrix.PROJECT) in finding.message


def test_a_size_over_the_budget(tampered: Tamper) -> None:
    noise = b"".join(os.urandom(1_000_000) for _ in range(4))
    finding = tampered({"python/noise": noise}).faults
    assert [f.check for f in finding] == ["size", "size"]
    assert "the budget is 7,500,000" in finding[0].message
    assert "the budget is 24,000,000" in finding[1].message


def rewritten(sound: Path, path: Path, change: Callable[[zipfile.ZipInfo], None]) -> Inspection:
    with zipfile.ZipFile(sound) as old, zipfile.ZipFile(path, "w") as new:
        for info in old.infolist():
            data = old.read(info)
            change(info)
            new.writestr(info, data, zipfile.ZIP_STORED)
    return inspect(path, TARGET)


def test_modes(sound: Path, tmp_path: Path) -> None:
    modes = {
        "python/sqlalchemy/exc.py": stat.S_IFREG | 0o644,
        "python/sqlalchemy/log.py": stat.S_IFREG | 0o400,
        "python/sqlalchemy/types.py": stat.S_IFLNK | 0o777,
    }

    def change(info: zipfile.ZipInfo) -> None:
        if info.filename in modes:
            info.external_attr = modes[info.filename] << 16

    found = {f.path: (f.check, f.message) for f in rewritten(sound, tmp_path / sound.name, change).faults if f.check != "size"}
    assert found == {
        "python/sqlalchemy/exc.py": ("writable", "is writable (mode 644); files of a layer have mode 444, libraries 555"),
        "python/sqlalchemy/log.py": (
            "structure",
            "is not readable by everybody (mode 400): Lambda runs functions as a separate user",
        ),
        "python/sqlalchemy/types.py": ("structure", "is not a regular file (mode 120777)"),
    }


def test_files_where_python_does_not_look(tampered: Tamper) -> None:
    finding = only(tampered({"rdspool.py": b""}))
    assert (finding.check, finding.path) == ("structure", "rdspool.py")


def test_a_zip_that_is_not_the_one_of_its_manifest(tampered: Tamper, sound: Path, tmp_path: Path) -> None:
    (tmp_path / sound.name).with_suffix(".json").write_bytes(sound.with_suffix(".json").read_bytes())
    finding = only(tampered({"python/note.txt": b"added later"}))
    assert finding.check == "manifest"
    assert finding.message.endswith("it was changed after the build")


def test_what_is_no_zip(tmp_path: Path) -> None:
    path = tmp_path / f"{TARGET.name}.zip"
    with pytest.raises(LayerError, match="cannot be read: No such file"):
        inspect(path, TARGET)
    path.write_bytes(b"PK but no zip")
    with pytest.raises(LayerError, match="is not a valid zip"):
        inspect(path, TARGET)


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "layer", "inspect", *map(str, arguments)]
    return subprocess.run(line, cwd=matrix.PROJECT, capture_output=True, text=True, check=False)


def test_the_commands_status_table_and_json(tampered: Tamper, sound: Path, tmp_path: Path) -> None:
    tampered({"python/boto3/data.json": b"{}", "python/odd/_x.so": shared_object("x86_64", HERE, "sqlalchemy/engine/_row_cy")})
    bad = tmp_path / sound.name
    assert command(sound).returncode == 0
    result = command(sound, bad)
    assert result.returncode == 1
    faults = [line for line in result.stdout.splitlines() if line.startswith("fault")]
    assert len(faults) == 2
    assert f"{bad.name}: architecture: odd/_x.so is for x86_64, this layer is for arm64" in faults[0]
    assert f"{bad.name}: shadow: boto3 is a package of the runtime" in faults[1]
    records = [json.loads(line) for line in command("--json", sound, bad).stdout.splitlines()]
    assert [record["fit"] for record in records] == [True, False]
    assert [finding["check"] for finding in records[1]["findings"] if not finding["note"]] == ["architecture", "shadow"]


def test_a_name_that_says_nothing_needs_as(sound: Path, tmp_path: Path) -> None:
    copy = tmp_path / "layer.zip"
    copy.write_bytes(sound.read_bytes())
    result = command(copy)
    assert result.returncode == 1
    assert "name the layer with --as" in result.stderr
    assert command("--as", TARGET.name, copy).returncode == 0
    with zipfile.ZipFile(io.BytesIO(copy.read_bytes())) as opened:
        assert opened.testzip() is None
