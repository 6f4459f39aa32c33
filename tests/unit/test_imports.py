"""One import style: a package imports its own modules relatively, and everything else absolutely. ruff sorts the imports."""

import ast

import pytest

from layer.matrix import PROJECT

PACKAGES = {
    "rdspool": PROJECT / "python" / "rdspool",
    **{name: PROJECT / name for name in ("layer", "local")},
    "tests.bench": PROJECT / "tests" / "bench",
}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_its_own_modules_relatively(package):
    files = list(PACKAGES[package].rglob("*.py"))
    assert len(files) > 10
    absolute = {
        f"{file.relative_to(PROJECT)}:{node.lineno}"
        for file in files
        for node in ast.walk(ast.parse(file.read_text()))
        for name in imported(node)
        if name == package or name.startswith(f"{package}.")
    }
    assert not absolute


def imported(node):
    """Return the names of the modules that a statement imports absolutely."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and not node.level else []
