"""Check that a zip has exactly the files that the locked wheels, this tree and the layer's Python give, byte by byte."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from .. import documents
from ..building import assemble, bytecode, extension, interpreter, package
from ..building.imports import archives
from ..errors import LayerError
from ..matrix import Target
from .finding import ROOT, SIGNER_FILE, Contents, Finding

_CHECK = "listed"
_OWN = tuple(f"{ROOT}{name}/" for name in package.PACKAGES)


def listed(contents: Contents, place: Path, given: Path | None = None) -> Iterator[Finding]:
    """Make the files of the layer again and compare. What can't be compared, for lack of wheels or of the layer's Python, is a note.

    `place` is the cache of the wheels. `given` is the CPython that compiles; without it, that of this machine. Raise LayerError when it is
    not of the layer's version.
    """
    target, files = contents.target, contents.files
    python = given or interpreter.present(target.python)
    compiler = bytecode.identify(python, target.python) if python else None
    if compiler is None:
        yield Finding(_CHECK, "bytecode", f"was not compared: this machine has no Python {target.python}", note=True)
    allowed: set[str] = {SIGNER_FILE, f"{SIGNER_FILE.partition('/')[0]}/"} if contents.signed else set()
    try:
        made = _made(target, compiler, place)
    except LayerError as error:
        yield Finding(_CHECK, contents.path.name, f"was compared with this tree only, not with its wheels: {error}", note=True)
        allowed |= {path for path in files if not path.startswith(_OWN)} | {ROOT + extension.PATH}
        allowed |= {ROOT + path for path in archives.paths(_tag(target))}
        try:
            made = _of_tree(contents, compiler)
        except LayerError as reason:
            yield Finding(_CHECK, contents.path.name, f"has sources that can't be compiled: {reason}")
            return
    compiled = _compiled(target, [*made, *files])
    for path in sorted(files.keys() - made.keys() - allowed - (set() if compiler else compiled)):
        yield Finding(_CHECK, path, "is not in the layer that this tree builds")
    for path in sorted(made.keys() - files.keys()):
        yield Finding(_CHECK, path, "is missing: the layer that this tree builds has it")
    for path in sorted(path for path in made.keys() & files.keys() if made[path] != files[path]):
        other = _other_code(contents, compiler.version) if compiler and path in compiled else "has other bytes than this tree builds"
        yield Finding(_CHECK, path, other)


@cache
def _made(target: Target, compiler: bytecode.Interpreter | None, place: Path) -> dict[str, bytes]:
    found, tools = assemble.fetch(target, place, lambda _: None)
    return assemble.make(target, compiler, found, tools, place, lambda _: None)


def _of_tree(contents: Contents, compiler: bytecode.Interpreter | None) -> dict[str, bytes]:
    """Return what can be made without wheels: this tree's files, and the bytecode files of the zip from the sources in the zip."""
    inside = contents.inside
    made = package.files()
    if compiler:
        sources = {path: data for path, data in (inside | made).items() if path.endswith(".py")}
        compiled = bytecode.compile_all(compiler, sources | archives.hooked(sources))
        made |= {path: data for path, data in compiled.items() if path in inside}
    return {ROOT + path: data for path, data in made.items()}


def _compiled(target: Target, files: Iterable[str]) -> set[str]:
    """Return the paths of the code that the layer's Python makes of these files."""
    sources = (path.removeprefix(ROOT) for path in files if path.endswith(".py"))
    return {ROOT + path for path in (*archives.paths(_tag(target)), *(bytecode.bytecode_path(path, _tag(target)) for path in sources))}


def _tag(target: Target) -> str:
    return f"cpython-{target.python.replace('.', '')}"


def _other_code(contents: Contents, version: str) -> str:
    message, ours = "has other code than {} makes of the sources", f"CPython {version}"
    manifest = contents.path.with_suffix(".json")
    try:
        theirs = documents.read(manifest).text("bytecode", "interpreter")
    except (FileNotFoundError, LayerError):
        theirs = ours
    more = (
        "" if theirs == ours else f". {manifest.name} names {theirs}: compare with it, by --interpreter or, for that of an image, by --base"
    )
    return message.format(ours) + more
