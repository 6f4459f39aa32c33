"""Write archives. The target's interpreter runs this script, which imports nothing of layer/.

stdin, pickled: by name of a transform.Step, whether to do it, and a dict, by archive: the modules as [(name, path in the layer, path in
tracebacks, source, whether it was changed)], the functions of SQLAlchemy's decorators, the texts that typing and collections compile, and
the regular expressions. stdout: a pickled dict of the archives. rdspool_imports.finder reads them.
"""

import _sre  # type: ignore[import-not-found]
import ast
import marshal
import pickle
import re._compiler  # type: ignore[import-not-found]  # without a stub
import sys
from collections.abc import Collection
from types import SimpleNamespace
from typing import Any


def code(source: bytes | str | ast.Module, file: str, mode: str = "exec") -> object:
    return compile(source, file, mode, dont_inherit=True, optimize=0)


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


def expression(pattern: Any, flags: int) -> tuple[Any, ...]:
    """Return what re.compile(pattern, flags) gives to _sre.compile."""
    given: list[tuple[Any, ...]] = []
    re._compiler._sre = SimpleNamespace(**{**vars(_sre), "compile": lambda *arguments: given.append(arguments)})
    re._compiler.compile(pattern, flags)
    text, all_flags, code, *groups = given[0]
    return text, int(all_flags), [int(each) for each in code], *groups


def archives(steps: dict[str, bool], contents: dict[str, Any]) -> dict[str, bytes]:
    """Return the archives by name. See above for the arguments."""
    plain = {"typing"} | {name for modules, *_ in contents.values() for name, path, *_ in modules if not path.endswith("/__init__.py")}

    def module_code(name: str, path: str, shown: str, source: bytes) -> object:
        tree = ast.parse(source)
        if steps["NO_DOCSTRINGS"]:
            undocumented(tree)
        if steps["MERGED_IMPORTS"]:
            merged(tree, name, path.endswith("/__init__.py"), plain)
        return code(tree, shown)

    written = {}
    for archive, (modules, texts, functions, evaluated, expressions) in contents.items():
        codes = {name: (path, module_code(name, path, shown, source), changed) for name, path, shown, source, changed in modules}
        compiled = {(text, file): code(text, file) for text, file in functions}
        values = {text: code(text, "<string>", "eval") for text in evaluated} if steps["EVALUATED"] else {}
        numbers = {each: expression(*each) for each in expressions}
        written[archive] = marshal.dumps((codes, texts, compiled, values, _sre.MAGIC, numbers))
    return written


if __name__ == "__main__":
    sys.stdout.buffer.write(pickle.dumps(archives(*pickle.load(sys.stdin.buffer))))  # noqa: S301  from layer/building/imports/archives.py
