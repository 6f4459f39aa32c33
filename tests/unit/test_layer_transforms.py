"""The transforms: each finds the text that it expects, once, and keeps the number of lines."""

from __future__ import annotations

from importlib.metadata import distribution, version
from pathlib import Path

import pytest

from layer import package
from layer.errors import LayerError
from layer.imports.transform import Edit, Transform, apply, functions, module
from layer.imports.transforms import HOOKS, TRANSFORMS
from layer.wheels import pins

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


def test_the_names_and_reasons_are_there_and_each_saves_two_milliseconds() -> None:
    assert len({transform.name for transform in TRANSFORMS}) == len(TRANSFORMS)
    for transform in TRANSFORMS:
        assert transform.why.endswith(".")
        assert transform.saves >= 2


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
