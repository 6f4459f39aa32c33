"""The finder and the loader of modules in archives."""

from __future__ import annotations

import gc
import marshal
import os
import sys
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType

TYPE_CHECKING = False  # typing takes 3 ms to import
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    Codes = dict[str, tuple[str, CodeType, bool]]

BASE, ORM, EXTENSIONS = "base", "orm", "typing_extensions"
ARCHIVES = {"rdspool": BASE, "rdspool_imports": BASE, "sqlalchemy": BASE, "mysql": BASE, EXTENSIONS: EXTENSIONS}
"""The archive of each package. Python itself finds the packages, and the archives have the modules in them; typing_extensions is a module."""


class Loader(SourceFileLoader):
    """Loads a module of which an archive has the code. All else, such as its source and its resources, comes from its file."""

    def __init__(self, name: str, path: str, codes: Codes, finder: Finder) -> None:
        super().__init__(name, path)
        self._codes = codes
        self._finder = finder

    def get_code(self, fullname: str) -> CodeType | None:
        """Return the module's code: the first time from the archive, which does not keep it, then from the file."""
        found = self._codes.pop(fullname, None)
        if found is None:
            return super().get_code(fullname)
        return moved(found[1], self.path)

    def exec_module(self, module: ModuleType) -> None:
        """Execute the module, without collections of garbage: what an import makes lives as long as the process.

        So the collector never looks at it afterwards either.
        """
        made = self._finder.made
        lender = made if made and made.lend() else None
        enabled = gc.isenabled()
        gc.disable()
        try:
            super().exec_module(module)
        finally:
            if lender:
                lender.take_back()
            if enabled:
                gc.freeze()
                gc.enable()


class Finder:
    """Finds the modules of archives, where their package was imported from the folder that the archives belong to.

    plain: leave modules that the build has changed to Python's own finders. made: what modules make from texts, once an archive was read.
    """

    def __init__(self, folder: str, plain: bool) -> None:
        self.folder = folder
        self.root = os.path.dirname(folder)
        self.plain = plain
        self.made: ModuleType | None = None
        self._archives: dict[str, Codes] = {}
        self._paths = {name: [f"{self.root}/{name}"] for name in ARCHIVES}

    def find_spec(self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return the spec of a module in an archive. None: Python's own finders look for it."""
        archive = ARCHIVES.get(fullname.partition(".")[0])
        if archive is None:
            return None
        parent = fullname.rpartition(".")[0]
        # A package that came from elsewhere, or whose path others have changed, is not the archive's.
        if (self._paths.get(parent) != path) if parent else (archive != EXTENSIONS or self._comes_before(fullname)):
            return None
        if fullname.startswith("sqlalchemy.orm"):
            archive = ORM
        codes = self._archives.get(archive)
        if codes is None:  # an empty one was read, and each of its modules loaded
            codes = self._read(archive)
        found = codes.get(fullname)
        if found is None:
            return None
        file = f"{self.root}/{found[0]}"
        locations = [file[:-12]] if file.endswith("/__init__.py") else None
        if locations:
            self._paths[fullname] = locations
        if self.plain and found[2]:
            return None
        spec = ModuleSpec(fullname, Loader(fullname, file, codes, self), origin=file)
        spec.has_location = True
        spec.submodule_search_locations = locations
        return spec

    def _comes_before(self, name: str) -> bool:
        """Return whether sys.path leads to another module of this name first, such as one of the function's own."""
        if self.root not in sys.path:
            return True
        return PathFinder.find_spec(name, sys.path[: sys.path.index(self.root)]) is not None

    def _read(self, archive: str) -> Codes:
        with open(f"{self.folder}/{archive}.{sys.implementation.cache_tag}", "rb", 0) as file:
            codes: Codes
            codes, texts, functions, evaluated, later, magic, expressions = marshal.loads(file.read())  # noqa: S302  the layer's own
        self._archives[archive] = codes
        if not self.plain:
            from . import made

            made.texts |= texts
            made.codes |= functions
            made.evaluated |= evaluated
            made.later |= later
            if magic == made.MAGIC:
                made.expressions |= expressions
            self.made = made
        return codes


def moved(code: CodeType, path: str) -> CodeType:
    """Return the code as compiled from the file `path`, where the layer lies elsewhere than at /opt/python."""
    if code.co_filename == path:
        return code
    constants = tuple(moved(each, path) if isinstance(each, CodeType) else each for each in code.co_consts)
    return code.replace(co_filename=path, co_consts=constants)
