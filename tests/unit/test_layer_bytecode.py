"""Bytecode: made by the right interpreter, never checked against a file's time, the same every time."""

from __future__ import annotations

import importlib.util
import marshal
import sys
from pathlib import Path

import pytest

from layer.building import bytecode
from layer.errors import LayerError

HERE = ".".join(map(str, sys.version_info[:2]))
SOURCES = {
    "pkg/__init__.py": b"'''Doc.'''\n",
    "pkg/m.py": b"def f(x: int) -> int:\n    return x + len('s')\n",
    "pkg/data.pem": b"",
    "top.py": b"import pkg\n",
}


@pytest.fixture(scope="module")
def interpreter() -> bytecode.Interpreter:
    return bytecode.identify(Path(sys.executable), HERE)


def test_each_source_gets_a_file_where_python_looks_for_it(interpreter: bytecode.Interpreter) -> None:
    made = bytecode.compile_all(interpreter, SOURCES)
    tag = sys.implementation.cache_tag
    assert set(made) == {f"pkg/__pycache__/__init__.{tag}.pyc", f"pkg/__pycache__/m.{tag}.pyc", f"__pycache__/top.{tag}.pyc"}


def test_the_header_says_unchecked_hash_of_this_source(interpreter: bytecode.Interpreter) -> None:
    data = bytecode.compile_all(interpreter, SOURCES)[f"pkg/__pycache__/m.{sys.implementation.cache_tag}.pyc"]
    assert data[:4] == importlib.util.MAGIC_NUMBER
    assert int.from_bytes(data[4:8], "little") == 0b01
    assert data[8:16] == importlib.util.source_hash(SOURCES["pkg/m.py"])


def test_tracebacks_name_the_place_in_the_layer(interpreter: bytecode.Interpreter) -> None:
    data = bytecode.compile_all(interpreter, SOURCES)[f"pkg/__pycache__/m.{sys.implementation.cache_tag}.pyc"]
    code = marshal.loads(data[16:])  # noqa: S302
    assert {code.co_filename, *(constant.co_filename for constant in code.co_consts if hasattr(constant, "co_filename"))} == {
        "/opt/python/pkg/m.py"
    }


def test_the_users_environment_does_not_show(interpreter: bytecode.Interpreter, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sources = {f"m{n}.py": path.read_bytes() for n, path in enumerate(sorted(Path(bytecode.__file__).parent.glob("*.py")))}
    first = bytecode.compile_all(interpreter, sources)
    for name, value in {
        "PYTHONHASHSEED": "7",
        "PYTHONOPTIMIZE": "2",
        "LC_ALL": "POSIX",
        "TZ": "Asia/Tokyo",
        "HOME": str(tmp_path),
        "TMPDIR": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)
    assert bytecode.compile_all(interpreter, sources) == first


def test_an_interpreter_of_another_minor_version_is_refused() -> None:
    with pytest.raises(LayerError, match=rf"is CPython {HERE}\.\d+.*: bytecode for Lambda's python3\.11 needs a standard CPython 3\.11"):
        bytecode.identify(Path(sys.executable), "3.11")


def test_what_cannot_be_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LayerError, match="cannot be run: No such file or directory"):
        bytecode.identify(tmp_path / "python", HERE)


def test_a_source_that_does_not_compile_is_an_error(interpreter: bytecode.Interpreter) -> None:
    with pytest.raises(LayerError, match=r"could not compile the layer's sources: .*SyntaxError"):
        bytecode.compile_all(interpreter, {"bad.py": b"def\n"})
