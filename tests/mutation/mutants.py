"""The mutants of a module: where each lies, and its source."""

from __future__ import annotations

import ast
import difflib
from dataclasses import dataclass
from pathlib import Path

from cosmic_ray import plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.ast.ast_query import ASTQuery
from cosmic_ray.mutating import mutate_code

from tests.mutation import operators

PACKAGE = Path("python/rdspool")
LEFT_OUT = {"engine_options.py": "types only: nothing imports it at run time"}
"""Modules without mutants, and why. `_aws/roots` holds data."""


@dataclass(frozen=True)
class Mutant:
    """One break of one place of a module."""

    module: str
    """Path below python/rdspool."""
    operator: str
    occurrence: int
    line: int
    last_line: int
    definition: str

    def source(self, code: str) -> str:
        """Return the module's source with the break in it."""
        mutated = mutate_code(code, plugins.get_operator(self.operator)(), self.occurrence)
        assert mutated not in (None, code), self
        return mutated


def modules(names: list[str]) -> list[str]:
    """Return the modules of these names (none: all), as paths below python/rdspool."""
    found = sorted(str(file.relative_to(PACKAGE)) for file in PACKAGE.rglob("*.py") if file.name not in LEFT_OUT)
    wanted = [name.removeprefix(f"{PACKAGE}/") for name in names]
    unknown = set(wanted) - set(found)
    if unknown:
        raise SystemExit(f"tests/mutation: no module {min(unknown)!r} below {PACKAGE}")
    return wanted or found


def mutants(module: str) -> list[Mutant]:
    """Return all mutants of a module."""
    code = (PACKAGE / module).read_text()
    never_run = list(_never_run(ast.parse(code)))
    nodes = list(ast_nodes(get_ast(code)))
    made = []
    for name in operators.USED:
        operator = plugins.get_operator(name)()
        positions = ((node, *position) for node in nodes for position in operator.mutation_positions(node))
        # cosmic-ray takes the star of a signature for a product.
        for occurrence, (node, start, end) in enumerate(positions):
            in_signature = node.type == "operator" and node.parent.type == "parameters"
            if not in_signature and not any(first <= start and end <= last for first, last in never_run):
                made.append(Mutant(module, name, occurrence, start[0], end[0], ASTQuery(node).get_definition_name() or ""))
    return sorted(made, key=lambda mutant: (mutant.line, mutant.operator, mutant.occurrence))


def _never_run(tree):
    """Yield the places of what does not run: annotations, and imports for type checkers."""
    for node in ast.walk(tree):
        for part in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if isinstance(part, ast.expr):
                yield (part.lineno, part.col_offset), (part.end_lineno, part.end_col_offset)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            yield (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)


def difference(code: str, mutated: str) -> tuple[str, str]:
    """Return the lines that a mutant changes, as they were and as they are."""
    lines = list(difflib.ndiff(code.splitlines(), mutated.splitlines()))
    return tuple("\n".join(line[2:].strip() for line in lines if line.startswith(sign)) for sign in ("- ", "+ "))
