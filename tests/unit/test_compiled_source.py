"""The sources of the driver's part in C: they use CPython's stable ABI, as Python.h declares it, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sysconfig
from pathlib import Path

import pytest

from layer.building import extension, wheels
from local.cache import cache_dir, debian


def headers():
    """Return the compiler's options for this Python's headers, or for Debian's where it was installed without."""
    found = Path(sysconfig.get_path("include"))
    if (found / "Python.h").is_file():
        return [f"-I{found}"]
    unpacked = debian("trixie", "headers", "libpython3.13-dev")
    # Python.h includes one below usr/include. Those of the C library, of another version perhaps, come after the compiler's own.
    return [f"-I{unpacked / 'usr/include/python3.13'}", f"-idirafter{unpacked / 'usr/include'}"]


def compile_it(folder, source):
    """Return how the layer's compiler ends with a source that may include Python.h."""
    (folder / "source.c").write_text(source)
    zig = wheels.install_tools(cache_dir()) / "ziglang" / "zig"
    command = [str(zig), "cc", "-Werror", *headers(), "-c", "source.c"]
    variables = {"PATH": os.defpath, "ZIG_GLOBAL_CACHE_DIR": str(cache_dir() / "zig"), "ZIG_LOCAL_CACHE_DIR": str(folder)}
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)


PYTHON_H = "#define Py_LIMITED_API 0x030C0000\n#include <Python.h>\n"
DECLARED, SHARED, MODULE, EXCHANGE, FILL, ROWS = (
    (extension.matrix.PROJECT / "python" / extension.FOLDER / name).read_text()
    for name in ("stable_abi.h", "_compiled.h", "_compiled.c", "_compiled_exchange.c", "_compiled_fill.c", "_compiled_rows.c")
)


@pytest.mark.parametrize(
    "changed", [None, ("Py_ssize_t PyTuple_Size", "int PyTuple_Size"), ("PyTuple_New(Py_ssize_t)", "PyTuple_New(int)")]
)
def test_the_declarations_are_those_of_python_h(tmp_path, changed):
    result = compile_it(tmp_path, PYTHON_H + (DECLARED.replace(*changed) if changed else DECLARED))
    assert ("conflicting types" in result.stderr) == bool(changed), result.stderr
    assert bool(result.returncode) == bool(changed)


@pytest.mark.parametrize("changed", [("Py_tp_free 74", "Py_tp_free 73"), ("METH_NOARGS 0x0004", "METH_NOARGS 0x0008")])
def test_the_numbers_are_those_of_python_h(tmp_path, changed):
    result = compile_it(tmp_path, PYTHON_H + DECLARED.replace(*changed))
    assert "macro redefined" in result.stderr
    assert result.returncode


@pytest.mark.parametrize("changed", [None, ("PyObject_Vectorcall(", "_PyObject_FastCallDict("), ("Py_IncRef(", "PyTuple_GET_ITEM(")])
@pytest.mark.parametrize("source", [MODULE, EXCHANGE, FILL, ROWS], ids=["module", "exchange", "fill", "rows"])
def test_the_source_uses_the_stable_abi_only(tmp_path, source, changed):
    """With Python.h in the place of the declarations, which could name more than that."""
    source = source.replace('#include "_compiled.h"', SHARED.replace('#include "stable_abi.h"', PYTHON_H))
    result = compile_it(tmp_path, source.replace(*changed) if changed else source)
    assert ("undeclared function" in result.stderr) == bool(changed), result.stderr
    assert bool(result.returncode) == bool(changed)
