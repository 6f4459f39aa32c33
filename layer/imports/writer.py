"""Write archives. The target's interpreter runs this script, which imports nothing of layer/.

stdin, pickled: whether to leave out docstrings, and a dict, by archive: the modules as [(name, path in the layer, path in tracebacks, source,
whether it was changed)], the functions of SQLAlchemy's decorators, and the regular expressions. stdout: a pickled dict of the archives. rdspool_imports.finder reads them.
"""

import _sre  # type: ignore[import-not-found]
import ast
import marshal
import pickle
import re._compiler  # type: ignore[import-not-found]  # without a stub
import sys
from types import SimpleNamespace
from typing import Any


def code(source: bytes | str | ast.Module, file: str) -> object:
    return compile(source, file, "exec", dont_inherit=True, optimize=0)


def undocumented(source: bytes | str) -> ast.Module:
    """Return the module without docstrings, in the same lines."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if (
            isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
            and ast.get_docstring(node, clean=False) is not None
        ):
            node.body.pop(0)
            if not node.body and not isinstance(node, ast.Module):
                node.body.append(ast.copy_location(ast.Pass(), node))
    return tree


def expression(pattern: Any, flags: int) -> tuple[Any, ...]:
    """Return what re.compile(pattern, flags) gives to _sre.compile."""
    given: list[tuple[Any, ...]] = []
    re._compiler._sre = SimpleNamespace(**{**vars(_sre), "compile": lambda *arguments: given.append(arguments)})
    re._compiler.compile(pattern, flags)
    text, all_flags, code, *groups = given[0]
    return text, int(all_flags), [int(each) for each in code], *groups


archives = {}
without_docstrings, contents = pickle.load(sys.stdin.buffer)  # noqa: S301  from layer/imports/archives.py
for name, (modules, texts, functions, expressions) in contents.items():
    codes = {
        module: (path, code(undocumented(source) if without_docstrings else source, shown), changed)
        for module, path, shown, source, changed in modules
    }
    compiled = {(text, file): code(text, file) for text, file in functions}
    archives[name] = marshal.dumps((codes, texts, compiled, _sre.MAGIC, {each: expression(*each) for each in expressions}))
sys.stdout.buffer.write(pickle.dumps(archives))
