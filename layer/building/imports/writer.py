"""Write archives. The target's interpreter runs this script, which imports nothing of layer/.

stdin, pickled: by name of a transform.Step, whether to do it; by path, the names that a module binds when they are asked for; and a dict, by archive: the modules as [(name, path in the layer, path in
tracebacks, source, whether it was changed)], the functions of SQLAlchemy's decorators, the texts that typing and collections compile, and
the regular expressions. stdout: a pickled dict of the archives. rdspool_imports.finder reads them.
"""

import __future__

import _sre  # type: ignore[import-not-found]
import ast
import dis
import marshal
import pickle
import re._compiler  # type: ignore[import-not-found]  # without a stub
import sys
from collections.abc import Collection
from types import CodeType, SimpleNamespace
from typing import Any


def code(source: bytes | str | ast.Module, file: str, mode: str = "exec", annotations: bool = False) -> CodeType:
    """Return compiled code. annotations: they are texts, as after `from __future__ import annotations`."""
    flags = __future__.annotations.compiler_flag if annotations else 0
    made: CodeType = compile(source, file, mode, flags, dont_inherit=True, optimize=0)
    return made


def undocumented(tree: ast.Module) -> None:
    """Remove the docstrings. All else stays in its line."""
    for node in ast.walk(tree):
        if (
            isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
            and ast.get_docstring(node, clean=False) is not None
        ):
            node.body.pop(0)
            if not node.body and not isinstance(node, ast.Module):
                node.body.append(ast.copy_location(ast.Pass(), node))


def merged(tree: ast.Module, name: str, is_package: bool, plain: Collection[str]) -> None:
    """Make one statement of those that import names of the same module one after the other. `name` is that of `tree`'s module.

    Only of the modules `plain`. What is imported from a package may be a module, whose errors show the line of its own statement.
    """
    parents = name.split(".") if is_package else name.split(".")[:-1]
    body: list[ast.stmt] = []
    for node in tree.body:
        last = body[-1] if body else None
        if isinstance(node, ast.ImportFrom):
            above = parents[: len(parents) + 1 - node.level] if node.level else []
            same = isinstance(last, ast.ImportFrom) and (last.module, last.level) == (node.module, node.level)
            if isinstance(last, ast.ImportFrom) and same and ".".join([*above, node.module or ""]) in plain:
                last.names += node.names
                continue
        body.append(node)
    tree.body = body


def taken(tree: ast.Module, names: Collection[str], file: str) -> dict[str, bytes]:
    """Take the statements that bind `names` out of the module, and return the marshalled code of each, by the name that it binds.

    A variable keeps its annotation. Raise SystemExit when a statement is not there, or other code of the module needs the name at once.
    """
    statements: dict[str, ast.stmt] = {}
    body: list[ast.stmt] = []
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name in names:
            statements[node.name] = node
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id in names and node.value:
            assign = ast.Assign([node.target], node.value)
            statements[node.target.id] = ast.copy_location(assign, node)
            body.append(ast.copy_location(ast.AnnAssign(node.target, node.annotation, None, node.simple), node))
        else:
            body.append(node)
    if missing := set(names) - set(statements):
        raise SystemExit(f"{file} does not bind {', '.join(sorted(missing))}")
    tree.body = body
    codes = {name: code(ast.Module([node], []), file, annotations=True) for name, node in statements.items()}
    for name, each in (("", code(tree, file)), *codes.items()):
        if needed := set(names) & _globals(each, within=bool(name)) - {name}:
            raise SystemExit(f"{file} needs {', '.join(sorted(needed))} in {name or 'other code'}: it can't be made later")
    return {name: marshal.dumps(each) for name, each in codes.items()}


def _globals(found: CodeType, within: bool) -> set[str]:
    """Return the global names that the code asks for; with `within`, only code in it, because what itself asks for is there before."""
    names = (
        {str(each.argval) for each in dis.get_instructions(found) if each.opname in ("LOAD_GLOBAL", "LOAD_NAME")} if not within else set()
    )
    return names.union(*(_globals(each, within=False) for each in found.co_consts if isinstance(each, CodeType)))


def expression(pattern: Any, flags: int) -> tuple[Any, ...]:
    """Return what re.compile(pattern, flags) gives to _sre.compile."""
    given: list[tuple[Any, ...]] = []
    re._compiler._sre = SimpleNamespace(**{**vars(_sre), "compile": lambda *arguments: given.append(arguments)})
    re._compiler.compile(pattern, flags)
    text, all_flags, code, *groups = given[0]
    return text, int(all_flags), [int(each) for each in code], *groups


def archives(steps: dict[str, bool], later: dict[str, Collection[str]], contents: dict[str, Any]) -> dict[str, bytes]:
    """Return the archives by name. See above for the arguments."""
    plain = {"typing"} | {name for modules, *_ in contents.values() for name, path, *_ in modules if not path.endswith("/__init__.py")}

    def module_code(name: str, path: str, shown: str, source: bytes) -> object:
        tree = ast.parse(source)
        if steps["NO_DOCSTRINGS"]:
            undocumented(tree)
        if steps["MERGED_IMPORTS"]:
            merged(tree, name, path.endswith("/__init__.py"), plain)
        if path in later:
            statements[name] = taken(tree, later[path], shown)
        return code(tree, shown)

    written = {}
    for archive, (modules, texts, functions, evaluated, expressions) in contents.items():
        statements: dict[str, dict[str, bytes]] = {}
        codes = {name: (path, module_code(name, path, shown, source), changed) for name, path, shown, source, changed in modules}
        compiled = {(text, file): code(text, file) for text, file in functions}
        values = {text: code(text, "<string>", "eval") for text in evaluated} if steps["EVALUATED"] else {}
        numbers = {each: expression(*each) for each in expressions}
        written[archive] = marshal.dumps((codes, texts, compiled, values, statements, _sre.MAGIC, numbers))
    return written


if __name__ == "__main__":
    sys.stdout.buffer.write(pickle.dumps(archives(*pickle.load(sys.stdin.buffer))))  # noqa: S301  from layer/building/imports/archives.py
