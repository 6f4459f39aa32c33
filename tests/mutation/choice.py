"""Which tests are run for a mutant: those that run its lines, as a run without a mutant has shown."""

from __future__ import annotations

import ast
import tomllib
from collections import defaultdict
from pathlib import Path

from tests.mutation.mutants import PACKAGE, Mutant

BEYOND = tomllib.loads((Path(__file__).parent / "beyond.toml").read_text())
"""Per module, files of tests that run it in a process of its own, where coverage does not look."""
FIRST = 0.5
"""Seconds of tests that are run at first. Only a mutant that survives them costs the imports of all others' files."""


class Choice:
    """Chooses the tests of each mutant."""

    def __init__(self, watched: dict) -> None:
        """Take what the plugin `watch` has seen."""
        self.seconds = watched["seconds"]
        self._lines = {module: {int(line): set(tests) for line, tests in lines.items()} for module, lines in watched["lines"].items()}
        self._trees = {str(file.relative_to(PACKAGE)): ast.parse(file.read_text()) for file in PACKAGE.rglob("*.py")}
        self._readers = self._places_by_name()

    def tests(self, mutant: Mutant) -> list[list[str]]:
        """Return the tests in one or two groups, the quickest first; no group where none is known."""
        chosen = self._of(mutant)
        beyond = BEYOND.get(mutant.module, [])
        chosen |= {test for test in self.seconds if test.partition("::")[0] in beyond}
        ordered = sorted(chosen, key=lambda test: (self.seconds[test], test))
        by_file = defaultdict(list)
        for test in ordered:
            by_file[test.partition("::")[0]].append(test)
        first, spent = [], 0.0
        for tests in sorted(by_file.values(), key=len, reverse=True)[:2]:
            for test in tests:
                if spent < FIRST:
                    first.append(test)
                    spent += self.seconds[test]
        taken = set(first)
        return [group for group in (first, [test for test in ordered if test not in taken]) if group]

    def _of(self, mutant: Mutant) -> set[str]:
        lines = self._lines.get(mutant.module, {})
        chosen = set().union(*(lines.get(line, ()) for line in range(mutant.line, mutant.last_line + 1)))
        return chosen or self._of_what_runs_at_import(mutant)

    def _of_what_runs_at_import(self, mutant: Mutant) -> set[str]:
        """Return the tests that run a line that names what the mutant's statement makes, or the body of what it begins."""
        tree = self._trees[mutant.module]
        statement = _innermost(tree, mutant.line)
        lines = self._lines.get(mutant.module, {})
        within = {test for line, tests in lines.items() if statement.lineno <= line <= statement.end_lineno for test in tests}
        names = _made_by(statement)
        for _ in range(3):  # constants that other constants are made of
            names |= {
                name
                for other in self._trees.values()
                for node in other.body
                if _made_by(node) and names & _read_in(node)
                for name in _made_by(node)
            }
        named = set().union(*(self._lines.get(module, {}).get(line, ()) for name in names for module, line in self._readers[name]))
        return within | named or {test for tests in lines.values() for test in tests}

    def _places_by_name(self):
        found = defaultdict(set)
        for module, tree in self._trees.items():
            for node in ast.walk(tree):
                name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else None
                if name is not None:
                    found[name].add((module, node.lineno))
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    body = {(module, line) for line in range(node.body[0].lineno, node.end_lineno + 1)}
                    for default in filter(None, (*node.args.defaults, *node.args.kw_defaults)):
                        for part in ast.walk(default):
                            if isinstance(part, (ast.Name, ast.Attribute)):
                                found[part.id if isinstance(part, ast.Name) else part.attr] |= body
        return found


def _innermost(tree, line):
    """Return the smallest statement of a module or of a class that a line lies in."""
    found, nodes = tree.body[0], tree.body
    while nodes:
        inner = [
            node
            for node in nodes
            if min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))]) <= line <= node.end_lineno
        ]
        if not inner:
            break
        found = inner[0]
        nodes = found.body if isinstance(found, ast.ClassDef) else []
    return found


def _made_by(statement):
    """Return the names that an assignment, a function or a class gives a meaning."""
    if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
        return {statement.name}
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target] if isinstance(statement, ast.AnnAssign) else []
    return {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}


def _read_in(statement):
    return (
        {
            node.id if isinstance(node, ast.Name) else node.attr
            for node in ast.walk(statement)
            if isinstance(node, (ast.Name, ast.Attribute))
        }
        if isinstance(statement, (ast.Assign, ast.AnnAssign))
        else set()
    )
