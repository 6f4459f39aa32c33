"""How this process imported SQLAlchemy: from a layer's archives, or from files."""

from __future__ import annotations

import os
import sys
from typing import Any, NamedTuple


class Imports(NamedTuple):
    """The way of the imports.

    way: "archives": the layer's archives, with the build's changes. "plain": the same without changes to the code,
    as RDSPOOL_IMPORTS=plain asks for (most docstrings are left out there too).
    "files": ordinary files, such as those of pip, or a SQLAlchemy of the function's own. sqlalchemy: the folder that it came from.
    archives: the folder of the archives, None where there are none for this Python.
    """

    way: str
    sqlalchemy: str | None
    archives: str | None

    def __str__(self) -> str:
        return f"{self.way}: SQLAlchemy from {self.sqlalchemy}" + (f", archives in {self.archives}" if self.archives else "")


def imports() -> Imports:
    """Return how this process imported SQLAlchemy."""
    finder: Any = getattr(sys.modules.get("rdspool_imports"), "installed", None)
    sqlalchemy = sys.modules.get("sqlalchemy")
    folder = os.path.dirname(sqlalchemy.__file__) if sqlalchemy is not None and sqlalchemy.__file__ else None
    if finder is None or folder != os.path.join(finder.root, "sqlalchemy"):
        return Imports("files", folder, None if finder is None else finder.folder)
    return Imports("plain" if finder.plain else "archives", folder, finder.folder)
