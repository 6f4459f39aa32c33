"""The house of python/rdspool: who imports whom, and what of mysql-connector-python is used."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "python" / "rdspool"
MODULES = {
    ".".join(("rdspool", *file.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): file
    for file in PACKAGE.rglob("*.py")
}
CONNECTORS_PUBLIC = {
    "mysql.connector",
    "mysql.connector.constants",
    "mysql.connector.dbapi",
    "mysql.connector.errors",
    "mysql.connector.version",
}
LONGEST = 330
"""Lines of a module."""


def imports(module):
    """Yield the full name of everything that a module imports, also for type checkers only, and within functions."""
    file = MODULES[module]
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
            origin = ".".join(part for part in (base, node.module) if part)
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def modules_imported(module):
    """Return the modules of rdspool that a module imports."""
    for name in imports(module):
        found = name if name in MODULES else name.rpartition(".")[0]
        # The package's own __init__ is above all: `from . import tls` names the module.
        if found in MODULES and found != module and not (found == "rdspool" and name != "rdspool"):
            yield found


def test_no_module_imports_itself_by_way_of_others():
    graph = {module: set(modules_imported(module)) for module in MODULES}
    done, way = set(), []

    def visit(module):
        assert module not in way, " -> ".join([*way[way.index(module) :], module])
        if module in done:
            return
        way.append(module)
        for other in graph[module]:
            visit(other)
        way.pop()
        done.add(module)

    for module in graph:
        visit(module)
    assert len(done) > 30


@pytest.mark.parametrize(
    ("package", "allowed"),
    [
        ("_driver", {"rdspool._bounded_calls", "rdspool._driver", "rdspool.deadlines", "rdspool.errors", "rdspool.secret"}),
        ("_settings", {"rdspool._settings", "rdspool.errors", "rdspool.secret", "rdspool._aws.endpoints", "rdspool._driver.packets"}),
        ("_lambda", {"rdspool._lambda", "rdspool.deadlines", "rdspool.version"}),
    ],
)
def test_a_private_package_knows_only_what_lies_below_it(package, allowed):
    inside = [module for module in MODULES if module.startswith(f"rdspool.{package}")]
    assert inside
    for module in inside:
        others = {name for name in modules_imported(module) if not any(name == one or name.startswith(f"{one}.") for one in allowed)}
        assert not others, module


def test_only_public_names_of_the_connector_are_used():
    used = {name for module in MODULES for name in imports(module) if name.startswith(("mysql", "_mysql"))}
    assert used
    for name in used:
        origin, _, attribute = name.rpartition(".")
        assert name in CONNECTORS_PUBLIC or origin in CONNECTORS_PUBLIC, name
        assert not attribute.startswith("_"), name
    text = "".join(file.read_text() for file in MODULES.values())
    for name in ("MySQLConnection", "MySQLCursor", "MySQLConverter", "MySQLProtocol", "MySQLTCPSocket"):
        assert name not in text


@pytest.mark.parametrize("module", sorted(MODULES))
def test_no_module_is_a_place_for_everything(module):
    assert len(MODULES[module].read_text().splitlines()) <= LONGEST


@pytest.mark.parametrize("module", sorted(MODULES))
def test_each_module_says_what_lives_there(module):
    assert ast.get_docstring(ast.parse(MODULES[module].read_text()))
