"""The transforms: each finds the text that it expects, once, and keeps the number of lines."""

from __future__ import annotations

import ast
import marshal
from importlib.metadata import distribution, version
from pathlib import Path
from typing import Any

import pytest

from layer.building import package
from layer.building.imports.transform import Edit, Step, Transform, apply, functions, module
from layer.building.imports.transforms import HOOKS, TRANSFORMS
from layer.building.imports.writer import merged, taken
from layer.building.wheels import pins
from layer.errors import LayerError

FILES = {"pkg/m.py": b'"""Doc."""\nimport json\nfrom urllib.parse import quote\n\nX = 1\n'}


def made(*edits: Edit) -> Transform:
    return Transform("test", "to see", 2, edits)


def test_a_module_and_functions_are_imported_later() -> None:
    changed = apply(FILES, [made(module("pkg/m.py", "json"), *functions("pkg/m.py", "urllib.parse", "quote"))])
    lines = changed["pkg/m.py"].decode().splitlines()
    assert lines[1] == 'json = __import__("rdspool_imports.later").later.module(globals(), "json")'
    assert lines[2] == 'quote = __import__("rdspool_imports.later").later.function(globals(), "quote", "urllib.parse")'
    assert len(lines) == 5
    assert FILES["pkg/m.py"].startswith(b'"""Doc."""\nimport json\n'), "the sources stay as they are"


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (Edit("pkg/m.py", "X = 2\n", "X = 3\n"), r"the transform 'test' expects 'X = 2' once in pkg/m\.py, which has it 0 times: adapt it"),
        (Edit("pkg/m.py", "import", "load"), r"expects 'import' once in pkg/m\.py, which has it 2 times"),
        (Edit("pkg/m.py", "X = 1\n", "X = 1\nY = 2\n"), r"'test' changes the number of lines of pkg/m\.py: tracebacks would be wrong"),
        (Edit("pkg/other.py", "X", "Y"), r"'test' changes pkg/other\.py, which no wheel has"),
    ],
)
def test_what_an_edit_does_not_find_fails_the_build_by_name(edit: Edit, message: str) -> None:
    with pytest.raises(LayerError, match=message):
        apply(FILES, [made(edit)])


def test_the_names_and_reasons_are_there_and_each_saves_enough() -> None:
    assert len({transform.name for transform in TRANSFORMS}) == len(TRANSFORMS)
    assert {transform.step for transform in TRANSFORMS} == {None, *Step}
    for transform in TRANSFORMS:
        assert transform.why.endswith(".")
        assert transform.edits or transform.step
        assert transform.saves >= 2 or transform.saves_memory >= 0.3


IMPORTS = """\
from __future__ import annotations
from typing import Any
from typing import Callable as C
from . import exc
from . import util
from .util import a
from .util import b
from .orm import c
from .orm import d
X = a
from .util import e
from ..top import f
from ..top import (
    g,
    h as i,
)
from util import j
from util import k
if X:
    from .util import l
    from .util import m
"""


@pytest.mark.parametrize(
    ("name", "is_package", "plain"), [("pkg.sub.m", False, {"pkg.sub.util", "pkg.top"}), ("pkg.sub", True, {"pkg.sub.util", "pkg.top"})]
)
def test_imports_from_one_module_are_one_statement_and_all_else_stays_in_its_line(name: str, is_package: bool, plain: set[str]) -> None:
    tree = ast.parse(IMPORTS)
    merged(tree, name, is_package, plain | {"typing"})
    assert [(node.lineno, ast.unparse(node)) for node in tree.body[:-1]] == [
        (1, "from __future__ import annotations"),
        (2, "from typing import Any, Callable as C"),
        (4, "from . import exc"),
        (5, "from . import util"),
        (6, "from .util import a, b"),
        (8, "from .orm import c"),
        (9, "from .orm import d"),
        (10, "X = a"),
        (11, "from .util import e"),
        (12, "from ..top import f, g, h as i"),
        (17, "from util import j"),
        (18, "from util import k"),
    ]
    assert ast.dump(tree.body[-1], include_attributes=True) == ast.dump(ast.parse(IMPORTS).body[-1], include_attributes=True)


MODULE = """\
from __future__ import annotations
class Base: pass
class one(Base):
    def same(self, other: one) -> bool:
        return isinstance(other, one)
_one_func: Alias = one
class two(one): pass
def use(): return NEEDED
"""


def test_statements_are_taken_out_of_a_module_and_keep_their_lines() -> None:
    tree = ast.parse(MODULE.replace("NEEDED", "Base"))
    codes = taken(tree, ["one", "two", "_one_func"], "m.py")
    assert [(node.lineno, ast.unparse(node).split("\n")[0]) for node in tree.body] == [
        (1, "from __future__ import annotations"),
        (2, "class Base:"),
        (6, "_one_func: Alias"),
        (8, "def use():"),
    ]
    namespace: dict[str, Any] = {"__name__": "m"}
    for each in (compile(tree, "m.py", "exec"), *(marshal.loads(codes[name]) for name in ("one", "_one_func", "two"))):  # noqa: S302
        exec(each, namespace)  # noqa: S102
    assert namespace["_one_func"].same.__annotations__ == {"other": "one", "return": "bool"}
    assert namespace["_one_func"].same.__code__.co_firstlineno == 4
    assert namespace["two"]().same(namespace["two"]())
    assert namespace["__annotations__"] == {"_one_func": "Alias"}


@pytest.mark.parametrize(
    ("names", "needed", "message"),
    [
        (["one", "three"], "Base", "m.py does not bind three"),
        (["two"], "two", "m.py needs two in other code: it can't be made later"),
        (["one", "_one_func"], "Base", "m.py needs one in other code: it can't be made later"),
    ],
)
def test_a_statement_that_is_not_there_or_is_needed_at_once_fails_the_build(names: list[str], needed: str, message: str) -> None:
    with pytest.raises(SystemExit, match=message):
        taken(ast.parse(MODULE.replace("NEEDED", needed)), names, "m.py")


def test_all_transforms_apply_to_the_versions_of_the_layer() -> None:
    if any(version(name) != pins()[name] for name in ("sqlalchemy", "mysql-connector-python", "typing-extensions")):
        pytest.skip("this environment has other versions than the layer")
    files = dict(package.files())
    for name in ("sqlalchemy", "mysql-connector-python", "typing-extensions"):
        for file in distribution(name).files or ():
            if file.suffix == ".py":
                files[str(file)] = Path(str(file.locate())).read_bytes()
    changed = apply(files, TRANSFORMS)
    assert set(changed) == {edit.file for transform in TRANSFORMS for edit in transform.edits}
    for path, data in (changed | apply(files, HOOKS)).items():
        compile(data, path, "exec")
        assert data.count(b"\n") == files[path].count(b"\n")
