"""The inspection takes exactly the files that the wheels, the tree and the layer's Python give, in exactly the form that the build writes."""

from __future__ import annotations

import io
import json
import marshal
import os
import struct
import subprocess
import sys
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from layers import HERE, LayerOf

from layer import matrix
from layer.building import archive, extension, wheels
from layer.building.archive import Entry
from layer.checks.finding import ROOT, SIGNER_FILE, Finding
from layer.checks.inspection import Inspection, inspect
from layer.checks.listed import listed
from layer.errors import LayerError
from local.cache import cache_dir

TAG = sys.implementation.cache_tag
TARGET = matrix.target(HERE, "arm64")
PYTHON = Path(sys.executable)
Files = dict[str, bytes]
Tamper = Callable[..., Inspection]


@pytest.fixture(scope="module")
def sound(layer_of: LayerOf) -> Path:
    return layer_of(TARGET.architecture)


@pytest.fixture(scope="module")
def entries(sound: Path) -> dict[str, Entry]:
    """Return the files of the sound zip by their path."""
    return {entry.path: entry for entry in archive.unpack(sound.read_bytes(), TARGET.budget.unzipped)}


@pytest.fixture
def tampered(entries: dict[str, Entry], tmp_path: Path, sound: Path) -> Tamper:
    """Return the inspection of the sound layer with other files, and without some."""

    def tamper(changes: Files | None = None, remove: Callable[[str], bool] = lambda _: False) -> Inspection:
        kept = {path: entry for path, entry in entries.items() if not remove(path)}
        kept |= {path: deflated(path, data) for path, data in (changes or {}).items()}
        path = tmp_path / sound.name
        path.write_bytes(archive.written(kept.values()))
        return inspect(path, TARGET, PYTHON)

    return tamper


def deflated(path: str, data: bytes) -> Entry:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return Entry(path, data, packer.compress(data) + packer.flush(), zipfile.ZIP_DEFLATED, archive.mode(path))


def faults(inspection: Inspection, check: str) -> dict[str, str]:
    """Return the messages of a check's faults by path, of which there is at least one."""
    found = {finding.path: finding.message for finding in inspection.faults if finding.check == check}
    assert found, inspection.findings
    return found


def shared_object(architecture: str, python: str, name: str) -> bytes:
    for wheel in wheels.fetch(matrix.target(python, architecture), cache_dir()):
        with zipfile.ZipFile(wheel.path) as opened:
            for member in opened.namelist():
                if member.startswith(name) and ".so" in member:
                    return opened.read(member)
    raise AssertionError(name)


def test_a_sound_layer_is_fit(sound: Path) -> None:
    assert inspect(sound, TARGET, PYTHON).findings == []


MISSING = "is missing: the layer that this tree builds has it"
UNKNOWN = "is not in the layer that this tree builds"
OTHER = "has other bytes than this tree builds"
CODE = f"has other code than CPython {'.'.join(map(str, sys.version_info[:3]))} makes of the sources"


@pytest.mark.parametrize(
    "path",
    [
        "python/ssl.py",
        "python/typing/__init__.py",
        "python/sitecustomize.py",
        "python/first.pth",
        "python/rdspool/extra.py",
        "python/sqlalchemy/extra/__init__.py",
        "python/urllib3.cpython-313-x86_64-linux-gnu.so",
        "python/extra-1.0.dist-info/METADATA",
        f"python/sqlalchemy/__pycache__/extra.{TAG}.pyc",
        "python/rdspool_imports/base.cpython-311",
        "python/mysql/connector/aio/__init__.py",
        "python/RDSPOOL/token.py",
        "python/rdspool\\token.py",
        "python/./rdspool/token.py",
        "python//rdspool/token.py",
        "python/../rdspool/token.py",
        "python/odd/../",
        "python/odd/",
        "rdspool.py",
        "/etc/passwd",
        f"{SIGNER_FILE}.txt",
    ],
)
def test_a_file_that_the_build_does_not_make(tampered: Tamper, path: str) -> None:
    assert faults(tampered({path: b""}), "listed") == {path: UNKNOWN}


@pytest.mark.parametrize(
    "part",
    [
        "python/sqlalchemy/",
        "python/rdspool/",
        "python/rdspool_imports/base.",
        "python/rdspool/_aws/roots/",
        "python/mysql_connector_python-",
        f"python/{extension.PATH}",
        f"python/sqlalchemy/__pycache__/events.{TAG}.pyc",
    ],
)
def test_a_part_that_is_missing(tampered: Tamper, entries: dict[str, Entry], part: str) -> None:
    found = faults(tampered(remove=lambda path: path.startswith(part)), "listed")
    assert found == {path: MISSING for path in entries if path.startswith(part)}


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("python/rdspool/_aws/token.py", lambda data: data + b"leak = True\n"),
        ("python/sqlalchemy/exc.py", lambda data: data + b"leak = True\n"),
        ("python/rdspool/_aws/roots/eu-west-1.pem", lambda data: data + data[: len(data) // 2]),
        ("python/rdspool/_aws/roots/index.json", lambda data: data + b"/home/somebody/project"),
        (f"python/{extension.PATH}", lambda data: data[:-1] + b"\1"),
        ("python/sqlalchemy-2.1.9.dist-info/METADATA", lambda _: b"Name: SQLAlchemy\nVersion: 2.1.8\n"),
    ],
)
def test_a_file_with_other_bytes(tampered: Tamper, entries: dict[str, Entry], path: str, change: Callable[[bytes], bytes]) -> None:
    assert faults(tampered({path: change(entries[path].data)}), "listed") == {path: OTHER}


TOKEN = f"python/rdspool/__pycache__/sizing.{TAG}.pyc"
BASE = f"python/rdspool_imports/base.{TAG}"


def with_other_code(data: bytes) -> bytes:
    """Return a bytecode file that claims to be of the same source."""
    return data[:16] + marshal.dumps(compile("leak = True", "/opt/python/rdspool/sizing.py", "exec"))


def with_other_code_of_exc(data: bytes) -> bytes:
    codes, *rest = marshal.loads(data)  # noqa: S302
    path, _, changed = codes["sqlalchemy.exc"]
    codes["sqlalchemy.exc"] = (path, compile("leak = True", f"/opt/python/{path}", "exec"), changed)
    return marshal.dumps((codes, *rest))


def with_other_function(data: bytes) -> bytes:
    codes, texts, functions, *rest = marshal.loads(data)  # noqa: S302
    first = next(iter(functions))
    return marshal.dumps((codes, texts, functions | {first: compile("leak = True", first[1], "exec")}, *rest))


def with_another_type(data: bytes) -> bytes:
    *rest, evaluated, magic, expressions = marshal.loads(data)  # noqa: S302
    return marshal.dumps((*rest, evaluated | {"str": compile("leak", "<string>", "eval")}, magic, expressions))


def with_another_expression(data: bytes) -> bytes:
    *rest, expressions = marshal.loads(data)  # noqa: S302
    first, second, *_ = expressions
    return marshal.dumps((*rest, expressions | {first: expressions[second]}))


@pytest.mark.parametrize(
    ("path", "change"),
    [
        (TOKEN, with_other_code),
        (TOKEN, lambda data: data[:-20]),
        (BASE, with_other_code_of_exc),
        (BASE, with_other_function),
        (BASE, with_another_type),
        (BASE, with_another_expression),
    ],
)
def test_code_that_was_compiled_from_something_else_is_refused_whatever_the_manifest_names(
    tampered: Tamper, entries: dict[str, Entry], sound: Path, tmp_path: Path, path: str, change: Callable[[bytes], bytes]
) -> None:
    changed = {path: change(entries[path].data)}
    assert faults(tampered(changed), "listed") == {path: CODE}
    manifest = json.loads(sound.with_suffix(".json").read_text())
    manifest["bytecode"]["interpreter"] = f"CPython {HERE}.99"
    (tmp_path / sound.name).with_suffix(".json").write_text(json.dumps(manifest))
    found = faults(tampered(changed), "listed")
    assert found[path].startswith(f"{CODE}. {TARGET.name}.json names CPython {HERE}.99: compare with it")


def test_without_the_layers_python_the_rest_is_compared_and_the_inspection_says_so(
    tampered: Tamper, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sound: Path
) -> None:
    monkeypatch.setattr("layer.building.interpreter.present", lambda _: None)
    note = Finding("listed", "bytecode", f"was not compared: this machine has no Python {HERE}", note=True)
    assert inspect(sound, TARGET).findings == [note]
    tampered({"python/rdspool/extra.py": b"", "python/rdspool/_aws/token.py": b"", f"python/__pycache__/ssl.{TAG}.pyc": b""})
    assert faults(inspect(tmp_path / sound.name, TARGET), "listed") == {
        f"python/__pycache__/ssl.{TAG}.pyc": UNKNOWN,
        "python/rdspool/extra.py": UNKNOWN,
        "python/rdspool/_aws/token.py": OTHER,
    }


def test_without_wheels_the_tree_and_the_bytecode_are_compared_and_the_inspection_says_so(
    tampered: Tamper, entries: dict[str, Entry], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    exc = f"python/sqlalchemy/__pycache__/events.{TAG}.pyc"
    whole = tampered().contents
    (note,) = listed(whole, tmp_path / "cache", PYTHON)
    assert note.note
    assert note.message.startswith("was compared with this tree only, not with its wheels: pip could not download the packages")
    changed = {TOKEN: with_other_code(entries[TOKEN].data), exc: b"", "python/rdspool/extra.py": b"", "python/rdspool/_aws/token.py": b""}
    found = {each.path: each.message for each in listed(tampered(changed).contents, tmp_path / "cache", PYTHON) if not each.note}
    assert found == {TOKEN: CODE, exc: CODE, "python/rdspool/extra.py": UNKNOWN, "python/rdspool/_aws/token.py": OTHER}


def test_an_interpreter_of_another_python_is_refused(sound: Path) -> None:
    other = matrix.target("3.12" if HERE != "3.12" else "3.13", "arm64")
    with pytest.raises(LayerError, match=f"needs a standard CPython {other.python}"):
        inspect(sound, other, PYTHON)


@pytest.mark.parametrize(
    ("path", "data", "message"),
    [
        ("odd/_x.so", lambda: shared_object("x86_64", HERE, ROW), "is for x86_64, this layer is for arm64"),
        (
            "sqlalchemy/engine/_row_cy.cpython-311-aarch64-linux-gnu.so",
            lambda: shared_object("arm64", HERE, ROW),
            f"is for CPython 3.11, this layer is for {HERE}",
        ),
        (extension.PATH, lambda: own_library("x86_64"), "is for x86_64, this layer is for arm64"),
    ],
)
def test_a_library_of_another_architecture_or_python(tampered: Tamper, path: str, data: Callable[[], bytes], message: str) -> None:
    assert faults(tampered({ROOT + path: data()}), "architecture") == {path: message}


def test_a_library_that_is_none(tampered: Tamper) -> None:
    assert "is not a valid ELF file" in faults(tampered({"python/odd/_x.so": b"\x7fELF but cut off"}), "architecture")["odd/_x.so"]


ROW = "sqlalchemy/engine/_row_cy"


@pytest.mark.parametrize(
    ("library", "old", "new", "check", "message"),
    [
        (
            lambda: shared_object("arm64", HERE, ROW),
            "GLIBC_2.17",
            "GLIBC_2.38",
            "glibc",
            "needs GLIBC_2.38 of libc.so.6; the runtime has GLIBC_2.34 at most",
        ),
        (
            lambda: own_library("arm64"),
            "GLIBC_2.17",
            "GLIBC_2.38",
            "glibc",
            "needs GLIBC_2.38 of libc.so.6; the runtime has GLIBC_2.34 at most",
        ),
        (
            lambda: shared_object("arm64", HERE, ROW),
            "libpthread.so.0",
            "libpthreax.so.9",
            "libraries",
            "needs libpthreax.so.9, which the runtime does not have",
        ),
    ],
)
def test_a_library_that_needs_what_the_runtime_does_not_have(
    tampered: Tamper, library: Callable[[], bytes], old: str, new: str, check: str, message: str
) -> None:
    data = library()
    assert len(old) == len(new)
    assert old.encode() + b"\0" in data
    changed = data.replace(old.encode() + b"\0", new.encode() + b"\0")
    assert faults(tampered({"python/odd/_x.so": changed}), check) == {"odd/_x.so": message}


def own_library(architecture: str) -> bytes:
    return extension.build(architecture, wheels.install_tools(cache_dir()), cache_dir())[extension.PATH]


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
    assert list(faults(tampered({path: b""}), "shadow")) == [top]


def changed_entry(entries: dict[str, Entry], path: str, **changes: object) -> bytes:
    return archive.written((entries | {path: replace(entries[path], **changes)}).values())  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", [0o100644, 0o100400, 0o120777, 0o104444, 0o100555, 0, 0o040555])
def test_another_mode_than_the_builds(entries: dict[str, Entry], tmp_path: Path, sound: Path, mode: int) -> None:
    path = tmp_path / sound.name
    path.write_bytes(changed_entry(entries, "python/sqlalchemy/exc.py", mode=mode))
    assert faults(inspect(path, TARGET, PYTHON), "structure") == {
        "python/sqlalchemy/exc.py": f"has the mode {mode:o}; the build gives it 100444"
    }


def repacked(data: bytes, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return the zip as zipfile writes it, which stores other times, versions and flags."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w", compression) as new:
        for info in old.infolist():
            new.writestr(info.filename, old.read(info))
    return buffer.getvalue()


def commented(data: bytes) -> bytes:
    return data[:-2] + struct.pack("<H", 4) + b"more"


HEADERS = "has headers that the build does not write: comments, extra fields, times, flags, bytes between files, or another order"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: b"#!/bin/sh\n" + data, "has 10 bytes before its first file"),
        (lambda data: data + b"more", "has 4 bytes behind its end"),
        (commented, HEADERS),
        (repacked, HEADERS),
    ],
)
def test_what_lies_around_the_files(sound: Path, tmp_path: Path, change: Callable[[bytes], bytes], message: str) -> None:
    path = tmp_path / sound.name
    path.write_bytes(change(sound.read_bytes()))
    assert faults(inspect(path, TARGET, PYTHON), "structure")[sound.name] == message


def test_bytes_between_files_that_no_entry_names(entries: dict[str, Entry], sound: Path, tmp_path: Path) -> None:
    first = min(entries)
    hidden = deflated(f"{first[:-1]}\0", b"hidden")
    whole = archive.written([*entries.values(), hidden])
    directory = whole[struct.unpack_from("<I", whole, len(whole) - 6)[0] : -22]
    size = 46 + len(hidden.path.encode())
    at = directory.index(hidden.path.encode()) - 46
    kept = directory[:at] + directory[at + size :]
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, len(entries), len(entries), len(kept), len(whole) - 22 - len(directory), 0)
    path = tmp_path / sound.name
    path.write_bytes(whole[: -22 - len(directory)] + kept + end)
    assert faults(inspect(path, TARGET, PYTHON), "structure") == {sound.name: HEADERS}


def test_a_path_that_is_there_twice_or_differs_by_case(entries: dict[str, Entry], tampered: Tamper, sound: Path, tmp_path: Path) -> None:
    path = tmp_path / sound.name
    path.write_bytes(archive.written([*entries.values(), deflated("python/rdspool/_aws/token.py", b"leak = True\n")]))
    assert "is in the zip twice" in faults(inspect(path, TARGET, PYTHON), "structure")["python/rdspool/_aws/token.py"]
    found = faults(tampered({"python/rdspool/Version.py": b""}), "structure")
    assert found == {"python/rdspool/version.py": "differs from python/rdspool/Version.py by case only"}


@pytest.mark.parametrize("path", ["python/a\\b", "python/./b", "python//b", "python/../b", "python/a/../", "python/a/", "python/a\nb"])
def test_a_path_that_is_none(tampered: Tamper, path: str) -> None:
    message = "is not a plain path of a file: unpackers disagree where it belongs"
    assert faults(tampered({path: b""}), "structure") == {path: message}


def test_a_file_where_python_does_not_look(tampered: Tamper) -> None:
    assert faults(tampered({"rdspool.py": b""}), "structure")["rdspool.py"].startswith("is outside python/")


def test_a_file_that_says_that_aws_signed_it_hides_no_other(tampered: Tamper) -> None:
    inspection = tampered({SIGNER_FILE: b"a signature", "META_INF/other": b""})
    assert faults(inspection, "listed") == {"META_INF/other": UNKNOWN}
    (note,) = (finding for finding in inspection.findings if finding.note and finding.check == "structure")
    assert note.message == "says that AWS Signer wrote the zip: the form of the zip was not compared"


def refused(path: Path) -> str:
    """Return the words of the command about a zip that can't be read: one line, and no traceback."""
    result = command(path)
    assert result.returncode == 1
    assert result.stderr.startswith(f"layer: {path} "), result.stderr
    assert result.stderr.count("\n") == 1, result.stderr
    return result.stderr


def test_a_damaged_file(entries: dict[str, Entry], tmp_path: Path, sound: Path) -> None:
    path, name = tmp_path / sound.name, "python/sqlalchemy/exc.py"
    packed = entries[name].packed
    for other in (b"\xff" * 8 + packed[8:], packed[:-9], packed + b"more"):
        path.write_bytes(changed_entry(entries, name, packed=other))
        assert f"cannot be read: {name} in it is damaged" in refused(path)
    path.write_bytes(sound.read_bytes().replace(packed, packed[:-1] + b"\0"))
    assert f"cannot be read: {name} in it is damaged" in refused(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_another_way_of_packing(tmp_path: Path, method: int) -> None:
    path = tmp_path / f"{TARGET.name}.zip"
    path.write_bytes(repacked(archive.written([deflated("python/a.py", b"")]), method))
    assert f"is neither stored nor deflated (method {method})" in refused(path)


def test_an_encrypted_file(sound: Path, tmp_path: Path) -> None:
    data = bytearray(sound.read_bytes())
    at = data.index(b"PK\1\2")
    data[at + 8] |= 1
    path = tmp_path / sound.name
    path.write_bytes(data)
    assert "in it is encrypted; build it again" in refused(path)


def test_what_unzips_to_more_than_the_budget_is_not_unzipped(tmp_path: Path, entries: dict[str, Entry]) -> None:
    path = tmp_path / f"{TARGET.name}.zip"
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = b"".join(packer.compress(bytes(1_000_000)) for _ in range(700)) + packer.flush()
    bomb = Entry("python/zeros", b"", packed, zipfile.ZIP_DEFLATED, 0o100444)
    lying, honest = bytearray(archive.written([bomb])), bytearray(archive.written([bomb]))
    directory = struct.unpack_from("<I", honest, len(honest) - 6)[0]
    for at in (22, directory + 24):
        struct.pack_into("<I", honest, at, 700_000_000)
        struct.pack_into("<I", lying, at, 1000)
    for data, words in ((honest, "it has 700,000,000 bytes unzipped; the budget is 24,000,000"), (lying, "python/zeros in it is damaged")):
        path.write_bytes(data)
        tracemalloc.start()
        with pytest.raises(LayerError, match=words):
            inspect(path, TARGET, PYTHON)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 10_000_000


def test_a_zip_over_the_budget_is_not_even_read(tmp_path: Path) -> None:
    path = tmp_path / f"{TARGET.name}.zip"
    with path.open("wb") as file:
        os.truncate(file.fileno(), 700_000_000)
    assert "is 700,000,000 bytes zipped; the budget is 7,500,000" in refused(path)


def test_a_path_of_the_builder(tampered: Tamper) -> None:
    found = faults(tampered({"python/rdspool/_aws/roots/index.json": f'{{"made in": "{matrix.PROJECT}"}}'.encode()}), "builder")
    assert str(matrix.PROJECT) in found["python/rdspool/_aws/roots/index.json"]


def test_a_zip_that_is_not_the_one_of_its_manifest(tampered: Tamper, sound: Path, tmp_path: Path) -> None:
    (tmp_path / sound.name).with_suffix(".json").write_bytes(sound.with_suffix(".json").read_bytes())
    assert faults(tampered({"python/note.txt": b"added later"}), "manifest")[sound.name].endswith("it was changed after the build")


@pytest.mark.parametrize("text", ["no JSON", "[]", "{}", '{"code_sha256": 5}', "[" * 100_000])
@pytest.mark.parametrize("suffix", [".json", ".cdx.json", ".provenance.json"])
def test_files_beside_the_zip_that_are_not_what_they_should_be(sound: Path, tmp_path: Path, suffix: str, text: str) -> None:
    path = tmp_path / sound.name
    path.write_bytes(sound.read_bytes())
    path.with_suffix(suffix).write_text(text)
    (fault,) = inspect(path, TARGET, PYTHON).faults
    assert fault.path == path.with_suffix(suffix).name
    assert "build the layer again" in fault.message or "of no zip" in fault.message


@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        (".cdx.json", {"metadata": []}),
        (".cdx.json", {"metadata": {"component": {"hashes": 1}}}),
        (".cdx.json", {"metadata": {"component": {"hashes": [{"alg": "SHA-256"}]}}}),
        (".provenance.json", {"subject": {}}),
        (".provenance.json", {"subject": ["x"]}),
        (".provenance.json", {"subject": [{"digest": {"sha256": None}}]}),
    ],
)
def test_evidence_of_other_types(sound: Path, tmp_path: Path, suffix: str, content: object) -> None:
    test_files_beside_the_zip_that_are_not_what_they_should_be(sound, tmp_path, suffix, json.dumps(content))


def test_what_is_no_zip(tmp_path: Path) -> None:
    path = tmp_path / f"{TARGET.name}.zip"
    with pytest.raises(LayerError, match="cannot be read: No such file"):
        inspect(path, TARGET)
    path.write_bytes(b"PK but no zip")
    with pytest.raises(LayerError, match="is not a valid zip"):
        inspect(path, TARGET)


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "layer", "inspect", "--interpreter", sys.executable, *map(str, arguments)]
    return subprocess.run(line, cwd=matrix.PROJECT, capture_output=True, text=True, check=False)


def test_the_commands_status_table_and_json(tampered: Tamper, sound: Path, tmp_path: Path) -> None:
    tampered({"python/rdspool/extra.py": b"", "python/sqlalchemy/exc.py": b""})
    bad = tmp_path / sound.name
    result = command(sound, bad)
    assert result.returncode == 1
    found = [line for line in result.stdout.splitlines() if line.startswith("fault")]
    assert len(found) == 2
    assert f"{bad.name}: listed: python/rdspool/extra.py {UNKNOWN}" in found[0]
    assert f"{bad.name}: listed: python/sqlalchemy/exc.py {OTHER}" in found[1]
    records = [json.loads(line) for line in command("--json", sound, bad).stdout.splitlines()]
    assert [record["fit"] for record in records] == [True, False]
    assert [finding["check"] for finding in records[1]["findings"]][-2:] == ["listed", "listed"]


def test_a_name_that_says_nothing_needs_as(sound: Path, tmp_path: Path) -> None:
    copy = tmp_path / "layer.zip"
    copy.write_bytes(sound.read_bytes())
    result = command(copy)
    assert result.returncode == 1
    assert "name the layer with --as" in result.stderr
    assert command("--as", TARGET.name, copy).returncode == 0
